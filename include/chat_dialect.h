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
#include "chat_price.h"
#include "chat_request.h"
#include "chat_sse.h"
#include "chat_types.h"

/* Longest answer that is gathered for a client that wants it whole. */
#define CHAT_DIALECT_WHOLE_MAX (16 * 1024 * 1024)

/* What a dialect that shows the conversation says around an answer, in its own
 * form. */
typedef struct chat_answer_frame_t {
    const char *opening, *closing; /* before it and behind it, or NULL */
    apr_int64_t created;           /* of the answer's message, ms since 1970 */
} chat_answer_frame_t;

/* What a conversation is called. */
typedef struct chat_named_t {
    const char *title; /* NULL: it has none yet */
    int revision;      /* of what its user has set */
} chat_named_t;

/* What is known of the answer before its first byte. All outlives the encoder.
 */
typedef struct chat_answer_t {
    const char *id;       /* of the request: letters, digits, "._-" */
    const char *model;    /* that answers, as clients know it */
    const char *provider; /* its name in the configuration */
    apr_time_t created;
    int whole; /* 1: gathered, for one JSON text */
    int usage; /* 1: the client wants token counts (completions) */
    chat_price_t price;
    const chat_notice_t *const *notice; /* what it points to is NULL, or set
                                           before finish; or NULL */

    const char *const *limits; /* what it points to is NULL, or how the limits
                                  stand by now, as chat_limit_told() has it; or
                                  NULL */

    const chat_named_t *const *named; /* what it points to is NULL, or set
                                         before finish for a client that wants
                                         to know; or NULL */

    /* Where it is kept, as ids; all NULL: nowhere. */
    const char *conversation, *question, *message;
    const char *stream;
    const char *thread; /* what the client calls that, or NULL */
    chat_answer_frame_t frame;
    int numbered; /* 1: each event has an id, so that a client that comes back
                     can say how far it was */
} chat_answer_t;

/* What is said in the last event of an answer that somebody has stopped. */
#define CHAT_DIALECT_STOPPED "stopped"

/* What a stream told, read back from its events. */
typedef struct chat_told_t {
    chat_delta_cb *on_delta; /* set by the caller; its data lives in p */
    void *ctx;
    apr_pool_t *p;                /* everything below does, too */
    const char *model, *provider; /* of the event that opens it, or NULL */
    const char *finish_reason;    /* of the one that ends it, or NULL */
    const char *error;            /* code of the one that breaks it off */
    chat_usage_t usage;           /* of the one that ends it */
    apr_array_header_t *calls;    /* private: ids of calls, where events name
                                     them by these alone; NULL at first */
} chat_told_t;

typedef struct chat_encoder_t chat_encoder_t;

typedef struct chat_dialect_t {
    const char *name; /* as in ChatRoute */
    const char *wire; /* wire_format() of the providers whose streams are in
                         this form already, so that they pass unchanged; NULL:
                         of none */

    /* 1: clients learn all that went wrong from fail(): its stream ends as any
     * other. 0: it is broken off, so that none takes it for whole. */
    int tells_errors;

    /* 1: that an answer must not go on is an end of it (CHAT_FINISH_FILTER),
     * and no failure. */
    int tells_filter;

    /* The body of a request in this form. *request is zeroed; what it points to
     * is borrowed from body or made in p. Fails with a 400 in err. NULL: the
     * route reads it. */
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

    /* The answer is whole, or was stopped (why is CHAT_FINISH_STOPPED): the
     * last thing that is said, or all of it. */
    void (*finish)(chat_encoder_t *e, chat_buf_t *out, chat_finish_e why,
                   const chat_usage_t *usage);

    /* A stream that has begun will not be finished: the one event that says
     * why, instead of finish. It may be the first that is sent, and what opens
     * a stream is not written before it. Not called for an answer that is
     * gathered: nothing was sent, so that is refused. */
    void (*fail)(chat_encoder_t *e, chat_buf_t *out, const chat_err_t *err);

    /* While nothing is said: what is waited for, and by which call of that
     * provider, from 1. It has no id and may come at any time between events.
     * NULL: clients of this form are told nothing of it. */
    void (*status)(chat_buf_t *out, const chat_answer_t *answer,
                   const char *stage, int attempt);

    /* The other way round: what an event that was written by this dialect
     * means. told->usage starts as unknown (-1). What is no event of it is
     * passed over. NULL: nobody has to read its streams again. */
    void (*decode)(chat_told_t *told, const chat_sse_event_t *event);

    /* The body of an answer that is an error, as JSON; id is the request's. */
    const char *(*refusal)(const chat_err_t *err, const char *id,
                           apr_pool_t *p);
} chat_dialect_t;

/* "stop", "length", "tool_calls", "content_filter", "other" or "stopped". */
const char *chat_dialect_reason(chat_finish_e why);

/* The built-in that ChatRoute names, NULL when that route has none. */
const chat_dialect_t *chat_dialect_get(const char *name);

/* An error as Vercel's chat template tells it (ChatStore vercel): its status,
 * and the body, as chat_dialect_t.refusal has it. */
int chat_dialect_vercel_status(const chat_err_t *err);
const char *chat_dialect_vercel_refusal(const chat_err_t *err, const char *id,
                                        apr_pool_t *p);

/* What that tells of an answer that breaks off. */
#define CHAT_DIALECT_VERCEL_BROKEN "Oops, an error occurred!"

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

/* 1: what opens the answer is written. */
int chat_encoder_has_begun(const chat_encoder_t *e);

/* The id of the event that was written last, 0: none has one. */
apr_int64_t chat_encoder_last(const chat_encoder_t *e);

/* 1 when what was gathered has grown over CHAT_DIALECT_WHOLE_MAX, as JSON has
 * it: no more is kept. */
int chat_encoder_overflows(const chat_encoder_t *e);

#endif
