/* SPDX-License-Identifier: Apache-2.0 */
/* The mock's answers. Pure but for the clock. */
#include "mock_reply.h"

#include <stdio.h>
#include <string.h>

/* As the real service sends them; none but the request id may be passed on. */
static void put_service_headers(buf_t *out, const mock_text_t *t)
{
    /* The id under another name, and none. */
    if (t->api == MOCK_API_MESSAGES)
        buf_printf(out, "request-id: req_%lld\r\n", (long long)t->p.seed);
    else if (t->api != MOCK_API_GEMINI)
        buf_printf(out, "x-request-id: req_%lld\r\n", (long long)t->p.seed);
    buf_printf(out, "openai-organization: org-mockmockmock\r\n"
                    "openai-processing-ms: 42\r\n"
                    "openai-version: 2020-10-01\r\n"
                    "anthropic-organization-id: org-mockmockmock\r\n"
                    "x-ratelimit-remaining-requests: 59\r\n"
                    "set-cookie: __cf_bm=mock; path=/; HttpOnly\r\n"
                    "cf-ray: 0123456789abcdef-MCK\r\n");
}

void mock_reply_whole(buf_t *out, int status, const char *type,
                      const char *extra, const buf_t *body, int close)
{
    buf_printf(out,
               "HTTP/1.1 %d Mocked\r\nContent-Type: %s\r\n"
               "Content-Length: %zu\r\n%s%s\r\n",
               status, type, buf_left(body), extra,
               close ? "Connection: close\r\n" : "");
    buf_put(out, buf_left(body) ? buf_at(body) : "", buf_left(body));
}

void mock_reply_json(buf_t *out, const mock_text_t *t, const buf_t *body,
                     int close)
{
    buf_t extra = {0};

    put_service_headers(&extra, t);
    *buf_room(&extra, 0) = '\0';
    mock_reply_whole(out, 200, "application/json", extra.data, body, close);
    buf_free(&extra);
}

void mock_reply_stream_head(buf_t *out, const mock_text_t *t)
{
    buf_puts(out, "HTTP/1.1 200 OK\r\n"
                  "Content-Type: text/event-stream; charset=utf-8\r\n");
    put_service_headers(out, t);
    if (t->p.fault == MOCK_FAULT_longhead) {
        buf_puts(out, "x-long: ");
        memset(buf_room(out, t->p.headsize), 'x', t->p.headsize);
        out->len += t->p.headsize;
        buf_puts(out, "\r\n");
    }
    if (t->p.frame == MOCK_FRAME_CHUNKED)
        buf_puts(out, "Transfer-Encoding: chunked\r\n");
    if (t->p.frame == MOCK_FRAME_CLOSE || !t->p.keep)
        buf_puts(out, "Connection: close\r\n");
    buf_puts(out, "\r\n");
}

/* Data of a body; announce says how much is promised, put how much comes. */
static void put_framed(buf_t *out, const mock_text_t *t, const char *data,
                       size_t announce, size_t put)
{
    size_t most = t->p.chunk ? (size_t)t->p.chunk : announce;

    if (t->p.frame == MOCK_FRAME_CLOSE) {
        buf_put(out, data, put);
        return;
    }
    while (announce) {
        size_t n = announce < most ? announce : most;
        size_t have = put < n ? put : n;

        buf_printf(out, "%zx\r\n", n);
        buf_put(out, data, have);
        if (have < n)
            return;
        buf_puts(out, "\r\n");
        data += n;
        announce -= n;
        put -= n;
    }
}

void mock_reply_lead(buf_t *out, const mock_text_t *t, int i)
{
    buf_t comment = {0};

    mock_text_lead(&comment, t, i);
    put_framed(out, t, comment.data, comment.len, comment.len);
    buf_free(&comment);
}

static void put_event(buf_t *out, const mock_text_t *t, int k, int half)
{
    buf_t event = {0};

    mock_text_event(&event, t, k, mono_ns());
    put_framed(out, t, event.data, event.len, half ? event.len / 2 : event.len);
    buf_free(&event);
}

void mock_reply_event(buf_t *out, const mock_text_t *t, int k)
{
    put_event(out, t, k, 0);
}

void mock_reply_half_event(buf_t *out, const mock_text_t *t, int k)
{
    put_event(out, t, k, 1);
}

void mock_reply_end(buf_t *out, const mock_text_t *t)
{
    if (t->p.frame == MOCK_FRAME_CHUNKED)
        buf_puts(out, "0\r\n\r\n");
}

static void error_reply(buf_t *out, const mock_text_t *t, int close)
{
    buf_t extra = {0}, body = {0};

    put_service_headers(&extra, t);
    /* Gemini says it in the body. */
    if (t->p.retry >= 0 && t->api != MOCK_API_GEMINI)
        buf_printf(&extra, "Retry-After: %d\r\n", t->p.retry);
    if (t->p.retryms >= 0 && t->api != MOCK_API_GEMINI)
        buf_printf(&extra, "retry-after-ms: %d\r\n", t->p.retryms);
    mock_text_error(&body, t, t->p.status);
    mock_reply_whole(out, t->p.status, "application/json", extra.data, &body,
                     close);
    buf_free(&extra);
    buf_free(&body);
}

void mock_reply_instead(buf_t *out, const mock_text_t *t, int close)
{
    buf_t body = {0};

    switch (t->p.fault) {
    case MOCK_FAULT_garbage:
        buf_puts(out, "\x15\x03\x01 this is no answer at all\r\n\r\n");
        break;
    case MOCK_FAULT_redirect:
        buf_puts(&body, "moved");
        mock_reply_whole(out, 302, "text/plain", "Location: /_trap\r\n", &body,
                         close);
        break;
    case MOCK_FAULT_html:
        buf_puts(&body, "<!doctype html><title>Welcome</title>Log in\n");
        mock_reply_whole(out, 200, "text/html", "", &body, close);
        break;
    default:
        error_reply(out, t, close);
    }
    buf_free(&body);
}
