/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema of POST /api/chat-openai, decided as zod 4.6 decides it: the same
 * verdict, and the same issue objects in the same order with the same keys in
 * the same order. One function per kind of zod schema. Pure (APR and
 * chat_json), any thread. No issue holds anything that the client sent.
 *
 * What zod does and one might not expect: a missing key is fine where the
 * field is optional but null never is; a string is as long as its code points,
 * the sum of all as its UTF-16 units; too many messages are refused before any
 * of them is looked at; the sum is not formed when a message has the wrong
 * shape, but it is when one has the wrong length.
 */
#include "chat_request.h"

#include <math.h>
#include <string.h>

#include <apr_strings.h>

#define SAFE_INTEGER_MAX 9007199254740991.0
#define SAFE_INTEGER_TEXT "9007199254740991"

typedef struct issues_t {
    apr_array_header_t *list; /* of const char *, one JSON object each */
    int aborted; /* one of them says that the value has the wrong shape */
    apr_pool_t *p;
} issues_t;

typedef struct check_t {
    issues_t issues;
    const chat_request_clamps_t *clamps;
    apr_int64_t total; /* UTF-16 units of all contents */
    apr_pool_t *p;
} check_t;

/* ---- issues ---- */

static void issues_init(issues_t *issues, apr_pool_t *p)
{
    issues->list = apr_array_make(p, 4, sizeof(const char *));
    issues->aborted = 0;
    issues->p = p;
}

static const char *issues_text(const issues_t *issues)
{
    return apr_pstrcat(issues->p, "[",
                       apr_array_pstrcat(issues->p, issues->list, ','), "]",
                       NULL);
}

static void push(issues_t *issues, const char *text)
{
    APR_ARRAY_PUSH(issues->list, const char *) = text;
}

/* facts are the members before the path; message is JSON inside quotes. */
static void add(issues_t *issues, const char *facts, const char *path,
                const char *message)
{
    push(issues, apr_pstrcat(issues->p, "{", facts, ",\"path\":", path,
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

static void add_type(issues_t *issues, const char *expected,
                     const chat_json_t *v, const char *path)
{
    issues->aborted = 1;
    add(issues,
        apr_pstrcat(issues->p, "\"expected\":\"", expected,
                    "\",\"code\":\"invalid_type\"", NULL),
        path,
        apr_pstrcat(issues->p, "Invalid input: expected ", expected,
                    ", received ", received(v), NULL));
}

/* The value has the right shape, but its size or length is over max. */
static void add_big(issues_t *issues, const char *origin, int max,
                    const char *what, const char *unit, const char *path)
{
    add(issues,
        apr_psprintf(issues->p,
                     "\"origin\":\"%s\",\"code\":\"too_big\","
                     "\"maximum\":%d,\"inclusive\":true",
                     origin, max),
        path,
        apr_psprintf(issues->p, "Too big: expected %s <=%d%s", what, max,
                     unit));
}

static void add_small(issues_t *issues, const char *origin, int min,
                      int inclusive, const char *what, const char *unit,
                      const char *path)
{
    add(issues,
        apr_psprintf(issues->p,
                     "\"origin\":\"%s\",\"code\":\"too_small\","
                     "\"minimum\":%d,\"inclusive\":%s",
                     origin, min, inclusive ? "true" : "false"),
        path,
        apr_psprintf(issues->p, "Too small: expected %s >%s%d%s", what,
                     inclusive ? "=" : "", min, unit));
}

/* ---- kinds of schema ---- */

/* Is v of that kind? If not, say so. */
static int has_kind(issues_t *issues, const chat_json_t *v,
                    chat_json_kind_e kind, const char *expected,
                    const char *path)
{
    if (chat_json_kind(v) == kind)
        return 1;
    add_type(issues, expected, v, path);
    return 0;
}

/* z.literal(): one word and no other. */
static int is_literal(issues_t *issues, const chat_json_t *v, const char *word,
                      const char *path)
{
    const char *text = chat_json_string(v);

    if (text && strcmp(text, word) == 0)
        return 1;
    issues->aborted = 1;
    add(issues,
        apr_pstrcat(issues->p, "\"code\":\"invalid_value\",\"values\":[\"",
                    word, "\"]", NULL),
        path,
        apr_pstrcat(issues->p, "Invalid input: expected \\\"", word, "\\\"",
                    NULL));
    return 0;
}

static const char *optional_string(issues_t *issues, const chat_json_t *v,
                                   const char *path)
{
    if (v)
        has_kind(issues, v, CHAT_JSON_STRING, "string", path);
    return chat_json_string(v);
}

/* z.number() takes no infinity, which JSON can still spell: 1e400. */
static int is_number(issues_t *issues, const chat_json_t *v, const char *path)
{
    if (!has_kind(issues, v, CHAT_JSON_NUMBER, "number", path))
        return 0;
    if (isfinite(chat_json_number(v)))
        return 1;
    issues->aborted = 1;
    add(issues,
        apr_pstrcat(issues->p,
                    "\"expected\":\"number\",\"code\":\"invalid_type\","
                    "\"received\":\"",
                    received(v), "\"", NULL),
        path,
        apr_pstrcat(issues->p, "Invalid input: expected number, received ",
                    received(v), NULL));
    return 0;
}

/* z.number().int(): an integer at all; one that a double cannot hold exactly
 * is an issue, but the checks after it still run. */
static int is_integer(issues_t *issues, const chat_json_t *v, const char *path)
{
    double n = chat_json_number(v);

    if (!is_number(issues, v, path))
        return 0;
    if (n != floor(n)) {
        issues->aborted = 1;
        add(issues,
            "\"expected\":\"int\",\"format\":\"safeint\","
            "\"code\":\"invalid_type\"",
            path, "Invalid input: expected int, received number");
        return 0;
    }
    if (n > SAFE_INTEGER_MAX)
        add(issues,
            "\"code\":\"too_big\",\"maximum\":" SAFE_INTEGER_TEXT
            ",\"note\":\"Integers must be within the safe integer range.\","
            "\"origin\":\"int\",\"inclusive\":true",
            path, "Too big: expected int to be <=" SAFE_INTEGER_TEXT);
    else if (n < -SAFE_INTEGER_MAX)
        add(issues,
            "\"code\":\"too_small\",\"minimum\":-" SAFE_INTEGER_TEXT
            ",\"note\":\"Integers must be within the safe integer range.\","
            "\"origin\":\"int\",\"inclusive\":true",
            path, "Too small: expected int to be >=-" SAFE_INTEGER_TEXT);
    return 1;
}

/* How many of a word's bytes have their lowest bit set; no other bit may be. */
static int sum_bytes(apr_uint64_t bytes)
{
    return bytes * 0x0101010101010101 >> 56;
}

/* Eight bytes at once: of each, its top bits say what it is in UTF-8. */
static void count(const char *text, apr_int64_t *points, apr_int64_t *units)
{
    static const apr_uint64_t lowest = 0x0101010101010101;
    apr_size_t len = strlen(text);
    apr_int64_t tails = 0, pairs = 0;
    apr_size_t i;

    for (i = 0; i < len; i += 8) {
        apr_uint64_t w = 0;

        memcpy(&w, text + i, len - i < 8 ? len - i : 8);
        tails += sum_bytes(w >> 7 & ~(w >> 6) & lowest);
        pairs += sum_bytes(w >> 7 & w >> 6 & w >> 5 & w >> 4 & lowest);
    }
    *points = len - tails;
    *units = *points + pairs;
}

static apr_int64_t string_length(const char *text, int utf16)
{
    apr_int64_t points, units;

    count(text, &points, &units);
    return utf16 ? units : points;
}

/*
 * z.min(1).max(max) of strings and arrays. These two checks do not ask whether
 * the value had the right type: they run on anything that has a length, be it
 * a member of that name.
 */
static void check_length(issues_t *issues, const chat_json_t *v,
                         const chat_request_clamps_t *clamps, int max,
                         const char *path)
{
    const char *origin = "unknown", *what = "unknown to be", *unit = "";
    double length;

    if (chat_json_kind(v) == CHAT_JSON_STRING) {
        length = string_length(chat_json_string(v), clamps->count_utf16);
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
    if (!(length >= 1))
        add_small(issues, origin, 1, 1, what, unit, path);
    if (!(length <= max))
        add_big(issues, origin, max, what, unit, path);
}

/* ---- messages ---- */

static int find_role(const char *role)
{
    static const char *const names[] = {
        [CHAT_ROLE_USER] = "user",
        [CHAT_ROLE_ASSISTANT] = "assistant",
        [CHAT_ROLE_SYSTEM] = "system",
    };
    int i;

    for (i = CHAT_ROLE_USER; role && i <= CHAT_ROLE_SYSTEM; i++)
        if (strcmp(role, names[i]) == 0)
            return i;
    return -1;
}

static const char *message_path(const check_t *check, int index,
                                const char *key)
{
    return apr_psprintf(check->p, "[\"messages\",%d%s]", index, key);
}

static void check_role(check_t *check, chat_message_t *message,
                       const chat_json_t *v, int index)
{
    int role = find_role(chat_json_string(v));

    if (role >= 0) {
        message->role = role;
        return;
    }
    check->issues.aborted = 1;
    add(&check->issues,
        "\"code\":\"invalid_value\","
        "\"values\":[\"user\",\"assistant\",\"system\"]",
        message_path(check, index, ",\"role\""),
        "Invalid option: expected one of "
        "\\\"user\\\"|\\\"assistant\\\"|\\\"system\\\"");
}

static void check_content(check_t *check, chat_message_t *message,
                          const chat_json_t *v, int index)
{
    int max = check->clamps->message_length;
    apr_int64_t points = 0, units = 0, length;
    const char *path;

    message->content = chat_json_string(v);
    if (message->content)
        count(message->content, &points, &units);
    check->total += units;
    length = check->clamps->count_utf16 ? units : points;
    if (length > 0 && length <= max)
        return;

    path = message_path(check, index, ",\"content\"");
    has_kind(&check->issues, v, CHAT_JSON_STRING, "string", path);
    check_length(&check->issues, v, check->clamps, max, path);
}

static void check_message(check_t *check, chat_message_t *message,
                          const chat_json_t *v, int index)
{
    if (chat_json_kind(v) != CHAT_JSON_OBJECT) {
        add_type(&check->issues, "object", v, message_path(check, index, ""));
        return;
    }
    check_role(check, message, chat_json_get(v, "role"), index);
    check_content(check, message, chat_json_get(v, "content"), index);
}

static void check_total(check_t *check)
{
    int max = check->clamps->total_length;

    if (check->issues.aborted || check->total <= max)
        return;
    push(&check->issues,
         apr_psprintf(check->p,
                      "{\"code\":\"custom\",\"message\":\"Total content length "
                      "must be at most %d characters\","
                      "\"path\":[\"messages\"]}",
                      max));
}

static void check_messages(check_t *check, chat_turn_t *turn,
                           const chat_json_t *v)
{
    static const char path[] = "[\"messages\"]";
    int max = check->clamps->messages;
    int n = chat_json_length(v);
    chat_message_t *messages;
    int i;

    has_kind(&check->issues, v, CHAT_JSON_ARRAY, "array", path);
    if (n <= max) {
        messages = apr_pcalloc(check->p, n * sizeof(*messages));
        for (i = 0; i < n; i++)
            check_message(check, &messages[i], chat_json_at(v, i), i);
        turn->messages = messages;
        turn->nmessages = n;
    }
    check_length(&check->issues, v, check->clamps, max, path);
    check_total(check);
}

/* ---- the other fields ---- */

static void check_temperature(check_t *check, chat_turn_t *turn,
                              const chat_json_t *v)
{
    static const char path[] = "[\"temperature\"]";
    double n = chat_json_number(v);

    if (!v || !is_number(&check->issues, v, path))
        return;
    if (n < 0)
        add_small(&check->issues, "number", 0, 1, "number to be", "", path);
    if (n > 2)
        add_big(&check->issues, "number", 2, "number to be", "", path);
    turn->has_temperature = 1;
    turn->temperature = n;
}

static void check_max_output_tokens(check_t *check, chat_turn_t *turn,
                                    const chat_json_t *v)
{
    static const char path[] = "[\"maxOutputTokens\"]";
    int max = check->clamps->max_output_tokens;
    double n = chat_json_number(v);

    if (!v || !is_integer(&check->issues, v, path))
        return;
    if (n <= 0)
        add_small(&check->issues, "number", 0, 0, "number to be", "", path);
    if (n > max)
        add_big(&check->issues, "number", max, "number to be", "", path);
    else if (n > 0)
        turn->max_output_tokens = (int)n;
}

/* The second branch of the union: {type: "json_schema", schema, strict?}. */
static int check_format_object(issues_t *issues, chat_turn_t *turn,
                               const chat_json_t *v)
{
    chat_json_t *schema = chat_json_get(v, "schema");
    chat_json_t *strict = chat_json_get(v, "strict");

    if (!has_kind(issues, v, CHAT_JSON_OBJECT, "object", "[]"))
        return 0;
    is_literal(issues, chat_json_get(v, "type"), "json_schema", "[\"type\"]");
    has_kind(issues, schema, CHAT_JSON_OBJECT, "record", "[\"schema\"]");
    if (strict)
        has_kind(issues, strict, CHAT_JSON_BOOLEAN, "boolean", "[\"strict\"]");
    turn->schema = schema;
    turn->schema_strict = chat_json_boolean(strict);
    return issues->list->nelts == 0;
}

static void check_response_format(check_t *check, chat_turn_t *turn,
                                  const chat_json_t *v)
{
    issues_t text, object;

    issues_init(&text, check->p);
    issues_init(&object, check->p);
    if (!v || is_literal(&text, v, "text", "[]") ||
        check_format_object(&object, turn, v))
        return;
    add(&check->issues,
        apr_pstrcat(check->p, "\"code\":\"invalid_union\",\"errors\":[",
                    issues_text(&text), ",", issues_text(&object), "]", NULL),
        "[\"responseFormat\"]", "Invalid input");
}

/* ---- the body ---- */

static void check_body(check_t *check, chat_turn_t *turn,
                       const chat_json_t *body)
{
    if (!has_kind(&check->issues, body, CHAT_JSON_OBJECT, "object", "[]"))
        return;
    check_messages(check, turn, chat_json_get(body, "messages"));
    turn->system = optional_string(
        &check->issues, chat_json_get(body, "system"), "[\"system\"]");
    turn->model = optional_string(&check->issues, chat_json_get(body, "model"),
                                  "[\"model\"]");
    check_temperature(check, turn, chat_json_get(body, "temperature"));
    check_max_output_tokens(check, turn,
                            chat_json_get(body, "maxOutputTokens"));
    check_response_format(check, turn, chat_json_get(body, "responseFormat"));
}

apr_status_t chat_request_validate(chat_turn_t *turn, chat_json_t *body,
                                   const chat_request_clamps_t *clamps,
                                   chat_err_t *err, apr_pool_t *p)
{
    chat_turn_t found = {.request_id = turn->request_id, .schema_strict = -1};
    check_t check = {.clamps = clamps, .p = p};

    issues_init(&check.issues, p);
    check_body(&check, &found, body);
    if (check.issues.list->nelts) {
        err->issues = issues_text(&check.issues);
        return chat_err_set(err, APR_EINVAL, 400, "invalid_request",
                            "Request validation failed.");
    }
    *turn = found;
    return APR_SUCCESS;
}
