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
                                    "refusal", "arguments",         NULL};

/* Reasons to finish that are failures: DeepSeek's, and OpenRouter's. */
static const char *const failures[] = {"insufficient_system_resource", "error"};

#define NFAILURES (sizeof(failures) / sizeof(failures[0]))

int chat_provider_completions_is_done(const chat_sse_event_t *event)
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

static void count(chat_seen_t *seen, const chat_json_t *usage)
{
    chat_usage_t *n = &seen->usage;

    chat_provider_watch_count(&n->input, chat_json_get(usage, "prompt_tokens"));
    chat_provider_watch_count(&n->output,
                              chat_json_get(usage, "completion_tokens"));
    chat_provider_watch_count(&n->cached,
                              chat_json_get(usage, "prompt_cache_hit_tokens"));
    chat_provider_watch_count(
        &n->cached,
        chat_json_path(usage, "prompt_tokens_details", "cached_tokens", NULL));
    chat_provider_watch_count(&n->reasoning,
                              chat_json_path(usage, "completion_tokens_details",
                                             "reasoning_tokens", NULL));
}

/* The reason to finish, where it is a failure. */
static const chat_json_t *find_failure(const chat_json_t *root)
{
    const chat_json_t *choices = chat_json_get(root, "choices");
    int i;
    apr_size_t k;

    for (i = 0; i < chat_json_length(choices); i++) {
        const chat_json_t *v =
            chat_json_get(chat_json_at(choices, i), "finish_reason");
        const char *reason = chat_json_string(v);

        for (k = 0; reason && k < NFAILURES; k++) {
            if (strcmp(reason, failures[k]) == 0)
                return v;
        }
    }
    return NULL;
}

int chat_provider_completions_look(chat_watch_t *w, const chat_json_t *root)
{
    const chat_json_t *failure = find_failure(root);
    int failed = failure || is_named_error(w->event) ||
                 chat_provider_watch_is_error(root);

    if (failed) {
        const chat_json_t *codes[] = {
            chat_json_path(root, "error", "code", NULL),
            chat_json_get(root, "code"),
            chat_json_path(root, "error", "type", NULL),
            failure,
        };

        chat_provider_watch_fail(w, codes, 4);
    }
    count(w->seen, chat_json_get(root, "usage"));
    return failed;
}

static int can_matter(const chat_watch_t *w)
{
    return is_named_error(w->event) || chat_provider_watch_object(w, "usage") ||
           chat_provider_watch_mentions(w, "error") ||
           chat_provider_watch_mentions(w, "insufficient_system_resource");
}

void chat_provider_completions_measure(chat_watch_t *w)
{
    chat_provider_watch_measure(w, texts);
}

void chat_provider_completions_observe(chat_seen_t *seen,
                                       const chat_sse_event_t *event,
                                       const chat_upstream_t *up, apr_pool_t *p)
{
    chat_watch_t w = {.seen = seen, .event = event, .up = up, .parent = p};

    chat_provider_completions_measure(&w);
    if (chat_provider_completions_is_done(event))
        seen->ended = 1;
    else if (can_matter(&w))
        chat_provider_completions_look(&w, chat_provider_watch_json(&w));
    chat_provider_watch_done(&w);
}
