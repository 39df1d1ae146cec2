/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Chat Completions request: one table of its members, in the order in which
 * they are looked at. null for an optional member means that it is not there,
 * as OpenAI has it. Messages, tools and formats are read in
 * chat_request_completions_*.c. Pure (APR and chat_json), any thread.
 */
#include "chat_request.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include <apr_strings.h>

#include "chat_request_completions_int.h"

#define STOPS_MAX 4

typedef apr_status_t take_fn(chat_request_completions_t *c, chat_json_t *v,
                             const char *param);

/* ---- members that are ours, too ---- */

static apr_status_t take_model(chat_request_completions_t *c, chat_json_t *v,
                               const char *param)
{
    return chat_request_completions_optional(c, &c->turn->model, v, param);
}

/* A number from 0 to max. */
static apr_status_t take_decimal(chat_request_completions_t *c, double *pn,
                                 const chat_json_t *v, int max,
                                 const char *param)
{
    double n = *pn = chat_json_number(v);

    if (isnan(n))
        return chat_request_completions_mistyped(c, v, "a decimal", param);
    if (n < 0)
        return chat_request_completions_refuse(
            c, "decimal_below_min_value", param,
            "Invalid '%s': decimal below minimum value. Expected a value >= 0.",
            param);
    if (n > max)
        return chat_request_completions_refuse(
            c, "decimal_above_max_value", param,
            "Invalid '%s': decimal above maximum value. Expected a value <= "
            "%d.",
            param, max);
    return APR_SUCCESS;
}

static apr_status_t take_temperature(chat_request_completions_t *c,
                                     chat_json_t *v, const char *param)
{
    c->turn->has_temperature = 1;
    return take_decimal(c, &c->turn->temperature, v, 2, param);
}

static apr_status_t take_top_p(chat_request_completions_t *c, chat_json_t *v,
                               const char *param)
{
    c->turn->has_top_p = 1;
    return take_decimal(c, &c->turn->top_p, v, 1, param);
}

static int is_integer(const chat_json_t *v)
{
    double n = chat_json_number(v);

    return !isnan(n) && n == floor(n);
}

/* The newer of its two names comes later and so wins. */
static apr_status_t take_max_tokens(chat_request_completions_t *c,
                                    chat_json_t *v, const char *param)
{
    int max = c->clamps->max_output_tokens;
    double n = chat_json_number(v);

    if (!is_integer(v))
        return chat_request_completions_mistyped(c, v, "an integer", param);
    if (n < 1)
        return chat_request_completions_refuse(
            c, "integer_below_min_value", param,
            "Invalid '%s': integer below minimum value. Expected a value >= 1.",
            param);
    if (n > max)
        return chat_request_completions_refuse(
            c, "invalid_value", param,
            "'%s' is too large: at most %d completion tokens are supported "
            "here.",
            param, max);
    c->turn->max_output_tokens = (int)n;
    c->turn->most_name = param;
    return APR_SUCCESS;
}

static apr_status_t take_stop_text(chat_request_completions_t *c,
                                   const char **pstop, const chat_json_t *v,
                                   const char *param)
{
    *pstop = chat_json_string(v);
    if (!*pstop)
        return chat_request_completions_mistyped(c, v, "a string", param);
    return **pstop ? APR_SUCCESS : chat_request_completions_empty(c, param);
}

static apr_status_t take_stop(chat_request_completions_t *c, chat_json_t *v,
                              const char *param)
{
    const char **stop = apr_palloc(c->p, STOPS_MAX * sizeof(*stop));
    int i, n = chat_json_length(v);
    apr_status_t rv;

    c->turn->stop = stop;
    if (chat_json_string(v)) {
        c->turn->nstop = 1;
        return take_stop_text(c, stop, v, param);
    }
    if (chat_json_kind(v) != CHAT_JSON_ARRAY)
        return chat_request_completions_mistyped(
            c, v, "one of a string or array of strings", param);
    rv = chat_request_completions_array(c, v, 0, STOPS_MAX, "strings", param);
    for (i = 0; i < n && rv == APR_SUCCESS; i++)
        rv = take_stop_text(c, &stop[i], chat_json_at(v, i),
                            chat_request_completions_index(c, param, i));
    c->turn->nstop = n;
    return rv;
}

static apr_status_t take_effort(chat_request_completions_t *c, chat_json_t *v,
                                const char *param)
{
    static const char *const words[] = {"none", "minimal", "low", "medium",
                                        "high", "xhigh",   "max", NULL};
    int word;

    c->turn->effort = chat_json_string(v);
    return chat_request_completions_word(
        c, &word, v, words,
        "'none', 'minimal', 'low', 'medium', 'high', "
        "'xhigh', and 'max'",
        param);
}

static apr_status_t take_parallel(chat_request_completions_t *c, chat_json_t *v,
                                  const char *param)
{
    return chat_request_completions_boolean(c, &c->turn->parallel, v, param);
}

static apr_status_t take_stream(chat_request_completions_t *c, chat_json_t *v,
                                const char *param)
{
    int stream = 0;
    apr_status_t rv = chat_request_completions_boolean(c, &stream, v, param);

    c->turn->whole = !stream;
    return rv;
}

static apr_status_t take_stream_options(chat_request_completions_t *c,
                                        chat_json_t *v, const char *param)
{
    apr_status_t rv =
        chat_request_completions_is(c, v, CHAT_JSON_OBJECT, "an object", param);

    if (rv != APR_SUCCESS)
        return rv;
    if (c->turn->whole)
        return chat_request_completions_refuse(
            c, "invalid_value", param,
            "The '%s' parameter is only allowed when 'stream' is enabled.",
            param);
    return chat_request_completions_boolean(
        c, &c->usage, chat_json_get(v, "include_usage"),
        chat_request_completions_at(c, param, "include_usage"));
}

/* ---- members that we know and do not carry ---- */

static apr_status_t leave(chat_request_completions_t *c, chat_json_t *v,
                          const char *param)
{
    return APR_SUCCESS;
}

static apr_status_t refuse(chat_request_completions_t *c, chat_json_t *v,
                           const char *param)
{
    return chat_request_completions_unsupported(c, param,
                                                "It is not available here.");
}

static apr_status_t refuse_old(chat_request_completions_t *c, chat_json_t *v,
                               const char *param)
{
    /* An empty list is as good as nothing. */
    if (chat_json_kind(v) == CHAT_JSON_ARRAY && chat_json_length(v) == 0)
        return APR_SUCCESS;
    return chat_request_completions_unsupported(
        c, param, "Use 'tools' and 'tool_choice' instead.");
}

static apr_status_t refuse_models(chat_request_completions_t *c, chat_json_t *v,
                                  const char *param)
{
    return chat_request_completions_unsupported(c, param,
                                                "Name one model, in 'model'.");
}

static apr_status_t take_n(chat_request_completions_t *c, chat_json_t *v,
                           const char *param)
{
    if (!is_integer(v))
        return chat_request_completions_mistyped(c, v, "an integer", param);
    if (chat_json_number(v) < 1)
        return chat_request_completions_refuse(
            c, "integer_below_min_value", param,
            "Invalid '%s': integer below minimum value. Expected a value >= 1.",
            param);
    return chat_json_number(v) > 1
               ? chat_request_completions_unsupported(
                     c, param, "There is one answer to a request.")
               : APR_SUCCESS;
}

static apr_status_t take_logprobs(chat_request_completions_t *c, chat_json_t *v,
                                  const char *param)
{
    int yes = 0;
    apr_status_t rv = chat_request_completions_boolean(c, &yes, v, param);

    return rv == APR_SUCCESS && yes ? refuse(c, v, param) : rv;
}

static apr_status_t take_top_logprobs(chat_request_completions_t *c,
                                      chat_json_t *v, const char *param)
{
    if (!is_integer(v))
        return chat_request_completions_mistyped(c, v, "an integer", param);
    return chat_json_number(v) != 0 ? refuse(c, v, param) : APR_SUCCESS;
}

static apr_status_t take_modalities(chat_request_completions_t *c,
                                    chat_json_t *v, const char *param)
{
    int i, n = chat_json_length(v);
    apr_status_t rv =
        chat_request_completions_array(c, v, 1, INT_MAX, "strings", param);

    for (i = 0; i < n && rv == APR_SUCCESS; i++) {
        const char *text = chat_json_string(chat_json_at(v, i));

        if (!text)
            rv = chat_request_completions_mistyped(
                c, chat_json_at(v, i), "a string",
                chat_request_completions_index(c, param, i));
        else if (strcmp(text, "text") != 0)
            rv = chat_request_completions_unsupported(c, param,
                                                      "Answers are text.");
    }
    return rv;
}

/* ---- the request ---- */

/*
 * What is left out says who asks, how the provider bills, keeps or caches, and
 * nothing about the answer: that is the administrator's to say. The last of
 * those that are refused are of OpenRouter and other gateways: they would
 * choose a model past the rules for "model", or buy searches.
 */
static const struct member_t {
    const char *name;
    take_fn *take;
} members[] = {
    {"model", take_model},
    {"messages", chat_request_completions_messages},
    {"temperature", take_temperature},
    {"top_p", take_top_p},
    {"max_tokens", take_max_tokens},
    {"max_completion_tokens", take_max_tokens},
    {"stop", take_stop},
    {"reasoning_effort", take_effort},
    {"response_format", chat_request_completions_format},
    {"tools", chat_request_completions_tools},
    {"tool_choice", chat_request_completions_choice},
    {"parallel_tool_calls", take_parallel},
    {"stream", take_stream},
    {"stream_options", take_stream_options},
    {"n", take_n},
    {"best_of", take_n},
    {"logprobs", take_logprobs},
    {"top_logprobs", take_top_logprobs},
    {"modalities", take_modalities},
    {"audio", refuse},
    {"prediction", refuse},
    {"web_search_options", refuse},
    {"moderation", refuse},
    {"functions", refuse_old},
    {"function_call", refuse_old},
    {"plugins", refuse},
    {"models", refuse_models},
    {"route", refuse_models},
    {"preset", refuse_models},
    {"fallbacks", refuse_models},
    {"user", leave},
    {"metadata", leave},
    {"store", leave},
    {"service_tier", leave},
    {"safety_identifier", leave},
    {"prompt_cache_key", leave},
    {"prompt_cache_retention", leave},
    {"prompt_cache_options", leave},
};

#define NMEMBERS (sizeof(members) / sizeof(*members))

static int is_known(const char *name)
{
    apr_size_t i;

    for (i = 0; i < NMEMBERS; i++)
        if (strcmp(name, members[i].name) == 0)
            return 1;
    return 0;
}

static void take_extra(chat_request_completions_t *c, const chat_json_t *body)
{
    const char *key = NULL;

    while ((key = chat_json_next(body, key)) != NULL) {
        chat_json_t *v = chat_json_get(body, key);

        if (is_known(key) || !chat_request_completions_has(v))
            continue;
        if (!c->turn->extra)
            c->turn->extra = chat_json_object(c->p);
        chat_json_add(c->turn->extra, key, v);
    }
}

static apr_status_t take_members(chat_request_completions_t *c,
                                 const chat_json_t *body)
{
    apr_status_t rv;
    apr_size_t i;

    if (chat_json_kind(body) != CHAT_JSON_OBJECT)
        return chat_request_completions_refuse(
            c, "invalid_type", NULL,
            "Invalid type for the request: expected an object.");
    if (!chat_request_completions_has(chat_json_get(body, "messages")))
        return chat_request_completions_mistyped(
            c, chat_json_get(body, "messages"), "an array of objects",
            "messages");
    for (i = 0; i < NMEMBERS; i++) {
        chat_json_t *v = chat_json_get(body, members[i].name);

        if (chat_request_completions_has(v) &&
            (rv = members[i].take(c, v, members[i].name)) != APR_SUCCESS)
            return rv;
    }
    take_extra(c, body);
    return chat_request_completions_possible(c);
}

apr_status_t chat_request_completions(chat_turn_t *turn, int *pusage,
                                      chat_json_t *body,
                                      const chat_request_clamps_t *clamps,
                                      chat_err_t *err, apr_pool_t *p)
{
    chat_turn_t found = {
        .request_id = turn->request_id,
        .schema_strict = -1,
        .parallel = -1,
        .whole = 1,
    };
    chat_request_completions_t c = {
        .turn = &found,
        .clamps = clamps,
        .calls = apr_hash_make(p),
        .err = err,
        .p = p,
    };
    apr_status_t rv = take_members(&c, body);

    *pusage = rv == APR_SUCCESS && c.usage;
    if (rv == APR_SUCCESS)
        *turn = found;
    return rv;
}
