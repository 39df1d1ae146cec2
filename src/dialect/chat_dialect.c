/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which dialects there are, and what several of them read and write. Each is in
 * a file of its own. Pure, any thread.
 */
#include "chat_dialect_int.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_json.h"

static const chat_dialect_t *const dialects[] = {
#define CHAT_DIALECT(id, name) &chat_dialect_##id,
#include "chat_dialect_list.h"
#undef CHAT_DIALECT
};

const chat_dialect_t *chat_dialect_get(const char *name)
{
    apr_size_t i;

    for (i = 0; i < sizeof(dialects) / sizeof(*dialects); i++)
        if (strcmp(dialects[i]->name, name) == 0)
            return dialects[i];
    return NULL;
}

/* ---- what all dialects write ---- */

int chat_dialect_wants_whole(const chat_json_t *body)
{
    return chat_json_boolean(chat_json_get(body, "stream")) == 0;
}

void chat_dialect_prefix(chat_prefix_t *prefix, const char *text)
{
    prefix->text = text;
    prefix->len = strlen(text);
}

const char *chat_dialect_reason(chat_finish_e why)
{
    static const char *const reasons[] = {
        [CHAT_FINISH_STOP] = "stop",
        [CHAT_FINISH_LENGTH] = "length",
        [CHAT_FINISH_CALLS] = "tool_calls",
        [CHAT_FINISH_FILTER] = "content_filter",
        [CHAT_FINISH_OTHER] = "other",
        [CHAT_FINISH_STOPPED] = CHAT_DIALECT_STOPPED,
    };

    return reasons[why];
}

static void put_member(chat_buf_t *out, const char *member)
{
    CHAT_PUT(out, "\"");
    chat_buf_puts(out, member);
    CHAT_PUT(out, "\":");
}

void chat_dialect_string(chat_buf_t *out, const char *member, const char *text)
{
    put_member(out, member);
    chat_buf_quote(out, text);
}

void chat_dialect_details(chat_buf_t *out, const char *member,
                          const chat_encoder_t *e)
{
    if (!e->details.len)
        return;
    CHAT_PUT(out, ",\"");
    chat_buf_puts(out, member);
    CHAT_PUT(out, "\":[");
    chat_buf_put(out, e->details.data, e->details.len);
    CHAT_PUT(out, "]");
}

void chat_dialect_gathered(chat_buf_t *out, const char *member,
                           const chat_buf_t *text)
{
    put_member(out, member);
    CHAT_PUT(out, "\"");
    chat_buf_put(out, text->data, text->len);
    CHAT_PUT(out, "\"");
}

void chat_dialect_count(chat_buf_t *out, const char *member, apr_int64_t n)
{
    put_member(out, member);
    if (n < 0)
        CHAT_PUT(out, "null");
    else
        chat_buf_integer(out, n);
}

/* A provider may say any number: two of them need not have a sum. */
apr_int64_t chat_dialect_total(const chat_usage_t *usage)
{
    apr_int64_t total;

    if (usage->input < 0 || usage->output < 0 ||
        __builtin_add_overflow(usage->input, usage->output, &total))
        return -1;
    return total;
}

void chat_dialect_dollars(chat_buf_t *out, apr_int64_t cost)
{
    char text[CHAT_PRICE_TEXT_MAX];

    chat_buf_puts(out, chat_price_short(text, cost));
}

void chat_dialect_notice(chat_buf_t *out, const chat_notice_t *notice)
{
    CHAT_PUT(out, "{\"code\":\"limit_near\",");
    chat_dialect_string(out, "limit", notice->limit);
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "unit", notice->unit);
    CHAT_PUT(out, ",\"most\":");
    chat_buf_puts(out, notice->most);
    CHAT_PUT(out, ",\"remaining\":");
    chat_buf_puts(out, notice->remaining);
    CHAT_PUT(out, ",\"resetAt\":");
    chat_buf_integer(out, apr_time_sec(notice->reset));
    CHAT_PUT(out, "}");
}

/* ---- what they read again ---- */

/* Our own events are far smaller, but their texts may come in one. */
static const chat_json_limits_t event_limits = {CHAT_SSE_EVENT_MAX, 8, 1000};

chat_json_t *chat_dialect_data(const chat_sse_event_t *event, apr_pool_t *p)
{
    chat_json_t *data;

    if (event->oversized || event->last ||
        chat_json_parse(&data, event->data, event->data_len, &event_limits,
                        p) != APR_SUCCESS ||
        chat_json_kind(data) != CHAT_JSON_OBJECT)
        return NULL;
    return data;
}

void chat_dialect_tell(const chat_told_t *told, chat_delta_e kind, int index,
                       const char *text)
{
    const chat_delta_t delta = {
        .kind = kind,
        .text = text,
        .len = text ? strlen(text) : 0,
        .index = index,
    };

    if (delta.len)
        told->on_delta(told->ctx, &delta);
}

/* ---- failures ---- */

const char *chat_dialect_seconds(const chat_err_t *err)
{
    const char *after = err->retry_after;

    if (!after || !*after || after[strspn(after, "0123456789")])
        return NULL;
    return *after == '0' && after[1] ? NULL : after; /* 007 is no JSON */
}

static void put_said(chat_buf_t *out, const char *member, const char *text)
{
    if (!text || !*text)
        return;
    CHAT_PUT(out, ",");
    chat_dialect_string(out, member, text);
}

void chat_dialect_upstream(chat_buf_t *out, const chat_err_t *err)
{
    const chat_refusal_t *upstream = err->upstream;

    if (!upstream)
        return;
    CHAT_PUT(out, ",\"upstream\":{");
    chat_dialect_count(out, "status", upstream->status ? upstream->status : -1);
    put_said(out, "code", upstream->code);
    put_said(out, "type", upstream->type);
    put_said(out, "param", upstream->param);
    put_said(out, "message", chat_err_told(err));
    CHAT_PUT(out, "}");
}

void chat_dialect_kind(chat_buf_t *out, const chat_err_t *err)
{
    CHAT_PUT(out, ",\"retryable\":");
    chat_buf_puts(out, chat_err_is_retryable(err) ? "true" : "false");
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "scope", chat_err_scope(err));
    if (err->limit) {
        CHAT_PUT(out, ",\"limit\":");
        chat_buf_puts(out, err->limit);
    }
    if (err->models) {
        CHAT_PUT(out, ",\"models\":");
        chat_buf_puts(out, err->models);
    }
}

void chat_dialect_found(chat_buf_t *out, const chat_err_t *err)
{
    put_said(out, "category", err->category);
    put_said(out, "reason", err->reason);
}

const char *chat_dialect_refusal(const chat_err_t *err, const char *id,
                                 apr_pool_t *p)
{
    const char *after = err->status == 429 ? chat_dialect_seconds(err) : NULL;
    const char *stream = err->stream;
    int nameless = err->status == 401; /* its id is in the header alone */
    chat_buf_t *upstream = apr_palloc(p, sizeof(*upstream));

    chat_buf_init(upstream, p);
    if (!nameless)
        chat_dialect_kind(upstream, err);
    chat_dialect_found(upstream, err);
    chat_dialect_upstream(upstream, err);
    chat_buf_put(upstream, "", 1);
    return apr_pstrcat(
        p, "{\"code\":", chat_json_quote(err->code, p),
        ",\"message\":", chat_json_quote(err->message, p),
        nameless ? "" : ",\"requestId\":",
        nameless ? "" : chat_json_quote(id, p), after ? ",\"retryAfter\":" : "",
        after ? after : "", stream ? ",\"streamId\":" : "",
        stream ? chat_json_quote(stream, p) : "",
        err->sign_in ? ",\"signInUrl\":" : "",
        err->sign_in ? chat_json_quote(err->sign_in, p) : "",
        err->issues ? ",\"issues\":" : "", err->issues ? err->issues : "",
        upstream->data, "}", NULL);
}
