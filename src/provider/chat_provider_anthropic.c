/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anthropic: a turn becomes a call of the Messages API. What comes back is
 * watched in _anthropic_observe.c. Pure, any thread.
 */
#include "chat_provider_int.h"

#include <string.h>

#include <apr_strings.h>

#define USUAL_VERSION "2023-06-01"

/* From this one on a temperature is refused, and the key is a Bearer token.
 * Versions are dates, so their order is that of their bytes. */
#define BEARER_VERSION "2026-10-21"

/* max_tokens must be said; so many where the client did not. */
#define USUAL_OUTPUT_TOKENS 4096

/* Clients say up to 2, as OpenAI has it. */
#define MOST_TEMPERATURE 1.0

static const char *version_of(const chat_upstream_t *up)
{
    return up->version ? up->version : USUAL_VERSION;
}

static int is_bearer_version(const chat_upstream_t *up)
{
    return strcmp(version_of(up), BEARER_VERSION) >= 0;
}

/* The system's messages have a place of their own, and one without a word in
 * it is refused: leaving it out changes nothing. */
static chat_json_t *make_messages(const chat_turn_t *turn, apr_pool_t *p)
{
    chat_json_t *list = chat_json_array(p);
    int i;

    for (i = 0; i < turn->nmessages; i++) {
        const chat_message_t *m = &turn->messages[i];

        if (m->role == CHAT_ROLE_SYSTEM || chat_provider_call_blank(m->content))
            continue;
        chat_json_push(list,
                       chat_provider_completions_message(
                           m->role == CHAT_ROLE_USER ? "user" : "assistant",
                           m->content, p));
    }
    return list;
}

static int starts_with_user(const chat_json_t *messages)
{
    const chat_json_t *first = chat_json_at(messages, 0);
    const char *role = chat_json_string(chat_json_get(first, "role"));

    return role && strcmp(role, "user") == 0;
}

static void add_temperature(chat_json_t *body, const chat_turn_t *turn,
                            const chat_upstream_t *up)
{
    double t = turn->temperature;

    if (turn->has_temperature && !is_bearer_version(up))
        chat_json_add_number(body, "temperature",
                             t > MOST_TEMPERATURE ? MOST_TEMPERATURE : t);
}

/* A schema always binds here, so there is no strict. */
static void add_schema(chat_json_t *body, const chat_turn_t *turn,
                       apr_pool_t *p)
{
    chat_json_t *config, *format;

    if (!turn->schema)
        return;
    format = chat_json_object(p);
    chat_json_add_string(format, "type", "json_schema");
    chat_json_add(format, "schema", turn->schema);
    config = chat_json_object(p);
    chat_json_add(config, "format", format);
    chat_json_add(body, "output_config", config);
}

static chat_json_t *make_body(const chat_turn_t *turn,
                              const chat_upstream_t *up, chat_json_t *messages,
                              apr_pool_t *p)
{
    chat_json_t *body = chat_json_object(p);
    const char *system = chat_provider_call_system(turn, p);
    int most = turn->max_output_tokens;

    chat_json_add_string(body, "model", turn->model);
    chat_json_add_integer(body, "max_tokens",
                          most > 0 ? most : USUAL_OUTPUT_TOKENS);
    if (system)
        chat_json_add_string(body, "system", system);
    chat_json_add(body, "messages", messages);
    add_temperature(body, turn, up);
    add_schema(body, turn, p);
    chat_json_add_boolean(body, "stream", 1);
    return body;
}

static apr_status_t build(chat_call_t *call, const chat_turn_t *turn,
                          const chat_upstream_t *up, chat_err_t *err,
                          apr_pool_t *p)
{
    int usual = is_bearer_version(up) ? CHAT_KEY_BEARER : CHAT_KEY_X_API_KEY;
    chat_json_t *messages = make_messages(turn, p);
    apr_status_t rv;

    if (!starts_with_user(messages))
        return chat_provider_call_refuse(
            err, "This provider wants a message of the user, with text in "
                 "it, before any of the assistant.");
    rv = chat_provider_call(call, "/messages", usual, turn, up, err, p);
    if (rv != APR_SUCCESS)
        return rv;
    chat_provider_call_header(call, "anthropic-version", version_of(up), p);
    chat_provider_call_body(call, make_body(turn, up, messages, p), p);
    return APR_SUCCESS;
}

static const char *cut(const chat_upstream_t *up, const char *code,
                       const char *message, apr_pool_t *p)
{
    return apr_pstrcat(
        p, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":",
        chat_json_quote(code, p), ",\"message\":", chat_json_quote(message, p),
        "}}\n\n", NULL);
}

/* A cap on spending that looks like a rate limit. */
static int is_spent(const chat_json_t *root)
{
    const char *code = chat_json_string(
        chat_json_path(root, "error", "details", "error_code", NULL));

    return code && strcmp(code, "enforced_spend_limit_reached") == 0;
}

static void refused(chat_err_t *err, int status, const char *body,
                    apr_size_t len, apr_pool_t *p)
{
    const chat_json_t *root = chat_provider_refused_body(body, len, p);
    const chat_json_t *type = chat_json_path(root, "error", "type", NULL);

    if (status == 429 && is_spent(root))
        chat_provider_refused_quota(err);
    else
        chat_provider_refused(err, status,
                              chat_provider_word(type, "", NULL, p), NULL, p);
}

static chat_wire_e wire(const chat_upstream_t *up)
{
    return CHAT_WIRE_MESSAGES;
}

const chat_provider_t chat_provider_anthropic = {
    .name = "anthropic",
    .wire = wire,
    .build = build,
    .observe = chat_provider_anthropic_observe,
    .parse = chat_provider_anthropic_parse,
    .whole = chat_provider_anthropic_whole,
    .cut = cut,
    .refused = refused,
};
