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

enum { INPUT, CREATED, CACHED, OUTPUT, THINKING };

static const chat_count_t counts[] = {
    [INPUT] = {NULL, "input_tokens"},
    [CREATED] = {NULL, "cache_creation_input_tokens"},
    [CACHED] = {NULL, "cache_read_input_tokens"},
    [OUTPUT] = {NULL, "output_tokens"},
    [THINKING] = {"output_tokens_details", "thinking_tokens"},
    {NULL, NULL},
};

/* ... where they are in the first event, and in every other. */
static const char *const in_message[] = {"message", "usage", NULL};
static const char *const in_usage[] = {"usage", NULL};

/* What came out of the cache or went into it is not in input_tokens. */
static void count_input(chat_seen_t *seen, const chat_bill_t *bill)
{
    apr_int64_t input = bill->n[INPUT];
    int i;

    if (input < 0)
        return;
    for (i = CREATED; i <= CACHED; i++) {
        apr_int64_t n = bill->n[i];

        if (n > 0)
            input = n > APR_INT64_MAX - input ? APR_INT64_MAX : input + n;
    }
    seen->usage.input = input;
    chat_provider_bill_take(&seen->usage.cached, bill, CACHED);
}

/* Cumulative: the last one holds. */
static void count_output(chat_seen_t *seen, const chat_bill_t *bill)
{
    chat_provider_bill_take(&seen->usage.output, bill, OUTPUT);
    chat_provider_bill_take(&seen->usage.reasoning, bill, THINKING);
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
    chat_bill_t bill = {.counts = counts};

    if (kind == STOP)
        w->seen->ended = 1;
    if (kind < 0 || kind == STOP)
        return;
    if (kind == ERROR) {
        fail(w, chat_provider_watch_json(w));
        return;
    }
    chat_provider_bill_watch(&bill, kind == START ? in_message : in_usage, w);
    count_input(w->seen, &bill);
    /* At the start it is a first guess, which would pass for the bill of a
     * stream that is cut. */
    if (kind == DELTA)
        count_output(w->seen, &bill);
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
    chat_bill_t bill = {.counts = counts};
    const chat_json_t *root;

    chat_provider_watch_measure(&w, texts);
    root = chat_provider_content_whole(&w);
    if (chat_provider_watch_is_error(root))
        fail(&w, root);
    else if (chat_json_kind(chat_json_get(root, "content")) ==
             CHAT_JSON_ARRAY) {
        seen->ended = 1;
        chat_provider_bill_read(&bill, in_usage, root);
        count_input(seen, &bill);
        count_output(seen, &bill);
    }
    chat_provider_watch_done(&w);
}
