/* SPDX-License-Identifier: Apache-2.0 */
/* The simple form of the ChatKit route. See chat_route_chatkit_seed.h. */
#include "chat_route_chatkit_seed.h"

#include <apr_strings.h>

#include "chat_reply.h"

int chat_route_chatkit_seed(chat_ctx_t *ctx, chat_json_t *body,
                            apr_pool_t *pool)
{
    chat_err_t err = {0};

    chat_err_set(&err, APR_ENOTIMPL, HTTP_INTERNAL_SERVER_ERROR, "internal",
                 "Chat service unavailable");
    chat_reply_error(ctx->r, &err, "{\"error\":\"Chat service unavailable\"}");
    return OK;
}
