/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The call beside those of a stream, by which somebody else is asked what to
 * make of it: one at a time, on the driver's own handles, and gone with the
 * stream. See chat_aside_t. It is libcurl's own, and has a connection of its
 * own: what came late for somebody else can never be its answer. Driver's
 * thread.
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

    return !s->ended && a->wanted && (!a->made || a->over) ? s->driver->now
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
    chat_stream_aside_t *a = baton;

    a->head_len += size * n;
    return a->head_len <= HEAD_BYTES ? size * n : 0;
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
    a->len = a->capacity = a->head_len = 0;
    a->wanted = a->made = a->over = a->blocks = a->first = a->lingers =
        a->too_long = 0;
}

/* It is told in a later round: here curl may be in the middle of something. */
static void on_over(void *owner, CURLcode rc, const char *why)
{
    chat_stream_t *s = owner;

    s->aside.over = 1;
    s->aside.rc = rc;
    s->driver->ops->schedule(s);
}

/* NULL: no memory. */
static struct curl_slist *header_list(const apr_array_header_t *lines)
{
    struct curl_slist *list = NULL, *longer;
    int i;

    for (i = 0; i < lines->nelts; i++) {
        longer = curl_slist_append(list, APR_ARRAY_IDX(lines, i, char *));
        if (!longer) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

static void set_options(chat_stream_aside_t *a)
{
    const chat_call_t *call = a->spec.call;
    CURL *h = a->easy->handle;

    curl_easy_setopt(h, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(h, CURLOPT_BUFFERSIZE, (long)CHAT_READ_BYTES);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS,
                     (long)apr_time_as_msec(call->timeouts.total));
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, a->headers);
    curl_easy_setopt(h, CURLOPT_POST, 1L);
    curl_easy_setopt(h, CURLOPT_POSTFIELDS, call->body);
    curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE,
                     (curl_off_t)call->body_len);
    curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(h, CURLOPT_HEADERDATA, a);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, a);
}

static int start(chat_stream_t *s)
{
    chat_stream_aside_t *a = &s->aside;

    if (!a->easy) {
        a->easy = apr_pcalloc(s->r->pool, sizeof(*a->easy));
        a->easy->owner = s;
        a->easy->over = on_over;
    }
    a->made = chat_easy_open(a->easy, s->driver->curl, a->spec.call);
    if (!a->made)
        return 0;
    a->headers = header_list(a->spec.call->headers);
    set_options(a);
    return a->headers && chat_easy_run(a->easy);
}

static void aside_stop(chat_stream_t *s)
{
    chat_stream_aside_t *a = &s->aside;

    if (a->easy)
        chat_easy_close(a->easy);
    if (a->headers && a->spec.call->secret)
        chat_stream_guard_wipe(a->headers);
    curl_slist_free_all(a->headers);
    a->headers = NULL;
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

static apr_status_t result_of(const chat_stream_aside_t *a)
{
    switch (a->rc) {
    case CURLE_OK:
        return APR_SUCCESS;
    case CURLE_OPERATION_TIMEDOUT:
        return APR_TIMEUP;
    default:
        return a->too_long ? APR_ENOSPC : APR_EGENERAL;
    }
}

static void aside_make(chat_stream_t *s)
{
    const chat_stream_aside_t *a = &s->aside;
    chat_aside_end_t end = {.rv = APR_EGENERAL};
    long status = 0;

    if (!a->made && start(s))
        return;
    if (a->over) {
        end.rv = result_of(a);
        curl_easy_getinfo(a->easy->handle, CURLINFO_RESPONSE_CODE, &status);
        end.status = (int)status;
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
