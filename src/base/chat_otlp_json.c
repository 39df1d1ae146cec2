/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol in JSON: that of proto3, but ids are hexadecimal and words of
 * enumerations numbers; 64 bits are strings. Each span begins with a comma, the
 * first of which is left out. Values in, bytes out; any thread.
 */
#include <string.h>

#include "chat_crypto.h"
#include "chat_otlp_int.h"

static void quote(chat_buf_t *out, const char *text)
{
    apr_size_t len = strlen(text);

    chat_buf_puts(out, "\"");
    while (len) {
        apr_size_t n = chat_otlp_valid(text, len);

        chat_buf_escape(out, text, n);
        if (n < len) {
            chat_buf_puts(out, CHAT_OTLP_REPLACED);
            n++;
        }
        text += n;
        len -= n;
    }
    chat_buf_puts(out, "\"");
}

static void put_id(chat_buf_t *out, const char *name,
                   const unsigned char *bytes, int len)
{
    char hex[2 * CHAT_TRACE_ID_LEN + 1];

    chat_crypto_hex(hex, bytes, len);
    chat_buf_puts(out, name);
    chat_buf_puts(out, hex);
    chat_buf_puts(out, "\"");
}

static void put_time(chat_buf_t *out, const char *name, apr_time_t t)
{
    chat_buf_puts(out, name);
    chat_buf_integer(out, (apr_int64_t)chat_otlp_nanos(t));
    chat_buf_puts(out, "\"");
}

/* A decimal fraction, whatever the locale is. */
static void put_millionths(chat_buf_t *out, apr_int64_t n)
{
    char digits[7];
    int i;

    if (n < 0) {
        chat_buf_puts(out, "-");
        n = -n;
    }
    chat_buf_integer(out, n / 1000000);
    for (i = 5, n %= 1000000; i >= 0; i--, n /= 10)
        digits[i] = (char)('0' + n % 10);
    digits[6] = '\0';
    chat_buf_puts(out, ".");
    chat_buf_puts(out, digits);
}

static void put_value(chat_buf_t *out, const chat_otlp_attribute_t *a)
{
    switch (a->kind) {
    case CHAT_OTLP_TEXT:
        chat_buf_puts(out, "{\"stringValue\":");
        quote(out, a->text);
        break;
    case CHAT_OTLP_TEXTS:
        chat_buf_puts(out, "{\"arrayValue\":{\"values\":[{\"stringValue\":");
        quote(out, a->text);
        chat_buf_puts(out, "}]}");
        break;
    case CHAT_OTLP_INTEGER:
        chat_buf_puts(out, "{\"intValue\":\"");
        chat_buf_integer(out, a->number);
        chat_buf_puts(out, "\"");
        break;
    case CHAT_OTLP_MILLIONTHS:
        chat_buf_puts(out, "{\"doubleValue\":");
        put_millionths(out, a->number);
        break;
    case CHAT_OTLP_FLAG:
        chat_buf_puts(out, a->number ? "{\"boolValue\":true"
                                     : "{\"boolValue\":false");
        break;
    }
    chat_buf_puts(out, "}");
}

static void put_attributes(chat_buf_t *out, const chat_otlp_attribute_t *a,
                           int n)
{
    int i;

    chat_buf_puts(out, "\"attributes\":[");
    for (i = 0; i < n; i++) {
        chat_buf_puts(out, i ? ",{\"key\":" : "{\"key\":");
        quote(out, a[i].name);
        chat_buf_puts(out, ",\"value\":");
        put_value(out, &a[i]);
        chat_buf_puts(out, "}");
    }
    chat_buf_puts(out, "]");
}

static void put_context(chat_buf_t *out, const chat_trace_context_t *context)
{
    put_id(out, "\"traceId\":\"", context->trace, CHAT_TRACE_ID_LEN);
    put_id(out, ",\"spanId\":\"", context->span, CHAT_SPAN_ID_LEN);
}

static void put_more(chat_buf_t *out, const chat_otlp_span_t *span)
{
    if (span->event) {
        put_time(out, ",\"events\":[{\"timeUnixNano\":\"", span->event_at);
        chat_buf_puts(out, ",\"name\":");
        quote(out, span->event);
        chat_buf_puts(out, "}]");
    }
    if (span->link) {
        chat_buf_puts(out, ",\"links\":[{");
        put_context(out, span->link);
        chat_buf_puts(out, "}]");
    }
}

static void write_span(chat_buf_t *out, const chat_otlp_span_t *span)
{
    unsigned flags = span->self.flags;

    if (span->parent)
        flags |= CHAT_OTLP_KNOWS_REMOTE |
                 (span->is_remote ? CHAT_OTLP_IS_REMOTE : 0);
    chat_buf_puts(out, ",{");
    put_context(out, &span->self);
    if (span->parent)
        put_id(out, ",\"parentSpanId\":\"", span->parent, CHAT_SPAN_ID_LEN);
    chat_buf_puts(out, ",\"flags\":");
    chat_buf_integer(out, flags);
    chat_buf_puts(out, ",\"name\":");
    quote(out, span->name);
    chat_buf_puts(out, ",\"kind\":");
    chat_buf_integer(out, span->kind);
    put_time(out, ",\"startTimeUnixNano\":\"", span->start);
    put_time(out, ",\"endTimeUnixNano\":\"", span->end);
    chat_buf_puts(out, ",");
    put_attributes(out, span->attributes, span->nattributes);
    put_more(out, span);
    chat_buf_puts(out, ",\"status\":{");
    if (span->status) {
        chat_buf_puts(out, "\"code\":");
        chat_buf_integer(out, span->status);
    }
    chat_buf_puts(out, "}}");
}

static void write_log(chat_buf_t *out, const chat_otlp_log_t *log)
{
    put_time(out, ",{\"timeUnixNano\":\"", log->at);
    put_time(out, ",\"observedTimeUnixNano\":\"", log->at);
    chat_buf_puts(out, ",\"severityNumber\":");
    chat_buf_integer(out, log->severity);
    chat_buf_puts(out, log->severity >= CHAT_OTLP_ERR
                           ? ",\"severityText\":\"ERROR\""
                           : ",\"severityText\":\"WARN\"");
    chat_buf_puts(out, ",\"eventName\":");
    quote(out, log->event);
    chat_buf_puts(out, ",\"body\":{\"stringValue\":");
    quote(out, log->body);
    chat_buf_puts(out, "},");
    put_attributes(out, log->attributes, log->nattributes);
    if (log->context) {
        chat_buf_puts(out, ",");
        put_context(out, log->context);
        chat_buf_puts(out, ",\"flags\":");
        chat_buf_integer(out, log->context->flags);
    }
    chat_buf_puts(out, "}");
}

static void put_resource(chat_buf_t *out, const apr_array_header_t *resource)
{
    int i;

    chat_buf_puts(out, "\"resource\":{\"attributes\":[");
    for (i = 0; i + 1 < resource->nelts; i += 2) {
        chat_buf_puts(out, i ? ",{\"key\":" : "{\"key\":");
        quote(out, APR_ARRAY_IDX(resource, i, const char *));
        chat_buf_puts(out, ",\"value\":{\"stringValue\":");
        quote(out, APR_ARRAY_IDX(resource, i + 1, const char *));
        chat_buf_puts(out, "}}");
    }
    chat_buf_puts(out, "]}");
}

static void write_request(chat_buf_t *out, chat_otlp_signal_e signal,
                          const apr_array_header_t *resource,
                          const char *version, const char *items,
                          apr_size_t len)
{
    int logs = signal == CHAT_OTLP_LOGS;

    chat_buf_puts(out, logs ? "{\"resourceLogs\":[{" : "{\"resourceSpans\":[{");
    put_resource(out, resource);
    chat_buf_puts(out, logs ? ",\"scopeLogs\":[{\"scope\":{\"name\":\""
                            : ",\"scopeSpans\":[{\"scope\":{\"name\":\"");
    chat_buf_puts(out, CHAT_OTLP_SCOPE "\",\"version\":");
    quote(out, version);
    chat_buf_puts(out, logs ? "},\"logRecords\":[" : "},\"spans\":[");
    if (len) /* its comma */
        chat_buf_put(out, items + 1, len - 1);
    chat_buf_puts(out, "]}]}]}");
}

const chat_otlp_form_t chat_otlp_json_form = {
    .span = write_span,
    .log = write_log,
    .request = write_request,
};
