/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The route of who asks: who that is and what holds for them here, all that is
 * stored of them, and its end. Request thread.
 */
#include <httpd.h>
#include <apr_strings.h>

#include "chat_accounts.h"
#include "chat_limit.h"
#include "chat_route.h"
#include "chat_route_parts.h"
#include "chat_route_view.h"

typedef chat_route_rest_t rest_t;

/* What a client needs to know before it sends something. */
static void put_limits(chat_buf_t *out, const chat_dir_conf_t *conf)
{
    chat_route_view_json(out, "limits", "{");
    chat_route_view_integer(out, "conversations", conf->store.conversations);
    chat_route_view_integer(out, "messages", conf->store.messages);
    chat_route_view_integer(out, "bytes", conf->store.bytes);
    chat_route_view_integer(out, "title", conf->store.title);
    chat_route_view_integer(out, "parts", conf->store.parts);
    chat_route_view_integer(out, "metadata", conf->store.metadata);
    chat_route_view_integer(out, "messageLength", conf->request.message_length);
    chat_route_view_integer(out, "maxOutputTokens",
                            conf->request.max_output_tokens);
    chat_buf_puts(out, "}");
}

static apr_status_t get(rest_t *q)
{
    const chat_user_t *user = q->ctx->user;
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));

    chat_buf_init(out, q->p);
    chat_buf_puts(out, "{");
    chat_route_view_string(out, "id", user->id);
    chat_route_view_string(out, "role", user->role);
    chat_route_view_string(out, "tier", chat_limit_tier(q->ctx));
    put_limits(out, q->ctx->dir);
    chat_buf_puts(out, "}");
    q->json = chat_route_view_text(out);
    return APR_SUCCESS;
}

static apr_status_t export(rest_t *q)
{
    return chat_route_export_all(q, 1);
}

static apr_status_t forget(rest_t *q)
{
    apr_array_header_t *streams;
    int conversations;
    apr_status_t rv = chat_route_rest_confirmed(q);

    if (rv == APR_SUCCESS)
        rv = chat_store_forget(&conversations, &streams, &q->at, &q->err);
    if (rv == APR_SUCCESS && q->ctx->user->home)
        rv = chat_store_tier_forget(&q->at, q->ctx->user->id, &q->err);
    if (rv != APR_SUCCESS)
        return rv;
    chat_route_rest_stop(q, streams);
    q->json = apr_psprintf(q->p, "{\"deleted\":%d}", conversations);
    return APR_SUCCESS;
}

static const chat_route_rest_row_t rows[] = {
    {M_GET, "", get, 0},
    {M_DELETE, "", forget, 0},
    {M_GET, "/export", export, 0},
    {0, NULL, NULL, 0},
};

int chat_route_me(chat_ctx_t *ctx)
{
    return chat_route_rest_serve(ctx, rows);
}
