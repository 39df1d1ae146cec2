/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialect of the completions route: OpenAI's Chat Completions, byte for
 * byte where its SDKs look, so that they need only another base URL. Failures
 * are in _completions_error.c. system_fingerprint and service_tier are left
 * out: what they tell is not ours to say. Pure, whichever thread owns e.
 */
#include "chat_dialect_completions_int.h"

#include <apr_strings.h>

/* ---- what every chunk, and the whole, has in common ---- */

static void put_names(const chat_encoder_t *e, chat_buf_t *out,
                      const char *object)
{
    CHAT_PUT(out, "{\"id\":\"chatcmpl-");
    chat_buf_puts(out, e->answer->id);
    CHAT_PUT(out, "\",");
    chat_dialect_string(out, "object", object);
    CHAT_PUT(out, ",\"created\":");
    chat_buf_integer(out, apr_time_sec(e->answer->created));
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "model", e->answer->model);
}

static void put_chunk(const chat_encoder_t *e, chat_buf_t *out)
{
    CHAT_PUT(out, "data: ");
    put_names(e, out, "chat.completion.chunk");
}

/* OpenAI says null in every chunk, once asked for the counts. */
static const char *no_usage(const chat_encoder_t *e)
{
    return e->answer->usage ? ",\"usage\":null}\n\n" : "}\n\n";
}

static void put_choice(const chat_encoder_t *e, chat_buf_t *out,
                       const char *delta, const char *reason)
{
    put_chunk(e, out);
    CHAT_PUT(out, ",\"choices\":[{\"index\":0,\"delta\":");
    chat_buf_puts(out, delta);
    CHAT_PUT(out, ",\"logprobs\":null,\"finish_reason\":");
    if (reason)
        chat_buf_quote(out, reason);
    else
        CHAT_PUT(out, "null");
    CHAT_PUT(out, "}]");
    chat_buf_puts(out, no_usage(e));
}

/* ---- chunks ---- */

static void make_heads(chat_encoder_t *e, chat_buf_t *out)
{
    static const char *const members[CHAT_DELTA_KINDS] = {
        [CHAT_DELTA_TEXT] = "\"content\":\"",
        [CHAT_DELTA_REASONING] = "\"reasoning_content\":\"",
        [CHAT_DELTA_REFUSAL] = "\"refusal\":\"",
        [CHAT_DELTA_TOOL] = "\"tool_calls\":[{\"index\":",
        [CHAT_DELTA_ARGUMENTS] = "\"tool_calls\":[{\"index\":",
        [CHAT_DELTA_DETAIL] = "\"reasoning_details\":[",
    };
    apr_size_t before = out->len;
    const char *chunk;
    int i;

    put_chunk(e, out);
    chunk = apr_pstrmemdup(e->pool, out->data + before, out->len - before);
    out->len = before;
    for (i = 0; i < CHAT_DELTA_KINDS; i++)
        chat_dialect_prefix(
            &e->heads[i], apr_pstrcat(e->pool, chunk,
                                      ",\"choices\":[{\"index\":0,\"delta\":{",
                                      members[i], NULL));
    chat_dialect_prefix(
        &e->tail,
        apr_pstrcat(e->pool, "\"},\"logprobs\":null,\"finish_reason\":null}]",
                    no_usage(e), NULL));
}

/* An answer that begins with a call has no content: that is not an empty one,
 * for a client that gives the message back as it got it. */
static void begin(chat_encoder_t *e, chat_buf_t *out, int calls)
{
    e->begun = 1;
    make_heads(e, out);
    put_choice(e, out,
               calls ? "{\"role\":\"assistant\",\"content\":null,"
                       "\"refusal\":null}"
                     : "{\"role\":\"assistant\",\"content\":\"\","
                       "\"refusal\":null}",
               NULL);
}

/* What Google's own API of this kind has at its calls. */
static void put_extra(chat_buf_t *out, const char *extra)
{
    if (!extra)
        return;
    CHAT_PUT(out, ",\"extra_content\":");
    chat_buf_puts(out, extra);
}

static void put_call(const chat_encoder_t *e, chat_buf_t *out,
                     const chat_delta_t *delta)
{
    const chat_prefix_t *head = &e->heads[delta->kind];

    chat_buf_put(out, head->text, head->len);
    chat_buf_integer(out, delta->index);
    if (delta->kind == CHAT_DELTA_TOOL) {
        CHAT_PUT(out, ",");
        chat_dialect_string(out, "id", delta->id);
        CHAT_PUT(out, ",\"type\":\"function\",\"function\":{");
        chat_dialect_string(out, "name", delta->name);
        CHAT_PUT(out, ",\"arguments\":\"\"}");
        put_extra(out, delta->extra);
        CHAT_PUT(out, "}]");
    }
    else {
        CHAT_PUT(out, ",\"function\":{\"arguments\":\"");
        chat_buf_escape(out, delta->text, delta->len);
        CHAT_PUT(out, "\"}}]");
    }
    /* The tail closes a string, which here is closed. */
    chat_buf_put(out, e->tail.text + 1, e->tail.len - 1);
}

/* As OpenRouter has it. */
static void put_details(const chat_encoder_t *e, chat_buf_t *out,
                        const chat_delta_t *delta)
{
    const chat_prefix_t *head = &e->heads[delta->kind];

    chat_buf_put(out, head->text, head->len);
    chat_buf_put(out, delta->text, delta->len);
    CHAT_PUT(out, "]");
    chat_buf_put(out, e->tail.text + 1, e->tail.len - 1);
}

static void encode_delta(chat_encoder_t *e, chat_buf_t *out,
                         const chat_delta_t *delta)
{
    if (e->answer->whole) {
        chat_encoder_gather(e, delta);
        return;
    }
    if (!e->begun)
        begin(e, out, delta->kind == CHAT_DELTA_TOOL);
    if (delta->kind == CHAT_DELTA_TOOL || delta->kind == CHAT_DELTA_ARGUMENTS)
        put_call(e, out, delta);
    else if (delta->kind == CHAT_DELTA_DETAIL)
        put_details(e, out, delta);
    else
        chat_dialect_text(e, out, delta);
}

/* ---- the end ---- */

static void put_detail(chat_buf_t *out, const char *object, const char *member,
                       apr_int64_t n)
{
    if (n < 0)
        return;
    CHAT_PUT(out, ",\"");
    chat_buf_puts(out, object);
    CHAT_PUT(out, "\":{");
    chat_dialect_count(out, member, n);
    CHAT_PUT(out, "}");
}

/* Its numbers must be numbers to an SDK: all of them, or there is no usage. */
static int put_usage(chat_buf_t *out, const chat_usage_t *usage)
{
    apr_int64_t total = chat_dialect_total(usage);

    if (total < 0)
        return 0;
    CHAT_PUT(out, ",\"usage\":{");
    chat_dialect_count(out, "prompt_tokens", usage->input);
    CHAT_PUT(out, ",");
    chat_dialect_count(out, "completion_tokens", usage->output);
    CHAT_PUT(out, ",");
    chat_dialect_count(out, "total_tokens", total);
    put_detail(out, "prompt_tokens_details", "cached_tokens", usage->cached);
    put_detail(out, "completion_tokens_details", "reasoning_tokens",
               usage->reasoning);
    CHAT_PUT(out, "}");
    return 1;
}

static void put_last(chat_encoder_t *e, chat_buf_t *out, const char *reason,
                     const chat_usage_t *usage)
{
    apr_size_t before;

    if (!e->begun)
        begin(e, out, 0);
    put_choice(e, out, "{}", reason);
    before = out->len;
    put_chunk(e, out);
    CHAT_PUT(out, ",\"choices\":[]");
    if (e->answer->usage && put_usage(out, usage))
        CHAT_PUT(out, "}\n\n");
    else
        out->len = before;
    CHAT_PUT(out, "data: [DONE]\n\n");
}

static void put_calls(const chat_encoder_t *e, chat_buf_t *out)
{
    int i;

    CHAT_PUT(out, ",\"tool_calls\":[");
    for (i = 0; i < e->calls->nelts; i++) {
        const chat_gathered_call_t *call =
            APR_ARRAY_IDX(e->calls, i, chat_gathered_call_t *);

        chat_buf_puts(out, i ? ",{" : "{");
        chat_dialect_string(out, "id", call->id);
        CHAT_PUT(out, ",\"type\":\"function\",\"function\":{");
        chat_dialect_string(out, "name", call->name);
        CHAT_PUT(out, ",");
        chat_dialect_gathered(out, "arguments", &call->arguments);
        CHAT_PUT(out, "}");
        put_extra(out, call->extra);
        CHAT_PUT(out, "}");
    }
    CHAT_PUT(out, "]");
}

static void put_text(chat_buf_t *out, const char *member,
                     const chat_buf_t *text, int none)
{
    CHAT_PUT(out, ",");
    if (none)
        chat_dialect_count(out, member, -1);
    else
        chat_dialect_gathered(out, member, text);
}

static void put_message(const chat_encoder_t *e, chat_buf_t *out)
{
    int calls = e->calls->nelts, refused = e->refusal.len > 0;

    CHAT_PUT(out, "{\"role\":\"assistant\"");
    put_text(out, "content", &e->text, !e->text.len && (calls || refused));
    put_text(out, "refusal", &e->refusal, !refused);
    if (e->reasoning.len)
        put_text(out, "reasoning_content", &e->reasoning, 0);
    chat_dialect_details(out, "reasoning_details", e);
    if (calls)
        put_calls(e, out);
    CHAT_PUT(out, "}");
}

static void put_gathered(const chat_encoder_t *e, chat_buf_t *out,
                         const char *reason, const chat_usage_t *usage)
{
    put_names(e, out, "chat.completion");
    CHAT_PUT(out, ",\"choices\":[{\"index\":0,\"message\":");
    put_message(e, out);
    CHAT_PUT(out, ",\"logprobs\":null,\"finish_reason\":");
    chat_buf_quote(out, reason);
    CHAT_PUT(out, "}]");
    put_usage(out, usage);
    CHAT_PUT(out, "}");
}

static void encode_finish(chat_encoder_t *e, chat_buf_t *out, chat_finish_e why,
                          const chat_usage_t *usage)
{
    const char *reason = chat_dialect_reason(why);

    if (e->answer->whole)
        put_gathered(e, out, reason, usage);
    else
        put_last(e, out, reason, usage);
}

static void encode_fail(chat_encoder_t *e, chat_buf_t *out,
                        const chat_err_t *err)
{
    CHAT_PUT(out, "data: ");
    chat_buf_puts(out, chat_dialect_completions_error(err, e->pool));
    CHAT_PUT(out, "\n\n");
}

static apr_status_t read_request(chat_request_t *request, chat_json_t *body,
                                 const chat_request_clamps_t *clamps,
                                 chat_err_t *err, apr_pool_t *p)
{
    return chat_request_completions(&request->turn, &request->usage, body,
                                    clamps, err, p);
}

const chat_dialect_t chat_dialect_completions = {
    .name = "completions",
    .tells_filter = 1,
    .read = read_request,
    .delta = encode_delta,
    .finish = encode_finish,
    .fail = encode_fail,
    .refusal = chat_dialect_completions_refusal,
};
