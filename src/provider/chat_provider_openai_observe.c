/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Responses stream, watched while it passes: the event: line says everything
 * until the end, which is exactly one of four events. Runs on the stream's
 * driver. Pure.
 */
#include "chat_provider_int.h"

static const char *const texts[] = {"delta", NULL};

enum { COMPLETED, INCOMPLETE, FAILED, ERROR };

static const char *const terminals[] = {
    [COMPLETED] = "response.completed",
    [INCOMPLETE] = "response.incomplete",
    [FAILED] = "response.failed",
    [ERROR] = "error",
    NULL,
};

/* A terminal event whose JSON we refuse (too large, a lone surrogate in the
 * answer) still is the end; only its usage stays unknown. */
void chat_provider_openai_end(chat_watch_t *w, const chat_json_t *root,
                              int failed)
{
    w->seen->ended = 1;
    if (failed) {
        const chat_json_t *codes[] = {
            chat_json_path(root, "response", "error", "code", NULL),
            chat_json_path(root, "error", "code", NULL),
            chat_json_get(root, "code"),
            chat_json_path(root, "error", "type", NULL),
        };

        chat_provider_watch_fail(w, codes, 4);
    }
    chat_provider_openai_count(w->seen,
                               chat_json_path(root, "response", "usage", NULL));
}

void chat_provider_openai_count(chat_seen_t *seen, const chat_json_t *usage)
{
    chat_usage_t *n = &seen->usage;

    chat_provider_watch_count(&n->input, chat_json_get(usage, "input_tokens"));
    chat_provider_watch_count(&n->output,
                              chat_json_get(usage, "output_tokens"));
    chat_provider_watch_count(
        &n->cached,
        chat_json_path(usage, "input_tokens_details", "cached_tokens", NULL));
    chat_provider_watch_count(&n->reasoning,
                              chat_json_path(usage, "output_tokens_details",
                                             "reasoning_tokens", NULL));
}

static void look(chat_watch_t *w)
{
    int kind = chat_provider_watch_kind(w, terminals);

    if (kind >= 0)
        chat_provider_openai_end(w, chat_provider_watch_json(w),
                                 kind == FAILED || kind == ERROR);
}

void chat_provider_openai_observe(chat_seen_t *seen,
                                  const chat_sse_event_t *event,
                                  const chat_upstream_t *up, apr_pool_t *p)
{
    chat_watch_t w = {.seen = seen, .event = event, .up = up, .parent = p};

    if (up->completions) {
        chat_provider_completions_observe(seen, event, up, p);
        return;
    }
    chat_provider_watch_measure(&w, texts);
    look(&w);
    chat_provider_watch_done(&w);
}
