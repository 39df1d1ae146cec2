/* SPDX-License-Identifier: Apache-2.0 */
/* The mock as Chat Completions, OpenAI's or as others have them (as=). Pure. */
#include "mock_formats.h"

static int is_azure(const mock_text_t *t)
{
    return t->p.as == MOCK_AS_AZURE;
}

/* What the filter thought (Azure), the role, thoughts, the text, calls, the
 * reason, usage, [DONE]. */
static int count(const mock_text_t *t)
{
    return is_azure(t) + 1 + t->p.reason + mock_text_said(t) +
           t->p.tools * (1 + t->p.pieces) + 1 + t->p.usage + 1;
}

/* ---- members ---- */

static const char *thought_key(const mock_text_t *t)
{
    return t->p.as == MOCK_AS_OPENROUTER || t->p.as == MOCK_AS_VLLM
               ? "reasoning"
               : "reasoning_content";
}

static const char *finish_of(const mock_text_t *t)
{
    return t->p.finish == MOCK_FINISH_LENGTH   ? "length"
           : t->p.finish == MOCK_FINISH_FILTER ? "content_filter"
           : t->p.tools                        ? "tool_calls"
                                               : "stop";
}

static void put_usage(buf_t *out, const mock_text_t *t)
{
    int in = mock_input(t), said = mock_output(t);

    buf_printf(out,
               "\"usage\":{\"prompt_tokens\":%d,\"completion_tokens\":%d,"
               "\"total_tokens\":%d,\"prompt_tokens_details\":"
               "{\"cached_tokens\":%d,\"audio_tokens\":0},"
               "\"completion_tokens_details\":{\"reasoning_tokens\":%d,"
               "\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
               "\"rejected_prediction_tokens\":0}",
               in, said, in + said, t->p.cached, t->p.reason);
    if (t->p.as == MOCK_AS_OPENROUTER)
        buf_puts(out, ",\"cost\":0.00014,\"cost_details\":"
                      "{\"upstream_inference_cost\":null}");
    if (t->p.as == MOCK_AS_DEEPSEEK)
        buf_printf(out,
                   ",\"prompt_cache_hit_tokens\":%d,"
                   "\"prompt_cache_miss_tokens\":%d",
                   t->p.cached, in - t->p.cached);
    buf_puts(out, "}");
}

static void put_head(buf_t *out, const mock_text_t *t, const char *object)
{
    buf_printf(out,
               "{\"id\":\"chatcmpl-" MOCK_ID "\",\"object\":\"%s\","
               "\"created\":%lld,\"model\":\"mock-1\","
               "\"system_fingerprint\":\"fp_0\",%s\"choices\":[",
               MOCK_SEED(t), object, (long long)mock_created(t),
               t->p.as == MOCK_AS_OPENROUTER ? "\"provider\":\"Mock\"," : "");
}

static void put_finish(buf_t *out, const mock_text_t *t, const char *why)
{
    const char *quote = why ? "\"" : "";

    why = why ? why : "null";
    buf_printf(out, ",\"logprobs\":null,\"finish_reason\":%s%s%s", quote, why,
               quote);
    if (t->p.as == MOCK_AS_OPENROUTER)
        buf_printf(out, ",\"native_finish_reason\":%s%s%s", quote, why, quote);
    buf_puts(out, "}]");
}

/* ---- deltas ---- */

static void put_role(buf_t *out, const mock_text_t *t)
{
    buf_printf(out, "\"role\":\"assistant\",\"content\":%s,\"refusal\":null",
               mock_text_said(t) ? "\"\"" : "null");
}

static void put_thought(buf_t *out, const mock_text_t *t)
{
    if (t->p.as == MOCK_AS_MISTRAL) {
        buf_puts(out, "\"content\":[{\"type\":\"thinking\",\"thinking\":"
                      "[{\"type\":\"text\",\"text\":\"hm\"}]}]");
        return;
    }
    if (t->p.as == MOCK_AS_OPENROUTER)
        buf_puts(out, "\"reasoning_details\":[{\"type\":\"reasoning.text\","
                      "\"text\":\"hm\",\"format\":\"unknown\",\"index\":0}],");
    buf_printf(out, "\"content\":null,\"%s\":\"hm\"", thought_key(t));
}

static long put_text(buf_t *out, const mock_text_t *t, int i, int64_t ts)
{
    long ts_at;

    buf_printf(out, "\"%s\":\"", t->p.refuse ? "refusal" : "content");
    ts_at = mock_text_delta(out, t, i, ts);
    buf_puts(out, "\"");
    return ts_at;
}

/* Event k of call i: its name, then the arguments. */
static void put_call(buf_t *out, const mock_text_t *t, int i, int k)
{
    buf_printf(out, "\"tool_calls\":[{\"index\":%d,", i);
    if (k == 0)
        buf_printf(out,
                   "\"id\":\"call_%d_" MOCK_ID "\",\"type\":\"function\","
                   "\"function\":{\"name\":\"%s\",\"arguments\":\"\"}}]",
                   i, MOCK_SEED(t), mock_call_name(t, i));
    else {
        buf_puts(out, "\"function\":{\"arguments\":");
        mock_call_piece(out, t, i, k - 1);
        buf_puts(out, "}}]");
    }
}

/* What the delta of chunk k, the role's being 0, says. Its finish_reason. */
static const char *put_delta(buf_t *out, const mock_text_t *t, int k,
                             int64_t ts, long *pts_at)
{
    int call = 1 + t->p.pieces;

    if (mock_within(&k, 1))
        put_role(out, t);
    else if (mock_within(&k, t->p.reason))
        put_thought(out, t);
    else if (mock_within(&k, mock_text_said(t)))
        *pts_at = put_text(out, t, k, ts);
    else if (mock_within(&k, t->p.tools * call))
        put_call(out, t, k / call, k % call);
    else
        return finish_of(t);
    return NULL;
}

static const char *put(buf_t *out, const mock_text_t *t, int k, int64_t ts,
                       long *pts_at)
{
    int last = count(t) - 1;
    const char *finish;

    if (k == last)
        buf_puts(out, "[DONE]");
    else if (k == 0 && is_azure(t))
        buf_puts(out, "{\"choices\":[],\"created\":0,\"id\":\"\",\"model\":"
                      "\"\",\"object\":\"\",\"prompt_filter_results\":"
                      "[{\"prompt_index\":0,\"content_filter_results\":{}}]}");
    else if (k == last - 1 && t->p.usage) {
        put_head(out, t, "chat.completion.chunk");
        buf_puts(out, "],");
        put_usage(out, t);
        buf_puts(out, "}");
    }
    else {
        put_head(out, t, "chat.completion.chunk");
        buf_puts(out, "{\"index\":0,\"delta\":{");
        finish = put_delta(out, t, k - is_azure(t), ts, pts_at);
        buf_puts(out, "}");
        put_finish(out, t, finish);
        buf_puts(out, t->p.usage ? ",\"usage\":null}" : "}");
    }
    return NULL;
}

static const char *fail(buf_t *out, const mock_text_t *t, int k)
{
    (void)k;
    if (t->p.fault == MOCK_FAULT_incomplete) {
        put_head(out, t, "chat.completion.chunk");
        buf_puts(out, "{\"index\":0,\"delta\":{}");
        put_finish(out, t, "length");
        buf_puts(out, "}\n\ndata: [DONE]");
    }
    else if (t->p.as == MOCK_AS_OPENROUTER) {
        put_head(out, t, "chat.completion.chunk");
        buf_printf(out,
                   "{\"index\":0,\"delta\":{\"content\":\"\"},"
                   "\"finish_reason\":\"error\"}],\"error\":{\"code\":%s,"
                   "\"message\":\"Provider disconnected unexpectedly\"}}",
                   t->p.fault == MOCK_FAULT_error_flat ? "\"server_error\""
                                                       : "502");
    }
    else if (t->p.as == MOCK_AS_VLLM && t->p.fault == MOCK_FAULT_error_flat)
        buf_puts(out, "{\"object\":\"error\",\"message\":\"" MOCK_SORRY
                      "\",\"type\":\"InternalServerError\",\"param\":null,"
                      "\"code\":500}");
    else
        buf_puts(out, "{\"error\":{\"message\":\"" MOCK_SORRY "\",\"type\":"
                      "\"server_error\",\"param\":null,"
                      "\"code\":\"server_error\"}}");
    return NULL;
}

/* ---- without streaming ---- */

static void put_calls(buf_t *out, const mock_text_t *t)
{
    int i;

    buf_puts(out, ",\"tool_calls\":[");
    for (i = 0; i < t->p.tools; i++) {
        buf_printf(out,
                   "%s{\"id\":\"call_%d_" MOCK_ID "\",\"type\":\"function\","
                   "\"function\":{\"name\":\"%s\",\"arguments\":",
                   i ? "," : "", i, MOCK_SEED(t), mock_call_name(t, i));
        mock_call_quoted(out, t, i);
        buf_puts(out, "}}");
    }
    buf_puts(out, "]");
}

static void put_message(buf_t *out, const mock_text_t *t)
{
    int said = mock_text_said(t) || !t->p.tools, i;

    buf_printf(out, "{\"role\":\"assistant\",\"%s\":null,\"%s\":%s",
               t->p.refuse ? "content" : "refusal",
               t->p.refuse ? "refusal" : "content", said ? "\"" : "null");
    if (said) {
        mock_text_all(out, t);
        buf_puts(out, "\"");
    }
    if (t->p.reason) {
        buf_printf(out, ",\"%s\":\"", thought_key(t));
        for (i = 0; i < t->p.reason; i++)
            buf_puts(out, "hm");
        buf_puts(out, "\"");
    }
    if (t->p.tools)
        put_calls(out, t);
    buf_puts(out, "}");
}

static void whole(buf_t *out, const mock_text_t *t)
{
    put_head(out, t, "chat.completion");
    buf_puts(out, "{\"index\":0,\"message\":");
    put_message(out, t);
    put_finish(out, t, finish_of(t));
    buf_puts(out, ",");
    put_usage(out, t);
    buf_puts(out, "}");
}

const mock_format_t mock_completions = {
    .count = count,
    .put = put,
    .fail = fail,
    .whole = whole,
};
