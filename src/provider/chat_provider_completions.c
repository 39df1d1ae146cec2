/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call of the Chat Completions API, as OpenAI and many others have it. In
 * what they differ is said by a chat_provider_completions_t; messages and tools
 * are put into it by _completions_messages.c. What comes back is read in
 * _completions_events.c. Pure, any thread.
 */
#include "chat_provider_completions_int.h"

#include <string.h>

#include <apr_strings.h>

/* OpenAI demands a name for a schema, where the client gave none. */
#define SCHEMA_NAME "response"

/* ---- what OpenAI's models take ---- */

/*
 * Reasoning models answer 400 to any temperature, the others to any effort. A
 * model of this family prefix is one, unless its name also holds the exception.
 */
typedef struct family_t {
    const char *prefix;
    const char *except; /* NULL: none */
} family_t;

static const family_t reasoning[] = {
    {"o1", NULL},
    {"o3", NULL},
    {"o4", NULL},
    {"gpt-5", "-chat"},
};

static const family_t plain[] = {
    {"gpt-3.5", NULL},
    {"gpt-4", NULL},
    {"chatgpt-", NULL},
};

static int is_any(const char *model, const family_t *families, apr_size_t n)
{
    apr_size_t i;

    for (i = 0; i < n; i++) {
        const char *prefix = families[i].prefix;

        if (strncmp(model, prefix, strlen(prefix)) == 0)
            return !families[i].except || !strstr(model, families[i].except);
    }
    return 0;
}

int chat_provider_completions_reasons(const char *model)
{
    return is_any(model, reasoning, sizeof(reasoning) / sizeof(reasoning[0]));
}

int chat_provider_completions_plain(const char *model)
{
    return is_any(model, plain, sizeof(plain) / sizeof(plain[0]));
}

unsigned chat_provider_completions_lacks(const chat_upstream_t *up,
                                         const char *model)
{
    if (chat_provider_completions_reasons(model))
        return CHAT_LACKS_TEMPERATURE | CHAT_LACKS_TOP_P | CHAT_LACKS_STOP;
    return chat_provider_completions_plain(model) ? CHAT_LACKS_EFFORT : 0;
}

/* ---- the body ---- */

const char *chat_provider_completions_path(const char *path,
                                           const chat_upstream_t *up,
                                           apr_pool_t *p)
{
    if (!up->version)
        return path;
    return apr_pstrcat(p, path, "?api-version=", up->version, NULL);
}

const char *chat_provider_completions_wire_format(const chat_upstream_t *up)
{
    return "chat-completions";
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
    if (chat_provider_completions_reasons(turn->model))
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
                       const chat_provider_completions_t *kind)
{
    if (kind->effort && !chat_provider_completions_plain(turn->model))
        chat_json_add_string(body, kind->effort, turn->effort);
}

static void add_format(chat_json_t *body, const chat_turn_t *turn,
                       const chat_provider_completions_t *kind, apr_pool_t *p)
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
                               const chat_provider_completions_t *kind,
                               apr_pool_t *p)
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
    chat_json_t *options = chat_provider_native_copy(
        chat_json_get(body, "stream_options"), NULL, p);

    chat_json_add_boolean(options, "include_usage", 1);
    chat_json_add(body, "stream_options", options);
}

/* What reasoning models refuse beside temperature and top_p. */
int chat_provider_completions_left_out(const char *name)
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

/* The provider's name of a member that it has under another one. */
static const char *find_name(const char *name,
                             const chat_provider_completions_t *kind)
{
    const char *const(*pair)[2] = kind->renamed;

    for (; pair && (*pair)[0]; pair++) {
        if (strcmp((*pair)[0], name) == 0)
            return (*pair)[1];
    }
    return name;
}

/* Members of the client's that are unknown here. Those that are known have been
 * set already, and one that is renamed wins over one that has that name. */
static void add_extra(chat_json_t *body, const chat_turn_t *turn,
                      const chat_provider_completions_t *kind)
{
    int reasons = chat_provider_completions_reasons(turn->model);
    int renamed;

    for (renamed = 1; renamed >= 0; renamed--) {
        const char *said = NULL;

        while ((said = chat_json_next(turn->extra, said)) != NULL) {
            const char *name = find_name(said, kind);

            if ((name != said) == renamed && !chat_json_get(body, name) &&
                !(reasons && chat_provider_completions_left_out(said)))
                chat_json_add(body, name, chat_json_get(turn->extra, said));
        }
    }
}

/*
 * store is said wherever it is known: OpenAI keeps Chat Completions of newer
 * accounts unless told otherwise.
 */
static chat_json_t *make_body(const chat_turn_t *turn,
                              const chat_upstream_t *up,
                              const chat_provider_completions_t *kind,
                              apr_pool_t *p)
{
    chat_json_t *body = chat_json_object(p);
    const char *system = make_system(turn, kind, p);

    chat_json_add_string(body, "model", turn->model);
    chat_json_add(body, "messages",
                  chat_provider_completions_messages(turn, system, kind, p));
    chat_provider_completions_tools(body, turn, kind, p);
    chat_provider_completions_sampling(body, turn);
    if (turn->max_output_tokens > 0)
        chat_json_add_integer(
            body,
            kind->either_most && turn->most_name ? turn->most_name : kind->most,
            turn->max_output_tokens);
    add_stop(body, turn, p);
    add_effort(body, turn, kind);
    add_format(body, turn, kind, p);
    chat_json_add_boolean(body, "stream", 1);
    if (kind->store)
        chat_json_add_boolean(body, "store", up->store);
    if (kind->usage)
        chat_provider_completions_usage(body, p);
    add_extra(body, turn, kind);
    if (kind->add_members)
        kind->add_members(body, turn, up, p);
    return body;
}

/* What is asked for and cannot be had there. */
static const char *find_unsupported(const chat_turn_t *turn,
                                    const chat_provider_completions_t *kind,
                                    chat_err_t *err)
{
    if (turn->schema && !kind->schema && turn->schema_strict == 1)
        return "This provider cannot promise a strict JSON schema: leave "
               "strict out, or set it to false.";
    if (turn->nstop && chat_provider_completions_reasons(turn->model)) {
        err->param = "stop";
        return "This model does not take stop texts.";
    }
    return NULL;
}

apr_status_t chat_provider_completions_build_call(
    chat_call_t *call, const chat_turn_t *turn, const chat_upstream_t *up,
    const chat_provider_completions_t *kind, chat_err_t *err, apr_pool_t *p)
{
    const char *path =
        chat_provider_completions_path("/chat/completions", up, p);
    const char *why = turn->native ? NULL : find_unsupported(turn, kind, err);
    apr_status_t rv;

    if (why)
        return chat_provider_call_refuse(err, why);
    rv = chat_provider_call(call, path, CHAT_KEY_BEARER, turn, up, err, p);
    if (rv != APR_SUCCESS)
        return rv;
    chat_provider_call_body(
        call,
        turn->native ? chat_provider_completions_native(turn, up, kind, p)
                     : make_body(turn, up, kind, p),
        p);
    return APR_SUCCESS;
}

/* As the provider itself would break off: an error for a chunk. */
const char *chat_provider_completions_make_cut_event(const chat_upstream_t *up,
                                                     const char *code,
                                                     const char *message,
                                                     apr_pool_t *p)
{
    return apr_pstrcat(p, "data: {\"error\":{\"type\":\"budget\",\"code\":",
                       chat_json_quote(code, p),
                       ",\"message\":", chat_json_quote(message, p),
                       ",\"param\":null}}\n\n", NULL);
}

/* ---- an answer that is no stream ---- */

static int is_word(const chat_json_t *v, const char *word)
{
    const char *text = chat_json_string(v);

    return text && strcmp(text, word) == 0;
}

/* The error of the body, NULL when there is none. vLLM of old sends it bare. */
static const chat_json_t *find_error(const chat_json_t *root)
{
    if (is_word(chat_json_get(root, "object"), "error"))
        return root;
    return chat_json_get(root, "error");
}

static int is_quota(const chat_json_t *error)
{
    return is_word(chat_json_get(error, "code"), "insufficient_quota") ||
           is_word(chat_json_get(error, "type"), "insufficient_quota");
}

/* A model that this account may not use is the question's fault, as one that
 * does not exist is: OpenAI says 403 to the one and 404 to the other. */
static int is_model(const chat_json_t *error)
{
    return is_word(chat_json_get(error, "code"), "model_not_found");
}

void chat_provider_completions_map_error(chat_err_t *err, int status,
                                         const char *body, apr_size_t len,
                                         apr_pool_t *p)
{
    const chat_json_t *error =
        find_error(chat_provider_error_body(body, len, p));

    if (status == 429 && is_quota(error)) {
        chat_provider_error_quota(err);
        return;
    }
    if (status == 403 && is_model(error))
        status = 404;
    chat_provider_error_status(
        err, status,
        chat_provider_error_word(chat_json_get(error, "code"), "", NULL, p),
        chat_provider_error_word(chat_json_get(error, "param"), "[]", NULL, p),
        p);
}
