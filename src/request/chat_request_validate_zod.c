/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kinds of zod's schemas and the issues that zod 4.6 gives: the same
 * objects with the same keys in the same order. One function per kind. Pure
 * (APR and chat_json), any thread. No issue holds anything that the client
 * sent.
 */
#include <math.h>
#include <string.h>

#include <apr_strings.h>

#include "chat_request_int.h"

#define ID_PATTERN                                                             \
    "/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/"

#define SAFE_INTEGER_MAX 9007199254740991.0
#define SAFE_INTEGER_TEXT "9007199254740991"

/* ---- issues ---- */

void chat_request_zod_init(chat_request_zod_t *zod, apr_pool_t *p)
{
    zod->list = apr_array_make(p, 4, sizeof(const char *));
    zod->aborted = 0;
    zod->p = p;
}

const char *chat_request_zod_text(const chat_request_zod_t *zod)
{
    return apr_pstrcat(zod->p, "[", apr_array_pstrcat(zod->p, zod->list, ','),
                       "]", NULL);
}

static void push(chat_request_zod_t *zod, const char *text)
{
    APR_ARRAY_PUSH(zod->list, const char *) = text;
}

void chat_request_zod_issue(chat_request_zod_t *zod, const char *facts,
                            const char *path, const char *message)
{
    push(zod, apr_pstrcat(zod->p, "{", facts, ",\"path\":", path,
                          ",\"message\":\"", message, "\"}", NULL));
}

static const char *received(const chat_json_t *v)
{
    double n = chat_json_number(v);
    static const char *const names[] = {
        [CHAT_JSON_UNDEFINED] = "undefined", [CHAT_JSON_NULL] = "null",
        [CHAT_JSON_BOOLEAN] = "boolean",     [CHAT_JSON_NUMBER] = "number",
        [CHAT_JSON_STRING] = "string",       [CHAT_JSON_ARRAY] = "array",
        [CHAT_JSON_OBJECT] = "object",
    };

    if (isinf(n))
        return n < 0 ? "-Infinity" : "Infinity";
    return names[chat_json_kind(v)];
}

void chat_request_zod_custom(chat_request_zod_t *zod, const char *path,
                             const char *message)
{
    push(zod, apr_pstrcat(zod->p, "{\"code\":\"custom\",\"message\":\"",
                          message, "\",\"path\":", path, "}", NULL));
}

void chat_request_zod_type(chat_request_zod_t *zod, const char *expected,
                           const chat_json_t *v, const char *path)
{
    zod->aborted = 1;
    chat_request_zod_issue(zod,
                           apr_pstrcat(zod->p, "\"expected\":\"", expected,
                                       "\",\"code\":\"invalid_type\"", NULL),
                           path,
                           apr_pstrcat(zod->p, "Invalid input: expected ",
                                       expected, ", received ", received(v),
                                       NULL));
}

void chat_request_zod_big(chat_request_zod_t *zod, const char *origin, int max,
                          const char *what, const char *unit, const char *path)
{
    chat_request_zod_issue(
        zod,
        apr_psprintf(zod->p,
                     "\"origin\":\"%s\",\"code\":\"too_big\","
                     "\"maximum\":%d,\"inclusive\":true",
                     origin, max),
        path,
        apr_psprintf(zod->p, "Too big: expected %s <=%d%s", what, max, unit));
}

void chat_request_zod_small(chat_request_zod_t *zod, const char *origin,
                            int min, int inclusive, const char *what,
                            const char *unit, const char *path)
{
    chat_request_zod_issue(
        zod,
        apr_psprintf(zod->p,
                     "\"origin\":\"%s\",\"code\":\"too_small\","
                     "\"minimum\":%d,\"inclusive\":%s",
                     origin, min, inclusive ? "true" : "false"),
        path,
        apr_psprintf(zod->p, "Too small: expected %s >%s%d%s", what,
                     inclusive ? "=" : "", min, unit));
}

/* ---- kinds of schema ---- */

int chat_request_zod_is(chat_request_zod_t *zod, const chat_json_t *v,
                        chat_json_kind_e kind, const char *expected,
                        const char *path)
{
    if (chat_json_kind(v) == kind)
        return 1;
    chat_request_zod_type(zod, expected, v, path);
    return 0;
}

int chat_request_zod_literal(chat_request_zod_t *zod, const chat_json_t *v,
                             const char *word, const char *path)
{
    const char *text = chat_json_string(v);

    if (text && strcmp(text, word) == 0)
        return 1;
    zod->aborted = 1;
    chat_request_zod_issue(
        zod,
        apr_pstrcat(zod->p, "\"code\":\"invalid_value\",\"values\":[\"", word,
                    "\"]", NULL),
        path,
        apr_pstrcat(zod->p, "Invalid input: expected \\\"", word, "\\\"",
                    NULL));
    return 0;
}

int chat_request_zod_enum(chat_request_zod_t *zod, const chat_json_t *v,
                          const char *const *words, const char *path)
{
    const char *text = chat_json_string(v);
    const char *values = "", *options = "";
    int i;

    for (i = 0; text && words[i]; i++)
        if (strcmp(text, words[i]) == 0)
            return i;
    for (i = 0; words[i]; i++) {
        values =
            apr_pstrcat(zod->p, values, i ? ",\"" : "\"", words[i], "\"", NULL);
        options = apr_pstrcat(zod->p, options, i ? "|\\\"" : "\\\"", words[i],
                              "\\\"", NULL);
    }
    zod->aborted = 1;
    chat_request_zod_issue(
        zod,
        apr_pstrcat(zod->p, "\"code\":\"invalid_value\",\"values\":[", values,
                    "]", NULL),
        path,
        apr_pstrcat(zod->p, "Invalid option: expected one of ", options, NULL));
    return -1;
}

const char *chat_request_zod_optional(chat_request_zod_t *zod,
                                      const chat_json_t *v, const char *path)
{
    if (v)
        chat_request_zod_is(zod, v, CHAT_JSON_STRING, "string", path);
    return chat_json_string(v);
}

static void refuse_pattern(chat_request_zod_t *zod, const char *pattern,
                           const char *path)
{
    chat_request_zod_issue(zod,
                           apr_pstrcat(zod->p,
                                       "\"origin\":\"string\","
                                       "\"code\":\"invalid_format\","
                                       "\"format\":\"regex\",\"pattern\":\"",
                                       pattern, "\"", NULL),
                           path,
                           apr_pstrcat(zod->p,
                                       "Invalid string: must match pattern ",
                                       pattern, NULL));
}

const char *chat_request_zod_word(chat_request_zod_t *zod, const chat_json_t *v,
                                  apr_size_t max, const char *more,
                                  const char *pattern, const char *path)
{
    const char *text = chat_json_string(v);

    if (chat_request_zod_is(zod, v, CHAT_JSON_STRING, "string", path) &&
        !chat_request_is_word(text, max, more))
        refuse_pattern(zod, pattern, path);
    return text;
}

const char *chat_request_zod_id(chat_request_zod_t *zod, const chat_json_t *v,
                                const char *path)
{
    const char *text = chat_json_string(v);

    if (chat_request_zod_is(zod, v, CHAT_JSON_STRING, "string", path) &&
        !chat_request_is_id(text))
        refuse_pattern(zod, ID_PATTERN, path);
    return text;
}

/* z.number() takes no infinity, which JSON can still spell: 1e400. */
int chat_request_zod_number(chat_request_zod_t *zod, const chat_json_t *v,
                            const char *path)
{
    if (!chat_request_zod_is(zod, v, CHAT_JSON_NUMBER, "number", path))
        return 0;
    if (isfinite(chat_json_number(v)))
        return 1;
    zod->aborted = 1;
    chat_request_zod_issue(
        zod,
        apr_pstrcat(zod->p,
                    "\"expected\":\"number\",\"code\":\"invalid_type\","
                    "\"received\":\"",
                    received(v), "\"", NULL),
        path,
        apr_pstrcat(zod->p, "Invalid input: expected number, received ",
                    received(v), NULL));
    return 0;
}

/* z.number().int(): an integer at all; one that a double cannot hold exactly
 * is an issue, but the checks after it still run. */
int chat_request_zod_integer(chat_request_zod_t *zod, const chat_json_t *v,
                             const char *path)
{
    double n = chat_json_number(v);

    if (!chat_request_zod_number(zod, v, path))
        return 0;
    if (n != floor(n)) {
        zod->aborted = 1;
        chat_request_zod_issue(zod,
                               "\"expected\":\"int\",\"format\":\"safeint\","
                               "\"code\":\"invalid_type\"",
                               path,
                               "Invalid input: expected int, received number");
        return 0;
    }
    if (n > SAFE_INTEGER_MAX)
        chat_request_zod_issue(
            zod,
            "\"code\":\"too_big\",\"maximum\":" SAFE_INTEGER_TEXT
            ",\"note\":\"Integers must be within the safe integer range.\","
            "\"origin\":\"int\",\"inclusive\":true",
            path, "Too big: expected int to be <=" SAFE_INTEGER_TEXT);
    else if (n < -SAFE_INTEGER_MAX)
        chat_request_zod_issue(
            zod,
            "\"code\":\"too_small\",\"minimum\":-" SAFE_INTEGER_TEXT
            ",\"note\":\"Integers must be within the safe integer range.\","
            "\"origin\":\"int\",\"inclusive\":true",
            path, "Too small: expected int to be >=-" SAFE_INTEGER_TEXT);
    return 1;
}

/*
 * .min() and .max() of strings and arrays. These two checks do not ask whether
 * the value had the right type: they run on anything that has a length, be it
 * a member of that name.
 */
void chat_request_zod_length(chat_request_zod_t *zod, const chat_json_t *v,
                             const chat_request_clamps_t *clamps, int min,
                             int max, const char *path)
{
    const char *origin = "unknown", *what = "unknown to be", *unit = "";
    double length;

    if (chat_json_kind(v) == CHAT_JSON_STRING) {
        length = chat_request_length(chat_json_string(v), clamps);
        origin = "string";
        what = "string to have";
        unit = " characters";
    }
    else if (chat_json_kind(v) == CHAT_JSON_ARRAY) {
        length = chat_json_length(v);
        origin = "array";
        what = "array to have";
        unit = " items";
    }
    else if (chat_json_get(v, "length"))
        length = chat_json_coerce(chat_json_get(v, "length"));
    else
        return;
    /* NaN is neither long nor short enough. */
    if (min && !(length >= 1))
        chat_request_zod_small(zod, origin, 1, 1, what, unit, path);
    if (length <= max)
        return;
    chat_request_zod_big(zod, origin, max, what, unit, path);
    if (chat_json_kind(v) == CHAT_JSON_ARRAY)
        zod->aborted = 1; /* nobody looked at what is in it */
}
