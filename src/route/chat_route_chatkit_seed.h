/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the ChatKit route have of each other. Two forms of request
 * share its URL: that of ChatKit's own protocol has a "type", and the simple
 * one has a "message" instead. Request thread.
 */
#ifndef CHAT_ROUTE_CHATKIT_SEED_H
#define CHAT_ROUTE_CHATKIT_SEED_H

#include "chat_ctx.h"
#include "chat_json.h"

/*
 * A request of the simple form: {"thread_id"?, "message": {"role",
 * "content"}}. Method and media type were looked at, the body was read; who
 * asks was not. body lives in pool, which is the request's for as long as
 * nobody hands it to a run. What httpd's handler hook returns.
 */
int chat_route_chatkit_seed(chat_ctx_t *ctx, chat_json_t *body,
                            apr_pool_t *pool);

#endif
