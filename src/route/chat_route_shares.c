/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shares of a conversation, by its owner: to make, to list, to revoke. And what
 * a share shows, which is a choice by name: what nobody thought of stays
 * private. Request thread.
 */
#include <string.h>

#include <httpd.h>
#include <apr_strings.h>

#include "chat_request.h"
#include "chat_route_conversations.h"
#include "chat_route_format.h"
#include "chat_route_view.h"

typedef chat_route_rest_t rest_t;
typedef chat_store_message_t message_t;

/* ---- what it shows ---- */

/* Its texts as parts, NULL when it has none. */
static const char *texts_of(const message_t *m, apr_pool_t *p)
{
    const char *parts = m->parts ? m->parts : "[]";
    const chat_json_limits_t limits = {strlen(parts), 64, 1000000};
    chat_json_t *list, *texts = chat_json_array(p);
    int i;

    if (chat_json_parse(&list, parts, limits.bytes, &limits, p) != APR_SUCCESS)
        return NULL;
    for (i = 0; i < chat_json_length(list); i++) {
        const chat_json_t *part = chat_json_at(list, i);
        const char *type = chat_json_string(chat_json_get(part, "type"));
        const char *text = chat_json_string(chat_json_get(part, "text"));
        chat_json_t *shown;

        if (!type || strcmp(type, "text") || !text || !*text)
            continue;
        shown = chat_json_object(p);
        chat_json_add_string(shown, "type", "text");
        chat_json_add_string(shown, "text", text);
        chat_json_push(texts, shown);
    }
    return chat_json_length(texts) ? chat_json_text(texts, NULL, p) : NULL;
}

static void put_message(chat_buf_t *out, const message_t *m, int show_model,
                        apr_pool_t *p)
{
    int user = m->role == CHAT_ROLE_USER;
    const char *texts =
        user || m->role == CHAT_ROLE_ASSISTANT ? texts_of(m, p) : NULL;

    if (!texts)
        return;
    chat_buf_puts(out, out->len > 1 ? ",{" : "{");
    chat_route_view_string(out, "role", user ? "user" : "assistant");
    chat_route_view_json(out, "parts", texts);
    if (show_model && !user && m->model)
        chat_route_view_string(out, "model", m->model);
    chat_route_view_at(out, "createdAt", m->created, p);
    chat_buf_puts(out, "}");
}

apr_status_t chat_route_shares_messages(const char **pjson,
                                        const chat_store_at_t *at,
                                        const chat_conversation_t *c,
                                        const char *leaf, int show_model,
                                        chat_err_t *err)
{
    chat_buf_t *out = apr_palloc(at->p, sizeof(*out));
    apr_array_header_t *rows, *path = NULL;
    apr_status_t rv = chat_route_messages_all(&rows, at, c->id, err);
    int i;

    if (rv != APR_SUCCESS)
        return rv;
    if (leaf || c->current)
        path = chat_route_format_path(rows, leaf ? leaf : c->current, at->p);
    if (leaf && !path)
        return chat_err_set(err, APR_NOTFOUND, HTTP_NOT_FOUND, "not_found",
                            "The conversation has no such message.");
    chat_buf_init(out, at->p);
    chat_buf_puts(out, "[");
    for (i = 0; path && i < path->nelts; i++)
        put_message(out, APR_ARRAY_IDX(path, i, const message_t *), show_model,
                    at->p);
    chat_buf_puts(out, "]");
    *pjson = chat_route_view_text(out);
    return APR_SUCCESS;
}

/* ---- the owner's side ---- */

static const char *url_of(const rest_t *q, const chat_store_share_t *share)
{
    return apr_pstrcat(q->p, chat_route_rest_beside(q, "shared"), "/",
                       share->id, NULL);
}

apr_status_t chat_route_shares_list(rest_t *q)
{
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));
    apr_array_header_t *rows;
    int i;
    apr_status_t rv = chat_store_share_list(&rows, &q->at, q->ids[0], &q->err);

    if (rv != APR_SUCCESS)
        return rv;
    chat_buf_init(out, q->p);
    chat_route_view_open(out);
    for (i = 0; i < rows->nelts; i++) {
        const chat_store_share_t *share =
            &APR_ARRAY_IDX(rows, i, chat_store_share_t);

        chat_route_view_comma(out, i);
        chat_route_view_share(out, share, url_of(q, share), q->p);
    }
    chat_route_view_close(out, NULL);
    q->json = chat_route_view_text(out);
    return APR_SUCCESS;
}

static apr_status_t check_mode(rest_t *q, const chat_request_share_t *asked)
{
    const chat_dir_store_t *store = &q->ctx->dir->store;

    if (asked->live ? store->share_live : store->share_snapshot)
        return APR_SUCCESS;
    return chat_err_set(&q->err, APR_EINVAL, HTTP_BAD_REQUEST, "unsupported",
                        apr_pstrcat(q->p, "Shares of the mode \"",
                                    asked->live ? "live" : "snapshot",
                                    "\" cannot be made here.", NULL));
}

apr_status_t chat_route_shares_create(rest_t *q)
{
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));
    chat_store_share_t share = {.conversation = q->ids[0]};
    chat_request_share_t asked;
    chat_conversation_t *c;
    apr_status_t rv;

    if ((rv = chat_request_rest_share(&asked, q->body, chat_store_now(),
                                      &q->err, q->p)) ||
        (rv = check_mode(q, &asked)) ||
        (rv = chat_store_conversation_get(&c, &q->at, q->ids[0], &q->err)) ||
        (rv = chat_route_shares_messages(&share.snapshot, &q->at, c, asked.leaf,
                                         asked.show_model, &q->err)))
        return rv;
    share.live = asked.live;
    share.leaf = asked.leaf ? asked.leaf : asked.live ? NULL : c->current;
    share.title = c->title;
    share.show_model = asked.show_model;
    share.expires = asked.expires;
    if (share.live)
        share.snapshot = NULL;
    rv = chat_store_share_create(&share, &q->at, &q->err);
    if (rv != APR_SUCCESS)
        return rv;
    chat_buf_init(out, q->p);
    chat_route_view_share(out, &share, url_of(q, &share), q->p);
    q->status = HTTP_CREATED;
    q->location = apr_pstrcat(q->p, "/", q->ids[0], "/shares/", share.id, NULL);
    q->json = chat_route_view_text(out);
    return APR_SUCCESS;
}

apr_status_t chat_route_shares_revoke(rest_t *q)
{
    return chat_store_share_revoke(&q->at, q->ids[0], q->ids[1], &q->err);
}
