/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exports: a conversation, or all of a user's, as a file. All of them are
 * written one at a time while the client reads, so that no more than one is in
 * memory, and no connection to the database is held meanwhile. Request thread.
 */
#include <httpd.h>
#include <http_protocol.h>
#include <apr_strings.h>

#include "chat_limit.h"
#include "chat_reply.h"
#include "chat_route.h"
#include "chat_route_conversations.h"
#include "chat_route_format.h"
#include "chat_route_view.h"

#define PAGE 100

typedef chat_route_rest_t rest_t;

/* ---- a file ---- */

static void begin(const rest_t *q, chat_route_format_e format,
                  const char *title)
{
    static const char *const types[] = {
        [CHAT_ROUTE_MARKDOWN] = "text/markdown; charset=utf-8",
        [CHAT_ROUTE_JSON] = "application/json; charset=utf-8",
        [CHAT_ROUTE_CHATGPT] = "application/json; charset=utf-8",
    };

    ap_set_content_type(q->r, types[format]);
    apr_table_setn(q->r->err_headers_out, "Cache-Control", "no-store");
    apr_table_setn(q->r->headers_out, "X-Content-Type-Options", "nosniff");
    chat_reply_header(q->r, "Content-Disposition",
                      chat_route_format_disposition(title, format, q->p));
}

/* 0: the client is gone. */
static int put(const rest_t *q, const chat_buf_t *out)
{
    return !out->len || ap_rwrite(out->data, (int)out->len, q->r) >= 0;
}

static apr_status_t find_format(chat_route_format_e *pformat, rest_t *q)
{
    int i = CHAT_ROUTE_JSON;
    apr_status_t rv =
        chat_route_rest_word(&i, q, "format", chat_route_format_names);

    *pformat = i;
    return rv;
}

/* ---- what is written ---- */

/* What is stored of it beside messages. */
static apr_status_t find_shares(const char **pmore, const chat_store_at_t *at,
                                const char *id, chat_err_t *err)
{
    chat_buf_t *out = apr_palloc(at->p, sizeof(*out));
    apr_array_header_t *rows;
    apr_status_t rv = chat_store_share_list(&rows, at, id, err);
    int i;

    if (rv != APR_SUCCESS)
        return rv;
    chat_buf_init(out, at->p);
    chat_buf_puts(out, ",\"shares\":[");
    for (i = 0; i < rows->nelts; i++) {
        chat_route_view_comma(out, i);
        chat_route_view_share(out, &APR_ARRAY_IDX(rows, i, chat_store_share_t),
                              NULL, at->p);
    }
    chat_buf_puts(out, "]");
    *pmore = chat_route_view_text(out);
    return APR_SUCCESS;
}

static apr_status_t write_one(chat_buf_t *out, const chat_store_at_t *at,
                              chat_route_format_e format,
                              const chat_conversation_t *c, int me,
                              chat_err_t *err)
{
    apr_array_header_t *rows;
    const char *more = NULL;
    apr_status_t rv = chat_route_messages_all(&rows, at, c->id, err);

    if (rv == APR_SUCCESS && me)
        rv = find_shares(&more, at, c->id, err);
    if (rv == APR_SUCCESS)
        chat_route_format_write(out, format, c, rows, more, at->p);
    return rv;
}

/* ---- one ---- */

apr_status_t chat_route_export_one(rest_t *q)
{
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));
    chat_route_format_e format;
    chat_conversation_t *c;
    apr_status_t rv;

    chat_buf_init(out, q->p);
    if ((rv = find_format(&format, q)) ||
        (rv = chat_store_conversation_get(&c, &q->at, q->ids[0], &q->err)))
        return rv;
    chat_route_format_open(out, format, chat_store_now(), NULL, q->p);
    rv = write_one(out, &q->at, format, c, 0, &q->err);
    if (rv != APR_SUCCESS)
        return rv;
    chat_route_format_close(out, format);
    begin(q, format, c->title);
    put(q, out);
    q->sent = 1;
    return APR_SUCCESS;
}

/* ---- all ---- */

typedef struct all_t {
    rest_t *q;
    chat_route_format_e format;
    int me;
    int n;
    int begun; /* something was sent */
} all_t;

static const char *user_of(const rest_t *q)
{
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));

    chat_buf_init(out, q->p);
    chat_buf_puts(out, ",\"user\":{");
    chat_route_view_string(out, "id", q->ctx->user->id);
    chat_route_view_string(out, "role", q->ctx->user->role);
    chat_route_view_string(out, "tier", chat_limit_tier(q->ctx));
    chat_buf_puts(out, "}");
    return chat_route_view_text(out);
}

/* Nothing is sent before the first page has been read. */
static void begin_all(all_t *all, chat_buf_t *out)
{
    rest_t *q = all->q;

    if (all->begun)
        return;
    all->begun = 1;
    begin(q, all->format, "conversations");
    chat_route_format_open(out, all->format, chat_store_now(),
                           all->me ? user_of(q) : NULL, q->p);
}

/* APR_ECONNABORTED: nobody reads any more. One that was deleted meanwhile is
 * not there. */
static apr_status_t send_one(all_t *all, const chat_conversation_t *c,
                             apr_pool_t *p)
{
    chat_store_at_t at = all->q->at;
    chat_buf_t *out = apr_palloc(p, sizeof(*out));
    chat_buf_t *before = apr_palloc(p, sizeof(*before));
    apr_status_t rv;

    at.p = p;
    chat_buf_init(out, p);
    chat_buf_init(before, p);
    rv = write_one(out, &at, all->format, c, all->me, &all->q->err);
    if (rv != APR_SUCCESS)
        return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
    begin_all(all, before);
    if (all->n++)
        chat_route_format_between(before, all->format);
    return put(all->q, before) && put(all->q, out) ? APR_SUCCESS
                                                   : APR_ECONNABORTED;
}

static apr_status_t send_page(all_t *all, const apr_array_header_t *rows)
{
    apr_status_t rv = APR_SUCCESS;
    apr_pool_t *p;
    int i;

    apr_pool_create(&p, all->q->p);
    for (i = 0; rv == APR_SUCCESS && i < rows->nelts; i++) {
        rv = send_one(all, &APR_ARRAY_IDX(rows, i, chat_conversation_t), p);
        apr_pool_clear(p);
    }
    apr_pool_destroy(p);
    return rv;
}

static apr_status_t send_all(all_t *all, int archived)
{
    const chat_conversation_filter_t filter = {.archived = archived};
    chat_store_page_t page = {.limit = PAGE};
    chat_store_at_t at = all->q->at;
    apr_array_header_t *rows;
    apr_status_t rv;

    apr_pool_create(&at.p, all->q->p);
    do {
        page.next = NULL;
        rv = chat_store_conversation_list(&rows, &at, &filter, &page,
                                          &all->q->err);
        if (rv == APR_SUCCESS)
            rv = send_page(all, rows);
        page.after = apr_pstrdup(all->q->p, page.next);
        apr_pool_clear(at.p);
    } while (rv == APR_SUCCESS && page.after);
    apr_pool_destroy(at.p);
    return rv;
}

apr_status_t chat_route_export_all(rest_t *q, int me)
{
    all_t all = {.q = q, .me = me, .format = CHAT_ROUTE_JSON};
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));
    apr_status_t rv = APR_SUCCESS;

    if (!me)
        rv = find_format(&all.format, q);
    if (rv == APR_SUCCESS && (rv = send_all(&all, 0)) == APR_SUCCESS)
        rv = send_all(&all, 1);
    if (rv != APR_SUCCESS && !all.begun) {
        q->err.message = apr_pstrdup(q->p, q->err.message);
        return rv;
    }
    q->sent = 1;
    if (rv != APR_SUCCESS) {
        chat_reply_break(q->r);
        return APR_SUCCESS;
    }
    chat_buf_init(out, q->p);
    begin_all(&all, out);
    chat_route_format_close(out, all.format);
    put(q, out);
    return APR_SUCCESS;
}

static apr_status_t export_all(rest_t *q)
{
    return chat_route_export_all(q, 0);
}

static const chat_route_rest_row_t rows[] = {
    {M_GET, "", export_all, 0},
    {0, NULL, NULL, 0},
};

int chat_route_export(chat_ctx_t *ctx)
{
    return chat_route_rest_serve(ctx, rows);
}
