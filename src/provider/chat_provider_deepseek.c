/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DeepSeek: Chat Completions with the older name for the most tokens, and JSON
 * without a schema, which is therefore put into the system's words. Pure, any
 * thread.
 */
#include "chat_provider_kit.h"

static const chat_provider_completions_t completions = {
    .most = "max_tokens",
    .effort = "reasoning_effort",
    .usage = 1,
    .reasoning = 1,
    .required = "required",
};

static apr_status_t build_call(chat_call_t *call, const chat_turn_t *turn,
                               const chat_upstream_t *up, chat_err_t *err,
                               apr_pool_t *p)
{
    return chat_provider_completions_build_call(call, turn, up, &completions,
                                                err, p);
}

const chat_provider_t chat_provider_deepseek = {
    CHAT_PROVIDER_COMPLETIONS,
    .semconv = "deepseek",
    .build_call = build_call,
    .map_error = chat_provider_completions_map_error,
};
