/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gemini: a turn becomes a call of streamGenerateContent, whose model stands in
 * the path. What comes back is read in _gemini_events.c. Pure, any thread.
 */
#include "chat_provider_gemini_int.h"

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

/* ---- the body ---- */

/* How much to think about it; NULL: no such words, or not of that model. */
typedef struct effort_t {
    const char *word, *level; /* of newer models */
    int budget;               /* of Gemini 2.5, in tokens; -1 */
} effort_t;

static const effort_t *find_effort(const char *word)
{
    /* The budgets are those of Google's own translation. */
    static const effort_t efforts[] = {
        {"none", NULL, 0},       {"minimal", "MINIMAL", 1024},
        {"low", "LOW", 1024},    {"medium", "MEDIUM", 8192},
        {"high", "HIGH", 24576},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(efforts) / sizeof(efforts[0]); i++) {
        if (strcmp(word, efforts[i].word) == 0)
            return &efforts[i];
    }
    return NULL;
}

static int starts_with(const char *text, const char *lead)
{
    return strncmp(text, lead, strlen(lead)) == 0;
}

/* Those do not think, and a word about it is refused. */
static int is_thoughtless(const char *model)
{
    return starts_with(model, "gemini-1") || starts_with(model, "gemini-2.0");
}

static int has_budget(const char *model)
{
    return starts_with(model, "gemini-2.5");
}

/* Only the smaller models of 2.5 can do without. */
static int can_think_so(const effort_t *effort, const char *model)
{
    if (!effort)
        return 0;
    if (effort->level || is_thoughtless(model))
        return 1;
    return has_budget(model) && !strstr(model, "-pro");
}

static void add_thinking(chat_json_t *config, const chat_turn_t *turn,
                         const char *model, apr_pool_t *p)
{
    const effort_t *effort = turn->effort ? find_effort(turn->effort) : NULL;
    chat_json_t *thinking;

    if (!effort || is_thoughtless(model))
        return;
    thinking = chat_json_object(p);
    if (has_budget(model))
        chat_json_add_integer(thinking, "thinkingBudget", effort->budget);
    else
        chat_json_add_string(thinking, "thinkingLevel", effort->level);
    chat_json_add(config, "thinkingConfig", thinking);
}

static void add_stop(chat_json_t *config, const chat_turn_t *turn,
                     apr_pool_t *p)
{
    chat_json_t *list;
    int i;

    if (turn->nstop == 0)
        return;
    list = chat_json_array(p);
    for (i = 0; i < turn->nstop; i++)
        chat_json_push_string(list, turn->stop[i]);
    chat_json_add(config, "stopSequences", list);
}

/* Members of others that it has, too. */
static const char *const more[][2] = {{"seed", "seed"},
                                      {"presence_penalty", "presencePenalty"},
                                      {"frequency_penalty", "frequencyPenalty"},
                                      {"top_k", "topK"},
                                      {NULL, NULL}};

/* A schema always binds here, so there is no strict. */
static chat_json_t *make_config(const chat_turn_t *turn, const char *model,
                                apr_pool_t *p)
{
    chat_json_t *config = chat_json_object(p);

    if (turn->has_temperature)
        chat_json_add_number(config, "temperature", turn->temperature);
    if (turn->has_top_p)
        chat_json_add_number(config, "topP", turn->top_p);
    add_stop(config, turn, p);
    if (turn->max_output_tokens > 0)
        chat_json_add_integer(config, "maxOutputTokens",
                              turn->max_output_tokens);
    if (turn->json || turn->schema)
        chat_json_add_string(config, "responseMimeType", "application/json");
    chat_json_add(config, "responseJsonSchema", turn->schema);
    chat_provider_more_add(config, turn, more);
    add_thinking(config, turn, model, p);
    return config;
}

static chat_json_t *make_instruction(const char *system, apr_pool_t *p)
{
    chat_json_t *instruction = chat_json_object(p);
    chat_json_t *parts = chat_json_array(p), *part = chat_json_object(p);

    chat_json_add_string(part, "text", system);
    chat_json_push(parts, part);
    chat_json_add(instruction, "parts", parts);
    return instruction;
}

static chat_json_t *make_body(const chat_turn_t *turn, chat_json_t *contents,
                              const char *model, apr_pool_t *p)
{
    chat_json_t *body = chat_json_object(p);
    chat_json_t *config = make_config(turn, model, p);
    const char *system = chat_provider_call_system(turn, p);

    chat_json_add(body, "contents", contents);
    if (system)
        chat_json_add(body, "systemInstruction", make_instruction(system, p));
    chat_provider_gemini_contents_tools(body, turn, p);
    if (chat_json_next(config, NULL))
        chat_json_add(body, "generationConfig", config);
    return body;
}

/* ---- the body of a native request ---- */

/* Google takes all names in both spellings. */
static const char *const configs[] = {"generationConfig", "generation_config"};
static const char *const mosts[] = {"maxOutputTokens", "max_output_tokens"};

/* The most that a config says. */
static int read_most(const chat_json_t *config)
{
    int i, most = 0;

    for (i = 0; i < 2; i++) {
        int said = chat_provider_native_most(chat_json_get(config, mosts[i]));

        most = said > most ? said : most;
    }
    return most;
}

/* Cap whichever of the two is there; the first where none is. */
static chat_json_t *cap_config(const chat_json_t *given, int most,
                               apr_pool_t *p)
{
    chat_json_t *config = chat_provider_native_copy(given, NULL, p);
    int i, found = 0;

    for (i = 0; i < 2; i++) {
        if (chat_json_get(config, mosts[i])) {
            chat_provider_native_cap(config, mosts[i], most);
            found = 1;
        }
    }
    if (!found)
        chat_provider_native_cap(config, mosts[0], most);
    return config;
}

/* The client's own body, but for what this server sets; the model stands in the
 * path. */
static chat_json_t *make_native(const chat_turn_t *turn, apr_pool_t *p)
{
    chat_json_t *body = chat_provider_native_copy(turn->native, "model", p);
    int i, most = turn->max_output_tokens, found = 0;

    for (i = 0; most > 0 && i < 2; i++) {
        const chat_json_t *config = chat_json_get(body, configs[i]);

        if (!config)
            continue;
        chat_json_add(body, configs[i], cap_config(config, most, p));
        found = 1;
    }
    if (most > 0 && !found)
        chat_json_add(body, configs[0], cap_config(NULL, most, p));
    return body;
}

/* ---- the call ---- */

static apr_status_t check(const chat_turn_t *turn, const char *model,
                          const chat_json_t *contents, chat_err_t *err,
                          apr_pool_t *p)
{
    static const char *const known[] = {"seed", "presence_penalty",
                                        "frequency_penalty", "top_k", NULL};
    const char *unknown = chat_provider_more_unknown(turn, known);

    if (unknown)
        return chat_provider_more_refuse(err, unknown, p);
    if (chat_json_length(contents) == 0)
        return chat_provider_call_refuse(
            err, "This provider wants a message with text in it.");
    /* It calls as many at once as it likes. */
    if (turn->parallel == 0 && turn->ntools > 0 &&
        turn->choice != CHAT_CHOICE_NONE) {
        err->param = "parallel_tool_calls";
        return chat_provider_call_refuse(
            err, "This provider cannot promise to call one tool at a time: "
                 "leave that out, or allow several.");
    }
    if (turn->effort && !can_think_so(find_effort(turn->effort), model))
        return chat_provider_call_refuse(
            err, "This model knows the efforts minimal, low, medium and high, "
                 "and some know none.");
    return APR_SUCCESS;
}

/* Without alt=sse the answer is one JSON array in pieces. */
static const char *make_path(const chat_turn_t *turn, const char *model,
                             apr_pool_t *p)
{
    return apr_pstrcat(p, "/models/", model,
                       turn->native && turn->whole
                           ? ":generateContent"
                           : ":streamGenerateContent?alt=sse",
                       NULL);
}

static apr_status_t build_call(chat_call_t *call, const chat_turn_t *turn,
                               const chat_upstream_t *up, chat_err_t *err,
                               apr_pool_t *p)
{
    chat_json_t *contents = chat_json_array(p);
    const char *model = path_name(turn->model);
    apr_status_t rv = APR_SUCCESS;

    if (!model)
        return chat_provider_call_refuse(
            err, "This provider has no model of such a name: it is made of "
                 "letters, digits, dots, hyphens and underscores.");
    if (!turn->native) {
        rv = chat_provider_gemini_contents(contents, turn, err, p);
        if (rv == APR_SUCCESS)
            rv = check(turn, model, contents, err, p);
    }
    if (rv == APR_SUCCESS)
        rv = chat_provider_call(call, make_path(turn, model, p),
                                CHAT_KEY_X_GOOG, turn, up, err, p);
    if (rv == APR_SUCCESS)
        chat_provider_call_body(call,
                                turn->native
                                    ? make_native(turn, p)
                                    : make_body(turn, contents, model, p),
                                p);
    return rv;
}

/* ---- a native request ---- */

/* The model and the streaming stand in the path: .../models/X:method. A path
 * that names no method leaves both to whoever configured the route. */
static apr_status_t read_path(chat_turn_t *turn, const char *path,
                              chat_err_t *err, apr_pool_t *p)
{
    static const char lead[] = "/models/";
    const char *method = strrchr(path, ':'), *model, *next;

    if (!method)
        return APR_SUCCESS;
    model = strstr(path, lead);
    for (next = model; next; next = strstr(next + 1, lead))
        model = next;
    turn->whole = strcmp(method, ":generateContent") == 0;
    if (!model || model > method ||
        (!turn->whole && strcmp(method, ":streamGenerateContent") != 0))
        return chat_provider_native_refuse_path(
            err, "Of this provider's API only POST "
                 "/models/{model}:streamGenerateContent and "
                 ":generateContent are available here.");
    model += sizeof(lead) - 1;
    turn->model = apr_pstrmemdup(p, model, method - model);
    return APR_SUCCESS;
}

static apr_status_t read_native(chat_turn_t *turn, chat_json_t *body,
                                const char *path, const chat_upstream_t *up,
                                chat_err_t *err, apr_pool_t *p)
{
    static const char *const several[] = {"candidateCount", "candidate_count",
                                          NULL};
    apr_status_t rv;
    int i;

    rv = read_path(turn, path, err, p);
    if (rv != APR_SUCCESS)
        return rv;
    if (chat_json_kind(chat_json_get(body, "contents")) != CHAT_JSON_ARRAY)
        return chat_provider_call_refuse(
            err, "This is no generateContent request: it has no contents.");
    turn->native = body;
    for (i = 0; i < 2; i++) {
        const chat_json_t *config = chat_json_get(body, configs[i]);
        int most = read_most(config);

        err->param = chat_provider_native_several(config, several);
        if (err->param)
            return chat_provider_call_refuse(err,
                                             "One answer is given at a time.");
        if (most > turn->max_output_tokens)
            turn->max_output_tokens = most;
    }
    return APR_SUCCESS;
}

/* ---- what comes back ---- */

static const char *make_cut_event(const chat_upstream_t *up, const char *code,
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

static void map_error(chat_err_t *err, int status, const char *body,
                      apr_size_t len, apr_pool_t *p)
{
    const chat_json_t *error =
        find_error(chat_provider_error_body(body, len, p));
    const char *reason =
        chat_provider_error_word(find_detail(error, "reason"), "", NULL, p);

    if (is_key(reason)) {
        chat_provider_error_auth(err);
        return;
    }
    if (!reason)
        reason = chat_provider_error_word(chat_json_get(error, "status"), "",
                                          NULL, p);
    chat_provider_error_status(err, status, reason, NULL, p);
    if (err->status == 429 || err->status == 503)
        err->retry_after = read_delay(find_detail(error, "retryDelay"), p);
}

/* The word that goes with a status. */
static const char *word_of(int status)
{
    static const struct {
        int status;
        const char *word;
    } words[] = {
        {401, "UNAUTHENTICATED"}, {403, "PERMISSION_DENIED"},
        {404, "NOT_FOUND"},       {405, "UNIMPLEMENTED"},
        {409, "ABORTED"},         {429, "RESOURCE_EXHAUSTED"},
        {503, "UNAVAILABLE"},     {504, "DEADLINE_EXCEEDED"},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (words[i].status == status)
            return words[i].word;
    }
    return status < 500 ? "INVALID_ARGUMENT" : "INTERNAL";
}

static const char *refusal(const chat_err_t *err, const char *id, apr_pool_t *p)
{
    const chat_refusal_t *theirs = err->upstream;
    const char *text = chat_err_told(err);
    const char *status = word_of(err->status);
    const char *reason = err->code;

    if (theirs && *theirs->type && err->status < 500)
        status = theirs->type;
    if (theirs && *theirs->code)
        reason = theirs->code;
    return apr_pstrcat(
        p, "{\"error\":{\"code\":", apr_itoa(p, err->status),
        ",\"message\":", chat_json_quote(text ? text : err->message, p),
        ",\"status\":", chat_json_quote(status, p),
        ",\"details\":[{\"@type\":"
        "\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":",
        chat_json_quote(reason, p), "}]}}", NULL);
}

static const char *wire_format(const chat_upstream_t *up)
{
    return "gemini";
}

/* The key in a header: queries are logged. */
static apr_status_t build_check(chat_call_t *call, const chat_upstream_t *up,
                                chat_err_t *err, apr_pool_t *p)
{
    return chat_provider_check_call(call, "/models?pageSize=1", CHAT_KEY_X_GOOG,
                                    up, err, p);
}

const chat_provider_t chat_provider_gemini = {
    .semconv = "gcp.gemini",
    .wire_format = wire_format,
    .read_native = read_native,
    .build_call = build_call,
    .build_check = build_check,
    .observe_event = chat_provider_gemini_observe_event,
    .parse_event = chat_provider_gemini_parse_event,
    .observe_body = chat_provider_gemini_observe_body,
    .make_cut_event = make_cut_event,
    .map_error = map_error,
    .refusal = refusal,
};
