/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an event stream: however they are cut, the events are those of
 * a plain transcription of the WHATWG algorithm; and a comment put in where
 * chat_sse_between() allows it changes none of them. */
#include "fuzz.h"

#include <string.h>

#include "chat_sse.h"

/* Events as one text: type NUL data SOH. */
typedef struct log_t {
    char *text;
    size_t len;
    size_t size;
} log_t;

static void put(log_t *log, const char *data, size_t len)
{
    if (log->len + len > log->size) {
        log->size = 2 * (log->len + len);
        log->text = realloc(log->text, log->size);
    }
    if (len)
        memcpy(log->text + log->len, data, len);
    log->len += len;
}

static void record(void *log, const chat_sse_event_t *event)
{
    MUST(!event->oversized);
    put(log, event->type, event->type_len);
    put(log, "", 1);
    put(log, event->data, event->data_len);
    put(log, "\1", 1);
}

/* ---- the algorithm as it is written down ---- */

typedef struct plain_t {
    log_t type;
    log_t data;
    log_t *events;
} plain_t;

static void plain_dispatch(plain_t *s)
{
    chat_sse_event_t event = {.type = s->type.text,
                              .type_len = s->type.len,
                              .data = s->data.text,
                              .data_len = s->data.len - 1};

    if (s->data.len)
        record(s->events, &event);
    s->type.len = s->data.len = 0;
}

static void plain_line(plain_t *s, const char *line, size_t len)
{
    const char *colon = len ? memchr(line, ':', len) : NULL;
    size_t name_len = colon ? (size_t)(colon - line) : len;
    const char *value = colon ? colon + 1 : "";
    size_t value_len = colon ? len - name_len - 1 : 0;

    if (value_len && *value == ' ') {
        value++;
        value_len--;
    }
    if (!len)
        plain_dispatch(s);
    else if (name_len == 4 && memcmp(line, "data", 4) == 0) {
        put(&s->data, value, value_len);
        put(&s->data, "\n", 1);
    }
    else if (name_len == 5 && memcmp(line, "event", 5) == 0) {
        s->type.len = 0;
        put(&s->type, value, value_len);
    }
}

static void plain_parse(log_t *events, const char *text, size_t len)
{
    plain_t s = {.events = events};
    size_t start = 0, at;

    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        start = 3;
    for (at = start; at < len; at++) {
        if (text[at] != '\n' && text[at] != '\r')
            continue;
        plain_line(&s, text + start, at - start);
        if (text[at] == '\r' && at + 1 < len && text[at + 1] == '\n')
            at++;
        start = at + 1;
    }
    free(s.type.text);
    free(s.data.text);
}

/* ---- ours ---- */

static void feed(chat_sse_t *sse, const char *data, size_t len)
{
    char *copy = malloc(len ? len : 1);

    memcpy(copy, data, len);
    chat_sse_feed(sse, copy, len);
    free(copy);
}

static void check(const log_t *expected, const log_t *got)
{
    MUST(expected->len == got->len);
    MUST(!got->len || memcmp(expected->text, got->text, got->len) == 0);
}

static void parse_pieces(const log_t *expected, const char *text, size_t len,
                         size_t piece, apr_pool_t *p)
{
    log_t events = {0};
    chat_sse_t *sse = chat_sse_create(record, &events, p);
    size_t at;

    for (at = 0; at < len; at += piece)
        feed(sse, text + at, len - at < piece ? len - at : piece);
    check(expected, &events);
    free(events.text);
}

/* What a client sees of a stream with comments in it. */
static void parse_commented(const log_t *expected, const char *text, size_t len,
                            apr_pool_t *p)
{
    log_t upstream_events = {0}, client_events = {0};
    chat_sse_t *upstream = chat_sse_create(record, &upstream_events, p);
    chat_sse_t *client = chat_sse_create(record, &client_events, p);
    size_t at;

    for (at = 0; at < len; at++) {
        /* A BOM that is not first any more would not be dropped. */
        if (at && chat_sse_between(upstream))
            feed(client, ": ping\n\n", 8);
        feed(upstream, text + at, 1);
        feed(client, text + at, 1);
    }
    check(expected, &client_events);
    free(upstream_events.text);
    free(client_events.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *text = (const char *)data;
    log_t expected = {0};

    plain_parse(&expected, text, size);
    parse_pieces(&expected, text, size, size + 1, p);
    parse_pieces(&expected, text, size, 1, p);
    parse_pieces(&expected, text, size, 7, p);
    parse_pieces(&expected, text, size, size / 2 + 1, p);
    parse_commented(&expected, text, size, p);
    free(expected.text);
    apr_pool_destroy(p);
    return 0;
}
