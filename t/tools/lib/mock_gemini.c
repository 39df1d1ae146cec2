/* SPDX-License-Identifier: Apache-2.0 */
/* The mock as Gemini's streamGenerateContent with alt=sse. Pure. */
#include "mock_formats.h"

/* Thoughts, texts, and a chunk with the finishReason. */
static int count(const mock_text_t *t)
{
    return t->p.reason + t->p.n + 1;
}

/* Cumulative, as far as has come. */
static void put_usage(buf_t *out, const mock_text_t *t, int texts, int thoughts)
{
    int in = 10 + (int)(t->p.seed % 100);

    if (!t->p.usage)
        return;
    buf_printf(out,
               ",\"usageMetadata\":{\"promptTokenCount\":%d,"
               "\"candidatesTokenCount\":%d,\"totalTokenCount\":%d",
               in, texts, in + texts + thoughts);
    if (thoughts)
        buf_printf(out, ",\"thoughtsTokenCount\":%d", thoughts);
    buf_puts(out, "}");
}

static void put_rest(buf_t *out, const mock_text_t *t, int texts, int thoughts)
{
    put_usage(out, t, texts, thoughts);
    buf_printf(out, ",\"modelVersion\":\"mock-1\",\"responseId\":\"%013llx\"}",
               (unsigned long long)t->p.seed);
}

static void put_last(buf_t *out, const mock_text_t *t, const char *why)
{
    buf_printf(out,
               "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}],"
               "\"role\":\"model\"},\"finishReason\":\"%s\",\"index\":0}]",
               why);
    put_rest(out, t, t->p.n, t->p.reason);
}

static const char *put(buf_t *out, const mock_text_t *t, int k, int64_t ts,
                       long *pts_at)
{
    int i = k - t->p.reason;

    if (i == t->p.n) {
        put_last(out, t, "STOP");
        return NULL;
    }
    buf_puts(out, "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"");
    if (i < 0)
        buf_puts(out, "hm\",\"thought\":true");
    else {
        *pts_at = mock_text_delta(out, t, i, ts);
        buf_puts(out, "\"");
    }
    buf_puts(out, "}],\"role\":\"model\"},\"index\":0}]");
    put_rest(out, t, i < 0 ? 0 : i + 1, i < 0 ? k + 1 : t->p.reason);
    return NULL;
}

static const char *fail(buf_t *out, const mock_text_t *t)
{
    if (t->p.fault == MOCK_FAULT_incomplete)
        put_last(out, t, "MAX_TOKENS");
    else if (t->p.fault == MOCK_FAULT_error_failed) {
        buf_puts(out, "{\"promptFeedback\":{\"blockReason\":"
                      "\"PROHIBITED_CONTENT\"}");
        put_rest(out, t, 0, 0);
    }
    else
        buf_puts(out, "{\"error\":{\"code\":503,\"message\":\"The model is "
                      "overloaded.\",\"status\":\"UNAVAILABLE\"}}");
    return NULL;
}

static void whole(buf_t *out, const mock_text_t *t)
{
    buf_puts(out, "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"");
    mock_text_all(out, t);
    buf_puts(out, "\"}],\"role\":\"model\"},\"finishReason\":\"STOP\","
                  "\"index\":0}]");
    put_rest(out, t, t->p.n, t->p.reason);
}

const mock_format_t mock_gemini = {
    .count = count,
    .put = put,
    .fail = fail,
    .whole = whole,
};
