/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ChatKit route: one URL to which every request is a POST. The body says
 * what is wanted, and in which of two forms. Request thread.
 */
#include "chat_route_chatkit_seed.h"

#include "chat_request.h"
#include "chat_route.h"
#include "chat_run.h"
#include "chat_scratch.h"

/* The simple form has a message and no type. */
static int is_simple(const chat_json_t *body)
{
    return !chat_json_get(body, "type") && chat_json_get(body, "message");
}

static apr_status_t read_body(chat_json_t **pbody, chat_ctx_t *ctx,
                              chat_err_t *err, apr_pool_t *pool)
{
    const chat_json_limits_t limits = chat_config_json_limits(ctx->dir);
    apr_status_t rv = chat_request_check(ctx->r, err);

    return rv == APR_SUCCESS
               ? chat_request_read(pbody, ctx->r, &limits, err, pool)
               : rv;
}

int chat_route_chatkit(chat_ctx_t *ctx)
{
    apr_pool_t *pool = chat_scratch_pool(ctx->r->pool);
    chat_json_t *body;
    chat_err_t err = {0};

    if (read_body(&body, ctx, &err, pool) != APR_SUCCESS) {
        if (ctx->r->eos_sent) /* httpd has answered while it was read */
            return AP_FILTER_ERROR;
        chat_run_error(ctx, &err);
        return OK;
    }
    if (is_simple(body))
        return chat_route_chatkit_seed(ctx, body, pool);
    chat_err_set(&err, APR_EINVAL, HTTP_BAD_REQUEST, "invalid_request",
                 "This is no request of ChatKit.");
    chat_run_error(ctx, &err);
    return OK;
}
