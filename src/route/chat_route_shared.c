/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The route of what is shared: for whoever has the id, without asking who that
 * is. And for users who are signed in, where ChatAuth says how: to revoke all
 * of their shares at once. Request thread.
 */
#include <httpd.h>
#include <apr_strings.h>

#include "chat_route.h"
#include "chat_route_conversations.h"
#include "chat_route_view.h"

typedef chat_route_rest_t rest_t;

static apr_status_t gone(chat_err_t *err)
{
    return chat_err_set(err, APR_EOF, HTTP_GONE, "gone",
                        "This is not shared any more.");
}

/* As the conversation is now; its owner has it no more, and nobody has. */
static apr_status_t load_live(rest_t *q, chat_store_share_t *share,
                              const char *owner)
{
    chat_store_at_t at = q->at;
    chat_conversation_t *c;
    apr_status_t rv;

    if (!q->ctx->dir->store.share_live)
        return gone(&q->err);
    at.owner = owner;
    rv = chat_store_conversation_get(&c, &at, share->conversation, &q->err);
    if (rv == APR_SUCCESS)
        rv = chat_route_shares_messages(&share->snapshot, &at, c, share->leaf,
                                        share->show_model, &q->err);
    if (rv == APR_NOTFOUND)
        return gone(&q->err);
    if (rv == APR_SUCCESS)
        share->title = c->title;
    return rv;
}

static apr_status_t show(rest_t *q)
{
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));
    chat_store_share_t *share;
    const char *owner;
    apr_status_t rv;

    apr_table_setn(q->r->err_headers_out, "X-Robots-Tag", "noindex");
    apr_table_setn(q->r->err_headers_out, "Referrer-Policy", "no-referrer");
    rv = chat_store_share_get(&share, &owner, &q->at, q->ids[0], &q->err);
    if (rv == APR_SUCCESS && share->live)
        rv = load_live(q, share, owner);
    if (rv != APR_SUCCESS)
        return rv;
    chat_buf_init(out, q->p);
    chat_buf_puts(out, "{");
    chat_route_view_string(out, "title", share->title);
    chat_route_view_json(out, "messages", share->snapshot);
    chat_route_view_string(out, "mode", share->live ? "live" : "snapshot");
    chat_route_view_at(out, "createdAt", share->created, q->p);
    chat_buf_puts(out, "}");
    q->json = chat_route_view_text(out);
    return APR_SUCCESS;
}

static apr_status_t revoke_all(rest_t *q)
{
    int revoked;
    apr_status_t rv = chat_route_rest_confirmed(q);

    if (rv == APR_SUCCESS)
        rv = chat_store_share_revoke_all(&revoked, &q->at, &q->err);
    if (rv == APR_SUCCESS)
        q->json = apr_psprintf(q->p, "{\"deleted\":%d}", revoked);
    return rv;
}

static const chat_route_rest_row_t rows[] = {
    {M_GET, "/@", show, CHAT_ROUTE_REST_PUBLIC},
    {M_DELETE, "", revoke_all, 0},
    {0, NULL, NULL, 0},
};

int chat_route_shared(chat_ctx_t *ctx)
{
    return chat_route_rest_serve(ctx, rows);
}
