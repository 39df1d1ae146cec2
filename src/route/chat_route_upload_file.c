/* SPDX-License-Identifier: Apache-2.0 */
/* One file of a user, from what is announced to where it can be looked at. See
 * chat_route_upload.h. */
#include "chat_route_upload.h"

#include <string.h>

#include <httpd.h>
#include <apr_strings.h>

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

apr_status_t chat_route_upload_place(rest_t *q)
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
    apr_status_t rv = chat_route_upload_place(q);

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
    char *data; /* the first bytes; NULL: text, of which nothing is kept */
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

    look->len += len;
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

/* What a place that says yes has not given says nothing of the file. */
static int is_enough(const look_t *look, const chat_store_upload_t *u)
{
    const apr_int64_t wanted =
        look->data && u->size > CHAT_SNIFF_BYTES ? CHAT_SNIFF_BYTES : u->size;

    return !look->is_text || (apr_int64_t)look->len >= wanted;
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
    if (!is_enough(&look, u))
        return chat_upload_fail(&at, APR_EGENERAL, "read",
                                "fewer bytes came than are there", &q->err);
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
