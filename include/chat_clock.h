/* SPDX-License-Identifier: Apache-2.0 */
/* Time that nobody sets: for deadlines, windows and pauses. Pure, any thread.
 */
#ifndef CHAT_CLOCK_H
#define CHAT_CLOCK_H

#include <apr_time.h>

/* Microseconds of CLOCK_MONOTONIC. */
apr_int64_t chat_clock_now(void);

/* Have *due at from + wait if that is sooner; a wait of 0 is none. */
void chat_clock_sooner(apr_int64_t *due, apr_int64_t from,
                       apr_interval_time_t wait);

#endif
