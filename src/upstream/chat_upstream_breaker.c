/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The breaker's steps. Pure: no clock, no lock, no log; chat_upstream.c has
 * those.
 */
#include "chat_upstream_breaker.h"

#include <limits.h>

int chat_upstream_breaker_may(chat_upstream_breaker_t *b, apr_int64_t now,
                              apr_interval_time_t cooldown,
                              apr_interval_time_t *pwait,
                              chat_breaker_change_e *pchange)
{
    *pchange = CHAT_BREAKER_SAME;
    *pwait = 0;
    if (b->state == CHAT_BREAKER_CLOSED)
        return 1;
    if (now < b->until) {
        *pwait = b->until - now;
        return 0;
    }
    b->state = CHAT_BREAKER_TRYING;
    b->until = now + cooldown;
    *pchange = CHAT_BREAKER_TRIES;
    return 1;
}

chat_breaker_change_e chat_upstream_breaker_fine(chat_upstream_breaker_t *b)
{
    int was = b->state;

    if (was == CHAT_BREAKER_OPEN)
        return CHAT_BREAKER_SAME;
    b->state = CHAT_BREAKER_CLOSED;
    b->failures = 0;
    return was == CHAT_BREAKER_TRYING ? CHAT_BREAKER_CLOSES : CHAT_BREAKER_SAME;
}

chat_breaker_change_e chat_upstream_breaker_failed(chat_upstream_breaker_t *b,
                                                   apr_int64_t now, int most,
                                                   apr_interval_time_t cooldown)
{
    int was = b->state;

    if (was == CHAT_BREAKER_OPEN)
        return CHAT_BREAKER_SAME;
    if (b->failures < INT_MAX)
        b->failures++;
    if (was == CHAT_BREAKER_CLOSED && (most <= 0 || b->failures < most))
        return CHAT_BREAKER_SAME;
    b->state = CHAT_BREAKER_OPEN;
    b->until = now + cooldown;
    return was == CHAT_BREAKER_TRYING ? CHAT_BREAKER_REOPENS
                                      : CHAT_BREAKER_OPENS;
}

void chat_upstream_breaker_unknown(chat_upstream_breaker_t *b, apr_int64_t now)
{
    if (b->state != CHAT_BREAKER_TRYING)
        return;
    b->state = CHAT_BREAKER_OPEN;
    b->until = now;
}
