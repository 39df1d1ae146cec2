/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of ChatKit's own protocol have of each other. Request thread.
 */
#ifndef CHAT_ROUTE_CHATKIT_PARTS_H
#define CHAT_ROUTE_CHATKIT_PARTS_H

#include "chat_request_chatkit.h"
#include "chat_route_rest.h"

typedef struct chat_route_chatkit_t {
    chat_route_rest_t q; /* entered: its owner asks */
    chat_request_chatkit_t request;
    apr_pool_t *pool; /* of request and of the body; a run destroys it */
} chat_route_chatkit_t;

/* APR_SUCCESS, or kit->q.err says what is wrong. */
typedef apr_status_t chat_route_chatkit_fn(chat_route_chatkit_t *kit);

/* Documents. */
chat_route_chatkit_fn chat_route_chatkit_get;
chat_route_chatkit_fn chat_route_chatkit_list;
chat_route_chatkit_fn chat_route_chatkit_update;
chat_route_chatkit_fn chat_route_chatkit_delete;
chat_route_chatkit_fn chat_route_chatkit_items;
chat_route_chatkit_fn chat_route_chatkit_feedback;

/* Streams that no model writes. */
chat_route_chatkit_fn chat_route_chatkit_action;

/* Runs: kit->q.sent and rc are set. kit lives in r->pool. */
chat_route_chatkit_fn chat_route_chatkit_ask;
chat_route_chatkit_fn chat_route_chatkit_retry;
chat_route_chatkit_fn chat_route_chatkit_output;

/* 404, as for whatever is not this user's. */
apr_status_t chat_route_chatkit_nobodys(chat_route_chatkit_t *kit);

#endif
