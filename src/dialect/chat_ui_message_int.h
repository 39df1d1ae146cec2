/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the chat_ui_message*.c files share: a message that is being built, part
 * by part. Values are kept as JSON texts, so that what is bounded is what they
 * take.
 */
#ifndef CHAT_UI_MESSAGE_INT_H
#define CHAT_UI_MESSAGE_INT_H

#include <apr_tables.h>

#include "chat_buf.h"
#include "chat_json.h"
#include "chat_sse.h"
#include "chat_ui_message.h"

/* A member of a part, where it stands among the others. */
typedef struct chat_ui_member_t {
    const char *key;
    int is_said;      /* 0: undefined, but it has its place */
    int is_text;      /* value is the inside of a JSON string */
    chat_buf_t value; /* JSON */
} chat_ui_member_t;

/* The input of a call as it comes. */
typedef struct chat_ui_partial_t {
    const char *id, *name;
    int is_dynamic;
    const char *encoding, *title, *metadata; /* JSON, or NULL */
    chat_buf_t text;                         /* so far */
} chat_ui_partial_t;

typedef enum {
    CHAT_UI_OTHER,
    CHAT_UI_STEP,
    CHAT_UI_TEXT,
    CHAT_UI_REASONING,
    CHAT_UI_TOOL,
    CHAT_UI_DYNAMIC,
    CHAT_UI_DATA
} chat_ui_kind_e;

typedef struct chat_ui_part_t {
    chat_ui_kind_e kind;
    const char *type; /* of CHAT_UI_DATA */
    const char *id;   /* of chunks: of a text, a call or data; or NULL */
    const char *name; /* of a tool */
    int is_open;      /* a text that chunks may add to */
    chat_ui_partial_t *partial;  /* its input and rawInput are there, or NULL */
    apr_array_header_t *members; /* chat_ui_member_t * */
} chat_ui_part_t;

struct chat_ui_message_t {
    chat_sse_t *sse;
    apr_pool_t *pool;             /* of all that follows */
    apr_pool_t *event;            /* of the event at hand */
    apr_array_header_t *parts;    /* chat_ui_part_t * */
    apr_array_header_t *partials; /* chat_ui_partial_t * */
    apr_size_t bytes;             /* kept, and replaced */
    const char *id;
    chat_buf_t metadata, context; /* JSON; empty: none */
    const char *finish_reason, *error;
    int finished, aborted, done, broken, overflows;
};

/* ---- chat_ui_message_parts.c: of a chunk, whose members have the right kinds
 */

/* Add a part, behind all others; id may be NULL. NULL: there are too many. */
chat_ui_part_t *chat_ui_message_add(chat_ui_message_t *m, chat_ui_kind_e kind,
                                    const char *id);

/* A member is that JSON from now on; NULL: it is undefined, and keeps its
 * place. */
void chat_ui_message_set(chat_ui_message_t *m, chat_ui_part_t *part,
                         const char *key, const char *json);
/* The same with a text; with a member of the chunk, which stays as it is where
 * the chunk has none. */
void chat_ui_message_set_text(chat_ui_message_t *m, chat_ui_part_t *part,
                              const char *key, const char *text);
void chat_ui_message_take(chat_ui_message_t *m, chat_ui_part_t *part,
                          const char *key, const chat_json_t *chunk);

/* A text begins, goes on and ends. 0: nobody has begun one of that id. */
void chat_ui_message_text_start(chat_ui_message_t *m, chat_ui_kind_e kind,
                                const chat_json_t *chunk);
int chat_ui_message_text_delta(chat_ui_message_t *m, chat_ui_kind_e kind,
                               const chat_json_t *chunk);
int chat_ui_message_text_end(chat_ui_message_t *m, chat_ui_kind_e kind,
                             const chat_json_t *chunk);
/* Texts that are open cannot be added to any more. */
void chat_ui_message_step_end(chat_ui_message_t *m);

void chat_ui_message_data(chat_ui_message_t *m, const chat_json_t *chunk);

/* A value of a chunk as JSON, NULL where it has none; in m->event. */
const char *chat_ui_message_value(chat_ui_message_t *m,
                                  const chat_json_t *chunk, const char *key);
const char *chat_ui_message_member(const chat_json_t *chunk, const char *key);

/* ---- chat_ui_message_tools.c. 0: there is no such call */

int chat_ui_message_input_start(chat_ui_message_t *m, const chat_json_t *chunk);
int chat_ui_message_input_delta(chat_ui_message_t *m, const chat_json_t *chunk);
int chat_ui_message_input_end(chat_ui_message_t *m, const chat_json_t *chunk);
int chat_ui_message_input_error(chat_ui_message_t *m, const chat_json_t *chunk);
int chat_ui_message_output(chat_ui_message_t *m, const chat_json_t *chunk);
int chat_ui_message_output_error(chat_ui_message_t *m,
                                 const chat_json_t *chunk);
int chat_ui_message_denied(chat_ui_message_t *m, const chat_json_t *chunk);
int chat_ui_message_asked(chat_ui_message_t *m, const chat_json_t *chunk);
int chat_ui_message_answered(chat_ui_message_t *m, const chat_json_t *chunk);

/* What has come of an input: as text, and as JSON as far as it is any (NULL: it
 * is none yet). Both in p. */
const char *chat_ui_message_raw(const chat_ui_partial_t *partial,
                                apr_pool_t *p);
const char *chat_ui_message_input(const chat_ui_partial_t *partial,
                                  apr_pool_t *p);

/* ---- chat_ui_message_partial.c ---- */

/* JSON of which the end is missing, as far as it goes: a JSON text in p, NULL:
 * nothing can be made of it. */
const char *chat_ui_message_partial(const char *text, apr_size_t len,
                                    apr_pool_t *p);

#endif
