/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Messages stream, watched while it passes: named events, of which
 * message_stop is the end and error another one. What the question cost comes
 * with the first, the answer's tokens with the last but one. Runs on the
 * stream's driver. Pure.
 */
#include "chat_provider_int.h"

static const char *const texts[] = {"text", "thinking", "partial_json", NULL};

enum { START, DELTA, STOP, ERROR };

static const char *const kinds[] = {
    [START] = "message_start",
    [DELTA] = "message_delta",
    [STOP] = "message_stop",
    [ERROR] = "error",
    NULL,
};

/* What came out of the cache or went into it is not in input_tokens. */
static void count_input(chat_seen_t *seen, const chat_json_t *usage)
{
    static const char *const more[] = {"cache_creation_input_tokens",
                                       "cache_read_input_tokens"};
    apr_int64_t input = -1, n = 0;
    int i;

    chat_provider_watch_count(&input, chat_json_get(usage, "input_tokens"));
    if (input < 0)
        return;
    for (i = 0; i < 2; i++) {
        n = -1;
        chat_provider_watch_count(&n, chat_json_get(usage, more[i]));
        if (n > 0)
            input = n > APR_INT64_MAX - input ? APR_INT64_MAX : input + n;
    }
    seen->usage.input = input;
    if (n >= 0)
        seen->usage.cached = n;
}

/* Cumulative: the last one holds. */
static void count_output(chat_seen_t *seen, const chat_json_t *usage)
{
    chat_provider_watch_count(&seen->usage.output,
                              chat_json_get(usage, "output_tokens"));
    chat_provider_watch_count(&seen->usage.reasoning,
                              chat_json_path(usage, "output_tokens_details",
                                             "thinking_tokens", NULL));
}

static void fail(chat_watch_t *w, const chat_json_t *root)
{
    const chat_json_t *codes[] = {
        chat_json_path(root, "error", "type", NULL),
    };

    chat_provider_watch_fail(w, codes, 1);
}

void chat_provider_anthropic_look(chat_watch_t *w)
{
    int kind = chat_provider_watch_kind(w, kinds);
    const chat_json_t *root, *usage;

    if (kind == STOP)
        w->seen->ended = 1;
    if (kind < 0 || kind == STOP)
        return;
    root = chat_provider_watch_json(w);
    if (kind == ERROR) {
        fail(w, root);
        return;
    }
    usage = kind == START ? chat_json_path(root, "message", "usage", NULL)
                          : chat_json_get(root, "usage");
    count_input(w->seen, usage);
    /* At the start it is a first guess, which would pass for the bill of a
     * stream that is cut. */
    if (kind == DELTA)
        count_output(w->seen, usage);
}

void chat_provider_anthropic_observe(chat_seen_t *seen,
                                     const chat_sse_event_t *event,
                                     const chat_upstream_t *up, apr_pool_t *p)
{
    chat_watch_t w = {.seen = seen, .event = event, .up = up, .parent = p};

    chat_provider_watch_measure(&w, texts);
    chat_provider_anthropic_look(&w);
    chat_provider_watch_done(&w);
}

/* A message is its own end; anything else is none, and no success. */
void chat_provider_anthropic_whole(chat_seen_t *seen, const char *body,
                                   apr_size_t len, const chat_upstream_t *up,
                                   apr_pool_t *p)
{
    const chat_sse_event_t event = {.type = "", .data = body, .data_len = len};
    chat_watch_t w = {.seen = seen, .event = &event, .up = up, .parent = p};
    const chat_json_t *root, *usage;

    chat_provider_watch_measure(&w, texts);
    root = chat_provider_content_whole(&w);
    if (chat_provider_watch_is_error(root))
        fail(&w, root);
    else if (chat_json_kind(chat_json_get(root, "content")) ==
             CHAT_JSON_ARRAY) {
        seen->ended = 1;
        usage = chat_json_get(root, "usage");
        count_input(seen, usage);
        count_output(seen, usage);
    }
    chat_provider_watch_done(&w);
}
