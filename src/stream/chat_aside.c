/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The call beside those of a stream, by which somebody else is asked what to
 * make of it: one at a time, on the driver's own connections, and gone with the
 * stream. See chat_aside_t. Driver's thread.
 */
#include "chat_xfer_int.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "chat_clock.h"

/* Of CHAT_READ_BYTES, so that an answer of nothing but framing keeps no other
 * stream waiting. */
#define ROUND_READS 4

/* ---- asking ---- */

static void aside_ask(chat_stream_t *s)
{
    chat_stream_aside_t *a = &s->aside;

    if (!s->spec.cb->ask || s->ended)
        return;
    if (!a->wanted) {
        a->wanted = s->spec.cb->ask(s->spec.ctx, &a->spec);
        if (a->wanted)
            s->driver->ops->schedule(s);
    }
    a->blocks &= a->wanted;
}

static chat_mono_t aside_due(const chat_stream_t *s)
{
    const chat_stream_aside_t *a = &s->aside;
    chat_mono_t due = CHAT_MONO_NEVER;

    if (s->ended || !a->wanted)
        return CHAT_MONO_NEVER;
    if (!a->made || a->over)
        return s->driver->now;
    chat_clock_sooner(&due, a->at, a->spec.call->timeouts.total);
    return due;
}

static int aside_linger(chat_stream_t *s)
{
    chat_stream_aside_t *a = &s->aside;

    a->end = s->end;
    s->ended = 0;
    aside_ask(s);
    a->lingers = a->wanted;
    s->ended = !a->wanted;
    return a->wanted;
}

/* ---- its bytes ---- */

static int make_room(chat_stream_aside_t *a, apr_size_t len)
{
    apr_size_t capacity = a->capacity ? a->capacity : 1024;
    char *data;

    while (capacity < a->len + len + 1)
        capacity *= 2;
    if (capacity == a->capacity)
        return 1;
    data = realloc(a->data, capacity);
    if (!data)
        return 0;
    a->data = data;
    a->capacity = capacity;
    return 1;
}

/* It is told in a later round: here somebody may be in the middle of something.
 */
static void end(chat_stream_t *s, apr_status_t rv)
{
    if (!s->aside.over)
        s->aside.rv = rv;
    s->aside.over = 1;
    s->driver->ops->schedule(s);
}

/* The bytes at in are the next of the answer. */
static void take(chat_stream_t *s, char *in, apr_size_t n)
{
    chat_stream_aside_t *a = &s->aside;
    char *body;
    apr_size_t len = chat_http1_feed(&a->ex->answer, in, n, &body);

    if (len > a->spec.most - a->len) {
        end(s, APR_ENOSPC);
    }
    else if (!make_room(a, len)) {
        end(s, APR_ENOMEM);
    }
    else {
        memcpy(a->data + a->len, body, len);
        a->len += len;
        if (a->ex->answer.phase >= CHAT_HTTP1_END)
            end(s, a->ex->answer.phase == CHAT_HTTP1_END ? APR_SUCCESS
                                                         : APR_EGENERAL);
    }
    if (a->spec.call->secret)
        explicit_bzero(in, n);
}

/* ---- the call ---- */

static void clear(chat_stream_aside_t *a)
{
    free(a->data);
    a->data = NULL;
    a->len = a->capacity = 0;
    a->wanted = a->made = a->over = a->blocks = a->first = a->lingers = 0;
}

static int connect_anew(chat_stream_t *s);

/* broken: without a proper end. Such a call may be made twice. */
static void connection_over(chat_stream_t *s, int broken)
{
    chat_exchange_t *x = s->aside.ex;

    if (chat_exchange_is_unheard(x)) {
        chat_link_close(x->link);
        x->again = 1;
        if (!connect_anew(s))
            end(s, APR_EGENERAL);
        return;
    }
    end(s,
        !broken && chat_http1_closed(&x->answer) ? APR_SUCCESS : APR_EGENERAL);
}

static void watch(chat_stream_t *s)
{
    const chat_stream_aside_t *a = &s->aside;

    if (a->ex->link && !a->over)
        chat_link_watch(a->ex->link,
                        EPOLLIN |
                            (chat_exchange_is_sending(a->ex) ? EPOLLOUT : 0));
}

/* 1: there may be more at once. */
static int read_once(chat_stream_t *s)
{
    char *in = s->driver->curl->in;
    apr_size_t n;
    CURLcode rc = chat_link_recv(s->aside.ex->link, in, CHAT_READ_BYTES, &n);

    if (rc == CURLE_AGAIN)
        return 0;
    if (rc || !n)
        connection_over(s, rc != CURLE_OK);
    else
        take(s, in, n);
    return n == CHAT_READ_BYTES && !s->aside.over;
}

static void ready(chat_stream_t *s, uint32_t events)
{
    int i;

    if (s->aside.over)
        return;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        chat_exchange_send(s->aside.ex);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        for (i = 0; i < ROUND_READS && read_once(s); i++)
            ;
    watch(s);
}

/* See chat_xfer.c. */
static void connected(chat_stream_t *s)
{
    chat_exchange_t *x = s->aside.ex;
    apr_size_t n;

    if (chat_link_recv(x->link, s->driver->curl->in, CHAT_READ_BYTES, &n) !=
        CURLE_AGAIN) {
        end(s, APR_EGENERAL);
        return;
    }
    chat_exchange_send(x);
    watch(s);
}

static void lost(chat_stream_t *s, CURLcode rc, const char *detail)
{
    end(s, rc == CURLE_OPERATION_TIMEDOUT ? APR_TIMEUP : APR_EGENERAL);
}

static const chat_link_ops_t link_ops = {
    .connected = connected,
    .lost = lost,
    .ready = ready,
};

static void ignore_status(void *ctx, int status)
{
}

static void ignore_field(void *ctx, const char *name, apr_size_t name_len,
                         const char *value, apr_size_t value_len)
{
}

static const chat_http1_cb_t no_head = {ignore_status, ignore_field, NULL};

static int connect_anew(chat_stream_t *s)
{
    chat_stream_aside_t *a = &s->aside;

    a->ex->link = NULL;
    if (!chat_exchange_begin(a->ex, a->spec.call, &no_head))
        return 0;
    a->ex->link = chat_link_open(s, a->spec.call, &link_ops);
    return a->ex->link != NULL;
}

static int start(chat_stream_t *s)
{
    chat_stream_aside_t *a = &s->aside;

    if (!a->ex)
        a->ex = apr_pcalloc(s->r->pool, sizeof(*a->ex));
    a->made = 1;
    a->at = s->driver->now;
    a->ex->again = 0;
    s->driver->ops->schedule(s);
    if (!chat_exchange_begin(a->ex, a->spec.call, &no_head))
        return 0;
    a->ex->link = chat_link_reuse(s, a->spec.call, &link_ops);
    if (!a->ex->link)
        return connect_anew(s);
    chat_exchange_send(a->ex);
    watch(s);
    return 1;
}

static void aside_stop(chat_stream_t *s)
{
    chat_stream_aside_t *a = &s->aside;

    if (a->ex)
        chat_exchange_stop(a->ex);
    clear(a);
}

/* What has waited for it goes on: the first call, the source, the end. */
static void go_on(chat_stream_t *s, const chat_stream_aside_t *was)
{
    if (was->lingers) {
        s->ended = 1;
        s->end = was->end;
        s->driver->ops->ended(s);
        return;
    }
    aside_ask(s);
    if (was->first)
        chat_stream_begin_call(s);
    else if (s->call.waiting && !s->aside.blocks)
        s->driver->ops->defer(s);
    s->driver->ops->schedule(s);
}

static void tell(chat_stream_t *s, chat_aside_end_t *end)
{
    const chat_stream_aside_t was = s->aside;
    apr_status_t rv;

    if (make_room(&s->aside, 0)) {
        s->aside.data[s->aside.len] = '\0';
        end->data = s->aside.data;
        end->len = s->aside.len;
    }
    else if (end->rv == APR_SUCCESS)
        end->rv = APR_ENOMEM;
    s->client.write_at = s->driver->now;
    rv = s->spec.cb->answered(s->spec.ctx, end);
    aside_stop(s);
    if (chat_stream_written(s, rv == APR_EAGAIN ? APR_SUCCESS : rv) ==
        APR_SUCCESS)
        go_on(s, &was);
}

static void aside_make(chat_stream_t *s)
{
    const chat_stream_aside_t *a = &s->aside;
    chat_aside_end_t end = {.rv = APR_EGENERAL};

    if (!a->made && start(s))
        return;
    if (a->made && !a->over && aside_due(s) <= s->driver->now)
        end.rv = APR_TIMEUP;
    if (a->over) {
        end.rv = a->rv;
        end.status = a->ex->answer.status;
    }
    tell(s, &end);
}

const chat_aside_ops_t chat_aside_ops = {
    .ask = aside_ask,
    .due = aside_due,
    .make = aside_make,
    .linger = aside_linger,
    .stop = aside_stop,
};
