/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of a circuit breaker. Pure: clock, lock and log are those of its
 * users, src/upstream/, src/store/ and src/limit/.
 */
#include "chat_circuit.h"

#include <limits.h>

int chat_circuit_allow(chat_circuit_t *b, apr_int64_t now,
                       apr_interval_time_t cooldown, apr_interval_time_t *pwait,
                       chat_circuit_change_e *pchange)
{
    *pchange = CHAT_CIRCUIT_SAME;
    *pwait = 0;
    if (b->state == CHAT_CIRCUIT_CLOSED)
        return 1;
    if (now < b->until) {
        *pwait = b->until - now;
        return 0;
    }
    b->state = CHAT_CIRCUIT_HALF_OPEN;
    b->until = now + cooldown;
    *pchange = CHAT_CIRCUIT_PROBES;
    return 1;
}

chat_circuit_change_e chat_circuit_success(chat_circuit_t *b)
{
    int was = b->state;

    if (was == CHAT_CIRCUIT_OPEN)
        return CHAT_CIRCUIT_SAME;
    b->state = CHAT_CIRCUIT_CLOSED;
    b->failures = 0;
    return was == CHAT_CIRCUIT_HALF_OPEN ? CHAT_CIRCUIT_CLOSES
                                         : CHAT_CIRCUIT_SAME;
}

chat_circuit_change_e chat_circuit_failure(chat_circuit_t *b, apr_int64_t now,
                                           int most,
                                           apr_interval_time_t cooldown)
{
    int was = b->state;

    if (was == CHAT_CIRCUIT_OPEN)
        return CHAT_CIRCUIT_SAME;
    if (b->failures < INT_MAX)
        b->failures++;
    if (was == CHAT_CIRCUIT_CLOSED && (most <= 0 || b->failures < most))
        return CHAT_CIRCUIT_SAME;
    b->state = CHAT_CIRCUIT_OPEN;
    b->until = now + cooldown;
    return was == CHAT_CIRCUIT_HALF_OPEN ? CHAT_CIRCUIT_REOPENS
                                         : CHAT_CIRCUIT_OPENS;
}

void chat_circuit_unknown(chat_circuit_t *b, apr_int64_t now)
{
    if (b->state != CHAT_CIRCUIT_HALF_OPEN)
        return;
    b->state = CHAT_CIRCUIT_OPEN;
    b->until = now;
}
