/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call of the Chat Completions API, as OpenAI and many others have it. In
 * what they differ is said by a chat_completions_t; what comes back is watched
 * in _completions_observe.c and explained in _completions_refused.c. Pure, any
 * thread.
 */
#include "chat_provider_int.h"

#include <apr_strings.h>

/* OpenAI demands a name for a schema; no client gives one. */
#define SCHEMA_NAME "response"

const char *chat_provider_completions_path(const char *path,
                                           const chat_upstream_t *up,
                                           apr_pool_t *p)
{
    if (!up->version)
        return path;
    return apr_pstrcat(p, path, "?api-version=", up->version, NULL);
}

chat_json_t *chat_provider_completions_message(const char *role,
                                               const char *content,
                                               apr_pool_t *p)
{
    chat_json_t *message = chat_json_object(p);

    chat_json_add_string(message, "role", role);
    chat_json_add_string(message, "content", content);
    return message;
}

chat_json_t *chat_provider_completions_messages(const chat_turn_t *turn,
                                                const char *system,
                                                apr_pool_t *p)
{
    static const char *const roles[] = {
        [CHAT_ROLE_USER] = "user",
        [CHAT_ROLE_ASSISTANT] = "assistant",
        [CHAT_ROLE_SYSTEM] = "system",
    };
    chat_json_t *list = chat_json_array(p);
    int i;

    if (system)
        chat_json_push(list,
                       chat_provider_completions_message("system", system, p));
    for (i = 0; i < turn->nmessages; i++) {
        const chat_message_t *m = &turn->messages[i];

        chat_json_push(list, chat_provider_completions_message(roles[m->role],
                                                               m->content, p));
    }
    return list;
}

void chat_provider_completions_schema(chat_json_t *into,
                                      const chat_turn_t *turn)
{
    chat_json_add_string(into, "name", SCHEMA_NAME);
    chat_json_add(into, "schema", turn->schema);
    if (turn->schema_strict >= 0)
        chat_json_add_boolean(into, "strict", turn->schema_strict);
}

void chat_provider_completions_temperature(chat_json_t *body,
                                           const chat_turn_t *turn)
{
    if (turn->has_temperature && !chat_provider_call_reasons(turn->model))
        chat_json_add_number(body, "temperature", turn->temperature);
}

static void add_format(chat_json_t *body, const chat_turn_t *turn,
                       const chat_completions_t *kind, apr_pool_t *p)
{
    chat_json_t *format, *schema;

    if (!turn->schema)
        return;
    format = chat_json_object(p);
    chat_json_add_string(format, "type",
                         kind->schema ? "json_schema" : "json_object");
    if (kind->schema) {
        schema = chat_json_object(p);
        chat_provider_completions_schema(schema, turn);
        chat_json_add(format, "json_schema", schema);
    }
    chat_json_add(body, "response_format", format);
}

/* Where a schema cannot be demanded it is asked for. */
static const char *make_system(const chat_turn_t *turn,
                               const chat_completions_t *kind, apr_pool_t *p)
{
    if (!turn->schema || kind->schema)
        return turn->system;
    return apr_pstrcat(p, turn->system ? turn->system : "",
                       turn->system ? "\n\n" : "",
                       "Answer with one JSON object that fits this JSON "
                       "schema:\n",
                       chat_json_text(turn->schema, NULL, p), NULL);
}

/*
 * store is said wherever it is known: OpenAI keeps Chat Completions of newer
 * accounts unless told otherwise.
 */
static chat_json_t *make_body(const chat_turn_t *turn, int store,
                              const chat_completions_t *kind, apr_pool_t *p)
{
    chat_json_t *body = chat_json_object(p);
    const char *system = make_system(turn, kind, p);

    chat_json_add_string(body, "model", turn->model);
    chat_json_add(body, "messages",
                  chat_provider_completions_messages(turn, system, p));
    chat_provider_completions_temperature(body, turn);
    if (turn->max_output_tokens > 0)
        chat_json_add_integer(body, kind->most, turn->max_output_tokens);
    add_format(body, turn, kind, p);
    chat_json_add_boolean(body, "stream", 1);
    if (kind->store)
        chat_json_add_boolean(body, "store", store);
    if (kind->usage) {
        chat_json_t *options = chat_json_object(p);

        chat_json_add_boolean(options, "include_usage", 1);
        chat_json_add(body, "stream_options", options);
    }
    return body;
}

apr_status_t chat_provider_completions(chat_call_t *call,
                                       const chat_turn_t *turn,
                                       const chat_upstream_t *up,
                                       const chat_completions_t *kind,
                                       chat_err_t *err, apr_pool_t *p)
{
    const char *path =
        chat_provider_completions_path("/chat/completions", up, p);
    apr_status_t rv;

    if (turn->schema && !kind->schema && turn->schema_strict == 1)
        return chat_provider_call_refuse(
            err, "This provider cannot promise a strict JSON schema: leave "
                 "strict out, or set it to false.");
    rv = chat_provider_call(call, path, CHAT_KEY_BEARER, turn, up, err, p);
    if (rv != APR_SUCCESS)
        return rv;
    chat_provider_call_body(call, make_body(turn, up->store, kind, p), p);
    return APR_SUCCESS;
}

/* As the provider itself would break off: an error for a chunk. */
const char *chat_provider_completions_cut(const chat_upstream_t *up,
                                          const char *code, const char *message,
                                          apr_pool_t *p)
{
    return apr_pstrcat(p, "data: {\"error\":{\"type\":\"budget\",\"code\":",
                       chat_json_quote(code, p),
                       ",\"message\":", chat_json_quote(message, p),
                       ",\"param\":null}}\n\n", NULL);
}
