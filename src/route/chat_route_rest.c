/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The routes of conversations: from the request to its handler, and back to the
 * answer. Cheap refusals come first: a path, a method, an id that is none cost
 * the database nothing. Request thread.
 */
#include "chat_route_rest.h"

#include <string.h>

#include <httpd.h>
#include <apr_strings.h>

#include "chat_auth.h"
#include "chat_dialect.h"
#include "chat_limit.h"
#include "chat_log.h"
#include "chat_reply.h"
#include "chat_request.h"
#include "chat_resume.h"
#include "chat_route_rest_int.h"
#include "chat_run.h"

#define SHARE_ID_LEN 22

typedef chat_route_rest_t rest_t;
typedef chat_route_rest_row_t row_t;

/* ---- paths ---- */

static int is_share(const char *id)
{
    return strlen(id) == SHARE_ID_LEN &&
           strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                      "0123456789-_") == SHARE_ID_LEN;
}

/* Who has no provider of that name says so. */
static int is_id(char kind, const char *id)
{
    return kind == '*'   ? chat_request_is_id(id)
           : kind == '@' ? is_share(id)
                         : 1;
}

/*
 * 1 when the path has the form of the row. ids are set then, and *pbad when one
 * of them cannot be an id.
 */
static int is_row(const row_t *row, const char *path, rest_t *q, int *pbad)
{
    const char *form = row->path;
    int n = 0;

    *pbad = 0;
    memset(q->ids, 0, sizeof(q->ids));
    while (*form && *form == *path) {
        form++;
        path++;
        if (*form && strchr("*@$~", *form)) {
            apr_size_t len = strcspn(path, *form == '~' ? "" : "/");

            if (!len)
                return 0;
            q->ids[n] = apr_pstrmemdup(q->p, path, len);
            *pbad |= !is_id(*form, q->ids[n]);
            n++;
            path += len;
            form++;
        }
    }
    return !*form && !*path;
}

/* Not ap_method_name_of(): a GET may be a HEAD to it. */
static const char *name_of(int method)
{
    switch (method) {
    case M_GET:
        return "GET, HEAD";
    case M_POST:
        return "POST";
    case M_PUT:
        return "PUT";
    case M_PATCH:
        return "PATCH";
    default:
        return "DELETE";
    }
}

static void allow(const char **plist, int method, rest_t *q)
{
    *plist = apr_pstrcat(q->p, *plist ? *plist : "", *plist ? ", " : "",
                         name_of(method), NULL);
}

static apr_status_t refuse_path(rest_t *q, const char *allowed, int bad)
{
    if (!allowed)
        return chat_err_set(&q->err, APR_NOTFOUND, HTTP_NOT_FOUND, "not_found",
                            "There is nothing here.");
    if (bad)
        return chat_err_set(&q->err, APR_EINVAL, HTTP_BAD_REQUEST, "invalid_id",
                            "The path has an id that is none: ids are UUIDs "
                            "in lower case.");
    q->err.allow = allowed;
    return chat_err_set(
        &q->err, APR_ENOTIMPL, HTTP_METHOD_NOT_ALLOWED, "method_not_allowed",
        apr_pstrcat(q->p, "Accepted here: ", allowed, ".", NULL));
}

/* *prow is NULL for OPTIONS, whose answer is Allow alone. */
static apr_status_t find_row(const row_t **prow, rest_t *q, const row_t *rows,
                             const char *path)
{
    const char *allowed = NULL;
    int bad = 0, any_bad = 0;

    for (; path && rows->path; rows++) {
        if (!is_row(rows, path, q, &bad))
            continue;
        any_bad |= bad;
        if (!bad && rows->method == q->r->method_number) {
            *prow = rows;
            return APR_SUCCESS;
        }
        allow(&allowed, rows->method, q);
    }
    if (allowed && q->r->method_number == M_OPTIONS) {
        *prow = NULL;
        apr_table_setn(q->r->headers_out, "Allow",
                       apr_pstrcat(q->p, allowed, ", OPTIONS", NULL));
        return APR_SUCCESS;
    }
    return refuse_path(q, allowed, any_bad);
}

/* ---- who, and whether ---- */

static apr_status_t identify(rest_t *q, const row_t *row)
{
    static const chat_user_t guest = {.scheme = "guest"};
    const chat_user_t *user;
    apr_status_t rv;

    if (row->flags & CHAT_ROUTE_REST_PUBLIC) {
        q->ctx->user = &guest;
        return APR_SUCCESS;
    }
    rv = chat_auth_identify(&user, q->r, &q->err);
    if (rv != APR_SUCCESS)
        return rv;
    q->at.owner = chat_run_owner(user);
    if (q->at.owner || row->flags & CHAT_ROUTE_REST_ANYBODY)
        return APR_SUCCESS;
    q->err.sign_in = q->ctx->dir->page.sign_in;
    return chat_err_set(&q->err, APR_EACCES, HTTP_UNAUTHORIZED, "unauthorized",
                        "Sign in required.");
}

apr_status_t chat_route_rest_ask_limits(rest_t *q)
{
    const chat_limit_ask_t ask = {
        .user = q->ctx->user, .model = "", .requests_only = 1};
    chat_limit_ticket_t *ticket;
    apr_status_t rv = chat_limit_reserve(&ticket, q->r, &ask, &q->err);

    if (rv == APR_INCOMPLETE) {
        rv = APR_SUCCESS;
        if (chat_limit_admission.wait(ticket) != CHAT_ADMISSION_GRANTED) {
            q->err = *chat_limit_refusal(ticket);
            rv = APR_EGENERAL;
        }
    }
    chat_reply_headers(q->r, chat_limit_headers(ticket));
    chat_limit_settle(ticket, NULL);
    return rv;
}

static apr_status_t ask_limits(rest_t *q, const row_t *row)
{
    return row->flags & (CHAT_ROUTE_REST_UNLIMITED | CHAT_ROUTE_REST_RUN)
               ? APR_SUCCESS
               : chat_route_rest_ask_limits(q);
}

static apr_status_t check_tables(rest_t *q, const row_t *row)
{
    const char *why = "this location has no ChatStore chat";

    if (row->flags & CHAT_ROUTE_REST_NO_TABLES)
        return APR_SUCCESS;
    if ((q->ctx->dir->store.layout == CHAT_STORE_CHAT ||
         row->flags & CHAT_ROUTE_REST_TABLES) &&
        chat_store_tables(&why, &q->at) == APR_SUCCESS)
        return APR_SUCCESS;
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, q->r,
                  CHATNO(0821) "conversations cannot be served: %s", why);
    q->err.retry_after = "5";
    return chat_err_set(&q->err, APR_EGENERAL, HTTP_SERVICE_UNAVAILABLE,
                        "store_unavailable",
                        "What is stored cannot be reached right now.");
}

/* ---- what ---- */

static int is_wanted(const rest_t *q, const row_t *row)
{
    return row->flags & CHAT_ROUTE_REST_BODY ||
           (row->flags & CHAT_ROUTE_REST_RUN &&
            apr_table_get(q->r->headers_in, "Idempotency-Key"));
}

static apr_status_t read_body(rest_t *q, const row_t *row)
{
    const chat_json_limits_t limits = chat_config_json_limits(q->ctx->dir);
    apr_status_t rv;

    if (!is_wanted(q, row) ||
        ((row->flags & CHAT_ROUTE_REST_EMPTY) && chat_request_is_absent(q->r)))
        return APR_SUCCESS;
    rv = chat_request_check_type(q->r, &q->err);
    return rv == APR_SUCCESS
               ? chat_request_read(&q->body, q->r, &limits, &q->err, q->p)
               : rv;
}

/* ---- answers ---- */

static void add_headers(const rest_t *q)
{
    request_rec *r = q->r;

    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    if (q->revision)
        apr_table_setn(r->err_headers_out, "ETag",
                       apr_psprintf(q->p, "\"%d\"", q->revision));
    if (q->location)
        apr_table_setn(
            r->headers_out, "Location",
            apr_pstrcat(q->p, q->ctx->dir->route.location, q->location, NULL));
}

static int answer(const rest_t *q)
{
    int status = q->status ? q->status : q->json ? HTTP_OK : HTTP_NO_CONTENT;

    if (q->sent)
        return q->rc;
    add_headers(q);
    if (q->json)
        chat_reply_json(q->r, status, q->json);
    else
        q->r->status = status;
    return OK;
}

/* In the words of the stream route, with more where there is more to say. */
static int refuse(const rest_t *q)
{
    const char *json;
    apr_size_t len;

    if (q->r->eos_sent) /* httpd has answered while the body was read */
        return AP_FILTER_ERROR;
    json =
        chat_dialect_get("stream")->refusal(&q->err, q->ctx->request_id, q->p);
    len = strlen(json);
    if (q->more)
        json = apr_pstrcat(q->p, apr_pstrmemdup(q->p, json, len - 1), q->more,
                           "}", NULL);
    add_headers(q);
    chat_reply_error(q->r, &q->err, json);
    return OK;
}

int chat_route_rest_end(const rest_t *q, apr_status_t rv)
{
    return rv == APR_SUCCESS ? answer(q) : refuse(q);
}

void chat_route_rest_begin(rest_t *q, chat_ctx_t *ctx)
{
    *q = (rest_t){.ctx = ctx, .r = ctx->r, .p = ctx->r->pool};
    if (ctx->dir->route.id == CHAT_ROUTE_admin)
        q->at.s = chat_config_admin_home(ctx->r->server);
    if (!q->at.s)
        q->at.s = ctx->r->server;
    q->at.r = ctx->r;
    q->at.p = ctx->r->pool;
}

apr_status_t chat_route_rest_enter(rest_t *q)
{
    static const row_t row = {.flags = CHAT_ROUTE_REST_UNLIMITED};
    apr_status_t rv = identify(q, &row);

    return rv == APR_SUCCESS ? check_tables(q, &row) : rv;
}

int chat_route_rest_serve(chat_ctx_t *ctx, const row_t *rows)
{
    rest_t q;
    const row_t *row = NULL;
    apr_status_t rv;

    chat_route_rest_begin(&q, ctx);
    rv = find_row(&row, &q, rows,
                  chat_request_rest(ctx->r, ctx->dir->route.location));
    if (rv == APR_SUCCESS && !row)
        return answer(&q);
    if (rv != APR_SUCCESS || identify(&q, row) != APR_SUCCESS ||
        ask_limits(&q, row) != APR_SUCCESS ||
        read_body(&q, row) != APR_SUCCESS ||
        check_tables(&q, row) != APR_SUCCESS)
        return refuse(&q);
    rv = row->flags & CHAT_ROUTE_REST_REPEAT
             ? chat_route_rest_repeat(&q, row->handler)
             : row->handler(&q);
    return chat_route_rest_end(&q, rv);
}

/* ---- the rest ---- */

chat_request_bounds_t chat_route_rest_bounds(const rest_t *q)
{
    const chat_dir_store_t *store = &q->ctx->dir->store;

    return (chat_request_bounds_t){.title = store->title,
                                   .metadata = store->metadata,
                                   .parts = store->parts};
}

void chat_route_rest_stop(const rest_t *q, const apr_array_header_t *streams)
{
    chat_err_t err = {0};
    int i;

    for (i = 0; i < streams->nelts; i++)
        chat_resume_stop(q->r->server, APR_ARRAY_IDX(streams, i, const char *),
                         &err);
}

const char *chat_route_rest_beside(const rest_t *q, const char *name)
{
    const char *location = q->ctx->dir->route.location;
    const char *slash = strrchr(location, '/');

    return apr_pstrcat(q->p, apr_pstrmemdup(q->p, location, slash - location),
                       "/", name, NULL);
}
