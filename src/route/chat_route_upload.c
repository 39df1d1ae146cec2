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
#include "chat_sniff.h"

#define NAME_MAX_UNITS 255
#define TYPE_MAX 100

typedef chat_route_rest_t rest_t;
typedef chat_route_upload_wish_t wish_t;

/* ---- what both files here know ---- */

chat_upload_at_t chat_route_upload_at(const rest_t *q)
{
    return (chat_upload_at_t){
        .s = q->r->server,
        .r = q->r,
        .p = q->p,
        .location = q->ctx->server->upload.location,
    };
}

chat_upload_file_t chat_route_upload_file(const chat_store_upload_t *u)
{
    return (chat_upload_file_t){
        .id = u->id,
        .key = u->key,
        .seal = u->seal,
        .filename = u->filename,
        .media_type = u->media_type,
        .size = u->size,
        .sha256 = u->sha256,
    };
}

static apr_status_t check_place(rest_t *q)
{
    return chat_upload_conf(q->r->server)
               ? APR_SUCCESS
               : chat_err_set(&q->err, APR_ENOTIMPL, HTTP_BAD_REQUEST,
                              "unsupported", "Files are not taken here.");
}

/* ---- what is announced ---- */

static apr_status_t invalid(rest_t *q, const char *param, const char *message)
{
    q->err.param = param;
    return chat_err_set(&q->err, APR_EINVAL, HTTP_BAD_REQUEST,
                        "invalid_request", message);
}

static apr_status_t wrong_type(rest_t *q, const char *message)
{
    q->err.param = "mediaType";
    return chat_err_set(&q->err, APR_EINVAL, HTTP_UNSUPPORTED_MEDIA_TYPE,
                        "upload_type", message);
}

static apr_status_t too_large(rest_t *q, const char *message)
{
    return chat_err_set(&q->err, APR_ENOSPC, HTTP_REQUEST_ENTITY_TOO_LARGE,
                        "upload_too_large", message);
}

/* Without its parameters, in lower case. */
static const char *plain_type(const char *type, apr_pool_t *p)
{
    char *plain = apr_pstrmemdup(p, type, strcspn(type, "; \t"));

    ap_str_tolower(plain);
    return strcmp(plain, "image/jpg") ? plain : "image/jpeg";
}

static const char *taken_types(const rest_t *q)
{
    const apr_array_header_t *types = q->ctx->dir->upload.types;
    const char *all = NULL;
    int i;

    for (i = 0; i < types->nelts; i++)
        all =
            apr_pstrcat(q->p, all ? all : "", all ? ", " : "",
                        APR_ARRAY_IDX(types, i, chat_upload_type_t).type, NULL);
    return all ? all : "none";
}

apr_status_t chat_route_upload_most(apr_int64_t *pmost, wish_t *wish, rest_t *q)
{
    const apr_array_header_t *types = q->ctx->dir->upload.types;
    int i;

    wish->media_type = plain_type(wish->media_type, q->p);
    for (i = 0; i < types->nelts; i++) {
        const chat_upload_type_t *t =
            &APR_ARRAY_IDX(types, i, chat_upload_type_t);

        if (!strcmp(t->type, wish->media_type)) {
            *pmost = t->most;
            return APR_SUCCESS;
        }
    }
    return wrong_type(q, apr_pstrcat(q->p,
                                     "Files of this type are not taken. "
                                     "Taken are: ",
                                     taken_types(q), ".", NULL));
}

/* Nothing in it moves a cursor, or ends a header. */
static int is_name(const char *name)
{
    apr_size_t len = 0;

    for (; *name; name++) {
        if ((unsigned char)*name < 0x20 || *name == 0x7f)
            return 0;
        len += (*name & 0xc0) != 0x80;
    }
    return len >= 1 && len <= NAME_MAX_UNITS;
}

/* The digest of 32 bytes, as a store wants it. */
static int is_digest(const char *text)
{
    return strlen(text) == 44 && text[43] == '=' &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                        "0123456789+/") == 43;
}

static apr_status_t check_wish(wish_t *wish, rest_t *q)
{
    apr_int64_t most;
    apr_status_t rv;

    if (!wish->filename || !is_name(wish->filename))
        return invalid(q, "filename",
                       "\"filename\" is 1 to 255 characters, none of which is "
                       "a control character.");
    if (!wish->media_type || strlen(wish->media_type) > TYPE_MAX)
        return invalid(q, "mediaType", "\"mediaType\" is a media type.");
    if (wish->size < 1)
        return invalid(q, "size", "\"size\" is a number of bytes, at least 1.");
    if (wish->sha256 && !is_digest(wish->sha256))
        return invalid(q, "sha256",
                       "\"sha256\" is the SHA-256 of the bytes in base64.");
    rv = chat_route_upload_most(&most, wish, q);
    if (rv == APR_SUCCESS && wish->size > most)
        return too_large(q, apr_psprintf(q->p,
                                         "Files of this type may have at most "
                                         "%" APR_INT64_T_FMT " bytes.",
                                         most));
    return rv;
}

apr_status_t chat_route_upload_announce(chat_store_upload_t **pu, wish_t *wish,
                                        rest_t *q)
{
    const chat_dir_upload_t *limits = &q->ctx->dir->upload;
    chat_store_upload_t *u = apr_pcalloc(q->p, sizeof(*u));
    apr_status_t rv = check_place(q);

    if (rv == APR_SUCCESS)
        rv = check_wish(wish, q);
    if (rv != APR_SUCCESS)
        return rv;
    u->id = chat_store_new_id(q->p);
    u->owner = q->at.owner;
    u->key = chat_upload_key(u->owner, u->id, q->p);
    u->seal = chat_upload_seal(q->p);
    u->filename = wish->filename;
    u->media_type = wish->media_type;
    u->size = wish->size;
    u->sha256 = wish->sha256;
    u->created = chat_store_now();
    u->expires = u->created + apr_time_as_msec(q->ctx->server->upload.put);
    if (!u->seal)
        return chat_err_set(&q->err, APR_EGENERAL, HTTP_SERVICE_UNAVAILABLE,
                            "uploads_unavailable",
                            "Files cannot be reached right now.");
    *pu = u;
    return chat_store_upload_create(u, limits->files, limits->bytes, &q->at,
                                    &q->err);
}

/* ---- is it what was announced? ---- */

typedef struct look_t {
    char *data; /* the first bytes */
    apr_size_t len;
    chat_sniff_text_t text;
    int is_text;
} look_t;

static apr_status_t take_first(void *ctx, const char *data, apr_size_t len)
{
    look_t *look = ctx;

    if (len > CHAT_SNIFF_BYTES - look->len)
        len = CHAT_SNIFF_BYTES - look->len;
    memcpy(look->data + look->len, data, len);
    look->len += len;
    return APR_SUCCESS;
}

static apr_status_t take_text(void *ctx, const char *data, apr_size_t len)
{
    look_t *look = ctx;

    look->is_text = look->is_text && chat_sniff_text(&look->text, data, len);
    return look->is_text ? APR_SUCCESS : APR_EINVAL;
}

static apr_status_t judge_image(chat_store_upload_t *u, rest_t *q,
                                const look_t *look)
{
    const int pixels = q->ctx->dir->upload.pixels;
    chat_sniff_t found;

    chat_sniff(&found, look->data, look->len);
    if (!found.type || strcmp(found.type, u->media_type) != 0)
        return wrong_type(q, "The file is not of the type that was announced.");
    if (!strncmp(found.type, "image/", 6) && !found.width)
        return wrong_type(q, "The image does not say how large it is.");
    if (found.width > pixels || found.height > pixels)
        return too_large(q, apr_psprintf(q->p,
                                         "An image may have at most %d pixels "
                                         "on each side.",
                                         pixels));
    u->width = found.width;
    u->height = found.height;
    return APR_SUCCESS;
}

static apr_status_t missing(rest_t *q)
{
    return chat_err_set(&q->err, APR_EAGAIN, HTTP_CONFLICT, "upload_incomplete",
                        "The file is not there, or not all of it.");
}

/* APR_EINVAL, APR_ENOSPC: it is not what it says. */
static apr_status_t look_at(chat_store_upload_t *u, rest_t *q)
{
    const chat_upload_at_t at = chat_route_upload_at(q);
    const chat_upload_file_t file = chat_route_upload_file(u);
    const int known = chat_sniff_knows(u->media_type);
    look_t look = {.is_text = 1};
    apr_status_t rv;

    look.data = known ? apr_palloc(q->p, CHAT_SNIFF_BYTES) : NULL;
    rv = chat_upload_read(&at, &file, known ? CHAT_SNIFF_BYTES : 0,
                          known ? take_first : take_text, &look, &q->err);
    if (rv == APR_NOTFOUND)
        return missing(q);
    if (rv != APR_SUCCESS)
        return rv;
    if (known)
        return judge_image(u, q, &look);
    return look.is_text && !look.text.wanted
               ? APR_SUCCESS
               : wrong_type(q, "The file is no text in UTF-8.");
}

apr_status_t chat_route_upload_complete(chat_store_upload_t *u, rest_t *q)
{
    const chat_upload_at_t at = chat_route_upload_at(q);
    const chat_upload_file_t file = chat_route_upload_file(u);
    chat_upload_stat_t st;
    chat_err_t unheard = {0};
    apr_status_t rv = chat_upload_stat(&st, &at, &file, &q->err);

    if (rv == APR_NOTFOUND ||
        (rv == APR_SUCCESS &&
         (st.size != u->size ||
          (st.media_type && ap_cstr_casecmp(st.media_type, u->media_type)))))
        return missing(q);
    if (rv == APR_SUCCESS)
        rv = look_at(u, q);
    /* Nobody will ever want it. */
    if (rv == APR_EINVAL || rv == APR_ENOSPC)
        chat_store_upload_remove(&q->at, u->id, &unheard);
    if (rv == APR_SUCCESS)
        rv = chat_store_upload_ready(u, &q->at, &q->err);
    if (rv == APR_SUCCESS)
        u->ready = 1;
    return rv;
}

/* ---- how it is told ---- */

static int seconds_of(apr_interval_time_t time)
{
    return (int)apr_time_sec(time);
}

apr_status_t chat_route_upload_target(const char **pjson,
                                      const chat_store_upload_t *u, rest_t *q)
{
    const chat_upload_at_t at = chat_route_upload_at(q);
    const chat_upload_file_t file = chat_route_upload_file(u);
    chat_json_t *target = chat_json_object(q->p);
    chat_json_t *named = chat_json_object(q->p);
    const apr_array_header_t *all;
    const apr_table_entry_t *e;
    apr_table_t *headers;
    const char *url;
    int i;
    apr_status_t rv =
        chat_upload_put_url(&url, &headers, &at, &file,
                            seconds_of(q->ctx->server->upload.put), &q->err);

    if (rv != APR_SUCCESS)
        return rv;
    all = apr_table_elts(headers);
    e = (const apr_table_entry_t *)all->elts;
    for (i = 0; i < all->nelts; i++)
        chat_json_add_string(named, e[i].key, e[i].val);
    chat_json_add_string(target, "method", "PUT");
    chat_json_add_string(target, "url", url);
    chat_json_add(target, "headers", named);
    *pjson = chat_json_text(target, NULL, q->p);
    return APR_SUCCESS;
}

apr_status_t chat_route_upload_url(const char **purl,
                                   const chat_store_upload_t *u, rest_t *q)
{
    const chat_upload_at_t at = chat_route_upload_at(q);
    const chat_upload_file_t file = chat_route_upload_file(u);

    return chat_upload_get_url(purl, &at, &file,
                               seconds_of(q->ctx->server->upload.get), &q->err);
}

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
    if (chat_json_kind(size) == CHAT_JSON_NUMBER &&
        chat_json_number(size) == (double)(apr_int64_t)chat_json_number(size))
        wish.size = (apr_int64_t)chat_json_number(size);
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
    apr_status_t rv = check_place(q);

    if (rv != APR_SUCCESS)
        return rv;
    if (type && !ap_cstr_casecmpn(type, "multipart/form-data", 19))
        return create_by_form(q);
    rv = chat_request_check_type(q->r, &q->err);
    return rv == APR_SUCCESS ? create_by_json(q) : rv;
}

static apr_status_t find(chat_store_upload_t **pu, rest_t *q)
{
    apr_status_t rv = check_place(q);

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
    apr_status_t rv = check_place(q);

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

int chat_route_upload(chat_ctx_t *ctx)
{
    return chat_route_rest_serve(ctx, rows);
}
