/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anthropic: a turn becomes a call of the Messages API. What comes back is read
 * in _anthropic_events.c. Pure, any thread.
 */
#include "chat_provider_anthropic_int.h"

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

static int starts_with_user(const chat_json_t *messages)
{
    const chat_json_t *first = chat_json_at(messages, 0);
    const char *role = chat_json_string(chat_json_get(first, "role"));

    return role && strcmp(role, "user") == 0;
}

/* ---- the body ---- */

/* Where an object is wanted, but no certain one, all that can be done is to
 * ask for it. */
static void add_system(chat_json_t *body, const chat_turn_t *turn,
                       apr_pool_t *p)
{
    const char *system = chat_provider_call_system(turn, p);
    const char *more = turn->json && !turn->schema
                           ? "Answer with one JSON object and nothing else."
                           : NULL;
    chat_json_t *blocks = chat_provider_anthropic_system(turn, more, p);

    if (blocks)
        chat_json_add(body, "system", blocks);
    else if (more && system)
        chat_json_add_string(body, "system",
                             apr_pstrcat(p, system, "\n\n", more, NULL));
    else
        chat_json_add_string(body, "system", more ? more : system);
}

/* How to think, in Anthropic's own words, which clients of gateways have beside
 * OpenAI's. NULL: they do not ask for it. */
static chat_json_t *find_thinking(const chat_turn_t *turn)
{
    chat_json_t *thinking = chat_json_get(turn->extra, "thinking");
    const char *type = chat_json_string(chat_json_get(thinking, "type"));

    return type && strcmp(type, "disabled") != 0 ? thinking : NULL;
}

/* What it thinks counts, too. */
static apr_int64_t find_most(const chat_turn_t *turn)
{
    apr_int64_t budget = chat_json_integer(
        chat_json_get(find_thinking(turn), "budget_tokens"), 0);

    if (turn->max_output_tokens > 0)
        return turn->max_output_tokens;
    return USUAL_OUTPUT_TOKENS +
           (budget > 0 && budget < APR_INT32_MAX ? budget : 0);
}

/* Newer models refuse both at once, and any while they think. */
static void add_sampling(chat_json_t *body, const chat_turn_t *turn,
                         const chat_upstream_t *up)
{
    double t = turn->temperature;

    if (is_bearer_version(up) || find_thinking(turn))
        return;
    if (turn->has_temperature)
        chat_json_add_number(body, "temperature",
                             t > MOST_TEMPERATURE ? MOST_TEMPERATURE : t);
    else if (turn->has_top_p)
        chat_json_add_number(body, "top_p", turn->top_p);
}

static void add_stop(chat_json_t *body, const chat_turn_t *turn, apr_pool_t *p)
{
    chat_json_t *list;
    int i;

    if (turn->nstop == 0)
        return;
    list = chat_json_array(p);
    for (i = 0; i < turn->nstop; i++)
        chat_json_push_string(list, turn->stop[i]);
    chat_json_add(body, "stop_sequences", list);
}

/*
 * How much effort, in Anthropic's words; NULL: no such word. Less than low is
 * low. None at all is what goes without saying, as thoughts have to be asked
 * for: "".
 */
static const char *find_effort(const char *effort)
{
    static const char *const words[][2] = {
        {"none", ""},         {"minimal", "low"}, {"low", "low"},
        {"medium", "medium"}, {"high", "high"},   {"xhigh", "xhigh"},
        {"max", "max"},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(effort, words[i][0]) == 0)
            return words[i][1];
    }
    return NULL;
}

/* A schema always binds here, so there is no strict. */
static void add_output(chat_json_t *body, const chat_turn_t *turn,
                       apr_pool_t *p)
{
    const char *effort = turn->effort ? find_effort(turn->effort) : "";
    chat_json_t *config, *format;

    if (!*effort && !turn->schema)
        return;
    config = chat_json_object(p);
    if (*effort)
        chat_json_add_string(config, "effort", effort);
    if (turn->schema) {
        format = chat_json_object(p);
        chat_json_add_string(format, "type", "json_schema");
        chat_json_add(format, "schema",
                      chat_provider_anthropic_schema(turn->schema, p));
        chat_json_add(config, "format", format);
    }
    chat_json_add(body, "output_config", config);
}

/* Members of others that it has, too. */
static const char *const more[][2] = {{"top_k", "top_k"}, {NULL, NULL}};

static chat_json_t *make_body(const chat_turn_t *turn,
                              const chat_upstream_t *up, chat_json_t *messages,
                              apr_pool_t *p)
{
    chat_json_t *body = chat_json_object(p);

    chat_json_add_string(body, "model", turn->model);
    chat_json_add_integer(body, "max_tokens", find_most(turn));
    add_system(body, turn, p);
    chat_json_add(body, "messages", messages);
    add_sampling(body, turn, up);
    add_stop(body, turn, p);
    chat_provider_more_add(body, turn, more);
    chat_provider_anthropic_messages_tools(body, turn, p);
    add_output(body, turn, p);
    chat_json_add(body, "thinking", find_thinking(turn));
    chat_json_add_boolean(body, "stream", 1);
    return body;
}

/* The client's own body, but for the members that this server sets. */
static chat_json_t *make_native(const chat_turn_t *turn, apr_pool_t *p)
{
    chat_json_t *body = chat_provider_native_copy(turn->native, NULL, p);

    chat_json_add_string(body, "model", turn->model);
    chat_provider_native_cap(body, "max_tokens", turn->max_output_tokens);
    chat_json_add_boolean(body, "stream", !turn->whole);
    return body;
}

/* ---- the call ---- */

static apr_status_t check(const chat_turn_t *turn, const chat_json_t *messages,
                          chat_err_t *err, apr_pool_t *p)
{
    static const char *const known[] = {"top_k", "thinking", NULL};
    const char *unknown = chat_provider_more_unknown(turn, known);
    int i;

    if (unknown)
        return chat_provider_more_refuse(err, unknown, p);
    if (!starts_with_user(messages))
        return chat_provider_call_refuse(
            err, "This provider wants a message of the user, with text in "
                 "it, before any of the assistant.");
    if (turn->effort && !find_effort(turn->effort))
        return chat_provider_call_refuse(
            err, "This provider knows the efforts none, minimal, low, medium, "
                 "high, xhigh and max.");
    for (i = 0; i < turn->nstop; i++) {
        if (chat_provider_call_blank(turn->stop[i]))
            return chat_provider_call_refuse(
                err, "This provider takes no stop text of white space alone.");
    }
    return APR_SUCCESS;
}

static apr_status_t build_call(chat_call_t *call, const chat_turn_t *turn,
                               const chat_upstream_t *up, chat_err_t *err,
                               apr_pool_t *p)
{
    int usual = is_bearer_version(up) ? CHAT_KEY_BEARER : CHAT_KEY_X_API_KEY;
    chat_json_t *messages = chat_json_array(p);
    apr_status_t rv = APR_SUCCESS;

    if (!turn->native) {
        rv = chat_provider_anthropic_messages(messages, turn, err, p);
        if (rv == APR_SUCCESS)
            rv = check(turn, messages, err, p);
    }
    if (rv == APR_SUCCESS)
        rv = chat_provider_call(call, "/messages", usual, turn, up, err, p);
    if (rv != APR_SUCCESS)
        return rv;
    chat_provider_call_header(call, "anthropic-version", version_of(up), p);
    chat_provider_call_body(call,
                            turn->native ? make_native(turn, p)
                                         : make_body(turn, up, messages, p),
                            p);
    return APR_SUCCESS;
}

/* ---- a native request ---- */

static apr_status_t read_native(chat_turn_t *turn, chat_json_t *body,
                                const char *path, const chat_upstream_t *up,
                                chat_err_t *err, apr_pool_t *p)
{
    if (!chat_provider_native_is_path(path, "/messages"))
        return chat_provider_native_refuse_path(
            err, "Of this provider's API only POST /messages is available "
                 "here.");
    if (chat_json_kind(chat_json_get(body, "messages")) != CHAT_JSON_ARRAY)
        return chat_provider_call_refuse(
            err, "This is no Messages request: it has no messages.");
    turn->max_output_tokens =
        chat_provider_native_most(chat_json_get(body, "max_tokens"));
    return chat_provider_native_take(turn, body, err);
}

/* ---- what comes back ---- */

static const char *make_cut_event(const chat_upstream_t *up, const char *code,
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

static void map_error(chat_err_t *err, int status, const char *body,
                      apr_size_t len, apr_pool_t *p)
{
    const chat_json_t *root = chat_provider_error_body(body, len, p);
    const chat_json_t *type = chat_json_path(root, "error", "type", NULL);

    if (status == 429 && is_spent(root))
        chat_provider_error_quota(err);
    else
        chat_provider_error_status(
            err, status, chat_provider_error_word(type, "", NULL, p), NULL, p);
}

static const char *type_of(int status)
{
    static const struct {
        int status;
        const char *type;
    } types[] = {
        {401, "authentication_error"}, {402, "billing_error"},
        {403, "permission_error"},     {404, "not_found_error"},
        {413, "request_too_large"},    {429, "rate_limit_error"},
        {503, "overloaded_error"},     {504, "timeout_error"},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i].status == status)
            return types[i].type;
    }
    return status < 500 ? "invalid_request_error" : "api_error";
}

static const char *refusal(const chat_err_t *err, const char *id, apr_pool_t *p)
{
    const char *text = chat_err_told(err), *type = type_of(err->status);

    if (err->upstream && *err->upstream->type && err->status < 500)
        type = err->upstream->type;
    return apr_pstrcat(
        p, "{\"type\":\"error\",\"error\":{\"type\":", chat_json_quote(type, p),
        ",\"message\":", chat_json_quote(text ? text : err->message, p),
        "},\"request_id\":", chat_json_quote(id, p), "}", NULL);
}

static unsigned lacks(const chat_upstream_t *up, const char *model)
{
    return is_bearer_version(up) ? CHAT_LACKS_TEMPERATURE | CHAT_LACKS_TOP_P
                                 : 0;
}

static const char *wire_format(const chat_upstream_t *up)
{
    return "messages";
}

static apr_status_t build_check(chat_call_t *call, const chat_upstream_t *up,
                                chat_err_t *err, apr_pool_t *p)
{
    int usual = is_bearer_version(up) ? CHAT_KEY_BEARER : CHAT_KEY_X_API_KEY;
    apr_status_t rv =
        chat_provider_check_call(call, "/models?limit=1", usual, up, err, p);

    if (rv == APR_SUCCESS)
        chat_provider_call_header(call, "anthropic-version", version_of(up), p);
    return rv;
}

const chat_provider_t chat_provider_anthropic = {
    .semconv = "anthropic",
    .wire_format = wire_format,
    .lacks = lacks,
    .read_native = read_native,
    .build_call = build_call,
    .build_check = build_check,
    .observe_event = chat_provider_anthropic_observe_event,
    .parse_event = chat_provider_anthropic_parse_event,
    .observe_body = chat_provider_anthropic_observe_body,
    .make_cut_event = make_cut_event,
    .map_error = map_error,
    .refusal = refusal,
    .id_header = "request-id",
};
