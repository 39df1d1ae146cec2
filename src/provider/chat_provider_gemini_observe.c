/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Gemini stream, watched while it passes: unnamed chunks up to one with a
 * finishReason, or, where the question itself was blocked, with a blockReason.
 * No event is nothing but the end: the connection is closed behind it. Runs on
 * the stream's driver. Pure.
 */
#include "chat_provider_int.h"

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

static int is_last(const chat_json_t *root)
{
    const chat_json_t *candidates = chat_json_get(root, "candidates");
    int i;

    for (i = 0; i < chat_json_length(candidates); i++) {
        if (has_text(
                chat_json_get(chat_json_at(candidates, i), "finishReason")))
            return 1;
    }
    return has_text(
        chat_json_path(root, "promptFeedback", "blockReason", NULL));
}

/* Cumulative, so the last one holds; thoughts are no part of the candidates. */
static void count_usage(chat_seen_t *seen, const chat_json_t *usage)
{
    apr_int64_t answer = -1, thoughts = -1;

    chat_provider_watch_count(&seen->usage.input,
                              chat_json_get(usage, "promptTokenCount"));
    chat_provider_watch_count(&answer,
                              chat_json_get(usage, "candidatesTokenCount"));
    chat_provider_watch_count(&thoughts,
                              chat_json_get(usage, "thoughtsTokenCount"));
    if (answer < 0 && thoughts < 0)
        return;
    answer = answer < 0 ? 0 : answer;
    thoughts = thoughts < 0 ? 0 : thoughts;
    seen->usage.output =
        answer > APR_INT64_MAX - thoughts ? APR_INT64_MAX : answer + thoughts;
}

static void look(chat_watch_t *w)
{
    const chat_json_t *root;

    if (!can_matter(w))
        return;
    root = chat_provider_watch_json(w);
    if (chat_provider_watch_is_error(root)) {
        const chat_json_t *codes[] = {
            chat_json_path(root, "error", "status", NULL),
            chat_json_path(root, "error", "code", NULL),
        };

        chat_provider_watch_fail(w, codes, 2);
    }
    if (is_last(root))
        w->seen->ended = 1;
    count_usage(w->seen, chat_json_get(root, "usageMetadata"));
}

void chat_provider_gemini_observe(chat_seen_t *seen,
                                  const chat_sse_event_t *event,
                                  const chat_upstream_t *up, apr_pool_t *p)
{
    chat_watch_t w = {.seen = seen, .event = event, .up = up, .parent = p};

    chat_provider_watch_measure(&w, texts);
    look(&w);
    chat_provider_watch_done(&w);
}
