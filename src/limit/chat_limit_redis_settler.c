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
#include <sys/socket.h>
#include <unistd.h>

#include "chat_log.h"

#define LOOK_MS 1000
#define LOOK_OWED_MS 200
/* Others want the lease that it has claimed. */
#define COMMAND_MAX ((apr_int64_t)1000000)

static pthread_t thread;
static int wake_fd = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int stopping;      /* in the lock */
static int asked_fd = -1; /* in the lock: where an answer is waited for */
static apr_pool_t *pool;  /* the thread's */

void chat_redis_settler_wake(void)
{
    uint64_t one = 1;

    if (wake_fd >= 0 && write(wake_fd, &one, sizeof(one)) < 0)
        return; /* it is awake */
}

/* 0: the child stops. Else its wait can be cut short, until it is called with
 * -1. */
static int wait_on(int fd)
{
    int goes_on;

    pthread_mutex_lock(&lock);
    asked_fd = fd;
    goes_on = !stopping;
    pthread_mutex_unlock(&lock);
    return goes_on;
}

/* EVALSHA sha nkeys key [leases] lease tokens unit amount window_end */
static redisReply *ask(const chat_redis_lease_t *lease, const char **pwhy)
{
    apr_int64_t most = chat_config_server(ap_server_conf)->redis_command;
    const char *word[10];
    chat_redis_words_t w = {word, 3};
    chat_redis_t redis = {0};
    redisReply *reply = NULL;

    if (chat_redis_open(&redis, pwhy, pool) != APR_SUCCESS)
        return NULL;
    redis.shared = 1;
    redis.deadline =
        chat_limit_now() + (most < COMMAND_MAX ? most : COMMAND_MAX);
    chat_redis_lease_words(&w, lease, pool);
    if (wait_on((int)redis.c->fd))
        reply = chat_redis_call(&redis, &w, &chat_redis_settle, pwhy, pool);
    wait_on(-1);
    if (reply)
        chat_redis_keep(&redis);
    else
        chat_redis_drop(&redis);
    return reply;
}

static int is_stopping(void)
{
    int is;

    pthread_mutex_lock(&lock);
    is = stopping;
    pthread_mutex_unlock(&lock);
    return is;
}

/* 1: Redis answers, and so go on. */
static int settle(int claimed, const chat_redis_lease_t *lease)
{
    const char *why = "no reason";
    redisReply *reply = ask(lease, &why);
    int about_key = chat_redis_is_about_key(reply);
    int answers = reply && (reply->type == REDIS_REPLY_INTEGER || about_key);

    if (answers) {
        chat_redis_breaker_good();
        chat_redis_lease_settled(claimed, about_key || reply->integer > 0);
    }
    else {
        if (!is_stopping()) /* which is no fault of Redis */
            chat_redis_breaker_bad(reply && reply->str
                                       ? apr_pstrndup(pool, reply->str, 100)
                                       : why);
        chat_redis_lease_unclaim(claimed);
    }
    if (reply)
        freeReplyObject(reply);
    apr_pool_clear(pool);
    return answers;
}

static void settle_all(void)
{
    chat_redis_lease_t lease;
    int claimed, fine = 1;

    while (fine && !is_stopping() && (claimed = chat_redis_lease_claim(&lease)))
        if (chat_redis_breaker_ready()) {
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

/* pchild's pre_cleanup: while the pool of connections is there. The MPM waits
 * for this child, and not long. */
static apr_status_t stop(void *baton)
{
    pthread_mutex_lock(&lock);
    stopping = 1;
    if (asked_fd >= 0)
        shutdown(asked_fd, SHUT_RDWR);
    pthread_mutex_unlock(&lock);
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
