/* SPDX-License-Identifier: Apache-2.0 */
/* A body that was parsed while another module read it. Request thread. */
#ifndef CHAT_REQUEST_NOTED_H
#define CHAT_REQUEST_NOTED_H

#include <httpd.h>

#include "chat_json.h"

typedef struct chat_request_noted_t {
    chat_json_t *body;
    const char *data; /* the bytes that it is made of */
    apr_size_t len;
} chat_request_noted_t;

/* The handler reads the body: nobody else parses it from now on, and the note
 * is gone. NULL: nobody has read all of it, it was not as limits say, or no
 * location asked for that. What is returned lives as long as p. */
const chat_request_noted_t *
chat_request_note_take(request_rec *r, const chat_json_limits_t *limits,
                       apr_pool_t *p);

#endif
