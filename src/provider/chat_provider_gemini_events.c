/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Gemini stream: unnamed chunks, of which the last one has a finishReason,
 * or, where the question itself was blocked, a blockReason. Others may have one
 * as well, and no event is the end: that is told by the connection alone. A
 * chunk with a piece of text or thought, an end that is no failure, and the
 * usage so far, as nearly all are, is read in passing; every other (a question
 * that was blocked, several candidates, a call of a tool, a signature) is
 * parsed. The parts
 * of the first candidate become deltas; those that are neither text nor thought
 * nor a call (images, code that Google ran) are passed over; signatures are
 * wanted back. Runs
 * on the stream's driver. Pure.
 */
#include "chat_provider_gemini_int.h"
#include "chat_provider_scan.h"

#include <string.h>

static const char *const texts[] = {"text", NULL};

/* Of those that are failures of the model's there is no answer to make use of.
 */
static const chat_reason_t reasons[] = {
    {"FINISH_REASON_UNSPECIFIED", CHAT_REASON_NONE},
    {"STOP", CHAT_FINISH_STOP},
    {"MAX_TOKENS", CHAT_FINISH_LENGTH},
    {"SAFETY", CHAT_FINISH_FILTER},
    {"RECITATION", CHAT_FINISH_FILTER},
    {"LANGUAGE", CHAT_FINISH_FILTER},
    {"BLOCKLIST", CHAT_FINISH_FILTER},
    {"PROHIBITED_CONTENT", CHAT_FINISH_FILTER},
    {"SPII", CHAT_FINISH_FILTER},
    {"OTHER", CHAT_FINISH_FILTER},
    {"IMAGE_SAFETY", CHAT_FINISH_FILTER},
    {"IMAGE_PROHIBITED_CONTENT", CHAT_FINISH_FILTER},
    {"IMAGE_RECITATION", CHAT_FINISH_FILTER},
    {"IMAGE_OTHER", CHAT_FINISH_FILTER},
    {"MALFORMED_FUNCTION_CALL", CHAT_REASON_FAILURE},
    {"UNEXPECTED_TOOL_CALL", CHAT_REASON_FAILURE},
    {"TOO_MANY_TOOL_CALLS", CHAT_REASON_FAILURE},
    {"MALFORMED_RESPONSE", CHAT_REASON_FAILURE},
    {"MISSING_THOUGHT_SIGNATURE", CHAT_REASON_FAILURE},
    {"ERROR", CHAT_REASON_FAILURE},
    {"ABORT", CHAT_REASON_FAILURE},
    {"ABORTED", CHAT_REASON_FAILURE},
    {"CANCELLED", CHAT_REASON_FAILURE},
    {NULL, 0},
};

enum { PROMPT, CACHED, ANSWER, THOUGHTS, TOOLS, TOTAL };

static const chat_usage_field_t fields[] = {
    [PROMPT] = {NULL, "promptTokenCount"},
    [CACHED] = {NULL, "cachedContentTokenCount"},
    [ANSWER] = {NULL, "candidatesTokenCount"},
    [THOUGHTS] = {NULL, "thoughtsTokenCount"},
    [TOOLS] = {NULL, "toolUsePromptTokenCount"},
    [TOTAL] = {NULL, "totalTokenCount"},
    {NULL, NULL},
};

static apr_int64_t sum_of(apr_int64_t a, apr_int64_t b)
{
    a = a < 0 ? 0 : a;
    b = b < 0 ? 0 : b;
    return a > APR_INT64_MAX - b ? APR_INT64_MAX : a + b;
}

/* Cumulative, so the last one holds. Thoughts are no part of the candidates,
 * nor what Google's own tools read a part of the prompt; where the candidates
 * are not told the total is. */
static void count(chat_seen_t *seen, chat_usage_counts_t *usage)
{
    chat_usage_t *n = &seen->usage;
    const apr_int64_t *said = usage->n;

    chat_provider_usage_merge(usage, seen);
    chat_provider_usage_take(&n->cached, usage, CACHED);
    chat_provider_usage_take(&n->reasoning, usage, THOUGHTS);
    if (said[PROMPT] >= 0)
        n->input = sum_of(said[PROMPT], said[TOOLS]);
    if (said[ANSWER] >= 0 || said[THOUGHTS] >= 0)
        n->output = sum_of(said[ANSWER], said[THOUGHTS]);
    if (said[ANSWER] < 0 && n->input > 0 && said[TOTAL] > n->input &&
        said[TOTAL] - n->input > n->output)
        n->output = said[TOTAL] - n->input;
}

static void count_json(chat_seen_t *seen, const chat_json_t *root)
{
    static const char *const path[] = {"usageMetadata", NULL};
    chat_usage_counts_t usage = {.fields = fields};

    chat_provider_usage_read(&usage, path, root);
    count(seen, &usage);
}

/* ---- a chunk, read in passing ---- */

/* A chunk that is no failure. Not to be zeroed, as its scan. */
typedef struct chunk_t {
    chat_piece_t text;
    int reason;  /* see chat_provider_reason_find() */
    int thought; /* 1: the text is one */
    chat_usage_counts_t usage;
    int lists, candidates, contents, part_lists, parts; /* that were met */
    int others;                                         /* calls, signatures */
    chat_scan_t scan;
} chunk_t;

/* What no scan takes. */
static int is_other(const char *name, apr_size_t len)
{
    return chat_provider_scan_is(name, len, "functionCall") ||
           chat_provider_scan_is(name, len, "thoughtSignature") ||
           chat_provider_scan_is(name, len, "thought_signature");
}

static void scan_part(chat_scan_t *s, chunk_t *chunk)
{
    const char *name;
    apr_size_t len;

    chunk->parts++;
    chat_provider_scan_open(s, '{');
    while (chat_provider_scan_member(s, &name, &len)) {
        if (chat_provider_scan_is(name, len, "text"))
            chat_provider_scan_piece(s, &chunk->text);
        else if (chat_provider_scan_is(name, len, "thought")) {
            chunk->thought = chat_provider_scan_peek(s) == 't';
            chat_provider_scan_only(s, chunk->thought ? "true" : "false");
        }
        else {
            chunk->others += is_other(name, len);
            chat_provider_scan_skip(s);
        }
    }
}

static void scan_content(chat_scan_t *s, chunk_t *chunk)
{
    const char *name;
    apr_size_t len;

    chunk->contents++;
    chat_provider_scan_open(s, '{');
    while (chat_provider_scan_member(s, &name, &len)) {
        if (!chat_provider_scan_is(name, len, "parts")) {
            chat_provider_scan_skip(s);
            continue;
        }
        chunk->part_lists++;
        chat_provider_scan_open(s, '[');
        while (chat_provider_scan_item(s))
            scan_part(s, chunk);
    }
}

static void scan_candidate(chat_scan_t *s, chunk_t *chunk)
{
    const char *name;
    apr_size_t len;

    chunk->candidates++;
    chat_provider_scan_open(s, '{');
    while (chat_provider_scan_member(s, &name, &len)) {
        if (chat_provider_scan_is(name, len, "content"))
            scan_content(s, chunk);
        else if (chat_provider_scan_is(name, len, "finishReason"))
            chunk->reason = chat_provider_reason_scan(reasons, s);
        else
            chat_provider_scan_skip(s);
    }
}

/* Members that say something else; the others are there for the curious. */
static int matters(const char *name, apr_size_t len)
{
    return chat_provider_scan_is(name, len, "promptFeedback") ||
           chat_provider_scan_is(name, len, "error") ||
           chat_provider_scan_is(name, len, "type") ||
           chat_provider_scan_is(name, len, "object");
}

static void scan_chunk(chat_scan_t *s, chunk_t *chunk)
{
    static const char *const here[] = {NULL};
    const char *name;
    apr_size_t len;

    chat_provider_scan_open(s, '{');
    while (chat_provider_scan_member(s, &name, &len)) {
        if (chat_provider_scan_is(name, len, "candidates")) {
            chunk->lists++;
            chat_provider_scan_open(s, '[');
            while (chat_provider_scan_item(s))
                scan_candidate(s, chunk);
        }
        else if (chat_provider_scan_is(name, len, "usageMetadata"))
            chat_provider_usage_scan(&chunk->usage, here, s);
        else if (matters(name, len))
            chat_provider_scan_only(s, "null");
        else
            chat_provider_scan_skip(s);
    }
}

/*
 * 1: chunk has all of the event, but for calls and, of several texts, the last
 * alone. 0: it has to be parsed.
 * Of two equal names the last one holds, which for a text or the usage is so by
 * itself; where there are more of the others it is parsed.
 */
static int scan_event(chunk_t *chunk, const chat_sse_event_t *event)
{
    static const chat_piece_t none = {NULL, 0};
    chat_scan_t *s = &chunk->scan;

    chunk->text = none;
    chunk->reason = CHAT_REASON_NONE;
    chunk->thought = 0;
    chunk->lists = chunk->candidates = chunk->contents = 0;
    chunk->part_lists = chunk->parts = chunk->others = 0;
    chunk->usage.fields = fields;
    chat_provider_usage_clear(&chunk->usage);
    chat_provider_scan_init(s, event->data, event->data_len);
    scan_chunk(s, chunk);
    return chat_provider_scan_done(s) && chunk->lists <= 1 &&
           chunk->candidates <= 1;
}

/* ---- a stream, observed ---- */

/* The question itself was. */
static int is_blocked(const chat_json_t *root)
{
    static const char unspecified[] = "REASON_UNSPECIFIED";
    const char *reason = chat_json_string(
        chat_json_path(root, "promptFeedback", "blockReason", NULL));

    return reason && *reason && !strstr(reason, unspecified);
}

static void observe_end(chat_watch_t *w, const chat_json_t *root)
{
    const chat_json_t *candidates = chat_json_get(root, "candidates");
    int i;

    for (i = 0; i < chat_json_length(candidates); i++) {
        const chat_json_t *v =
            chat_json_get(chat_json_at(candidates, i), "finishReason");
        int reason = chat_provider_reason_read(reasons, v);

        if (reason != CHAT_REASON_NONE)
            w->seen->reason = 1;
        if (reason == CHAT_REASON_FAILURE)
            chat_provider_watch_fail(w, &v, 1);
    }
    if (is_blocked(root))
        w->seen->reason = 1;
}

static int can_matter(const chat_watch_t *w)
{
    return chat_provider_watch_value(w, "usageMetadata", '{') ||
           chat_provider_watch_mentions(w, "finishReason") ||
           chat_provider_watch_mentions(w, "blockReason") ||
           chat_provider_watch_mentions(w, "error");
}

/* The same of one that was scanned. */
static void observe_plain(chat_seen_t *seen, chunk_t *chunk)
{
    if (chunk->reason != CHAT_REASON_NONE)
        seen->reason = 1;
    count(seen, &chunk->usage);
}

/* A chunk that was parsed: errors, the end and the counts. */
static void observe_json(chat_watch_t *w, const chat_json_t *root)
{
    if (chat_provider_watch_is_error(root)) {
        const chat_json_t *codes[] = {
            chat_json_path(root, "error", "status", NULL),
            chat_json_path(root, "error", "code", NULL),
        };

        chat_provider_watch_fail(w, codes, 2);
    }
    observe_end(w, root);
    count_json(w->seen, root);
}

/* Without alt=sse, what would have been a stream is an array of its chunks. */
static void observe_all(chat_watch_t *w, const chat_json_t *root)
{
    int i;

    if (chat_json_kind(root) != CHAT_JSON_ARRAY)
        observe_json(w, root);
    for (i = 0; i < chat_json_length(root); i++)
        observe_json(w, chat_json_at(root, i));
}

static void observe_chunk(chat_watch_t *w)
{
    chunk_t chunk;

    if (scan_event(&chunk, w->event))
        observe_plain(w->seen, &chunk);
    else
        observe_all(w, chat_provider_watch_json(w));
}

void chat_provider_gemini_observe_event(chat_seen_t *seen,
                                        const chat_sse_event_t *event,
                                        const chat_upstream_t *up,
                                        apr_pool_t *p)
{
    chat_watch_t w = {.seen = seen, .event = event, .up = up, .parent = p};

    chat_provider_watch_measure(&w, texts);
    if (can_matter(&w))
        observe_chunk(&w);
    chat_provider_watch_done(&w);
}

void chat_provider_gemini_observe_body(chat_seen_t *seen, const char *body,
                                       apr_size_t len,
                                       const chat_upstream_t *up, apr_pool_t *p)
{
    const chat_sse_event_t event = {.type = "", .data = body, .data_len = len};
    chat_watch_t w = {.seen = seen, .event = &event, .up = up, .parent = p};

    chat_provider_watch_measure(&w, texts);
    observe_all(&w, chat_provider_content_body(&w));
    chat_provider_finish(seen);
    chat_provider_watch_done(&w);
}

/* ---- a stream, taken apart ---- */

/* Google takes all names in both spellings, and some servers give them so. */
static chat_json_t *find_signature(const chat_json_t *part)
{
    chat_json_t *v = chat_json_get(part, "thoughtSignature");

    if (!v)
        v = chat_json_get(part, "thought_signature");
    return chat_json_string(v) && *chat_json_string(v) ? v : NULL;
}

/* As Google's own Chat Completions API has it; "provider" tells it from one of
 * that. */
static const char *make_extra(chat_json_t *signature, apr_pool_t *p)
{
    chat_json_t *extra, *google;

    if (!signature)
        return NULL;
    extra = chat_json_object(p);
    google = chat_json_object(p);
    chat_json_add(google, "thought_signature", signature);
    chat_json_add(extra, "google", google);
    chat_json_add_string(extra, "provider", "gemini");
    return chat_json_text(extra, NULL, p);
}

/* A call comes whole, mostly without an id. */
static void take_call(chat_parse_t *parse, const chat_json_t *call,
                      chat_json_t *signature, apr_pool_t *p)
{
    const char *id = chat_json_string(chat_json_get(call, "id"));
    const char *name = chat_json_string(chat_json_get(call, "name"));
    const char *args =
        chat_provider_parse_object(chat_json_get(call, "args"), p);

    if (!name || !*name)
        return;
    if (!args || !*args)
        args = "{}";
    if (!chat_provider_parse_repeats(parse, id, args))
        chat_provider_parse_rest(
            parse,
            chat_provider_parse_call(parse, parse->ncalls, id, name,
                                     make_extra(signature, p)),
            args);
}

static void take_part(chat_parse_t *parse, const chat_json_t *part,
                      apr_pool_t *p)
{
    const chat_json_t *call = chat_json_get(part, "functionCall");
    const chat_json_t *text = chat_json_get(part, "text");
    chat_json_t *signature = find_signature(part);
    int thought = chat_json_boolean(chat_json_get(part, "thought")) == 1;

    if (chat_json_kind(call) == CHAT_JSON_OBJECT) {
        take_call(parse, call, signature, p);
        return;
    }
    chat_provider_parse_string(
        parse, thought ? CHAT_DELTA_REASONING : CHAT_DELTA_TEXT, text);
    if (!signature)
        return;
    chat_provider_detail_open(parse, "gemini", "reasoning.encrypted",
                              "google-gemini-v1", NULL);
    chat_provider_detail_add(parse, "data", signature);
    chat_provider_detail_close(parse);
}

/* What is asked for is one candidate; a second one is none of ours. */
static void take_candidate(chat_parse_t *parse, const chat_json_t *candidate,
                           apr_pool_t *p)
{
    const chat_json_t *parts =
        chat_json_path(candidate, "content", "parts", NULL);
    int i;

    for (i = 0; i < chat_json_length(parts); i++)
        take_part(parse, chat_json_at(parts, i), p);
    chat_provider_reason_take(
        parse, chat_provider_reason_read(
                   reasons, chat_json_get(candidate, "finishReason")));
}

static void take_chunk(chat_parse_t *parse, chat_watch_t *w,
                       const chat_json_t *root)
{
    if (is_blocked(root))
        parse->finish = CHAT_FINISH_FILTER;
    if (!chat_provider_watch_is_error(root))
        take_candidate(parse,
                       chat_json_at(chat_json_get(root, "candidates"), 0),
                       chat_provider_watch_pool(w));
    if (!parse->seen.failed)
        observe_json(w, root);
}

/* What is no JSON object, such as the "[DONE]" of gateways, says nothing. */
static void take(chat_parse_t *parse, chat_watch_t *w)
{
    const chat_json_t *root = chat_provider_watch_json(w);
    int i;

    if (!root && w->event->data_len && *w->event->data == '{')
        chat_provider_parse_fail(parse, "event_unreadable");
    else if (chat_json_kind(root) == CHAT_JSON_OBJECT)
        take_chunk(parse, w, root);
    for (i = 0; i < chat_json_length(root); i++)
        take_chunk(parse, w, chat_json_at(root, i));
}

/* 1: this was all. */
static int take_plain(chat_parse_t *parse, const chat_sse_event_t *event)
{
    chunk_t chunk;

    if (!scan_event(&chunk, event) || chunk.contents > 1 ||
        chunk.part_lists > 1 || chunk.parts > 1 || chunk.others)
        return 0;
    chat_provider_parse_text(
        parse, chunk.thought ? CHAT_DELTA_REASONING : CHAT_DELTA_TEXT,
        chunk.text.text, chunk.text.len);
    chat_provider_reason_take(parse, chunk.reason);
    observe_plain(&parse->seen, &chunk);
    return 1;
}

void chat_provider_gemini_parse_event(chat_parse_t *parse,
                                      const chat_sse_event_t *event,
                                      const chat_upstream_t *up, apr_pool_t *p)
{
    chat_watch_t w = {
        .seen = &parse->seen,
        .event = event,
        .up = up,
        .parent = p,
    };

    if (!chat_provider_parse_over(parse, event) && !take_plain(parse, event))
        take(parse, &w);
    chat_provider_parse_close(parse);
    chat_provider_watch_done(&w);
}
