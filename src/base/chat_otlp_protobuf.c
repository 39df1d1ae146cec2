/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol as protobuf, by the numbers of opentelemetry-proto's
 * trace/v1/trace.proto, logs/v1/logs.proto and common/v1/common.proto. A list
 * is its elements one behind the other, so spans may be put together. Values
 * in, bytes out; any thread.
 */
#include <string.h>

#include "chat_otlp_int.h"

/* How a field is written. */
enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

static int encode(char bytes[10], apr_uint64_t n)
{
    int len = 0;

    for (; n > 0x7f; n >>= 7)
        bytes[len++] = (char)(n | 0x80);
    bytes[len++] = (char)n;
    return len;
}

static void put_varint(chat_buf_t *out, apr_uint64_t n)
{
    char bytes[10];

    chat_buf_put(out, bytes, encode(bytes, n));
}

static void put_tag(chat_buf_t *out, int field, int type)
{
    put_varint(out, (apr_uint64_t)field << 3 | type);
}

static void put_integer(chat_buf_t *out, int field, apr_int64_t n)
{
    put_tag(out, field, VARINT);
    put_varint(out, (apr_uint64_t)n);
}

static void put_fixed(chat_buf_t *out, int field, apr_uint64_t n, int size)
{
    char bytes[8];
    int i;

    for (i = 0; i < size; i++)
        bytes[i] = (char)(n >> 8 * i);
    put_tag(out, field, size == 8 ? FIXED64 : FIXED32);
    chat_buf_put(out, bytes, size);
}

static void put_bytes(chat_buf_t *out, int field, const void *bytes,
                      apr_size_t len)
{
    put_tag(out, field, BYTES);
    put_varint(out, len);
    chat_buf_put(out, bytes, len);
}

/* A message or a text of unknown length: where its bytes begin. */
static apr_size_t open_field(chat_buf_t *out, int field)
{
    put_tag(out, field, BYTES);
    return out->len;
}

/* It has ended: its length is put before it. */
static void close_field(chat_buf_t *out, apr_size_t at)
{
    apr_size_t len = out->len - at;
    char bytes[10];
    int n = encode(bytes, len);

    chat_buf_put(out, bytes, n);
    memmove(out->data + at + n, out->data + at, len);
    memcpy(out->data + at, bytes, n);
}

static void put_text(chat_buf_t *out, int field, const char *text)
{
    apr_size_t len = strlen(text), at = open_field(out, field);

    while (len) {
        apr_size_t n = chat_otlp_valid(text, len);

        chat_buf_put(out, text, n);
        if (n < len) {
            chat_buf_puts(out, CHAT_OTLP_REPLACED);
            n++;
        }
        text += n;
        len -= n;
    }
    close_field(out, at);
}

static void put_double(chat_buf_t *out, int field, double value)
{
    apr_uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    put_fixed(out, field, bits, 8);
}

/* AnyValue */
static void put_value(chat_buf_t *out, int field,
                      const chat_otlp_attribute_t *a)
{
    apr_size_t at = open_field(out, field), array, value;

    switch (a->kind) {
    case CHAT_OTLP_TEXT:
        put_text(out, 1, a->text);
        break;
    case CHAT_OTLP_FLAG:
        put_integer(out, 2, a->number != 0);
        break;
    case CHAT_OTLP_INTEGER:
        put_integer(out, 3, a->number);
        break;
    case CHAT_OTLP_MILLIONTHS:
        put_double(out, 4, (double)a->number / 1e6);
        break;
    case CHAT_OTLP_TEXTS:
        array = open_field(out, 5);
        value = open_field(out, 1);
        put_text(out, 1, a->text);
        close_field(out, value);
        close_field(out, array);
        break;
    }
    close_field(out, at);
}

/* KeyValue */
static void put_attribute(chat_buf_t *out, int field,
                          const chat_otlp_attribute_t *a)
{
    apr_size_t at = open_field(out, field);

    put_text(out, 1, a->name);
    put_value(out, 2, a);
    close_field(out, at);
}

static void put_attributes(chat_buf_t *out, int field,
                           const chat_otlp_attribute_t *a, int n)
{
    int i;

    for (i = 0; i < n; i++)
        put_attribute(out, field, &a[i]);
}

static void put_more(chat_buf_t *out, const chat_otlp_span_t *span)
{
    apr_size_t at;

    if (span->event) {
        at = open_field(out, 11);
        put_fixed(out, 1, chat_otlp_nanos(span->event_at), 8);
        put_text(out, 2, span->event);
        close_field(out, at);
    }
    if (span->link) {
        at = open_field(out, 13);
        put_bytes(out, 1, span->link->trace, CHAT_TRACE_ID_LEN);
        put_bytes(out, 2, span->link->span, CHAT_SPAN_ID_LEN);
        close_field(out, at);
    }
    at = open_field(out, 15);
    if (span->status)
        put_integer(out, 3, span->status);
    close_field(out, at);
}

/* ScopeSpans.spans */
static void write_span(chat_buf_t *out, const chat_otlp_span_t *span)
{
    apr_size_t at = open_field(out, 2);
    unsigned flags = span->self.flags;

    if (span->parent)
        flags |= CHAT_OTLP_KNOWS_REMOTE |
                 (span->is_remote ? CHAT_OTLP_IS_REMOTE : 0);
    put_bytes(out, 1, span->self.trace, CHAT_TRACE_ID_LEN);
    put_bytes(out, 2, span->self.span, CHAT_SPAN_ID_LEN);
    if (span->parent)
        put_bytes(out, 4, span->parent, CHAT_SPAN_ID_LEN);
    put_text(out, 5, span->name);
    put_integer(out, 6, span->kind);
    put_fixed(out, 7, chat_otlp_nanos(span->start), 8);
    put_fixed(out, 8, chat_otlp_nanos(span->end), 8);
    put_attributes(out, 9, span->attributes, span->nattributes);
    put_more(out, span);
    put_fixed(out, 16, flags, 4);
    close_field(out, at);
}

/* ScopeLogs.log_records */
static void write_log(chat_buf_t *out, const chat_otlp_log_t *log)
{
    const chat_otlp_attribute_t body = {.kind = CHAT_OTLP_TEXT,
                                        .text = log->body};
    apr_size_t at = open_field(out, 2);

    put_fixed(out, 1, chat_otlp_nanos(log->at), 8);
    put_integer(out, 2, log->severity);
    put_text(out, 3, log->severity >= CHAT_OTLP_ERR ? "ERROR" : "WARN");
    put_value(out, 5, &body);
    put_attributes(out, 6, log->attributes, log->nattributes);
    if (log->context) {
        put_fixed(out, 8, log->context->flags, 4);
        put_bytes(out, 9, log->context->trace, CHAT_TRACE_ID_LEN);
        put_bytes(out, 10, log->context->span, CHAT_SPAN_ID_LEN);
    }
    put_fixed(out, 11, chat_otlp_nanos(log->at), 8);
    put_text(out, 12, log->event);
    close_field(out, at);
}

static void put_resource(chat_buf_t *out, const apr_array_header_t *resource)
{
    apr_size_t at = open_field(out, 1);
    int i;

    for (i = 0; i + 1 < resource->nelts; i += 2) {
        const chat_otlp_attribute_t a = {
            .name = APR_ARRAY_IDX(resource, i, const char *),
            .kind = CHAT_OTLP_TEXT,
            .text = APR_ARRAY_IDX(resource, i + 1, const char *)};

        put_attribute(out, 1, &a);
    }
    close_field(out, at);
}

/* Both requests have the same numbers. */
static void write_request(chat_buf_t *out, chat_otlp_signal_e signal,
                          const apr_array_header_t *resource,
                          const char *version, const char *items,
                          apr_size_t len)
{
    apr_size_t all = open_field(out, 1), scoped, scope;

    put_resource(out, resource);
    scoped = open_field(out, 2);
    scope = open_field(out, 1);
    put_text(out, 1, CHAT_OTLP_SCOPE);
    put_text(out, 2, version);
    close_field(out, scope);
    chat_buf_put(out, items, len);
    close_field(out, scoped);
    close_field(out, all);
}

const chat_otlp_form_t chat_otlp_protobuf_form = {
    .span = write_span,
    .log = write_log,
    .request = write_request,
};
