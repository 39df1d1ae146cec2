/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Messages stream, taken apart: the blocks of the answer become deltas. A
 * piece of text or thought is read in passing, the rest is parsed. What is
 * neither text nor thought nor a call of the client's tools (signatures,
 * citations, tools of the server's) is passed over; ends, errors and counts
 * are seen as in _anthropic_observe.c. Runs on the stream's driver. Pure.
 */
#include "chat_provider_int.h"

#include <string.h>

/* What has no number, or one beyond this, is all the same block. */
#define MOST_BLOCKS (1 << 20)

enum { BLOCK_START, BLOCK_DELTA, BLOCK_STOP, MESSAGE_DELTA };

static const char *const kinds[] = {
    [BLOCK_START] = "content_block_start",
    [BLOCK_DELTA] = "content_block_delta",
    [BLOCK_STOP] = "content_block_stop",
    [MESSAGE_DELTA] = "message_delta",
    "error",
    NULL,
};

/* How an answer can end; what is not here is an end like any other. */
static const struct {
    const char *reason;
    chat_finish_e finish;
} finishes[] = {
    {"max_tokens", CHAT_FINISH_LENGTH},
    {"model_context_window_exceeded", CHAT_FINISH_LENGTH},
    {"tool_use", CHAT_FINISH_CALLS},
    {"refusal", CHAT_FINISH_FILTER},
};

/* ---- parsed ---- */

static int read_block(const chat_json_t *root)
{
    apr_int64_t block = chat_json_integer(chat_json_get(root, "index"), -1);

    return block >= 0 && block < MOST_BLOCKS ? (int)block : MOST_BLOCKS;
}

/* Anthropic itself begins with an empty object, which is not the input. */
static void open_call(chat_parse_t *parse, const chat_json_t *root,
                      const chat_json_t *call, apr_pool_t *p)
{
    const chat_json_t *input = chat_json_get(call, "input");
    int index = chat_provider_parse_call(
        parse, read_block(root), chat_json_string(chat_json_get(call, "id")),
        chat_json_string(chat_json_get(call, "name")));

    if (chat_json_next(input, NULL))
        chat_provider_parse_rest(parse, index, chat_json_text(input, NULL, p));
}

static void open_block(chat_parse_t *parse, const chat_json_t *root,
                       apr_pool_t *p)
{
    const chat_json_t *block = chat_json_get(root, "content_block");
    const char *type = chat_json_string(chat_json_get(block, "type"));

    if (!type)
        return;
    if (strcmp(type, "tool_use") == 0)
        open_call(parse, root, block, p);
    else if (strcmp(type, "text") == 0)
        chat_provider_parse_string(parse, CHAT_DELTA_TEXT,
                                   chat_json_get(block, "text"));
    else if (strcmp(type, "thinking") == 0)
        chat_provider_parse_string(parse, CHAT_DELTA_REASONING,
                                   chat_json_get(block, "thinking"));
}

static void take_arguments(chat_parse_t *parse, const chat_json_t *root,
                           const chat_json_t *delta)
{
    const char *text = chat_json_string(chat_json_get(delta, "partial_json"));
    int index = chat_provider_parse_find(parse, read_block(root));

    if (text)
        chat_provider_parse_arguments(parse, index, text, strlen(text));
}

static void take_delta(chat_parse_t *parse, const chat_json_t *root)
{
    const chat_json_t *delta = chat_json_get(root, "delta");
    const char *type = chat_json_string(chat_json_get(delta, "type"));

    if (!type)
        return;
    if (strcmp(type, "text_delta") == 0)
        chat_provider_parse_string(parse, CHAT_DELTA_TEXT,
                                   chat_json_get(delta, "text"));
    else if (strcmp(type, "thinking_delta") == 0)
        chat_provider_parse_string(parse, CHAT_DELTA_REASONING,
                                   chat_json_get(delta, "thinking"));
    else if (strcmp(type, "input_json_delta") == 0)
        take_arguments(parse, root, delta);
}

/* A tool without parameters gets no arguments at all, which are an object
 * nevertheless. */
static void close_block(chat_parse_t *parse, const chat_json_t *root)
{
    int index = chat_provider_parse_find(parse, read_block(root));

    if (index >= 0 && parse->call_len[index] == 0)
        chat_provider_parse_rest(parse, index, "{}");
}

static void read_finish(chat_parse_t *parse, const char *reason, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < sizeof(finishes) / sizeof(finishes[0]); i++) {
        if (chat_provider_scan_is(reason, len, finishes[i].reason))
            parse->finish = finishes[i].finish;
    }
    /* Of tools that are none of the client's. */
    if (parse->finish == CHAT_FINISH_CALLS && parse->ncalls == 0)
        parse->finish = CHAT_FINISH_STOP;
}

static void take_finish(chat_parse_t *parse, const chat_json_t *root)
{
    const char *reason =
        chat_json_string(chat_json_path(root, "delta", "stop_reason", NULL));

    read_finish(parse, reason, reason ? strlen(reason) : 0);
}

/* ---- in passing ---- */

/* What was found in the member that the event is about. Of two equal names the
 * last one holds, which for a text is so by itself; who sends more than one
 * such member is to be parsed. */
typedef struct plain_t {
    chat_piece_t type, text, thinking, reason;
    int bodies;
} plain_t;

static void scan_body(chat_scan_t *s, plain_t *plain)
{
    const char *name;
    apr_size_t len;

    plain->bodies++;
    chat_provider_scan_open(s, '{');
    while (chat_provider_scan_member(s, &name, &len)) {
        if (chat_provider_scan_is(name, len, "type"))
            chat_provider_scan_piece(s, &plain->type);
        else if (chat_provider_scan_is(name, len, "text"))
            chat_provider_scan_piece(s, &plain->text);
        else if (chat_provider_scan_is(name, len, "thinking"))
            chat_provider_scan_piece(s, &plain->thinking);
        else if (chat_provider_scan_is(name, len, "stop_reason"))
            chat_provider_scan_piece(s, &plain->reason);
        else
            chat_provider_scan_skip(s);
    }
}

static void scan_event(chat_scan_t *s, plain_t *plain, const char *member)
{
    const char *name;
    apr_size_t len;

    chat_provider_scan_open(s, '{');
    while (chat_provider_scan_member(s, &name, &len)) {
        if (chat_provider_scan_is(name, len, member))
            scan_body(s, plain);
        else
            chat_provider_scan_skip(s);
    }
}

static int take_piece(chat_parse_t *parse, const plain_t *plain, int kind)
{
    static const char *const texts[] = {
        [BLOCK_START] = "text", [BLOCK_DELTA] = "text_delta"};
    static const char *const thoughts[] = {
        [BLOCK_START] = "thinking", [BLOCK_DELTA] = "thinking_delta"};
    const chat_piece_t *type = &plain->type;

    if (chat_provider_scan_is(type->text, type->len, texts[kind]))
        chat_provider_parse_text(parse, CHAT_DELTA_TEXT, plain->text.text,
                                 plain->text.len);
    else if (chat_provider_scan_is(type->text, type->len, thoughts[kind]))
        chat_provider_parse_text(parse, CHAT_DELTA_REASONING,
                                 plain->thinking.text, plain->thinking.len);
    else
        return 0;
    return 1;
}

/* 1: this was all of it. */
static int take_plain(chat_parse_t *parse, const chat_sse_event_t *event,
                      int kind)
{
    static const char *const members[] = {
        [BLOCK_START] = "content_block",
        [BLOCK_DELTA] = "delta",
        [BLOCK_STOP] = "",
        [MESSAGE_DELTA] = "delta",
    };
    plain_t plain = {.bodies = 0};
    chat_scan_t s;

    chat_provider_scan_init(&s, event->data, event->data_len);
    scan_event(&s, &plain, members[kind]);
    if (!chat_provider_scan_done(&s) || plain.bodies > 1)
        return 0;
    if (kind == BLOCK_STOP)
        return parse->ncalls == 0;
    if (kind != MESSAGE_DELTA)
        return take_piece(parse, &plain, kind);
    read_finish(parse, plain.reason.text, plain.reason.len);
    return 1;
}

/* ---- all of it ---- */

static void take(chat_parse_t *parse, chat_watch_t *w)
{
    int kind = chat_provider_watch_kind(w, kinds);
    const chat_json_t *root;

    if (kind < 0 || kind > MESSAGE_DELTA || take_plain(parse, w->event, kind))
        return;
    root = chat_provider_watch_json(w);
    if (chat_json_kind(root) != CHAT_JSON_OBJECT)
        chat_provider_parse_fail(parse, "event_unreadable");
    else if (kind == BLOCK_START)
        open_block(parse, root, chat_provider_watch_pool(w));
    else if (kind == BLOCK_DELTA)
        take_delta(parse, root);
    else if (kind == BLOCK_STOP)
        close_block(parse, root);
    else
        take_finish(parse, root);
}

void chat_provider_anthropic_parse(chat_parse_t *parse,
                                   const chat_sse_event_t *event,
                                   const chat_upstream_t *up, apr_pool_t *p)
{
    chat_watch_t w = {
        .seen = &parse->seen,
        .event = event,
        .up = up,
        .parent = p,
    };

    if (chat_provider_parse_over(parse, event))
        return;
    take(parse, &w);
    if (!parse->seen.failed)
        chat_provider_anthropic_look(&w);
    chat_provider_watch_done(&w);
}
