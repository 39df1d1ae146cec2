/* SPDX-License-Identifier: Apache-2.0 */
/* What a collector says of what it has taken. */
#include "unit.h"

#include <string.h>

#include "../../src/run/chat_run_export_told.h"

static apr_int64_t json(const char *text)
{
    apr_pool_t *pool;
    apr_int64_t n;

    apr_pool_create(&pool, NULL);
    n = chat_run_export_told(text, strlen(text), CHAT_OTLP_JSON, pool);
    apr_pool_destroy(pool);
    return n;
}

START_TEST(in_json)
{
    ck_assert_int_eq(json(""), 0);
    ck_assert_int_eq(json("{}"), 0);
    ck_assert_int_eq(json("{\"partialSuccess\":{}}"), 0);
    ck_assert_int_eq(json("{\"partialSuccess\":{\"rejectedSpans\":\"12\"}}"),
                     12);
    ck_assert_int_eq(json("{\"partialSuccess\":{\"rejectedSpans\":3}}"), 3);
    ck_assert_int_eq(
        json("{\"partialSuccess\":{\"rejectedLogRecords\":\"1\"}}"), 1);
    ck_assert_int_eq(json("{\"partialSuccess\":{\"rejectedSpans\":-1}}"), 0);
    ck_assert_int_eq(json("<html>"), 0);
}
END_TEST

static apr_int64_t protobuf(const char *bytes, apr_size_t len)
{
    return chat_run_export_told(bytes, len, CHAT_OTLP_PROTOBUF, NULL);
}

START_TEST(in_protobuf)
{
    ck_assert_int_eq(protobuf("", 0), 0);
    ck_assert_int_eq(protobuf("\x0a\x00", 2), 0);
    ck_assert_int_eq(protobuf("\x0a\x03\x08\xac\x02", 5), 300);
    ck_assert_int_eq(protobuf("\x0a\x02\x08\x80", 4), 0);
    ck_assert_int_eq(protobuf("\x0a\x7f\x08\x01", 4), 0);
    ck_assert_int_eq(protobuf("\x0a\x04\x12\x02no", 6), 0);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_run_export_told");
    TCase *tc = tcase_create("told");

    tcase_add_test(tc, in_json);
    tcase_add_test(tc, in_protobuf);
    suite_add_tcase(suite, tc);
    return suite;
}
