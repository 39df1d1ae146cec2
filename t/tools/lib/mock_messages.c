/* SPDX-License-Identifier: Apache-2.0 */
/* The mock as Anthropic's Messages API. Pure. */
#include "mock_formats.h"

static int input_of(const mock_text_t *t)
{
    return 10 + (int)(t->p.seed % 100);
}

static int thinks(const mock_text_t *t)
{
    return t->p.reason ? t->p.reason + 2 : 0;
}

/* message_start, a block of thoughts, ping, a block of text, message_delta and
 * message_stop. */
static int count(const mock_text_t *t)
{
    return 1 + thinks(t) + 1 + 1 + t->p.n + 1 + 2;
}

static void put_usage(buf_t *out, const mock_text_t *t, int output)
{
    if (!t->p.usage)
        buf_puts(out, "{}");
    else
        buf_printf(out,
                   "{\"input_tokens\":%d,\"cache_creation_input_tokens\":0,"
                   "\"cache_read_input_tokens\":3,\"output_tokens\":%d}",
                   input_of(t) - 3, output);
}

static void put_message(buf_t *out, const mock_text_t *t, int done)
{
    buf_printf(out,
               "{\"id\":\"msg_%013llx\",\"type\":\"message\",\"role\":"
               "\"assistant\",\"model\":\"mock-1\",\"content\":[",
               (unsigned long long)t->p.seed);
    if (done) {
        buf_puts(out, "{\"type\":\"text\",\"text\":\"");
        mock_text_all(out, t);
        buf_puts(out, "\"}");
    }
    buf_printf(out, "],\"stop_reason\":%s,\"stop_sequence\":null,\"usage\":",
               done ? "\"end_turn\"" : "null");
    put_usage(out, t, done ? t->p.n + t->p.reason : 1);
    buf_puts(out, "}");
}

static void put_delta_end(buf_t *out, const mock_text_t *t, const char *why)
{
    buf_printf(out,
               "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"%s\","
               "\"stop_sequence\":null},\"usage\":",
               why);
    if (t->p.usage)
        buf_printf(out, "{\"output_tokens\":%d}}", t->p.n + t->p.reason);
    else
        buf_puts(out, "{}}");
}

/* Event k of a block: start, n deltas, stop. */
static const char *put_block(buf_t *out, const mock_text_t *t, int k, int n,
                             int thought, int64_t ts, long *pts_at)
{
    int index = t->p.reason && !thought;
    const char *type = thought ? "thinking" : "text";

    if (k == 0) {
        buf_printf(out,
                   "{\"type\":\"content_block_start\",\"index\":%d,"
                   "\"content_block\":{\"type\":\"%s\",\"%s\":\"\"}}",
                   index, type, type);
        return "content_block_start";
    }
    if (k > n) {
        buf_printf(out, "{\"type\":\"content_block_stop\",\"index\":%d}",
                   index);
        return "content_block_stop";
    }
    buf_printf(out,
               "{\"type\":\"content_block_delta\",\"index\":%d,\"delta\":"
               "{\"type\":\"%s_delta\",\"%s\":\"",
               index, type, type);
    if (thought)
        buf_puts(out, "hm");
    else
        *pts_at = mock_text_delta(out, t, k - 1, ts);
    buf_puts(out, "\"}}");
    return "content_block_delta";
}

static const char *put(buf_t *out, const mock_text_t *t, int k, int64_t ts,
                       long *pts_at)
{
    if (k == 0) {
        buf_puts(out, "{\"type\":\"message_start\",\"message\":");
        put_message(out, t, 0);
        buf_puts(out, "}");
        return "message_start";
    }
    k--;
    if (k < thinks(t))
        return put_block(out, t, k, t->p.reason, 1, ts, pts_at);
    k -= thinks(t);
    if (k == 0) {
        buf_puts(out, "{\"type\":\"ping\"}");
        return "ping";
    }
    k--;
    if (k < t->p.n + 2)
        return put_block(out, t, k, t->p.n, 0, ts, pts_at);
    if (k == t->p.n + 2) {
        put_delta_end(out, t, "end_turn");
        return "message_delta";
    }
    buf_puts(out, "{\"type\":\"message_stop\"}");
    return "message_stop";
}

static const char *fail(buf_t *out, const mock_text_t *t)
{
    if (t->p.fault == MOCK_FAULT_incomplete) {
        put_delta_end(out, t, "max_tokens");
        buf_puts(out, "\n\nevent: message_stop\n"
                      "data: {\"type\":\"message_stop\"}");
        return "message_delta";
    }
    buf_puts(out, "{\"type\":\"error\",\"error\":{\"type\":"
                  "\"overloaded_error\",\"message\":\"Overloaded\"},"
                  "\"request_id\":\"req_mock\"}");
    return "error";
}

static void whole(buf_t *out, const mock_text_t *t)
{
    put_message(out, t, 1);
}

const mock_format_t mock_messages = {
    .count = count,
    .put = put,
    .fail = fail,
    .whole = whole,
};
