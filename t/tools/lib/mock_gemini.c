/* SPDX-License-Identifier: Apache-2.0 */
/* The mock as Gemini's streamGenerateContent with alt=sse. Pure. */
#include "mock_formats.h"

/* Thoughts, texts, calls whole, and a chunk with the finishReason; where the
 * prompt is blocked only that. */
static int count(const mock_text_t *t)
{
    return t->p.refuse ? 1 : t->p.reason + mock_text_said(t) + t->p.tools + 1;
}

static const char *finish_of(const mock_text_t *t)
{
    return t->p.finish == MOCK_FINISH_LENGTH   ? "MAX_TOKENS"
           : t->p.finish == MOCK_FINISH_FILTER ? "SAFETY"
                                               : "STOP";
}

/* Cumulative, as far as has come. */
static void put_usage(buf_t *out, const mock_text_t *t, int said, int thoughts)
{
    int in = mock_input(t);

    if (!t->p.usage)
        return;
    buf_printf(out,
               ",\"usageMetadata\":{\"promptTokenCount\":%d,"
               "\"candidatesTokenCount\":%d,\"totalTokenCount\":%d",
               in, said, in + said + thoughts);
    if (t->p.cached)
        buf_printf(out, ",\"cachedContentTokenCount\":%d", t->p.cached);
    if (thoughts)
        buf_printf(out, ",\"thoughtsTokenCount\":%d", thoughts);
    buf_puts(out, "}");
}

static void put_rest(buf_t *out, const mock_text_t *t, int said, int thoughts)
{
    put_usage(out, t, said, thoughts);
    buf_printf(out, ",\"modelVersion\":\"mock-1\",\"responseId\":\"%013llx\"}",
               MOCK_SEED(t));
}

/* Tokens of what was said: all but the thoughts. */
static int said_in_all(const mock_text_t *t)
{
    return mock_output(t) - t->p.reason;
}

/* ---- parts ---- */

static void put_call(buf_t *out, const mock_text_t *t, int i)
{
    buf_printf(out, "{\"functionCall\":{\"name\":\"%s\",\"args\":",
               mock_call_name(t, i));
    mock_call_arguments(out, t, i);
    buf_puts(out, t->p.reason && i == 0 ? "},\"thoughtSignature\":\"c2lnbmVk\"}"
                                        : "}}");
}

/* Part k; the tokens up to it. */
static void put_part(buf_t *out, const mock_text_t *t, int k, int64_t ts,
                     long *pts_at, int *psaid, int *pthoughts)
{
    *pthoughts = k < t->p.reason ? k + 1 : t->p.reason;
    *psaid = 0;
    if (mock_within(&k, t->p.reason)) {
        buf_puts(out, "{\"text\":\"hm\",\"thought\":true}");
        return;
    }
    if (mock_within(&k, mock_text_said(t))) {
        *psaid = k + 1;
        buf_puts(out, "{\"text\":\"");
        *pts_at = mock_text_delta(out, t, k, ts);
        buf_puts(out, "\"}");
        return;
    }
    *psaid = mock_text_said(t) + (k + 1) * t->p.pieces;
    put_call(out, t, k);
}

static void put_blocked(buf_t *out, const mock_text_t *t)
{
    buf_puts(out, "{\"promptFeedback\":{\"blockReason\":"
                  "\"PROHIBITED_CONTENT\"}");
    put_rest(out, t, 0, 0);
}

static void put_last(buf_t *out, const mock_text_t *t, const char *why)
{
    buf_printf(out,
               "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}],"
               "\"role\":\"model\"},\"finishReason\":\"%s\",\"index\":0}]",
               why);
    put_rest(out, t, said_in_all(t), t->p.reason);
}

static const char *put(buf_t *out, const mock_text_t *t, int k, int64_t ts,
                       long *pts_at)
{
    int said, thoughts;

    if (t->p.refuse)
        put_blocked(out, t);
    else if (k == count(t) - 1)
        put_last(out, t, finish_of(t));
    else {
        buf_puts(out, "{\"candidates\":[{\"content\":{\"parts\":[");
        put_part(out, t, k, ts, pts_at, &said, &thoughts);
        buf_puts(out, "],\"role\":\"model\"},\"index\":0}]");
        put_rest(out, t, said, thoughts);
    }
    return NULL;
}

static const char *fail(buf_t *out, const mock_text_t *t, int k)
{
    (void)k;
    if (t->p.fault == MOCK_FAULT_incomplete)
        put_last(out, t, "MAX_TOKENS");
    else if (t->p.fault == MOCK_FAULT_error_failed)
        put_blocked(out, t);
    else
        buf_puts(out, "{\"error\":{\"code\":503,\"message\":\"The model is "
                      "overloaded.\",\"status\":\"UNAVAILABLE\"}}");
    return NULL;
}

/* Texts, and thoughts, in a part each. */
static void put_parts(buf_t *out, const mock_text_t *t)
{
    const char *comma = "";
    int i;

    for (i = 0; i < t->p.reason; i++)
        buf_puts(out, i ? "hm" : "{\"text\":\"hm");
    if (t->p.reason) {
        buf_puts(out, "\",\"thought\":true}");
        comma = ",";
    }
    if (mock_text_said(t)) {
        buf_printf(out, "%s{\"text\":\"", comma);
        mock_text_all(out, t);
        buf_puts(out, "\"}");
        comma = ",";
    }
    for (i = 0; i < t->p.tools; i++) {
        buf_puts(out, comma);
        put_call(out, t, i);
        comma = ",";
    }
}

static void whole(buf_t *out, const mock_text_t *t)
{
    if (t->p.refuse) {
        put_blocked(out, t);
        return;
    }
    buf_puts(out, "{\"candidates\":[{\"content\":{\"parts\":[");
    put_parts(out, t);
    buf_printf(out,
               "],\"role\":\"model\"},\"finishReason\":\"%s\","
               "\"index\":0}]",
               finish_of(t));
    put_rest(out, t, said_in_all(t), t->p.reason);
}

const mock_format_t mock_gemini = {
    .count = count,
    .put = put,
    .fail = fail,
    .whole = whole,
};
