/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the chat_request_ui*.c files share: the AI SDK's messages being read.
 * Pure (APR and chat_json), any thread.
 */
#ifndef CHAT_REQUEST_UI_INT_H
#define CHAT_REQUEST_UI_INT_H

#include "chat_request_int.h"

typedef struct chat_request_ui_t {
    chat_request_check_t *check;
    apr_array_header_t *said; /* of chat_message_t */
    const char *member;       /* the body's that holds the message at hand */
    int index;                /* in it; -1: it is no list */
    chat_role_e role;         /* of that message */
} chat_request_ui_t;

/* Where a part of the message at hand stands; key is "" or ",\"text\"". */
const char *chat_request_ui_path(const chat_request_ui_t *ui, int part,
                                 const char *key);

/* z.string().max() of a text that the model gets, counted; "" when it is none.
 */
const char *chat_request_ui_text(chat_request_ui_t *ui, const chat_json_t *v,
                                 chat_role_e role, int part, const char *key);

/* Is it a part of that type? */
int chat_request_ui_is(const chat_json_t *part, const char *type);

/* The parts of a message of the assistant: its steps. */
void chat_request_ui_answer(chat_request_ui_t *ui, const chat_json_t *parts);

#endif
