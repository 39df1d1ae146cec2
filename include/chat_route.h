/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The routes: a location with "SetHandler chat" speaks the contract that its
 * ChatRoute names. Request thread.
 */
#ifndef CHAT_ROUTE_H
#define CHAT_ROUTE_H

#include "chat_ctx.h"

/* The handler of a route: what httpd's handler hook returns. ctx->request_id is
 * set. */
typedef int chat_route_fn(chat_ctx_t *ctx);

/* Each that chat_route_list.h names. */
#define CHAT_ROUTE(id, name, handler, flags) chat_route_fn handler;
#include "chat_route_list.h"
#undef CHAT_ROUTE

/* When the server starts: the document of the route openapi is made. */
apr_status_t chat_route_openapi_post_config(apr_pool_t *pconf, server_rec *s);

/* handler hook: serves locations with "SetHandler chat". */
int chat_route_handler(request_rec *r);

#endif
