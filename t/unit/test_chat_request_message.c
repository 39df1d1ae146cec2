/* SPDX-License-Identifier: Apache-2.0 */
/* chat_request_message: one message, its model and its session. That the
 * issues are zod's own is shown by t/20-request-zod.t. */
#include "chat_request.h"

#include <string.h>

#include <apr_strings.h>

#include "unit.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof(*table)))

static const chat_json_limits_t limits = {1024 * 1024, 64, 10000};
static const chat_request_clamps_t clamps = {
    .messages = 3,
    .message_length = 4,
    .total_length = 6,
    .max_output_tokens = 100,
};
static apr_pool_t *pool;
static chat_turn_t turn;
static chat_err_t err;
static const char *session;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
    memset(&turn, 0, sizeof(turn));
    memset(&err, 0, sizeof(err));
    session = "before";
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

static apr_status_t take(const char *text)
{
    chat_json_t *body;

    ck_assert_msg(chat_json_parse(&body, text, strlen(text), &limits, pool) ==
                      APR_SUCCESS,
                  "%s", text);
    return chat_request_message(&turn, &session, body, &clamps, &err, pool);
}

/* A body of one good message and these other members. */
static apr_status_t take_with(const char *members)
{
    return take(apr_pstrcat(pool, "{\"message\":\"hi\"", members, "}", NULL));
}

static apr_status_t take_text(const char *text)
{
    return take(apr_pstrcat(pool, "{\"message\":", chat_json_quote(text, pool),
                            "}", NULL));
}

/* ---- the turn ---- */

START_TEST(a_message_is_a_turn_of_one)
{
    turn.request_id = "id-1";
    ck_assert_int_eq(take_with(""), APR_SUCCESS);
    ck_assert_str_eq(turn.request_id, "id-1");
    ck_assert_int_eq(turn.nmessages, 1);
    ck_assert_int_eq(turn.messages[0].role, CHAT_ROLE_USER);
    ck_assert_str_eq(turn.messages[0].content, "hi");
    ck_assert_ptr_null(turn.model);
    ck_assert_ptr_null(turn.system);
    ck_assert_int_eq(turn.schema_strict, -1);
    ck_assert_int_eq(turn.parallel, -1);
    ck_assert_int_eq(turn.whole, 0);
    ck_assert_ptr_null(session);
}
END_TEST

START_TEST(a_model_and_a_session_may_be_named)
{
    ck_assert_int_eq(take_with(",\"model_id\":\"m\",\"session_id\":\"s.1_-A\""),
                     APR_SUCCESS);
    ck_assert_str_eq(turn.model, "m");
    ck_assert_str_eq(session, "s.1_-A");
}
END_TEST

START_TEST(null_for_an_optional_member_is_none)
{
    ck_assert_int_eq(take_with(",\"model_id\":null,\"session_id\":null,"
                               "\"tools\":null,\"response_format\":null"),
                     APR_SUCCESS);
    ck_assert_ptr_null(turn.model);
    ck_assert_ptr_null(session);
}
END_TEST

START_TEST(members_that_we_do_not_know_are_ignored)
{
    ck_assert_int_eq(take_with(",\"messages\":7,\"model\":\"x\",\"a\":{}"),
                     APR_SUCCESS);
    ck_assert_ptr_null(turn.model);
}
END_TEST

/* ---- texts ---- */

#define SMILE "\xf0\x9f\x98\x80"
#define SMALL "Too small: expected string to have >=1 characters"
#define BIG "Too big: expected string to have <=4 characters"
#define CONTROL                                                                \
    "Control characters other than tab, line feed and carriage return are "    \
    "not allowed"

static const struct text_t {
    const char *text;
    const char *why; /* the only issue; NULL: accepted */
} texts[] = {
    {"", SMALL},
    {" ", SMALL},
    {"\t\r\n ", SMALL},
    {"\xc2\xa0\xe2\x80\x83\xe3\x80\x80\xef\xbb\xbf", SMALL},
    /* looks like nothing, but is none of Unicode's white space */
    {"\xe2\x80\x8b", NULL},
    {" a ", NULL},
    {"a\tb", NULL},
    {"a\r\nb", NULL},
    {"1234", NULL},
    {"12345", BIG},
    {"     ", BIG},
    {SMILE SMILE SMILE, NULL},
    {SMILE SMILE SMILE "1",
     "Total content length must be at most 6 characters"},
    {"\x01", CONTROL},
    {"a\x1b", CONTROL},
    {"a\x7f", CONTROL},
    {"a\xc2\x80", CONTROL},
    {"a\xc2\x9f", CONTROL},
    {"a\xc2\xa1", NULL},
    {"\xc3\x9f", NULL},
};

static const char *only_issue(void)
{
    chat_json_t *issues;

    ck_assert_int_eq(
        chat_json_parse(&issues, err.issues, strlen(err.issues), &limits, pool),
        APR_SUCCESS);
    ck_assert_msg(chat_json_length(issues) == 1, "%s", err.issues);
    return chat_json_string(
        chat_json_path(chat_json_at(issues, 0), "message", NULL));
}

START_TEST(a_text_goes_on_as_it_came_or_is_refused)
{
    const struct text_t *t = &texts[_i];
    apr_status_t rv = take_text(t->text);

    if (!t->why) {
        ck_assert_msg(rv == APR_SUCCESS, "%s", err.issues);
        ck_assert_str_eq(turn.messages[0].content, t->text);
        return;
    }
    ck_assert_int_eq(rv, APR_EINVAL);
    ck_assert_int_eq(err.status, 400);
    ck_assert_str_eq(err.code, "invalid_request");
    ck_assert_str_eq(only_issue(), t->why);
}
END_TEST

/* ---- sessions ---- */

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define LONGEST HUNDRED TEN TEN "01234567"

static const struct session_t {
    const char *id;
    int good;
} sessions[] = {
    {"a", 1},   {LONGEST, 1},         {"..", 1},
    {"", 0},    {LONGEST "8", 0},     {"a b", 0},
    {"a/b", 0}, {"a\n", 0},           {"\xc3\xa4", 0},
    {"a:b", 0}, {"a\xe2\x80\xa8", 0},
};

START_TEST(a_session_is_named_by_a_word)
{
    const struct session_t *s = &sessions[_i];
    apr_status_t rv = take_with(apr_pstrcat(
        pool, ",\"session_id\":", chat_json_quote(s->id, pool), NULL));

    ck_assert_int_eq(rv, s->good ? APR_SUCCESS : APR_EINVAL);
    if (s->good)
        ck_assert_str_eq(session, s->id);
    else {
        ck_assert_ptr_null(session);
        ck_assert_str_eq(only_issue(), "Invalid string: must match pattern "
                                       "/^[A-Za-z0-9._-]{1,128}$/");
    }
}
END_TEST

/* ---- refused ---- */

START_TEST(what_would_need_more_than_a_message_is_unsupported)
{
    static const char *const more[] = {
        "tools",     "tool_choice",     "toolChoice",
        "functions", "response_format", "responseFormat",
    };
    int i;

    for (i = 0; i < COUNT(more); i++) {
        ck_assert_int_eq(take_with(apr_psprintf(pool, ",\"%s\":[]", more[i])),
                         APR_EINVAL);
        ck_assert_int_eq(err.status, 400);
        ck_assert_str_eq(err.code, "unsupported");
        ck_assert_str_eq(err.param, more[i]);
        ck_assert_ptr_null(err.issues);
    }
}
END_TEST

static const struct kind_t {
    const char *body;
    const char *issue;
} kinds[] = {
    {"[]", "Invalid input: expected object, received array"},
    {"null", "Invalid input: expected object, received null"},
    {"{}", "Invalid input: expected string, received undefined"},
    {"{\"message\":null}", "Invalid input: expected string, received null"},
    {"{\"message\":1}", "Invalid input: expected string, received number"},
    {"{\"message\":[\"s3cret\"]}",
     "Invalid input: expected string, received array"},
    {"{\"message\":{\"a\":\"s3cret\"}}",
     "Invalid input: expected string, received object"},
    {"{\"message\":\"m\",\"model_id\":true}",
     "Invalid input: expected string, received boolean"},
    {"{\"message\":\"m\",\"model_id\":[]}",
     "Invalid input: expected string, received array"},
    {"{\"message\":\"m\",\"session_id\":7}",
     "Invalid input: expected string, received number"},
    {"{\"message\":\"m\",\"session_id\":{}}",
     "Invalid input: expected string, received object"},
};

START_TEST(values_of_another_kind_are_refused)
{
    chat_turn_t before = turn;

    /* an array has a length, which is looked at, too */
    ck_assert_int_eq(take(kinds[_i].body), APR_EINVAL);
    ck_assert_ptr_nonnull(strstr(err.issues, kinds[_i].issue));
    ck_assert_ptr_null(strstr(err.issues, "s3cret"));
    ck_assert(memcmp(&turn, &before, sizeof(turn)) == 0);
    ck_assert_ptr_null(session);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_request_message");
    TCase *tc = tcase_create("chat_request_message");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_message_is_a_turn_of_one);
    tcase_add_test(tc, a_model_and_a_session_may_be_named);
    tcase_add_test(tc, null_for_an_optional_member_is_none);
    tcase_add_test(tc, members_that_we_do_not_know_are_ignored);
    tcase_add_loop_test(tc, a_text_goes_on_as_it_came_or_is_refused, 0,
                        COUNT(texts));
    tcase_add_loop_test(tc, a_session_is_named_by_a_word, 0, COUNT(sessions));
    tcase_add_test(tc, what_would_need_more_than_a_message_is_unsupported);
    tcase_add_loop_test(tc, values_of_another_kind_are_refused, 0,
                        COUNT(kinds));
    suite_add_tcase(suite, tc);
    return suite;
}
