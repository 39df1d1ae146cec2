/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Chat Completions stream, taken apart. A chunk that holds a piece of text
 * and nothing more, as nearly all do, is read in passing; every other is
 * parsed. Errors and token counts are found by _completions_observe.c. Runs on
 * the stream's driver. Pure.
 */
#include "chat_provider_int.h"

#include <string.h>

/* ---- a piece of text, in passing ---- */

/* What was found. Of two equal names the last one holds, which for a text is
 * so by itself; who sends more than one of the others is to be parsed. */
typedef struct piece_t {
    const char *text;
    apr_size_t len;
} piece_t;

typedef struct plain_t {
    piece_t content, thought, other_thought;
    int lists, choices, deltas;
} plain_t;

static void scan_piece(chat_scan_t *s, piece_t *piece)
{
    chat_provider_scan_text(s, &piece->text, &piece->len);
}

static void scan_delta(chat_scan_t *s, plain_t *plain)
{
    const char *name;
    apr_size_t len;

    plain->deltas++;
    chat_provider_scan_open(s, '{');
    while (chat_provider_scan_member(s, &name, &len)) {
        if (chat_provider_scan_is(name, len, "content"))
            scan_piece(s, &plain->content);
        else if (chat_provider_scan_is(name, len, "reasoning_content"))
            scan_piece(s, &plain->thought);
        else if (chat_provider_scan_is(name, len, "reasoning"))
            scan_piece(s, &plain->other_thought);
        else if (chat_provider_scan_is(name, len, "role") ||
                 chat_provider_scan_is(name, len, "reasoning_details"))
            chat_provider_scan_skip(s);
        else
            chat_provider_scan_only(s, "null");
    }
}

static void scan_choice(chat_scan_t *s, plain_t *plain)
{
    const char *name;
    apr_size_t len;

    plain->choices++;
    chat_provider_scan_open(s, '{');
    while (chat_provider_scan_member(s, &name, &len)) {
        if (chat_provider_scan_is(name, len, "delta"))
            scan_delta(s, plain);
        else if (chat_provider_scan_is(name, len, "index"))
            chat_provider_scan_only(s, "0");
        else if (chat_provider_scan_is(name, len, "logprobs"))
            chat_provider_scan_skip(s);
        else
            chat_provider_scan_only(s, "null");
    }
}

static void scan_choices(chat_scan_t *s, plain_t *plain)
{
    plain->lists++;
    chat_provider_scan_open(s, '[');
    while (chat_provider_scan_item(s))
        scan_choice(s, plain);
}

/* Members that say something; the others are there for the curious. */
static int matters(const char *name, apr_size_t len)
{
    return chat_provider_scan_is(name, len, "usage") ||
           chat_provider_scan_is(name, len, "error") ||
           chat_provider_scan_is(name, len, "type");
}

static void scan_chunk(chat_scan_t *s, plain_t *plain)
{
    const char *name;
    apr_size_t len;

    chat_provider_scan_open(s, '{');
    while (chat_provider_scan_member(s, &name, &len)) {
        if (chat_provider_scan_is(name, len, "choices"))
            scan_choices(s, plain);
        else if (chat_provider_scan_is(name, len, "object"))
            chat_provider_scan_only(s, "\"chat.completion.chunk\"");
        else if (matters(name, len))
            chat_provider_scan_only(s, "null");
        else
            chat_provider_scan_skip(s);
    }
}

static int is_plain(chat_scan_t *s, const plain_t *plain)
{
    return chat_provider_scan_done(s) && plain->lists <= 1 &&
           plain->choices <= 1 && plain->deltas <= 1;
}

/* 1: this was all. Thoughts come first: they were there first. */
static int take_plain(chat_parse_t *parse, const chat_sse_event_t *event)
{
    plain_t plain = {.lists = 0};
    const piece_t *thought = &plain.thought;
    chat_scan_t s;

    chat_provider_scan_init(&s, event->data, event->data_len);
    scan_chunk(&s, &plain);
    if (!is_plain(&s, &plain))
        return 0;
    if (!thought->len)
        thought = &plain.other_thought;
    chat_provider_parse_text(parse, CHAT_DELTA_REASONING, thought->text,
                             thought->len);
    chat_provider_parse_text(parse, CHAT_DELTA_TEXT, plain.content.text,
                             plain.content.len);
    return 1;
}

/* ---- everything else ---- */

/* Where it says so itself; servers that make one whole call a chunk may
 * leave it out, or say 0 of each: these differ by their ids. */
static int place_of(const chat_json_t *call, int position)
{
    apr_int64_t index = chat_json_integer(chat_json_get(call, "index"), -1);

    return index >= 0 && index <= APR_INT32_MAX ? (int)index : position;
}

/* Some repeat id and name in every piece, others make up an id for each: only
 * both together, or a place that is new, are another call. */
static int begins_call(const chat_parse_t *parse, int index, const char *id,
                       const char *name)
{
    return index < 0 ||
           (name && *name && !chat_provider_parse_is_call(parse, index, id));
}

static void take_call(chat_parse_t *parse, chat_watch_t *w,
                      const chat_json_t *call, int position)
{
    int at = place_of(call, position);
    int index = chat_provider_parse_find(parse, at);
    const chat_json_t *function = chat_json_get(call, "function");
    const chat_json_t *v = chat_json_get(function, "arguments");
    const char *id = chat_json_string(chat_json_get(call, "id"));
    const char *name = chat_json_string(chat_json_get(function, "name"));
    const char *arguments = chat_json_string(v);

    if (begins_call(parse, index, id, name))
        index = chat_provider_parse_call(parse, at, id, name);
    /* Not everybody makes a text of them. */
    if (chat_json_kind(v) == CHAT_JSON_OBJECT)
        arguments = chat_json_text(v, NULL, chat_provider_watch_pool(w));
    if (arguments)
        chat_provider_parse_arguments(parse, index, arguments,
                                      strlen(arguments));
}

/* Also [{"type":"thinking","thinking":[{"type":"text",...}]}, ...]. */
static void take_content(chat_parse_t *parse, chat_delta_e kind,
                         const chat_json_t *content)
{
    const chat_json_t *part;
    int i;

    chat_provider_parse_string(parse, kind, content);
    for (i = 0; (part = chat_json_at(content, i)); i++) {
        const chat_json_t *thought = chat_json_get(part, "thinking");

        if (!thought)
            chat_provider_parse_string(parse, kind,
                                       chat_json_get(part, "text"));
        else if (kind == CHAT_DELTA_TEXT)
            take_content(parse, CHAT_DELTA_REASONING, thought);
    }
}

static const chat_json_t *thought_of(const chat_json_t *delta)
{
    const chat_json_t *thought = chat_json_get(delta, "reasoning_content");
    const char *text = chat_json_string(thought);

    return text && *text ? thought : chat_json_get(delta, "reasoning");
}

static void take_delta(chat_parse_t *parse, chat_watch_t *w,
                       const chat_json_t *delta)
{
    const chat_json_t *calls = chat_json_get(delta, "tool_calls");
    int i;

    chat_provider_parse_string(parse, CHAT_DELTA_REASONING, thought_of(delta));
    take_content(parse, CHAT_DELTA_TEXT, chat_json_get(delta, "content"));
    chat_provider_parse_string(parse, CHAT_DELTA_REFUSAL,
                               chat_json_get(delta, "refusal"));
    for (i = 0; i < chat_json_length(calls); i++)
        take_call(parse, w, chat_json_at(calls, i), i);
}

static const struct {
    const char *reason;
    chat_finish_e finish;
} reasons[] = {
    {"stop", CHAT_FINISH_STOP},
    {"length", CHAT_FINISH_LENGTH},
    {"model_length", CHAT_FINISH_LENGTH},
    {"tool_calls", CHAT_FINISH_CALLS},
    {"function_call", CHAT_FINISH_CALLS},
    {"content_filter", CHAT_FINISH_FILTER},
};

/* One that is new to us is taken for the model's own end. */
static void take_finish(chat_parse_t *parse, const char *reason)
{
    apr_size_t i;

    for (i = 0; reason && i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (strcmp(reason, reasons[i].reason) == 0)
            parse->finish = reasons[i].finish;
    }
}

/* A server that cannot stream sends what it has as a "message". */
static void take_choice(chat_parse_t *parse, chat_watch_t *w,
                        const chat_json_t *choice)
{
    const chat_json_t *delta = chat_json_get(choice, "delta");

    take_delta(parse, w, delta ? delta : chat_json_get(choice, "message"));
    take_finish(parse,
                chat_json_string(chat_json_get(choice, "finish_reason")));
}

static void take(chat_parse_t *parse, chat_watch_t *w)
{
    const chat_json_t *root = chat_provider_watch_json(w), *choices;
    int i;

    if (chat_provider_completions_look(w, root))
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

void chat_provider_completions_parse(chat_parse_t *parse,
                                     const chat_sse_event_t *event,
                                     const chat_upstream_t *up, apr_pool_t *p)
{
    chat_watch_t w = {
        .seen = &parse->seen, .event = event, .up = up, .parent = p};

    if (chat_provider_parse_over(parse, event))
        return;
    if (chat_provider_completions_is_done(event))
        parse->seen.ended = 1;
    else if (event->type_len || !take_plain(parse, event))
        take(parse, &w);
    /* Also where the choice was forced, for which OpenAI says "stop". */
    if (parse->ncalls && parse->finish == CHAT_FINISH_STOP)
        parse->finish = CHAT_FINISH_CALLS;
    chat_provider_watch_done(&w);
}
