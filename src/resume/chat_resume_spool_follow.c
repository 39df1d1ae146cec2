/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A follower of a file. It reads on from where it stands whenever the file has
 * changed, so that what it costs is what it has not had yet. Opened by the
 * request's thread, read by the driver's.
 */
#include "chat_resume_spool.h"

#include <apr_strings.h>

#include <fcntl.h>

/* A writer that has died is heard of at once, but its lock may be there for a
 * moment longer. */
#define LOOK_AGAIN apr_time_from_sec(2)

typedef struct follower_t {
    chat_resume_waiter_t waiter;
    const char *path;
    chat_resume_spool_file_t file;
    apr_off_t at;       /* in the file */
    apr_int64_t expect; /* the id of the first frame, 0 once it was seen */
    int quiet;          /* there was nothing at the last read */
    int is_open;        /* it had not ended when it was watched already */
    int over;           /* the gap was told */
} follower_t;

static void open_feed(void *ctx, chat_stream_t *stream)
{
    follower_t *f = ctx;

    chat_resume_watch_add(&f->waiter, stream, f->path);
    if (f->file.head)
        __atomic_store_n(&f->file.head->followed, 1, __ATOMIC_SEQ_CST);
}

static void close_feed(void *ctx)
{
    follower_t *f = ctx;

    chat_resume_watch_remove(&f->waiter);
}

static apr_status_t tell_gap(follower_t *f, const char **pdata,
                             apr_size_t *plen)
{
    f->over = 1;
    *pdata = chat_resume_gap;
    *plen = strlen(chat_resume_gap);
    return APR_SUCCESS;
}

/* Whole frames, as many as fit; of one that does not fit, all that does. 0:
 * there is none. *pall: these are all that there are. */
static apr_size_t read_frames(follower_t *f, char *data, apr_size_t size,
                              int *pall)
{
    apr_ssize_t n = chat_resume_spool_file_read(&f->file, data, size, f->at);
    apr_size_t len = n > 0 ? chat_resume_frames_whole(data, n) : 0;

    *pall = n < (apr_ssize_t)size;
    return len || *pall ? len : size;
}

/* What the file is before it is read decides whether all was read. */
static char find_state(follower_t *f)
{
    char state = chat_resume_spool_file_state(&f->file);

    if (state == CHAT_RESUME_OPEN && f->quiet &&
        !chat_resume_spool_file_is_written(&f->file))
        state = CHAT_RESUME_BROKEN;
    f->quiet = 1;
    f->is_open |= state == CHAT_RESUME_OPEN;
    return state;
}

/* Once it is known that the file was open, all that happens to it is heard. */
static apr_status_t read_feed(void *ctx, const char **pdata, apr_size_t *plen,
                              apr_interval_time_t *pwait)
{
    static __thread char data[CHAT_FEED_BYTES];
    follower_t *f = ctx;
    char state = CHAT_RESUME_OPEN;
    apr_size_t len;
    int all;

    if (f->over)
        return APR_EOF;
    len = read_frames(f, data, sizeof(data), &all);
    if (!len) {
        state = find_state(f);
        *pwait = LOOK_AGAIN;
        if (state == CHAT_RESUME_OPEN)
            return APR_EAGAIN;
        len = read_frames(f, data, sizeof(data), &all);
    }
    if (!len && state == CHAT_RESUME_ENDED)
        return APR_EOF;
    if (!len || (f->expect && chat_resume_frames_id(data, len) != f->expect))
        return tell_gap(f, pdata, plen);
    f->expect = 0;
    f->quiet = 0;
    f->at += len;
    *pdata = data;
    *plen = len;
    *pwait = LOOK_AGAIN;
    return all && f->is_open && state == CHAT_RESUME_OPEN ? APR_INCOMPLETE
                                                          : APR_SUCCESS;
}

static int is_at_end(follower_t *f)
{
    char byte;

    return chat_resume_spool_file_read(&f->file, &byte, 1, f->at) <= 0;
}

static apr_status_t close_file(void *baton)
{
    follower_t *f = baton;

    chat_resume_spool_file_close(&f->file);
    return APR_SUCCESS;
}

apr_status_t chat_resume_spool_follow(chat_feed_t *feed, request_rec *r,
                                      const char *stream, apr_int64_t after)
{
    follower_t *f = apr_pcalloc(r->pool, sizeof(*f));
    chat_resume_line_t line;
    apr_int64_t last;
    apr_status_t rv;
    char state;

    rv = chat_resume_spool_file_open(&f->file, &line, O_RDWR, stream, r->pool);
    if (rv != APR_SUCCESS)
        return rv;
    apr_pool_cleanup_register(r->pool, f, close_file, apr_pool_cleanup_null);
    f->path = chat_resume_spool_dir_path(stream, r->pool);
    f->expect = after + 1;
    f->at = f->file.begin;
    state = chat_resume_spool_file_state(&f->file);
    rv = chat_resume_frames_seek(&f->at, &last, chat_resume_spool_file_read,
                                 &f->file, after);
    if (rv != APR_SUCCESS)
        return rv;
    if (state == CHAT_RESUME_ENDED && is_at_end(f))
        return APR_EOF;
    feed->open = open_feed;
    feed->read = read_feed;
    feed->close = close_feed;
    feed->ctx = f;
    return APR_SUCCESS;
}
