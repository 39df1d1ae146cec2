/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of an answer: headers, error bodies, stream bytes, and
 * how it ends. Whatever thread owns the request.
 */
#include "chat_reply.h"

#include <ap_mpm.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_filter.h>
#include <apr_portable.h>
#include <apr_strings.h>

#include <sys/socket.h>

#include "chat_crypto.h"
#include "chat_json.h"
#include "chat_log.h"
#include "chat_types.h"

#define ID_HEADER "X-Request-ID"
#define ID_NOTE "chat-request-id"
#define ID_MAX 128

/* ---- the request's id ---- */

static int id_is_fit(const char *id)
{
    static const char fit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "abcdefghijklmnopqrstuvwxyz0123456789._-";
    apr_size_t len = id ? strlen(id) : 0;

    return len >= 1 && len <= ID_MAX && strspn(id, fit) == len;
}

const char *chat_reply_request_id(request_rec *r)
{
    const char *id = apr_table_get(r->notes, ID_NOTE);
    char uuid[37];

    if (id)
        return id;
    id = apr_table_get(r->headers_in, ID_HEADER);
    if (!id_is_fit(id)) {
        chat_crypto_uuid7(uuid, r->request_time);
        id = apr_pstrdup(r->pool, uuid);
    }
    apr_table_setn(r->notes, ID_NOTE, id);
    apr_table_setn(r->err_headers_out, ID_HEADER, id);
    return id;
}

void chat_reply_headers(request_rec *r, const apr_table_t *headers)
{
    const apr_array_header_t *fields = apr_table_elts(headers);
    int i;

    /* Not apr_table_overlap(): for a few fields, or none, it sorts them all. */
    for (i = 0; i < fields->nelts; i++) {
        const apr_table_entry_t *field =
            &APR_ARRAY_IDX(fields, i, apr_table_entry_t);

        apr_table_setn(r->err_headers_out, field->key, field->val);
    }
}

void chat_reply_header(request_rec *r, const char *name, const char *value)
{
    apr_table_setn(r->headers_out, name, value);
}

/* ---- an event stream ---- */

/* httpd says "Keep-Alive" itself to a client that asked, and "close" when it
 * will close; for the others of HTTP/1.1 the contract wants it said. */
static int say_keep_alive(const request_rec *r)
{
    const char *asked = apr_table_get(r->headers_in, "Connection");
    int state = AP_MPMQ_RUNNING, max = r->server->keep_alive_max;

    if (r->proto_num != HTTP_VERSION(1, 1) || r->connection->master ||
        ap_find_token(r->pool, asked, "keep-alive") ||
        ap_find_token(r->pool, asked, "close"))
        return 0;
    ap_mpm_query(AP_MPMQ_MPM_STATE, &state);
    return state == AP_MPMQ_RUNNING && r->server->keep_alive &&
           r->connection->keepalive != AP_CONN_CLOSE &&
           (max == 0 || r->connection->keepalives < max - 1);
}

void chat_reply_stream_head(request_rec *r)
{
    ap_set_content_type(r, CHAT_EVENT_STREAM_TYPE);
    apr_table_setn(r->headers_out, "Cache-Control", "no-store, no-transform");
    apr_table_setn(r->headers_out, "X-Accel-Buffering", "no");
    if (say_keep_alive(r))
        apr_table_mergen(r->headers_out, "Connection", "keep-alive");
    /* mod_deflate and mod_brotli look here, not at no-transform. */
    apr_table_setn(r->subprocess_env, "no-gzip", "1");
    apr_table_setn(r->subprocess_env, "no-brotli", "1");
    chat_reply_request_id(r);
}

void chat_reply_stream_type(request_rec *r, const char *type)
{
    ap_set_content_type(r, type);
}

apr_status_t chat_reply_stream_write(request_rec *r, const char *data,
                                     apr_size_t len)
{
    apr_bucket_alloc_t *list = r->connection->bucket_alloc;
    /* Not apr_brigade_create(): r->pool would grow with each event. */
    apr_bucket_brigade bb = {.p = r->pool, .bucket_alloc = list};
    apr_status_t rv;

    APR_RING_INIT(&bb.list, apr_bucket, link);
    APR_BRIGADE_INSERT_TAIL(&bb, apr_bucket_transient_create(data, len, list));
    APR_BRIGADE_INSERT_TAIL(&bb, apr_bucket_flush_create(list));
    rv = ap_pass_brigade(r->output_filters, &bb);
    apr_brigade_cleanup(&bb);
    return rv;
}

/* ---- whole answers ---- */

void chat_reply_json(request_rec *r, int status, const char *json)
{
    if (!json) {
        status = HTTP_SERVICE_UNAVAILABLE;
        json = "{\"code\":\"out_of_memory\",\"message\":\"There is no memory "
               "for this right now.\"}";
    }
    r->status = status;
    ap_set_content_type(r, "application/json; charset=utf-8");
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    chat_reply_request_id(r);
    ap_set_content_length(r, strlen(json));
    if (!r->header_only)
        ap_rputs(json, r);
}

void chat_reply_error(request_rec *r, const chat_err_t *err, const char *json)
{
    if (err->retry_after)
        apr_table_setn(r->err_headers_out, "Retry-After", err->retry_after);
    if (err->allow)
        apr_table_setn(r->err_headers_out, "Allow", err->allow);
    chat_reply_json(r, err->status, json);
}

/* ---- no clean end ---- */

static void flush(conn_rec *c)
{
    apr_bucket_alloc_t *list = c->bucket_alloc;
    apr_bucket_brigade *bb = apr_brigade_create(c->pool, list);

    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(list));
    ap_pass_brigade(c->output_filters, bb);
}

/* Without chunks there is no framing to leave unfinished: HTTP/1.0, and a
 * connection that httpd has marked to be closed. What there was of the answer
 * goes out before. */
static void reset_connection(conn_rec *c)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    apr_os_sock_t fd;

    if (!c->aborted)
        flush(c);
    if (apr_os_sock_get(&fd, ap_get_conn_socket(c)) == APR_SUCCESS)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    c->keepalive = AP_CONN_CLOSE;
    c->aborted = 1;
}

/* As mod_proxy does it: the chunk filter leaves out the last chunk, and
 * mod_http2 resets the stream. */
static void pass_error(request_rec *r)
{
    apr_bucket_alloc_t *list = r->connection->bucket_alloc;
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, list);

    APR_BRIGADE_INSERT_TAIL(
        bb, ap_bucket_error_create(HTTP_BAD_GATEWAY, NULL, r->pool, list));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(list));
    ap_pass_brigade(r->output_filters, bb);
    r->eos_sent = 1;
}

/* mod_http2 drops what it has not sent yet when a stream is reset. Its own
 * thread sends; there is no telling when it has. */
#define H2_LINGER apr_time_from_msec(50)

void chat_reply_break(request_rec *r)
{
    if (r->connection->master && !r->connection->aborted)
        apr_sleep(H2_LINGER);
    if (!r->connection->aborted)
        pass_error(r);
    if (!r->chunked && !r->connection->master)
        reset_connection(r->connection);
}
