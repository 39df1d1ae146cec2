/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an answer consists of, whoever gives it and in whatever form the client
 * gets it: providers make these of their events, dialects make their events of
 * these. Plain data, valid only during the call that hands it on.
 */
#ifndef CHAT_DELTA_H
#define CHAT_DELTA_H

#include <apr.h>

typedef enum {
    CHAT_DELTA_TEXT,      /* text: a piece of the answer */
    CHAT_DELTA_REASONING, /* text: a piece of the model's thoughts */
    CHAT_DELTA_REFUSAL,   /* text: a piece of why the model will not answer */
    CHAT_DELTA_TOOL,      /* a call of a tool begins: index, id, name */
    CHAT_DELTA_ARGUMENTS, /* text: a piece of the arguments of call index */
    CHAT_DELTA_DETAIL     /* text: a JSON object that is no answer, which the
                             provider wants back: see chat_message_t.details */
} chat_delta_e;

typedef struct chat_delta_t {
    chat_delta_e kind;
    const char *text;  /* UTF-8, whole characters, not NUL-terminated */
    apr_size_t len;    /* bytes, more than 0 */
    int index;         /* of the call: 0, 1, ... as they began */
    const char *id;    /* CALL: never NULL or empty */
    const char *name;  /* CALL: of the tool */
    const char *extra; /* CALL: a JSON object that its provider wants back with
                          it, or NULL */
} chat_delta_t;

typedef void chat_delta_cb(void *ctx, const chat_delta_t *delta);

/* Why the answer is over. */
typedef enum {
    CHAT_FINISH_STOP,   /* the model had said all */
    CHAT_FINISH_LENGTH, /* the limit of tokens, or of the model's context */
    CHAT_FINISH_CALLS,  /* it waits for what the tools give */
    CHAT_FINISH_FILTER, /* the provider, or the model, refused to go on */
    CHAT_FINISH_OTHER   /* the provider gave a reason that is unknown here */
} chat_finish_e;

#endif
