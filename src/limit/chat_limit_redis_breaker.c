/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The breaker of Redis: when it has failed some times in a row no request waits
 * for it any more; after a pause one may probe it, and a success closes the
 * breaker for all. The pause doubles with each probe. One breaker for all
 * children of the server; any thread.
 *
 * While Redis is well nobody takes the lock: an engine reports each answer, and
 * must not wait for a child that was interrupted with the lock in its hands.
 */
#include "chat_limit_redis_int.h"

#include <http_main.h>

#include "chat_circuit.h"
#include "chat_crypto.h"
#include "chat_log.h"
#include "chat_metric.h"

#define FAILURES 3
#define FIRST_PAUSE (1000 * 1000)
#define LONGEST_PAUSE (10 * 1000 * 1000)

typedef struct breaker_t {
    chat_shared_lock_t lock;
    int troubled; /* atomic, written with the lock: the circuit is not as at the
                     start, closed and without failures */
    chat_circuit_t circuit;
    apr_int64_t pause; /* until the next probe, us */
    int met; /* atomic: since the start it has answered once, or it was
                said that it does not */
} breaker_t;

static breaker_t *breaker;

static int is_troubled(void)
{
    return __atomic_load_n(&breaker->troubled, __ATOMIC_RELAXED);
}

static void lock(void)
{
    chat_shared_lock(&breaker->lock);
}

static void unlock(void)
{
    const chat_circuit_t *circuit = &breaker->circuit;

    __atomic_store_n(&breaker->troubled,
                     circuit->state != CHAT_CIRCUIT_CLOSED || circuit->failures,
                     __ATOMIC_RELAXED);
    chat_shared_unlock(&breaker->lock);
}

/* A quarter more or less, so that servers do not all probe at once. */
static apr_int64_t jitter(apr_int64_t us)
{
    unsigned char random = 128;

    chat_crypto_random(&random, 1);
    return us * 3 / 4 + us / 2 * random / 255;
}

int chat_limit_redis_breaker_allow(void)
{
    chat_circuit_change_e change;
    apr_interval_time_t wait;
    apr_int64_t longer;
    int allowed;

    if (!is_troubled())
        return 1;
    lock();
    longer =
        2 * breaker->pause < LONGEST_PAUSE ? 2 * breaker->pause : LONGEST_PAUSE;
    allowed = chat_circuit_allow(&breaker->circuit, chat_clock_now(),
                                 jitter(longer), &wait, &change);
    if (change == CHAT_CIRCUIT_PROBES)
        breaker->pause = longer;
    unlock();
    return allowed;
}

/* 1 for the first who asks since the start. */
static int meets(void)
{
    return !__atomic_load_n(&breaker->met, __ATOMIC_RELAXED) &&
           !__atomic_exchange_n(&breaker->met, 1, __ATOMIC_RELAXED);
}

void chat_limit_redis_breaker_success(void)
{
    chat_circuit_change_e change;

    meets();
    if (!is_troubled())
        return;
    lock();
    /* Redis answers at this moment, whenever the command was sent: any reply
     * shows as much as that to a probe. */
    if (breaker->circuit.state == CHAT_CIRCUIT_OPEN)
        breaker->circuit.state = CHAT_CIRCUIT_HALF_OPEN;
    change = chat_circuit_success(&breaker->circuit);
    unlock();
    if (change != CHAT_CIRCUIT_CLOSES)
        return;
    chat_limit_redis_settler_wake();
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
                 CHATNO(1010) "Redis answers again");
}

void chat_limit_redis_breaker_failure(const char *why)
{
    chat_circuit_change_e change;

    chat_metric_add(CHAT_METRIC_REDIS_ERRORS, NULL, 1);
    if (meets())
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
            CHATNO(1019) "Redis has not counted since the start: %s: each "
                         "policy does as its fail= says",
            why);
    lock();
    if (breaker->circuit.state == CHAT_CIRCUIT_CLOSED)
        breaker->pause = FIRST_PAUSE;
    change = chat_circuit_failure(&breaker->circuit, chat_clock_now(), FAILURES,
                                  jitter(breaker->pause));
    unlock();
    if (change == CHAT_CIRCUIT_OPENS)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                     CHATNO(1011) "Redis is not asked for a while: %s", why);
}

/* After a restart Redis may be another one. */
apr_status_t chat_limit_redis_breaker_post_config(server_rec *s)
{
    static const chat_circuit_t closed;
    int made;

    breaker = chat_shared_retain(&made, "mod_chat_breaker_3", sizeof(*breaker));
    if (!breaker || (made && !chat_shared_lock_init(&breaker->lock))) {
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                     CHATNO(1015) "no shared memory for ChatRedis");
        return APR_ENOMEM;
    }
    lock();
    breaker->circuit = closed;
    breaker->met = 0;
    unlock();
    return APR_SUCCESS;
}
