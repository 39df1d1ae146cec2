/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread of each child that settles what is owed to Redis, so that no request
 * waits for it, and that it is done when no request comes. It looks once a
 * second, five times while something is owed, and when it is woken. While Redis
 * is not asked at all it waits as everybody does, and its turn to try is also
 * the one that finds out that Redis is back.
 */
#include "chat_limit_redis_int.h"

#include <http_main.h>
#include <apr_strings.h>

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "chat_limit_text.h"
#include "chat_log.h"

#define LOOK_MS 1000
#define LOOK_OWED_MS 200
/* A child that stops waits for this thread. */
#define COMMAND_MAX ((apr_int64_t)1000000)

static pthread_t thread;
static int wake_fd = -1;
static int stopping;     /* atomic */
static apr_pool_t *pool; /* the thread's */

void chat_redis_settler_wake(void)
{
    uint64_t one = 1;

    if (wake_fd >= 0 && write(wake_fd, &one, sizeof(one)) < 0)
        return; /* it is awake */
}

/* EVALSHA sha nkeys key [leases] lease tokens unit amount window_end */
static redisReply *ask(const chat_redis_lease_t *lease, const char **pwhy)
{
    apr_int64_t most = chat_config_server(ap_server_conf)->redis_command;
    const char *word[10];
    chat_redis_words_t w = {word, 3};
    chat_redis_t redis = {0};
    redisReply *reply;

    if (chat_redis_open(&redis, pwhy, pool) != APR_SUCCESS)
        return NULL;
    redis.shared = 1;
    redis.deadline =
        chat_clock_now() + (most < COMMAND_MAX ? most : COMMAND_MAX);
    chat_redis_lease_words(&w, lease, pool);
    reply = chat_redis_call(&redis, &w, &chat_redis_settle, pwhy, pool);
    if (reply)
        chat_redis_keep(&redis);
    else
        chat_redis_drop(&redis);
    return reply;
}

/* 1: Redis answers, and so go on. */
static int settle(int claimed, const chat_redis_lease_t *lease)
{
    const char *why = "no reason";
    redisReply *reply = ask(lease, &why);
    int about_key = chat_redis_is_about_key(reply);
    int answers = reply && (reply->type == REDIS_REPLY_INTEGER || about_key);

    if (answers) {
        chat_redis_breaker_success();
        chat_redis_lease_settled(claimed, about_key || reply->integer > 0);
    }
    else {
        chat_redis_breaker_failure(
            reply && reply->str ? apr_pstrndup(pool, reply->str, 100) : why);
        chat_redis_lease_unclaim(claimed);
    }
    if (reply)
        freeReplyObject(reply);
    apr_pool_clear(pool);
    return answers;
}

static int is_stopping(void)
{
    return __atomic_load_n(&stopping, __ATOMIC_RELAXED);
}

static void settle_all(void)
{
    chat_redis_lease_t lease;
    int claimed, fine = 1;

    while (fine && !is_stopping() && (claimed = chat_redis_lease_claim(&lease)))
        if (chat_redis_breaker_allow()) {
            fine = settle(claimed, &lease);
        }
        else {
            chat_redis_lease_unclaim(claimed);
            fine = 0;
        }
}

static void *settler(void *unused)
{
    struct pollfd woken = {.fd = wake_fd, .events = POLLIN};
    uint64_t drop;

    while (!is_stopping()) {
        if (chat_redis_lease_is_owed())
            settle_all();
        if (poll(&woken, 1,
                 chat_redis_lease_is_owed() ? LOOK_OWED_MS : LOOK_MS) > 0 &&
            read(wake_fd, &drop, sizeof(drop)) < 0)
            drop = 0;
    }
    return NULL;
}

/* pchild's pre_cleanup: while the pool of connections is there. */
static apr_status_t stop(void *baton)
{
    __atomic_store_n(&stopping, 1, __ATOMIC_RELAXED);
    chat_redis_settler_wake();
    pthread_join(thread, NULL);
    close(wake_fd);
    wake_fd = -1;
    return APR_SUCCESS;
}

/* Signals are for the MPM; a crash is for whoever crashes. */
static int start(void)
{
    sigset_t quiet, old;
    int failed;

    sigfillset(&quiet);
    sigdelset(&quiet, SIGSEGV);
    sigdelset(&quiet, SIGBUS);
    sigdelset(&quiet, SIGFPE);
    sigdelset(&quiet, SIGILL);
    sigdelset(&quiet, SIGABRT);
    pthread_sigmask(SIG_BLOCK, &quiet, &old);
    failed = pthread_create(&thread, NULL, settler, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return !failed;
}

/* A pool with an allocator of its own: the thread shares nothing. */
void chat_redis_settler_child_init(apr_pool_t *pchild, server_rec *s)
{
    apr_allocator_t *allocator;

    if (apr_allocator_create(&allocator) == APR_SUCCESS &&
        apr_pool_create_ex(&pool, pchild, NULL, allocator) == APR_SUCCESS) {
        apr_allocator_owner_set(allocator, pool);
        wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (wake_fd >= 0 && start()) {
            apr_pool_pre_cleanup_register(pchild, NULL, stop);
            return;
        }
    }
    ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                 CHATNO(1018) "no thread to settle what is owed to Redis: what "
                              "this child cannot settle comes back when its "
                              "lease ends");
}
