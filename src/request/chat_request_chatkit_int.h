/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of ChatKit's requests share. */
#ifndef CHAT_REQUEST_CHATKIT_INT_H
#define CHAT_REQUEST_CHATKIT_INT_H

#include "chat_request_chatkit.h"
#include "chat_request_int.h"

typedef struct chat_request_chatkit_read_t {
    chat_request_chatkit_t *request;
    const chat_json_t *params;
    const chat_request_clamps_t *clamps;
    const chat_request_bounds_t *bounds;
    chat_request_zod_t zod;
    int attachments; /* that the message has */
} chat_request_chatkit_read_t;

/* The input of params into request->message. */
void chat_request_chatkit_message_read(chat_request_chatkit_read_t *read,
                                       const chat_json_t *input);

#endif
