/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How ChatKit's widget sees threads and items: the shapes that stand in events
 * and in documents alike. Pure, any thread.
 */
#ifndef CHAT_DIALECT_CHATKIT_H
#define CHAT_DIALECT_CHATKIT_H

#include "chat_buf.h"
#include "chat_dialect.h"

/* The id of a thread, from that of its conversation, a UUID. */
const char *chat_dialect_chatkit_thread(const char *conversation,
                                        apr_pool_t *p);

/* Milliseconds since 1970 as ChatKit writes a time, in UTC. */
const char *chat_dialect_chatkit_time(apr_int64_t ms, apr_pool_t *p);

/* Where an item stands. A message of ours is one item for each part of it: the
 * number of the part, from 0, is in the item's id. */
typedef struct chat_dialect_chatkit_item_t {
    const char *thread;  /* its id */
    const char *message; /* a UUID */
    int part;
    const char *created; /* its time */
} chat_dialect_chatkit_item_t;

typedef enum {
    CHAT_DIALECT_CHATKIT_USER,
    CHAT_DIALECT_CHATKIT_TEXT,     /* of the assistant */
    CHAT_DIALECT_CHATKIT_WORKFLOW, /* its thoughts */
    CHAT_DIALECT_CHATKIT_CALL      /* of a client's tool */
} chat_dialect_chatkit_kind_e;

/* The id of that item, in p. */
const char *chat_dialect_chatkit_id(const chat_dialect_chatkit_item_t *item,
                                    chat_dialect_chatkit_kind_e kind,
                                    apr_pool_t *p);

/* "{" and what all items begin with, up to the type. */
void chat_dialect_chatkit_open(chat_buf_t *out,
                               const chat_dialect_chatkit_item_t *item,
                               chat_dialect_chatkit_kind_e kind, apr_pool_t *p);

/* What an assistant said, or thought; text is as it stands inside the quotes of
 * a JSON string. */
void chat_dialect_chatkit_text(chat_buf_t *out,
                               const chat_dialect_chatkit_item_t *item,
                               const char *text, apr_size_t len, apr_pool_t *p);
void chat_dialect_chatkit_thought(chat_buf_t *out,
                                  const chat_dialect_chatkit_item_t *item,
                                  const char *text, apr_size_t len,
                                  apr_pool_t *p);

/* A call; arguments is text that should be a JSON object, and {} otherwise.
 * output is JSON text; NULL: it is still waited for. */
void chat_dialect_chatkit_call(chat_buf_t *out,
                               const chat_dialect_chatkit_item_t *item,
                               const char *id, const char *name,
                               const char *arguments, apr_size_t len,
                               const char *output, apr_pool_t *p);

/* An event: what stands before and behind its JSON. */
#define CHAT_DIALECT_CHATKIT_EVENT "data: "
#define CHAT_DIALECT_CHATKIT_END "\n\n"

/* {"type": "stream_options", ...}, the event that stands before every answer;
 * and that of an error, whose message may be NULL. */
void chat_dialect_chatkit_options(chat_buf_t *out);
void chat_dialect_chatkit_error(chat_buf_t *out, const char *message,
                                int may_retry);

#endif
