/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Responses stream: each event says by its type what it is. Its items
 * (thoughts, text, calls of tools) come in any number and order, and the end is
 * exactly one of four events. Runs on the stream's driver. Pure.
 */
#include "chat_provider_openai_int.h"
#include "chat_provider_scan.h"

#include <string.h>

enum {
    TEXT,
    SUMMARY,
    THOUGHT,
    REFUSAL,
    TEXT_DONE,
    SUMMARY_DONE,
    THOUGHT_DONE,
    REFUSAL_DONE,
    ITEM,
    ITEM_DONE,
    ARGUMENTS,
    ARGUMENTS_DONE,
    COMPLETED,
    INCOMPLETE,
    FAILED,
    ERROR
};

/* Why a response is incomplete. */
static const chat_reason_t reasons[] = {
    {"max_output_tokens", CHAT_FINISH_LENGTH},
    {"max_tokens", CHAT_FINISH_LENGTH},
    {"length", CHAT_FINISH_LENGTH},
    {"content_filter", CHAT_FINISH_FILTER},
    {NULL, 0},
};

/* The status of a response: one that is still at work has not said all. */
static const chat_reason_t statuses[] = {
    {"completed", CHAT_FINISH_STOP},
    {"incomplete", CHAT_FINISH_OTHER},
    {"failed", CHAT_REASON_FAILURE},
    {"cancelled", CHAT_REASON_FAILURE},
    {NULL, 0},
};

/* Those that end the stream come last, so that they are a table, too. */
static const char *const kinds[] = {
    [TEXT] = "response.output_text.delta",
    [SUMMARY] = "response.reasoning_summary_text.delta",
    [THOUGHT] = "response.reasoning_text.delta",
    [REFUSAL] = "response.refusal.delta",
    [TEXT_DONE] = "response.output_text.done",
    [SUMMARY_DONE] = "response.reasoning_summary_text.done",
    [THOUGHT_DONE] = "response.reasoning_text.done",
    [REFUSAL_DONE] = "response.refusal.done",
    [ITEM] = "response.output_item.added",
    [ITEM_DONE] = "response.output_item.done",
    [ARGUMENTS] = "response.function_call_arguments.delta",
    [ARGUMENTS_DONE] = "response.function_call_arguments.done",
    [COMPLETED] = "response.completed",
    [INCOMPLETE] = "response.incomplete",
    [FAILED] = "response.failed",
    [ERROR] = "error",
    NULL,
};

/* ---- observed ---- */

enum { INPUT, OUTPUT, CACHED, REASONING, PROMPT, COMPLETION };

static const chat_usage_field_t fields[] = {
    [INPUT] = {NULL, "input_tokens"},
    [OUTPUT] = {NULL, "output_tokens"},
    [CACHED] = {"input_tokens_details", "cached_tokens"},
    [REASONING] = {"output_tokens_details", "reasoning_tokens"},
    /* of gateways to models that speak Chat Completions */
    [PROMPT] = {NULL, "prompt_tokens"},
    [COMPLETION] = {NULL, "completion_tokens"},
    {NULL, NULL},
};

static void count(chat_seen_t *seen, chat_usage_counts_t *usage)
{
    chat_usage_t *n = &seen->usage;

    chat_provider_usage_merge(usage, seen);
    chat_provider_usage_take(&n->input, usage, PROMPT);
    chat_provider_usage_take(&n->output, usage, COMPLETION);
    chat_provider_usage_take(&n->input, usage, INPUT);
    chat_provider_usage_take(&n->output, usage, OUTPUT);
    chat_provider_usage_take(&n->cached, usage, CACHED);
    chat_provider_usage_take(&n->reasoning, usage, REASONING);
}

static void count_json(chat_seen_t *seen, const chat_json_t *usage)
{
    static const char *const here[] = {NULL};
    chat_usage_counts_t counts = {.fields = fields};

    chat_provider_usage_read(&counts, here, usage);
    count(seen, &counts);
}

/* How a response ended, by its own account; incomplete: by its event's. */
static int find_reason(const chat_json_t *response, int incomplete)
{
    int reason =
        chat_provider_reason_read(statuses, chat_json_get(response, "status"));
    const chat_json_t *why =
        chat_json_path(response, "incomplete_details", "reason", NULL);

    if (reason == CHAT_REASON_FAILURE)
        return reason;
    if (incomplete || chat_json_string(why)) {
        reason = chat_provider_reason_read(reasons, why);
        return reason == CHAT_REASON_NONE ? CHAT_FINISH_LENGTH : reason;
    }
    return reason == CHAT_REASON_NONE ? CHAT_FINISH_STOP : reason;
}

/* A terminal event whose JSON we refuse (too large) still is the end; only its
 * usage stays unknown. */
static void observe_end(chat_watch_t *w, const chat_json_t *root, int failed)
{
    const chat_json_t *usage;

    w->seen->ended = 1;
    if (failed) {
        const chat_json_t *codes[] = {
            chat_json_path(root, "response", "error", "code", NULL),
            chat_json_path(root, "error", "code", NULL),
            chat_json_get(root, "code"),
            chat_json_path(root, "error", "type", NULL),
            chat_json_path(root, "response", "incomplete_details", "reason",
                           NULL),
        };

        chat_provider_watch_fail(w, codes, 5);
    }
    usage = chat_json_path(root, "response", "usage", NULL);
    count_json(w->seen, chat_json_kind(usage) == CHAT_JSON_OBJECT
                            ? usage
                            : chat_json_get(root, "usage"));
}

static void observe_plain_end(chat_watch_t *w)
{
    static const char *const path[] = {"response", "usage", NULL};
    chat_usage_counts_t usage = {.fields = fields};

    w->seen->ended = 1;
    chat_provider_usage_watch(&usage, path, w);
    if (!chat_provider_usage_is_any(&usage))
        chat_provider_usage_watch(&usage, path + 1, w);
    count(w->seen, &usage);
}

/* The response's status, of which the event says another thing. */
static int may_have_failed(const chat_watch_t *w)
{
    return chat_provider_watch_mentions(w, "failed") ||
           chat_provider_watch_mentions(w, "cancelled");
}

static int may_be_incomplete(const chat_watch_t *w)
{
    return chat_provider_watch_mentions(w, "incomplete") ||
           chat_provider_watch_value(w, "incomplete_details", '{');
}

static void observe(chat_watch_t *w)
{
    int terminal = chat_provider_watch_kind(w, kinds + COMPLETED);
    int kind = COMPLETED + terminal;
    const chat_json_t *root;

    if (terminal < 0)
        return;
    if (kind != FAILED && kind != ERROR && !may_have_failed(w)) {
        observe_plain_end(w);
        return;
    }
    root = chat_provider_watch_json(w);
    observe_end(w, root,
                kind == FAILED || kind == ERROR ||
                    find_reason(chat_json_get(root, "response"),
                                kind == INCOMPLETE) == CHAT_REASON_FAILURE);
}

void chat_provider_openai_observe_event(chat_seen_t *seen,
                                        const chat_sse_event_t *event,
                                        const chat_upstream_t *up,
                                        apr_pool_t *p)
{
    static const char *const texts[] = {"delta", NULL};
    chat_watch_t w = {.seen = seen, .event = event, .up = up, .parent = p};

    if (up->completions) {
        chat_provider_completions_observe_event(seen, event, up, p);
        return;
    }
    chat_provider_watch_measure(&w, texts);
    observe(&w);
    chat_provider_watch_done(&w);
}

/* One that only waits, "background", is whole as well: it is all there is. */
void chat_provider_openai_observe_body(chat_seen_t *seen, const char *body,
                                       apr_size_t len,
                                       const chat_upstream_t *up, apr_pool_t *p)
{
    static const char *const texts[] = {"text", NULL};
    const chat_json_t *root, *usage;
    int status;
    const chat_sse_event_t event = {.type = "", .data = body, .data_len = len};
    chat_watch_t w = {.seen = seen, .event = &event, .up = up, .parent = p};

    if (up->completions) {
        chat_provider_completions_observe_body(seen, body, len, up, p);
        return;
    }
    root = chat_provider_content_body(&w);
    status = chat_provider_reason_read(statuses, chat_json_get(root, "status"));
    usage = chat_json_get(root, "usage");
    chat_provider_watch_measure(&w, texts);
    seen->ended = status != CHAT_REASON_NONE;
    if (chat_provider_watch_is_error(root) ||
        (seen->ended && find_reason(root, 0) == CHAT_REASON_FAILURE)) {
        const chat_json_t *codes[] = {
            chat_json_path(root, "error", "code", NULL),
            chat_json_path(root, "error", "type", NULL),
        };

        chat_provider_watch_fail(&w, codes, 2);
    }
    count_json(seen, usage);
    chat_provider_watch_done(&w);
}

/* ---- a piece of text ---- */

static const chat_delta_e pieces[] = {
    [TEXT] = CHAT_DELTA_TEXT,
    [SUMMARY] = CHAT_DELTA_REASONING,
    [THOUGHT] = CHAT_DELTA_REASONING,
    [REFUSAL] = CHAT_DELTA_REFUSAL,
    [TEXT_DONE] = CHAT_DELTA_TEXT,
    [SUMMARY_DONE] = CHAT_DELTA_REASONING,
    [THOUGHT_DONE] = CHAT_DELTA_REASONING,
    [REFUSAL_DONE] = CHAT_DELTA_REFUSAL,
};

/* In passing: the members are few and flat. */
static int scan_piece(chat_scan_t *s, const char **ptext, apr_size_t *plen)
{
    const char *name;
    apr_size_t len;

    *ptext = NULL;
    *plen = 0;
    chat_provider_scan_open(s, '{');
    while (chat_provider_scan_member(s, &name, &len)) {
        if (chat_provider_scan_is(name, len, "delta"))
            chat_provider_scan_text(s, ptext, plen);
        else
            chat_provider_scan_skip(s);
    }
    return chat_provider_scan_done(s);
}

static void take_piece(chat_parse_t *parse, chat_watch_t *w, chat_delta_e kind)
{
    const chat_json_t *root;
    const char *text;
    apr_size_t len;
    chat_scan_t s;

    chat_provider_scan_init(&s, w->event->data, w->event->data_len);
    if (scan_piece(&s, &text, &len)) {
        chat_provider_parse_text(parse, kind, text, len);
        return;
    }
    root = chat_provider_watch_json(w);
    if (!root)
        chat_provider_parse_fail(parse, "event_unreadable");
    chat_provider_parse_string(parse, kind, chat_json_get(root, "delta"));
}

/* All of a text at its end, where no piece of it was told. */
static void take_whole(chat_parse_t *parse, chat_watch_t *w, int kind)
{
    if (!(parse->said_item & 1 << pieces[kind]))
        chat_provider_parse_string(
            parse, pieces[kind],
            chat_json_get(chat_provider_watch_json(w),
                          kind == REFUSAL_DONE ? "refusal" : "text"));
}

/* ---- calls ---- */

static int mentions_call(const chat_watch_t *w)
{
    return chat_provider_watch_mentions(w, "function_call");
}

/* Thoughts that are encrypted, which only that API can read. */
static int mentions_secret(const chat_watch_t *w)
{
    return chat_provider_watch_value(w, "encrypted_content", '"');
}

/* 1: an item of text or thought, which has been told of piece by piece, or is
 * being told. */
static int pass_item(const chat_parse_t *parse, const chat_watch_t *w, int kind)
{
    chat_scan_t s;

    if (mentions_call(w) || mentions_secret(w) ||
        (kind == ITEM_DONE && !parse->said_item))
        return 0;
    chat_provider_scan_init(&s, w->event->data, w->event->data_len);
    chat_provider_scan_skip(&s);
    return chat_provider_scan_done(&s);
}

/* The texts of an item of which no piece was told. */
static void take_texts(chat_parse_t *parse, const chat_json_t *item)
{
    static const struct {
        const char *list, *type, *text;
        chat_delta_e kind;
    } texts[] = {
        {"summary", "summary_text", "text", CHAT_DELTA_REASONING},
        {"content", "reasoning_text", "text", CHAT_DELTA_REASONING},
        {"content", "output_text", "text", CHAT_DELTA_TEXT},
        {"content", "refusal", "refusal", CHAT_DELTA_REFUSAL},
    };
    apr_size_t k;
    int i;

    for (k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
        const chat_json_t *list = chat_json_get(item, texts[k].list);

        for (i = 0; i < chat_json_length(list); i++) {
            const chat_json_t *part = chat_json_at(list, i);
            const char *type = chat_json_string(chat_json_get(part, "type"));

            if (type && strcmp(type, texts[k].type) == 0)
                chat_provider_parse_string(parse, texts[k].kind,
                                           chat_json_get(part, texts[k].text));
        }
    }
}

/* An item of thoughts that can be given back without being kept there. */
static void take_secret(chat_parse_t *parse, const chat_json_t *item)
{
    const char *type = chat_json_string(chat_json_get(item, "type"));
    chat_json_t *data = chat_json_get(item, "encrypted_content");
    const char *secret = chat_json_string(data);

    if (!type || strcmp(type, "reasoning") != 0 || !secret || !*secret)
        return;
    chat_provider_detail_open(parse, "openai", "reasoning.encrypted",
                              "openai-responses-v1",
                              chat_json_string(chat_json_get(item, "id")));
    chat_provider_detail_add(parse, "data", data);
    chat_provider_detail_add(parse, "summary", chat_json_get(item, "summary"));
    chat_provider_detail_close(parse);
}

static int place_of(const chat_json_t *root)
{
    apr_int64_t n = chat_json_integer(chat_json_get(root, "output_index"), -1);

    return n <= APR_INT32_MAX ? (int)n : -1;
}

/* An item is told of when it begins and when it is over; a call that nobody
 * told of before begins when it is over. */
static void take_item(chat_parse_t *parse, const chat_json_t *item, int at,
                      apr_pool_t *p)
{
    const char *type = chat_json_string(chat_json_get(item, "type"));
    const char *call_id = chat_json_string(chat_json_get(item, "call_id"));
    const char *id =
        call_id ? call_id : chat_json_string(chat_json_get(item, "id"));
    int index = chat_provider_parse_find(parse, at);

    if (!type || strcmp(type, "function_call") != 0)
        return;
    if (index < 0 || !chat_provider_parse_is_call(parse, index, id))
        index = chat_provider_parse_call(
            parse, at, id, chat_json_string(chat_json_get(item, "name")), NULL);
    chat_provider_parse_rest(
        parse, index,
        chat_provider_parse_object(chat_json_get(item, "arguments"), p));
}

static void take_arguments(chat_parse_t *parse, const chat_json_t *root,
                           int kind)
{
    int index = chat_provider_parse_find(parse, place_of(root));
    const char *piece = chat_json_string(chat_json_get(root, "delta"));

    if (kind == ARGUMENTS_DONE)
        chat_provider_parse_rest(
            parse, index, chat_json_string(chat_json_get(root, "arguments")));
    else if (piece)
        chat_provider_parse_arguments(parse, index, piece, strlen(piece));
}

/* ---- the end ---- */

/* What is no answer yet. */
static const int aside = 1 << CHAT_DELTA_REASONING | 1 << CHAT_DELTA_DETAIL;

/* 1: the end of an answer in which no call is left to be found. */
static int pass_end(chat_parse_t *parse, chat_watch_t *w, int kind)
{
    if (kind != COMPLETED || may_have_failed(w) || may_be_incomplete(w) ||
        (!parse->ncalls && mentions_call(w)) || !(parse->said & ~aside) ||
        (!(parse->said & 1 << CHAT_DELTA_DETAIL) && mentions_secret(w)))
        return 0;
    observe_plain_end(w);
    chat_provider_reason_take(parse, CHAT_FINISH_STOP);
    return 1;
}

static void take_end(chat_parse_t *parse, chat_watch_t *w, int kind)
{
    const chat_json_t *root = chat_provider_watch_json(w);
    const chat_json_t *output =
        chat_json_path(root, "response", "output", NULL);
    int said, i,
        reason =
            find_reason(chat_json_get(root, "response"), kind == INCOMPLETE);

    said = parse->said;
    if (kind == FAILED || kind == ERROR)
        reason = CHAT_REASON_FAILURE;
    for (i = 0; kind <= INCOMPLETE && i < chat_json_length(output); i++) {
        if (!(said & 1 << CHAT_DELTA_DETAIL))
            take_secret(parse, chat_json_at(output, i));
        if (!(said & ~aside))
            take_texts(parse, chat_json_at(output, i));
        if (!(said & 1 << CHAT_DELTA_TOOL))
            take_item(parse, chat_json_at(output, i), i,
                      chat_provider_watch_pool(w));
    }
    if (parse->seen.failed)
        return;
    observe_end(w, root, reason == CHAT_REASON_FAILURE);
    chat_provider_reason_take(parse, reason);
}

static void take(chat_parse_t *parse, chat_watch_t *w)
{
    int kind = chat_provider_watch_kind(w, kinds);
    const chat_json_t *root;

    if (kind < 0)
        return;
    if (kind <= REFUSAL) {
        take_piece(parse, w, pieces[kind]);
        return;
    }
    if (kind <= REFUSAL_DONE) {
        take_whole(parse, w, kind);
        return;
    }
    if (kind >= COMPLETED) {
        if (!pass_end(parse, w, kind))
            take_end(parse, w, kind);
        return;
    }
    if ((kind == ITEM || kind == ITEM_DONE) && pass_item(parse, w, kind)) {
        parse->said_item = 0;
        return;
    }
    root = chat_provider_watch_json(w);
    if (!root)
        chat_provider_parse_fail(parse, "event_unreadable");
    else if (kind == ITEM || kind == ITEM_DONE) {
        if (kind == ITEM_DONE && !parse->said_item)
            take_texts(parse, chat_json_get(root, "item"));
        if (kind == ITEM_DONE)
            take_secret(parse, chat_json_get(root, "item"));
        take_item(parse, chat_json_get(root, "item"), place_of(root),
                  chat_provider_watch_pool(w));
        parse->said_item = 0;
    }
    else
        take_arguments(parse, root, kind);
}

void chat_provider_openai_parse_event(chat_parse_t *parse,
                                      const chat_sse_event_t *event,
                                      const chat_upstream_t *up, apr_pool_t *p)
{
    chat_watch_t w = {
        .seen = &parse->seen, .event = event, .up = up, .parent = p};

    if (up->completions) {
        chat_provider_completions_parse_event(parse, event, up, p);
        return;
    }
    if (chat_provider_parse_over(parse, event))
        return;
    take(parse, &w);
    chat_provider_parse_close(parse);
    chat_provider_watch_done(&w);
}
