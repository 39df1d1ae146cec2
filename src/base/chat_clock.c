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
