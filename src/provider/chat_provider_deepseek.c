/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DeepSeek: Chat Completions with the older name for the most tokens, and JSON
 * without a schema, which is therefore put into the system's words. Pure, any
 * thread.
 */
#include "chat_provider_int.h"

static const chat_completions_t completions = {
    .most = "max_tokens",
    .usage = 1,
    .required = "required",
};

static apr_status_t build(chat_call_t *call, const chat_turn_t *turn,
                          const chat_upstream_t *up, chat_err_t *err,
                          apr_pool_t *p)
{
    return chat_provider_completions(call, turn, up, &completions, err, p);
}

const chat_provider_t chat_provider_deepseek = {
    .name = "deepseek",
    .wire = chat_provider_completions_wire,
    .adopt = chat_provider_completions_adopt,
    .build = build,
    .observe = chat_provider_completions_observe,
    .parse = chat_provider_completions_parse,
    .whole = chat_provider_completions_whole,
    .cut = chat_provider_completions_cut,
    .refused = chat_provider_completions_refused,
};
