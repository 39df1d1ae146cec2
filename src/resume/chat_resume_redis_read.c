/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers of logs in Redis. The thread fetches what a reader has not had when
 * its channel says that there is more, and at most some KiB ahead of what its
 * client takes. What channels say may be lost while there is no connection, so
 * all readers look when there is a new one. Entries carry their numbers: what
 * is missing is seen, and told.
 *
 * A reader that hears nothing asks every other second whether the log, and the
 * process that writes it, are there.
 *
 * A client has an event some milliseconds before Redis has it, so a reader may
 * ask for what is behind an event that is not there yet. It sees the entries
 * before that one come; when they do not, it is told.
 */
#include "chat_resume_redis.h"

#include <apr_strings.h>

#include <stdlib.h>

#include "chat_clock.h"

#define BUCKETS 1024
#define ENTRIES "16"
#define ENTRIES_MAX 16
/* What a reader has ready when more is fetched. */
#define AHEAD ((apr_size_t)32 * 1024)
#define LOOK_EVERY apr_time_from_sec(2)
/* The log is behind the client at so many looks, a second apart: for good. */
#define BEHIND_MAX 3
/* Without Redis for so long a reader gives up. */
#define DOWN_MAX apr_time_from_sec(10)

typedef enum { READING, ENDED, GAP } state_e;

typedef struct reader_t {
    char id[CHAT_RESUME_ID_LEN + 1], instance[CHAT_RESUME_ID_LEN + 1]; /* C */
    /* with the lock */
    int refs;              /* the feed, commands that were sent */
    chat_stream_t *stream; /* NULL: it is closed, or not open yet */
    char *data;
    apr_size_t off, len, capacity;
    state_e state;
    int more;         /* there may be entries that were not fetched */
    int queued;       /* on the list of those to be fetched for */
    int asked;        /* they are being fetched */
    int fresh;        /* its channel is not subscribed yet */
    int forlorn;      /* its writer is gone: what there is now is all */
    apr_int64_t had;  /* the id of the last frame in data, or before */
    apr_int64_t seen; /* of that, the log has no more than up to here */
    int look_behind;  /* the next entries decide whether it still is behind */
    int behind;       /* how often it was */
    apr_int64_t look_at; /* whether the writer is there */
    LIST_ENTRY(reader_t) link;
    TAILQ_ENTRY(reader_t) queue_link;
    /* the driver's */
    int over; /* the gap was told */
} reader_t;

/* With the lock. */
static LIST_HEAD(bucket_t, reader_t) buckets[BUCKETS];
static TAILQ_HEAD(, reader_t) queue = TAILQ_HEAD_INITIALIZER(queue);
static int nreaders;

static apr_int64_t sweep_at; /* the thread's */

static struct bucket_t *bucket_of(const char *id)
{
    unsigned h = 2166136261u;
    int i;

    for (i = 0; i < CHAT_RESUME_ID_LEN && id[i]; i++)
        h = (h ^ (unsigned char)id[i]) * 16777619u;
    return &buckets[h % BUCKETS];
}

/* ---- all with the lock ---- */

static void release(reader_t *reader)
{
    if (--reader->refs)
        return;
    free(reader->data);
    free(reader);
}

static void request_more(reader_t *reader)
{
    reader->more = 1;
    if (reader->queued || reader->asked || reader->state != READING ||
        reader->len >= AHEAD)
        return;
    reader->queued = 1;
    if (TAILQ_EMPTY(&queue))
        chat_resume_redis_link_wake();
    TAILQ_INSERT_TAIL(&queue, reader, queue_link);
}

static void unqueue(reader_t *reader)
{
    if (reader->queued)
        TAILQ_REMOVE(&queue, reader, queue_link);
    reader->queued = 0;
}

static void finish(reader_t *reader, state_e state)
{
    if (reader->state != READING)
        return;
    reader->state = state;
    unqueue(reader);
    if (reader->stream)
        chat_stream_wake(reader->stream);
}

/* The client had what the log does not have, or not yet. */
static int is_behind(const reader_t *reader)
{
    return reader->seen < reader->had;
}

static int is_followed(const char *id)
{
    const reader_t *reader;

    LIST_FOREACH(reader, bucket_of(id), link)
    if (!strcmp(reader->id, id))
        return 1;
    return 0;
}

/* ---- the feed ---- */

static void open_feed(void *ctx, chat_stream_t *stream)
{
    reader_t *reader = ctx;

    chat_resume_redis_link_lock();
    reader->stream = stream;
    reader->fresh = 1;
    reader->look_at = chat_clock_now() + LOOK_EVERY;
    nreaders++;
    LIST_INSERT_HEAD(bucket_of(reader->id), reader, link);
    request_more(reader);
    chat_resume_redis_link_unlock();
}

static void close_feed(void *ctx)
{
    reader_t *reader = ctx;

    chat_resume_redis_link_lock();
    if (reader->stream) {
        reader->stream = NULL;
        nreaders--;
        LIST_REMOVE(reader, link);
        unqueue(reader);
    }
    chat_resume_redis_link_unlock();
}

static apr_size_t take(reader_t *reader, char *data)
{
    apr_size_t len = reader->len, whole;

    if (len > CHAT_FEED_BYTES)
        len = CHAT_FEED_BYTES;
    whole = chat_resume_frames_whole(reader->data + reader->off, len);
    if (whole)
        len = whole;
    memcpy(data, reader->data + reader->off, len);
    reader->off += len;
    reader->len -= len;
    if (!reader->len)
        reader->off = 0;
    return len;
}

static apr_status_t read_feed(void *ctx, const char **pdata, apr_size_t *plen,
                              apr_interval_time_t *pwait)
{
    static __thread char data[CHAT_FEED_BYTES];
    reader_t *reader = ctx;
    state_e state;
    int all;

    if (reader->over)
        return APR_EOF;
    *pwait = 0;
    *pdata = data;
    chat_resume_redis_link_lock();
    *plen = reader->len ? take(reader, data) : 0;
    if (reader->more)
        request_more(reader);
    state = reader->len ? READING : reader->state;
    all = !reader->len && state == READING;
    chat_resume_redis_link_unlock();
    if (*plen)
        return all ? APR_INCOMPLETE : APR_SUCCESS;
    if (state != GAP)
        return state == ENDED ? APR_EOF : APR_EAGAIN;
    reader->over = 1;
    *pdata = chat_resume_gap;
    *plen = strlen(chat_resume_gap);
    return APR_SUCCESS;
}

static apr_status_t drop_reader(void *baton)
{
    reader_t *reader = baton;

    close_feed(reader);
    chat_resume_redis_link_lock();
    release(reader);
    chat_resume_redis_link_unlock();
    return APR_SUCCESS;
}

int chat_resume_redis_read_feed(chat_feed_t *feed, request_rec *r,
                                const char *stream, const char *instance,
                                apr_int64_t after, apr_int64_t last)
{
    reader_t *reader = calloc(1, sizeof(*reader));

    if (!reader)
        return 0;
    apr_cpystrn(reader->id, stream, sizeof(reader->id));
    apr_cpystrn(reader->instance, instance, sizeof(reader->instance));
    reader->refs = 1;
    reader->had = after;
    reader->seen = last < after ? last : after;
    apr_pool_cleanup_register(r->pool, reader, drop_reader,
                              apr_pool_cleanup_null);
    feed->open = open_feed;
    feed->read = read_feed;
    feed->close = close_feed;
    feed->ctx = reader;
    return 1;
}

/* ---- entries, with the lock ---- */

typedef struct text_t {
    const char *data;
    apr_size_t len;
} text_t;

static apr_ssize_t read_text(void *ctx, char *data, apr_size_t len,
                             apr_off_t at)
{
    const text_t *text = ctx;
    apr_size_t left = (apr_size_t)at < text->len ? text->len - at : 0;

    if (len > left)
        len = left;
    memcpy(data, text->data + at, len);
    return (apr_ssize_t)len;
}

static int keep(reader_t *reader, const char *data, apr_size_t len)
{
    char *longer;

    if (reader->off + reader->len + len > reader->capacity) {
        apr_size_t capacity = reader->len + len + AHEAD;

        longer = malloc(capacity);
        if (!longer)
            return 0;
        memcpy(longer, reader->data ? reader->data + reader->off : "",
               reader->len);
        free(reader->data);
        reader->data = longer;
        reader->off = 0;
        reader->capacity = capacity;
    }
    memcpy(reader->data + reader->off + reader->len, data, len);
    reader->len += len;
    return 1;
}

/* The frames of an entry, from the first that was not had. 0: there is a gap.
 */
static int add_frames(reader_t *reader, const redisReply *frames,
                      apr_int64_t last)
{
    text_t text = {.data = frames->str, .len = frames->len};
    apr_int64_t passed;
    apr_off_t at = 0;

    if (last <= reader->had) {
        reader->seen = last;
        return 1;
    }
    if (chat_resume_frames_seek(&at, &passed, read_text, &text, reader->had) !=
            APR_SUCCESS ||
        chat_resume_frames_id(text.data + at, text.len - at) !=
            reader->had + 1 ||
        !keep(reader, text.data + at, text.len - at))
        return 0;
    reader->had = reader->seen = last;
    return 1;
}

static int is_text(const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_STRING;
}

/* [id, [field, value]] */
static void add_entry(reader_t *reader, const redisReply *entry)
{
    const redisReply *id, *fields;

    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 ||
        !is_text(id = entry->element[0]) ||
        (fields = entry->element[1])->type != REDIS_REPLY_ARRAY ||
        fields->elements != 2 || !is_text(fields->element[0]) ||
        !is_text(fields->element[1])) {
        finish(reader, GAP);
        return;
    }
    if (!strncmp(id->str, "1-", 2))
        finish(reader,
               is_behind(reader) || strcmp(fields->element[0]->str, "end") != 0
                   ? GAP
                   : ENDED);
    else if (strncmp(id->str, "0-", 2) != 0 ||
             !add_frames(reader, fields->element[1], apr_atoi64(id->str + 2)))
        finish(reader, GAP);
}

/* ---- the thread ---- */

/* With the lock. All that there is was seen. */
static void judge_behind(reader_t *reader)
{
    if (!is_behind(reader) || !reader->look_behind)
        return;
    reader->look_behind = 0;
    if (++reader->behind == BEHIND_MAX)
        finish(reader, GAP);
}

static int on_entries(void *ctx, redisReply *reply)
{
    reader_t *reader = ctx;
    apr_size_t i, n = 0;

    chat_resume_redis_link_lock();
    reader->asked = 0;
    if (reply && reply->type == REDIS_REPLY_ARRAY) {
        n = reply->elements;
        for (i = 0; i < n && reader->state == READING; i++)
            add_entry(reader, reply->element[i]);
        if (!n && reader->forlorn)
            finish(reader, GAP);
        if (n < ENTRIES_MAX)
            judge_behind(reader);
    }
    else if (reply)
        finish(reader, GAP);
    else
        reader->more = 1; /* the connection was lost */
    if (n == ENTRIES_MAX || (n && reader->forlorn))
        reader->more = 1;
    if (reply && reader->stream) {
        if (n)
            chat_stream_wake(reader->stream);
        if (reader->more)
            request_more(reader);
    }
    release(reader);
    chat_resume_redis_link_unlock();
    return 0;
}

/* With the lock. */
static void fetch(reader_t *reader)
{
    char key[CHAT_RESUME_REDIS_KEY_MAX], from[32];
    const char *argv[] = {"XRANGE", key, from, "+", "COUNT", ENTRIES};
    char channel[CHAT_RESUME_REDIS_KEY_MAX];

    unqueue(reader);
    chat_resume_redis_link_key(key, reader->id, "events");
    chat_resume_redis_link_key(channel, reader->id, "more");
    apr_snprintf(from, sizeof(from), "0-%" APR_INT64_T_FMT, reader->seen + 1);
    if (reader->fresh)
        chat_resume_redis_link_subscribe(channel, 1);
    reader->fresh = reader->more = 0;
    reader->asked = 1;
    reader->refs++;
    chat_resume_redis_link_send(on_entries, reader, 6, argv, NULL);
}

static int on_exists(void *ctx, redisReply *reply)
{
    reader_t *reader = ctx;

    chat_resume_redis_link_lock();
    if (reply && reply->type == REDIS_REPLY_INTEGER && !reply->integer) {
        reader->forlorn = 1;
        if (reader->stream)
            request_more(reader);
    }
    release(reader);
    chat_resume_redis_link_unlock();
    return 0;
}

/* With the lock. Is the log there, and who writes it? */
static void look(reader_t *reader)
{
    char log[CHAT_RESUME_REDIS_KEY_MAX], alive[CHAT_RESUME_REDIS_KEY_MAX];
    const char *argv[] = {"EXISTS", log};

    chat_resume_redis_link_key(log, reader->id, "log");
    apr_snprintf(alive, sizeof(alive), "chat:alive:%s", reader->instance);
    reader->refs += 2;
    chat_resume_redis_link_send(on_exists, reader, 2, argv, NULL);
    argv[1] = alive;
    chat_resume_redis_link_send(on_exists, reader, 2, argv, NULL);
}

/* With the lock. */
static void sweep(apr_int64_t now, int up, apr_int64_t down_for)
{
    reader_t *reader;
    int i;

    for (i = 0; i < BUCKETS; i++)
        LIST_FOREACH(reader, &buckets[i], link)
        {
            if (reader->state != READING)
                continue;
            if (!up && down_for > DOWN_MAX)
                finish(reader, GAP);
            if (up && is_behind(reader)) {
                reader->look_behind = 1;
                request_more(reader);
            }
            if (up && reader->look_at <= now) {
                look(reader);
                reader->look_at = now + LOOK_EVERY;
            }
        }
}

static void serve(apr_int64_t now, int up, apr_int64_t down_for,
                  apr_int64_t *pdue)
{
    reader_t *reader;

    chat_resume_redis_link_lock();
    while (up && (reader = TAILQ_FIRST(&queue)))
        fetch(reader);
    if (nreaders && sweep_at <= now) {
        sweep(now, up, down_for);
        sweep_at = now + LOOK_EVERY / 2;
    }
    if (nreaders && sweep_at < *pdue)
        *pdue = sweep_at;
    chat_resume_redis_link_unlock();
}

static void look_at_all(void)
{
    reader_t *reader;
    int i;

    chat_resume_redis_link_lock();
    for (i = 0; i < BUCKETS; i++)
        LIST_FOREACH(reader, &buckets[i], link)
        {
            reader->fresh = 1;
            request_more(reader);
        }
    chat_resume_redis_link_unlock();
}

/* "chat:{ID}:more": nobody follows it any more, or there is something. */
static void hear(const char *channel, const char *message)
{
    static const char prefix[] = "chat:{";
    char id[CHAT_RESUME_ID_LEN + 1];
    reader_t *reader;

    if (strncmp(channel, prefix, sizeof(prefix) - 1) != 0)
        return;
    apr_cpystrn(id, channel + sizeof(prefix) - 1, sizeof(id));
    chat_resume_redis_link_lock();
    LIST_FOREACH(reader, bucket_of(id), link)
    {
        if (strcmp(reader->id, id) != 0)
            continue;
        reader->look_at = chat_clock_now() + LOOK_EVERY;
        request_more(reader);
    }
    if (!is_followed(id))
        chat_resume_redis_link_subscribe(channel, 0);
    chat_resume_redis_link_unlock();
}

const chat_resume_redis_user_t chat_resume_redis_readers = {
    .round = serve,
    .connected = look_at_all,
    .heard = hear,
};
