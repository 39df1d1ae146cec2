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

enum { INPUT, OUTPUT, CACHED, REASONING };

static const chat_count_t counts[] = {
    [INPUT] = {NULL, "input_tokens"},
    [OUTPUT] = {NULL, "output_tokens"},
    [CACHED] = {"input_tokens_details", "cached_tokens"},
    [REASONING] = {"output_tokens_details", "reasoning_tokens"},
    {NULL, NULL},
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

static void take(chat_seen_t *seen, const chat_bill_t *bill)
{
    chat_usage_t *n = &seen->usage;

    chat_provider_bill_take(&n->input, bill, INPUT);
    chat_provider_bill_take(&n->output, bill, OUTPUT);
    chat_provider_bill_take(&n->cached, bill, CACHED);
    chat_provider_bill_take(&n->reasoning, bill, REASONING);
}

void chat_provider_openai_count(chat_seen_t *seen, const chat_json_t *usage)
{
    static const char *const here[] = {NULL};
    chat_bill_t bill = {.counts = counts};

    chat_provider_bill_read(&bill, here, usage);
    take(seen, &bill);
}

void chat_provider_openai_close(chat_watch_t *w)
{
    static const char *const path[] = {"response", "usage", NULL};
    chat_bill_t bill = {.counts = counts};

    w->seen->ended = 1;
    chat_provider_bill_watch(&bill, path, w);
    take(w->seen, &bill);
}

static void look(chat_watch_t *w)
{
    int kind = chat_provider_watch_kind(w, terminals);

    if (kind == FAILED || kind == ERROR)
        chat_provider_openai_end(w, chat_provider_watch_json(w), 1);
    else if (kind >= 0)
        chat_provider_openai_close(w);
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
