/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Gemini stream, watched while it passes: unnamed chunks up to one with a
 * finishReason, or, where the question itself was blocked, with a blockReason.
 * No event is nothing but the end: the connection is closed behind it. Runs on
 * the stream's driver. Pure.
 */
#include "chat_provider_int.h"

#include <string.h>

static const char *const texts[] = {"text", NULL};

static int can_matter(const chat_watch_t *w)
{
    return chat_provider_watch_object(w, "usageMetadata") ||
           chat_provider_watch_mentions(w, "finishReason") ||
           chat_provider_watch_mentions(w, "blockReason") ||
           chat_provider_watch_mentions(w, "error");
}

static int has_text(const chat_json_t *v)
{
    const char *text = chat_json_string(v);

    return text && *text;
}

/* Ends that are failures of the model's: there is no answer to make use of. */
int chat_provider_gemini_failure(const char *reason, apr_size_t len)
{
    static const char *const failures[] = {
        "MALFORMED_FUNCTION_CALL",   "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",       "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE",
    };
    apr_size_t i;

    for (i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        if (chat_provider_scan_is(reason, len, failures[i]))
            return 1;
    }
    return 0;
}

static void look_for_end(chat_watch_t *w, const chat_json_t *root)
{
    const chat_json_t *candidates = chat_json_get(root, "candidates");
    int i;

    for (i = 0; i < chat_json_length(candidates); i++) {
        const chat_json_t *reason =
            chat_json_get(chat_json_at(candidates, i), "finishReason");
        const char *text = chat_json_string(reason);

        if (!has_text(reason))
            continue;
        w->seen->ended = 1;
        if (chat_provider_gemini_failure(text, strlen(text)))
            chat_provider_watch_fail(w, &reason, 1);
    }
    if (has_text(chat_json_path(root, "promptFeedback", "blockReason", NULL)))
        w->seen->ended = 1;
}

enum { PROMPT, CACHED, ANSWER, THOUGHTS };

const chat_count_t chat_provider_gemini_counts[] = {
    [PROMPT] = {NULL, "promptTokenCount"},
    [CACHED] = {NULL, "cachedContentTokenCount"},
    [ANSWER] = {NULL, "candidatesTokenCount"},
    [THOUGHTS] = {NULL, "thoughtsTokenCount"},
    {NULL, NULL},
};

/* Cumulative, so the last one holds; thoughts are no part of the candidates. */
static void take(chat_seen_t *seen, const chat_bill_t *bill)
{
    apr_int64_t answer = bill->n[ANSWER], thoughts = bill->n[THOUGHTS];

    chat_provider_bill_take(&seen->usage.input, bill, PROMPT);
    chat_provider_bill_take(&seen->usage.cached, bill, CACHED);
    chat_provider_bill_take(&seen->usage.reasoning, bill, THOUGHTS);
    if (answer < 0 && thoughts < 0)
        return;
    answer = answer < 0 ? 0 : answer;
    thoughts = thoughts < 0 ? 0 : thoughts;
    seen->usage.output =
        answer > APR_INT64_MAX - thoughts ? APR_INT64_MAX : answer + thoughts;
}

void chat_provider_gemini_count(chat_seen_t *seen, const chat_json_t *root)
{
    static const char *const path[] = {"usageMetadata", NULL};
    chat_bill_t bill = {.counts = chat_provider_gemini_counts};

    chat_provider_bill_read(&bill, path, root);
    take(seen, &bill);
}

void chat_provider_gemini_close(chat_seen_t *seen,
                                const chat_gemini_chunk_t *chunk)
{
    if (chunk->reason.len)
        seen->ended = 1;
    take(seen, &chunk->bill);
}

void chat_provider_gemini_look(chat_watch_t *w, const chat_json_t *root)
{
    if (chat_provider_watch_is_error(root)) {
        const chat_json_t *codes[] = {
            chat_json_path(root, "error", "status", NULL),
            chat_json_path(root, "error", "code", NULL),
        };

        chat_provider_watch_fail(w, codes, 2);
    }
    look_for_end(w, root);
    chat_provider_gemini_count(w->seen, root);
}

static void look(chat_watch_t *w)
{
    chat_gemini_chunk_t chunk;

    if (chat_provider_gemini_scan(&chunk, w->event))
        chat_provider_gemini_close(w->seen, &chunk);
    else
        chat_provider_gemini_look(w, chat_provider_watch_json(w));
}

void chat_provider_gemini_observe(chat_seen_t *seen,
                                  const chat_sse_event_t *event,
                                  const chat_upstream_t *up, apr_pool_t *p)
{
    chat_watch_t w = {.seen = seen, .event = event, .up = up, .parent = p};

    chat_provider_watch_measure(&w, texts);
    if (can_matter(&w))
        look(&w);
    chat_provider_watch_done(&w);
}

/* Without alt=sse, what would have been a stream is an array of its chunks. */
void chat_provider_gemini_whole(chat_seen_t *seen, const char *body,
                                apr_size_t len, const chat_upstream_t *up,
                                apr_pool_t *p)
{
    const chat_sse_event_t event = {.type = "", .data = body, .data_len = len};
    chat_watch_t w = {.seen = seen, .event = &event, .up = up, .parent = p};
    const chat_json_t *root;
    int i;

    chat_provider_watch_measure(&w, texts);
    root = chat_provider_content_whole(&w);
    if (chat_json_kind(root) != CHAT_JSON_ARRAY)
        chat_provider_gemini_look(&w, root);
    for (i = 0; i < chat_json_length(root); i++)
        chat_provider_gemini_look(&w, chat_json_at(root, i));
    chat_provider_watch_done(&w);
}
