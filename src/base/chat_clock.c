/* SPDX-License-Identifier: Apache-2.0 */
/* The monotonic clock. Any thread. */
#include "chat_clock.h"

#include <time.h>

apr_int64_t chat_clock_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (apr_int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void chat_clock_sooner(apr_int64_t *due, apr_int64_t from,
                       apr_interval_time_t wait)
{
    if (wait > 0 && from + wait < *due)
        *due = from + wait;
}
