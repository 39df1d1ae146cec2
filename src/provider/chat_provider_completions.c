/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call of the Chat Completions API, as OpenAI and many others have it. In
 * what they differ is said by a chat_completions_t; messages and tools are put
 * into it by _completions_messages.c. What comes back is taken apart in
 * _completions_parse.c, watched in _completions_observe.c and explained in
 * _completions_refused.c. Pure, any thread.
 */
#include "chat_provider_int.h"

#include <string.h>

#include <apr_strings.h>

/* OpenAI demands a name for a schema, where the client gave none. */
#define SCHEMA_NAME "response"

const char *chat_provider_completions_path(const char *path,
                                           const chat_upstream_t *up,
                                           apr_pool_t *p)
{
    if (!up->version)
        return path;
    return apr_pstrcat(p, path, "?api-version=", up->version, NULL);
}

chat_wire_e chat_provider_completions_wire(const chat_upstream_t *up)
{
    return CHAT_WIRE_COMPLETIONS;
}

void chat_provider_completions_schema(chat_json_t *into,
                                      const chat_turn_t *turn)
{
    chat_json_add_string(into, "name",
                         turn->schema_name ? turn->schema_name : SCHEMA_NAME);
    chat_json_add(into, "schema", turn->schema);
    if (turn->schema_strict >= 0)
        chat_json_add_boolean(into, "strict", turn->schema_strict);
}

void chat_provider_completions_sampling(chat_json_t *body,
                                        const chat_turn_t *turn)
{
    if (chat_provider_call_reasons(turn->model))
        return;
    if (turn->has_temperature)
        chat_json_add_number(body, "temperature", turn->temperature);
    if (turn->has_top_p)
        chat_json_add_number(body, "top_p", turn->top_p);
}

static void add_stop(chat_json_t *body, const chat_turn_t *turn, apr_pool_t *p)
{
    chat_json_t *list;
    int i;

    if (!turn->nstop)
        return;
    list = chat_json_array(p);
    for (i = 0; i < turn->nstop; i++)
        chat_json_push_string(list, turn->stop[i]);
    chat_json_add(body, "stop", list);
}

static void add_effort(chat_json_t *body, const chat_turn_t *turn,
                       const chat_completions_t *kind, apr_pool_t *p)
{
    chat_json_t *reasoning;

    if (!turn->effort || chat_provider_call_plain(turn->model))
        return;
    if (kind->effort == CHAT_EFFORT_WORD) {
        chat_json_add_string(body, "reasoning_effort", turn->effort);
        return;
    }
    reasoning = chat_json_object(p);
    chat_json_add_string(reasoning, "effort", turn->effort);
    chat_json_add(body, "reasoning", reasoning);
}

static void add_format(chat_json_t *body, const chat_turn_t *turn,
                       const chat_completions_t *kind, apr_pool_t *p)
{
    int with_schema = turn->schema && kind->schema;
    chat_json_t *format, *schema;

    if (!turn->schema && !turn->json)
        return;
    format = chat_json_object(p);
    chat_json_add_string(format, "type",
                         with_schema ? "json_schema" : "json_object");
    if (with_schema) {
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

void chat_provider_completions_usage(chat_json_t *body, apr_pool_t *p)
{
    chat_json_t *options = chat_provider_content_copy(
        chat_json_get(body, "stream_options"), NULL, p);

    chat_json_add_boolean(options, "include_usage", 1);
    chat_json_add(body, "stream_options", options);
}

/* What reasoning models refuse beside temperature and top_p. */
static int is_refused(const char *name)
{
    static const char *const names[] = {
        "frequency_penalty",
        "presence_penalty",
        "logit_bias",
        "top_logprobs",
    };
    apr_size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0)
            return 1;
    }
    return 0;
}

/* What we know is said by us. */
static void add_extra(chat_json_t *body, const chat_turn_t *turn)
{
    int reasons = chat_provider_call_reasons(turn->model);
    const char *name = NULL;

    while ((name = chat_json_next(turn->extra, name)) != NULL) {
        if (!chat_json_get(body, name) && !(reasons && is_refused(name)))
            chat_json_add(body, name, chat_json_get(turn->extra, name));
    }
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
    chat_provider_completions_tools(body, turn, kind, p);
    chat_provider_completions_sampling(body, turn);
    if (turn->max_output_tokens > 0)
        chat_json_add_integer(body, kind->most, turn->max_output_tokens);
    add_stop(body, turn, p);
    add_effort(body, turn, kind, p);
    add_format(body, turn, kind, p);
    chat_json_add_boolean(body, "stream", 1);
    if (kind->store)
        chat_json_add_boolean(body, "store", store);
    if (kind->usage)
        chat_provider_completions_usage(body, p);
    add_extra(body, turn);
    return body;
}

/* What is asked for and cannot be had there. */
static const char *find_unsupported(const chat_turn_t *turn,
                                    const chat_completions_t *kind)
{
    if (turn->schema && !kind->schema && turn->schema_strict == 1)
        return "This provider cannot promise a strict JSON schema: leave "
               "strict out, or set it to false.";
    if (turn->nstop && chat_provider_call_reasons(turn->model))
        return "This model does not take stop texts.";
    return NULL;
}

apr_status_t chat_provider_completions(chat_call_t *call,
                                       const chat_turn_t *turn,
                                       const chat_upstream_t *up,
                                       const chat_completions_t *kind,
                                       chat_err_t *err, apr_pool_t *p)
{
    const char *path =
        chat_provider_completions_path("/chat/completions", up, p);
    const char *why = turn->own ? NULL : find_unsupported(turn, kind);
    apr_status_t rv;

    if (why)
        return chat_provider_call_refuse(err, why);
    rv = chat_provider_call(call, path, CHAT_KEY_BEARER, turn, up, err, p);
    if (rv != APR_SUCCESS)
        return rv;
    chat_provider_call_body(
        call,
        turn->own ? chat_provider_completions_own(turn, up, kind, p)
                  : make_body(turn, up->store, kind, p),
        p);
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
