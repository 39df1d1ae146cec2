/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Gemini stream, taken apart: the parts of the first candidate become
 * deltas. A chunk with a piece of text and the bill so far, as nearly all are,
 * is read in passing; every other is parsed. Parts that are neither text nor
 * thought nor a call (images, code that Google ran, signatures) are passed
 * over; ends, errors and counts are seen as in _gemini_observe.c. Runs on the
 * stream's driver. Pure.
 */
#include "chat_provider_int.h"

#include <string.h>

/* How an answer can end early; what is not here, and no failure, is an end
 * like any other. */
static const struct {
    const char *reason;
    chat_finish_e finish;
} finishes[] = {
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
};

/* A call comes whole, mostly without an id. */
static void take_call(chat_parse_t *parse, const chat_json_t *call,
                      apr_pool_t *p)
{
    const chat_json_t *args = chat_json_get(call, "args");
    int index = chat_provider_parse_call(
        parse, parse->ncalls, chat_json_string(chat_json_get(call, "id")),
        chat_json_string(chat_json_get(call, "name")));

    chat_provider_parse_rest(parse, index,
                             chat_json_kind(args) == CHAT_JSON_OBJECT
                                 ? chat_json_text(args, NULL, p)
                                 : "{}");
}

static void take_part(chat_parse_t *parse, const chat_json_t *part,
                      apr_pool_t *p)
{
    const chat_json_t *call = chat_json_get(part, "functionCall");
    const chat_json_t *text = chat_json_get(part, "text");
    int thought = chat_json_boolean(chat_json_get(part, "thought")) == 1;

    if (chat_json_kind(call) == CHAT_JSON_OBJECT)
        take_call(parse, call, p);
    else
        chat_provider_parse_string(
            parse, thought ? CHAT_DELTA_REASONING : CHAT_DELTA_TEXT, text);
}

/* ---- the end ---- */

static chat_finish_e find_finish(const chat_parse_t *parse, const char *reason,
                                 apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < sizeof(finishes) / sizeof(finishes[0]); i++) {
        if (chat_provider_scan_is(reason, len, finishes[i].reason))
            return finishes[i].finish;
    }
    /* There is no reason of its own for that here. */
    return parse->ncalls > 0 ? CHAT_FINISH_CALLS : CHAT_FINISH_STOP;
}

/* What is asked for is one candidate; a second one is none of ours. */
static void take_candidate(chat_parse_t *parse, const chat_json_t *candidate,
                           apr_pool_t *p)
{
    const chat_json_t *parts =
        chat_json_path(candidate, "content", "parts", NULL);
    const char *reason =
        chat_json_string(chat_json_get(candidate, "finishReason"));
    int i;

    for (i = 0; i < chat_json_length(parts); i++)
        take_part(parse, chat_json_at(parts, i), p);
    if (reason && *reason)
        parse->finish = find_finish(parse, reason, strlen(reason));
}

static void take(chat_parse_t *parse, chat_watch_t *w, const chat_json_t *root)
{
    const chat_json_t *blocked =
        chat_json_path(root, "promptFeedback", "blockReason", NULL);

    if (chat_json_kind(root) != CHAT_JSON_OBJECT) {
        chat_provider_parse_fail(parse, "event_unreadable");
        return;
    }
    if (chat_json_string(blocked))
        parse->finish = CHAT_FINISH_FILTER;
    if (!chat_provider_watch_is_error(root))
        take_candidate(parse,
                       chat_json_at(chat_json_get(root, "candidates"), 0),
                       chat_provider_watch_pool(w));
    if (!parse->seen.failed)
        chat_provider_gemini_look(w, root);
}

/* 1: this was all. */
static int take_plain(chat_parse_t *parse, const chat_sse_event_t *event)
{
    chat_gemini_chunk_t chunk;
    const chat_piece_t *reason = &chunk.reason;

    if (!chat_provider_gemini_scan(&chunk, event) || chunk.contents > 1 ||
        chunk.part_lists > 1 || chunk.parts > 1 || chunk.calls)
        return 0;
    chat_provider_parse_text(
        parse, chunk.thought ? CHAT_DELTA_REASONING : CHAT_DELTA_TEXT,
        chunk.text.text, chunk.text.len);
    if (reason->len)
        parse->finish = find_finish(parse, reason->text, reason->len);
    chat_provider_gemini_close(&parse->seen, &chunk);
    return 1;
}

/* Behind the end there may still be the bill. */
void chat_provider_gemini_parse(chat_parse_t *parse,
                                const chat_sse_event_t *event,
                                const chat_upstream_t *up, apr_pool_t *p)
{
    chat_watch_t w = {
        .seen = &parse->seen,
        .event = event,
        .up = up,
        .parent = p,
    };

    if (parse->seen.ended && !parse->seen.failed)
        chat_provider_gemini_count(&parse->seen, chat_provider_watch_json(&w));
    else if (!chat_provider_parse_over(parse, event) &&
             !take_plain(parse, event))
        take(parse, &w, chat_provider_watch_json(&w));
    chat_provider_watch_done(&w);
}
