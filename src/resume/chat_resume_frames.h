/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a log: a line about it, then whole SSE frames. Pure; a file may
 * hold anything, and nothing of it is believed. Private to resume/, its unit
 * test and its fuzz target.
 */
#ifndef CHAT_RESUME_FRAMES_H
#define CHAT_RESUME_FRAMES_H

#include <apr_pools.h>
#include <apr_time.h>

/* ---- the first line ---- */

/* What became of a log: one byte of its first line, overwritten in place. */
#define CHAT_RESUME_OPEN 'o'
#define CHAT_RESUME_ENDED 'e'
#define CHAT_RESUME_BROKEN 'b' /* not all of the stream is in it */
#define CHAT_RESUME_STATE_AT 11

#define CHAT_RESUME_LINE_MAX 4096

typedef struct chat_resume_line_t {
    char state;
    apr_time_t created;
    const char *route;
    const char *owner; /* any text */
    apr_size_t len;    /* of the line: the frames begin there */
} chat_resume_line_t;

/* NULL: too long. */
const char *chat_resume_frames_make_line(const chat_resume_line_t *line,
                                         apr_pool_t *p);
/* APR_INCOMPLETE: the line has no end yet. APR_EINVAL: it is none. */
apr_status_t chat_resume_frames_parse_line(chat_resume_line_t *line,
                                           const char *data, apr_size_t len,
                                           apr_pool_t *p);

/* ---- frames ---- */

/* Bytes up to the end of the last whole frame. */
apr_size_t chat_resume_frames_whole(const char *data, apr_size_t len);
/* The id of the frame that begins there; 0: it has none. */
apr_int64_t chat_resume_frames_id(const char *data, apr_size_t len);

/* Up to len bytes at that place of a log: how many, 0 at its end, less than 0
 * when it cannot be read. */
typedef apr_ssize_t chat_resume_read_fn(void *ctx, char *data, apr_size_t len,
                                        apr_off_t at);

/* From *pat, where a frame begins, to the first frame with an id above after,
 * or to the end of the last whole one. *plast: the id of the last frame that
 * was passed over, 0 none. Not APR_SUCCESS: the log cannot be read. */
apr_status_t chat_resume_frames_seek(apr_off_t *pat, apr_int64_t *plast,
                                     chat_resume_read_fn *read, void *ctx,
                                     apr_int64_t after);

#endif
