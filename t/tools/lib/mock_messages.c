/* SPDX-License-Identifier: Apache-2.0 */
/* The mock as Anthropic's Messages API: blocks of thoughts, text and calls, one
 * after the other. Pure. */
#include "mock_formats.h"

/* Blocks with their own numbers of events. */
static int thought_events(const mock_text_t *t)
{
    return t->p.reason ? t->p.reason + 3 : 0;
}

static int has_text(const mock_text_t *t)
{
    return !t->p.tools || t->p.both;
}

static int text_events(const mock_text_t *t)
{
    return has_text(t) ? mock_text_said(t) + 2 : 0;
}

/* The first delta of the arguments is empty. */
static int call_events(const mock_text_t *t)
{
    return t->p.pieces + 3;
}

/* message_start, a block of thoughts, ping, a block of text, blocks of calls,
 * message_delta and message_stop. */
static int count(const mock_text_t *t)
{
    return 1 + thought_events(t) + 1 + text_events(t) +
           t->p.tools * call_events(t) + 2;
}

/* ---- members ---- */

static const char *finish_of(const mock_text_t *t)
{
    return t->p.refuse || t->p.finish == MOCK_FINISH_FILTER ? "refusal"
           : t->p.finish == MOCK_FINISH_LENGTH              ? "max_tokens"
           : t->p.tools                                     ? "tool_use"
                                                            : "end_turn";
}

static void put_usage(buf_t *out, const mock_text_t *t, int output)
{
    if (!t->p.usage)
        buf_puts(out, "{}");
    else
        buf_printf(out,
                   "{\"input_tokens\":%d,\"cache_creation_input_tokens\":0,"
                   "\"cache_read_input_tokens\":%d,\"output_tokens\":%d}",
                   mock_input(t) - t->p.cached, t->p.cached, output);
}

static void put_call_head(buf_t *out, const mock_text_t *t, int i)
{
    buf_printf(out,
               "{\"type\":\"tool_use\",\"id\":\"toolu_%d_" MOCK_ID
               "\",\"name\":\"%s\",\"input\":",
               i, MOCK_SEED(t), mock_call_name(t, i));
}

static void put_content(buf_t *out, const mock_text_t *t)
{
    const char *comma = "";
    int i;

    if (t->p.reason) {
        buf_puts(out, "{\"type\":\"thinking\",\"thinking\":\"");
        for (i = 0; i < t->p.reason; i++)
            buf_puts(out, "hm");
        buf_puts(out, "\",\"signature\":\"c2lnbmVk\"}");
        comma = ",";
    }
    if (has_text(t)) {
        buf_printf(out, "%s{\"type\":\"text\",\"text\":\"", comma);
        mock_text_all(out, t);
        buf_puts(out, "\"}");
        comma = ",";
    }
    for (i = 0; i < t->p.tools; i++) {
        buf_puts(out, comma);
        put_call_head(out, t, i);
        mock_call_arguments(out, t, i);
        buf_puts(out, "}");
        comma = ",";
    }
}

static void put_message(buf_t *out, const mock_text_t *t, int done)
{
    const char *quote = done ? "\"" : "";

    buf_printf(out,
               "{\"id\":\"msg_%013llx\",\"type\":\"message\",\"role\":"
               "\"assistant\",\"model\":\"mock-1\",\"content\":[",
               MOCK_SEED(t));
    if (done)
        put_content(out, t);
    buf_printf(out,
               "],\"stop_reason\":%s%s%s,\"stop_sequence\":null,\"usage\":",
               quote, done ? finish_of(t) : "null", quote);
    put_usage(out, t, done ? mock_output(t) : 1);
    buf_puts(out, "}");
}

static void put_delta_end(buf_t *out, const mock_text_t *t, const char *why)
{
    buf_printf(out,
               "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"%s\","
               "\"stop_sequence\":null},\"usage\":",
               why);
    if (t->p.usage)
        buf_printf(out, "{\"output_tokens\":%d}}", mock_output(t));
    else
        buf_puts(out, "{}}");
}

/* ---- the events of a block ---- */

static const char *block_start(buf_t *out, int index)
{
    buf_printf(out,
               "{\"type\":\"content_block_start\",\"index\":%d,"
               "\"content_block\":",
               index);
    return "content_block_start";
}

static const char *block_stop(buf_t *out, int index)
{
    buf_printf(out, "{\"type\":\"content_block_stop\",\"index\":%d}", index);
    return "content_block_stop";
}

/* member: of the delta, up to its value. */
static const char *block_delta(buf_t *out, int index, const char *type,
                               const char *member)
{
    buf_printf(out,
               "{\"type\":\"content_block_delta\",\"index\":%d,\"delta\":"
               "{\"type\":\"%s_delta\",\"%s\":",
               index, type, member);
    return "content_block_delta";
}

static const char *thought_event(buf_t *out, const mock_text_t *t, int k)
{
    const char *name;

    if (k == 0) {
        name = block_start(out, 0);
        buf_puts(out, "{\"type\":\"thinking\",\"thinking\":\"\","
                      "\"signature\":\"\"}}");
        return name;
    }
    if (k > t->p.reason + 1)
        return block_stop(out, 0);
    if (k <= t->p.reason) {
        name = block_delta(out, 0, "thinking", "thinking");
        buf_puts(out, "\"hm\"}}");
        return name;
    }
    name = block_delta(out, 0, "signature", "signature");
    buf_puts(out, "\"c2lnbmVk\"}}");
    return name;
}

static const char *text_event(buf_t *out, const mock_text_t *t, int k,
                              int64_t ts, long *pts_at)
{
    int index = t->p.reason ? 1 : 0;
    const char *name;

    if (k == 0) {
        name = block_start(out, index);
        buf_puts(out, "{\"type\":\"text\",\"text\":\"\"}}");
        return name;
    }
    if (k > mock_text_said(t))
        return block_stop(out, index);
    name = block_delta(out, index, "text", "text");
    buf_puts(out, "\"");
    *pts_at = mock_text_delta(out, t, k - 1, ts);
    buf_puts(out, "\"}}");
    return name;
}

static const char *call_event(buf_t *out, const mock_text_t *t, int i, int k)
{
    int index = (t->p.reason ? 1 : 0) + has_text(t) + i;
    const char *name;

    if (k == 0) {
        name = block_start(out, index);
        put_call_head(out, t, i);
        buf_puts(out, "{}}}");
        return name;
    }
    if (k == t->p.pieces + 2)
        return block_stop(out, index);
    name = block_delta(out, index, "input_json", "partial_json");
    if (k == 1)
        buf_puts(out, "\"\"");
    else
        mock_call_piece(out, t, i, k - 2);
    buf_puts(out, "}}");
    return name;
}

/* ---- the stream ---- */

static const char *put(buf_t *out, const mock_text_t *t, int k, int64_t ts,
                       long *pts_at)
{
    if (mock_within(&k, 1)) {
        buf_puts(out, "{\"type\":\"message_start\",\"message\":");
        put_message(out, t, 0);
        buf_puts(out, "}");
        return "message_start";
    }
    if (mock_within(&k, thought_events(t)))
        return thought_event(out, t, k);
    if (mock_within(&k, 1)) {
        buf_puts(out, "{\"type\":\"ping\"}");
        return "ping";
    }
    if (mock_within(&k, text_events(t)))
        return text_event(out, t, k, ts, pts_at);
    if (mock_within(&k, t->p.tools * call_events(t)))
        return call_event(out, t, k / call_events(t), k % call_events(t));
    if (k == 0) {
        put_delta_end(out, t, finish_of(t));
        return "message_delta";
    }
    buf_puts(out, "{\"type\":\"message_stop\"}");
    return "message_stop";
}

static const char *fail(buf_t *out, const mock_text_t *t, int k)
{
    (void)k;
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
