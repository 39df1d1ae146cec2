/* SPDX-License-Identifier: Apache-2.0 */
/* chat_request_rest: times, and the bodies of the routes of conversations. What
 * clients are told of wrong ones is in t/75-chats-conversations.t. */
#include "chat_request.h"

#include <string.h>

#include "unit.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof(*table)))

static const chat_json_limits_t limits = {65536, 64, 10000};
static const chat_request_bounds_t bounds = {
    .title = 4, .metadata = 2, .parts = 2};
static apr_pool_t *pool;
static chat_err_t err;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
    memset(&err, 0, sizeof(err));
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

static chat_json_t *json(const char *text)
{
    chat_json_t *v;

    ck_assert_msg(chat_json_parse(&v, text, strlen(text), &limits, pool) ==
                      APR_SUCCESS,
                  "%s", text);
    return v;
}

static const struct {
    const char *text;
    apr_int64_t ms; /* -1: no time */
} times[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"2026-11-28T12:34:56.789Z", 1795869296789},
    {"2026-11-28T12:34:56.7891234Z", 1795869296789},
    {"2026-11-28T12:34:56.7Z", 1795869296700},
    {"2024-02-29T00:00:00.000Z", 1709164800000},
    {"2023-02-29T00:00:00.000Z", -1},
    {"2023-04-31T00:00:00.000Z", -1},
    {"2026-11-28T24:00:00Z", -1},
    {"2026-11-28T12:60:00Z", -1},
    {"2026-11-28T12:34:60Z", -1},
    {"2026-13-01T00:00:00Z", -1},
    {"2026-00-01T00:00:00Z", -1},
    {"2026-01-00T00:00:00Z", -1},
    {"1969-12-31T00:00:00Z", -1},
    {"2026-11-28T12:34:56", -1},
    {"2026-11-28T12:34:56.Z", -1},
    {"2026-11-28T12:34:56+00:00", -1},
    {"2026-11-28 12:34:56Z", -1},
    {"2026-11-28T12:34:56ZZ", -1},
    {"2026-1-28T12:34:56Z", -1},
    {"2026", -1},
    {"", -1},
};

START_TEST(a_time_is_as_javascript_writes_it)
{
    ck_assert_msg(chat_request_rest_time(times[_i].text) == times[_i].ms,
                  "%s: %lld", times[_i].text,
                  (long long)chat_request_rest_time(times[_i].text));
}
END_TEST

START_TEST(what_is_absent_is_not_said_and_null_is)
{
    chat_request_conversation_t c;

    ck_assert_int_eq(chat_request_rest_conversation(
                         &c, json("{\"title\":null,\"pinned\":true,\"x\":1}"),
                         &bounds, &err, pool),
                     APR_SUCCESS);
    ck_assert_uint_eq(c.said, CHAT_REQUEST_HAS_TITLE | CHAT_REQUEST_HAS_PINNED);
    ck_assert_ptr_null(c.title);
    ck_assert_int_eq(c.pinned, 1);
}
END_TEST

static const char *const wrong[] = {
    "{\"title\":\"12345\"}",
    "{\"title\":\"\"}",
    "{\"metadata\":{\"a\":1}}",
    "{\"metadata\":{\"a\":\"\",\"b\":\"\",\"c\":\"\"}}",
    "{\"metadata\":[]}",
    "{\"id\":null}",
    "{\"id\":\"0198F3A2-5b1c-7d3e-9f00-2b6c5d4e3f21\"}",
    "{\"archived\":null}",
    "{\"currentMessageId\":null}",
    "[]",
    "null",
};

START_TEST(what_cannot_be_set_is_named)
{
    chat_request_conversation_t c;

    ck_assert_msg(chat_request_rest_conversation(&c, json(wrong[_i]), &bounds,
                                                 &err, pool) == APR_EINVAL,
                  "%s", wrong[_i]);
    ck_assert_int_eq(err.status, 400);
    ck_assert_ptr_nonnull(err.issues);
    ck_assert_int_eq(chat_json_length(json(err.issues)), 1);
}
END_TEST

START_TEST(a_part_keeps_what_is_known_of_it)
{
    const char *parts, *text;

    ck_assert_int_eq(
        chat_request_rest_parts(
            &parts, &text,
            json("{\"parts\":[{\"type\":\"text\",\"text\":\"a\",\"x\":1},"
                 "{\"type\":\"file\",\"uploadId\":\"u\"}]}"),
            &bounds, &err, pool),
        APR_SUCCESS);
    ck_assert_str_eq(parts, "[{\"type\":\"text\",\"text\":\"a\"},"
                            "{\"type\":\"file\",\"uploadId\":\"u\"}]");
    ck_assert_str_eq(text, "a");
}
END_TEST

static const char *const wrong_parts[] = {
    "{}",
    "{\"parts\":{}}",
    "{\"parts\":[7]}",
    "{\"parts\":[{\"type\":\"image\"}]}",
    "{\"parts\":[{\"type\":\"text\",\"text\":7}]}",
    "{\"parts\":[{\"type\":\"tool-call\",\"callId\":\"c\",\"name\":\"n\"}]}",
    "{\"parts\":[{\"type\":\"file\",\"uploadId\":\"u\",\"name\":null}]}",
    "{\"parts\":[{\"type\":\"text\",\"text\":\"\"},{\"type\":\"text\","
    "\"text\":\"\"},{\"type\":\"text\",\"text\":\"\"}]}",
};

START_TEST(parts_that_are_none_are_named)
{
    const char *parts, *text;

    ck_assert_msg(chat_request_rest_parts(&parts, &text, json(wrong_parts[_i]),
                                          &bounds, &err, pool) == APR_EINVAL,
                  "%s", wrong_parts[_i]);
    ck_assert_ptr_nonnull(strstr(err.issues, "[\"parts\""));
}
END_TEST

START_TEST(a_share_without_a_body_is_a_snapshot_for_ever)
{
    chat_request_share_t share;

    ck_assert_int_eq(chat_request_rest_share(&share, NULL, 1, &err, pool),
                     APR_SUCCESS);
    ck_assert_int_eq(share.live, 0);
    ck_assert_int_eq(share.show_model, 1);
    ck_assert_int_eq(share.expires, 0);
    ck_assert_ptr_null(share.leaf);
}
END_TEST

START_TEST(a_share_expires_later_than_now)
{
    chat_json_t *body = json("{\"expiresAt\":\"1970-01-01T00:00:01Z\"}");
    chat_request_share_t share;

    ck_assert_int_eq(chat_request_rest_share(&share, body, 999, &err, pool),
                     APR_SUCCESS);
    ck_assert_int_eq(share.expires, 1000);
    ck_assert_int_eq(chat_request_rest_share(&share, body, 1000, &err, pool),
                     APR_EINVAL);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_request_rest");
    TCase *tc = tcase_create("chat_request_rest");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_time_is_as_javascript_writes_it, 0, COUNT(times));
    tcase_add_test(tc, what_is_absent_is_not_said_and_null_is);
    tcase_add_loop_test(tc, what_cannot_be_set_is_named, 0, COUNT(wrong));
    tcase_add_test(tc, a_part_keeps_what_is_known_of_it);
    tcase_add_loop_test(tc, parts_that_are_none_are_named, 0,
                        COUNT(wrong_parts));
    tcase_add_test(tc, a_share_without_a_body_is_a_snapshot_for_ever);
    tcase_add_test(tc, a_share_expires_later_than_now);
    suite_add_tcase(suite, tc);
    return suite;
}
