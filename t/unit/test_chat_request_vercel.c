/* SPDX-License-Identifier: Apache-2.0 */
/* chat_request_vercel: what is kept of a body that is taken. That those are
 * taken which the template takes is shown by t/83-hybrid-schema.t. */
#include "chat_request.h"

#include <string.h>

#include <apr_strings.h>

#include "unit.h"

#define ID "0f9619ff-8b86-4d01-b42d-00cf4fc964ff"

static const chat_json_limits_t limits = {1024 * 1024, 64, 10000};
static apr_pool_t *pool;
static chat_request_vercel_t asked;
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

static apr_status_t take(const char *parts)
{
    const char *text = apr_pstrcat(
        pool,
        "{\"id\":\"0F9619FF-8B86-4D01-B42D-00CF4FC964FF\",\"message\":{\"id\":"
        "\"" ID "\",\"role\":\"user\",\"parts\":",
        parts,
        "},\"selectedChatModel\":\"m\",\"selectedVisibilityType\":\"public\"}",
        NULL);
    chat_json_t *body;

    ck_assert_int_eq(chat_json_parse(&body, text, strlen(text), &limits, pool),
                     APR_SUCCESS);
    return chat_request_vercel(&asked, body, 4, &err, pool);
}

START_TEST(what_is_known_is_kept_in_the_order_of_the_schema)
{
    ck_assert_int_eq(take("[{\"more\":1,\"text\":\"a\",\"type\":\"text\"},"
                          "{\"url\":\"data:x\",\"name\":\"n\",\"mediaType\":"
                          "\"image/png\",\"type\":\"file\"},"
                          "{\"type\":\"text\",\"text\":\"b\"}]"),
                     APR_SUCCESS);
    ck_assert_str_eq(asked.chat, ID);
    ck_assert_str_eq(asked.message, ID);
    ck_assert_str_eq(asked.text, "ab");
    ck_assert_str_eq(asked.model, "m");
    ck_assert_str_eq(asked.visibility, "public");
    ck_assert_str_eq(asked.parts,
                     "[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"file\","
                     "\"mediaType\":\"image/png\",\"name\":\"n\",\"url\":"
                     "\"data:x\"},{\"type\":\"text\",\"text\":\"b\"}]");
    ck_assert_str_eq(
        chat_json_text(asked.json, NULL, pool),
        apr_pstrcat(pool, "{\"id\":\"" ID "\",\"role\":\"user\",\"parts\":",
                    asked.parts, "}", NULL));
}
END_TEST

START_TEST(a_text_is_as_long_as_its_units)
{
    ck_assert_int_eq(
        take("[{\"type\":\"text\",\"text\":\"\xf0\x9f\x98\x80\xf0\x9f\x98\x80\""
             "}]"),
        APR_SUCCESS);
    ck_assert_int_eq(
        take("[{\"type\":\"text\",\"text\":\"\xf0\x9f\x98\x80\xf0\x9f\x98\x80x"
             "\"}]"),
        APR_EINVAL);
    ck_assert_int_eq(err.status, 400);
    ck_assert_str_eq(err.code, "invalid_request");
    ck_assert_ptr_null(err.issues);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_request_vercel");
    TCase *tc = tcase_create("vercel");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, what_is_known_is_kept_in_the_order_of_the_schema);
    tcase_add_test(tc, a_text_is_as_long_as_its_units);
    suite_add_tcase(suite, tc);
    return suite;
}
