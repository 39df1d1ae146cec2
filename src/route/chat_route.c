/* SPDX-License-Identifier: Apache-2.0 */
/* Which route a location has, and its handler. Request thread. */
#include "chat_route.h"

#include <string.h>

#include "chat_log.h"
#include "chat_reply.h"

static chat_route_fn *const handlers[CHAT_ROUTE_COUNT] = {
#define CHAT_ROUTE(id, name, handler, flags) [CHAT_ROUTE_##id] = handler,
#include "chat_route_list.h"
#undef CHAT_ROUTE
};

int chat_route_handler(request_rec *r)
{
    chat_ctx_t *ctx;

    if (!r->handler || strcmp(r->handler, "chat"))
        return DECLINED;
    ctx = chat_ctx(r);
    if (ctx->dir->route.id == CHAT_ROUTE_NONE) {
        ap_log_rerror(
            APLOG_MARK, APLOG_ERR, 0, r,
            CHATNO(0801) "%s has \"SetHandler chat\" but no ChatRoute", r->uri);
        return HTTP_NOT_FOUND;
    }
    ctx->request_id = chat_reply_request_id(r);
    return handlers[ctx->dir->route.id](ctx);
}
