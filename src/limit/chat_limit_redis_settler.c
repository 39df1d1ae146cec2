/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread of each child that settles the pending leases in Redis, so that no
 * request waits for it, and that it is done when no request comes. It looks for
 * them once a second, five times a second while there are some, and when it is
 * woken. While the breaker is open it waits as requests do; its lease may be
 * the probe that finds Redis well again.
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
#define LOOK_PENDING_MS 200
/* Another child can settle the lease when this one could not. */
#define COMMAND_MAX ((apr_int64_t)1000000)

static pthread_t thread;
static int wake_fd = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int stopping;     /* with the lock */
static int wait_fd = -1; /* with the lock: of the connection that it waits on */
static apr_pool_t *pool; /* the thread's */

void chat_limit_redis_settler_wake(void)
{
    uint64_t one = 1;

    if (wake_fd >= 0 && write(wake_fd, &one, sizeof(one)) < 0)
        return; /* it is woken already */
}

/* 0: the child stops. Otherwise stop() ends the wait on fd, until this is
 * called with -1. */
static int wait_on(int fd)
{
    int running;

    pthread_mutex_lock(&lock);
    wait_fd = fd;
    running = !stopping;
    pthread_mutex_unlock(&lock);
    return running;
}

/* EVALSHA sha nkeys key [leases] lease tokens unit amount window_end */
static redisReply *settle_in_redis(const chat_limit_redis_lease_t *lease,
                                   const char **pwhy)
{
    apr_int64_t most = chat_config_server(ap_server_conf)->redis.command;
    const char *argv[10];
    chat_limit_redis_command_t command = {argv, 3};
    chat_limit_redis_t redis = {0};
    redisReply *reply = NULL;

    if (chat_limit_redis_open(&redis, pwhy, pool) != APR_SUCCESS)
        return NULL;
    redis.shared = 1;
    redis.deadline =
        chat_clock_now() + (most < COMMAND_MAX ? most : COMMAND_MAX);
    chat_limit_redis_lease_command(&command, lease, pool);
    if (wait_on((int)redis.c->fd))
        reply = chat_limit_redis_eval(
            &redis, &command, &chat_limit_redis_script_settle, pwhy, pool);
    wait_on(-1);
    if (reply)
        chat_limit_redis_keep(&redis);
    else
        chat_limit_redis_drop(&redis);
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

/* 1: Redis answers, so that another can be settled. */
static int settle(int claimed, const chat_limit_redis_lease_t *lease)
{
    const char *why = "no reason";
    redisReply *reply = settle_in_redis(lease, &why);
    int wrong_type = chat_limit_redis_is_wrong_type(reply);
    int answers = reply && (reply->type == REDIS_REPLY_INTEGER || wrong_type);

    if (answers) {
        chat_limit_redis_breaker_success();
        chat_limit_redis_lease_settled(claimed,
                                       wrong_type || reply->integer > 0);
    }
    else {
        /* A child that stops has closed the connection itself. */
        if (!is_stopping())
            chat_limit_redis_breaker_failure(
                reply && reply->str ? apr_pstrndup(pool, reply->str, 100)
                                    : why);
        chat_limit_redis_lease_unclaim(claimed);
    }
    if (reply)
        freeReplyObject(reply);
    apr_pool_clear(pool);
    return answers;
}

static void settle_all(void)
{
    chat_limit_redis_lease_t lease;
    int claimed, fine = 1;

    while (fine && !is_stopping() &&
           (claimed = chat_limit_redis_lease_claim(&lease)))
        if (chat_limit_redis_breaker_allow()) {
            fine = settle(claimed, &lease);
        }
        else {
            chat_limit_redis_lease_unclaim(claimed);
            fine = 0;
        }
}

static void *settler(void *unused)
{
    struct pollfd woken = {.fd = wake_fd, .events = POLLIN};
    uint64_t drop;

    while (!is_stopping()) {
        if (chat_limit_redis_lease_is_pending())
            settle_all();
        if (poll(&woken, 1,
                 chat_limit_redis_lease_is_pending() ? LOOK_PENDING_MS
                                                     : LOOK_MS) > 0 &&
            read(wake_fd, &drop, sizeof(drop)) < 0)
            drop = 0;
    }
    return NULL;
}

/* A pre_cleanup of pchild: the pool of connections is still there. The MPM
 * waits for this child, but not for long. */
static apr_status_t stop(void *baton)
{
    pthread_mutex_lock(&lock);
    stopping = 1;
    if (wait_fd >= 0)
        shutdown(wait_fd, SHUT_RDWR);
    pthread_mutex_unlock(&lock);
    chat_limit_redis_settler_wake();
    pthread_join(thread, NULL);
    close(wake_fd);
    wake_fd = -1;
    return APR_SUCCESS;
}

/* Signals are for the MPM's threads, except those of a crash. */
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

/* The thread has a pool with an allocator of its own, and so shares nothing. */
void chat_limit_redis_settler_child_init(apr_pool_t *pchild, server_rec *s)
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
                 CHATNO(1018) "no thread to settle leases in Redis: what this "
                              "child cannot settle comes back when its lease "
                              "ends");
}
