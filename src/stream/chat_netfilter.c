/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last filter before core's, on every connection from its start. While a
 * stream is parked it is the end of the chain: it writes to the socket
 * without ever blocking and keeps what the client does not take. FLUSH and
 * the other metadata stop here, for core would poll on them. At any other
 * time it passes everything on.
 *
 * It has to be there from the start: added later it could become the head of
 * the connection's chain, and the request's own chain would lead past it.
 */
#include "chat_park_int.h"

#include <http_config.h>

#include <apr_optional.h>
#include <util_filter.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Of one callback: what an upstream's read becomes when it is written anew. */
#define CORK_BYTES ((apr_size_t)32 * 1024)

APR_DECLARE_OPTIONAL_FN(void, ap_logio_add_bytes_out,
                        (conn_rec * c, apr_off_t bytes));

static APR_OPTIONAL_FN_TYPE(ap_logio_add_bytes_out) * log_bytes_out;
static ap_filter_rec_t *filter_handle;

void chat_netfilter_discard(chat_stream_t *s)
{
    free(s->client.out.data);
    memset(&s->client.out, 0, sizeof(s->client.out));
}

static apr_status_t keep(chat_stream_t *s, const char *data, apr_size_t len)
{
    chat_out_t *out = &s->client.out;
    char *longer;

    if (!len)
        return APR_SUCCESS;
    if (!out->len)
        s->client.progress_at = s->driver->now; /* the stall clock starts */
    if (out->off + out->len + len > out->capacity) {
        apr_size_t capacity = (out->len + len + 4095) & ~(apr_size_t)4095;

        longer = malloc(capacity);
        if (!longer)
            return APR_ENOMEM;
        if (out->len)
            memcpy(longer, out->data + out->off, out->len);
        free(out->data);
        out->data = longer;
        out->capacity = capacity;
        out->off = 0;
    }
    memcpy(out->data + out->off + out->len, data, len);
    out->len += len;
    return APR_SUCCESS;
}

/* Sends what the socket takes: *psent bytes, 0 when it is full. */
static apr_status_t send_some(apr_size_t *psent, chat_stream_t *s,
                              const char *data, apr_size_t len)
{
    ssize_t sent;

    *psent = 0;
    do
        sent = send(s->client.fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? APR_SUCCESS : errno;
    if (sent > 0) {
        s->client.progress_at = s->driver->now;
        s->client.sent += sent;
    }
    *psent = sent;
    return APR_SUCCESS;
}

static apr_status_t send_or_keep(chat_stream_t *s, const char *data,
                                 apr_size_t len)
{
    apr_size_t sent = 0;
    apr_status_t rv = APR_SUCCESS;

    if (s->client.left)
        return APR_SUCCESS;
    if (!s->client.out.len)
        rv = send_some(&sent, s, data, len);
    return rv == APR_SUCCESS ? keep(s, data + sent, len - sent) : rv;
}

apr_status_t chat_netfilter_drain(chat_stream_t *s)
{
    apr_size_t sent;
    apr_status_t rv = send_some(
        &sent, s, s->client.out.data + s->client.out.off, s->client.out.len);

    s->client.out.off += sent;
    s->client.out.len -= sent;
    if (!s->client.out.len)
        chat_netfilter_discard(s);
    return rv;
}

/* ---- what a callback writes ---- */

static apr_status_t send_cork(chat_stream_t *s, int hold)
{
    chat_cork_t *cork = s->driver->cork;
    apr_size_t len = cork->len;

    cork->len = 0;
    if (!len || s->client.left)
        return APR_SUCCESS;
    if (!hold || s->client.out.len)
        return send_or_keep(s, cork->data, len);
    s->client.held = 1;
    return keep(s, cork->data, len);
}

/* Each send is a packet, so head, chunk and data wait for each other. */
static apr_status_t put(chat_stream_t *s, const char *data, apr_size_t len)
{
    chat_cork_t *cork = s->driver->cork;
    apr_status_t rv = APR_SUCCESS;

    if (cork->len + len > CORK_BYTES)
        rv = send_cork(s, 0);
    if (rv != APR_SUCCESS || len > CORK_BYTES)
        return rv == APR_SUCCESS ? send_or_keep(s, data, len) : rv;
    memcpy(cork->data + cork->len, data, len);
    cork->len += len;
    return APR_SUCCESS;
}

/* "5DC\r\n" before end; where it begins. */
static char *write_size(char *end, apr_size_t len)
{
    static const char digits[] = "0123456789abcdef";

    *--end = '\n';
    *--end = '\r';
    do
        *--end = digits[len & 15];
    while (len >>= 4);
    return end;
}

/* A chunk, to be copied. */
static apr_status_t put_chunk(chat_stream_t *s, const char *data,
                              apr_size_t len)
{
    char size[CHAT_FRAME_BEFORE], *end = size + sizeof(size);
    char *at = write_size(end, len);
    apr_status_t rv = put(s, at, end - at);

    if (rv == APR_SUCCESS)
        rv = put(s, data, len);
    return rv == APR_SUCCESS ? put(s, "\r\n", 2) : rv;
}

/* More follows, so it cannot be framed where it is. */
static apr_status_t put_piece(chat_stream_t *s)
{
    chat_cork_t *cork = s->driver->cork;
    const char *piece = cork->piece;

    cork->piece = NULL;
    return piece ? put_chunk(s, piece, cork->piece_len) : APR_SUCCESS;
}

static apr_status_t send_piece(chat_stream_t *s)
{
    chat_cork_t *cork = s->driver->cork;
    char *at = write_size(cork->piece, cork->piece_len);
    char *end = cork->piece + cork->piece_len;

    cork->piece = NULL;
    *end++ = '\r';
    *end++ = '\n';
    return send_or_keep(s, at, end - at);
}

apr_status_t chat_netfilter_send(chat_stream_t *s, int hold)
{
    chat_cork_t *cork = s->driver->cork;
    apr_status_t rv = APR_SUCCESS;

    if (cork->piece && (hold || cork->len))
        rv = put_piece(s);
    else if (cork->piece)
        return send_piece(s);
    return rv == APR_SUCCESS ? send_cork(s, hold) : rv;
}

static apr_status_t cork_or_send(chat_stream_t *s, const char *data,
                                 apr_size_t len)
{
    apr_status_t rv = put_piece(s);

    return rv == APR_SUCCESS ? put(s, data, len) : rv;
}

/* ---- past the filters ---- */

static int goes_past(chat_stream_t *s)
{
    if (s->client.way == CHAT_WAY_UNKNOWN && s->r->sent_bodyct)
        s->client.way = chat_park_filters_pass(s->r, &s->client.tls)
                            ? CHAT_WAY_PAST
                            : CHAT_WAY_FILTERS;
    return s->client.way == CHAT_WAY_PAST;
}

static int has_room(const chat_cork_t *cork, const char *data, apr_size_t len)
{
    return data >= cork->room && data + len <= cork->room + cork->room_len;
}

/* mod_ssl encrypts a chunk at once, and what it becomes goes to the filter
 * below. What is behind the piece may be of the next. */
static apr_status_t encrypt(chat_stream_t *s, char *piece, apr_size_t len)
{
    apr_bucket_alloc_t *list = s->c->bucket_alloc;
    apr_bucket_brigade bb = {.p = s->r->pool, .bucket_alloc = list};
    char behind[CHAT_FRAME_BEHIND], *at = write_size(piece, len);
    char *end = piece + len;
    apr_status_t rv;

    memcpy(behind, end, sizeof(behind));
    memcpy(end, "\r\n", sizeof(behind));
    APR_RING_INIT(&bb.list, apr_bucket, link);
    APR_BRIGADE_INSERT_TAIL(
        &bb, apr_bucket_transient_create(at, end + sizeof(behind) - at, list));
    rv = ap_pass_brigade(s->client.tls, &bb);
    apr_brigade_cleanup(&bb);
    memcpy(end, behind, sizeof(behind));
    return rv;
}

/* The piece waits until it is known whether more follows. */
static apr_status_t put_in_place(chat_stream_t *s, const char *data,
                                 apr_size_t len)
{
    chat_cork_t *cork = s->driver->cork;
    apr_status_t rv = put_piece(s);

    if (rv != APR_SUCCESS)
        return rv;
    if (!has_room(cork, data, len))
        return put_chunk(s, data, len);
    cork->piece = (char *)data;
    cork->piece_len = len;
    return APR_SUCCESS;
}

apr_status_t chat_netfilter_frame(chat_stream_t *s, const char *data,
                                  apr_size_t len)
{
    if (!goes_past(s))
        return APR_ENOTIMPL;
    if (s->client.tls && !has_room(s->driver->cork, data, len))
        return APR_ENOTIMPL;
    if (!len || s->client.left)
        return APR_SUCCESS;
    s->client.passed += len;
    return s->client.tls ? encrypt(s, (char *)data, len)
                         : put_in_place(s, data, len);
}

/* ---- the filter ---- */

static apr_status_t filter(ap_filter_t *f, apr_bucket_brigade *bb)
{
    chat_conn_t *cc = f->ctx;
    apr_status_t rv = APR_SUCCESS;
    const char *data;
    apr_size_t len;
    apr_bucket *b;

    if (!cc->streaming || !bb)
        return ap_pass_brigade(f->next, bb);
    for (b = APR_BRIGADE_FIRST(bb);
         b != APR_BRIGADE_SENTINEL(bb) && rv == APR_SUCCESS;
         b = APR_BUCKET_NEXT(b)) {
        if (APR_BUCKET_IS_METADATA(b))
            continue;
        rv = apr_bucket_read(b, &data, &len, APR_NONBLOCK_READ);
        if (rv == APR_SUCCESS && len)
            rv = cork_or_send(cc->stream, data, len);
    }
    apr_brigade_cleanup(bb);
    return rv == APR_SUCCESS ? rv : APR_ECONNABORTED;
}

void chat_netfilter_add(conn_rec *c, chat_conn_t *cc)
{
    cc->net = ap_add_output_filter_handle(filter_handle, cc, NULL, c);
}

apr_status_t chat_netfilter_open(chat_cork_t *cork)
{
    cork->len = 0;
    cork->data = malloc(CORK_BYTES);
    return cork->data ? APR_SUCCESS : APR_ENOMEM;
}

void chat_netfilter_close(chat_cork_t *cork)
{
    free(cork->data);
    cork->data = NULL;
}

void chat_netfilter_rest(chat_conn_t *cc, chat_stream_t *s)
{
    apr_bucket_alloc_t *list = s->c->bucket_alloc;
    apr_bucket_brigade *bb;

    if (!s->client.out.len)
        return;
    bb = apr_brigade_create(s->r->pool, list);
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_heap_create(s->client.out.data,
                                                       s->client.out.len, free,
                                                       list));
    memset(&s->client.out, 0, sizeof(s->client.out));
    ap_pass_brigade(cc->net->next, bb);
}

void chat_netfilter_count(chat_stream_t *s)
{
    if (log_bytes_out)
        log_bytes_out(s->c, s->client.sent);
    s->client.sent = 0;
}

static void find_logio(void)
{
    log_bytes_out = APR_RETRIEVE_OPTIONAL_FN(ap_logio_add_bytes_out);
}

void chat_netfilter_register(void)
{
    ap_hook_optional_fn_retrieve(find_logio, NULL, NULL, APR_HOOK_MIDDLE);
    filter_handle = ap_register_output_filter("CHAT_NET", filter, NULL,
                                              AP_FTYPE_NETWORK - 1);
}
