/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of HTTP/1.1, read: a parser that owns no socket (RFC 9112). Feed it
 * bytes cut anywhere; it calls back with each field of the head, and gives what
 * is the body. Only what can be read in one way alone is an answer: on a
 * connection that is used again, nothing but these lengths says which answer
 * belongs to which request. Pure.
 */
#ifndef CHAT_HTTP1_H
#define CHAT_HTTP1_H

#include <apr.h>

/* Of the heads of an answer together, and of what follows its body; of the size
 * of a chunk with what stands behind it. */
#define CHAT_HTTP1_HEAD_MAX ((apr_size_t)128 * 1024)
#define CHAT_HTTP1_TRAILERS_MAX ((apr_size_t)64 * 1024)
#define CHAT_HTTP1_CHUNK_LINE_MAX ((apr_size_t)4096)

typedef enum {
    CHAT_HTTP1_STATUS, /* a head begins, or a line of it is not whole */
    CHAT_HTTP1_FIELDS,
    CHAT_HTTP1_LENGTH, /* the body, of so many bytes */
    CHAT_HTTP1_REST,   /* the body, until the connection ends */
    CHAT_HTTP1_SIZE,   /* chunks: the digits */
    CHAT_HTTP1_EXTENSION,
    CHAT_HTTP1_SIZE_LF,
    CHAT_HTTP1_CHUNK,
    CHAT_HTTP1_CHUNK_CR,
    CHAT_HTTP1_CHUNK_LF,
    CHAT_HTTP1_TRAILER, /* a line of them begins */
    CHAT_HTTP1_TRAILER_LINE,
    CHAT_HTTP1_TRAILER_LF,
    CHAT_HTTP1_LAST_LF,
    CHAT_HTTP1_END,
    CHAT_HTTP1_BAD /* why says what is wrong */
} chat_http1_phase_e;

/* A field of the head that counts, or of an interim one: status() comes before
 * those of each. name and value are not terminated, and valid in the call. */
typedef struct chat_http1_cb_t {
    void (*status)(void *ctx, int status);
    void (*field)(void *ctx, const char *name, apr_size_t name_len,
                  const char *value, apr_size_t value_len);
    void *ctx;
} chat_http1_cb_t;

typedef struct chat_http1_t {
    const chat_http1_cb_t *cb;
    chat_http1_phase_e phase;
    int status;        /* of the last head that has begun; 0: none has */
    int complete;      /* the head that counts is over */
    int begun;         /* a byte came */
    int persistent;    /* the connection may be used again, once it is END */
    const char *why;   /* a sentence */
    apr_uint64_t left; /* of the body, or of its chunk */
    apr_size_t head;   /* bytes of heads, then of trailers */
    apr_size_t line;   /* of the line of a chunk's size, or of a trailer */
    int minor;         /* of the version */
    int coding;        /* of Transfer-Encoding: 0 none, 1 chunked, 2 others */
    int has_length;    /* left is that of Content-Length */
    char *partial;     /* malloc'ed: a line of the head that is not whole */
    apr_size_t partial_len, partial_size;
} chat_http1_t;

/* 1: the text may be a field's value: of control characters it has none but
 * tabs. */
int chat_http1_is_value(const char *text, apr_size_t len);

void chat_http1_begin(chat_http1_t *h, const chat_http1_cb_t *cb);
/* What of the bytes is the body; it is moved to *pbody, in data. After END they
 * are too many, and the connection is not persistent. */
apr_size_t chat_http1_feed(chat_http1_t *h, char *data, apr_size_t len,
                           char **pbody);
/* The connection has ended. 1: so has the answer, whole. */
int chat_http1_closed(chat_http1_t *h);
/* Free what it holds. Idempotent. */
void chat_http1_clear(chat_http1_t *h);

#endif
