/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Chat Completions stream, taken apart. A chunk that holds no more than a
 * piece of text, as nearly all do, is read in passing; every other is parsed.
 * Errors and token counts are found by _completions_observe.c. Runs on
 * the stream's driver. Pure.
 */
#include "chat_provider_int.h"

#include <string.h>

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
static void take_finish(chat_parse_t *parse, const char *reason, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (chat_provider_scan_is(reason, len, reasons[i].reason))
            parse->finish = reasons[i].finish;
    }
}

/* 1: this was all. Thoughts come first: they were there first. */
static int take_plain(chat_parse_t *parse, const chat_sse_event_t *event)
{
    chat_chunk_t chunk;
    const chat_piece_t *thought = &chunk.thought;

    if (!chat_provider_completions_scan(&chunk, event))
        return 0;
    if (!thought->len)
        thought = &chunk.other_thought;
    chat_provider_parse_text(parse, CHAT_DELTA_REASONING, thought->text,
                             thought->len);
    chat_provider_parse_text(parse, CHAT_DELTA_TEXT, chunk.content.text,
                             chunk.content.len);
    take_finish(parse, chunk.reason.text, chunk.reason.len);
    chat_provider_completions_count(&parse->seen, &chunk.bill);
    return 1;
}

/* A server that cannot stream sends what it has as a "message". */
static void take_choice(chat_parse_t *parse, chat_watch_t *w,
                        const chat_json_t *choice)
{
    const chat_json_t *delta = chat_json_get(choice, "delta");
    const char *reason =
        chat_json_string(chat_json_get(choice, "finish_reason"));

    take_delta(parse, w, delta ? delta : chat_json_get(choice, "message"));
    if (reason)
        take_finish(parse, reason, strlen(reason));
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
