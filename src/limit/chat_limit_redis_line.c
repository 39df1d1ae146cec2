/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to Redis that come while one is on its way wait for it to be back
 * and then go together: one write, one answer to wake up for, however many
 * they are. Any thread; called by chat_limit_redis.c.
 *
 * Nobody waits for long: if the one on its way is not back soon, the next goes
 * by another connection and takes along who waits. So each has the whole
 * deadline for itself, and a Redis that hangs for one hangs for those alone
 * that went with it.
 */
#include "chat_limit_redis_int.h"

#include <apr_strings.h>

#include <errno.h>
#include <pthread.h>
#include <time.h>

/* How long, in microseconds, for the one before. */
#define PATIENCE 2000

typedef enum { WAITS, GOES, IS_BACK } state_e;

/* On the stack of the thread that asks; in the lock, but for what the thread
 * that goes writes while it is on its way. */
typedef struct question_t {
    const char *command;
    apr_size_t len;
    redisReply *reply; /* NULL: why there is none */
    char why[128];
    apr_int64_t deadline; /* 0: none yet */
    state_e state;
    pthread_cond_t wake;
    struct question_t *next;
} question_t;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static question_t *first, **plast = &first; /* that wait */
static int under_way;

/* ---- going ---- */

/* To the breaker it is one failure, however many it meets. */
static void fail(question_t *q, const char *why)
{
    chat_redis_breaker_bad(why);
    for (; q; q = q->next)
        apr_cpystrn(q->why, why, sizeof(q->why));
}

/* The connection is of no use any more, though it stands: what is behind it
 * loads, or follows another one, or wants a password. */
static int is_turned_away(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR && !chat_redis_is_ours(reply);
}

/* 1 when all replies are there and more can be asked. */
static int read_all(chat_redis_t *redis, question_t *q, apr_pool_t *p)
{
    const char *why = "no reason";
    int fit = 1;

    for (; q; q = q->next) {
        q->reply = chat_redis_read(redis, &why, p);
        if (!q->reply) {
            fail(q, why);
            return 0;
        }
        fit &= !is_turned_away(q->reply);
    }
    return fit;
}

/* Asks all of a list by one connection. Not one of them is sent twice, and
 * the connection is kept only when each has its reply. */
static void go(question_t *list, apr_pool_t *p)
{
    chat_redis_t redis = {0};
    const char *why = "no reason";
    question_t *q;

    if (chat_redis_open(&redis, &why, p) != APR_SUCCESS) {
        fail(list, why);
        return;
    }
    if (list->deadline) {
        redis.deadline = list->deadline;
        chat_redis_share_deadline(&redis);
    }
    for (q = list; q; q = q->next) {
        q->deadline = redis.deadline;
        chat_redis_say(&redis, q->command, q->len);
    }
    if (read_all(&redis, list, p))
        chat_redis_keep(&redis);
    else
        chat_redis_drop(&redis);
}

/* ---- waiting ---- */

static void init_wake(pthread_cond_t *wake)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(wake, &attr);
    pthread_condattr_destroy(&attr);
}

/* In the lock, until q is back or may go itself. */
static void stand_by(question_t *q)
{
    apr_int64_t until = chat_limit_now() + PATIENCE;
    struct timespec t = {until / 1000000, until % 1000000 * 1000};
    int late = 0;

    while (q->state == GOES || (q->state == WAITS && under_way && !late)) {
        if (q->state == GOES)
            pthread_cond_wait(&q->wake, &lock);
        else
            late = pthread_cond_timedwait(&q->wake, &lock, &t) == ETIMEDOUT;
    }
}

/* In the lock: all that wait, as a list. */
static question_t *take_all(void)
{
    question_t *q, *list = first;

    for (q = list; q; q = q->next)
        q->state = GOES;
    first = NULL;
    plast = &first;
    under_way++;
    return list;
}

/* In the lock. What is back is gone as soon as that is left. */
static void bring_back(question_t *q)
{
    question_t *next;

    under_way--;
    for (; q; q = next) {
        next = q->next;
        q->state = IS_BACK;
        pthread_cond_signal(&q->wake);
    }
    if (first)
        pthread_cond_signal(&first->wake);
}

static void go_together(question_t *q, apr_pool_t *p)
{
    question_t *list;

    init_wake(&q->wake);
    pthread_mutex_lock(&lock);
    *plast = q;
    plast = &q->next;
    stand_by(q);
    if (q->state == WAITS) {
        list = take_all();
        pthread_mutex_unlock(&lock);
        go(list, p);
        pthread_mutex_lock(&lock);
        bring_back(list);
    }
    pthread_mutex_unlock(&lock);
    pthread_cond_destroy(&q->wake);
}

redisReply *chat_redis_line_ask(int argc, const char **argv,
                                apr_int64_t *pdeadline, const char **pwhy,
                                apr_pool_t *p)
{
    question_t q = {.deadline = *pdeadline};
    char *command;

    q.len = chat_redis_format(&command, argc, argv, p);
    q.command = command;
    if (q.deadline)
        go(&q, p);
    else
        go_together(&q, p);
    *pdeadline = q.deadline;
    if (!q.reply)
        *pwhy = apr_pstrdup(p, q.why);
    return q.reply;
}
