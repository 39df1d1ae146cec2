/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests and whole answers in the words of Chat Completions itself, for
 * clients that speak it to us: all that is not ours to say stays as it came.
 * Adopting and limiting serve the Responses API as well. Pure, any thread.
 */
#include "chat_provider_int.h"

#include <string.h>

#include <apr_strings.h>

/* ---- a client's request ---- */

static int ends_with(const char *path, const char *end)
{
    apr_size_t len = strlen(path), most = strlen(end);

    return len >= most && strcmp(path + len - most, end) == 0;
}

/* The location is named as the administrator likes, and that is enough; but a
 * client that names another call of the API must not get this one. */
int chat_provider_completions_is_path(const char *path, const char *want)
{
    static const char *const others[] = {"/responses", "/completions",
                                         "/embeddings", "/messages",
                                         "/count_tokens"};
    apr_size_t i;

    if (ends_with(path, want))
        return 1;
    for (i = 0; i < sizeof(others) / sizeof(*others); i++) {
        if (ends_with(path, others[i]))
            return 0;
    }
    return strstr(path, "/v1/") == NULL;
}

apr_status_t chat_provider_completions_take(chat_turn_t *turn,
                                            chat_json_t *body, chat_err_t *err)
{
    const chat_json_t *model = chat_json_get(body, "model");

    turn->model = chat_json_string(model);
    if (model && model != chat_json_null() && !turn->model) {
        err->param = "model";
        return chat_err_set(err, APR_EINVAL, 400, "invalid_request",
                            "model must be a string.");
    }
    turn->whole = chat_json_boolean(chat_json_get(body, "stream")) != 1;
    turn->own = body;
    return APR_SUCCESS;
}

/* Gateways take more than one name, in members of their own: those are past
 * all that is said here of who may use which model. */
static const char *find_other_model(const chat_json_t *body)
{
    static const char *const names[] = {"models", "route", "preset",
                                        "fallbacks"};
    apr_size_t i;

    for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const chat_json_t *v = chat_json_get(body, names[i]);

        if (v && v != chat_json_null())
            return names[i];
    }
    return NULL;
}

apr_status_t chat_provider_completions_adopt(chat_turn_t *turn,
                                             chat_json_t *body,
                                             const char *path,
                                             const chat_upstream_t *up,
                                             chat_err_t *err, apr_pool_t *p)
{
    int most = chat_provider_content_most(
        chat_json_get(body, "max_completion_tokens"));

    if (!chat_provider_completions_is_path(path, "/chat/completions"))
        return chat_provider_call_refuse(
            err, "Of this provider's API only POST /chat/completions is "
                 "available here.");
    if (chat_json_kind(chat_json_get(body, "messages")) != CHAT_JSON_ARRAY)
        return chat_provider_call_refuse(
            err, "This is no Chat Completions request: it has no messages.");
    err->param = find_other_model(body);
    if (err->param)
        return chat_provider_call_refuse(err, "Name one model, in model.");
    if (chat_json_integer(chat_json_get(body, "n"), 1) > 1) {
        err->param = "n";
        return chat_provider_call_refuse(err, "One answer is given at a time.");
    }
    if (!most)
        most = chat_provider_content_most(chat_json_get(body, "max_tokens"));
    turn->max_output_tokens = most;
    return chat_provider_completions_take(turn, body, err);
}

/* ---- to the provider ---- */

void chat_provider_completions_say(chat_json_t *body, const chat_turn_t *turn,
                                   const chat_upstream_t *up, int store)
{
    chat_json_add_string(body, "model", turn->model);
    chat_json_add_boolean(body, "stream", !turn->whole);
    /* Also where we know of no such thing, but the client does. */
    if (!up->store && (store || chat_json_get(body, "store")))
        chat_json_add_boolean(body, "store", 0);
}

chat_json_t *chat_provider_completions_own(const chat_turn_t *turn,
                                           const chat_upstream_t *up,
                                           const chat_completions_t *kind,
                                           apr_pool_t *p)
{
    static const char *const names[] = {"max_completion_tokens", "max_tokens"};
    chat_json_t *body = chat_provider_content_copy(turn->own, NULL, p);
    int i, said = 0;

    chat_provider_completions_say(body, turn, up, kind->store);
    for (i = 0; i < 2; i++) {
        if (!chat_json_get(body, names[i]))
            continue;
        chat_provider_content_cap(body, names[i], turn->max_output_tokens);
        said = 1;
    }
    if (!said)
        chat_provider_content_cap(body, kind->most, turn->max_output_tokens);
    if (kind->usage && !turn->whole)
        chat_provider_completions_usage(body, p);
    return body;
}

/* ---- a whole answer ---- */

/* As long as the caller was ready to keep. */
chat_json_t *chat_provider_completions_body(const char *body, apr_size_t len,
                                            apr_pool_t *p)
{
    const chat_json_limits_t limits = {
        .bytes = len,
        .depth = 256,
        .values = 1000000,
    };
    chat_json_t *root;

    if (chat_json_parse(&root, body, len, &limits, p) != APR_SUCCESS)
        return NULL;
    return root;
}

void chat_provider_completions_whole(chat_seen_t *seen, const char *body,
                                     apr_size_t len, const chat_upstream_t *up,
                                     apr_pool_t *p)
{
    const chat_json_t *root = chat_provider_completions_body(body, len, p);
    const chat_sse_event_t event = {.type = "", .data = body, .data_len = len};
    chat_watch_t w = {.seen = seen, .event = &event, .up = up, .parent = p};

    chat_provider_completions_measure(&w);
    chat_provider_completions_look(&w, root);
    if (chat_json_kind(chat_json_get(root, "choices")) == CHAT_JSON_ARRAY)
        seen->ended = 1;
    chat_provider_watch_done(&w);
}
