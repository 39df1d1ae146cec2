/* SPDX-License-Identifier: Apache-2.0 */
/* The mock's stream: which event comes when, and its bytes. Pure. */
#include "mock_formats.h"

#include <stdio.h>
#include <string.h>

#define ID "000%013llx"
#define CREATED INT64_C(1700000000)

typedef enum {
    EV_CREATED,
    EV_IN_PROGRESS,
    EV_REASON_ADDED,
    EV_REASON_DELTA,
    EV_REASON_DONE,
    EV_REASON_ITEM_DONE,
    EV_ITEM_ADDED,
    EV_PART_ADDED,
    EV_DELTA,
    EV_TEXT_DONE,
    EV_PART_DONE,
    EV_ITEM_DONE,
    EV_COMPLETED,
    EV_CHUNK_ROLE,
    EV_CHUNK_DELTA,
    EV_CHUNK_FINISH,
    EV_CHUNK_USAGE,
    EV_CHUNK_DONE,
    EV_END
} event_e;

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static void filler(char *at, size_t n, uint64_t start)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789";
    uint64_t x = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        if (i % 10 == 0)
            x = mix(start + i);
        at[i] = letters[x & 63];
        x >>= 6;
    }
}

/* Escapes, a two-, a three- and a four-byte character; as JSON text. */
static const char *const odd[] = {"\\\"",
                                  "\\\\",
                                  "\\n",
                                  "\\u00e9",
                                  "\xc3\xa9",
                                  "\xe2\x82\xac",
                                  "\xf0\x9f\x98\x80",
                                  "<\\/b>"};

static size_t sprinkle(buf_t *out, size_t left, uint64_t x)
{
    size_t taken = 0;

    while (left - taken >= 8 && taken < 64) {
        const char *piece = odd[x & 7];
        buf_puts(out, piece);
        taken += strlen(piece);
        x = mix(x);
    }
    return taken;
}

/* Delta i: its name, a timestamp, and filler up to size. */
long mock_text_delta(buf_t *out, const mock_text_t *t, int i, int64_t ts)
{
    uint64_t x = mix((uint64_t)t->p.seed * 1000003u + i);
    size_t left = t->p.size;
    long ts_at = -1;
    char name[48];
    size_t n;

    n = snprintf(name, sizeof(name), "s%lldd%d ", (long long)t->p.seed, i);
    n = n < left ? n : left;
    buf_put(out, name, n);
    left -= n;
    if (t->p.ts) {
        ts_at = out->len;
        buf_printf(out, "%0*lld ", MOCK_TS_DIGITS, (long long)ts);
    }
    if (t->p.utf8)
        left -= sprinkle(out, left, x);
    filler(buf_room(out, left), left, x);
    out->len += left;
    return ts_at;
}

void mock_text_all(buf_t *out, const mock_text_t *t)
{
    int i;

    for (i = 0; i < t->p.n && !t->p.lean; i++)
        mock_text_delta(out, t, i, 0);
}

/* ---- which event is number k ---- */

static event_e responses_event(const mock_text_t *t, int k, int *pi)
{
    static const event_e last[] = {EV_TEXT_DONE, EV_PART_DONE, EV_ITEM_DONE,
                                   EV_COMPLETED};
    int reason = t->p.reason;

    if (k < 2)
        return k ? EV_IN_PROGRESS : EV_CREATED;
    k -= 2;
    if (reason && k < reason + 3) {
        *pi = k - 1;
        if (k == 0)
            return EV_REASON_ADDED;
        if (k <= reason)
            return EV_REASON_DELTA;
        return k == reason + 1 ? EV_REASON_DONE : EV_REASON_ITEM_DONE;
    }
    k -= reason ? reason + 3 : 0;
    if (k < 2)
        return k ? EV_PART_ADDED : EV_ITEM_ADDED;
    *pi = k -= 2;
    if (k < t->p.n)
        return EV_DELTA;
    k -= t->p.n;
    return k < 4 ? last[k] : EV_END;
}

static event_e chunk_event(const mock_text_t *t, int k, int *pi)
{
    if (k == 0)
        return EV_CHUNK_ROLE;
    *pi = k - 1;
    k -= 1 + t->p.n;
    if (k < 0)
        return EV_CHUNK_DELTA;
    if (k > 0 && !t->p.usage)
        k++;
    return k == 0   ? EV_CHUNK_FINISH
           : k == 1 ? EV_CHUNK_USAGE
           : k == 2 ? EV_CHUNK_DONE
                    : EV_END;
}

static event_e event_at(const mock_text_t *t, int k, int *pi)
{
    *pi = 0;
    return t->api == MOCK_API_COMPLETIONS ? chunk_event(t, k, pi)
                                          : responses_event(t, k, pi);
}

/* The format of an API that has a file of its own, else NULL. */
static const mock_format_t *format_of(const mock_text_t *t)
{
    return t->api == MOCK_API_MESSAGES ? &mock_messages
           : t->api == MOCK_API_GEMINI ? &mock_gemini
                                       : NULL;
}

static int natural_count(const mock_text_t *t)
{
    if (format_of(t))
        return format_of(t)->count(t);
    if (t->api == MOCK_API_COMPLETIONS)
        return t->p.n + 3 + t->p.usage;
    return t->p.n + 8 + (t->p.reason ? t->p.reason + 3 : 0);
}

static int error_event(const mock_text_t *t)
{
    return t->p.fault >= MOCK_FAULT_error_flat &&
           t->p.fault <= MOCK_FAULT_incomplete;
}

static int cut_short(const mock_text_t *t)
{
    switch (t->p.fault) {
    case MOCK_FAULT_hang:
    case MOCK_FAULT_rst:
    case MOCK_FAULT_close:
    case MOCK_FAULT_cut:
    case MOCK_FAULT_noend:
    case MOCK_FAULT_badchunk:
        return 1;
    default:
        return 0;
    }
}

int mock_text_events(const mock_text_t *t)
{
    int count = natural_count(t);
    int after = t->p.after < count ? t->p.after : count;

    if (error_event(t))
        return after + 1;
    return cut_short(t) ? after : count;
}

int mock_text_terminated(const mock_text_t *t)
{
    return !cut_short(t) || t->p.after >= natural_count(t);
}

/* ---- Responses API ---- */

static void put_usage(buf_t *out, const mock_text_t *t)
{
    int in = 10 + (int)(t->p.seed % 100);

    if (!t->p.usage) {
        buf_puts(out, "null");
        return;
    }
    buf_printf(out,
               "{\"input_tokens\":%d,\"input_tokens_details\":"
               "{\"cached_tokens\":0},\"output_tokens\":%d,"
               "\"output_tokens_details\":{\"reasoning_tokens\":%d},"
               "\"total_tokens\":%d}",
               in, t->p.n + t->p.reason, t->p.reason,
               in + t->p.n + t->p.reason);
}

static void put_item(buf_t *out, const mock_text_t *t, int done)
{
    buf_printf(out, "{\"id\":\"msg_" ID "\",\"type\":\"message\",",
               (unsigned long long)t->p.seed);
    if (!done) {
        buf_puts(out, "\"status\":\"in_progress\",\"content\":[],"
                      "\"role\":\"assistant\"}");
        return;
    }
    buf_puts(out, "\"status\":\"completed\",\"content\":[{\"type\":"
                  "\"output_text\",\"annotations\":[],\"logprobs\":[],"
                  "\"text\":\"");
    mock_text_all(out, t);
    buf_puts(out, "\"}],\"role\":\"assistant\"}");
}

static void put_reason_item(buf_t *out, const mock_text_t *t, int done)
{
    buf_printf(out, "{\"id\":\"rs_" ID "\",\"type\":\"reasoning\",\"summary\":",
               (unsigned long long)t->p.seed);
    buf_puts(out,
             done ? "[{\"type\":\"summary_text\",\"text\":\"hm\"}]}" : "[]}");
}

static void put_response(buf_t *out, const mock_text_t *t, const char *status,
                         const char *extra)
{
    int done = !strcmp(status, "completed");

    buf_printf(out,
               "{\"id\":\"resp_" ID "\",\"object\":\"response\","
               "\"created_at\":%lld,\"status\":\"%s\",\"background\":false,"
               "%s\"model\":\"mock-1\",\"output\":[",
               (unsigned long long)t->p.seed,
               (long long)(CREATED + t->p.seed % 1000000), status, extra);
    if (done && t->p.reason) {
        put_reason_item(out, t, 1);
        buf_puts(out, ",");
    }
    if (done)
        put_item(out, t, 1);
    buf_puts(out, "],\"usage\":");
    if (done || !strcmp(status, "incomplete"))
        put_usage(out, t);
    else
        buf_puts(out, "null");
    buf_puts(out, "}");
}

#define NO_ERROR "\"error\":null,\"incomplete_details\":null,"

static const char *responses_name(event_e kind)
{
    static const char *const names[] = {
        [EV_CREATED] = "response.created",
        [EV_IN_PROGRESS] = "response.in_progress",
        [EV_REASON_ADDED] = "response.output_item.added",
        [EV_REASON_DELTA] = "response.reasoning_summary_text.delta",
        [EV_REASON_DONE] = "response.reasoning_summary_text.done",
        [EV_REASON_ITEM_DONE] = "response.output_item.done",
        [EV_ITEM_ADDED] = "response.output_item.added",
        [EV_PART_ADDED] = "response.content_part.added",
        [EV_DELTA] = "response.output_text.delta",
        [EV_TEXT_DONE] = "response.output_text.done",
        [EV_PART_DONE] = "response.content_part.done",
        [EV_ITEM_DONE] = "response.output_item.done",
        [EV_COMPLETED] = "response.completed",
    };
    return names[kind];
}

/* The members of an event about the text or about the reasoning before it. */
static void put_place(buf_t *out, const mock_text_t *t, event_e kind)
{
    int reason = kind >= EV_REASON_ADDED && kind <= EV_REASON_ITEM_DONE;
    int item = kind == EV_REASON_ADDED || kind == EV_REASON_ITEM_DONE ||
               kind == EV_ITEM_ADDED || kind == EV_ITEM_DONE;

    buf_printf(out, ",\"output_index\":%d", t->p.reason && !reason ? 1 : 0);
    if (item)
        return;
    buf_printf(out, ",\"item_id\":\"%s_" ID "\",\"%s\":0",
               reason ? "rs" : "msg", (unsigned long long)t->p.seed,
               reason ? "summary_index" : "content_index");
}

static long put_members(buf_t *out, const mock_text_t *t, event_e kind, int i,
                        int64_t ts)
{
    long ts_at = -1;

    switch (kind) {
    case EV_REASON_DELTA:
        buf_puts(out, ",\"delta\":\"hm\"");
        break;
    case EV_REASON_DONE:
        buf_puts(out, ",\"text\":\"hm\"");
        break;
    case EV_REASON_ADDED:
    case EV_REASON_ITEM_DONE:
        buf_puts(out, ",\"item\":");
        put_reason_item(out, t, kind == EV_REASON_ITEM_DONE);
        break;
    case EV_ITEM_ADDED:
    case EV_ITEM_DONE:
        buf_puts(out, ",\"item\":");
        put_item(out, t, kind == EV_ITEM_DONE);
        break;
    case EV_DELTA:
        buf_puts(out, ",\"delta\":\"");
        ts_at = mock_text_delta(out, t, i, ts);
        buf_puts(out, "\",\"logprobs\":[]");
        break;
    case EV_TEXT_DONE:
        buf_puts(out, ",\"logprobs\":[],\"text\":\"");
        mock_text_all(out, t);
        buf_puts(out, "\"");
        break;
    default: /* EV_PART_ADDED, EV_PART_DONE */
        buf_puts(out, ",\"part\":{\"type\":\"output_text\",\"annotations\":[],"
                      "\"logprobs\":[],\"text\":\"");
        if (kind == EV_PART_DONE)
            mock_text_all(out, t);
        buf_puts(out, "\"}");
    }
    return ts_at;
}

static long put_responses(buf_t *out, const mock_text_t *t, event_e kind, int k,
                          int i, int64_t ts)
{
    int whole = kind <= EV_IN_PROGRESS || kind == EV_COMPLETED;
    long ts_at = -1;

    buf_printf(out, "{\"type\":\"%s\",\"sequence_number\":%d",
               responses_name(kind), k);
    if (whole) {
        buf_puts(out, ",\"response\":");
        put_response(out, t, kind == EV_COMPLETED ? "completed" : "in_progress",
                     NO_ERROR);
    }
    else {
        put_place(out, t, kind);
        ts_at = put_members(out, t, kind, i, ts);
    }
    buf_puts(out, "}");
    return ts_at;
}

/* ---- Chat Completions ---- */

static long put_chunk(buf_t *out, const mock_text_t *t, event_e kind, int i,
                      int64_t ts)
{
    int in = 10 + (int)(t->p.seed % 100);
    long ts_at = -1;

    if (kind == EV_CHUNK_DONE) {
        buf_puts(out, "[DONE]");
        return -1;
    }
    buf_printf(out,
               "{\"id\":\"chatcmpl-" ID "\",\"object\":\"chat.completion."
               "chunk\",\"created\":%lld,\"model\":\"mock-1\","
               "\"system_fingerprint\":\"fp_0\",\"choices\":[",
               (unsigned long long)t->p.seed,
               (long long)(CREATED + t->p.seed % 1000000));
    if (kind == EV_CHUNK_USAGE) {
        buf_printf(out,
                   "],\"usage\":{\"prompt_tokens\":%d,\"completion_tokens\":%d"
                   ",\"total_tokens\":%d}}",
                   in, t->p.n, in + t->p.n);
        return -1;
    }
    buf_puts(out, "{\"index\":0,\"delta\":{");
    if (kind == EV_CHUNK_ROLE)
        buf_puts(out, "\"role\":\"assistant\",\"content\":\"\","
                      "\"refusal\":null");
    if (kind == EV_CHUNK_DELTA) {
        buf_puts(out, "\"content\":\"");
        ts_at = mock_text_delta(out, t, i, ts);
        buf_puts(out, "\"");
    }
    buf_printf(out, "},\"logprobs\":null,\"finish_reason\":%s}]%s}",
               kind == EV_CHUNK_FINISH ? "\"stop\"" : "null",
               t->p.usage ? ",\"usage\":null" : "");
    return ts_at;
}

/* ---- errors in the stream ---- */

#define SORRY "The server had an error while processing your request."

static const char *put_failure(buf_t *out, const mock_text_t *t, int k)
{
    if (t->api == MOCK_API_COMPLETIONS) {
        buf_puts(out, "{\"error\":{\"message\":\"" SORRY "\",\"type\":"
                      "\"server_error\",\"param\":null,"
                      "\"code\":\"server_error\"}}");
        return NULL;
    }
    if (t->p.fault == MOCK_FAULT_error_flat ||
        t->p.fault == MOCK_FAULT_error_nested) {
        buf_puts(out, t->p.fault == MOCK_FAULT_error_flat
                          ? "{\"type\":\"error\",\"code\":\"server_error\","
                            "\"message\":\"" SORRY "\",\"param\":null"
                          : "{\"type\":\"error\",\"error\":{\"type\":"
                            "\"server_error\",\"code\":\"server_error\","
                            "\"message\":\"" SORRY "\",\"param\":null}");
        buf_printf(out, ",\"sequence_number\":%d}", k);
        return "error";
    }
    if (t->p.fault == MOCK_FAULT_error_failed) {
        buf_printf(out,
                   "{\"type\":\"response.failed\",\"sequence_number\":%d,"
                   "\"response\":",
                   k);
        put_response(out, t, "failed",
                     "\"error\":{\"code\":\"server_error\",\"message\":\"" SORRY
                     "\"},\"incomplete_details\":null,");
        buf_puts(out, "}");
        return "response.failed";
    }
    buf_printf(out,
               "{\"type\":\"response.incomplete\",\"sequence_number\":%d,"
               "\"response\":",
               k);
    put_response(out, t, "incomplete",
                 "\"error\":null,\"incomplete_details\":"
                 "{\"reason\":\"max_output_tokens\"},");
    buf_puts(out, "}");
    return "response.incomplete";
}

/* ---- the event on the wire ---- */

static const char *eol_of(const mock_text_t *t)
{
    static const char *const eols[] = {"\n", "\r\n", "\r"};

    /* As that service has them, also where nobody asks. */
    if (t->api == MOCK_API_GEMINI && t->p.eol == MOCK_EOL_LF)
        return "\r\n";
    return eols[t->p.eol];
}

static void put_name(buf_t *out, const char *name, const char *eol)
{
    if (name)
        buf_printf(out, "event: %s%s", name, eol);
    buf_puts(out, "data: ");
}

static long put_event(buf_t *out, const mock_text_t *t, int k, int64_t ts)
{
    const char *eol = eol_of(t);
    const mock_format_t *format = format_of(t);
    int i = 0;
    event_e kind = format ? EV_END : event_at(t, k, &i);
    buf_t json = {0};
    long ts_at = -1;
    const char *name = NULL;

    if (error_event(t) && k == mock_text_events(t) - 1)
        name = format ? format->fail(&json, t) : put_failure(&json, t, k);
    else if (format)
        name = format->put(&json, t, k, ts, &ts_at);
    else if (t->api == MOCK_API_COMPLETIONS)
        ts_at = put_chunk(&json, t, kind, i, ts);
    else {
        name = responses_name(kind);
        ts_at = put_responses(&json, t, kind, k, i, ts);
    }
    put_name(out, name, eol);
    if (ts_at >= 0)
        ts_at += out->len;
    buf_put(out, json.data, json.len);
    buf_printf(out, "%s%s", eol, eol);
    buf_free(&json);
    return ts_at;
}

long mock_text_event(buf_t *out, const mock_text_t *t, int k, int64_t ts)
{
    size_t start;
    long ts_at;

    buf_room(out, 0); /* an emptied buffer starts over */
    start = out->len;
    if (k == 0 && t->p.bom)
        buf_puts(out, "\xef\xbb\xbf");
    if (t->p.comments)
        buf_printf(out, ": mock %d%s%s", k, eol_of(t), eol_of(t));
    ts_at = put_event(out, t, k, ts);
    return ts_at < 0 ? -1 : ts_at - (long)start;
}

/* ---- answers that are no streams ---- */

void mock_text_whole(buf_t *out, const mock_text_t *t)
{
    int in = 10 + (int)(t->p.seed % 100);

    if (format_of(t)) {
        format_of(t)->whole(out, t);
        return;
    }
    if (t->api == MOCK_API_RESPONSES) {
        put_response(out, t, "completed", NO_ERROR);
        return;
    }
    buf_printf(out,
               "{\"id\":\"chatcmpl-" ID "\",\"object\":\"chat.completion\","
               "\"created\":%lld,\"model\":\"mock-1\",\"choices\":[{\"index\":"
               "0,\"message\":{\"role\":\"assistant\",\"content\":\"",
               (unsigned long long)t->p.seed,
               (long long)(CREATED + t->p.seed % 1000000));
    mock_text_all(out, t);
    buf_printf(out,
               "\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":"
               "\"stop\"}],\"usage\":{\"prompt_tokens\":%d,"
               "\"completion_tokens\":%d,\"total_tokens\":%d}}",
               in, t->p.n, in + t->p.n);
}
