/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The routes of a chat: a POST to the location asks. Below that of the stream
 * route, LOCATION/ID is a stream that has begun, for whoever comes back to it,
 * and LOCATION/ID/stop ends it. Only its owner may; to all others it is not
 * there. Request thread.
 */
#include <string.h>

#include <httpd.h>
#include <apr_strings.h>

#include "chat_request.h"
#include "chat_resume.h"
#include "chat_route.h"
#include "chat_route_parts.h"
#include "chat_route_rest.h"
#include "chat_run.h"
#include "chat_stream.h"

typedef chat_route_rest_t rest_t;

/* Of eighteen digits, as many as a number of the query may have. */
#define EVENT_MAX APR_INT64_C(999999999999999999)

static int is_running(const chat_store_stream_t *stream)
{
    return !strcmp(stream->status, "running");
}

/* ---- following ---- */

/* Behind which event: what an EventSource says by itself counts more than what
 * its URL says. */
static apr_status_t find_place(apr_int64_t *pafter, rest_t *q)
{
    const char *last = apr_table_get(q->r->headers_in, "Last-Event-ID");
    apr_status_t rv = chat_route_rest_number(pafter, q, "after", 0, EVENT_MAX);

    if (rv != APR_SUCCESS || !last || !*last)
        return rv;
    if (strspn(last, "0123456789") != strlen(last) || strlen(last) > 18)
        return chat_err_set(&q->err, APR_EINVAL, HTTP_BAD_REQUEST,
                            "invalid_request",
                            "Last-Event-ID must be the id of an event: a whole "
                            "number.");
    *pafter = apr_atoi64(last);
    return APR_SUCCESS;
}

static apr_status_t follow(rest_t *q)
{
    chat_store_stream_t *stream;
    chat_stream_spec_t *spec = apr_pcalloc(q->p, sizeof(*spec));
    apr_int64_t after = 0;
    apr_status_t rv = find_place(&after, q);

    if (rv == APR_SUCCESS)
        rv = chat_store_stream_get(&stream, &q->at, q->ids[0], &q->err);
    if (rv != APR_SUCCESS)
        return rv;
    if (q->r->header_only) {
        q->status = HTTP_NO_CONTENT;
        return APR_SUCCESS;
    }
    rv = chat_resume_follow(spec, q->r, q->ids[0], after, &q->err);
    if (rv == APR_SUCCESS)
        return chat_route_follow(q, spec);
    /* The message is in the database, and an EventSource stops at a 204. */
    if (rv == APR_EOF || rv == APR_NOTFOUND) {
        q->status = HTTP_NO_CONTENT;
        return APR_SUCCESS;
    }
    return rv;
}

/* ---- stopping ---- */

static apr_status_t stop(rest_t *q)
{
    chat_store_stream_t *stream;
    int running;
    apr_status_t rv =
        chat_store_stream_get(&stream, &q->at, q->ids[0], &q->err);

    if (rv != APR_SUCCESS)
        return rv;
    running = is_running(stream);
    if (running)
        rv = chat_resume_stop(q->r->server, q->ids[0], &q->err);
    q->status = running ? HTTP_ACCEPTED : HTTP_OK;
    q->json = running ? "{\"status\":\"stopping\"}" : "{\"status\":\"ended\"}";
    return rv;
}

static const chat_route_rest_row_t rows[] = {
    {M_GET, "/*", follow, CHAT_ROUTE_REST_UNLIMITED},
    {M_POST, "/*/stop", stop,
     CHAT_ROUTE_REST_BODY | CHAT_ROUTE_REST_EMPTY | CHAT_ROUTE_REST_UNLIMITED},
    {0, NULL, NULL, 0},
};

int chat_route_resume(chat_ctx_t *ctx)
{
    const char *rest = chat_request_rest(ctx->r, ctx->dir->route.location);

    if (ctx->dir->route.id == CHAT_ROUTE_ui_message &&
        ctx->dir->store.layout == CHAT_STORE_VERCEL)
        return chat_route_vercel(ctx);
    if (ctx->dir->route.id != CHAT_ROUTE_stream ||
        ctx->dir->store.layout != CHAT_STORE_CHAT || !rest || !*rest)
        return chat_run_handler(ctx);
    return chat_route_rest_serve(ctx, rows);
}
