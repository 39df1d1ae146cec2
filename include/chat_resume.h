/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of a stream: what its client was sent, event by event, for a client
 * that comes back and for other readers, on this server or on another one. A
 * file per stream in the directory of ChatStreamResume, or a Redis stream. An
 * event is a whole SSE frame with an id: 1, 2, 3, ... as they were sent, in a
 * line "id: N" of its own.
 *
 * The writer belongs to the run whose stream it is. Nothing here blocks unless
 * its comment says so: what cannot be written at once is queued, within bounds,
 * and when it cannot be written at all the stream can no longer be resumed, but
 * goes on.
 */
#ifndef CHAT_RESUME_H
#define CHAT_RESUME_H

#include <httpd.h>

#include "chat_err.h"
#include "chat_stream.h"

typedef struct chat_resume_writer_t chat_resume_writer_t;

/* 1 when ChatStreamResume is on. Without it nothing is created or found, and
 * chat_resume_stop() reaches the streams of this process alone. */
int chat_resume_enabled(const server_rec *s);

/* [request thread, may wait] A log of that name (a UUID), which nobody has
 * written yet. owner and route are kept with it: who may read it, and in which
 * dialect it is. All lives in r->pool. Fails: err is a 503; the caller decides
 * whether it goes on without. */
apr_status_t chat_resume_create(chat_resume_writer_t **pw, request_rec *r,
                                const char *stream, const char *owner,
                                const char *route, chat_err_t *err);

/* [driver] Frames with the ids first..last, whole ones. */
void chat_resume_append(chat_resume_writer_t *w, apr_int64_t first,
                        apr_int64_t last, const char *frames, apr_size_t len);

/* [a worker] Nothing follows. Readers are told the end when they have read all.
 * The log is kept for the time that ChatStreamResume says. When the pool of the
 * request goes without this, the log is one whose process is gone. */
void chat_resume_end(chat_resume_writer_t *w);

/* What is known of a log. */
typedef struct chat_resume_log_t {
    const char *stream; /* its name */
    const char *owner;  /* as it was created */
    const char *route;
    apr_time_t created;
    int ended;  /* 1: its writer has ended it */
    int broken; /* 1: not all of the stream is in it */
} chat_resume_log_t;

/* [a thread that may wait] APR_NOTFOUND: there is none (any more). Otherwise it
 * could not be looked up. */
apr_status_t chat_resume_find(chat_resume_log_t *log, server_rec *s,
                              const char *stream, apr_pool_t *p);

/* [a thread that may wait] All that a log holds, for one whose process is gone.
 * APR_NOTFOUND: there is none (any more). *pended: its writer had ended it. */
apr_status_t chat_resume_load(const char **pframes, apr_size_t *plen,
                              apr_int64_t *plast, int *pended, server_rec *s,
                              const char *stream, apr_pool_t *p);
/* [a thread that may wait] It is not needed any more. */
void chat_resume_remove(server_rec *s, const char *stream);

/* [a thread that may wait] The logs of this server that have not ended, and
 * whose writers' processes are gone: chat_resume_log_t. They stay for a day, so
 * that they can be loaded and removed. */
apr_status_t chat_resume_orphans(apr_array_header_t **plogs, server_rec *s,
                                 apr_pool_t *p);
/* [a thread that may wait] Remove what is older than ChatStreamResume says.
 * About once a minute, by one process. */
void chat_resume_sweep(server_rec *s);

/* ---- following ---- */

/*
 * [request thread] The source of a stream that follows a log, from the event
 * behind after: what is there at once, then what comes, until its end. Frames
 * are passed as they were written. A gap is a frame of the event "error" with
 * the code stream_gap, and the end. Sets spec->feed; all else is the caller's:
 * data() has to send the head of the answer first, and with spec->early a
 * reader of a log without news gets one at once.
 * APR_NOTFOUND: there is no such log. APR_EOF: it has ended and nothing is
 * behind after. Otherwise err is a 503. Whether the reader may read it is the
 * caller's question.
 */
apr_status_t chat_resume_follow(chat_stream_spec_t *spec, request_rec *r,
                                const char *stream, apr_int64_t after,
                                chat_err_t *err);

/* ---- stopping, from any process ---- */

/* [a thread that may wait] The stream of that id (chat_stream_spec_t.id) is to
 * end, wherever it runs, whether there is a log of it or not. It has not ended
 * yet when this returns. As often as one likes. Fails: err is a 503. */
apr_status_t chat_resume_stop(server_rec *s, const char *stream,
                              chat_err_t *err);

/* Start-up, called by mod_chat.c. check_config, also of configtest, refuses a
 * directory that is there and should not be used. */
apr_status_t chat_resume_check_config(apr_pool_t *pconf, server_rec *s);
apr_status_t chat_resume_post_config(apr_pool_t *pconf, server_rec *s);
void chat_resume_child_init(apr_pool_t *pchild, server_rec *s);

#endif
