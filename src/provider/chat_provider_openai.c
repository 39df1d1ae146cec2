/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenAI: a turn becomes a call of the Responses API or, by configuration, of
 * Chat Completions. What comes back is watched in _observe.c and explained in
 * _refused.c. Pure, any thread.
 */
#include "chat_provider_openai_int.h"

#include <string.h>

#include <apr_strings.h>

/* The Responses API answers 400 to less. */
#define LEAST_OUTPUT_TOKENS 16

/* Both APIs demand a name for a schema; no client gives one. */
#define SCHEMA_NAME "response"

/*
 * Reasoning models answer 400 to any temperature. A model of this family
 * prefix is one, unless its name also holds the exception.
 */
static const struct {
    const char *family;
    const char *except;
} reasoning[] = {
    {"o1", NULL},
    {"o3", NULL},
    {"o4", NULL},
    {"gpt-5", "-chat"},
};

static int reasons(const char *model)
{
    apr_size_t i;

    for (i = 0; i < sizeof(reasoning) / sizeof(reasoning[0]); i++) {
        const char *family = reasoning[i].family;

        if (strncmp(model, family, strlen(family)) == 0)
            return !reasoning[i].except || !strstr(model, reasoning[i].except);
    }
    return 0;
}

/* Fit for a header line: visible ASCII, so no line can be smuggled in. */
static int visible(const char *text)
{
    const unsigned char *c;

    for (c = (const unsigned char *)text; c && *c; c++) {
        if (*c <= 0x20 || *c >= 0x7f)
            return 0;
    }
    return 1;
}

static void push(apr_array_header_t *headers, const char *line)
{
    APR_ARRAY_PUSH(headers, const char *) = line;
}

static apr_array_header_t *
make_headers(const chat_turn_t *turn, const chat_upstream_t *up, apr_pool_t *p)
{
    apr_array_header_t *headers = apr_array_make(p, 8, sizeof(const char *));
    const char *id = turn->request_id;

    if (up->key && *up->key)
        push(headers, apr_pstrcat(p, "Authorization: Bearer ", up->key, NULL));
    push(headers, "Content-Type: application/json");
    push(headers, "Accept: text/event-stream");
    push(headers, "Accept-Encoding: identity");
    push(headers, "User-Agent: mod_chat/" CHAT_VERSION);
    if (id && *id) {
        push(headers, apr_pstrcat(p, "X-Request-ID: ", id, NULL));
        /* The name under which OpenAI's support finds a request. */
        push(headers, apr_pstrcat(p, "X-Client-Request-Id: ", id, NULL));
    }
    /* Without this curl waits up to a second for "100 Continue". */
    push(headers, "Expect:");
    return headers;
}

static chat_json_t *make_message(const char *role, const char *content,
                                 apr_pool_t *p)
{
    chat_json_t *message = chat_json_object(p);

    chat_json_add_string(message, "role", role);
    chat_json_add_string(message, "content", content);
    return message;
}

/* system: put first, NULL for none. */
static chat_json_t *make_messages(const chat_turn_t *turn, const char *system,
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
        chat_json_push(list, make_message("system", system, p));
    for (i = 0; i < turn->nmessages; i++) {
        const chat_message_t *m = &turn->messages[i];

        chat_json_push(list, make_message(roles[m->role], m->content, p));
    }
    return list;
}

/* into: gets the name, the schema and, only when the client said, strict. */
static void add_schema(chat_json_t *into, const chat_turn_t *turn)
{
    chat_json_add_string(into, "name", SCHEMA_NAME);
    chat_json_add(into, "schema", turn->schema);
    if (turn->schema_strict >= 0)
        chat_json_add_boolean(into, "strict", turn->schema_strict);
}

static void add_temperature(chat_json_t *body, const chat_turn_t *turn)
{
    if (turn->has_temperature && !reasons(turn->model))
        chat_json_add_number(body, "temperature", turn->temperature);
}

static chat_json_t *make_responses(const chat_turn_t *turn, int store,
                                   apr_pool_t *p)
{
    chat_json_t *body = chat_json_object(p);
    chat_json_t *options = chat_json_object(p);
    int most = turn->max_output_tokens;

    chat_json_add_string(body, "model", turn->model);
    if (turn->system)
        chat_json_add_string(body, "instructions", turn->system);
    chat_json_add(body, "input", make_messages(turn, NULL, p));
    add_temperature(body, turn);
    if (most > 0)
        chat_json_add_integer(body, "max_output_tokens",
                              most < LEAST_OUTPUT_TOKENS ? LEAST_OUTPUT_TOKENS
                                                         : most);
    if (turn->schema) {
        chat_json_t *text = chat_json_object(p);
        chat_json_t *format = chat_json_object(p);

        chat_json_add_string(format, "type", "json_schema");
        add_schema(format, turn);
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

/*
 * store is always said: OpenAI keeps Chat Completions of newer accounts
 * unless told otherwise.
 */
static chat_json_t *make_completions(const chat_turn_t *turn, int store,
                                     apr_pool_t *p)
{
    chat_json_t *body = chat_json_object(p);
    chat_json_t *options = chat_json_object(p);

    chat_json_add_string(body, "model", turn->model);
    chat_json_add(body, "messages", make_messages(turn, turn->system, p));
    add_temperature(body, turn);
    if (turn->max_output_tokens > 0)
        chat_json_add_integer(body, "max_completion_tokens",
                              turn->max_output_tokens);
    if (turn->schema) {
        chat_json_t *format = chat_json_object(p);
        chat_json_t *schema = chat_json_object(p);

        chat_json_add_string(format, "type", "json_schema");
        add_schema(schema, turn);
        chat_json_add(format, "json_schema", schema);
        chat_json_add(body, "response_format", format);
    }
    chat_json_add_boolean(body, "stream", 1);
    chat_json_add_boolean(body, "store", store);
    chat_json_add_boolean(options, "include_usage", 1);
    chat_json_add(body, "stream_options", options);
    return body;
}

static apr_status_t build(chat_call_t *call, const chat_turn_t *turn,
                          const chat_upstream_t *up, chat_err_t *err,
                          apr_pool_t *p)
{
    chat_json_t *body;

    if (!visible(up->key))
        return chat_err_set(err, APR_EINVAL, 502, "upstream_auth",
                            "The provider's key holds a character that no "
                            "header may carry.");
    if (!visible(turn->request_id))
        return chat_err_set(err, APR_EINVAL, 500, "request_id",
                            "The request's id holds a character that no "
                            "header may carry.");

    call->url = apr_pstrcat(
        p, up->url, up->completions ? "/chat/completions" : "/responses", NULL);
    call->headers = make_headers(turn, up, p);
    call->timeouts = up->timeouts;
    body = up->completions ? make_completions(turn, up->store, p)
                           : make_responses(turn, up->store, p);
    call->body = chat_json_text(body, &call->body_len, p);
    return APR_SUCCESS;
}

/* As the provider itself would break off: an error event of each API. */
static const char *cut(const chat_upstream_t *up, const char *code,
                       const char *message, apr_pool_t *p)
{
    const char *what = apr_pstrcat(p, "\"code\":", chat_json_quote(code, p),
                                   ",\"message\":", chat_json_quote(message, p),
                                   ",\"param\":null", NULL);

    if (up->completions)
        return apr_pstrcat(p, "data: {\"error\":{\"type\":\"budget\",", what,
                           "}}\n\n", NULL);
    return apr_pstrcat(p, "event: error\ndata: {\"type\":\"error\",", what,
                       "}\n\n", NULL);
}

const chat_provider_t chat_provider_openai = {
    .name = "openai",
    .build = build,
    .observe = chat_provider_openai_observe,
    .cut = cut,
    .refused = chat_provider_openai_refused,
};
