/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gemini: a turn becomes a call of streamGenerateContent, whose model stands in
 * the path. What comes back is watched in _gemini_observe.c. Pure, any thread.
 */
#include "chat_provider_int.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

/* Names may be written as the API lists them. */
#define MODEL_PREFIX "models/"

/* More seconds than that are no delay to tell a client of. */
#define MOST_RETRY_DIGITS 5

/* The name as it may stand in a path, NULL when it may not. */
static const char *path_name(const char *model)
{
    static const char fit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "abcdefghijklmnopqrstuvwxyz0123456789._-";
    const apr_size_t len = sizeof(MODEL_PREFIX) - 1;

    if (strncmp(model, MODEL_PREFIX, len) == 0)
        model += len;
    return *model && *model != '.' && strspn(model, fit) == strlen(model)
               ? model
               : NULL;
}

static chat_json_t *make_parts(const char *text, apr_pool_t *p)
{
    chat_json_t *parts = chat_json_array(p);
    chat_json_t *part = chat_json_object(p);

    chat_json_add_string(part, "text", text);
    chat_json_push(parts, part);
    return parts;
}

/* The system's messages have a place of their own. A part without text is
 * refused: leaving it out changes nothing. */
static chat_json_t *make_contents(const chat_turn_t *turn, apr_pool_t *p)
{
    chat_json_t *list = chat_json_array(p);
    int i;

    for (i = 0; i < turn->nmessages; i++) {
        const chat_message_t *m = &turn->messages[i];
        chat_json_t *content;

        if (m->role == CHAT_ROLE_SYSTEM || chat_provider_call_blank(m->content))
            continue;
        content = chat_json_object(p);
        chat_json_add_string(content, "role",
                             m->role == CHAT_ROLE_USER ? "user" : "model");
        chat_json_add(content, "parts", make_parts(m->content, p));
        chat_json_push(list, content);
    }
    return list;
}

/* A schema always binds here, so there is no strict. NULL: nothing to say. */
static chat_json_t *make_config(const chat_turn_t *turn, apr_pool_t *p)
{
    chat_json_t *config;

    if (!turn->has_temperature && turn->max_output_tokens <= 0 && !turn->schema)
        return NULL;
    config = chat_json_object(p);
    if (turn->has_temperature)
        chat_json_add_number(config, "temperature", turn->temperature);
    if (turn->max_output_tokens > 0)
        chat_json_add_integer(config, "maxOutputTokens",
                              turn->max_output_tokens);
    if (turn->schema) {
        chat_json_add_string(config, "responseMimeType", "application/json");
        chat_json_add(config, "responseJsonSchema", turn->schema);
    }
    return config;
}

static chat_json_t *make_body(const chat_turn_t *turn, chat_json_t *contents,
                              apr_pool_t *p)
{
    chat_json_t *body = chat_json_object(p);
    const char *system = chat_provider_call_system(turn, p);

    chat_json_add(body, "contents", contents);
    if (system) {
        chat_json_t *instruction = chat_json_object(p);

        chat_json_add(instruction, "parts", make_parts(system, p));
        chat_json_add(body, "systemInstruction", instruction);
    }
    chat_json_add(body, "generationConfig", make_config(turn, p));
    return body;
}

static apr_status_t build(chat_call_t *call, const chat_turn_t *turn,
                          const chat_upstream_t *up, chat_err_t *err,
                          apr_pool_t *p)
{
    chat_json_t *contents = make_contents(turn, p);
    const char *model = path_name(turn->model), *path;
    apr_status_t rv;

    if (!model)
        return chat_provider_call_refuse(
            err, "This provider has no model of such a name: it is made of "
                 "letters, digits, dots, hyphens and underscores.");
    if (chat_json_length(contents) == 0)
        return chat_provider_call_refuse(
            err, "This provider wants a message with text in it.");
    /* Without alt=sse the answer is one JSON array in pieces. */
    path = apr_pstrcat(p, "/models/", model, ":streamGenerateContent?alt=sse",
                       NULL);
    rv = chat_provider_call(call, path, CHAT_KEY_X_GOOG, turn, up, err, p);
    if (rv == APR_SUCCESS)
        chat_provider_call_body(call, make_body(turn, contents, p), p);
    return rv;
}

static const char *cut(const chat_upstream_t *up, const char *code,
                       const char *message, apr_pool_t *p)
{
    return apr_pstrcat(
        p, "data: {\"error\":{\"code\":429,\"message\":",
        chat_json_quote(message, p),
        ",\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[{\"reason\":",
        chat_json_quote(code, p), "}]}}\r\n\r\n", NULL);
}

/* ---- an answer that is no stream ---- */

/* The error of the body, which in the other mode is an array. */
static const chat_json_t *find_error(const chat_json_t *root)
{
    if (chat_json_kind(root) == CHAT_JSON_ARRAY)
        root = chat_json_at(root, 0);
    return chat_json_get(root, "error");
}

/* That member of whichever detail has it, NULL when none has. */
static const chat_json_t *find_detail(const chat_json_t *error,
                                      const char *member)
{
    const chat_json_t *details = chat_json_get(error, "details");
    const chat_json_t *found = NULL;
    int i;

    for (i = 0; !found && i < chat_json_length(details); i++)
        found = chat_json_get(chat_json_at(details, i), member);
    return found;
}

/* A bad key is a 400 here. */
static int is_key(const char *reason)
{
    return reason && strncmp(reason, "API_KEY_", 8) == 0;
}

/* "37s", maybe with a fraction, as Retry-After has it; NULL: not said. */
static const char *read_delay(const chat_json_t *delay, apr_pool_t *p)
{
    const char *text = chat_json_string(delay);
    apr_size_t digits = text ? strspn(text, "0123456789") : 0;
    const char *rest = text ? text + digits : "";

    if (digits == 0 || digits > MOST_RETRY_DIGITS)
        return NULL;
    if (*rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    if (strcmp(rest, "s") != 0)
        return NULL;
    return apr_off_t_toa(p, apr_atoi64(text) + (text[digits] == '.'));
}

static void refused(chat_err_t *err, int status, const char *body,
                    apr_size_t len, apr_pool_t *p)
{
    const chat_json_t *error =
        find_error(chat_provider_refused_body(body, len, p));
    const char *reason =
        chat_provider_word(find_detail(error, "reason"), "", NULL, p);

    if (is_key(reason)) {
        chat_provider_refused_auth(err);
        return;
    }
    if (!reason)
        reason =
            chat_provider_word(chat_json_get(error, "status"), "", NULL, p);
    chat_provider_refused(err, status, reason, NULL, p);
    if (err->status == 429 || err->status == 503)
        err->retry_after = read_delay(find_detail(error, "retryDelay"), p);
}

static chat_wire_e wire(const chat_upstream_t *up)
{
    return CHAT_WIRE_GEMINI;
}

const chat_provider_t chat_provider_gemini = {
    .name = "gemini",
    .wire = wire,
    .build = build,
    .observe = chat_provider_gemini_observe,
    .parse = chat_provider_gemini_parse,
    .trails = 1,
    .whole = chat_provider_gemini_whole,
    .cut = cut,
    .refused = refused,
};
