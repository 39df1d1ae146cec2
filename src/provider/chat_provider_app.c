/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chat application that answers by itself, such as one made with Next.js and
 * the AI SDK: POST URL/api/chat/stream with what a client of it said and what
 * was said before (turn->app). Its answer is a UI message stream and passes
 * unchanged, with its own headers; nothing else can read it. Pure, any thread.
 */
#include "chat_provider_content.h"
#include "chat_provider_kit.h"
#include "chat_provider_scan.h"

#include <string.h>

#include <apr_strings.h>

#define PATH "/api/chat/stream"

static const char *wire_format(const chat_upstream_t *up)
{
    return "ui-message";
}

/* ---- the call ---- */

static apr_status_t build_call(chat_call_t *call, const chat_turn_t *turn,
                               const chat_upstream_t *up, chat_err_t *err,
                               apr_pool_t *p)
{
    apr_status_t rv;
    chat_json_t *body;

    if (!turn->app)
        return chat_provider_call_refuse(
            err, "An application answers the route ui-message alone.");
    rv = chat_provider_call(call, PATH, CHAT_KEY_BEARER, turn, up, err, p);
    if (rv != APR_SUCCESS)
        return rv;
    body = chat_provider_native_copy(turn->app, NULL, p);
    if (turn->model)
        chat_json_add_string(body, "selectedChatModel", turn->model);
    chat_provider_call_body(call, body, p);
    return APR_SUCCESS;
}

/* Its clients do not speak its own API to us. */
static apr_status_t read_native(chat_turn_t *turn, chat_json_t *body,
                                const char *path, const chat_upstream_t *up,
                                chat_err_t *err, apr_pool_t *p)
{
    return chat_provider_call_refuse(
        err, "An application has no requests of its own here.");
}

/* ---- its stream ---- */

enum { FINISH, ABORT, FAILURE, USAGE };

static const char *const kinds[] = {[FINISH] = "finish",
                                    [ABORT] = "abort",
                                    [FAILURE] = "error",
                                    [USAGE] = "data-usage",
                                    NULL};

static const char *const pieces[] = {"delta", "inputTextDelta", NULL};

static const chat_usage_field_t fields[] = {
    {NULL, "inputTokens"},
    {NULL, "outputTokens"},
    {NULL, "cachedInputTokens"},
    {NULL, "reasoningTokens"},
    {NULL, NULL},
};

static int is_done(const chat_sse_event_t *event)
{
    return event->data_len == 6 && memcmp(event->data, "[DONE]", 6) == 0;
}

static void read_usage(chat_watch_t *w)
{
    static const char *const path[] = {"data", NULL};
    chat_usage_counts_t counts = {.fields = fields};
    chat_usage_t *usage = &w->seen->usage;

    chat_provider_usage_clear(&counts);
    chat_provider_usage_watch(&counts, path, w);
    chat_provider_usage_merge(&counts, w->seen);
    chat_provider_usage_take(&usage->input, &counts, 0);
    chat_provider_usage_take(&usage->output, &counts, 1);
    chat_provider_usage_take(&usage->cached, &counts, 2);
    chat_provider_usage_take(&usage->reasoning, &counts, 3);
}

/* Its clients are told by the event itself; what its text says is for them
 * alone. */
static void observe_event(chat_seen_t *seen, const chat_sse_event_t *event,
                          const chat_upstream_t *up, apr_pool_t *p)
{
    chat_watch_t w = {.seen = seen, .event = event, .up = up, .parent = p};

    if (is_done(event)) {
        seen->ended = 1;
        return;
    }
    switch (chat_provider_watch_kind(&w, kinds)) {
    case FINISH:
    case ABORT:
        seen->reason = 1;
        break;
    case FAILURE:
        chat_provider_watch_fail(&w, NULL, 0);
        break;
    case USAGE:
        read_usage(&w);
        break;
    default:
        if (seen->measure)
            chat_provider_watch_measure(&w, pieces);
    }
    chat_provider_watch_done(&w);
}

/* Nobody takes it apart: it passes, or it is not asked. */
static void parse_event(chat_parse_t *parse, const chat_sse_event_t *event,
                        const chat_upstream_t *up, apr_pool_t *p)
{
    observe_event(&parse->seen, event, up, p);
}

/* There are no answers that are no streams. */
static void observe_body(chat_seen_t *seen, const char *body, apr_size_t len,
                         const chat_upstream_t *up, apr_pool_t *p)
{
}

static const char *make_cut_event(const chat_upstream_t *up, const char *code,
                                  const char *message, apr_pool_t *p)
{
    return apr_pstrcat(p, "data: {\"type\":\"error\",\"errorText\":",
                       chat_json_quote(message, p), "}\n\ndata: [DONE]\n\n",
                       NULL);
}

/* ---- errors ---- */

/* {"code": "rate_limit:chat", "message"}: its code says more than its status,
 * which is 401 where it does not take our token. */
static void map_error(chat_err_t *err, int status, const char *body,
                      apr_size_t len, apr_pool_t *p)
{
    const chat_json_t *root = chat_provider_error_body(body, len, p);
    const char *code =
        chat_provider_error_word(chat_json_get(root, "code"), ":", NULL, p);

    chat_provider_error_status(err, status, code, NULL, p);
}

/* As of its own server: what kind of stream it is. */
static const char *const headers[] = {"content-type", "x-vercel-ai-*", NULL};

const chat_provider_t chat_provider_app = {
    .model = "chat-model",
    .wire_format = wire_format,
    .read_native = read_native,
    .build_call = build_call,
    .observe_event = observe_event,
    .parse_event = parse_event,
    .observe_body = observe_body,
    .make_cut_event = make_cut_event,
    .map_error = map_error,
    .headers = headers,
};
