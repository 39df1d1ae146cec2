/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ChatKit route: one URL to which every request is a POST. The body says
 * what is wanted, and in which of two forms. Request thread.
 */
#include <httpd.h>

#include "chat_route.h"
#include "chat_route_chatkit_parts.h"
#include "chat_route_chatkit_seed.h"
#include "chat_run.h"
#include "chat_scratch.h"

typedef chat_route_chatkit_t kit_t;

/* ---- kinds ---- */

static apr_status_t refuse(kit_t *kit, const char *message)
{
    return chat_err_set(&kit->q.err, APR_ENOTIMPL, HTTP_BAD_REQUEST,
                        "unsupported", message);
}

static apr_status_t transcribe(kit_t *kit)
{
    return refuse(kit, "Speech is not taken here.");
}

static apr_status_t act_at_once(kit_t *kit)
{
    return refuse(kit, "Nothing here acts for a widget.");
}

static apr_status_t answer_inputs(kit_t *kit)
{
    return refuse(kit, "Nothing here asks with fields.");
}

static chat_route_chatkit_fn *const handlers[] = {
    [CHAT_CHATKIT_CREATE] = chat_route_chatkit_ask,
    [CHAT_CHATKIT_ADD] = chat_route_chatkit_ask,
    [CHAT_CHATKIT_OUTPUT] = chat_route_chatkit_ask_output,
    [CHAT_CHATKIT_INPUT] = answer_inputs,
    [CHAT_CHATKIT_RETRY] = chat_route_chatkit_ask_retry,
    [CHAT_CHATKIT_ACTION] = chat_route_chatkit_ask_action,
    [CHAT_CHATKIT_SYNC] = act_at_once,
    [CHAT_CHATKIT_GET] = chat_route_chatkit_thread_get,
    [CHAT_CHATKIT_LIST] = chat_route_chatkit_thread_list,
    [CHAT_CHATKIT_UPDATE] = chat_route_chatkit_thread_update,
    [CHAT_CHATKIT_DELETE] = chat_route_chatkit_thread_delete,
    [CHAT_CHATKIT_ITEMS] = chat_route_chatkit_thread_items,
    [CHAT_CHATKIT_FEEDBACK] = chat_route_chatkit_thread_feedback,
    [CHAT_CHATKIT_ATTACH] = chat_route_chatkit_file_create,
    [CHAT_CHATKIT_DETACH] = chat_route_chatkit_file_delete,
    [CHAT_CHATKIT_TRANSCRIBE] = transcribe,
};

/* Every kind that names a thread is about one of this user's. */
static int is_about_thread(chat_request_chatkit_e type)
{
    return type != CHAT_CHATKIT_CREATE && type != CHAT_CHATKIT_LIST &&
           type < CHAT_CHATKIT_ATTACH;
}

/* ---- the request ---- */

static apr_status_t read_request(kit_t *kit, const chat_json_t *body)
{
    const chat_dir_request_t *conf = &kit->q.ctx->dir->request;
    const chat_request_bounds_t bounds = chat_route_rest_bounds(&kit->q);
    const chat_request_clamps_t clamps = {
        .message_length = conf->message_length,
        .answer_length = conf->answer_length,
        .count_utf16 = conf->count == CHAT_COUNT_UTF16,
        .total_length = conf->total_length,
    };
    apr_status_t rv = chat_request_chatkit(&kit->request, body, &clamps,
                                           &bounds, &kit->q.err, kit->pool);

    if (rv == APR_SUCCESS && is_about_thread(kit->request.type) &&
        !kit->request.thread.id)
        return chat_route_chatkit_nobodys(kit);
    return rv;
}

static int serve(chat_ctx_t *ctx, const chat_json_t *body, apr_pool_t *pool)
{
    kit_t *kit = apr_pcalloc(ctx->r->pool, sizeof(*kit));
    apr_status_t rv;

    chat_route_rest_begin(&kit->q, ctx);
    kit->pool = pool;
    rv = chat_route_rest_enter(&kit->q);
    if (rv == APR_SUCCESS)
        rv = read_request(kit, body);
    if (rv == APR_SUCCESS)
        rv = handlers[kit->request.type](kit);
    return chat_route_rest_end(&kit->q, rv);
}

/* ---- which form ---- */

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
    return is_simple(body) ? chat_route_chatkit_seed(ctx, body, pool)
                           : serve(ctx, body, pool);
}
