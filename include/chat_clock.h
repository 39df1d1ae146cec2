/* SPDX-License-Identifier: Apache-2.0 */
/* Time that nobody sets: for deadlines, windows and pauses. Pure, any thread. */
#ifndef CHAT_CLOCK_H
#define CHAT_CLOCK_H

#include <apr.h>

/* Microseconds of CLOCK_MONOTONIC. */
apr_int64_t chat_clock_now(void);

#endif
