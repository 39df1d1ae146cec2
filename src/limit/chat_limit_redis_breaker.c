/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The breaker: when Redis has failed some times in a row, nobody waits for it
 * any more; after a while one request may try, and its success closes the
 * breaker for all. One for all children of the server; any thread.
 */
#include "chat_limit_redis_int.h"

#include <http_main.h>

#include "chat_crypto.h"
#include "chat_log.h"

#define FAILURES 3
#define FIRST_PAUSE (1000 * 1000)
#define LONGEST_PAUSE (10 * 1000 * 1000)

typedef struct breaker_t {
    chat_shared_lock_t lock;
    int failures; /* in a row */
    int is_open;
    apr_int64_t pause;  /* this time, us */
    apr_int64_t try_at; /* monotonic us, when is_open */
} breaker_t;

static breaker_t *breaker;

/* A quarter more or less, so that servers do not all try at once. */
static apr_int64_t jitter(apr_int64_t us)
{
    unsigned char random = 128;

    chat_crypto_random(&random, 1);
    return us * 3 / 4 + us / 2 * random / 255;
}

/* This one tries, the others go on waiting, and longer each time. */
static void let_try(apr_int64_t now)
{
    apr_int64_t next = 2 * breaker->pause;

    breaker->pause = next < LONGEST_PAUSE ? next : LONGEST_PAUSE;
    breaker->try_at = now + jitter(breaker->pause);
}

int chat_redis_breaker_ready(void)
{
    apr_int64_t now = chat_clock_now();
    int ready;

    chat_shared_lock(&breaker->lock);
    ready = !breaker->is_open || now >= breaker->try_at;
    if (breaker->is_open && ready)
        let_try(now);
    chat_shared_unlock(&breaker->lock);
    return ready;
}

void chat_redis_breaker_good(void)
{
    int was_open;

    /* Mostly all is well, and then an engine need not wait for the lock. */
    if (!__atomic_load_n(&breaker->is_open, __ATOMIC_RELAXED) &&
        !__atomic_load_n(&breaker->failures, __ATOMIC_RELAXED))
        return;
    chat_shared_lock(&breaker->lock);
    was_open = breaker->is_open;
    __atomic_store_n(&breaker->is_open, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&breaker->failures, 0, __ATOMIC_RELAXED);
    chat_shared_unlock(&breaker->lock);
    if (!was_open)
        return;
    chat_redis_settler_wake();
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
                 CHATNO(1010) "Redis answers again");
}

/* In the lock. 1 when this failure opens it. Those that were on their way
 * then change nothing any more. */
static int note_failure(void)
{
    if (breaker->is_open ||
        __atomic_add_fetch(&breaker->failures, 1, __ATOMIC_RELAXED) < FAILURES)
        return 0;
    __atomic_store_n(&breaker->is_open, 1, __ATOMIC_RELAXED);
    breaker->pause = FIRST_PAUSE;
    breaker->try_at = chat_clock_now() + jitter(breaker->pause);
    return 1;
}

void chat_redis_breaker_bad(const char *why)
{
    int opens;

    chat_shared_lock(&breaker->lock);
    opens = note_failure();
    chat_shared_unlock(&breaker->lock);
    if (opens)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                     CHATNO(1011) "Redis is not asked for a while: %s", why);
}

/* After a restart Redis may be another one. */
apr_status_t chat_redis_breaker_post_config(server_rec *s)
{
    int made;

    breaker = chat_shared_retain(&made, "mod_chat_breaker_1", sizeof(*breaker));
    if (!breaker || (made && !chat_shared_lock_init(&breaker->lock))) {
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                     CHATNO(1015) "no shared memory for ChatRedis");
        return APR_ENOMEM;
    }
    chat_shared_lock(&breaker->lock);
    breaker->is_open = breaker->failures = 0;
    chat_shared_unlock(&breaker->lock);
    return APR_SUCCESS;
}
