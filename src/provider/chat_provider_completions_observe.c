/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Chat Completions stream, watched while it passes: unnamed chunks, then
 * "[DONE]". Only that is the end: a finish_reason before it is not, since the
 * usage is still to come and a stream cut right there must not pass for whole.
 * Runs on the stream's driver. Pure.
 */
#include "chat_provider_int.h"

#include <string.h>

static const char *const texts[] = {"content", "reasoning_content", "reasoning",
                                    NULL};

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

static void look(chat_watch_t *w)
{
    int named = is_named_error(w->event);
    const chat_json_t *root, *usage;

    if (is_done(w->event)) {
        w->seen->ended = 1;
        return;
    }
    if (!named && !chat_provider_watch_object(w, "usage") &&
        !chat_provider_watch_mentions(w, "error"))
        return;
    root = chat_provider_watch_json(w);
    if (named || chat_provider_watch_is_error(root)) {
        const chat_json_t *codes[] = {
            chat_json_path(root, "error", "code", NULL),
            chat_json_get(root, "code"),
            chat_json_path(root, "error", "type", NULL),
        };

        chat_provider_watch_fail(w, codes, 3);
    }
    usage = chat_json_get(root, "usage");
    chat_provider_watch_count(&w->seen->usage.input,
                              chat_json_get(usage, "prompt_tokens"));
    chat_provider_watch_count(&w->seen->usage.output,
                              chat_json_get(usage, "completion_tokens"));
}

void chat_provider_completions_observe(chat_seen_t *seen,
                                       const chat_sse_event_t *event,
                                       const chat_upstream_t *up, apr_pool_t *p)
{
    chat_watch_t w = {.seen = seen, .event = event, .up = up, .parent = p};

    chat_provider_watch_measure(&w, texts);
    look(&w);
    chat_provider_watch_done(&w);
}
