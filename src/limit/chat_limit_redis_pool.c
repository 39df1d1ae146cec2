/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections to Redis: each has one user at a time, idle ones are in a list.
 * Before an idle one is used it is checked: one that the server has closed, or
 * on which bytes have arrived that nobody asked for, with a reply or since, is
 * dropped before anything is sent. So a command is never sent twice. Any
 * thread.
 */
#include "chat_limit_redis_int.h"

#include <http_main.h>
#include <apr_strings.h>

#include <pthread.h>
#include <sys/socket.h>

#include "chat_limit_text.h"
#include "chat_log.h"

#define IDLE_MAX 32

static redisContext *idle[IDLE_MAX];
static int nidle;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const chat_server_conf_t *conf(void)
{
    return chat_config_server(ap_server_conf);
}

/* ---- one command ---- */

static void set_timeout(redisContext *c, apr_int64_t us)
{
    struct timeval tv = {us / 1000000, us % 1000000};

    redisSetTimeout(c, tv);
}

static const char *error_text(const redisContext *c, apr_pool_t *p)
{
    if (!c->err ||
        (c->err == REDIS_ERR_IO && (errno == EAGAIN || errno == ETIMEDOUT)))
        return "no answer in time";
    return apr_pstrdup(p, c->errstr);
}

/* "$LEN\r\nARG\r\n". */
static char *put_arg(char *at, const char *arg)
{
    apr_size_t len = strlen(arg);

    *at++ = '$';
    at = stpcpy(chat_limit_text_number(at, (apr_int64_t)len), "\r\n");
    memcpy(at, arg, len);
    return stpcpy(at + len, "\r\n");
}

/* hiredis would do the same, with a printf for each argument. */
apr_size_t chat_limit_redis_format(char **pcommand, int argc, const char **argv,
                                   apr_pool_t *p)
{
    apr_size_t size = CHAT_LIMIT_TEXT_NUMBER_MAX + 4;
    char *at;
    int i;

    for (i = 0; i < argc; i++)
        size += strlen(argv[i]) + CHAT_LIMIT_TEXT_NUMBER_MAX + 5;
    at = *pcommand = apr_palloc(p, size);
    *at++ = '*';
    at = stpcpy(chat_limit_text_number(at, argc), "\r\n");
    for (i = 0; i < argc; i++)
        at = put_arg(at, argv[i]);
    return (apr_size_t)(at - *pcommand);
}

/* What is left of the deadline, as the time-out of the next read or write. 0:
 * nothing, so that only what is there can still be read. */
static int set_time_left(chat_limit_redis_t *redis)
{
    apr_int64_t left = redis->deadline - chat_clock_now();

    set_timeout(redis->c, left > 1000 ? left : 1000);
    redis->shared = 1;
    return left > 0;
}

static int send_all(chat_limit_redis_t *redis)
{
    int done = 0;

    while (redisBufferWrite(redis->c, &done) == REDIS_OK) {
        if (done)
            return 1;
        if (!set_time_left(redis))
            break;
    }
    return 0;
}

/* The reply, or NULL: bytes that come one by one do not extend the deadline. */
static redisReply *receive(chat_limit_redis_t *redis)
{
    void *reply = NULL;

    while (redisBufferRead(redis->c) == REDIS_OK &&
           chat_limit_redis_reader_next(redis->c, &reply) == REDIS_OK) {
        if (reply)
            return reply;
        if (!set_time_left(redis))
            break;
    }
    return NULL;
}

redisReply *chat_limit_redis_exec(chat_limit_redis_t *redis, int argc,
                                  const char **argv, const char **pwhy,
                                  apr_pool_t *p)
{
    redisReply *reply = NULL;
    char *command;
    apr_size_t len = chat_limit_redis_format(&command, argc, argv, p);

    if (!chat_limit_redis_reader_is_empty(redis->c)) {
        *pwhy = "a reply that nobody asked for";
        return NULL;
    }
    if (redis->shared)
        set_time_left(redis);
    if (redisAppendFormattedCommand(redis->c, command, len) == REDIS_OK &&
        send_all(redis))
        reply = receive(redis);
    if (!reply)
        *pwhy = error_text(redis->c, p);
    return reply;
}

/* A command of which only matters whether it succeeds. */
static apr_status_t exec_simple(chat_limit_redis_t *redis, int argc,
                                const char **argv, const char **pwhy,
                                apr_pool_t *p)
{
    redisReply *reply = chat_limit_redis_exec(redis, argc, argv, pwhy, p);
    apr_status_t rv = APR_EGENERAL;

    if (!reply)
        return rv;
    if (reply->type == REDIS_REPLY_ERROR)
        *pwhy = apr_pstrcat(p, argv[0], ": ", reply->str, NULL);
    else
        rv = APR_SUCCESS;
    freeReplyObject(reply);
    return rv;
}

/* ---- new connections ---- */

static apr_status_t authenticate(chat_limit_redis_t *redis, const char **pwhy,
                                 apr_pool_t *p)
{
    const char *auth[3] = {"AUTH"}, *select[2] = {"SELECT"};
    int n = 1;

    if (conf()->redis.password) {
        if (conf()->redis.user)
            auth[n++] = conf()->redis.user;
        auth[n++] = conf()->redis.password;
        if (exec_simple(redis, n, auth, pwhy, p) != APR_SUCCESS)
            return APR_EGENERAL;
    }
    if (!chat_redis_db())
        return APR_SUCCESS;
    select[1] = apr_itoa(p, chat_redis_db());
    return exec_simple(redis, 2, select, pwhy, p);
}

static apr_status_t connect_new(chat_limit_redis_t *redis, const char **pwhy,
                                apr_pool_t *p)
{
    if (chat_redis_dial(&redis->c, conf()->redis.connect, pwhy, p) !=
        APR_SUCCESS)
        return APR_EGENERAL;
    chat_limit_redis_reader_bound(redis->c);
    redis->shared = 1;
    redis->deadline = chat_clock_now() + conf()->redis.command;
    return authenticate(redis, pwhy, p);
}

/* ---- the list ---- */

/* 1: nothing to read, and not closed. */
static int is_quiet(const redisContext *c)
{
    char byte;

    return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
}

static redisContext *pop_idle(void)
{
    redisContext *c = NULL;

    pthread_mutex_lock(&lock);
    if (nidle > 0)
        c = idle[--nidle];
    pthread_mutex_unlock(&lock);
    return c;
}

apr_status_t chat_limit_redis_open(chat_limit_redis_t *redis, const char **pwhy,
                                   apr_pool_t *p)
{
    redis->shared = 0;
    redis->deadline = chat_clock_now() + conf()->redis.command;
    while ((redis->c = pop_idle())) {
        if (is_quiet(redis->c))
            return APR_SUCCESS;
        chat_limit_redis_drop(redis);
    }
    if (connect_new(redis, pwhy, p) == APR_SUCCESS)
        return APR_SUCCESS;
    chat_limit_redis_drop(redis);
    return APR_EGENERAL;
}

void chat_limit_redis_share_deadline(chat_limit_redis_t *redis)
{
    redis->shared = 1;
}

void chat_limit_redis_keep(chat_limit_redis_t *redis)
{
    if (!chat_limit_redis_reader_is_empty(redis->c)) {
        chat_limit_redis_drop(redis);
        return;
    }
    if (redis->shared)
        set_timeout(redis->c, conf()->redis.command);
    pthread_mutex_lock(&lock);
    if (nidle < IDLE_MAX) {
        idle[nidle++] = redis->c;
        redis->c = NULL;
    }
    pthread_mutex_unlock(&lock);
    chat_limit_redis_drop(redis);
}

void chat_limit_redis_drop(chat_limit_redis_t *redis)
{
    if (redis->c)
        redisFree(redis->c);
    redis->c = NULL;
}

/* ---- start-up ---- */

static apr_status_t close_all(void *baton)
{
    redisContext *c;

    while ((c = pop_idle()))
        redisFree(c);
    return APR_SUCCESS;
}

void chat_limit_redis_pool_child_init(apr_pool_t *pchild)
{
    apr_pool_cleanup_register(pchild, NULL, close_all, apr_pool_cleanup_null);
}
