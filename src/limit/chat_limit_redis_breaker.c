/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The breaker: when Redis has failed some times in a row, nobody waits for it
 * any more; after a while one request may try, and its success closes the
 * breaker for all. One per child, any thread.
 */
#include "chat_limit_redis_int.h"

#include <http_main.h>

#include <pthread.h>

#include "chat_crypto.h"
#include "chat_log.h"

#define FAILURES 3
#define FIRST_PAUSE (1000 * 1000)
#define LONGEST_PAUSE (30 * 1000 * 1000)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int failures; /* in a row */
static int is_open;
static apr_int64_t pause_us; /* this time */
static apr_int64_t try_at;   /* monotonic us, when is_open */

/* A quarter more or less, so that children do not all try at once. */
static apr_int64_t jitter(apr_int64_t us)
{
    unsigned char random = 128;

    chat_crypto_random(&random, 1);
    return us * 3 / 4 + us / 2 * random / 255;
}

int chat_redis_breaker_ready(void)
{
    apr_int64_t now = chat_limit_now();
    int ready;

    pthread_mutex_lock(&lock);
    ready = !is_open || now >= try_at;
    if (is_open && ready) /* this one tries, the others go on waiting */
        try_at = now + jitter(pause_us);
    pthread_mutex_unlock(&lock);
    return ready;
}

void chat_redis_breaker_good(void)
{
    int was_open;

    pthread_mutex_lock(&lock);
    was_open = is_open;
    is_open = failures = 0;
    pthread_mutex_unlock(&lock);
    if (was_open)
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
                     CHATNO(1010) "Redis answers again");
}

void chat_redis_breaker_bad(const char *why)
{
    int opens;

    pthread_mutex_lock(&lock);
    opens = !is_open && ++failures >= FAILURES;
    if (opens)
        pause_us = FIRST_PAUSE;
    else if (is_open && pause_us < LONGEST_PAUSE)
        pause_us = 2 * pause_us < LONGEST_PAUSE ? 2 * pause_us : LONGEST_PAUSE;
    if (opens || is_open)
        try_at = chat_limit_now() + jitter(pause_us);
    is_open |= opens;
    pthread_mutex_unlock(&lock);
    if (opens)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                     CHATNO(1011) "Redis is not asked for a while: %s", why);
}
