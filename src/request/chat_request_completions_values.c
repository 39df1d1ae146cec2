/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kinds of values in a Chat Completions request, and what OpenAI says when
 * one is wrong: its sentences and its codes, but for the value itself, which
 * is never repeated. Pure, any thread.
 */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include <apr_strings.h>

#include "chat_request_completions_int.h"

/* ---- verdicts ---- */

apr_status_t chat_request_completions_refuse(chat_request_completions_t *c,
                                             const char *code,
                                             const char *param,
                                             const char *format, ...)
{
    const char *message;
    va_list args;

    va_start(args, format);
    message = apr_pvsprintf(c->p, format, args);
    va_end(args);
    c->err->param = param;
    return chat_err_set(c->err, APR_EINVAL, 400, code, message);
}

static const char *got(const chat_json_t *v)
{
    double n = chat_json_number(v);
    static const char *const names[] = {
        [CHAT_JSON_UNDEFINED] = "nothing", [CHAT_JSON_NULL] = "null",
        [CHAT_JSON_BOOLEAN] = "a boolean", [CHAT_JSON_NUMBER] = "an integer",
        [CHAT_JSON_STRING] = "a string",   [CHAT_JSON_ARRAY] = "an array",
        [CHAT_JSON_OBJECT] = "an object",
    };

    return !isnan(n) && n != floor(n) ? "a decimal number"
                                      : names[chat_json_kind(v)];
}

apr_status_t chat_request_completions_mistyped(chat_request_completions_t *c,
                                               const chat_json_t *v,
                                               const char *expected,
                                               const char *param)
{
    if (!v)
        return chat_request_completions_refuse(
            c, "missing_required_parameter", param,
            "Missing required parameter: '%s'.", param);
    return chat_request_completions_refuse(
        c, "invalid_type", param,
        "Invalid type for '%s': expected %s, but got %s instead.", param,
        expected, got(v));
}

apr_status_t chat_request_completions_unsupported(chat_request_completions_t *c,
                                                  const char *param,
                                                  const char *what)
{
    return chat_request_completions_refuse(c, "unsupported", param,
                                           "Unsupported parameter: '%s'. %s",
                                           param, what);
}

/* ---- values ---- */

int chat_request_completions_has(const chat_json_t *v)
{
    return v && chat_json_kind(v) != CHAT_JSON_NULL;
}

const char *chat_request_completions_at(chat_request_completions_t *c,
                                        const char *param, const char *name)
{
    return apr_pstrcat(c->p, param, ".", name, NULL);
}

const char *chat_request_completions_index(chat_request_completions_t *c,
                                           const char *param, int index)
{
    return apr_psprintf(c->p, "%s[%d]", param, index);
}

apr_status_t chat_request_completions_is(chat_request_completions_t *c,
                                         const chat_json_t *v,
                                         chat_json_kind_e kind,
                                         const char *expected,
                                         const char *param)
{
    return chat_json_kind(v) == kind
               ? APR_SUCCESS
               : chat_request_completions_mistyped(c, v, expected, param);
}

apr_status_t chat_request_completions_optional(chat_request_completions_t *c,
                                               const char **ptext,
                                               const chat_json_t *v,
                                               const char *param)
{
    *ptext = chat_json_string(v);
    return chat_request_completions_has(v)
               ? chat_request_completions_is(c, v, CHAT_JSON_STRING, "a string",
                                             param)
               : APR_SUCCESS;
}

apr_status_t chat_request_completions_boolean(chat_request_completions_t *c,
                                              int *pyes, const chat_json_t *v,
                                              const char *param)
{
    if (!chat_request_completions_has(v))
        return APR_SUCCESS;
    if (chat_json_kind(v) != CHAT_JSON_BOOLEAN)
        return chat_request_completions_mistyped(c, v, "a boolean", param);
    *pyes = chat_json_boolean(v);
    return APR_SUCCESS;
}

apr_status_t chat_request_completions_array(chat_request_completions_t *c,
                                            const chat_json_t *v, int min,
                                            int max, const char *what,
                                            const char *param)
{
    int n = chat_json_length(v);

    if (chat_json_kind(v) != CHAT_JSON_ARRAY)
        return chat_request_completions_mistyped(
            c, v, apr_pstrcat(c->p, "an array of ", what, NULL), param);
    if (n < min)
        return chat_request_completions_refuse(
            c, "empty_array", param,
            "Invalid '%s': empty array. Expected an array with minimum length "
            "%d, but got an empty array instead.",
            param, min);
    if (n > max)
        return chat_request_completions_refuse(
            c, "array_above_max_length", param,
            "Invalid '%s': array too long. Expected an array with maximum "
            "length %d, but got an array with length %d instead.",
            param, max, n);
    return APR_SUCCESS;
}

apr_status_t chat_request_completions_word(chat_request_completions_t *c,
                                           int *pindex, const chat_json_t *v,
                                           const char *const *words,
                                           const char *supported,
                                           const char *param)
{
    const char *text = chat_json_string(v);
    int i;

    if (!text)
        return chat_request_completions_mistyped(c, v, "a string", param);
    for (i = 0; words[i]; i++)
        if (strcmp(text, words[i]) == 0) {
            *pindex = i;
            return APR_SUCCESS;
        }
    return chat_request_completions_refuse(
        c, "invalid_value", param,
        "Invalid value for '%s'. Supported values are: %s.", param, supported);
}

apr_status_t chat_request_completions_empty(chat_request_completions_t *c,
                                            const char *param)
{
    return chat_request_completions_refuse(
        c, "empty_string", param,
        "Invalid '%s': empty string. Expected a string with minimum length 1, "
        "but got an empty string instead.",
        param);
}

static apr_status_t too_long(chat_request_completions_t *c, const char *param,
                             int max, apr_int64_t length)
{
    return chat_request_completions_refuse(
        c, "string_above_max_length", param,
        "Invalid '%s': string too long. Expected a string with maximum length "
        "%d, but got a string with length %" APR_INT64_T_FMT " instead.",
        param, max, length);
}

apr_status_t chat_request_completions_name(chat_request_completions_t *c,
                                           const char **pname,
                                           const chat_json_t *v,
                                           const char *param)
{
    const char *text = *pname = chat_json_string(v);

    if (!text)
        return chat_request_completions_mistyped(c, v, "a string", param);
    if (!*text)
        return chat_request_completions_empty(c, param);
    if (strlen(text) > CHAT_REQUEST_NAME_MAX)
        return too_long(c, param, CHAT_REQUEST_NAME_MAX,
                        chat_request_length(text, c->clamps));
    if (!chat_request_is_word(text, CHAT_REQUEST_NAME_MAX, "_-"))
        return chat_request_completions_refuse(
            c, "invalid_value", param,
            "Invalid '%s': string does not match pattern. Expected a string "
            "that matches the pattern '^[a-zA-Z0-9_-]+$'.",
            param);
    return APR_SUCCESS;
}

apr_status_t chat_request_completions_short(chat_request_completions_t *c,
                                            const char *text, const char *param)
{
    apr_int64_t length = chat_request_length(text, c->clamps);

    return length > c->longest ? too_long(c, param, c->longest, length)
                               : APR_SUCCESS;
}

apr_status_t chat_request_completions_text(chat_request_completions_t *c,
                                           const char **ptext,
                                           const chat_json_t *v,
                                           const char *param)
{
    const char *text = *ptext = chat_json_string(v);
    apr_int64_t points, units;

    if (!text)
        return chat_request_completions_mistyped(c, v, "a string", param);
    chat_request_count(text, &points, &units);
    c->total += units;
    return chat_request_completions_short(c, text, param);
}
