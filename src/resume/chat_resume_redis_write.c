/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writers of logs in Redis. What an engine has is put into a buffer of the log;
 * the thread sends it after 20 ms, or when it is 1 KiB, and waits for nothing.
 * An entry that may not have arrived ends the log: the stream goes on, and its
 * readers are told that there is a gap as soon as Redis can be told.
 */
#include "chat_resume_redis.h"

#include <http_log.h>
#include <http_main.h>
#include <apr_strings.h>

#include <stdlib.h>

#include "chat_clock.h"
#include "chat_config.h"
#include "chat_log.h"

#define BATCH_TIME apr_time_from_msec(20)
#define BATCH_BYTES 1024
/* What all logs of a process may have unsent. */
#define UNSENT_MAX ((apr_size_t)32 * 1024 * 1024)
/* Without Redis logs that have ended are forgotten then. */
#define FORGET_AFTER apr_time_from_sec(10)
/* The process is taken for dead when it has not said so for three times. */
#define ALIVE_EVERY apr_time_from_sec(3)
#define ALIVE_SECONDS "10"

typedef struct chat_resume_redis_log_t {
    char id[CHAT_RESUME_ID_LEN + 1]; /* C */
    /* with the lock */
    int refs; /* the writer, the list of open ones, commands that were sent */
    char *data;
    apr_size_t len, capacity;
    apr_int64_t last; /* the id of the last frame in data */
    apr_int64_t due;  /* 0: it is not on the list of those to be sent */
    int closed;       /* 1: by its process, 2: it has ended */
    int broken;
    /* the thread's */
    apr_int64_t renewed; /* when its keys were, 0 never */
    int gap_told;
    LIST_ENTRY(chat_resume_redis_log_t) open_link; /* with the lock */
    TAILQ_ENTRY(chat_resume_redis_log_t) due_link; /* with the lock */
} log_t;

/* All with the lock. Those that are due, the first one first. */
static LIST_HEAD(, chat_resume_redis_log_t) open_logs;
static TAILQ_HEAD(, chat_resume_redis_log_t) due_logs =
    TAILQ_HEAD_INITIALIZER(due_logs);
static apr_size_t total;

static apr_int64_t alive_at; /* the thread's */

/* With the lock. */
static void release(log_t *log)
{
    if (--log->refs)
        return;
    total -= log->len;
    free(log->data);
    free(log);
}

/* With the lock. */
static void schedule(log_t *log, apr_int64_t due)
{
    int first = TAILQ_EMPTY(&due_logs);

    if (log->due && log->due <= due)
        return;
    if (log->due)
        TAILQ_REMOVE(&due_logs, log, due_link);
    log->due = due;
    if (due <= chat_clock_now()) {
        TAILQ_INSERT_HEAD(&due_logs, log, due_link);
        first = 1;
    }
    else
        TAILQ_INSERT_TAIL(&due_logs, log, due_link);
    if (first)
        chat_resume_redis_link_wake();
}

/* ---- for the writer ---- */

log_t *chat_resume_redis_write_open(const char *stream)
{
    log_t *log = calloc(1, sizeof(*log));

    if (!log)
        return NULL;
    apr_cpystrn(log->id, stream, sizeof(log->id));
    log->refs = 2;
    chat_resume_redis_link_lock();
    if (LIST_EMPTY(&open_logs))
        chat_resume_redis_link_wake();
    LIST_INSERT_HEAD(&open_logs, log, open_link);
    chat_resume_redis_link_unlock();
    return log;
}

/* With the lock. */
static int keep(log_t *log, const char *frames, apr_size_t len)
{
    char *longer;

    if (total + len > UNSENT_MAX)
        return 0;
    if (log->len + len > log->capacity) {
        apr_size_t capacity = 2 * (log->len + len);

        if (capacity < 2 * BATCH_BYTES)
            capacity = 2 * BATCH_BYTES;
        longer = realloc(log->data, capacity);
        if (!longer)
            return 0;
        log->data = longer;
        log->capacity = capacity;
    }
    memcpy(log->data + log->len, frames, len);
    log->len += len;
    total += len;
    return 1;
}

/* With the lock. */
static void break_log(log_t *log)
{
    if (log->broken)
        return;
    log->broken = 1;
    schedule(log, chat_clock_now());
}

int chat_resume_redis_write_append(log_t *log, apr_int64_t last,
                                   const char *frames, apr_size_t len,
                                   const char **pwhy)
{
    apr_int64_t now = chat_clock_now();
    int kept;

    chat_resume_redis_link_lock();
    *pwhy = "Redis has not got all of it";
    kept = !log->broken;
    if (kept && !keep(log, frames, len)) {
        *pwhy = "too much waits for Redis";
        kept = 0;
        break_log(log);
    }
    if (kept) {
        log->last = last;
        schedule(log, log->len >= BATCH_BYTES ? now : now + BATCH_TIME);
    }
    chat_resume_redis_link_unlock();
    return kept;
}

void chat_resume_redis_write_break(log_t *log)
{
    chat_resume_redis_link_lock();
    break_log(log);
    chat_resume_redis_link_unlock();
}

void chat_resume_redis_write_close(log_t *log, int ended)
{
    chat_resume_redis_link_lock();
    log->closed = 1 + ended;
    schedule(log, chat_clock_now());
    release(log);
    chat_resume_redis_link_unlock();
}

/* ---- the thread ---- */

/* To an XADD, or the EXEC of a transaction that begins with one. */
static int on_added(void *ctx, redisReply *reply)
{
    const redisReply *added = reply;
    log_t *log = ctx;

    if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements)
        added = reply->element[0];
    chat_resume_redis_link_lock();
    if (!added || added->type != REDIS_REPLY_STRING)
        break_log(log);
    release(log);
    chat_resume_redis_link_unlock();
    return 0;
}

static void renew(log_t *log, const char *key)
{
    char other[CHAT_RESUME_REDIS_KEY_MAX], age[24];
    const char *argv[] = {"EXPIRE", key, age};

    apr_snprintf(age, sizeof(age), "%" APR_INT64_T_FMT,
                 apr_time_sec(chat_config_server(ap_server_conf)->resume.age));
    chat_resume_redis_link_send(NULL, NULL, 3, argv, NULL);
    chat_resume_redis_link_key(other, log->id, "log");
    argv[1] = other;
    chat_resume_redis_link_send(NULL, NULL, 3, argv, NULL);
}

/* An entry. With a first one come the keys' times to live, in one piece: no key
 * may stay for ever. */
static void add(log_t *log, const char *id, const char *field,
                const char *value, apr_size_t len, int renews)
{
    char key[CHAT_RESUME_REDIS_KEY_MAX], channel[CHAT_RESUME_REDIS_KEY_MAX];
    const char *xadd[] = {"XADD", key, id, field, value};
    const char *multi[] = {"MULTI"}, *exec[] = {"EXEC"};
    const char *publish[] = {"PUBLISH", channel, ""};
    size_t lens[5];
    int i;

    chat_resume_redis_link_key(key, log->id, "events");
    chat_resume_redis_link_key(channel, log->id, "more");
    for (i = 0; i < 4; i++)
        lens[i] = strlen(xadd[i]);
    lens[4] = len;
    chat_resume_redis_link_lock();
    log->refs++;
    chat_resume_redis_link_unlock();
    if (renews) {
        chat_resume_redis_link_send(NULL, NULL, 1, multi, NULL);
        chat_resume_redis_link_send(NULL, NULL, 5, xadd, lens);
        renew(log, key);
        chat_resume_redis_link_send(on_added, log, 1, exec, NULL);
    }
    else
        chat_resume_redis_link_send(on_added, log, 5, xadd, lens);
    chat_resume_redis_link_send(NULL, NULL, 3, publish, NULL);
}

static void add_frames(log_t *log, apr_int64_t now, const char *data,
                       apr_size_t len, apr_int64_t last)
{
    apr_interval_time_t age = chat_config_server(ap_server_conf)->resume.age;
    int renews = !log->renewed || log->renewed + age / 3 <= now;
    char id[32];

    apr_snprintf(id, sizeof(id), "0-%" APR_INT64_T_FMT, last);
    if (renews)
        log->renewed = now;
    add(log, id, "f", data, len, renews);
}

static void remove_keys(const log_t *log)
{
    char events[CHAT_RESUME_REDIS_KEY_MAX], line[CHAT_RESUME_REDIS_KEY_MAX];
    const char *argv[] = {"DEL", events, line};

    chat_resume_redis_link_key(events, log->id, "events");
    chat_resume_redis_link_key(line, log->id, "log");
    chat_resume_redis_link_send(NULL, NULL, 3, argv, NULL);
}

/* Of a broken log nothing more can be had once it has ended. */
static void send_log(log_t *log, apr_int64_t now, const char *data,
                     apr_size_t len, apr_int64_t last, int broken, int closed)
{
    if (len && !broken)
        add_frames(log, now, data, len, last);
    if (broken && closed == 2)
        remove_keys(log);
    else if (broken && !log->gap_told)
        add(log, "1-0", "gap", "1", 1, 1);
    else if (!broken && closed == 2)
        add(log, "1-0", "end", "1", 1, 1);
    log->gap_told = broken;
}

/* With the lock, which is not held while it is sent. */
static void send_first(apr_int64_t now)
{
    log_t *log = TAILQ_FIRST(&due_logs);
    apr_size_t len = log->len;
    apr_int64_t last = log->last;
    int broken = log->broken, closed = log->closed;
    char *data = log->data;

    TAILQ_REMOVE(&due_logs, log, due_link);
    log->due = 0;
    log->data = NULL;
    log->len = log->capacity = 0;
    total -= len;
    chat_resume_redis_link_unlock();
    send_log(log, now, data, len, last, broken, closed);
    free(data);
    chat_resume_redis_link_lock();
    if (closed) {
        LIST_REMOVE(log, open_link);
        release(log);
    }
}

static void say_alive(apr_int64_t now, apr_int64_t *pdue)
{
    char key[CHAT_RESUME_REDIS_KEY_MAX];
    const char *argv[] = {"SET", key, "1", "EX", ALIVE_SECONDS};

    if (alive_at <= now) {
        apr_snprintf(key, sizeof(key), "chat:alive:%s",
                     chat_resume_redis_link_instance());
        chat_resume_redis_link_send(NULL, NULL, 5, argv, NULL);
        alive_at = now + ALIVE_EVERY;
    }
    if (alive_at < *pdue)
        *pdue = alive_at;
}

/* With the lock. Who has not ended yet is told as broken later. */
static void forget(void)
{
    log_t *log, *next;

    for (log = TAILQ_FIRST(&due_logs); log; log = next) {
        next = TAILQ_NEXT(log, due_link);
        log->broken = 1;
        if (!log->closed)
            continue;
        TAILQ_REMOVE(&due_logs, log, due_link);
        LIST_REMOVE(log, open_link);
        release(log);
    }
}

static void send_due(apr_int64_t now, int up, apr_int64_t down_for,
                     apr_int64_t *pdue)
{
    const log_t *log;
    int any;

    chat_resume_redis_link_lock();
    any = !LIST_EMPTY(&open_logs);
    if (!up && down_for > FORGET_AFTER)
        forget();
    while (up && (log = TAILQ_FIRST(&due_logs)) && log->due <= now)
        send_first(now);
    log = TAILQ_FIRST(&due_logs);
    if (up && log && log->due < *pdue)
        *pdue = log->due;
    chat_resume_redis_link_unlock();
    if (up && any)
        say_alive(now, pdue);
}

static int on_stop(void *ctx, redisReply *reply)
{
    char *id = ctx;

    if (reply && reply->type == REDIS_REPLY_INTEGER && reply->integer)
        chat_stream_cancel(id);
    free(id);
    return 0;
}

/* A stop may have been said while nobody listened. */
static void ask_stops(void)
{
    char key[CHAT_RESUME_REDIS_KEY_MAX];
    const char *argv[] = {"EXISTS", key};
    const log_t *log;

    alive_at = 0;
    chat_resume_redis_link_lock();
    LIST_FOREACH(log, &open_logs, open_link)
    {
        chat_resume_redis_link_key(key, log->id, "stop");
        chat_resume_redis_link_send(on_stop, strdup(log->id), 2, argv, NULL);
    }
    chat_resume_redis_link_unlock();
}

static void hear(const char *channel, const char *message)
{
    if (message && !strcmp(channel, CHAT_RESUME_REDIS_STOPS) &&
        strlen(message) == CHAT_RESUME_ID_LEN)
        chat_stream_cancel(message);
}

const chat_resume_redis_user_t chat_resume_redis_writers = {
    .round = send_due,
    .connected = ask_stops,
    .heard = hear,
};
