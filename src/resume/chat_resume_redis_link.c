/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread of each process that speaks to Redis for all its streams: on one
 * connection commands, whose replies come in their order, on another one what
 * is heard of channels. Nobody waits for it but who asks. When either
 * connection is lost, or Redis does not answer for some seconds, both are
 * closed, and each command that has no reply gets none.
 *
 * The thread uses no pool of httpd's: prefork's children end inside a signal
 * handler, without waiting for it.
 */
#include "chat_resume_redis.h"

#include <ap_mpm.h>
#include <http_log.h>
#include <http_main.h>
#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "chat_clock.h"
#include "chat_config.h"
#include "chat_crypto.h"
#include "chat_log.h"
#include "chat_metric.h"

#define ANSWER_MAX apr_time_from_sec(5)
#define PAUSE_FIRST apr_time_from_msec(100)
#define PAUSE_LONGEST apr_time_from_sec(2)
/* What is left to be sent when the process ends may take so long. */
#define FAREWELL apr_time_from_sec(1)
/* Of replies that have not come whole. */
#define UNREAD_MAX ((apr_size_t)64 * 1024 * 1024)

/* A command that was sent. */
typedef struct sent_t {
    chat_resume_redis_reply_fn *fn; /* NULL: no matter what the reply is */
    void *ctx;
    apr_int64_t at;
    STAILQ_ENTRY(sent_t) link;
} sent_t;

/* One that a request waits for. */
typedef struct job_t {
    char *command;
    int len;
    int done;      /* with the lock */
    int abandoned; /* with the lock: nobody waits any more */
    redisReply *reply;
    STAILQ_ENTRY(job_t) link;
} job_t;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered;
static STAILQ_HEAD(, job_t) jobs = STAILQ_HEAD_INITIALIZER(jobs);
static int stopping; /* with the lock */

static pthread_t thread;
static int wake_fd = -1;
static int joins; /* the MPM's children end in their main thread */
static const chat_resume_redis_user_t *const *users;
static char instance[37];

/* The thread's. */
static redisContext *commands, *channels;
static STAILQ_HEAD(, sent_t) waiting = STAILQ_HEAD_INITIALIZER(waiting);
static int unsent;
static apr_int64_t dial_at, pause_now, down_since;

void chat_resume_redis_link_lock(void)
{
    pthread_mutex_lock(&lock);
}

void chat_resume_redis_link_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

void chat_resume_redis_link_wake(void)
{
    uint64_t one = 1;

    if (write(wake_fd, &one, sizeof(one)) < 0)
        return; /* it is awake already */
}

const char *chat_resume_redis_link_instance(void)
{
    return instance;
}

void chat_resume_redis_link_key(char key[CHAT_RESUME_REDIS_KEY_MAX],
                                const char *stream, const char *kind)
{
    apr_snprintf(key, CHAT_RESUME_REDIS_KEY_MAX, "chat:{%s}:%s", stream, kind);
}

static const chat_server_redis_t *conf(void)
{
    return &chat_config_server(ap_server_conf)->redis;
}

/* ---- the connections ---- */

static void hang_up(const char *why)
{
    sent_t *sent;

    if (!commands && !channels)
        return;
    chat_metric_add(CHAT_METRIC_REDIS_ERRORS, NULL, 1);
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                 CHATNO(1209) "the connection to Redis of the logs of streams "
                              "is lost: %s",
                 why);
    if (commands)
        redisFree(commands);
    if (channels)
        redisFree(channels);
    commands = channels = NULL;
    unsent = 0;
    down_since = chat_clock_now();
    dial_at = down_since + pause_now;
    while ((sent = STAILQ_FIRST(&waiting))) {
        STAILQ_REMOVE_HEAD(&waiting, link);
        if (sent->fn)
            sent->fn(sent->ctx, NULL);
        free(sent);
    }
}

/* 1: it was done. */
static int say(redisContext *c, int argc, const char **argv)
{
    redisReply *reply = redisCommandArgv(c, argc, argv, NULL);
    int done = reply && reply->type != REDIS_REPLY_ERROR;

    if (reply)
        freeReplyObject(reply);
    return done;
}

static int authenticate(redisContext *c)
{
    const char *auth[3] = {"AUTH"}, *select[2] = {"SELECT"};
    char db[12];
    int n = 1;

    if (conf()->password) {
        if (conf()->user)
            auth[n++] = conf()->user;
        auth[n++] = conf()->password;
        if (!say(c, n, auth))
            return 0;
    }
    apr_snprintf(db, sizeof(db), "%d", chat_redis_db());
    select[1] = db;
    return !chat_redis_db() || say(c, 2, select);
}

/* NULL: there is none, *pwhy says why. Never blocks from then on. */
static redisContext *dial(const char **pwhy, apr_pool_t *p)
{
    apr_interval_time_t wait = conf()->command;
    struct timeval tv = {wait / 1000000, wait % 1000000};
    redisContext *c = NULL;

    if (chat_redis_dial(&c, conf()->connect, pwhy, p) == APR_SUCCESS) {
        *pwhy = "it does not let us in";
        redisSetTimeout(c, tv);
        if (authenticate(c)) {
            c->flags &= ~REDIS_BLOCK;
            fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) | O_NONBLOCK);
            return c;
        }
    }
    if (c)
        redisFree(c);
    return NULL;
}

static void each_connected(void)
{
    int i;

    chat_resume_redis_link_subscribe(CHAT_RESUME_REDIS_STOPS, 1);
    for (i = 0; users[i]; i++)
        if (users[i]->connected)
            users[i]->connected();
}

static void connect_both(apr_int64_t now)
{
    const char *why = NULL;
    apr_pool_t *p;

    if (commands || dial_at > now)
        return;
    apr_pool_create_unmanaged(&p);
    commands = dial(&why, p);
    channels = commands ? dial(&why, p) : NULL;
    chat_metric_add(CHAT_METRIC_REDIS_ERRORS, NULL, !channels);
    if (!channels && pause_now == PAUSE_FIRST)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                     CHATNO(1211) "no connection to Redis for the logs of "
                                  "streams: %s",
                     why);
    apr_pool_destroy(p);
    if (channels) {
        pause_now = PAUSE_FIRST;
        down_since = 0;
        each_connected();
        return;
    }
    if (commands)
        redisFree(commands);
    commands = NULL;
    dial_at = chat_clock_now() + pause_now;
    pause_now = pause_now * 2 < PAUSE_LONGEST ? pause_now * 2 : PAUSE_LONGEST;
}

/* ---- commands ---- */

static void note_sent(chat_resume_redis_reply_fn *fn, void *ctx)
{
    sent_t *sent = ap_malloc(sizeof(*sent));

    sent->fn = fn;
    sent->ctx = ctx;
    sent->at = chat_clock_now();
    STAILQ_INSERT_TAIL(&waiting, sent, link);
    unsent = 1;
}

void chat_resume_redis_link_send(chat_resume_redis_reply_fn *fn, void *ctx,
                                 int argc, const char **argv,
                                 const size_t *lens)
{
    redisAppendCommandArgv(commands, argc, argv, lens);
    note_sent(fn, ctx);
}

void chat_resume_redis_link_subscribe(const char *channel, int on)
{
    const char *argv[] = {on ? "SUBSCRIBE" : "UNSUBSCRIBE", channel};

    redisAppendCommandArgv(channels, 2, argv, NULL);
    unsent = 1;
}

/* ---- what requests wait for ---- */

static void free_job(job_t *job)
{
    if (job->reply)
        freeReplyObject(job->reply);
    redisFreeCommand(job->command);
    free(job);
}

static int on_answer(void *ctx, redisReply *reply)
{
    job_t *job = ctx;
    int abandoned;

    pthread_mutex_lock(&lock);
    job->reply = reply;
    job->done = 1;
    abandoned = job->abandoned;
    pthread_cond_broadcast(&answered);
    pthread_mutex_unlock(&lock);
    if (abandoned)
        free_job(job);
    return 1;
}

static void send_jobs(void)
{
    job_t *job;

    while (commands) {
        pthread_mutex_lock(&lock);
        job = STAILQ_FIRST(&jobs);
        if (job)
            STAILQ_REMOVE_HEAD(&jobs, link);
        pthread_mutex_unlock(&lock);
        if (!job)
            return;
        redisAppendFormattedCommand(commands, job->command, job->len);
        note_sent(on_answer, job);
    }
}

static int is_queued(const job_t *job)
{
    const job_t *other;

    STAILQ_FOREACH(other, &jobs, link)
    if (other == job)
        return 1;
    return 0;
}

/* With the lock. 0: the thread still has it. */
static int take_back(job_t *job)
{
    if (!job->done && is_queued(job)) {
        STAILQ_REMOVE(&jobs, job, job_t, link);
        job->done = 1;
    }
    job->abandoned = !job->done;
    return job->done;
}

static void wait_for(job_t *job)
{
    apr_int64_t until = chat_clock_now() + conf()->connect + conf()->command;
    struct timespec at = {until / 1000000, until % 1000000 * 1000};

    while (!job->done &&
           pthread_cond_timedwait(&answered, &lock, &at) != ETIMEDOUT)
        ;
}

redisReply *chat_resume_redis_link_ask(int argc, const char **argv,
                                       const char **pwhy)
{
    job_t *job = calloc(1, sizeof(*job));
    redisReply *reply = NULL;
    int mine;

    *pwhy = "Redis does not answer";
    if (job)
        job->len = redisFormatCommandArgv(&job->command, argc, argv, NULL);
    if (!job || job->len < 0) {
        free(job);
        return NULL;
    }
    pthread_mutex_lock(&lock);
    STAILQ_INSERT_TAIL(&jobs, job, link);
    chat_resume_redis_link_wake();
    wait_for(job);
    mine = take_back(job);
    if (mine) {
        reply = job->reply;
        job->reply = NULL;
    }
    pthread_mutex_unlock(&lock);
    if (mine)
        free_job(job);
    if (reply && reply->type == REDIS_REPLY_ERROR) {
        *pwhy = "Redis refuses the command";
        freeReplyObject(reply);
        return NULL;
    }
    return reply;
}

/* ---- reading and writing ---- */

static void hear_reply(redisReply *reply)
{
    sent_t *sent = STAILQ_FIRST(&waiting);
    int kept;

    if (!sent) {
        freeReplyObject(reply);
        hang_up("a reply that nobody asked for");
        return;
    }
    STAILQ_REMOVE_HEAD(&waiting, link);
    kept = sent->fn && sent->fn(sent->ctx, reply);
    free(sent);
    if (!kept)
        freeReplyObject(reply);
}

static int is_text(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING;
}

static void hear_message(redisReply *reply)
{
    redisReply **part = reply->element;
    const char *message = NULL;
    int i, is_message;

    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
        is_text(part[0]) && is_text(part[1])) {
        is_message = !strcmp(part[0]->str, "message") && is_text(part[2]);
        if (is_message)
            message = part[2]->str;
        for (i = 0; users[i]; i++)
            if (users[i]->heard &&
                (is_message || !strcmp(part[0]->str, "subscribe")))
                users[i]->heard(part[1]->str, message);
    }
    freeReplyObject(reply);
}

/* All that is there. Over TLS there may be more than the socket shows. */
static void read_from(redisContext **pc, void (*hear)(redisReply *reply))
{
    apr_size_t before;
    void *reply;

    do {
        before = (*pc)->reader->len;
        if (redisBufferRead(*pc) != REDIS_OK ||
            (*pc)->reader->len - (*pc)->reader->pos > UNREAD_MAX) {
            hang_up((*pc)->err ? (*pc)->errstr : "too long a reply");
            return;
        }
        if ((*pc)->reader->len == before)
            return;
        while (*pc) {
            if (redisGetReplyFromReader(*pc, &reply) != REDIS_OK) {
                hang_up((*pc)->errstr);
                return;
            }
            if (!reply)
                break;
            hear(reply);
        }
    } while (*pc);
}

static void write_to(redisContext *c)
{
    int done = 1;

    if (!c)
        return;
    if (redisBufferWrite(c, &done) != REDIS_OK)
        hang_up(c->errstr);
    else if (!done)
        unsent = 1;
}

static void write_both(void)
{
    if (!unsent)
        return;
    unsent = 0;
    write_to(commands);
    write_to(channels);
}

/* ---- rounds ---- */

static void each_round(apr_int64_t now, apr_int64_t *pdue)
{
    const sent_t *oldest;
    int i;

    *pdue = APR_INT64_MAX;
    for (i = 0; users[i]; i++)
        users[i]->round(now, commands != NULL, commands ? 0 : now - down_since,
                        pdue);
    oldest = STAILQ_FIRST(&waiting);
    if (oldest)
        chat_clock_sooner(pdue, oldest->at, ANSWER_MAX);
    if (!commands && dial_at < *pdue)
        *pdue = dial_at;
}

static int wait_ms(apr_int64_t due)
{
    apr_int64_t left = due - chat_clock_now();

    if (due == APR_INT64_MAX)
        return -1;
    return left <= 0 ? 0 : left > 60000000 ? 60000 : (int)((left + 999) / 1000);
}

static void wait_and_read(apr_int64_t due)
{
    short want = POLLIN | (unsent ? POLLOUT : 0);
    struct pollfd fds[3] = {
        {.fd = wake_fd, .events = POLLIN},
        {.fd = commands ? (int)commands->fd : -1, .events = want},
        {.fd = channels ? (int)channels->fd : -1, .events = want}};
    uint64_t drop;

    if (poll(fds, 3, wait_ms(due)) <= 0)
        return;
    if (fds[0].revents && read(wake_fd, &drop, sizeof(drop)) < 0)
        drop = 0;
    if (commands && (fds[1].revents & ~POLLOUT))
        read_from(&commands, hear_reply);
    if (channels && (fds[2].revents & ~POLLOUT))
        read_from(&channels, hear_message);
}

/* 0: the process ends, and all was sent or it takes too long. */
static int goes_on(apr_int64_t *pend)
{
    int ends;

    pthread_mutex_lock(&lock);
    ends = stopping;
    pthread_mutex_unlock(&lock);
    if (!ends)
        return 1;
    if (!*pend) {
        *pend = chat_clock_now() + FAREWELL;
        return 1;
    }
    return commands && !STAILQ_EMPTY(&waiting) && chat_clock_now() < *pend;
}

static void *speak(void *unused)
{
    apr_int64_t due = 0, now, end = 0;
    const sent_t *oldest;

    do {
        now = chat_clock_now();
        connect_both(now);
        send_jobs();
        each_round(now, &due);
        write_both();
        wait_and_read(end && end < due ? end : due);
        oldest = STAILQ_FIRST(&waiting);
        if (oldest && oldest->at + ANSWER_MAX <= chat_clock_now())
            hang_up("no answer in time");
    } while (goes_on(&end));
    return NULL;
}

/* ---- start and stop ---- */

/* pchild's pre_cleanup. */
static apr_status_t stop(void *baton)
{
    if (!joins)
        return APR_SUCCESS;
    pthread_mutex_lock(&lock);
    stopping = 1;
    pthread_mutex_unlock(&lock);
    chat_resume_redis_link_wake();
    pthread_join(thread, NULL);
    return APR_SUCCESS;
}

/* Signals are for the MPM's threads, except those of a crash. */
static int start(void)
{
    pthread_condattr_t monotonic;
    sigset_t quiet, old;
    int failed;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&answered, &monotonic);
    sigfillset(&quiet);
    sigdelset(&quiet, SIGSEGV);
    sigdelset(&quiet, SIGBUS);
    sigdelset(&quiet, SIGFPE);
    sigdelset(&quiet, SIGILL);
    sigdelset(&quiet, SIGABRT);
    pthread_sigmask(SIG_BLOCK, &quiet, &old);
    failed = pthread_create(&thread, NULL, speak, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return !failed;
}

void chat_resume_redis_link_child_init(
    apr_pool_t *pchild, server_rec *s,
    const chat_resume_redis_user_t *const *all)
{
    if (ap_mpm_query(AP_MPMQ_IS_THREADED, &joins) != APR_SUCCESS)
        joins = 0;
    users = all;
    pause_now = PAUSE_FIRST;
    down_since = chat_clock_now();
    chat_crypto_uuid7(instance, apr_time_now());
    wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake_fd >= 0 && start())
        apr_pool_pre_cleanup_register(pchild, NULL, stop);
    else
        ap_log_error(
            APLOG_MARK, APLOG_ERR, errno, s,
            CHATNO(1210) "no thread that speaks to Redis: no stream of "
                         "child %d can be resumed",
            (int)getpid());
}
