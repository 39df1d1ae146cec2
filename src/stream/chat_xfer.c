/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source that is one HTTP call to an upstream. The same code under all
 * drivers. Driver's thread.
 *
 * Never twice: a request that somebody answers is paid for, too, even when
 * nobody hears the answer. So it is sent once more only when a connection that
 * was kept breaks before a byte of an answer, and the upstream never got the
 * request: TCP knows, for what was read by the other side was acknowledged
 * before its FIN, or with it.
 */
#include "chat_xfer_int.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

/* Headers that are kept of an answer. */
#define HEADERS_MAX 64

/* ---- what the upstream says ---- */

static void on_status(void *ctx, int status)
{
    chat_stream_t *s = ctx;

    apr_table_clear(s->xfer->head);
}

static void on_field(void *ctx, const char *name, apr_size_t name_len,
                     const char *value, apr_size_t value_len)
{
    chat_stream_t *s = ctx;
    const apr_array_header_t *had = apr_table_elts(s->xfer->head);
    char *lower, *c;

    if (had->nelts >= HEADERS_MAX)
        return;
    lower = apr_pstrmemdup(had->pool, name, name_len);
    for (c = lower; *c; c++)
        *c = apr_tolower(*c);
    apr_table_addn(s->xfer->head, lower,
                   apr_pstrmemdup(had->pool, value, value_len));
}

static void note_head(chat_stream_t *s)
{
    chat_xfer_t *x = s->xfer;

    if (s->spec.cb->head)
        s->spec.cb->head(s->spec.ctx, x->ex.answer.status, x->head);
    x->head = NULL;
}

/* The bytes at in are the next of the answer. */
static void take(chat_stream_t *s, char *in, apr_size_t n)
{
    chat_xfer_t *x = s->xfer;
    char *body;
    apr_size_t len = chat_http1_feed(&x->ex.answer, in, n, &body);

    if (x->ex.answer.complete && x->head)
        note_head(s);
    s->call.round_bytes += n;
    if (len && !s->ended) {
        s->call.last = x->ex.answer.phase == CHAT_HTTP1_END;
        chat_stream_deliver(s, body, len);
    }
    if (x->ex.answer.phase == CHAT_HTTP1_END)
        chat_stream_end(s, CHAT_END_COMPLETE, NULL);
    else if (x->ex.answer.phase == CHAT_HTTP1_BAD)
        chat_stream_end(s, CHAT_END_BROKEN, x->ex.answer.why);
    if (s->call.spec->secret) /* an upstream may have repeated it */
        explicit_bzero(in, n);
}

/* ---- the end of a connection ---- */

static void start_afresh(chat_stream_t *s);

static void end_unheard(chat_stream_t *s, const char *detail)
{
    chat_stream_end(s, s->xfer->ex.sent ? CHAT_END_BROKEN : CHAT_END_UNREACHED,
                    detail);
}

static int may_be_sent_again(const chat_exchange_t *x)
{
    return chat_exchange_is_unheard(x) &&
           (!x->sent || chat_link_is_unread(x->link));
}

/* broken: without a proper end. */
static void connection_over(chat_stream_t *s, int broken)
{
    chat_exchange_t *x = &s->xfer->ex;

    if (may_be_sent_again(x))
        start_afresh(s);
    else if (!broken && chat_http1_closed(&x->answer))
        chat_stream_end(s, CHAT_END_COMPLETE, NULL);
    else if (x->answer.begun)
        end_unheard(s, broken ? "the upstream broke off its answer"
                              : "the upstream ended within its answer");
    else
        end_unheard(s, broken
                           ? "the upstream broke the connection off unanswered"
                           : "the upstream closed without an answer");
}

/* ---- reading and writing ---- */

static int has_more(const chat_stream_t *s, apr_size_t n)
{
    const chat_link_t *l = s->xfer->ex.link;

    return n && l && !s->ended &&
           (n == CHAT_READ_BYTES || chat_link_has_more(l));
}

/* 1: there may be more at once. */
static int read_once(chat_stream_t *s)
{
    chat_link_t *l = s->xfer->ex.link;
    char *in = s->driver->curl->in;
    apr_size_t n;
    CURLcode rc = chat_link_recv(l, in, CHAT_READ_BYTES, &n);

    if (rc == CURLE_AGAIN)
        return 0;
    if (rc || !n)
        connection_over(s, rc != CURLE_OK);
    else
        take(s, in, n);
    return has_more(s, n);
}

/* Nothing is read while that has to wait for something else than the next
 * round. */
static void watch(chat_stream_t *s)
{
    int waits = s->call.waiting && (s->client.out.len || s->aside.blocks);
    const chat_exchange_t *x = &s->xfer->ex;
    uint32_t events =
        (chat_exchange_is_sending(x) ? EPOLLOUT : 0) | (waits ? 0 : EPOLLIN);

    if (x->link && !s->ended)
        chat_link_watch(x->link, events);
}

static void xfer_read(chat_stream_t *s)
{
    const chat_link_t *l = s->xfer->ex.link;

    if (!l || l->event.fd < 0) /* it is not connected yet */
        return;
    while (chat_stream_offer(s, 0) == CHAT_OFFER_ACCEPTED && read_once(s))
        ;
    watch(s);
}

static void ready(chat_stream_t *s, uint32_t events)
{
    if (s->ended)
        return;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        chat_exchange_send(&s->xfer->ex);
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !s->call.waiting)
        xfer_read(s);
    else
        watch(s);
}

/* ---- the call ---- */

static void ask(chat_stream_t *s, chat_link_t *l)
{
    s->xfer->ex.link = l;
    chat_exchange_send(&s->xfer->ex);
    watch(s);
}

/* The first bytes of a new connection over TLS are mostly tickets for sessions:
 * those do not come too early. */
static void connected(chat_stream_t *s)
{
    chat_link_t *l = s->xfer->ex.link;
    apr_size_t n;
    CURLcode rc;

    if (s->ended)
        return;
    rc = chat_link_recv(l, s->driver->curl->in, CHAT_READ_BYTES, &n);
    if (rc == CURLE_AGAIN)
        ask(s, l);
    else if (n)
        chat_stream_end(s, CHAT_END_BROKEN,
                        "the upstream answered before it was asked");
    else
        connection_over(s, rc != CURLE_OK);
}

static void lost(chat_stream_t *s, CURLcode rc, const char *detail)
{
    if (rc == CURLE_OPERATION_TIMEDOUT)
        chat_stream_end(s, CHAT_END_TIMEOUT,
                        "no connection to the upstream in time");
    else
        end_unheard(s, detail ? detail : curl_easy_strerror(rc));
}

static const chat_link_ops_t link_ops = {
    .connected = connected,
    .lost = lost,
    .ready = ready,
};

static void connect_anew(chat_stream_t *s)
{
    s->xfer->ex.link = chat_link_open(s, s->call.spec, &link_ops);
    if (!s->xfer->ex.link)
        chat_stream_end(s, CHAT_END_UNREACHED, "the call cannot be started");
}

static int begin(chat_stream_t *s)
{
    if (chat_exchange_begin(&s->xfer->ex, s->call.spec, &s->xfer->cb))
        return 1;
    chat_stream_end(s, CHAT_END_UNREACHED, "what is asked cannot be written");
    return 0;
}

/* Nobody got the request: the same on a new connection. */
static void start_afresh(chat_stream_t *s)
{
    chat_exchange_t *x = &s->xfer->ex;

    chat_link_close(x->link);
    x->link = NULL;
    x->again = 1;
    if (begin(s))
        connect_anew(s);
}

/* The connection of a call that has just failed may be closed any moment, with
 * or without a word: one that is made once more has its own. */
static void xfer_start(chat_stream_t *s)
{
    apr_pool_t *p = s->call.spec->pool;
    chat_xfer_t *x = s->xfer;
    chat_link_t *l;

    if (!x) {
        x = s->xfer = apr_pcalloc(s->r->pool, sizeof(*x));
        x->cb = (chat_http1_cb_t){on_status, on_field, s};
    }
    x->head = apr_table_make(p ? p : s->r->pool, 16);
    x->ex.again = 0;
    if (!begin(s))
        return;
    l = s->call.again_at ? NULL : chat_link_reuse(s, s->call.spec, &link_ops);
    if (l)
        ask(s, l);
    else
        connect_anew(s);
}

static void xfer_resume(chat_stream_t *s)
{
    s->call.waiting = 0;
    s->call.data_at = s->driver->now; /* the upstream's time runs again */
    xfer_read(s);
}

static int xfer_is_sent(const chat_stream_t *s)
{
    return chat_exchange_is_sent(&s->xfer->ex);
}

static void xfer_stop(chat_stream_t *s)
{
    s->call.waiting = 0;
    if (!s->xfer)
        return;
    if (s->xfer->ex.link)
        s->end.asked = s->xfer->ex.sent > 0;
    chat_exchange_stop(&s->xfer->ex);
}

const chat_source_t chat_source_xfer = {
    .start = xfer_start,
    .resume = xfer_resume,
    .is_sent = xfer_is_sent,
    .stop = xfer_stop,
};
