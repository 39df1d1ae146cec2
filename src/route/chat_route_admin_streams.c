/* SPDX-License-Identifier: Apache-2.0 */
/* The streams of the admin route, whoever's they are, on whichever server; and
 * the record of what administrators did. Request thread. */
#include "chat_route_admin_parts.h"

#include "chat_route_view.h"
#include "chat_run.h"

typedef chat_route_rest_t rest_t;

/* ---- streams ---- */

void chat_route_admin_streams_put(chat_buf_t *out, const chat_store_stream_t *s,
                                  apr_pool_t *p)
{
    chat_buf_puts(out, "{");
    chat_route_view_string(out, "id", s->id);
    chat_route_view_string(out, "userId", s->owner);
    chat_route_view_string(out, "conversationId", s->conversation);
    chat_route_view_string(out, "messageId", s->message);
    chat_route_view_string(out, "instance", s->instance);
    chat_route_view_at(out, "startedAt", s->started, p);
    chat_route_view_at(out, "heartbeatAt", s->heartbeat, p);
    chat_buf_puts(out, "}");
}

apr_status_t chat_route_admin_streams_list(rest_t *q)
{
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));
    chat_store_page_t page;
    apr_array_header_t *streams;
    int i;
    apr_status_t rv = chat_route_rest_page(&page, q, 50, "after");

    if (rv == APR_SUCCESS)
        rv = chat_store_admin_streams(&streams, &q->at, NULL, &page, &q->err);
    if (rv != APR_SUCCESS)
        return rv;
    chat_buf_init(out, q->p);
    chat_route_view_open(out);
    for (i = 0; i < streams->nelts; i++) {
        chat_route_view_comma(out, i);
        chat_route_admin_streams_put(
            out, &APR_ARRAY_IDX(streams, i, chat_store_stream_t), q->p);
    }
    chat_route_view_close(out, page.next);
    q->json = chat_route_view_text(out);
    return APR_SUCCESS;
}

/* Every process hears of it as of any other setting. */
apr_status_t chat_route_admin_streams_stop(rest_t *q)
{
    const chat_store_audit_t audit =
        chat_route_admin_setting_audit(q, "stream.stop", q->ids[0]);
    apr_status_t rv =
        chat_store_setting_stop(q->ids[0], &audit, &q->at, &q->err);

    if (rv != APR_SUCCESS)
        return rv;
    chat_run_settings_changed();
    q->status = HTTP_ACCEPTED;
    q->json = "{\"status\":\"stopping\"}";
    return APR_SUCCESS;
}

/* ---- the record ---- */

static void put_audit(chat_buf_t *out, const chat_store_audit_t *a,
                      apr_pool_t *p)
{
    chat_buf_puts(out, "{");
    chat_route_view_string(out, "id", a->id);
    chat_route_view_at(out, "at", a->at, p);
    chat_route_view_string(out, "actor", a->actor);
    chat_route_view_string(out, "action", a->action);
    chat_route_view_string(out, "target", a->target);
    chat_route_view_json(out, "before", a->before);
    chat_route_view_json(out, "after", a->after);
    chat_route_view_string(out, "requestId", a->request_id);
    chat_route_view_string(out, "address", a->address);
    chat_buf_puts(out, "}");
}

apr_status_t chat_route_admin_streams_audit(rest_t *q)
{
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));
    chat_store_page_t page;
    apr_array_header_t *rows;
    int i;
    apr_status_t rv = chat_route_rest_page(&page, q, 50, "after");

    if (rv == APR_SUCCESS)
        rv = chat_store_admin_audit(&rows, &q->at, &page, &q->err);
    if (rv != APR_SUCCESS)
        return rv;
    chat_buf_init(out, q->p);
    chat_route_view_open(out);
    for (i = 0; i < rows->nelts; i++) {
        chat_route_view_comma(out, i);
        put_audit(out, &APR_ARRAY_IDX(rows, i, chat_store_audit_t), q->p);
    }
    chat_route_view_close(out, page.next);
    q->json = chat_route_view_text(out);
    return APR_SUCCESS;
}
