/* SPDX-License-Identifier: Apache-2.0 */
/* The mock as OpenAI's Responses API: items of reasoning, text and calls, one
 * after the other. Pure. */
#include "mock_formats.h"

#include <stdio.h>
#include <string.h>

#define NO_ERROR "\"error\":null,\"incomplete_details\":null,"

/* Items of the answer, with their own numbers of events. */
static int has_message(const mock_text_t *t)
{
    return !t->p.tools || t->p.both;
}

static int reason_events(const mock_text_t *t)
{
    return t->p.reason ? t->p.reason + 3 : 0;
}

static int message_events(const mock_text_t *t)
{
    return has_message(t) ? mock_text_said(t) + 5 : 0;
}

static int call_events(const mock_text_t *t)
{
    return t->p.pieces + 3;
}

static int count(const mock_text_t *t)
{
    return 2 + reason_events(t) + message_events(t) +
           t->p.tools * call_events(t) + 1;
}

/* ---- what an item looks like ---- */

static void put_usage(buf_t *out, const mock_text_t *t)
{
    if (!t->p.usage) {
        buf_puts(out, "null");
        return;
    }
    buf_printf(out,
               "{\"input_tokens\":%d,\"input_tokens_details\":"
               "{\"cached_tokens\":%d},\"output_tokens\":%d,"
               "\"output_tokens_details\":{\"reasoning_tokens\":%d},"
               "\"total_tokens\":%d}",
               mock_input(t), t->p.cached, mock_output(t), t->p.reason,
               mock_input(t) + mock_output(t));
}

/* The text, or the refusal; said: with its text. */
static void put_part(buf_t *out, const mock_text_t *t, int said)
{
    buf_puts(out, t->p.refuse ? "{\"type\":\"refusal\",\"refusal\":\""
                              : "{\"type\":\"output_text\",\"annotations\":[],"
                                "\"logprobs\":[],\"text\":\"");
    if (said)
        mock_text_all(out, t);
    buf_puts(out, "\"}");
}

static const char *end_status(const mock_text_t *t)
{
    return t->p.finish == MOCK_FINISH_STOP ? "completed" : "incomplete";
}

static void put_message(buf_t *out, const mock_text_t *t, int done)
{
    buf_printf(out, "{\"id\":\"msg_" MOCK_ID "\",\"type\":\"message\",",
               MOCK_SEED(t));
    if (!done) {
        buf_puts(out, "\"status\":\"in_progress\",\"content\":[],"
                      "\"role\":\"assistant\"}");
        return;
    }
    buf_printf(out, "\"status\":\"%s\",\"content\":[", end_status(t));
    put_part(out, t, 1);
    buf_puts(out, "],\"role\":\"assistant\"}");
}

static void put_reason(buf_t *out, const mock_text_t *t, int done)
{
    buf_printf(out,
               "{\"id\":\"rs_" MOCK_ID "\",\"type\":\"reasoning\",\"summary\":",
               MOCK_SEED(t));
    buf_puts(out, done ? "[{\"type\":\"summary_text\",\"text\":\"hm\"}],"
                         "\"encrypted_content\":\"c2lnbmVk\"}"
                       : "[]}");
}

static void put_call(buf_t *out, const mock_text_t *t, int i, int done)
{
    buf_printf(out,
               "{\"id\":\"fc_%d_" MOCK_ID "\",\"type\":\"function_call\","
               "\"status\":\"%s\",\"arguments\":",
               i, MOCK_SEED(t), done ? "completed" : "in_progress");
    if (done)
        mock_call_quoted(out, t, i);
    else
        buf_puts(out, "\"\"");
    buf_printf(out, ",\"call_id\":\"call_%d_" MOCK_ID "\",\"name\":\"%s\"}", i,
               MOCK_SEED(t), mock_call_name(t, i));
}

static void put_output(buf_t *out, const mock_text_t *t)
{
    const char *comma = "";
    int i;

    if (t->p.reason) {
        put_reason(out, t, 1);
        comma = ",";
    }
    if (has_message(t)) {
        buf_puts(out, comma);
        put_message(out, t, 1);
        comma = ",";
    }
    for (i = 0; i < t->p.tools; i++) {
        buf_puts(out, comma);
        put_call(out, t, i, 1);
        comma = ",";
    }
}

/* output: with all that was said. */
static void put_response(buf_t *out, const mock_text_t *t, const char *status,
                         const char *extra, int output)
{
    buf_printf(out,
               "{\"id\":\"resp_" MOCK_ID "\",\"object\":\"response\","
               "\"created_at\":%lld,\"status\":\"%s\",\"background\":false,"
               "%s\"model\":\"mock-1\",\"output\":[",
               MOCK_SEED(t), (long long)mock_created(t), status, extra);
    if (output)
        put_output(out, t);
    buf_puts(out, "],\"usage\":");
    if (output || !strcmp(status, "incomplete"))
        put_usage(out, t);
    else
        buf_puts(out, "null");
    buf_puts(out, "}");
}

static void put_ended(buf_t *out, const mock_text_t *t)
{
    static const char *const why[] = {
        [MOCK_FINISH_STOP] = NO_ERROR,
        [MOCK_FINISH_LENGTH] = "\"error\":null,\"incomplete_details\":"
                               "{\"reason\":\"max_output_tokens\"},",
        [MOCK_FINISH_FILTER] = "\"error\":null,\"incomplete_details\":"
                               "{\"reason\":\"content_filter\"},",
    };
    put_response(out, t, end_status(t), why[t->p.finish], 1);
}

/* ---- the events ---- */

static const char *begin(buf_t *out, const char *type, int number)
{
    buf_printf(out, "{\"type\":\"%s\",\"sequence_number\":%d", type, number);
    return type;
}

/* Of an event about a part of an item. */
static void put_place(buf_t *out, const mock_text_t *t, int index,
                      const char *prefix, const char *part)
{
    buf_printf(out, ",\"output_index\":%d,\"item_id\":\"%s_" MOCK_ID "\"",
               index, prefix, MOCK_SEED(t));
    if (part)
        buf_printf(out, ",\"%s\":0", part);
}

static const char *reason_event(buf_t *out, const mock_text_t *t, int k,
                                int number)
{
    int done = k > t->p.reason + 1;
    const char *name;

    if (k == 0 || done) {
        name = begin(out,
                     done ? "response.output_item.done"
                          : "response.output_item.added",
                     number);
        buf_puts(out, ",\"output_index\":0,\"item\":");
        put_reason(out, t, done);
        return name;
    }
    done = k > t->p.reason;
    name = begin(out,
                 done ? "response.reasoning_summary_text.done"
                      : "response.reasoning_summary_text.delta",
                 number);
    put_place(out, t, 0, "rs", "summary_index");
    buf_printf(out, ",\"%s\":\"hm\"", done ? "text" : "delta");
    return name;
}

/* item: added, done; part: added, done. */
static const char *message_frame(buf_t *out, const mock_text_t *t, int item,
                                 int done, int number)
{
    static const char *const names[2][2] = {
        {"response.content_part.added", "response.content_part.done"},
        {"response.output_item.added", "response.output_item.done"},
    };
    int index = t->p.reason ? 1 : 0;
    const char *name = begin(out, names[item][done], number);

    if (item) {
        buf_printf(out, ",\"output_index\":%d,\"item\":", index);
        put_message(out, t, done);
    }
    else {
        put_place(out, t, index, "msg", "content_index");
        buf_puts(out, ",\"part\":");
        put_part(out, t, done);
    }
    return name;
}

/* A delta, or all of them. */
static const char *text_event(buf_t *out, const mock_text_t *t, int i,
                              int64_t ts, long *pts_at, int number)
{
    static const char *const names[2][2] = {
        {"response.output_text.delta", "response.output_text.done"},
        {"response.refusal.delta", "response.refusal.done"},
    };
    int done = i == mock_text_said(t);
    const char *name = begin(out, names[t->p.refuse][done], number);

    put_place(out, t, t->p.reason ? 1 : 0, "msg", "content_index");
    buf_printf(out, ",\"%s\":\"",
               !done         ? "delta"
               : t->p.refuse ? "refusal"
                             : "text");
    if (done)
        mock_text_all(out, t);
    else
        *pts_at = mock_text_delta(out, t, i, ts);
    buf_puts(out, t->p.refuse ? "\"" : "\",\"logprobs\":[]");
    return name;
}

static const char *message_event(buf_t *out, const mock_text_t *t, int k,
                                 int64_t ts, long *pts_at, int number)
{
    int said = mock_text_said(t);

    if (k < 2)
        return message_frame(out, t, k == 0, 0, number);
    k -= 2;
    if (k <= said)
        return text_event(out, t, k, ts, pts_at, number);
    return message_frame(out, t, k == said + 2, 1, number);
}

static const char *call_event(buf_t *out, const mock_text_t *t, int i, int k,
                              int number)
{
    int index = (t->p.reason ? 1 : 0) + has_message(t) + i;
    int done = k == t->p.pieces + 2;
    const char *name;
    char prefix[24] = "fc_";

    if (k == 0 || done) {
        name = begin(out,
                     done ? "response.output_item.done"
                          : "response.output_item.added",
                     number);
        buf_printf(out, ",\"output_index\":%d,\"item\":", index);
        put_call(out, t, i, done);
        return name;
    }
    done = k > t->p.pieces;
    name = begin(out,
                 done ? "response.function_call_arguments.done"
                      : "response.function_call_arguments.delta",
                 number);
    snprintf(prefix, sizeof(prefix), "fc_%d", i);
    put_place(out, t, index, prefix, NULL);
    buf_printf(out, ",\"%s\":", done ? "arguments" : "delta");
    if (done)
        mock_call_quoted(out, t, i);
    else
        mock_call_piece(out, t, i, k - 1);
    return name;
}

static const char *put(buf_t *out, const mock_text_t *t, int k, int64_t ts,
                       long *pts_at)
{
    const char *name;
    int number = k;

    if (mock_within(&k, 2)) {
        name =
            begin(out, k ? "response.in_progress" : "response.created", number);
        buf_puts(out, ",\"response\":");
        put_response(out, t, "in_progress", NO_ERROR, 0);
    }
    else if (mock_within(&k, reason_events(t)))
        name = reason_event(out, t, k, number);
    else if (mock_within(&k, message_events(t)))
        name = message_event(out, t, k, ts, pts_at, number);
    else if (mock_within(&k, t->p.tools * call_events(t)))
        name =
            call_event(out, t, k / call_events(t), k % call_events(t), number);
    else {
        name = begin(out,
                     t->p.finish == MOCK_FINISH_STOP ? "response.completed"
                                                     : "response.incomplete",
                     number);
        buf_puts(out, ",\"response\":");
        put_ended(out, t);
    }
    buf_puts(out, "}");
    return name;
}

static const char *fail(buf_t *out, const mock_text_t *t, int k)
{
    const char *name;

    if (t->p.fault == MOCK_FAULT_error_flat) {
        buf_printf(out,
                   "{\"type\":\"error\",\"code\":\"server_error\","
                   "\"message\":\"" MOCK_SORRY "\",\"param\":null,"
                   "\"sequence_number\":%d}",
                   k);
        return "error";
    }
    if (t->p.fault == MOCK_FAULT_error_nested) {
        buf_printf(out,
                   "{\"type\":\"error\",\"error\":{\"type\":\"server_error\","
                   "\"code\":\"server_error\",\"message\":\"" MOCK_SORRY
                   "\",\"param\":null},\"sequence_number\":%d}",
                   k);
        return "error";
    }
    if (t->p.fault == MOCK_FAULT_error_failed) {
        name = begin(out, "response.failed", k);
        buf_puts(out, ",\"response\":");
        put_response(out, t, "failed",
                     "\"error\":{\"code\":\"server_error\",\"message\":"
                     "\"" MOCK_SORRY "\"},\"incomplete_details\":null,",
                     0);
    }
    else {
        name = begin(out, "response.incomplete", k);
        buf_puts(out, ",\"response\":");
        put_response(out, t, "incomplete",
                     "\"error\":null,\"incomplete_details\":"
                     "{\"reason\":\"max_output_tokens\"},",
                     0);
    }
    buf_puts(out, "}");
    return name;
}

const mock_format_t mock_responses = {
    .count = count,
    .put = put,
    .fail = fail,
    .whole = put_ended,
};
