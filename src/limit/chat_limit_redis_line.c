/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine's line to Redis: one connection, on which all its streams ask. What
 * one turn asks goes out in one write, and answers come in the order of the
 * questions. When the oldest is overdue, or anything else is wrong, the
 * connection is closed and all that wait on it are told so: no answer can be
 * taken for another's.
 *
 * An engine never waits, so it never connects: while a line has no connection,
 * who is about to be asked brings one, from the request's thread.
 *
 * Engine's thread, but for open, close, prepare and wait.
 */
#include "chat_limit_redis_int.h"

#include <http_main.h>
#include <apr_strings.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>

typedef struct line_t {
    redisContext *c; /* NULL: none */
    int fd;          /* atomic: of c, for workers; -1 */
    int unsent;      /* some of what is asked has not gone out */
    int repeated;    /* of waiting, so many are asked for the second time */
    STAILQ_HEAD(, chat_question_t) waiting; /* in the order they were sent */
} line_t;

static void *line_open(void)
{
    line_t *l = calloc(1, sizeof(*l));

    if (l) {
        STAILQ_INIT(&l->waiting);
        l->fd = -1;
    }
    return l;
}

/* There is a connection, and Redis has not closed it. Any thread. */
static int stands(const line_t *l)
{
    int fd = __atomic_load_n(&l->fd, __ATOMIC_RELAXED);
    ssize_t n;
    char byte;

    if (fd < 0)
        return 0;
    n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
}

/* ---- answers ---- */

static void conclude(chat_question_t *q, apr_status_t rv)
{
    q->answered(q->asker, chat_limit_conclude(q, rv));
}

static void take_off(line_t *l)
{
    chat_question_t *q = STAILQ_FIRST(&l->waiting);

    STAILQ_REMOVE_HEAD(&l->waiting, link);
    l->repeated -= q->whole;
}

static void hang_up(line_t *l)
{
    if (l->c)
        redisFree(l->c);
    l->c = NULL;
    l->unsent = 0;
    __atomic_exchange_n(&l->fd, -1, __ATOMIC_RELAXED);
}

/* Whoever waits asked in vain. */
static void lose(line_t *l, const char *why)
{
    chat_question_t *q;

    hang_up(l);
    while ((q = STAILQ_FIRST(&l->waiting))) {
        take_off(l);
        chat_redis_hear(NULL, why, q->r);
        conclude(q, APR_EGENERAL);
    }
}

/* The context goes with the connection, and its words too. */
static void lose_broken(line_t *l)
{
    char why[128];

    apr_cpystrn(why, l->c->errstr, sizeof(why));
    lose(l, why);
}

/* ---- questions ---- */

static void put(line_t *l, chat_question_t *q)
{
    chat_redis_words_t words = {q->word, q->nwords};
    char *command;
    apr_size_t len;

    chat_redis_name_script(&words, &chat_redis_take, q->whole);
    len = chat_redis_format(&command, words.n, words.word, q->r->pool);
    l->repeated += q->whole;
    STAILQ_INSERT_TAIL(&l->waiting, q, link);
    l->unsent = 1;
    if (l->c)
        redisAppendFormattedCommand(l->c, command, len);
}

/* Somebody else may have been faster. */
static void adopt(line_t *l, chat_question_t *q)
{
    chat_redis_t redis = {.c = q->brought, .shared = 1};

    q->brought = NULL;
    if (l->c && stands(l)) {
        chat_redis_keep(&redis);
        return;
    }
    /* Nobody may take the answers of the new one for his. */
    lose(l, "the connection was lost");
    l->c = redis.c;
    l->c->flags &= ~REDIS_BLOCK;
    fcntl(l->c->fd, F_SETFL, fcntl(l->c->fd, F_GETFL) | O_NONBLOCK);
    __atomic_exchange_n(&l->fd, (int)l->c->fd, __ATOMIC_RELAXED);
}

static void ask(void *line, void *question, void *asker,
                chat_admission_decided_fn *answered)
{
    chat_question_t *q = question;

    q->asker = asker;
    q->answered = answered;
    q->asked = 1;
    q->deadline =
        chat_clock_now() + chat_config_server(ap_server_conf)->redis_command;
    if (q->brought)
        adopt(line, q);
    put(line, q);
}

static void take_answer(line_t *l, redisReply *reply)
{
    chat_question_t *q = STAILQ_FIRST(&l->waiting);
    apr_status_t rv;

    take_off(l);
    if (chat_redis_lacks_script(reply) && !q->whole) {
        q->whole = 1;
        put(l, q);
        return;
    }
    rv = chat_redis_hear(reply, NULL, q->r);
    if (rv == APR_SUCCESS)
        conclude(q, chat_redis_take_read(q->counts, reply));
    else
        conclude(q, rv);
    if (rv == APR_EGENERAL)
        lose(l, "another question failed");
}

static void hear(void *line)
{
    line_t *l = line;
    void *reply = NULL;
    int rv;

    if (!l->c)
        return;
    rv = redisBufferRead(l->c);
    while (l->c && rv == REDIS_OK) {
        rv = redisGetReplyFromReader(l->c, &reply);
        if (rv != REDIS_OK || !reply)
            break;
        if (STAILQ_EMPTY(&l->waiting))
            lose(l, "an answer without a question");
        else
            take_answer(l, reply);
        freeReplyObject(reply);
    }
    if (l->c && rv != REDIS_OK)
        lose_broken(l);
}

/* When somebody has waited for too long, 0 never. Who asks a second time is no
 * younger for it. */
static apr_int64_t due(const line_t *l)
{
    const chat_question_t *q = STAILQ_FIRST(&l->waiting);
    apr_int64_t at = q ? q->deadline : 0;

    for (; q && l->repeated; q = STAILQ_NEXT(q, link))
        if (q->deadline < at)
            at = q->deadline;
    return at;
}

static int is_overdue(const line_t *l)
{
    apr_int64_t at = due(l);

    return at && at <= chat_clock_now();
}

static void tell(void *line)
{
    line_t *l = line;
    int done = 1;

    if (STAILQ_EMPTY(&l->waiting))
        return;
    if (!l->c) {
        lose(l, "the connection was lost");
        return;
    }
    if (redisBufferWrite(l->c, &done) != REDIS_OK) {
        lose_broken(l);
        return;
    }
    l->unsent = !done;
    /* It may be this process that stood still, with the answer at its door. */
    if (is_overdue(l))
        hear(l);
    if (is_overdue(l))
        lose(l, "no answer in time");
}

static void wants(void *line, chat_admission_poll_t *wants)
{
    const line_t *l = line;

    wants->fd = l->c ? l->c->fd : -1;
    wants->writable = l->unsent;
    wants->due = due(l);
}

static void line_close(void *line)
{
    hang_up(line);
    free(line);
}

/* ---- the request's thread ---- */

static chat_admission_e ask_and_wait(void *question)
{
    chat_question_t *q = question;
    apr_status_t rv = APR_EGENERAL;

    if (chat_redis_breaker_allow())
        rv = chat_limit_redis.take(q->counts, q->r);
    return chat_limit_conclude(q, rv);
}

/* It was never asked. */
static apr_status_t give_back(void *question)
{
    chat_question_t *q = question;
    chat_redis_t redis = {.c = q->brought, .shared = 1};

    if (redis.c)
        chat_redis_keep(&redis);
    q->brought = NULL;
    return APR_SUCCESS;
}

static apr_status_t bring(chat_question_t *q)
{
    chat_redis_t redis = {0};
    const char *why = "no reason";

    if (chat_redis_open(&redis, &why, q->r->pool) != APR_SUCCESS) {
        chat_redis_hear(NULL, why, q->r);
        return APR_EGENERAL;
    }
    q->brought = redis.c;
    apr_pool_cleanup_register(q->r->pool, q, give_back, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

static chat_admission_e prepare(void *line, void *question)
{
    line_t *l = line;
    chat_question_t *q = question;
    chat_redis_words_t words;

    if (!chat_redis_breaker_allow())
        return chat_limit_conclude(q, APR_EGENERAL);
    if (!stands(l) && bring(q) != APR_SUCCESS)
        return chat_limit_conclude(q, APR_EGENERAL);
    words = chat_redis_take_words(q->counts, q->r->pool);
    q->word = words.word;
    q->nwords = words.n;
    chat_redis_lease_note(q->counts, q->r->pool);
    return CHAT_ADMISSION_PENDING;
}

const chat_admission_t chat_limit_admission = {
    .wait = ask_and_wait,
    .open = line_open,
    .close = line_close,
    .prepare = prepare,
    .submit = ask,
    .flush = tell,
    .on_readable = hear,
    .poll = wants,
};
