/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The route of files that users upload. Their bytes come by URLs of their own:
 * those of an object store, or "file" here. Request thread.
 */
#include "chat_route_upload.h"

#include <string.h>

#include <httpd.h>
#include <http_core.h>
#include <apr_strings.h>

#include "chat_request.h"
#include "chat_route.h"
#include "chat_route_view.h"

typedef chat_route_rest_t rest_t;
typedef chat_route_upload_wish_t wish_t;

static void put_file(chat_buf_t *out, const chat_store_upload_t *u,
                     apr_pool_t *p)
{
    chat_route_view_string(out, "id", u->id);
    chat_route_view_string(out, "status", u->ready ? "ready" : "pending");
    chat_route_view_string(out, "filename", u->filename);
    chat_route_view_string(out, "mediaType", u->media_type);
    chat_route_view_integer(out, "size", u->size);
    if (u->width) {
        chat_route_view_integer(out, "width", u->width);
        chat_route_view_integer(out, "height", u->height);
    }
    chat_route_view_at(out, "createdAt", u->created, p);
}

static chat_buf_t *open_object(rest_t *q)
{
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));

    chat_buf_init(out, q->p);
    chat_buf_puts(out, "{");
    return out;
}

static void close_object(rest_t *q, chat_buf_t *out)
{
    chat_buf_puts(out, "}");
    q->json = chat_route_view_text(out);
}

/* One that is ready can be looked at. */
static apr_status_t tell(rest_t *q, const chat_store_upload_t *u)
{
    chat_buf_t *out = open_object(q);
    apr_int64_t until =
        chat_store_now() + apr_time_as_msec(q->ctx->server->upload.get);
    const char *url = NULL;
    apr_status_t rv =
        u->ready ? chat_route_upload_url(&url, u, q) : APR_SUCCESS;

    put_file(out, u, q->p);
    if (url) {
        chat_route_view_string(out, "url", url);
        chat_route_view_at(out, "urlExpiresAt", until, q->p);
    }
    close_object(q, out);
    return rv;
}

/* ---- the route ---- */

/* 0 where it is none that every client can count. */
static apr_int64_t whole_number(double n)
{
    return n >= 1 && n <= 9007199254740991.0 && n == (double)(apr_int64_t)n
               ? (apr_int64_t)n
               : 0;
}

static apr_status_t create_by_json(rest_t *q)
{
    const chat_json_limits_t limits = chat_config_json_limits(q->ctx->dir);
    chat_store_upload_t *u;
    wish_t wish = {0};
    const char *target;
    chat_buf_t *out;
    const chat_json_t *size, *sha256;
    apr_status_t rv = chat_request_read(&q->body, q->r, &limits, &q->err, q->p);

    if (rv != APR_SUCCESS)
        return rv;
    wish.filename = chat_json_string(chat_json_get(q->body, "filename"));
    wish.media_type = chat_json_string(chat_json_get(q->body, "mediaType"));
    size = chat_json_get(q->body, "size");
    sha256 = chat_json_get(q->body, "sha256");
    if (chat_json_kind(size) == CHAT_JSON_NUMBER)
        wish.size = whole_number(chat_json_number(size));
    if (sha256 && chat_json_kind(sha256) != CHAT_JSON_NULL)
        wish.sha256 = chat_json_string(sha256) ? chat_json_string(sha256) : "";
    rv = chat_route_upload_announce(&u, &wish, q);
    if (rv == APR_SUCCESS)
        rv = chat_route_upload_target(&target, u, q);
    if (rv != APR_SUCCESS)
        return rv;
    out = open_object(q);
    put_file(out, u, q->p);
    chat_route_view_json(out, "upload",
                         apr_pstrmemdup(q->p, target, strlen(target) - 1));
    chat_route_view_at(out, "expiresAt", u->expires, q->p);
    chat_buf_puts(out, "}");
    close_object(q, out);
    q->status = HTTP_CREATED;
    q->location = apr_pstrcat(q->p, "/", u->id, NULL);
    return APR_SUCCESS;
}

/* What stays the same as long as the file is there: it leads to a URL that
 * does not. */
static const char *lasting_url(const rest_t *q, const chat_store_upload_t *u)
{
    const char *site = chat_upload_conf(q->r->server)->kind == CHAT_UPLOAD_DIR
                           ? chat_upload_conf(q->r->server)->public_url
                           : NULL;
    const char *path = apr_pstrcat(q->p, q->ctx->server->upload.location, "/",
                                   u->id, "/content", NULL);

    return site ? apr_pstrcat(q->p, site, path, NULL)
                : ap_construct_url(q->p, path, q->r);
}

/* In the words of ChatKit's attachments and of Vercel's template as well. */
static apr_status_t create_by_form(rest_t *q)
{
    chat_store_upload_t *u;
    const char *url;
    chat_buf_t *out;
    apr_status_t rv = chat_route_upload_bytes_form(&u, q);

    if (rv == APR_SUCCESS)
        rv = chat_route_upload_url(&url, u, q);
    if (rv != APR_SUCCESS)
        return rv;
    out = open_object(q);
    put_file(out, u, q->p);
    chat_route_view_string(out, "url", lasting_url(q, u));
    chat_route_view_string(out, "pathname", u->filename);
    chat_route_view_string(out, "contentType", u->media_type);
    chat_route_view_string(out, "name", u->filename);
    chat_route_view_string(out, "mime_type", u->media_type);
    chat_route_view_string(out, "type", u->width ? "image" : "file");
    if (u->width)
        chat_route_view_string(out, "preview_url", url);
    close_object(q, out);
    return APR_SUCCESS;
}

static apr_status_t create(rest_t *q)
{
    const char *type = apr_table_get(q->r->headers_in, "Content-Type");
    apr_status_t rv = chat_route_upload_place(q);

    if (rv != APR_SUCCESS)
        return rv;
    if (type && !ap_cstr_casecmpn(type, "multipart/form-data", 19))
        return create_by_form(q);
    rv = chat_request_check_type(q->r, &q->err);
    return rv == APR_SUCCESS ? create_by_json(q) : rv;
}

static apr_status_t find(chat_store_upload_t **pu, rest_t *q)
{
    apr_status_t rv = chat_route_upload_place(q);

    return rv == APR_SUCCESS
               ? chat_store_upload_get(pu, &q->at, q->ids[0], &q->err)
               : rv;
}

static apr_status_t get(rest_t *q)
{
    chat_store_upload_t *u;
    apr_status_t rv = find(&u, q);

    return rv == APR_SUCCESS ? tell(q, u) : rv;
}

static apr_status_t complete(rest_t *q)
{
    chat_store_upload_t *u;
    apr_status_t rv = find(&u, q);

    if (rv == APR_SUCCESS && !u->ready)
        rv = chat_route_upload_complete(u, q);
    return rv == APR_SUCCESS ? tell(q, u) : rv;
}

/* Its bytes go a moment later. */
static apr_status_t remove_one(rest_t *q)
{
    apr_status_t rv = chat_route_upload_place(q);

    return rv == APR_SUCCESS
               ? chat_store_upload_remove(&q->at, q->ids[0], &q->err)
               : rv;
}

/* For an address that is kept: the signature is made anew. */
static apr_status_t redirect(rest_t *q)
{
    chat_store_upload_t *u;
    const char *url;
    apr_status_t rv = find(&u, q);

    if (rv == APR_SUCCESS && !u->ready)
        rv = chat_err_set(&q->err, APR_NOTFOUND, HTTP_NOT_FOUND, "not_found",
                          "The file is not there yet.");
    if (rv == APR_SUCCESS)
        rv = chat_route_upload_url(&url, u, q);
    if (rv != APR_SUCCESS)
        return rv;
    apr_table_setn(q->r->headers_out, "Location", url);
    apr_table_setn(q->r->headers_out, "Referrer-Policy", "no-referrer");
    q->status = HTTP_MOVED_TEMPORARILY;
    return APR_SUCCESS;
}

#define SIGNED                                                                 \
    (CHAT_ROUTE_REST_TABLES | CHAT_ROUTE_REST_PUBLIC |                         \
     CHAT_ROUTE_REST_UNLIMITED)

static const chat_route_rest_row_t rows[] = {
    {M_POST, "", create, CHAT_ROUTE_REST_TABLES},
    {M_GET, "/*", get, CHAT_ROUTE_REST_TABLES | CHAT_ROUTE_REST_UNLIMITED},
    {M_DELETE, "/*", remove_one,
     CHAT_ROUTE_REST_TABLES | CHAT_ROUTE_REST_UNLIMITED},
    {M_POST, "/*/complete", complete,
     CHAT_ROUTE_REST_TABLES | CHAT_ROUTE_REST_UNLIMITED},
    {M_GET, "/*/content", redirect,
     CHAT_ROUTE_REST_TABLES | CHAT_ROUTE_REST_UNLIMITED},
    {M_PUT, "/*/file", chat_route_upload_bytes_put, SIGNED},
    {M_GET, "/*/file", chat_route_upload_bytes_get, SIGNED},
    {0, NULL, NULL, 0},
};

int chat_route_uploads(chat_ctx_t *ctx)
{
    return chat_route_rest_serve(ctx, rows);
}
