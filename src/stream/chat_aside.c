/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The call beside those of a stream, by which somebody else is asked what to
 * make of it: one at a time, on the driver's own handles, and gone with the
 * stream. See chat_aside_t. Driver's thread.
 */
#include "chat_xfer_int.h"

#include <stdlib.h>
#include <string.h>

/* What is taken of its header lines, which nobody reads. */
#define HEAD_BYTES (64 * 1024)

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

    return !s->ended && a->wanted && (!a->made || a->over || a->lost)
               ? s->driver->now
               : CHAT_MONO_NEVER;
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

static size_t on_header(char *line, size_t size, size_t n, void *baton)
{
    chat_xfer_t *x = baton;

    x->trailers += size * n;
    return x->trailers <= HEAD_BYTES ? size * n : 0;
}

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

static size_t on_data(char *data, size_t size, size_t n, void *baton)
{
    chat_stream_aside_t *a = baton;
    size_t len = size * n;

    a->too_long = len > a->spec.most - a->len;
    if (a->too_long || !make_room(a, len))
        return len ? 0 : 1; /* anything but len ends the transfer */
    memcpy(a->data + a->len, data, len);
    a->len += len;
    return len;
}

/* ---- the call ---- */

static void clear(chat_stream_aside_t *a)
{
    free(a->data);
    a->data = NULL;
    a->len = a->capacity = 0;
    a->wanted = a->made = a->over = a->lost = a->blocks = a->first =
        a->lingers = 0;
}

static void set_options(chat_stream_aside_t *a)
{
    chat_xfer_t *x = a->xfer;
    apr_interval_time_t total = a->spec.call->timeouts.total;

    x->harmless = 1;
    x->trailers = 0;
    curl_easy_setopt(x->easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(x->easy, CURLOPT_TIMEOUT_MS,
                     (long)apr_time_as_msec(total));
    curl_easy_setopt(x->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(x->easy, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(x->easy, CURLOPT_WRITEDATA, a);
}

static void aside_stop(chat_stream_t *s)
{
    if (s->aside.xfer)
        chat_xfer_release(s->aside.xfer);
    clear(&s->aside);
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

static apr_status_t result_of(const chat_stream_aside_t *a, int rc)
{
    switch (rc) {
    case CURLE_OK:
        return APR_SUCCESS;
    case CURLE_OPERATION_TIMEDOUT:
        return APR_TIMEUP;
    default:
        return a->too_long ? APR_ENOSPC : APR_EGENERAL;
    }
}

static void aside_ended(chat_stream_t *s, int rc)
{
    chat_aside_end_t end = {.rv = result_of(&s->aside, rc)};
    long status = 0;

    if (s->ended) { /* if the end waits for it, it is told in a later round */
        s->aside.over = 1;
        s->aside.rc = rc;
        return;
    }
    curl_easy_getinfo(s->aside.xfer->easy, CURLINFO_RESPONSE_CODE, &status);
    end.status = (int)status;
    tell(s, &end);
}

static void aside_lost(chat_stream_t *s)
{
    s->aside.lost = 1;
    s->driver->ops->schedule(s);
}

static void aside_make(chat_stream_t *s)
{
    chat_stream_aside_t *a = &s->aside;
    chat_aside_end_t end = {.rv = APR_EGENERAL};

    if (a->over) {
        aside_ended(s, a->rc);
        return;
    }
    if (!a->xfer)
        a->xfer = chat_xfer_create(s);
    if (!a->made && chat_xfer_prepare(a->xfer, a->spec.call)) {
        a->made = 1;
        a->too_long = 0;
        set_options(a);
        if (chat_xfer_run(a->xfer))
            return;
    }
    tell(s, &end);
}

const chat_aside_ops_t chat_aside_ops = {
    .ask = aside_ask,
    .due = aside_due,
    .make = aside_make,
    .linger = aside_linger,
    .ended = aside_ended,
    .lost = aside_lost,
    .stop = aside_stop,
};
