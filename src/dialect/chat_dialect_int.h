/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the dialects share: the encoder, what an answer is gathered in, and how
 * numbers and failures are written.
 */
#ifndef CHAT_DIALECT_INT_H
#define CHAT_DIALECT_INT_H

#include <apr_tables.h>

#include "chat_dialect.h"

/* Bytes that are said again and again, made once. */
typedef struct chat_prefix_t {
    const char *text;
    apr_size_t len;
} chat_prefix_t;

#define CHAT_DELTA_KINDS (CHAT_DELTA_DETAIL + 1)

/* A call of a tool in an answer that is gathered. */
typedef struct chat_gathered_call_t {
    const char *id, *name;
    const char *extra;    /* JSON, or NULL */
    chat_buf_t arguments; /* as below */
} chat_gathered_call_t;

struct chat_encoder_t {
    const chat_dialect_t *dialect;
    const chat_answer_t *answer;
    apr_pool_t *pool;
    int begun;          /* what opens a stream was said */
    int over;           /* what ends it was said */
    apr_int64_t events; /* that have an id */

    /* A stream: what stands before and behind that which changes from one
     * delta to the next. Made by the dialect when it begins. */
    chat_prefix_t heads[CHAT_DELTA_KINDS];
    chat_prefix_t tail;
    void *own; /* a dialect's, made when it begins, in pool */

    /* Gathered: texts as they stand inside the quotes of a JSON string, so
     * that what is bounded is the size of the answer. */
    chat_buf_t text, reasoning, refusal;
    chat_buf_t details;        /* JSON objects with commas between */
    apr_array_header_t *calls; /* of chat_gathered_call_t *, by their index */
    apr_size_t gathered;       /* bytes of all the above */
};

#define CHAT_DIALECT(id, name) extern const chat_dialect_t chat_dialect_##id;
#include "chat_dialect_list.h"
#undef CHAT_DIALECT

/* A literal, whose length the compiler knows. */
#define CHAT_PUT(out, literal) chat_buf_put(out, literal, sizeof(literal) - 1)

void chat_dialect_prefix(chat_prefix_t *prefix, const char *text);

/* 1 when the client wants no stream: {"stream": false} says so in every form of
 * request. */
int chat_dialect_wants_whole(const chat_json_t *body);

/* Before each event: its id, where events have one. */
static inline void chat_dialect_number(chat_encoder_t *e, chat_buf_t *out)
{
    if (!e->answer->numbered)
        return;
    CHAT_PUT(out, "id: ");
    chat_buf_integer(out, ++e->events);
    CHAT_PUT(out, "\n");
}

/* The event of a delta whose text is all that changes. */
static inline void chat_dialect_text(chat_encoder_t *e, chat_buf_t *out,
                                     const chat_delta_t *delta)
{
    const chat_prefix_t *head = &e->heads[delta->kind];

    chat_dialect_number(e, out);
    chat_buf_put(out, head->text, head->len);
    chat_buf_escape(out, delta->text, delta->len);
    chat_buf_put(out, e->tail.text, e->tail.len);
}

/* Keep a copy of a delta for the end. Nothing more is kept once the encoder
 * overflows. */
void chat_encoder_gather(chat_encoder_t *e, const chat_delta_t *delta);

/* "member":[...] of the details that were gathered, with a comma before it;
 * nothing where there are none. */
void chat_dialect_details(chat_buf_t *out, const char *member,
                          const chat_encoder_t *e);

/* "member": and a text; a gathered one; a count, null when it is unknown. */
void chat_dialect_string(chat_buf_t *out, const char *member, const char *text);
void chat_dialect_gathered(chat_buf_t *out, const char *member,
                           const chat_buf_t *text);
void chat_dialect_count(chat_buf_t *out, const char *member, apr_int64_t n);

/* A cost in 1e-10 USD as a number of dollars, without zeros at
 * its end. */
void chat_dialect_dollars(chat_buf_t *out, apr_int64_t cost);
/* A limit that is near: {"code":"limit_near",...}. */
void chat_dialect_notice(chat_buf_t *out, const chat_notice_t *notice);

/* What an event holds, or NULL: it is no JSON object. */
chat_json_t *chat_dialect_data(const chat_sse_event_t *event, apr_pool_t *p);
/* A piece of text of one of its members, for told->on_delta. */
void chat_dialect_tell(const chat_told_t *told, chat_delta_e kind, int index,
                       const char *text);

/* input and output, -1 unless both are known. */
apr_int64_t chat_dialect_total(const chat_usage_t *usage);

/* err->retry_after when that is a number of seconds, else NULL. */
const char *chat_dialect_seconds(const chat_err_t *err);

/* A refusal as {"code","message","requestId"[,"retryAfter"][,"issues"]}, as
 * the routes without a dialect have it. */
const char *chat_dialect_refusal(const chat_err_t *err, const char *id,
                                 apr_pool_t *p);

/* The member "upstream" with a comma before it, where an upstream refused:
 * its status and what it said. */
void chat_dialect_upstream(chat_buf_t *out, const chat_err_t *err);

/* "retryable" and "scope", "limit" where one refused, and "models" where others
 * may answer, with commas before them. */
void chat_dialect_kind(chat_buf_t *out, const chat_err_t *err);

/* The members "category" and "reason" with commas before them, where moderation
 * has any that may be told. */
void chat_dialect_found(chat_buf_t *out, const chat_err_t *err);

#endif
