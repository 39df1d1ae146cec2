/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limits route: what became of each policy, and the keys that asked most,
 * as JSON. It shows digests, no ids, but still is for administrators: guard
 * its location with Require. Request thread.
 */
#include "chat_json.h"
#include "chat_limit.h"
#include "chat_reply.h"
#include "chat_request.h"
#include "chat_route.h"
#include "chat_run.h"

#define POLICIES_MAX 64
#define KEYS_MAX 20

static chat_json_t *policy_rows(apr_pool_t *p)
{
    chat_limit_stats_t rows[POLICIES_MAX];
    chat_json_t *list = chat_json_array(p), *row;
    int i, n = chat_limit_stats(rows, POLICIES_MAX);

    for (i = 0; i < n; i++) {
        row = chat_json_object(p);
        chat_json_add_string(row, "name", rows[i].name);
        chat_json_add_integer(row, "allowed", rows[i].allowed);
        chat_json_add_integer(row, "refused", rows[i].refused);
        chat_json_add_integer(row, "exempt", rows[i].exempt);
        chat_json_add_integer(row, "degraded", rows[i].degraded);
        chat_json_add_integer(row, "shadowed", rows[i].shadowed);
        chat_json_push(list, row);
    }
    return list;
}

static chat_json_t *top_rows(apr_pool_t *p)
{
    chat_limit_top_t rows[KEYS_MAX];
    chat_json_t *list = chat_json_array(p), *row;
    int i, n = chat_limit_top(rows, KEYS_MAX);

    for (i = 0; i < n; i++) {
        row = chat_json_object(p);
        chat_json_add_string(row, "key", rows[i].key);
        chat_json_add_integer(row, "asked", rows[i].asked);
        chat_json_add_integer(row, "refused", rows[i].refused);
        chat_json_push(list, row);
    }
    return list;
}

int chat_route_limits(chat_ctx_t *ctx)
{
    apr_pool_t *p = ctx->r->pool;
    chat_err_t err = {0};
    chat_json_t *root;

    if (chat_request_check_get(ctx->r, &err) != APR_SUCCESS) {
        chat_run_error(ctx, &err);
        return OK;
    }
    root = chat_json_object(p);
    chat_json_add(root, "policies", policy_rows(p));
    chat_json_add(root, "top", top_rows(p));
    chat_reply_json(ctx->r, HTTP_OK, chat_json_text(root, NULL, p));
    return OK;
}
