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

enum { INPUT, OUTPUT, HIT, CACHED, REASONING };

const chat_count_t chat_provider_completions_counts[] = {
    [INPUT] = {NULL, "prompt_tokens"},
    [OUTPUT] = {NULL, "completion_tokens"},
    [HIT] = {NULL, "prompt_cache_hit_tokens"},
    [CACHED] = {"prompt_tokens_details", "cached_tokens"},
    [REASONING] = {"completion_tokens_details", "reasoning_tokens"},
    {NULL, NULL},
};

void chat_provider_completions_count(chat_seen_t *seen, const chat_bill_t *bill)
{
    chat_usage_t *n = &seen->usage;

    chat_provider_bill_take(&n->input, bill, INPUT);
    chat_provider_bill_take(&n->output, bill, OUTPUT);
    chat_provider_bill_take(&n->cached, bill, HIT);
    chat_provider_bill_take(&n->cached, bill, CACHED);
    chat_provider_bill_take(&n->reasoning, bill, REASONING);
}

int chat_provider_completions_failure(const char *reason, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; reason && i < NFAILURES; i++) {
        if (chat_provider_scan_is(reason, len, failures[i]))
            return 1;
    }
    return 0;
}

/* The reason to finish, where it is a failure. */
static const chat_json_t *find_failure(const chat_json_t *root)
{
    const chat_json_t *choices = chat_json_get(root, "choices");
    int i;

    for (i = 0; i < chat_json_length(choices); i++) {
        const chat_json_t *v =
            chat_json_get(chat_json_at(choices, i), "finish_reason");
        const char *reason = chat_json_string(v);

        if (reason && chat_provider_completions_failure(reason, strlen(reason)))
            return v;
    }
    return NULL;
}

int chat_provider_completions_look(chat_watch_t *w, const chat_json_t *root)
{
    static const char *const path[] = {"usage", NULL};
    chat_bill_t bill = {.counts = chat_provider_completions_counts};
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
    chat_provider_bill_read(&bill, path, root);
    chat_provider_completions_count(w->seen, &bill);
    return failed;
}

static int can_matter(const chat_watch_t *w)
{
    return is_named_error(w->event) || chat_provider_watch_object(w, "usage") ||
           chat_provider_watch_mentions(w, "error") ||
           chat_provider_watch_mentions(w, "insufficient_system_resource");
}

static void look(chat_watch_t *w)
{
    chat_chunk_t chunk;

    if (!is_named_error(w->event) &&
        chat_provider_completions_scan(&chunk, w->event))
        chat_provider_completions_count(w->seen, &chunk.bill);
    else
        chat_provider_completions_look(w, chat_provider_watch_json(w));
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
        look(&w);
    chat_provider_watch_done(&w);
}
