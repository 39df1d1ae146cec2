/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forms in which clients get an answer, whichever provider gives it: a
 * dialect makes its bytes of deltas. Pure: values in, bytes out; no httpd, no
 * logging, no globals. Links alone into tests. An encoder belongs to one
 * request and to whichever thread owns that.
 */
#ifndef CHAT_DIALECT_H
#define CHAT_DIALECT_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "chat_buf.h"
#include "chat_delta.h"
#include "chat_err.h"
#include "chat_json.h"
#include "chat_request.h"
#include "chat_types.h"

/* Longest answer that is gathered for a client that wants it whole. */
#define CHAT_DIALECT_WHOLE_MAX (16 * 1024 * 1024)

/* What is known of the answer before its first byte. All outlives the encoder.
 */
typedef struct chat_answer_t {
    const char *id;       /* of the request: letters, digits, "._-" */
    const char *model;    /* that answers, as clients know it */
    const char *provider; /* its name in the configuration */
    apr_time_t created;
    int whole; /* 1: gathered, for one JSON text */
    int usage; /* 1: the client wants token counts (completions) */
    double price_in, price_out; /* USD per million tokens, < 0: unknown */
} chat_answer_t;

typedef struct chat_encoder_t chat_encoder_t;

typedef struct chat_dialect_t {
    const char *name; /* as in ChatRoute */

    /* The body of a request in this form. *request is zeroed; what it points to
     * is borrowed from body or made in p. Fails with a 400 in err. */
    apr_status_t (*read)(chat_request_t *request, chat_json_t *body,
                         const chat_request_clamps_t *clamps, chat_err_t *err,
                         apr_pool_t *p);

    /* Headers of its own that an answer carries, beside those of every answer:
     * set in headers, whose strings must outlive the request. NULL: none. */
    void (*headers)(apr_table_t *headers, const chat_answer_t *answer);

    /* The following append to out what the client gets now; it may be nothing.
     * What opens a stream comes with its first delta (or its end), so that
     * nothing is said until there is something to say. For an answer that is
     * gathered out stays empty until finish. */
    void (*delta)(chat_encoder_t *e, chat_buf_t *out,
                  const chat_delta_t *delta);

    /* The answer is whole: the last thing that is said, or all of it. */
    void (*finish)(chat_encoder_t *e, chat_buf_t *out, chat_finish_e why,
                   const chat_usage_t *usage);

    /* A stream that has begun will not be finished: the one event that says
     * why, instead of finish. It may be the first that is sent, and what opens
     * a stream is not written before it. Not called for an answer that is
     * gathered: nothing was sent, so that is refused. */
    void (*fail)(chat_encoder_t *e, chat_buf_t *out, const chat_err_t *err);

    /* The body of an answer that is an error, as JSON; id is the request's. */
    const char *(*refusal)(const chat_err_t *err, const char *id,
                           apr_pool_t *p);
} chat_dialect_t;

/* The built-in that ChatRoute names, NULL when that route has none. */
const chat_dialect_t *chat_dialect_get(const char *name);

/* An encoder of that dialect; all it holds is freed with p. */
chat_encoder_t *chat_encoder_create(const chat_dialect_t *dialect,
                                    const chat_answer_t *answer, apr_pool_t *p);

/* delta, finish and fail of its dialect. After finish or fail nothing is said
 * any more, whatever is called. */
void chat_encoder_delta(chat_encoder_t *e, chat_buf_t *out,
                        const chat_delta_t *delta);
void chat_encoder_finish(chat_encoder_t *e, chat_buf_t *out, chat_finish_e why,
                         const chat_usage_t *usage);
void chat_encoder_fail(chat_encoder_t *e, chat_buf_t *out,
                       const chat_err_t *err);

/* 1 when what was gathered has grown over CHAT_DIALECT_WHOLE_MAX, as JSON has
 * it: no more is kept. */
int chat_encoder_overflows(const chat_encoder_t *e);

#endif
