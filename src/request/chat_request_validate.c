/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema of POST /api/chat-openai, decided as zod 4.6 decides it: the same
 * verdict, and the same issue objects in the same order with the same keys in
 * the same order. What tools add is in chat_request_tools.c. Pure (APR and
 * chat_json), any thread. No issue holds anything that the client sent.
 *
 * What zod does and one might not expect: a missing key is fine where the
 * field is optional but null never is; a string is as long as its code points,
 * the sum of all as its UTF-16 units; too many messages are refused before any
 * of them is looked at; the sum is not formed when a message has the wrong
 * shape, but it is when one has the wrong length.
 */
#include "chat_request.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_request_int.h"

/* ---- messages ---- */

const char *chat_request_message_path(const chat_request_check_t *check,
                                      int index, const char *key)
{
    return apr_psprintf(check->p, "[\"messages\",%d%s]", index, key);
}

/* The path costs, so it is only made for a text that is wrong. */
const char *chat_request_check_text(chat_request_check_t *check,
                                    const chat_json_t *v, chat_role_e role,
                                    int min, int index, const char *key)
{
    int max = chat_request_longest(check->clamps, role);
    const char *text = chat_json_string(v), *path;
    apr_int64_t points = 0, units = 0, length;

    if (text)
        chat_request_count(text, &points, &units);
    check->total += units;
    length = check->clamps->count_utf16 ? units : points;
    if (text && length >= min && length <= max)
        return text;

    path = chat_request_message_path(check, index, key);
    chat_request_zod_is(&check->zod, v, CHAT_JSON_STRING, "string", path);
    chat_request_zod_length(&check->zod, v, check->clamps, min, max, path);
    return text;
}

static void check_message(chat_request_check_t *check, chat_message_t *message,
                          const chat_json_t *v, int index)
{
    static const char *const roles[] = {
        [CHAT_ROLE_USER] = "user",
        [CHAT_ROLE_ASSISTANT] = "assistant",
        [CHAT_ROLE_SYSTEM] = "system",
        NULL,
    };
    const char *role = chat_json_string(chat_json_get(v, "role"));
    int i;

    if (chat_json_kind(v) != CHAT_JSON_OBJECT) {
        chat_request_zod_type(&check->zod, "object", v,
                              chat_request_message_path(check, index, ""));
        return;
    }
    if (check->calls) {
        chat_request_tools_message(check, message, v, index);
        return;
    }
    for (i = 0; role && roles[i] && strcmp(role, roles[i]) != 0;)
        i++;
    if (role && roles[i])
        message->role = i;
    else
        chat_request_zod_enum(
            &check->zod, chat_json_get(v, "role"), roles,
            chat_request_message_path(check, index, ",\"role\""));
    message->content =
        chat_request_check_text(check, chat_json_get(v, "content"),
                                message->role, 1, index, ",\"content\"");
}

static void check_total(chat_request_check_t *check)
{
    int max = check->clamps->total_length;

    if (check->total > max)
        chat_request_zod_custom(
            &check->zod, "[\"messages\"]",
            apr_psprintf(check->p,
                         "Total content length must be at most %d "
                         "characters",
                         max));
}

static void check_messages(chat_request_check_t *check, chat_turn_t *turn,
                           const chat_json_t *v)
{
    static const char path[] = "[\"messages\"]";
    int max = check->clamps->messages;
    int n = chat_json_length(v);
    chat_message_t *messages = NULL;
    int i;

    chat_request_zod_is(&check->zod, v, CHAT_JSON_ARRAY, "array", path);
    if (n <= max) {
        messages = apr_pcalloc(check->p, n * sizeof(*messages));
        for (i = 0; i < n; i++)
            check_message(check, &messages[i], chat_json_at(v, i), i);
        turn->messages = messages;
        turn->nmessages = n;
    }
    chat_request_zod_length(&check->zod, v, check->clamps, 1, max, path);
    if (check->zod.aborted)
        return;
    check_total(check);
    if (!check->calls)
        return;
    chat_request_tools_answers(check, turn);
    if (!check->zod.list->nelts)
        chat_request_ids(messages, n, check->p);
}

/* ---- the other fields ---- */

static void check_temperature(chat_request_check_t *check, chat_turn_t *turn,
                              const chat_json_t *v)
{
    static const char path[] = "[\"temperature\"]";
    double n = chat_json_number(v);

    if (!v || !chat_request_zod_number(&check->zod, v, path))
        return;
    if (n < 0)
        chat_request_zod_small(&check->zod, "number", 0, 1, "number to be", "",
                               path);
    if (n > 2)
        chat_request_zod_big(&check->zod, "number", 2, "number to be", "",
                             path);
    turn->has_temperature = 1;
    turn->temperature = n;
}

static void check_max_output_tokens(chat_request_check_t *check,
                                    chat_turn_t *turn, const chat_json_t *v)
{
    static const char path[] = "[\"maxOutputTokens\"]";
    int max = check->clamps->max_output_tokens;
    double n = chat_json_number(v);

    if (!v || !chat_request_zod_integer(&check->zod, v, path))
        return;
    if (n <= 0)
        chat_request_zod_small(&check->zod, "number", 0, 0, "number to be", "",
                               path);
    if (n > max)
        chat_request_zod_big(&check->zod, "number", max, "number to be", "",
                             path);
    else if (n > 0)
        turn->max_output_tokens = (int)n;
}

/* The second branch of the union: {type: "json_schema", schema, strict?}. */
static int check_format_object(chat_request_zod_t *zod, chat_turn_t *turn,
                               const chat_json_t *v)
{
    chat_json_t *schema = chat_json_get(v, "schema");
    chat_json_t *strict = chat_json_get(v, "strict");

    if (!chat_request_zod_is(zod, v, CHAT_JSON_OBJECT, "object", "[]"))
        return 0;
    chat_request_zod_literal(zod, chat_json_get(v, "type"), "json_schema",
                             "[\"type\"]");
    chat_request_zod_is(zod, schema, CHAT_JSON_OBJECT, "record",
                        "[\"schema\"]");
    if (strict)
        chat_request_zod_is(zod, strict, CHAT_JSON_BOOLEAN, "boolean",
                            "[\"strict\"]");
    turn->schema = schema;
    turn->schema_strict = chat_json_boolean(strict);
    return zod->list->nelts == 0;
}

static void check_response_format(chat_request_check_t *check,
                                  chat_turn_t *turn, const chat_json_t *v)
{
    chat_request_zod_t text, json, object;
    const char *errors;

    chat_request_zod_init(&text, check->p);
    chat_request_zod_init(&json, check->p);
    chat_request_zod_init(&object, check->p);
    if (!v || chat_request_zod_literal(&text, v, "text", "[]"))
        return;
    if (check->calls && chat_request_zod_literal(&json, v, "json", "[]")) {
        turn->json = 1;
        return;
    }
    if (check_format_object(&object, turn, v))
        return;
    errors = apr_pstrcat(check->p, chat_request_zod_text(&text), ",",
                         check->calls ? chat_request_zod_text(&json) : "",
                         check->calls ? "," : "",
                         chat_request_zod_text(&object), NULL);
    check->zod.aborted = 1;
    chat_request_zod_issue(
        &check->zod,
        apr_pstrcat(check->p, "\"code\":\"invalid_union\",\"errors\":[", errors,
                    "]", NULL),
        "[\"responseFormat\"]", "Invalid input");
}

/* ---- the body ---- */

static void check_body(chat_request_check_t *check, chat_turn_t *turn,
                       const chat_json_t *body)
{
    if (!chat_request_zod_is(&check->zod, body, CHAT_JSON_OBJECT, "object",
                             "[]"))
        return;
    check_messages(check, turn, chat_json_get(body, "messages"));
    turn->system = chat_request_zod_optional(
        &check->zod, chat_json_get(body, "system"), "[\"system\"]");
    turn->model = chat_request_zod_optional(
        &check->zod, chat_json_get(body, "model"), "[\"model\"]");
    check_temperature(check, turn, chat_json_get(body, "temperature"));
    check_max_output_tokens(check, turn,
                            chat_json_get(body, "maxOutputTokens"));
    check_response_format(check, turn, chat_json_get(body, "responseFormat"));
    if (check->calls)
        chat_request_tools_body(check, turn, body);
}

apr_status_t chat_request_refuse(chat_err_t *err, const chat_request_zod_t *zod)
{
    err->issues = chat_request_zod_text(zod);
    return chat_err_set(err, APR_EINVAL, 400, "invalid_request",
                        "Request validation failed.");
}

apr_status_t chat_request_check_body(chat_turn_t *turn, chat_json_t *body,
                                     const chat_request_clamps_t *clamps,
                                     apr_hash_t *calls, chat_err_t *err,
                                     apr_pool_t *p)
{
    chat_turn_t found = {
        .request_id = turn->request_id,
        .schema_strict = -1,
        .parallel = -1,
    };
    chat_request_check_t check = {.clamps = clamps, .calls = calls, .p = p};

    chat_request_zod_init(&check.zod, p);
    check_body(&check, &found, body);
    if (check.zod.list->nelts)
        return chat_request_refuse(err, &check.zod);
    *turn = found;
    return APR_SUCCESS;
}

apr_status_t chat_request_validate(chat_turn_t *turn, chat_json_t *body,
                                   const chat_request_clamps_t *clamps,
                                   chat_err_t *err, apr_pool_t *p)
{
    return chat_request_check_body(turn, body, clamps, NULL, err, p);
}
