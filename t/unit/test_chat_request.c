/* SPDX-License-Identifier: Apache-2.0 */
/* chat_request_validate: what a turn gets, and the clamps. That the issues
 * are zod's own is shown by t/20-request-zod.t; the few here are those that
 * the clamps decide. */
#include "chat_request.h"

#include <math.h>
#include <string.h>

#include <apr_strings.h>

#include "unit.h"

static const chat_json_limits_t limits = {1024 * 1024, 64, 10000};
static const chat_request_clamps_t clamps = {
    .messages = 3,
    .message_length = 4,
    .total_length = 8,
    .max_output_tokens = 100,
};
static apr_pool_t *pool;
static chat_turn_t turn;
static chat_err_t err;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
    memset(&turn, 0, sizeof(turn));
    memset(&err, 0, sizeof(err));
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

static apr_status_t validate_with(const char *text,
                                  const chat_request_clamps_t *with)
{
    chat_json_t *body;

    ck_assert_msg(chat_json_parse(&body, text, strlen(text), &limits, pool) ==
                      APR_SUCCESS,
                  "%s", text);
    return chat_request_validate(&turn, body, with, &err, pool);
}

static apr_status_t validate(const char *text)
{
    return validate_with(text, &clamps);
}

/* A body of one message and these other members. */
static const char *with(const char *members)
{
    return apr_pstrcat(pool,
                       "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"}]",
                       members, "}", NULL);
}

/* ---- the turn ---- */

START_TEST(the_smallest_body_fills_a_turn_with_nothing_else)
{
    turn.request_id = "id-1";
    ck_assert_int_eq(validate(with("")), APR_SUCCESS);
    ck_assert_int_eq(err.status, 0);
    ck_assert_str_eq(turn.request_id, "id-1");
    ck_assert_int_eq(turn.nmessages, 1);
    ck_assert_int_eq(turn.messages[0].role, CHAT_ROLE_USER);
    ck_assert_str_eq(turn.messages[0].content, "q");
    ck_assert_ptr_null(turn.model);
    ck_assert_ptr_null(turn.system);
    ck_assert_int_eq(turn.has_temperature, 0);
    ck_assert_int_eq(turn.max_output_tokens, 0);
    ck_assert_ptr_null(turn.schema);
    ck_assert_int_eq(turn.schema_strict, -1);
}
END_TEST

START_TEST(every_field_reaches_the_turn)
{
    ck_assert_int_eq(
        validate("{\"responseFormat\":{\"strict\":true,\"type\":"
                 "\"json_schema\",\"schema\":{\"type\":\"object\"},"
                 "\"name\":\"dropped\"},\"maxOutputTokens\":1e2,"
                 "\"temperature\":0.25,\"model\":\"m\",\"system\":\"s\","
                 "\"messages\":[{\"role\":\"system\",\"content\":\"a\"},"
                 "{\"role\":\"user\",\"content\":\"b\"},"
                 "{\"content\":\"c\",\"role\":\"assistant\",\"x\":1}]}"),
        APR_SUCCESS);
    ck_assert_int_eq(turn.nmessages, 3);
    ck_assert_int_eq(turn.messages[0].role, CHAT_ROLE_SYSTEM);
    ck_assert_int_eq(turn.messages[1].role, CHAT_ROLE_USER);
    ck_assert_int_eq(turn.messages[2].role, CHAT_ROLE_ASSISTANT);
    ck_assert_str_eq(turn.messages[2].content, "c");
    ck_assert_str_eq(turn.model, "m");
    ck_assert_str_eq(turn.system, "s");
    ck_assert_int_eq(turn.has_temperature, 1);
    ck_assert(turn.temperature == 0.25);
    ck_assert_int_eq(turn.max_output_tokens, 100);
    ck_assert_str_eq(chat_json_text(turn.schema, NULL, pool),
                     "{\"type\":\"object\"}");
    ck_assert_int_eq(turn.schema_strict, 1);
}
END_TEST

START_TEST(a_text_format_is_no_schema)
{
    ck_assert_int_eq(validate(with(",\"responseFormat\":\"text\"")),
                     APR_SUCCESS);
    ck_assert_ptr_null(turn.schema);
    ck_assert_int_eq(turn.schema_strict, -1);
}
END_TEST

START_TEST(strict_may_be_false_and_temperature_minus_zero)
{
    ck_assert_int_eq(
        validate(with(",\"temperature\":-0,\"responseFormat\":{\"type\":"
                      "\"json_schema\",\"schema\":{},\"strict\":false}")),
        APR_SUCCESS);
    ck_assert_int_eq(turn.schema_strict, 0);
    ck_assert_ptr_nonnull(turn.schema);
    ck_assert_int_eq(turn.has_temperature, 1);
    ck_assert(turn.temperature == 0);
}
END_TEST

START_TEST(a_refused_body_leaves_the_turn_alone)
{
    chat_turn_t before = turn;

    ck_assert_int_eq(validate(with(",\"model\":\"m\",\"system\":null")),
                     APR_EINVAL);
    ck_assert(memcmp(&turn, &before, sizeof(turn)) == 0);
    ck_assert_int_eq(err.status, 400);
    ck_assert_str_eq(err.code, "invalid_request");
    ck_assert_str_eq(err.message, "Request validation failed.");
    ck_assert_str_eq(err.issues,
                     "[{\"expected\":\"string\",\"code\":\"invalid_type\","
                     "\"path\":[\"system\"],\"message\":"
                     "\"Invalid input: expected string, received null\"}]");
}
END_TEST

START_TEST(no_issue_repeats_what_the_client_sent)
{
    ck_assert_int_eq(
        validate("{\"messages\":[{\"role\":\"s3cret\",\"content\":"
                 "\"s3cret s3cret\"},\"s3cret\"],\"temperature\":\"s3cret\","
                 "\"s3cret\":1,\"responseFormat\":{\"type\":\"s3cret\"}}"),
        APR_EINVAL);
    ck_assert_ptr_null(strstr(err.issues, "s3cret"));
}
END_TEST

/* ---- the clamps ---- */

typedef struct clamp_case_t {
    const char *messages; /* roles are all "user"; contents, separated by | */
    const char *why;      /* a part of the only issue, NULL: accepted */
} clamp_case_t;

#define EURO "\xe2\x82\xac"
#define SMILE "\xf0\x9f\x98\x80"

static const clamp_case_t clamp_cases[] = {
    {"1|2|3", NULL},
    {"1|2|3|4", "Too big: expected array to have <=3 items"},
    {"1234", NULL},
    {"12345", "Too big: expected string to have <=4 characters"},
    /* a message is measured in code points, all of them in UTF-16 units */
    {EURO EURO EURO EURO "|1234", NULL},
    {EURO EURO EURO EURO EURO, "Too big: expected string"},
    {SMILE SMILE SMILE SMILE, NULL},
    {SMILE SMILE SMILE SMILE "|1",
     "Total content length must be at most 8 characters"},
    {"1234|1234", NULL},
    {"1234|1234|1", "Total content length must be at most 8 characters"},
    {"", "Too small: expected string to have >=1 characters"},
};

static const char *body_of(const char *contents)
{
    const char *text = "{\"messages\":[";
    const char *comma = "", *bar;

    do {
        bar = strchrnul(contents, '|');
        text = apr_pstrcat(
            pool, text, comma, "{\"role\":\"user\",\"content\":",
            chat_json_quote(apr_pstrmemdup(pool, contents, bar - contents),
                            pool),
            "}", NULL);
        comma = ",";
        contents = bar + 1;
    } while (*bar);
    return apr_pstrcat(pool, text, "]}", NULL);
}

START_TEST(the_clamps_hold_at_their_edges)
{
    const clamp_case_t *c = &clamp_cases[_i];
    apr_status_t rv = validate(body_of(c->messages));

    ck_assert_msg(rv == (c->why ? APR_EINVAL : APR_SUCCESS), "%s: %s",
                  c->messages, err.issues);
    if (c->why) {
        ck_assert_msg(strstr(err.issues, c->why) != NULL, "%s", err.issues);
        ck_assert_ptr_null(strstr(err.issues, "},{"));
    }
}
END_TEST

START_TEST(lengths_can_be_counted_in_utf16_as_older_zods_do)
{
    chat_request_clamps_t utf16 = clamps;

    utf16.count_utf16 = 1;
    ck_assert_int_eq(validate_with(body_of(SMILE SMILE), &utf16), APR_SUCCESS);
    ck_assert_int_eq(validate_with(body_of(SMILE SMILE "1"), &utf16),
                     APR_EINVAL);
    ck_assert_int_eq(validate_with(body_of(EURO EURO EURO EURO), &utf16),
                     APR_SUCCESS);
}
END_TEST

START_TEST(the_token_cap_is_the_configured_one)
{
    ck_assert_int_eq(validate(with(",\"maxOutputTokens\":100")), APR_SUCCESS);
    ck_assert_int_eq(turn.max_output_tokens, 100);
    ck_assert_int_eq(validate(with(",\"maxOutputTokens\":101")), APR_EINVAL);
    ck_assert_ptr_nonnull(strstr(err.issues, "\"maximum\":100,"));
}
END_TEST

#define COUNT(table) (sizeof(table) / sizeof(*table))

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_request");
    TCase *tc = tcase_create("chat_request");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_smallest_body_fills_a_turn_with_nothing_else);
    tcase_add_test(tc, every_field_reaches_the_turn);
    tcase_add_test(tc, a_text_format_is_no_schema);
    tcase_add_test(tc, strict_may_be_false_and_temperature_minus_zero);
    tcase_add_test(tc, a_refused_body_leaves_the_turn_alone);
    tcase_add_test(tc, no_issue_repeats_what_the_client_sent);
    tcase_add_loop_test(tc, the_clamps_hold_at_their_edges, 0,
                        COUNT(clamp_cases));
    tcase_add_test(tc, lengths_can_be_counted_in_utf16_as_older_zods_do);
    tcase_add_test(tc, the_token_cap_is_the_configured_one);
    suite_add_tcase(suite, tc);
    return suite;
}
