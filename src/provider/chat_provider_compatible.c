/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any server that speaks Chat Completions: vLLM, Ollama, a gateway, Azure. Only
 * what all of them know is said. Pure, any thread.
 */
#include "chat_provider_kit.h"

static const chat_provider_completions_t common = {
    .most = "max_tokens",
    .either_most = 1,
    .reasoning = 1,
    .details = 1,
    .effort = "reasoning_effort",
    .usage = 1,
    .schema = 1,
    .required = "required",
};

/* An api-version means Azure, whose reasoning models refuse the older name. */
static const chat_provider_completions_t azure = {
    .most = "max_completion_tokens",
    .reasoning = 1,
    .longest_id = 40,
    .effort = "reasoning_effort",
    .usage = 1,
    .schema = 1,
    .required = "required",
};

static apr_status_t build_call(chat_call_t *call, const chat_turn_t *turn,
                               const chat_upstream_t *up, chat_err_t *err,
                               apr_pool_t *p)
{
    return chat_provider_completions_build_call(
        call, turn, up, up->version ? &azure : &common, err, p);
}

const chat_provider_t chat_provider_compatible = {
    CHAT_PROVIDER_COMPLETIONS,
    .build_call = build_call,
    .map_error = chat_provider_completions_map_error,
};
