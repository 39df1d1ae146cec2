/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenAI: a turn becomes a call of the Responses API or, by configuration, of
 * Chat Completions, which is _completions.c. What comes back is watched in
 * _openai_observe.c. Pure, any thread.
 */
#include "chat_provider_int.h"

#include <apr_strings.h>

/* The Responses API answers 400 to less. */
#define LEAST_OUTPUT_TOKENS 16

/* Reasoning models refuse the older max_tokens. */
static const chat_completions_t completions = {
    .most = "max_completion_tokens",
    .store = 1,
    .usage = 1,
    .schema = 1,
};

static chat_json_t *make_responses(const chat_turn_t *turn, int store,
                                   apr_pool_t *p)
{
    chat_json_t *body = chat_json_object(p);
    chat_json_t *options = chat_json_object(p);
    int most = turn->max_output_tokens;

    chat_json_add_string(body, "model", turn->model);
    if (turn->system)
        chat_json_add_string(body, "instructions", turn->system);
    chat_json_add(body, "input",
                  chat_provider_completions_messages(turn, NULL, p));
    chat_provider_completions_temperature(body, turn);
    if (most > 0)
        chat_json_add_integer(body, "max_output_tokens",
                              most < LEAST_OUTPUT_TOKENS ? LEAST_OUTPUT_TOKENS
                                                         : most);
    if (turn->schema) {
        chat_json_t *text = chat_json_object(p);
        chat_json_t *format = chat_json_object(p);

        chat_json_add_string(format, "type", "json_schema");
        chat_provider_completions_schema(format, turn);
        chat_json_add(text, "format", format);
        chat_json_add(body, "text", text);
    }
    chat_json_add_boolean(body, "stream", 1);
    chat_json_add_boolean(body, "store", store);
    /* Padding against traffic analysis: TLS to the client is ours. */
    chat_json_add_boolean(options, "include_obfuscation", 0);
    chat_json_add(body, "stream_options", options);
    return body;
}

static apr_status_t build_responses(chat_call_t *call, const chat_turn_t *turn,
                                    const chat_upstream_t *up, chat_err_t *err,
                                    apr_pool_t *p)
{
    const char *path = chat_provider_completions_path("/responses", up, p);
    apr_status_t rv =
        chat_provider_call(call, path, CHAT_KEY_BEARER, turn, up, err, p);

    if (rv == APR_SUCCESS)
        chat_provider_call_body(call, make_responses(turn, up->store, p), p);
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
    .build = build,
    .observe = chat_provider_openai_observe,
    .parse = chat_provider_openai_parse,
    .cut = cut,
    .refused = chat_provider_completions_refused,
};
