/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenAI: a turn becomes a call of the Responses API (_openai_body.c) or, by
 * configuration, of Chat Completions (_completions.c). What comes back is taken
 * apart in _openai_parse.c and watched in _openai_observe.c. Pure, any thread.
 */
#include "chat_provider_int.h"

#include <apr_strings.h>

/* Reasoning models refuse the older max_tokens. */
static const chat_completions_t completions = {
    .most = "max_completion_tokens",
    .store = 1,
    .usage = 1,
    .schema = 1,
    .required = "required",
};

static chat_wire_e wire(const chat_upstream_t *up)
{
    return up->completions ? CHAT_WIRE_COMPLETIONS : CHAT_WIRE_RESPONSES;
}

static apr_status_t build_responses(chat_call_t *call, const chat_turn_t *turn,
                                    const chat_upstream_t *up, chat_err_t *err,
                                    apr_pool_t *p)
{
    const char *path = chat_provider_completions_path("/responses", up, p);
    apr_status_t rv = APR_SUCCESS;
    chat_json_t *body;

    if (turn->own)
        body = chat_provider_openai_own(turn, up, p);
    else
        rv = chat_provider_openai_body(&body, turn, up, err, p);
    if (rv == APR_SUCCESS)
        rv = chat_provider_call(call, path, CHAT_KEY_BEARER, turn, up, err, p);
    if (rv == APR_SUCCESS)
        chat_provider_call_body(call, body, p);
    return rv;
}

static apr_status_t build(chat_call_t *call, const chat_turn_t *turn,
                          const chat_upstream_t *up, chat_err_t *err,
                          apr_pool_t *p)
{
    const char *id = turn->request_id;
    apr_status_t rv =
        up->completions
            ? chat_provider_completions(call, turn, up, &completions, err, p)
            : build_responses(call, turn, up, err, p);

    /* The name under which OpenAI's support finds a request. */
    if (rv == APR_SUCCESS && id && *id)
        chat_provider_call_header(call, "X-Client-Request-Id", id, p);
    return rv;
}

/* As the provider itself would break off. */
static const char *cut(const chat_upstream_t *up, const char *code,
                       const char *message, apr_pool_t *p)
{
    if (up->completions)
        return chat_provider_completions_cut(up, code, message, p);
    return apr_pstrcat(p, "event: error\ndata: {\"type\":\"error\",\"code\":",
                       chat_json_quote(code, p),
                       ",\"message\":", chat_json_quote(message, p),
                       ",\"param\":null}\n\n", NULL);
}

const chat_provider_t chat_provider_openai = {
    .name = "openai",
    .model = "gpt-4o-mini",
    .wire = wire,
    .adopt = chat_provider_openai_adopt,
    .build = build,
    .observe = chat_provider_openai_observe,
    .parse = chat_provider_openai_parse,
    .whole = chat_provider_openai_whole,
    .cut = cut,
    .refused = chat_provider_completions_refused,
};
