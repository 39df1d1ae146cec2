/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of users in an object store. Every request is a URL that is signed:
 * those for clients and providers with the store's public name, those of this
 * server with the one that it has inside.
 */
#include "chat_upload_int.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_sigv4.h"
#include "chat_stream.h"

/* Of a URL that is used at once. */
#define SOON 60

/* Of all of a call, whatever the size: a store that is slower than this is no
 * help to anybody. */
#define LASTS apr_time_from_sec(60)
#define LASTS_SHORT apr_time_from_sec(10)

#define SHA256_HEADER "x-amz-checksum-sha256"

/* ---- URLs ---- */

typedef struct wish_t {
    const char *base, *method;
    const chat_sigv4_pair_t *headers, *query;
    int nheaders, nquery, seconds;
} wish_t;

static apr_status_t sign(const char **purl, const chat_upload_at_t *at,
                         const chat_upload_file_t *f, const wish_t *wish)
{
    const chat_server_upload_t *server = &chat_config_server(at->s)->upload;
    const chat_sigv4_key_t key = {.id = server->key->id,
                                  .secret = server->key->secret,
                                  .token = server->key->token,
                                  .region = server->store->region};
    const chat_sigv4_request_t request = {
        .method = wish->method,
        .base = wish->base,
        .path = apr_pstrcat(at->p, server->store->path, f->key, NULL),
        .headers = wish->headers,
        .nheaders = wish->nheaders,
        .query = wish->query,
        .nquery = wish->nquery,
        .expires = wish->seconds};
    chat_sigv4_signed_t out = {0};
    apr_status_t rv =
        chat_sigv4_url(&out, &key, &request, apr_time_now(), at->p);

    *purl = out.url;
    return rv;
}

/* What an upload must have: no other type, size or bytes, and only once. */
static int put_headers(chat_sigv4_pair_t *headers, const chat_upload_file_t *f,
                       apr_pool_t *p)
{
    int n = 0;

    headers[n++] = (chat_sigv4_pair_t){
        "content-length", apr_psprintf(p, "%" APR_INT64_T_FMT, f->size)};
    headers[n++] = (chat_sigv4_pair_t){"content-type", f->media_type};
    headers[n++] = (chat_sigv4_pair_t){"if-none-match", "*"};
    if (f->sha256)
        headers[n++] = (chat_sigv4_pair_t){SHA256_HEADER, f->sha256};
    return n;
}

static apr_status_t put_url(const char **purl, const chat_upload_at_t *at,
                            const chat_upload_file_t *f, const char *base,
                            int seconds)
{
    chat_sigv4_pair_t headers[4];
    const wish_t wish = {.base = base,
                         .method = "PUT",
                         .headers = headers,
                         .nheaders = put_headers(headers, f, at->p),
                         .seconds = seconds};

    return sign(purl, at, f, &wish);
}

apr_status_t chat_upload_s3_put_url(const char **purl, apr_table_t *headers,
                                    const chat_upload_at_t *at,
                                    const chat_upload_file_t *f, int seconds)
{
    if (f->sha256)
        apr_table_setn(headers, SHA256_HEADER, f->sha256);
    return put_url(purl, at, f, chat_upload_conf(at->s)->public_url, seconds);
}

/* Whatever the store has noted, it says these. */
apr_status_t chat_upload_s3_get_url(const char **purl,
                                    const chat_upload_at_t *at,
                                    const chat_upload_file_t *f, int seconds)
{
    const chat_sigv4_pair_t query[] = {
        {"response-content-disposition", chat_upload_disposition(f, at->p)},
        {"response-content-type", f->media_type}};
    const wish_t wish = {.base = chat_upload_conf(at->s)->public_url,
                         .method = "GET",
                         .query = query,
                         .nquery = 2,
                         .seconds = seconds};

    return sign(purl, at, f, &wish);
}

/* ---- calls ---- */

typedef struct call_t {
    const chat_upload_at_t *at;
    const char *method; /* NULL: GET */
    int status;
    apr_int64_t length; /* of the answer, as its head says; -1: it does not */
    const char *type;
    apr_table_t *send; /* headers of the request, or NULL */
    chat_upload_bytes_cb *bytes;
    void *ctx;
    const chat_upload_source_t *from; /* of a PUT */
    apr_off_t put_len;
    chat_err_t *err;
    apr_status_t failed; /* of from */
    apr_interval_time_t lasts;
} call_t;

static const char *header_value(const char *line, apr_size_t len,
                                const char *name, apr_pool_t *p)
{
    apr_size_t n = strlen(name);

    if (len <= n || strncasecmp(line, name, n) != 0)
        return NULL;
    line += n;
    len -= n;
    while (len && strchr(" \t", *line)) {
        line++;
        len--;
    }
    while (len && strchr(" \t\r\n", line[len - 1]))
        len--;
    return apr_pstrmemdup(p, line, len);
}

static void on_header(void *ctx, const char *line, apr_size_t len)
{
    call_t *c = ctx;
    const char *v;

    if (len > 9 && !strncmp(line, "HTTP/", 5)) {
        c->status = 0; /* the head of the answer behind "100 Continue" */
        if (strchr(line, ' '))
            c->status = atoi(strchr(line, ' ') + 1);
    }
    if ((v = header_value(line, len, "content-length:", c->at->p)) != NULL)
        c->length = apr_atoi64(v);
    if ((v = header_value(line, len, "content-type:", c->at->p)) != NULL)
        c->type = v;
}

/* What an error says is not wanted: it holds what was signed. */
static apr_status_t on_data(void *ctx, const char *data, apr_size_t len)
{
    const call_t *c = ctx;

    if (!c->bytes || c->status / 100 != 2)
        return APR_SUCCESS;
    return c->bytes(c->ctx, data, len);
}

static apr_size_t on_put(void *ctx, char *data, apr_size_t len)
{
    call_t *c = ctx;

    if (c->failed == APR_SUCCESS)
        c->failed = c->from->get(c->from->ctx, data, &len, c->err);
    return c->failed == APR_SUCCESS ? len : 0;
}

static apr_array_header_t *header_lines(const call_t *c)
{
    apr_array_header_t *lines = apr_array_make(c->at->p, 6, sizeof(char *));
    const apr_array_header_t *all = c->send ? apr_table_elts(c->send) : NULL;
    const apr_table_entry_t *e = all ? (const void *)all->elts : NULL;
    int i;

    for (i = 0; all && i < all->nelts; i++)
        APR_ARRAY_PUSH(lines, const char *) =
            apr_pstrcat(c->at->p, e[i].key, ": ", e[i].val, NULL);
    APR_ARRAY_PUSH(lines, const char *) = "Expect:";
    return lines;
}

/* APR_SUCCESS: it was answered. APR_ENOSPC: bytes() had enough. */
static apr_status_t make(call_t *c, const char *url, const char *what)
{
    const chat_call_t call = {
        .url = url, .headers = header_lines(c), .secret = 1};
    const chat_fetch_t fetch = {.call = &call,
                                .timeout = c->lasts,
                                .stop_fd = -1,
                                .method = c->method,
                                .put_len = c->put_len,
                                .put = c->from ? on_put : NULL,
                                .header = on_header,
                                .data = on_data,
                                .ctx = c};
    int status;
    apr_status_t rv = chat_stream_fetch(&status, &fetch);

    if (c->failed != APR_SUCCESS)
        return c->failed;
    if (rv == APR_SUCCESS || rv == APR_ENOSPC)
        return rv;
    return chat_upload_fail(c->at, rv, what,
                            apr_pstrcat(c->at->p, "no answer of ",
                                        chat_upload_conf(c->at->s)->base, NULL),
                            c->err);
}

/* What the store says instead of yes. */
static apr_status_t refused(const call_t *c, const char *what)
{
    if (c->status == HTTP_NOT_FOUND)
        return APR_NOTFOUND;
    return chat_upload_fail(
        c->at, APR_EGENERAL, what,
        apr_psprintf(c->at->p, "%s answered %d%s",
                     chat_upload_conf(c->at->s)->base, c->status,
                     c->status == HTTP_FORBIDDEN
                         ? ": is the key of ChatUploadsKey right, may it do "
                           "that there, is the clock?"
                         : ""),
        c->err);
}

static call_t call_of(const chat_upload_at_t *at, const char *method,
                      apr_interval_time_t lasts, chat_err_t *err)
{
    return (call_t){
        .at = at, .method = method, .length = -1, .lasts = lasts, .err = err};
}

static apr_status_t url_of(const char **purl, const chat_upload_at_t *at,
                           const chat_upload_file_t *f, const char *method)
{
    const wish_t wish = {.base = chat_upload_conf(at->s)->base,
                         .method = method,
                         .seconds = SOON};

    return sign(purl, at, f, &wish);
}

/* ---- what is done ---- */

apr_status_t chat_upload_s3_stat(chat_upload_stat_t *st,
                                 const chat_upload_at_t *at,
                                 const chat_upload_file_t *f, chat_err_t *err)
{
    call_t c = call_of(at, "HEAD", LASTS_SHORT, err);
    const char *url;
    apr_status_t rv = url_of(&url, at, f, "HEAD");

    if (rv != APR_SUCCESS)
        return chat_upload_fail(at, rv, "looked at", "it cannot be signed for",
                                err);
    rv = make(&c, url, "looked at");
    if (rv == APR_SUCCESS && c.status != HTTP_OK)
        rv = refused(&c, "looked at");
    st->size = c.length;
    st->media_type = c.type ? c.type : "";
    return rv;
}

apr_status_t chat_upload_s3_read(const chat_upload_at_t *at,
                                 const chat_upload_file_t *f, apr_int64_t most,
                                 chat_upload_bytes_cb *bytes, void *ctx,
                                 chat_err_t *err)
{
    call_t c = call_of(at, NULL, LASTS, err);
    const char *url;
    apr_status_t rv = url_of(&url, at, f, "GET");

    if (rv != APR_SUCCESS)
        return chat_upload_fail(at, rv, "read", "it cannot be signed for", err);
    c.bytes = bytes;
    c.ctx = ctx;
    if (most) {
        c.send = apr_table_make(at->p, 1);
        apr_table_setn(
            c.send, "Range",
            apr_psprintf(at->p, "bytes=0-%" APR_INT64_T_FMT, most - 1));
    }
    rv = make(&c, url, "read");
    if (rv == APR_ENOSPC)
        return APR_SUCCESS;
    return rv == APR_SUCCESS && c.status / 100 != 2 ? refused(&c, "read") : rv;
}

apr_status_t chat_upload_s3_write(const chat_upload_at_t *at,
                                  const chat_upload_file_t *f,
                                  const chat_upload_source_t *from,
                                  chat_err_t *err)
{
    call_t c = call_of(at, "PUT", LASTS, err);
    const char *url;
    apr_status_t rv = put_url(&url, at, f, chat_upload_conf(at->s)->base, SOON);

    if (rv != APR_SUCCESS)
        return chat_upload_fail(at, rv, "written", "it cannot be signed for",
                                err);
    c.from = from;
    c.put_len = f->size;
    c.send = apr_table_make(at->p, 3);
    apr_table_setn(c.send, "Content-Type", f->media_type);
    apr_table_setn(c.send, "If-None-Match", "*");
    if (f->sha256)
        apr_table_setn(c.send, SHA256_HEADER, f->sha256);
    rv = make(&c, url, "written");
    if (rv != APR_SUCCESS || c.status / 100 == 2)
        return rv;
    if (c.status == HTTP_PRECONDITION_FAILED)
        return chat_err_set(err, APR_EEXIST, HTTP_CONFLICT, "upload_exists",
                            "This file has been uploaded already.");
    if (c.status == HTTP_BAD_REQUEST)
        return chat_upload_mismatch(err, "The bytes are not those that were "
                                         "announced.");
    return refused(&c, "written");
}

apr_status_t chat_upload_s3_remove(const chat_upload_at_t *at,
                                   const chat_upload_file_t *f, chat_err_t *err)
{
    call_t c = call_of(at, "DELETE", LASTS_SHORT, err);
    const char *url;
    apr_status_t rv = url_of(&url, at, f, "DELETE");

    if (rv != APR_SUCCESS)
        return chat_upload_fail(at, rv, "deleted", "it cannot be signed for",
                                err);
    rv = make(&c, url, "deleted");
    if (rv == APR_SUCCESS && c.status / 100 != 2)
        rv = refused(&c, "deleted");
    return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
}
