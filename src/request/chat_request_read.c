/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request as httpd has it: method, media type, and the body, parsed while
 * it comes out of the input filters so that it is never kept as text. What a
 * refusal leaves unread is httpd's to discard. Request thread only.
 */
#include "chat_request.h"

#include <httpd.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "chat_log.h"
#include "chat_request_noted.h"
#include "chat_seal.h"

/* How much is asked of the input filters at once. */
#define PIECE 16384

/* ---- method and media type ---- */

static char *trim(char *text)
{
    char *end;

    while (apr_isspace(*text))
        text++;
    end = text + strlen(text);
    while (end > text && apr_isspace(end[-1]))
        *--end = '\0';
    return text;
}

/* One parameter of the media type; only a charset can be wrong. */
static int fits(char *parameter, apr_pool_t *p)
{
    char *name = trim(ap_getword_nc(p, &parameter, '='));
    char *value = trim(parameter);

    return ap_cstr_casecmp(name, "charset") != 0 ||
           ap_cstr_casecmp(value, "utf-8") == 0 ||
           ap_cstr_casecmp(value, "\"utf-8\"") == 0;
}

static int is_json(const char *media_type, apr_pool_t *p)
{
    char *type;

    if (!media_type)
        return 0;
    type = trim(ap_getword(p, &media_type, ';'));
    if (ap_cstr_casecmp(type, "application/json") != 0)
        return 0;
    while (*media_type)
        if (!fits(ap_getword(p, &media_type, ';'), p))
            return 0;
    return 1;
}

static int is_plain(const char *encoding)
{
    return !encoding || !*encoding ||
           ap_cstr_casecmp(encoding, "identity") == 0;
}

apr_status_t chat_request_check(request_rec *r, chat_err_t *err)
{
    if (r->method_number != M_POST) {
        err->allow = "POST";
        return chat_err_set(err, APR_ENOTIMPL, 405, "method_not_allowed",
                            "Only POST is accepted here.");
    }
    return chat_request_check_type(r, err);
}

apr_status_t chat_request_check_type(const request_rec *r, chat_err_t *err)
{
    if (!is_json(apr_table_get(r->headers_in, "Content-Type"), r->pool))
        return chat_err_set(err, APR_EINVAL, 415, "unsupported_media_type",
                            "The Content-Type must be application/json, "
                            "in UTF-8.");
    return chat_request_check_plain(r, err);
}

apr_status_t chat_request_check_plain(const request_rec *r, chat_err_t *err)
{
    if (!is_plain(apr_table_get(r->headers_in, "Content-Encoding")))
        return chat_err_set(err, APR_EINVAL, 415, "unsupported_media_type",
                            "The body must come without a Content-Encoding.");
    return APR_SUCCESS;
}

/* ---- body ---- */

typedef struct body_t {
    request_rec *r;
    chat_json_reader_t *reader; /* one of these three takes the bytes */
    chat_json_items_t *items;
    char *raw;
    const chat_request_noted_t *noted; /* or nobody does, as long as they are
                                          those of it */
    const chat_json_limits_t *limits;  /* with noted, of a reader in p */
    apr_pool_t *p;
    int wipe; /* with raw: nothing is left where they came from */
    apr_size_t limit;
    apr_size_t seen;
    int ended;
    chat_err_t *err;
} body_t;

static apr_status_t refuse_long(body_t *body)
{
    request_rec *r = body->r;

    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r,
                  CHATNO(0401) "body refused: longer than %" APR_SIZE_T_FMT
                               " bytes",
                  body->limit);
    return chat_err_set(
        body->err, APR_ENOSPC, 413, "payload_too_large",
        apr_psprintf(r->pool,
                     "The body must not be longer than %" APR_SIZE_T_FMT
                     " bytes.",
                     body->limit));
}

static apr_status_t refuse_syntax(body_t *body, apr_status_t rv)
{
    const char *why = body->reader ? chat_json_reader_why(body->reader)
                                   : chat_json_items_why(body->items);
    request_rec *r = body->r;

    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r,
                  CHATNO(0402) "body refused: %s", why);
    if (rv == APR_EGENERAL)
        return chat_err_set(
            body->err, rv, 400, "invalid_request",
            apr_pstrcat(r->pool, "The body is refused: ", why, ".", NULL));
    return chat_err_set(body->err, rv, 400, "invalid_json",
                        apr_pstrcat(r->pool,
                                    "The body is not acceptable JSON: ", why,
                                    ".", NULL));
}

/* httpd has answered by itself, and there can be only one answer. */
static apr_status_t note_answered(body_t *body)
{
    int status = body->r->status;

    return chat_err_set(body->err, AP_FILTER_ERROR, status,
                        status == HTTP_REQUEST_ENTITY_TOO_LARGE
                            ? "payload_too_large"
                            : "broken_body",
                        "The body was refused.");
}

/* The input filters gave up: the client was too slow or went away. */
static apr_status_t refuse_broken(body_t *body, apr_status_t rv)
{
    request_rec *r = body->r;
    int status = ap_map_http_request_error(rv, HTTP_BAD_REQUEST);

    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, rv, r,
                  CHATNO(0403) "body not read to its end");
    if (status == AP_FILTER_ERROR)
        return note_answered(body);
    if (status == HTTP_REQUEST_TIME_OUT)
        return chat_err_set(body->err, rv, status, "request_timeout",
                            "The body did not arrive in time.");
    return chat_err_set(body->err, rv, HTTP_BAD_REQUEST, "broken_body",
                        "The body ended too early.");
}

/* Refuse a declared length that is too long; nothing need be read. What
 * LimitRequestBody forbids is refused here too, while the answer is ours. */
static apr_status_t check_length(body_t *body)
{
    const char *declared = apr_table_get(body->r->headers_in, "Content-Length");
    apr_off_t most = ap_get_limit_req_body(body->r);
    apr_off_t length;

    if (!declared || !ap_parse_strict_length(&length, declared))
        return APR_SUCCESS;
    if (most > 0 && (apr_uint64_t)most < body->limit)
        body->limit = most;
    return (apr_uint64_t)length > body->limit ? refuse_long(body) : APR_SUCCESS;
}

/* Of the bytes of a bucket in memory nobody else has any use: they were read by
 * this request. Others (a file's) cannot come from a client. */
static void take_raw(body_t *body, apr_bucket *bucket, const char *data,
                     apr_size_t len)
{
    memcpy(body->raw + body->seen - len, data, len);
    if (body->wipe && !APR_BUCKET_IS_MMAP(bucket) &&
        !APR_BUCKET_IS_IMMORTAL(bucket))
        chat_seal_wipe((char *)data, len);
}

/* They are not those that were parsed already. */
static apr_status_t begin_again(body_t *body, apr_size_t same)
{
    body->reader = chat_json_reader_create(body->limits, body->p);
    return chat_json_reader_feed(body->reader, body->noted->data, same);
}

static apr_status_t take_noted(body_t *body, const char *data, apr_size_t len)
{
    const chat_request_noted_t *noted = body->noted;
    apr_size_t same = body->seen - len;
    apr_status_t rv = APR_SUCCESS;

    if (!body->reader && body->seen <= noted->len &&
        memcmp(noted->data + same, data, len) == 0)
        return rv;
    if (!body->reader)
        rv = begin_again(body, same);
    if (rv == APR_SUCCESS)
        rv = chat_json_reader_feed(body->reader, data, len);
    return rv == APR_SUCCESS ? rv : refuse_syntax(body, rv);
}

static apr_status_t take(body_t *body, apr_bucket *bucket)
{
    const char *data;
    apr_size_t len;
    apr_status_t rv;

    rv = apr_bucket_read(bucket, &data, &len, APR_BLOCK_READ);
    if (rv != APR_SUCCESS)
        return refuse_broken(body, rv);
    body->seen += len;
    if (body->seen > body->limit)
        return refuse_long(body);
    if (body->raw) {
        take_raw(body, bucket, data, len);
        return APR_SUCCESS;
    }
    if (body->noted)
        return take_noted(body, data, len);
    rv = body->reader ? chat_json_reader_feed(body->reader, data, len)
                      : chat_json_items_feed(body->items, data, len);
    return rv == APR_SUCCESS ? rv : refuse_syntax(body, rv);
}

/* Take what is in the brigade and empty it. */
static apr_status_t take_all(body_t *body, apr_bucket_brigade *bb)
{
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS && !APR_BRIGADE_EMPTY(bb)) {
        apr_bucket *bucket = APR_BRIGADE_FIRST(bb);

        if (APR_BUCKET_IS_EOS(bucket))
            body->ended = 1;
        else if (!APR_BUCKET_IS_METADATA(bucket))
            rv = take(body, bucket);
        apr_bucket_delete(bucket);
    }
    return rv;
}

static apr_status_t read_all(body_t *body)
{
    request_rec *r = body->r;
    apr_bucket_brigade *bb =
        apr_brigade_create(r->pool, r->connection->bucket_alloc);
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS && !body->ended) {
        rv = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES,
                            APR_BLOCK_READ, PIECE);
        rv = rv == APR_SUCCESS ? take_all(body, bb) : refuse_broken(body, rv);
    }
    apr_brigade_destroy(bb);
    return rv;
}

apr_status_t chat_request_read_raw(char *data, apr_size_t *plen, request_rec *r,
                                   int wipe, chat_err_t *err)
{
    body_t body = {
        .r = r, .raw = data, .wipe = wipe, .limit = *plen, .err = err};
    apr_status_t rv = check_length(&body);

    *plen = 0;
    if (rv == APR_SUCCESS)
        rv = read_all(&body);
    if (rv == APR_SUCCESS)
        *plen = body.seen;
    return rv;
}

apr_status_t chat_request_read_items(chat_json_t **prest, request_rec *r,
                                     chat_json_items_t *items, apr_size_t limit,
                                     chat_err_t *err)
{
    body_t body = {.r = r, .items = items, .limit = limit, .err = err};
    apr_status_t rv;

    *prest = NULL;
    rv = check_length(&body);
    if (rv == APR_SUCCESS)
        rv = read_all(&body);
    if (rv != APR_SUCCESS)
        return rv;
    rv = chat_json_items_end(prest, items);
    return rv == APR_SUCCESS ? rv : refuse_syntax(&body, rv);
}

apr_status_t chat_request_read(chat_json_t **pbody, request_rec *r,
                               const chat_json_limits_t *limits,
                               chat_err_t *err, apr_pool_t *p)
{
    body_t body = {
        .r = r, .limit = limits->bytes, .limits = limits, .p = p, .err = err};
    apr_status_t rv;

    *pbody = NULL;
    rv = check_length(&body);
    if (rv != APR_SUCCESS)
        return rv;
    body.noted = chat_request_note_take(r, limits, p);
    if (!body.noted)
        body.reader = chat_json_reader_create(limits, p);
    rv = read_all(&body);
    if (rv != APR_SUCCESS)
        return rv;
    if (!body.reader && body.seen == body.noted->len) {
        *pbody = body.noted->body;
        return APR_SUCCESS;
    }
    if (!body.reader && (rv = begin_again(&body, body.seen)) != APR_SUCCESS)
        return refuse_syntax(&body, rv);
    rv = chat_json_reader_end(pbody, body.reader);
    return rv == APR_SUCCESS ? rv : refuse_syntax(&body, rv);
}
