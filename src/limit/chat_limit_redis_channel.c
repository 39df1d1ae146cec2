/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine's channel to Redis: one connection that carries the queries of all
 * its streams. Those of one round of the engine go out in one write, and
 * replies come in the order of the queries. When the oldest query is overdue,
 * or anything else is wrong, the connection is closed and all queries on it
 * have failed: no reply can be taken for another's.
 *
 * An engine never waits, so it never connects. While the channel has no
 * connection a query brings one, which its request's thread has opened.
 *
 * Engine's thread, except open, close, prepare and wait.
 */
#include "chat_limit_redis_int.h"

#include <http_main.h>
#include <apr_strings.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "chat_scratch.h"

typedef struct channel_t {
    redisContext *c;  /* NULL: none */
    int fd;           /* atomic: of c, for workers; -1 */
    int unsent;       /* some of the commands has not gone out */
    int repeated;     /* so many of waiting are submitted the second time */
    apr_pool_t *line; /* of the command that is being written */
    STAILQ_HEAD(, chat_limit_query_t) waiting; /* in the order they were sent */
} channel_t;

static void *open_channel(void)
{
    channel_t *ch = calloc(1, sizeof(*ch));

    if (ch) {
        STAILQ_INIT(&ch->waiting);
        ch->fd = -1;
        ch->line = chat_scratch_pool(chat_scratch());
    }
    return ch;
}

/* 1: there is a connection. When Redis closes it, the engine hears of it at
 * once and is not asked for it any more. Any thread. */
static int has_connection(const channel_t *ch)
{
    return __atomic_load_n(&ch->fd, __ATOMIC_RELAXED) >= 0;
}

/* 1: there is one, and Redis has not closed it. */
static int is_open(const channel_t *ch)
{
    int fd = __atomic_load_n(&ch->fd, __ATOMIC_RELAXED);
    ssize_t n;
    char byte;

    if (fd < 0)
        return 0;
    n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
}

/* ---- the end of a query, and of the connection ---- */

static void conclude(chat_limit_query_t *q, apr_status_t rv)
{
    q->decided(q->waiter, chat_limit_conclude(q, rv));
}

static void unqueue(channel_t *ch)
{
    chat_limit_query_t *q = STAILQ_FIRST(&ch->waiting);

    STAILQ_REMOVE_HEAD(&ch->waiting, link);
    ch->repeated -= q->with_text;
}

static void disconnect(channel_t *ch)
{
    if (ch->c)
        redisFree(ch->c);
    ch->c = NULL;
    ch->unsent = 0;
    __atomic_exchange_n(&ch->fd, -1, __ATOMIC_RELAXED);
}

/* The connection is lost, and with it every query that waits for a reply. */
static void fail_all(channel_t *ch, const char *why)
{
    chat_limit_query_t *q;

    disconnect(ch);
    while ((q = STAILQ_FIRST(&ch->waiting))) {
        unqueue(ch);
        chat_limit_redis_report(NULL, why, q->r);
        conclude(q, APR_EGENERAL);
    }
}

/* hiredis has closed the connection. Its message goes with the context. */
static void fail_broken(channel_t *ch)
{
    char why[128];

    apr_cpystrn(why, ch->c->errstr, sizeof(why));
    fail_all(ch, why);
}

/* ---- queries ---- */

static void enqueue(channel_t *ch, chat_limit_query_t *q)
{
    chat_limit_redis_command_t command = {q->argv, q->argc};
    char *bytes;
    apr_size_t len;

    chat_limit_redis_set_script(&command, &chat_limit_redis_script_reserve,
                                q->with_text);
    apr_pool_clear(ch->line);
    len = chat_limit_redis_format(&bytes, command.argc, command.argv, ch->line);
    ch->repeated += q->with_text;
    STAILQ_INSERT_TAIL(&ch->waiting, q, link);
    ch->unsent = 1;
    if (ch->c)
        redisAppendFormattedCommand(ch->c, bytes, len);
}

/* The connection that the query brought; an earlier query may have brought one,
 * too. */
static void use_context(channel_t *ch, chat_limit_query_t *q)
{
    chat_limit_redis_t redis = {.c = q->context, .shared = 1};

    q->context = NULL;
    if (ch->c && is_open(ch)) {
        chat_limit_redis_keep(&redis);
        return;
    }
    /* Queries of the old connection get no reply from the new one. */
    fail_all(ch, "the connection was lost");
    ch->c = redis.c;
    ch->c->flags &= ~REDIS_BLOCK;
    fcntl(ch->c->fd, F_SETFL, fcntl(ch->c->fd, F_GETFL) | O_NONBLOCK);
    __atomic_exchange_n(&ch->fd, (int)ch->c->fd, __ATOMIC_RELAXED);
}

static void submit(void *connection, void *query, void *waiter,
                   chat_admission_decided_fn *decided)
{
    chat_limit_query_t *q = query;

    q->waiter = waiter;
    q->decided = decided;
    q->submitted = 1;
    q->deadline =
        chat_clock_now() + chat_config_server(ap_server_conf)->redis.command;
    if (q->context)
        use_context(connection, q);
    enqueue(connection, q);
}

static void read_reply(channel_t *ch, redisReply *reply)
{
    chat_limit_query_t *q = STAILQ_FIRST(&ch->waiting);
    apr_status_t rv;

    unqueue(ch);
    if (chat_limit_redis_lacks_script(reply) && !q->with_text) {
        q->with_text = 1;
        enqueue(ch, q);
        return;
    }
    rv = chat_limit_redis_report(reply, NULL, q->r);
    if (rv == APR_SUCCESS)
        conclude(q, chat_limit_redis_parse_reserve(q->counts, reply));
    else
        conclude(q, rv);
    if (rv == APR_EGENERAL)
        fail_all(ch, "another query failed");
}

static void on_readable(void *connection)
{
    channel_t *ch = connection;
    void *reply = NULL;
    int rv;

    if (!ch->c)
        return;
    rv = redisBufferRead(ch->c);
    while (ch->c && rv == REDIS_OK) {
        rv = chat_limit_redis_reader_next(ch->c, &reply);
        if (rv != REDIS_OK || !reply)
            break;
        if (STAILQ_EMPTY(&ch->waiting))
            fail_all(ch, "a reply without a query");
        else
            read_reply(ch, reply);
        freeReplyObject(reply);
    }
    if (ch->c && rv != REDIS_OK)
        fail_broken(ch);
}

/* When the first query is overdue, 0 never. One that is submitted a second time
 * keeps its deadline, and so the queue is not in the order of deadlines then.
 */
static apr_int64_t due(const channel_t *ch)
{
    const chat_limit_query_t *q = STAILQ_FIRST(&ch->waiting);
    apr_int64_t at = q ? q->deadline : 0;

    for (; q && ch->repeated; q = STAILQ_NEXT(q, link))
        if (q->deadline < at)
            at = q->deadline;
    return at;
}

static int is_overdue(const channel_t *ch)
{
    apr_int64_t at = due(ch);

    return at && at <= chat_clock_now();
}

static void flush(void *connection)
{
    channel_t *ch = connection;
    int done = 1;

    if (STAILQ_EMPTY(&ch->waiting))
        return;
    if (!ch->c) {
        fail_all(ch, "the connection was lost");
        return;
    }
    if (redisBufferWrite(ch->c, &done) != REDIS_OK) {
        fail_broken(ch);
        return;
    }
    ch->unsent = !done;
    /* When this process was stopped for a while the reply may be there. */
    if (is_overdue(ch))
        on_readable(ch);
    if (is_overdue(ch))
        fail_all(ch, "no answer in time");
}

static void poll_channel(void *connection, chat_admission_poll_t *poll)
{
    const channel_t *ch = connection;

    poll->fd = ch->c ? ch->c->fd : -1;
    poll->writable = ch->unsent;
    poll->due = due(ch);
}

static void close_channel(void *connection)
{
    channel_t *ch = connection;

    disconnect(ch);
    apr_pool_destroy(ch->line);
    free(ch);
}

/* ---- the request's thread ---- */

static chat_admission_e submit_and_wait(void *query)
{
    chat_limit_query_t *q = query;
    apr_status_t rv = APR_EGENERAL;

    if (chat_limit_redis_breaker_allow())
        rv = chat_limit_redis.reserve(q->counts, q->r);
    return chat_limit_conclude(q, rv);
}

/* The query was never submitted. */
static apr_status_t return_context(void *query)
{
    chat_limit_query_t *q = query;
    chat_limit_redis_t redis = {.c = q->context, .shared = 1};

    if (redis.c)
        chat_limit_redis_keep(&redis);
    q->context = NULL;
    return APR_SUCCESS;
}

static apr_status_t bring_context(chat_limit_query_t *q)
{
    chat_limit_redis_t redis = {0};
    const char *why = "no reason";

    if (chat_limit_redis_open(&redis, &why, q->r->pool) != APR_SUCCESS) {
        chat_limit_redis_report(NULL, why, q->r);
        return APR_EGENERAL;
    }
    q->context = redis.c;
    apr_pool_cleanup_register(q->r->pool, q, return_context,
                              apr_pool_cleanup_null);
    return APR_SUCCESS;
}

static chat_admission_e prepare(void *connection, void *query)
{
    channel_t *ch = connection;
    chat_limit_query_t *q = query;
    chat_limit_redis_command_t command;

    if (!chat_limit_redis_breaker_allow())
        return chat_limit_conclude(q, APR_EGENERAL);
    if (!has_connection(ch) && bring_context(q) != APR_SUCCESS)
        return chat_limit_conclude(q, APR_EGENERAL);
    command = chat_limit_redis_reserve_command(q->counts, q->r->pool);
    q->argv = command.argv;
    q->argc = command.argc;
    chat_limit_redis_lease_add(q->counts, q->r->pool);
    return CHAT_ADMISSION_PENDING;
}

const chat_admission_t chat_limit_admission = {
    .wait = submit_and_wait,
    .open = open_channel,
    .close = close_channel,
    .prepare = prepare,
    .submit = submit,
    .flush = flush,
    .on_readable = on_readable,
    .poll = poll_channel,
};
