/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs from the inside: the ways to keep them, the thread of a process that
 * hears of what happens to them, and who waits for that.
 */
#ifndef CHAT_RESUME_INT_H
#define CHAT_RESUME_INT_H

#include <sys/queue.h>

#include <httpd.h>

#include "chat_resume.h"

/* Of a UUID as text. */
#define CHAT_RESUME_ID_LEN 36

/* ---- a way to keep logs: chat_resume.h says what each function does ---- */

typedef struct chat_resume_way_t {
    /* Not APR_SUCCESS: *pwhy is for the log. */
    apr_status_t (*create)(chat_resume_writer_t *w, const char *owner,
                           const char *route, const char **pwhy);
    /* 0: it could not be written, *pwhy says why. */
    int (*append)(chat_resume_writer_t *w, apr_int64_t first, apr_int64_t last,
                  const char *frames, apr_size_t len, const char **pwhy);
    /* Nothing more is written to it: not all of the stream is in it. */
    void (*give_up)(chat_resume_writer_t *w);
    void (*end)(chat_resume_writer_t *w);
    apr_status_t (*find)(chat_resume_log_t *log, const char *stream,
                         apr_pool_t *p);
    apr_status_t (*load)(const char **pframes, apr_size_t *plen,
                         apr_int64_t *plast, int *pended, const char *stream,
                         apr_pool_t *p);
    void (*remove)(const char *stream);
    /* These two NULL: logs go by themselves. */
    apr_status_t (*orphans)(apr_array_header_t *logs, apr_pool_t *p);
    void (*sweep)(server_rec *s);
    apr_status_t (*follow)(chat_feed_t *feed, request_rec *r,
                           const char *stream, apr_int64_t after);
    apr_status_t (*stop)(const char *stream);
    /* These two NULL: nothing to do. */
    apr_status_t (*check_config)(apr_pool_t *pconf, server_rec *s);
    apr_status_t (*post_config)(apr_pool_t *pconf, server_rec *s);
    void (*child_init)(apr_pool_t *pchild, server_rec *s);
} chat_resume_way_t;

extern const chat_resume_way_t chat_resume_spool;
extern const chat_resume_way_t chat_resume_redis;

/* Members that not every way has are 0 in the others. */
struct chat_resume_writer_t {
    const chat_resume_way_t *way;          /* C */
    request_rec *r;                        /* C */
    const char *stream;                    /* C */
    apr_int64_t size;                      /* of the log by now */
    apr_int64_t most;                      /* C  it may have */
    int broken;                            /* it is not written to any more */
    int fd;                                /* of a spool's file, -1 */
    apr_off_t at;                          /* where its next bytes go */
    apr_off_t there;                       /* bytes of it that are mapped */
    int appends;                           /* before it is mapped */
    struct chat_resume_spool_head_t *head; /* of one that is mapped, or NULL */
    struct chat_resume_redis_log_t *log;   /* C  in Redis */
};

/* What a follower is told instead of what is not there any more. */
extern const char chat_resume_gap[];

/* ---- who waits for a file to change (chat_resume_watch.c) ---- */

struct chat_resume_watch_t;

typedef struct chat_resume_waiter_t {
    chat_stream_t *stream;             /* NULL: it does not wait */
    struct chat_resume_watch_t *watch; /* of its file; NULL: it is polled */
    LIST_ENTRY(chat_resume_waiter_t) link;
} chat_resume_waiter_t;

/* [driver] The stream is woken whenever the file changes, or its writer has
 * gone. */
void chat_resume_watch_add(chat_resume_waiter_t *waiter, chat_stream_t *stream,
                           const char *path);
/* [driver] Idempotent. */
void chat_resume_watch_remove(chat_resume_waiter_t *waiter);

/* Start the thread; it cancels the stream of whatever name appears in that
 * directory. */
void chat_resume_watch_child_init(apr_pool_t *pchild, server_rec *s,
                                  const char *stops);

#endif
