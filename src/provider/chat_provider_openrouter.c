/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenRouter: Chat Completions. Its comments while a model is warming up are
 * no events, its error in mid-stream is a chunk with a choice beside it, and
 * its usage comes unasked. Pure, any thread.
 */
#include "chat_provider_completions_int.h"

/* How much to reason is an object: {"reasoning": {"effort": "low"}}. */
static void add_members(chat_json_t *body, const chat_turn_t *turn,
                        const chat_upstream_t *up, apr_pool_t *p)
{
    chat_json_t *reasoning;

    if (!turn->effort || chat_provider_completions_plain(turn->model))
        return;
    reasoning = chat_json_object(p);
    chat_json_add_string(reasoning, "effort", turn->effort);
    chat_json_add(body, "reasoning", reasoning);
}

static const chat_provider_completions_t completions = {
    .most = "max_tokens",
    .either_most = 1,
    .reasoning = 1,
    .details = 1,
    .developer = 1,
    .schema = 1,
    .required = "required",
    .add_members = add_members,
};

static apr_status_t build_call(chat_call_t *call, const chat_turn_t *turn,
                               const chat_upstream_t *up, chat_err_t *err,
                               apr_pool_t *p)
{
    return chat_provider_completions_build_call(call, turn, up, &completions,
                                                err, p);
}

/* A 403 with reasons is about the question, not about the key. */
static int is_moderation(const char *body, apr_size_t len, apr_pool_t *p)
{
    const chat_json_t *root = chat_provider_error_body(body, len, p);

    return chat_json_path(root, "error", "metadata", "reasons", NULL) != NULL;
}

static void map_error(chat_err_t *err, int status, const char *body,
                      apr_size_t len, apr_pool_t *p)
{
    if (status == 403 && is_moderation(body, len, p))
        chat_provider_error_status(err, 400, "moderation", NULL, p);
    else
        chat_provider_completions_map_error(err, status, body, len, p);
}

/* Its list of models is for everybody. */
static apr_status_t build_check(chat_call_t *call, const chat_upstream_t *up,
                                chat_err_t *err, apr_pool_t *p)
{
    return chat_provider_check_call(call, "/key", CHAT_KEY_BEARER, up, err, p);
}

const chat_provider_t chat_provider_openrouter = {
    CHAT_PROVIDER_COMPLETIONS,
    .semconv = "openrouter",
    .build_call = build_call,
    .build_check = build_check,
    .map_error = map_error,
};
