/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Messages stream: named events, of which message_stop is the end and error
 * another one. What the question cost comes with the first, the answer's tokens
 * with the last but one. The blocks of the answer become deltas: a piece of
 * text or thought is read in passing, the rest is parsed. A block of thoughts
 * is wanted back with its signature, and is a detail as well, as one that is
 * encrypted is. What else is neither text nor a call of the client's tools
 * (citations, tools of the server's) is passed over. Runs on the stream's
 * driver. Pure.
 */
#include "chat_provider_anthropic_int.h"
#include "chat_provider_scan.h"

#include <string.h>

/* A turn that is paused is no whole answer, and is nothing that the client's
 * own tools could go on with. */
static const chat_reason_t reasons[] = {
    {"end_turn", CHAT_FINISH_STOP},
    {"stop_sequence", CHAT_FINISH_STOP},
    {"stop", CHAT_FINISH_STOP},
    {"max_tokens", CHAT_FINISH_LENGTH},
    {"model_context_window_exceeded", CHAT_FINISH_LENGTH},
    {"tool_use", CHAT_FINISH_CALLS},
    {"refusal", CHAT_FINISH_FILTER},
    {"content_filter", CHAT_FINISH_FILTER},
    {"pause_turn", CHAT_FINISH_OTHER},
    {"error", CHAT_REASON_FAILURE},
    {"abort", CHAT_REASON_FAILURE},
    {"aborted", CHAT_REASON_FAILURE},
    {"cancelled", CHAT_REASON_FAILURE},
    {NULL, 0},
};

/* ---- a stream, observed ---- */

static const char *const texts[] = {"text", "thinking", "partial_json", NULL};

enum { START, DELTA, STOP, ERROR };

static const char *const message_kinds[] = {
    [START] = "message_start",
    [DELTA] = "message_delta",
    [STOP] = "message_stop",
    [ERROR] = "error",
    NULL,
};

enum { INPUT, CREATED, CACHED, OUTPUT, THINKING, PROMPT, COMPLETION };

static const chat_usage_field_t fields[] = {
    [INPUT] = {NULL, "input_tokens"},
    [CREATED] = {NULL, "cache_creation_input_tokens"},
    [CACHED] = {NULL, "cache_read_input_tokens"},
    [OUTPUT] = {NULL, "output_tokens"},
    [THINKING] = {"output_tokens_details", "thinking_tokens"},
    /* of gateways to models that speak Chat Completions */
    [PROMPT] = {NULL, "prompt_tokens"},
    [COMPLETION] = {NULL, "completion_tokens"},
    {NULL, NULL},
};

/* Where the usage is in the first event, and in every other. */
static const char *const in_message[] = {"message", "usage", NULL};
static const char *const in_usage[] = {"usage", NULL};
static const char *const in_delta[] = {"delta", "usage", NULL};

/* What came out of the cache or went into it is not in input_tokens. Of the
 * events that tell it each may leave some of the counts at zero. */
static void count_input(chat_seen_t *seen, const chat_usage_counts_t *usage)
{
    apr_int64_t input = usage->n[INPUT];
    int i;

    if (input < 1 && usage->n[PROMPT] > 0)
        input = usage->n[PROMPT];
    if (input < 0)
        return;
    for (i = CREATED; i <= CACHED; i++) {
        apr_int64_t n = usage->n[i];

        if (n > 0)
            input = n > APR_INT64_MAX - input ? APR_INT64_MAX : input + n;
    }
    seen->usage.input = input;
    chat_provider_usage_take(&seen->usage.cached, usage, CACHED);
}

/* Cumulative: the last one holds. */
static void count_output(chat_seen_t *seen, const chat_usage_counts_t *usage)
{
    chat_provider_usage_take(&seen->usage.output, usage, COMPLETION);
    chat_provider_usage_take(&seen->usage.output, usage, OUTPUT);
    chat_provider_usage_take(&seen->usage.reasoning, usage, THINKING);
}

static void fail(chat_watch_t *w, const chat_json_t *root)
{
    const chat_json_t *codes[] = {
        chat_json_path(root, "error", "type", NULL),
    };

    chat_provider_watch_fail(w, codes, 1);
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

/* 1: plain has all that there is in that member. */
static int scan_event(plain_t *plain, const chat_sse_event_t *event,
                      const char *member, chat_scan_t *s)
{
    const char *name;
    apr_size_t len;

    memset(plain, 0, sizeof(*plain));
    chat_provider_scan_init(s, event->data, event->data_len);
    chat_provider_scan_open(s, '{');
    while (chat_provider_scan_member(s, &name, &len)) {
        if (chat_provider_scan_is(name, len, member))
            scan_body(s, plain);
        else
            chat_provider_scan_skip(s);
    }
    return chat_provider_scan_done(s) && plain->bodies <= 1;
}

/* ---- errors, the end, the counts ---- */

/* v is the reason to finish, or none. */
static void observe_reason(chat_watch_t *w, const chat_json_t *v)
{
    int reason = chat_provider_reason_read(reasons, v);

    if (reason != CHAT_REASON_NONE)
        w->seen->reason = 1;
    if (reason == CHAT_REASON_FAILURE)
        chat_provider_watch_fail(w, &v, 1);
}

/* Nearly always it is a word that is no failure. */
static void observe_stop(chat_watch_t *w)
{
    plain_t plain;
    chat_scan_t s;

    if (scan_event(&plain, w->event, "delta", &s) &&
        chat_provider_reason_find(reasons, plain.reason.text,
                                  plain.reason.len) != CHAT_REASON_FAILURE)
        w->seen->reason |= plain.reason.len > 0;
    else
        observe_reason(w, chat_json_path(chat_provider_watch_json(w), "delta",
                                         "stop_reason", NULL));
}

static void observe_usage(chat_watch_t *w, int kind)
{
    chat_usage_counts_t usage = {.fields = fields};

    chat_provider_usage_watch(&usage, kind == START ? in_message : in_usage, w);
    if (kind == DELTA && !chat_provider_usage_is_any(&usage))
        chat_provider_usage_watch(&usage, in_delta, w);
    /* At the start it is a first guess, which would pass for the usage of a
     * stream that is cut. */
    if (kind == START)
        usage.n[OUTPUT] = usage.n[THINKING] = usage.n[COMPLETION] = -1;
    chat_provider_usage_merge(&usage, w->seen);
    count_input(w->seen, &usage);
    count_output(w->seen, &usage);
}

static void observe(chat_watch_t *w)
{
    int kind = chat_provider_watch_kind(w, message_kinds);

    if (kind == STOP)
        w->seen->ended = 1;
    if (kind == ERROR)
        fail(w, chat_provider_watch_json(w));
    if (kind < 0 || kind == ERROR)
        return;
    if (chat_provider_watch_value(w, "usage", '{'))
        observe_usage(w, kind);
    if (kind == DELTA && chat_provider_watch_value(w, "stop_reason", '"'))
        observe_stop(w);
}

void chat_provider_anthropic_observe_event(chat_seen_t *seen,
                                           const chat_sse_event_t *event,
                                           const chat_upstream_t *up,
                                           apr_pool_t *p)
{
    chat_watch_t w = {.seen = seen, .event = event, .up = up, .parent = p};

    chat_provider_watch_measure(&w, texts);
    observe(&w);
    chat_provider_watch_done(&w);
}

/* A message is its own end; anything else is none, and no success. */
void chat_provider_anthropic_observe_body(chat_seen_t *seen, const char *body,
                                          apr_size_t len,
                                          const chat_upstream_t *up,
                                          apr_pool_t *p)
{
    const chat_sse_event_t event = {.type = "", .data = body, .data_len = len};
    chat_watch_t w = {.seen = seen, .event = &event, .up = up, .parent = p};
    chat_usage_counts_t usage = {.fields = fields};
    const chat_json_t *root;

    chat_provider_watch_measure(&w, texts);
    root = chat_provider_content_body(&w);
    if (chat_provider_watch_is_error(root))
        fail(&w, root);
    else if (chat_json_kind(chat_json_get(root, "content")) ==
             CHAT_JSON_ARRAY) {
        seen->ended = 1;
        observe_reason(&w, chat_json_get(root, "stop_reason"));
        chat_provider_usage_read(&usage, in_usage, root);
        count_input(seen, &usage);
        count_output(seen, &usage);
    }
    chat_provider_watch_done(&w);
}

/* ---- a stream, taken apart ---- */

/* What has no number, or one beyond this, is all the same block. */
#define MOST_BLOCKS (1 << 20)

enum { BLOCK_START, BLOCK_DELTA, BLOCK_STOP, MESSAGE_DELTA };

static const char *const block_kinds[] = {
    [BLOCK_START] = "content_block_start",
    [BLOCK_DELTA] = "content_block_delta",
    [BLOCK_STOP] = "content_block_stop",
    [MESSAGE_DELTA] = "message_delta",
    "error",
    NULL,
};

/* ---- thoughts, to be given back ---- */

static void open_thought(chat_parse_t *parse, const char *type)
{
    chat_provider_detail_open(parse, "anthropic", type, "anthropic-claude-v1",
                              NULL);
}

static void take_thought(chat_parse_t *parse, const chat_piece_t *thought)
{
    chat_provider_detail_text(parse, thought->text, thought->len);
    chat_provider_parse_text(parse, CHAT_DELTA_REASONING, thought->text,
                             thought->len);
}

static void sign_thought(chat_parse_t *parse, chat_json_t *signature)
{
    const char *text = chat_json_string(signature);

    if (text && *text)
        chat_provider_detail_add(parse, "signature", signature);
}

static void open_redacted(chat_parse_t *parse, const chat_json_t *block)
{
    chat_json_t *data = chat_json_get(block, "data");

    if (!chat_json_string(data))
        return;
    open_thought(parse, "reasoning.encrypted");
    chat_provider_detail_add(parse, "data", data);
    chat_provider_detail_close(parse);
}

/* Without a signature nobody wants them back. */
static void close_thought(chat_parse_t *parse)
{
    if (chat_provider_detail_has(parse, "signature"))
        chat_provider_detail_close(parse);
    else
        chat_provider_detail_drop(parse);
}

static chat_piece_t piece_of(const chat_json_t *v)
{
    chat_piece_t piece = {chat_json_string(v), 0};

    piece.len = piece.text ? strlen(piece.text) : 0;
    return piece;
}

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
        chat_json_string(chat_json_get(call, "name")), NULL);

    if (chat_json_next(input, NULL) || chat_json_string(input))
        chat_provider_parse_rest(parse, index,
                                 chat_provider_parse_object(input, p));
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
    else if (strcmp(type, "thinking") == 0) {
        chat_piece_t thought = piece_of(chat_json_get(block, "thinking"));

        open_thought(parse, "reasoning.text");
        take_thought(parse, &thought);
        sign_thought(parse, chat_json_get(block, "signature"));
    }
    else if (strcmp(type, "redacted_thinking") == 0)
        open_redacted(parse, block);
}

static void take_arguments(chat_parse_t *parse, const chat_json_t *root,
                           const chat_json_t *delta)
{
    const char *text = chat_json_string(chat_json_get(delta, "partial_json"));
    int index = chat_provider_parse_find(parse, read_block(root));

    /* Gateways that have the whole input at the start may say it again. */
    if (text && index >= 0 && !chat_provider_parse_is_full(parse, index))
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
    else if (strcmp(type, "thinking_delta") == 0) {
        chat_piece_t thought = piece_of(chat_json_get(delta, "thinking"));

        take_thought(parse, &thought);
    }
    else if (strcmp(type, "signature_delta") == 0)
        sign_thought(parse, chat_json_get(delta, "signature"));
    else if (strcmp(type, "input_json_delta") == 0)
        take_arguments(parse, root, delta);
}

/* A tool without parameters gets no arguments at all, which are an object
 * nevertheless. */
static void close_block(chat_parse_t *parse, const chat_json_t *root)
{
    int index = chat_provider_parse_find(parse, read_block(root));

    close_thought(parse);
    if (index >= 0 && parse->call_len[index] == 0)
        chat_provider_parse_rest(parse, index, "{}");
}

static void take_finish(chat_parse_t *parse, int reason)
{
    if (reason >= 0)
        parse->finish = reason;
    /* Of tools that are none of the client's. */
    if (parse->finish == CHAT_FINISH_CALLS && parse->ncalls == 0)
        parse->finish = CHAT_FINISH_STOP;
}

/* ---- handed on ---- */

static int take_text(chat_parse_t *parse, const plain_t *plain, int kind)
{
    static const char *const texts[] = {
        [BLOCK_START] = "text", [BLOCK_DELTA] = "text_delta"};
    const chat_piece_t *type = &plain->type;

    if (chat_provider_scan_is(type->text, type->len, texts[kind]))
        chat_provider_parse_text(parse, CHAT_DELTA_TEXT, plain->text.text,
                                 plain->text.len);
    else if (kind == BLOCK_DELTA &&
             chat_provider_scan_is(type->text, type->len, "thinking_delta"))
        take_thought(parse, &plain->thinking);
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
    plain_t plain;
    chat_scan_t s;

    if (!scan_event(&plain, event, members[kind], &s))
        return 0;
    if (kind == BLOCK_STOP)
        return parse->ncalls == 0 && !parse->detail;
    if (kind != MESSAGE_DELTA)
        return take_text(parse, &plain, kind);
    take_finish(parse, chat_provider_reason_find(reasons, plain.reason.text,
                                                 plain.reason.len));
    return 1;
}

/* ---- all of it ---- */

static void take(chat_parse_t *parse, chat_watch_t *w)
{
    int kind = chat_provider_watch_kind(w, block_kinds);
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
        take_finish(parse, chat_provider_reason_read(
                               reasons, chat_json_path(root, "delta",
                                                       "stop_reason", NULL)));
}

void chat_provider_anthropic_parse_event(chat_parse_t *parse,
                                         const chat_sse_event_t *event,
                                         const chat_upstream_t *up,
                                         apr_pool_t *p)
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
        observe(&w);
    if (parse->seen.reason || parse->seen.ended)
        close_thought(parse);
    chat_provider_parse_close(parse);
    chat_provider_watch_done(&w);
}
