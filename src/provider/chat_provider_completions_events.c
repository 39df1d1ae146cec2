/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream of Chat Completions: unnamed chunks, one of them with the reason
 * to finish, then "[DONE]", which some servers leave out. The usage may come
 * behind either. A chunk that holds no more than a piece of text, the reason to
 * finish, the usage, or nothing, as nearly all do, is read in passing; every
 * other (a call of a tool, a failure, what has an odd type) is parsed. Runs on
 * the stream's driver. Pure.
 */
#include "chat_provider_content.h"
#include "chat_provider_kit.h"
#include "chat_provider_scan.h"

#include <string.h>

static const char *const texts[] = {"content", "reasoning_content", "reasoning",
                                    "refusal", "arguments",         NULL};

/* OpenAI's words, and those that servers behind gateways leave theirs. */
static const chat_reason_t reasons[] = {
    {"stop", CHAT_FINISH_STOP},
    {"stop_sequence", CHAT_FINISH_STOP},
    {"end_turn", CHAT_FINISH_STOP},
    {"eos", CHAT_FINISH_STOP},
    {"eos_token", CHAT_FINISH_STOP},
    {"complete", CHAT_FINISH_STOP},
    {"length", CHAT_FINISH_LENGTH},
    {"max_tokens", CHAT_FINISH_LENGTH},
    {"max_output_tokens", CHAT_FINISH_LENGTH},
    {"model_length", CHAT_FINISH_LENGTH},
    {"model_context_window_exceeded", CHAT_FINISH_LENGTH},
    {"tool_calls", CHAT_FINISH_CALLS},
    {"tool_use", CHAT_FINISH_CALLS},
    {"function_call", CHAT_FINISH_CALLS},
    {"content_filter", CHAT_FINISH_FILTER},
    {"safety", CHAT_FINISH_FILTER},
    {"sensitive", CHAT_FINISH_FILTER},
    {"refusal", CHAT_FINISH_FILTER},
    {"error", CHAT_REASON_FAILURE},
    {"abort", CHAT_REASON_FAILURE},
    {"aborted", CHAT_REASON_FAILURE},
    {"cancelled", CHAT_REASON_FAILURE},
    {"canceled", CHAT_REASON_FAILURE},
    {"failed", CHAT_REASON_FAILURE},
    {"timeout", CHAT_REASON_FAILURE},
    {"network_error", CHAT_REASON_FAILURE},
    {"insufficient_system_resource", CHAT_REASON_FAILURE},
    {NULL, 0},
};

static int is_done(const chat_sse_event_t *event)
{
    static const char done[] = "[DONE]";

    return event->data_len >= sizeof(done) - 1 &&
           memcmp(event->data, done, sizeof(done) - 1) == 0;
}

static int is_named_error(const chat_sse_event_t *event)
{
    static const char name[] = "error";

    return event->type_len == sizeof(name) - 1 &&
           memcmp(event->type, name, sizeof(name) - 1) == 0;
}

enum {
    INPUT,
    OUTPUT,
    TOTAL,
    HIT,
    CACHED_HERE,
    CACHED,
    REASONING,
    OTHER_INPUT,
    OTHER_OUTPUT
};

static const chat_usage_field_t fields[] = {
    [INPUT] = {NULL, "prompt_tokens"},
    [OUTPUT] = {NULL, "completion_tokens"},
    [TOTAL] = {NULL, "total_tokens"},
    [HIT] = {NULL, "prompt_cache_hit_tokens"},
    [CACHED_HERE] = {NULL, "cached_tokens"},
    [CACHED] = {"prompt_tokens_details", "cached_tokens"},
    [REASONING] = {"completion_tokens_details", "reasoning_tokens"},
    [OTHER_INPUT] = {NULL, "input_tokens"},
    [OTHER_OUTPUT] = {NULL, "output_tokens"},
    {NULL, NULL},
};

/* Some leave thoughts out of the output, as Google's endpoint and xAI do, or
 * the output itself: then the total knows more. */
static void count(chat_seen_t *seen, chat_usage_counts_t *usage)
{
    chat_usage_t *n = &seen->usage;

    chat_provider_usage_merge(usage, seen);
    chat_provider_usage_take(&n->input, usage, OTHER_INPUT);
    chat_provider_usage_take(&n->output, usage, OTHER_OUTPUT);
    chat_provider_usage_take(&n->input, usage, INPUT);
    chat_provider_usage_take(&n->output, usage, OUTPUT);
    chat_provider_usage_take(&n->cached, usage, HIT);
    chat_provider_usage_take(&n->cached, usage, CACHED_HERE);
    chat_provider_usage_take(&n->cached, usage, CACHED);
    chat_provider_usage_take(&n->reasoning, usage, REASONING);
    if (n->input > 0 && usage->n[TOTAL] > n->input &&
        usage->n[TOTAL] - n->input > n->output)
        n->output = usage->n[TOTAL] - n->input;
}

/* ---- a chunk, read in passing ---- */

/* A chunk that is no failure. Not to be zeroed, as its scan. */
typedef struct chunk_t {
    chat_piece_t content, thought, other_thought;
    int reason; /* see chat_provider_reason_find() */
    chat_usage_counts_t usage;
    int lists, choices, deltas; /* how many were met */
    chat_scan_t scan;
} chunk_t;

/* A usage does not stand here, with most servers. */
static void scan_other(chat_scan_t *s, const char *name, apr_size_t len)
{
    if (chat_provider_scan_is(name, len, "usage"))
        chat_provider_scan_only(s, "null");
    else
        chat_provider_scan_skip(s);
}

static void scan_delta(chat_scan_t *s, chunk_t *chunk)
{
    const char *name;
    apr_size_t len;

    chunk->deltas++;
    chat_provider_scan_open(s, '{');
    while (chat_provider_scan_member(s, &name, &len)) {
        if (chat_provider_scan_is(name, len, "content"))
            chat_provider_scan_piece(s, &chunk->content);
        else if (chat_provider_scan_is(name, len, "reasoning_content"))
            chat_provider_scan_piece(s, &chunk->thought);
        else if (chat_provider_scan_is(name, len, "reasoning"))
            chat_provider_scan_piece(s, &chunk->other_thought);
        else if (chat_provider_scan_is(name, len, "refusal") ||
                 chat_provider_scan_is(name, len, "tool_calls") ||
                 chat_provider_scan_is(name, len, "function_call") ||
                 chat_provider_scan_is(name, len, "reasoning_details"))
            chat_provider_scan_only(s, "null");
        else
            scan_other(s, name, len);
    }
}

static void scan_choice(chat_scan_t *s, chunk_t *chunk)
{
    const char *name;
    apr_size_t len;

    chunk->choices++;
    chat_provider_scan_open(s, '{');
    while (chat_provider_scan_member(s, &name, &len)) {
        if (chat_provider_scan_is(name, len, "delta"))
            scan_delta(s, chunk);
        else if (chat_provider_scan_is(name, len, "finish_reason"))
            chunk->reason = chat_provider_reason_scan(reasons, s);
        else if (chat_provider_scan_is(name, len, "index"))
            chat_provider_scan_only(s, "0");
        else if (chat_provider_scan_is(name, len, "message") ||
                 chat_provider_scan_is(name, len, "text") ||
                 chat_provider_scan_is(name, len, "error"))
            chat_provider_scan_only(s, "null");
        else
            scan_other(s, name, len);
    }
}

static void scan_choices(chat_scan_t *s, chunk_t *chunk)
{
    chunk->lists++;
    chat_provider_scan_open(s, '[');
    while (chat_provider_scan_item(s))
        scan_choice(s, chunk);
}

/* "type" or "object", which may say that it is an error. */
static void scan_kind(chat_scan_t *s)
{
    chat_piece_t kind;

    chat_provider_scan_piece(s, &kind);
    if (chat_provider_scan_is(kind.text, kind.len, "error"))
        chat_provider_scan_put_off(s);
}

/* Members that say something else; the others are there for the curious. */
static int matters(const char *name, apr_size_t len)
{
    static const char *const names[] = {"error",     "x_groq",  "detail",
                                        "errors",    "message", "success",
                                        "base_resp", NULL};
    int i;

    for (i = 0; names[i] && !chat_provider_scan_is(name, len, names[i]);)
        i++;
    return names[i] != NULL;
}

static void scan_chunk(chat_scan_t *s, chunk_t *chunk)
{
    static const char *const here[] = {NULL};
    const char *name;
    apr_size_t len;

    chat_provider_scan_open(s, '{');
    while (chat_provider_scan_member(s, &name, &len)) {
        if (chat_provider_scan_is(name, len, "choices"))
            scan_choices(s, chunk);
        else if (chat_provider_scan_is(name, len, "usage"))
            chat_provider_usage_scan(&chunk->usage, here, s);
        else if (chat_provider_scan_is(name, len, "object") ||
                 chat_provider_scan_is(name, len, "type"))
            scan_kind(s);
        else if (matters(name, len))
            chat_provider_scan_only(s, "null");
        else
            chat_provider_scan_skip(s);
    }
}

/*
 * 1: chunk has all of the event. 0: it has to be parsed.
 * Of two equal names the last one holds, which for a text or a usage is so by
 * itself; who sends more than one of the others is to be parsed.
 */
static int scan_event(chunk_t *chunk, const chat_sse_event_t *event)
{
    static const chat_piece_t none = {NULL, 0};
    chat_scan_t *s = &chunk->scan;

    chunk->content = chunk->thought = chunk->other_thought = none;
    chunk->reason = CHAT_REASON_NONE;
    chunk->lists = chunk->choices = chunk->deltas = 0;
    chunk->usage.fields = fields;
    chat_provider_usage_clear(&chunk->usage);
    chat_provider_scan_init(s, event->data, event->data_len);
    scan_chunk(s, chunk);
    return chat_provider_scan_done(s) && chunk->lists <= 1 &&
           chunk->choices <= 1 && chunk->deltas <= 1;
}

/* ---- a stream, observed ---- */

/* The reasons to finish; what is returned is one that is a failure. */
static const chat_json_t *observe_reasons(chat_seen_t *seen,
                                          const chat_json_t *root)
{
    const chat_json_t *choices = chat_json_get(root, "choices");
    const chat_json_t *failure = NULL;
    int i;

    for (i = 0; i < chat_json_length(choices); i++) {
        const chat_json_t *v =
            chat_json_get(chat_json_at(choices, i), "finish_reason");
        int reason = chat_provider_reason_read(reasons, v);

        if (reason != CHAT_REASON_NONE)
            seen->reason = 1;
        if (reason == CHAT_REASON_FAILURE)
            failure = v;
    }
    return failure;
}

/* Where servers have the usage but in a chunk itself. */
static const chat_json_t *find_usage(const chat_json_t *root)
{
    const chat_json_t *choice = chat_json_at(chat_json_get(root, "choices"), 0);
    const chat_json_t *places[] = {
        chat_json_get(root, "usage"),
        chat_json_get(choice, "usage"),
        chat_json_path(choice, "delta", "usage", NULL),
        chat_json_path(choice, "message", "usage", NULL),
        chat_json_path(root, "x_groq", "usage", NULL),
    };
    apr_size_t i;

    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (chat_json_kind(places[i]) == CHAT_JSON_OBJECT)
            return places[i];
    }
    return NULL;
}

/* The error and the token counts of a chunk; root NULL: it is no JSON. 1: it
 * was an error. */
static int observe_json(chat_watch_t *w, const chat_json_t *root)
{
    static const char *const here[] = {NULL};
    chat_usage_counts_t usage = {.fields = fields};
    const chat_json_t *failure = observe_reasons(w->seen, root);
    int failed = failure || is_named_error(w->event) ||
                 chat_provider_watch_is_error(root);

    if (failed) {
        const chat_json_t *codes[] = {
            chat_json_path(root, "error", "code", NULL),
            chat_json_path(chat_json_at(chat_json_get(root, "choices"), 0),
                           "error", "code", NULL),
            chat_json_get(root, "code"),
            chat_json_path(root, "error", "type", NULL),
            failure,
        };

        chat_provider_watch_fail(w, codes, 5);
    }
    chat_provider_usage_read(&usage, here, find_usage(root));
    count(w->seen, &usage);
    return failed;
}

static int can_matter(const chat_watch_t *w)
{
    return is_named_error(w->event) ||
           chat_provider_watch_value(w, "usage", '{') ||
           chat_provider_watch_value(w, "finish_reason", '"') ||
           chat_provider_watch_mentions(w, "error") ||
           chat_provider_watch_mentions(w, "base_resp") ||
           !chat_provider_watch_mentions(w, "choices");
}

/* The same of one that was scanned. */
static void observe_plain(chat_seen_t *seen, chunk_t *chunk)
{
    if (chunk->reason != CHAT_REASON_NONE)
        seen->reason = 1;
    count(seen, &chunk->usage);
}

/* Google's compatible endpoint puts its refusals into lists. */
static const chat_json_t *root_of(chat_watch_t *w)
{
    const chat_json_t *root = chat_provider_watch_json(w);

    return chat_json_kind(root) == CHAT_JSON_ARRAY ? chat_json_at(root, 0)
                                                   : root;
}

static void observe_chunk(chat_watch_t *w)
{
    chunk_t chunk;

    if (!is_named_error(w->event) && scan_event(&chunk, w->event))
        observe_plain(w->seen, &chunk);
    else
        observe_json(w, root_of(w));
}

void chat_provider_completions_observe_event(chat_seen_t *seen,
                                             const chat_sse_event_t *event,
                                             const chat_upstream_t *up,
                                             apr_pool_t *p)
{
    chat_watch_t w = {.seen = seen, .event = event, .up = up, .parent = p};

    chat_provider_watch_measure(&w, texts);
    if (is_done(event))
        seen->ended = 1;
    else if (can_matter(&w))
        observe_chunk(&w);
    chat_provider_watch_done(&w);
}

void chat_provider_completions_observe_body(chat_seen_t *seen, const char *body,
                                            apr_size_t len,
                                            const chat_upstream_t *up,
                                            apr_pool_t *p)
{
    const chat_sse_event_t event = {.type = "", .data = body, .data_len = len};
    chat_watch_t w = {.seen = seen, .event = &event, .up = up, .parent = p};
    const chat_json_t *root;

    chat_provider_watch_measure(&w, texts);
    root = chat_provider_content_body(&w);
    observe_json(&w, root);
    if (chat_json_kind(chat_json_get(root, "choices")) == CHAT_JSON_ARRAY)
        seen->ended = 1;
    chat_provider_watch_done(&w);
}

/* Behind "[DONE]" nothing is said but, by a few, what the answer cost. */
static void observe_late(chat_watch_t *w)
{
    chat_seen_t *seen = w->seen, late = *seen;

    if (!chat_provider_watch_value(w, "usage", '{'))
        return;
    w->seen = &late;
    observe_chunk(w);
    w->seen = seen;
    seen->usage = late.usage;
    memcpy(seen->counts, late.counts, sizeof(seen->counts));
}

/* ---- a stream, taken apart ---- */

/* Mistral's, which come in pieces and are wanted back as they are. */
static void take_thinking(chat_parse_t *parse, const chat_json_t *part,
                          const chat_json_t *thought)
{
    chat_json_t *signature = chat_json_get(part, "signature");
    const chat_json_t *piece;
    int i;

    /* Behind a text it is another one. */
    if (!parse->detail ||
        chat_json_integer(chat_json_get(parse->detail, "after_text"), 0) !=
            parse->points)
        chat_provider_detail_open(parse, "mistral", "reasoning.text", "unknown",
                                  NULL);
    for (i = 0; (piece = chat_json_at(thought, i)); i++) {
        const char *text = chat_json_string(chat_json_get(piece, "text"));

        if (text)
            chat_provider_detail_text(parse, text, strlen(text));
    }
    if (chat_json_string(signature))
        chat_provider_detail_add(parse, "signature", signature);
}

/* A part without that member is text, but for a thought of Databricks'. */
static void take_text(chat_parse_t *parse, chat_delta_e kind,
                      const chat_json_t *part, int unwanted)
{
    const char *type = chat_json_string(chat_json_get(part, "type"));

    if (type && strcmp(type, "reasoning") == 0)
        kind = CHAT_DELTA_REASONING;
    if (kind == CHAT_DELTA_REASONING && unwanted & 1 << CHAT_DELTA_REASONING)
        return;
    chat_provider_parse_string(parse, kind, part);
    chat_provider_parse_string(parse, kind, chat_json_get(part, "text"));
}

/* Also [{"type":"thinking","thinking":[{"type":"text",...}]}, ...]. */
static void take_content(chat_parse_t *parse, chat_delta_e kind,
                         const chat_json_t *content, int unwanted)
{
    const chat_json_t *part;
    int i;

    if (chat_json_kind(content) != CHAT_JSON_ARRAY)
        take_text(parse, kind, content, unwanted);
    for (i = 0; (part = chat_json_at(content, i)); i++) {
        const chat_json_t *thought = chat_json_get(part, "thinking");

        if (!thought && chat_json_get(part, "summary"))
            take_content(parse, CHAT_DELTA_REASONING,
                         chat_json_get(part, "summary"), unwanted);
        else if (!thought)
            take_text(parse, kind, part, unwanted);
        else if (kind == CHAT_DELTA_TEXT &&
                 !(unwanted & 1 << CHAT_DELTA_REASONING)) {
            take_thinking(parse, part, thought);
            take_content(parse, CHAT_DELTA_REASONING, thought, unwanted);
        }
    }
}

static const chat_json_t *thought_of(const chat_json_t *delta)
{
    const chat_json_t *thought = chat_json_get(delta, "reasoning_content");
    const char *text = chat_json_string(thought);

    return text && *text ? thought : chat_json_get(delta, "reasoning");
}

/* Of a delta, or of a message: all but the kinds that are not wanted of it, as
 * bits of parse->said. */
static void take_delta(chat_parse_t *parse, chat_watch_t *w,
                       const chat_json_t *delta, int unwanted)
{
    const chat_json_t *details = chat_json_get(delta, "reasoning_details");
    int i;

    for (i = 0; i < chat_json_length(details); i++) {
        if (!(unwanted & 1 << CHAT_DELTA_DETAIL))
            chat_provider_detail_take(parse, chat_json_at(details, i));
    }
    if (!(unwanted & 1 << CHAT_DELTA_REASONING))
        chat_provider_parse_string(parse, CHAT_DELTA_REASONING,
                                   thought_of(delta));
    if (!(unwanted & 1 << CHAT_DELTA_TEXT))
        take_content(parse, CHAT_DELTA_TEXT, chat_json_get(delta, "content"),
                     unwanted);
    if (!(unwanted & 1 << CHAT_DELTA_REFUSAL))
        chat_provider_parse_string(parse, CHAT_DELTA_REFUSAL,
                                   chat_json_get(delta, "refusal"));
    if (!(unwanted & 1 << CHAT_DELTA_TOOL))
        chat_provider_completions_calls_take(parse, w, delta);
}

/* 1: all of the event is handed on. Thoughts come first: they were there first.
 */
static int take_plain(chat_parse_t *parse, const chat_sse_event_t *event)
{
    chunk_t chunk;
    const chat_piece_t *thought = &chunk.thought;

    if (!scan_event(&chunk, event))
        return 0;
    if (!thought->len)
        thought = &chunk.other_thought;
    chat_provider_parse_text(parse, CHAT_DELTA_REASONING, thought->text,
                             thought->len);
    chat_provider_parse_text(parse, CHAT_DELTA_TEXT, chunk.content.text,
                             chunk.content.len);
    chat_provider_reason_take(parse, chunk.reason);
    observe_plain(&parse->seen, &chunk);
    return 1;
}

/* A server that cannot stream sends what it has as a "message", and others say
 * in one once more what their deltas have said. */
static void take_choice(chat_parse_t *parse, chat_watch_t *w,
                        const chat_json_t *choice)
{
    take_delta(parse, w, chat_json_get(choice, "delta"), 0);
    take_delta(parse, w, chat_json_get(choice, "message"), parse->said);
    /* As the completions of old have it, and servers that know no others. */
    if (!chat_json_get(choice, "delta") && !chat_json_get(choice, "message"))
        chat_provider_parse_string(parse, CHAT_DELTA_TEXT,
                                   chat_json_get(choice, "text"));
    chat_provider_reason_take(
        parse, chat_provider_reason_read(
                   reasons, chat_json_get(choice, "finish_reason")));
}

static void take(chat_parse_t *parse, chat_watch_t *w)
{
    const chat_json_t *root = root_of(w), *choices;
    int i;

    if (observe_json(w, root))
        return;
    if (!root && w->event->data_len && *w->event->data == '{')
        chat_provider_parse_fail(parse, "event_unreadable");
    choices = chat_json_get(root, "choices");
    for (i = 0; i < chat_json_length(choices); i++) {
        const chat_json_t *choice = chat_json_at(choices, i);

        if (chat_json_integer(chat_json_get(choice, "index"), i) == 0)
            take_choice(parse, w, choice);
    }
}

void chat_provider_completions_parse_event(chat_parse_t *parse,
                                           const chat_sse_event_t *event,
                                           const chat_upstream_t *up,
                                           apr_pool_t *p)
{
    chat_watch_t w = {
        .seen = &parse->seen, .event = event, .up = up, .parent = p};

    if (parse->seen.ended && !parse->seen.failed)
        observe_late(&w);
    if (chat_provider_parse_over(parse, event))
        return;
    if (is_done(event))
        parse->seen.ended = 1;
    else if (event->type_len || !take_plain(parse, event))
        take(parse, &w);
    if (parse->seen.reason || parse->seen.ended)
        chat_provider_completions_calls_end(parse, NULL, NULL, NULL);
    chat_provider_reason_take(parse, CHAT_REASON_NONE);
    chat_provider_parse_close(parse);
    chat_provider_watch_done(&w);
}
