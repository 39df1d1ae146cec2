/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of a stream: what its client was sent, event by event, for a client
 * that comes back and for other readers, on this server or on another one. A
 * file per stream in the directory of ChatStreamResume, or a Redis stream. An
 * event is a whole SSE frame with an id: 1, 2, 3, ... as they were sent.
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
 * The log is kept for the time that ChatStreamResume says. */
void chat_resume_end(chat_resume_writer_t *w);

/* [a thread that may wait] All that a log holds, for one whose process is gone.
 * APR_NOTFOUND: there is none (any more). *pended: its writer had ended it. */
apr_status_t chat_resume_load(const char **pframes, apr_size_t *plen,
                              apr_int64_t *plast, int *pended, server_rec *s,
                              const char *stream, apr_pool_t *p);
/* [a thread that may wait] It is not needed any more. */
void chat_resume_remove(server_rec *s, const char *stream);

/* ---- following ---- */

/*
 * [request thread] The source of a stream that follows a log, from the event
 * behind after: what is there at once, then what comes, until its end. Frames
 * are passed as they were written. A gap is a frame of the event "error" with
 * the code stream_gap, and the end.
 * APR_NOTFOUND: there is no such log. APR_EOF: it has ended and nothing is
 * behind after. Whether the reader may read it is the caller's question.
 */
apr_status_t chat_resume_follow(chat_stream_spec_t *spec, request_rec *r,
                                const char *stream, apr_int64_t after,
                                chat_err_t *err);

/* ---- stopping, from any process ---- */

/* [a thread that may wait] The stream of that id is to end, wherever it runs.
 * It has not ended yet when this returns. */
apr_status_t chat_resume_stop(server_rec *s, const char *stream,
                              chat_err_t *err);

#endif
