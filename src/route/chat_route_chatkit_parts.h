/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of ChatKit's own protocol have of each other. Request thread.
 */
#ifndef CHAT_ROUTE_CHATKIT_PARTS_H
#define CHAT_ROUTE_CHATKIT_PARTS_H

#include <httpd.h>

#include "chat_request_chatkit.h"
#include "chat_route_chatkit_view.h"
#include "chat_route_rest.h"

typedef struct chat_route_chatkit_t {
    chat_route_rest_t q; /* entered: its owner asks */
    chat_request_chatkit_t request;
    apr_pool_t *pool; /* of request and of the body; a run destroys it */
} chat_route_chatkit_t;

/* APR_SUCCESS, or kit->q.err says what is wrong. */
typedef apr_status_t chat_route_chatkit_fn(chat_route_chatkit_t *kit);

/* Documents. */
chat_route_chatkit_fn chat_route_chatkit_thread_get;
chat_route_chatkit_fn chat_route_chatkit_thread_list;
chat_route_chatkit_fn chat_route_chatkit_thread_update;
chat_route_chatkit_fn chat_route_chatkit_thread_delete;
chat_route_chatkit_fn chat_route_chatkit_thread_items;
chat_route_chatkit_fn chat_route_chatkit_thread_feedback;

/* Streams that no model writes. */
chat_route_chatkit_fn chat_route_chatkit_ask_action;

/* Runs: kit->q.sent and rc are set. kit lives in r->pool. */
chat_route_chatkit_fn chat_route_chatkit_ask;
chat_route_chatkit_fn chat_route_chatkit_ask_retry;
chat_route_chatkit_fn chat_route_chatkit_ask_output;

/* ---- chat_route_chatkit_file.c: attachments are files of users ---- */

chat_route_chatkit_fn chat_route_chatkit_file_create;
chat_route_chatkit_fn chat_route_chatkit_file_delete;
/* Those of the message are there, and are what they say: who uploads them by
 * the widget says nothing when that is done. Fails with 400 upload_unknown, and
 * as chat_route_upload_complete(). */
chat_route_chatkit_fn chat_route_chatkit_file_ready;
/* How images of messages are looked at. */
chat_route_chatkit_look_t
chat_route_chatkit_file_look(chat_route_chatkit_t *kit);

/* 404, as for whatever is not this user's. */
static inline apr_status_t chat_route_chatkit_nobodys(chat_route_chatkit_t *kit)
{
    return chat_err_set(&kit->q.err, APR_NOTFOUND, HTTP_NOT_FOUND, "not_found",
                        "There is nothing here.");
}

#endif
