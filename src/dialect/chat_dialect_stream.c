/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialect of the stream route: the same typed events whichever provider
 * answers. docs/stream.md is its contract, docs/schemas/ has a schema of each
 * event; what changes here changes there. Pure, whichever thread owns e.
 */
#include "chat_dialect_int.h"

#include <string.h>

#include <apr_strings.h>

/* ---- what the answer cost ---- */

static void put_known(chat_buf_t *out, const char *member, apr_int64_t n)
{
    if (n < 0)
        return;
    CHAT_PUT(out, ",");
    chat_dialect_count(out, member, n);
}

static void put_usage(const chat_encoder_t *e, chat_buf_t *out,
                      const chat_usage_t *usage)
{
    apr_int64_t cost = chat_price_cost(&e->answer->price, usage);

    CHAT_PUT(out, ",\"usage\":{");
    chat_dialect_count(out, "inputTokens", usage->input);
    CHAT_PUT(out, ",");
    chat_dialect_count(out, "outputTokens", usage->output);
    put_known(out, "cachedInputTokens", usage->cached);
    put_known(out, "reasoningTokens", usage->reasoning);
    CHAT_PUT(out, ",");
    chat_dialect_count(out, "totalTokens", chat_dialect_total(usage));
    if (cost >= 0) {
        CHAT_PUT(out, ",\"costUsd\":");
        chat_dialect_dollars(out, cost);
    }
    CHAT_PUT(out, "}");
}

/* A limit that is near. */
static void put_notice(const chat_encoder_t *e, chat_buf_t *out)
{
    const chat_notice_t *n = e->answer->notice ? *e->answer->notice : NULL;

    if (!n)
        return;
    CHAT_PUT(out, ",\"notice\":");
    chat_dialect_notice(out, n);
}

/* How the limits stand. */
static void put_limits(const chat_encoder_t *e, chat_buf_t *out)
{
    const char *limits = e->answer->limits ? *e->answer->limits : NULL;

    if (!limits)
        return;
    CHAT_PUT(out, ",\"limits\":");
    chat_buf_puts(out, limits);
}

/* ---- events ---- */

static void put_head(chat_encoder_t *e, chat_buf_t *out, const char *type)
{
    chat_dialect_number(e, out);
    CHAT_PUT(out, "event: ");
    chat_buf_puts(out, type);
    CHAT_PUT(out, "\ndata: {\"type\":\"");
    chat_buf_puts(out, type);
    CHAT_PUT(out, "\",\"id\":");
    chat_buf_quote(out, e->answer->id);
}

static void put_names(const chat_encoder_t *e, chat_buf_t *out)
{
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "model", e->answer->model);
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "provider", e->answer->provider);
    CHAT_PUT(out, ",\"created\":");
    chat_buf_integer(out, apr_time_sec(e->answer->created));
}

/* Where the answer is kept. */
static void put_place(const chat_encoder_t *e, chat_buf_t *out)
{
    const chat_answer_t *a = e->answer;

    if (!a->conversation)
        return;
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "conversationId", a->conversation);
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "userMessageId", a->question);
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "messageId", a->message);
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "streamId", a->stream);
}

static void make_heads(chat_encoder_t *e)
{
    static const struct {
        const char *type, *member;
    } kinds[CHAT_DELTA_KINDS] = {
        [CHAT_DELTA_TEXT] = {"text", "\"text\":\""},
        [CHAT_DELTA_REASONING] = {"reasoning", "\"text\":\""},
        [CHAT_DELTA_REFUSAL] = {"refusal", "\"text\":\""},
        [CHAT_DELTA_TOOL] = {"tool_call", "\"index\":"},
        [CHAT_DELTA_ARGUMENTS] = {"tool_arguments", "\"index\":"},
        [CHAT_DELTA_DETAIL] = {"reasoning_detail", "\"detail\":"},
    };
    int i;

    for (i = 0; i < CHAT_DELTA_KINDS; i++)
        chat_dialect_prefix(&e->heads[i],
                            apr_pstrcat(e->pool, "event: ", kinds[i].type,
                                        "\ndata: {\"type\":\"", kinds[i].type,
                                        "\",\"id\":\"", e->answer->id, "\",",
                                        kinds[i].member, NULL));
    chat_dialect_prefix(&e->tail, "\"}\n\n");
}

static void begin(chat_encoder_t *e, chat_buf_t *out)
{
    e->begun = 1;
    make_heads(e);
    put_head(e, out, "start");
    put_names(e, out);
    put_place(e, out);
    put_limits(e, out);
    CHAT_PUT(out, "}\n\n");
}

static void put_index(chat_encoder_t *e, chat_buf_t *out,
                      const chat_delta_t *delta)
{
    const chat_prefix_t *head = &e->heads[delta->kind];

    chat_dialect_number(e, out);
    chat_buf_put(out, head->text, head->len);
    chat_buf_integer(out, delta->index);
    CHAT_PUT(out, ",");
}

static void put_extra(chat_buf_t *out, const char *extra)
{
    if (!extra)
        return;
    CHAT_PUT(out, ",\"extra\":");
    chat_buf_puts(out, extra);
}

static void put_call(chat_encoder_t *e, chat_buf_t *out,
                     const chat_delta_t *delta)
{
    put_index(e, out, delta);
    chat_dialect_string(out, "callId", delta->id);
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "name", delta->name);
    put_extra(out, delta->extra);
    CHAT_PUT(out, "}\n\n");
}

static void put_detail(const chat_encoder_t *e, chat_buf_t *out,
                       const chat_delta_t *delta)
{
    const chat_prefix_t *head = &e->heads[delta->kind];

    chat_buf_put(out, head->text, head->len);
    chat_buf_put(out, delta->text, delta->len);
    CHAT_PUT(out, "}\n\n");
}

static void put_arguments(chat_encoder_t *e, chat_buf_t *out,
                          const chat_delta_t *delta)
{
    put_index(e, out, delta);
    CHAT_PUT(out, "\"text\":\"");
    chat_buf_escape(out, delta->text, delta->len);
    CHAT_PUT(out, "\"}\n\n");
}

static void encode_delta(chat_encoder_t *e, chat_buf_t *out,
                         const chat_delta_t *delta)
{
    if (e->answer->whole) {
        chat_encoder_gather(e, delta);
        return;
    }
    if (!e->begun)
        begin(e, out);
    if (delta->kind == CHAT_DELTA_TOOL)
        put_call(e, out, delta);
    else if (delta->kind == CHAT_DELTA_ARGUMENTS)
        put_arguments(e, out, delta);
    else if (delta->kind == CHAT_DELTA_DETAIL)
        put_detail(e, out, delta);
    else
        chat_dialect_text(e, out, delta);
}

/* ---- the end ---- */

static void put_calls(const chat_encoder_t *e, chat_buf_t *out)
{
    int i;

    CHAT_PUT(out, ",\"toolCalls\":[");
    for (i = 0; i < e->calls->nelts; i++) {
        const chat_gathered_call_t *call =
            APR_ARRAY_IDX(e->calls, i, chat_gathered_call_t *);

        chat_buf_puts(out, i ? ",{" : "{");
        chat_dialect_string(out, "id", call->id);
        CHAT_PUT(out, ",");
        chat_dialect_string(out, "name", call->name);
        CHAT_PUT(out, ",");
        chat_dialect_gathered(out, "arguments", &call->arguments);
        put_extra(out, call->extra);
        CHAT_PUT(out, "}");
    }
    CHAT_PUT(out, "]");
}

static void put_gathered(const chat_encoder_t *e, chat_buf_t *out)
{
    CHAT_PUT(out, "{");
    chat_dialect_string(out, "id", e->answer->id);
    put_names(e, out);
    put_place(e, out);
    CHAT_PUT(out, ",");
    chat_dialect_gathered(out, "text", &e->text);
    if (e->reasoning.len) {
        CHAT_PUT(out, ",");
        chat_dialect_gathered(out, "reasoning", &e->reasoning);
    }
    chat_dialect_details(out, "reasoningDetails", e);
    if (e->refusal.len) {
        CHAT_PUT(out, ",");
        chat_dialect_gathered(out, "refusal", &e->refusal);
    }
    if (e->calls->nelts)
        put_calls(e, out);
    CHAT_PUT(out, ",");
}

/* What the conversation is called by now. */
static void put_named(chat_encoder_t *e, chat_buf_t *out)
{
    const chat_named_t *n = e->answer->named ? *e->answer->named : NULL;

    if (!n)
        return;
    put_head(e, out, "conversation");
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "conversationId", e->answer->conversation);
    CHAT_PUT(out, ",\"title\":");
    if (n->title)
        chat_buf_quote(out, n->title);
    else
        CHAT_PUT(out, "null");
    CHAT_PUT(out, ",");
    chat_dialect_count(out, "revision", n->revision);
    CHAT_PUT(out, "}\n\n");
}

static void encode_finish(chat_encoder_t *e, chat_buf_t *out, chat_finish_e why,
                          const chat_usage_t *usage)
{
    if (e->answer->whole) {
        put_gathered(e, out);
        chat_dialect_string(out, "finishReason", chat_dialect_reason(why));
        put_usage(e, out, usage);
        put_limits(e, out);
        put_notice(e, out);
        CHAT_PUT(out, "}");
        return;
    }
    if (!e->begun)
        begin(e, out);
    put_named(e, out);
    put_head(e, out, "done");
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "finishReason", chat_dialect_reason(why));
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "model", e->answer->model);
    put_usage(e, out, usage);
    put_limits(e, out);
    put_notice(e, out);
    CHAT_PUT(out, "}\n\n");
}

static void encode_fail(chat_encoder_t *e, chat_buf_t *out,
                        const chat_err_t *err)
{
    const char *after = chat_dialect_seconds(err);

    if (e->begun)
        put_named(e, out);
    put_head(e, out, "error");
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "code", err->code);
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "message", err->message);
    if (after) {
        CHAT_PUT(out, ",\"retryAfter\":");
        chat_buf_puts(out, after);
    }
    chat_dialect_kind(out, err);
    chat_dialect_found(out, err);
    chat_dialect_upstream(out, err);
    CHAT_PUT(out, "}\n\n");
}

static void put_status(chat_buf_t *out, const chat_answer_t *answer,
                       const char *stage, int attempt)
{
    CHAT_PUT(out, "event: status\ndata: {\"type\":\"status\",");
    chat_dialect_string(out, "id", answer->id);
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "stage", stage);
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "model", answer->model);
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "provider", answer->provider);
    CHAT_PUT(out, ",");
    chat_dialect_count(out, "attempt", attempt);
    CHAT_PUT(out, "}\n\n");
}

/* ---- read again ---- */

/* A value as text, or NULL. */
static const char *decode_object(const chat_told_t *told, const chat_json_t *v)
{
    return chat_json_kind(v) == CHAT_JSON_OBJECT
               ? chat_json_text(v, NULL, told->p)
               : NULL;
}

static void decode_call(chat_told_t *told, const chat_json_t *data)
{
    const chat_delta_t delta = {
        .kind = CHAT_DELTA_TOOL,
        .index = (int)chat_json_integer(chat_json_get(data, "index"), 0),
        .id = chat_json_string(chat_json_get(data, "callId")),
        .name = chat_json_string(chat_json_get(data, "name")),
        .extra = decode_object(told, chat_json_get(data, "extra")),
    };

    if (delta.id && delta.name)
        told->on_delta(told->ctx, &delta);
}

static void decode_done(chat_told_t *told, const chat_json_t *data)
{
    const chat_json_t *usage = chat_json_get(data, "usage");

    told->finish_reason = chat_json_string(chat_json_get(data, "finishReason"));
    told->usage.input =
        chat_json_integer(chat_json_get(usage, "inputTokens"), -1);
    told->usage.output =
        chat_json_integer(chat_json_get(usage, "outputTokens"), -1);
}

static void decode_event(chat_told_t *told, const chat_sse_event_t *event)
{
    const chat_json_t *data = chat_dialect_data(event, told->p);
    const char *type = chat_json_string(chat_json_get(data, "type"));
    const char *text = chat_json_string(chat_json_get(data, "text"));
    int index = (int)chat_json_integer(chat_json_get(data, "index"), 0);

    if (!type)
        return;
    if (!strcmp(type, "start")) {
        told->model = chat_json_string(chat_json_get(data, "model"));
        told->provider = chat_json_string(chat_json_get(data, "provider"));
    }
    else if (!strcmp(type, "text"))
        chat_dialect_tell(told, CHAT_DELTA_TEXT, 0, text);
    else if (!strcmp(type, "reasoning"))
        chat_dialect_tell(told, CHAT_DELTA_REASONING, 0, text);
    else if (!strcmp(type, "refusal"))
        chat_dialect_tell(told, CHAT_DELTA_REFUSAL, 0, text);
    else if (!strcmp(type, "tool_call"))
        decode_call(told, data);
    else if (!strcmp(type, "tool_arguments"))
        chat_dialect_tell(told, CHAT_DELTA_ARGUMENTS, index, text);
    else if (!strcmp(type, "reasoning_detail"))
        chat_dialect_tell(told, CHAT_DELTA_DETAIL, 0,
                          decode_object(told, chat_json_get(data, "detail")));
    else if (!strcmp(type, "done"))
        decode_done(told, data);
    else if (!strcmp(type, "error"))
        told->error = chat_json_string(chat_json_get(data, "code"));
}

static apr_status_t read_request(chat_request_t *request, chat_json_t *body,
                                 const chat_request_clamps_t *clamps,
                                 chat_err_t *err, apr_pool_t *p)
{
    apr_status_t rv = chat_request_validate_kept(request, body, clamps, err, p);

    if (rv == APR_SUCCESS)
        rv = chat_request_refuse_foreign(body, err, p);
    request->turn.whole = chat_dialect_wants_whole(body);
    return rv;
}

const chat_dialect_t chat_dialect_stream = {
    .name = "stream",
    .read = read_request,
    .delta = encode_delta,
    .finish = encode_finish,
    .fail = encode_fail,
    .status = put_status,
    .decode = decode_event,
    .refusal = chat_dialect_refusal,
};
