/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/run/chat_run_counted.c. */
#include "../../src/run/chat_run_counted.h"
#include "unit.h"

#include <string.h>

static apr_pool_t *p;

static void set_up(void)
{
    apr_pool_create(&p, NULL);
}

static void tear_down(void)
{
    apr_pool_destroy(p);
}

static chat_store_usage_t row(const char *owner)
{
    return (chat_store_usage_t){.owner = owner,
                                .day = "2026-11-29",
                                .model = "a \"model\"\n",
                                .provider = "p",
                                .own_key = 1,
                                .requests = 2,
                                .input_tokens = 3,
                                .output_tokens = 4,
                                .cached_tokens = 1,
                                .cost = APR_INT64_MAX};
}

static chat_json_t *parse(const char *text)
{
    const chat_json_limits_t limits = {4096, 6, 100};
    chat_json_t *o;

    ck_assert_int_eq(chat_json_parse(&o, text, strlen(text), &limits, p),
                     APR_SUCCESS);
    return o;
}

START_TEST(what_is_written_is_read_again)
{
    const chat_store_usage_t rows[] = {row("a:1"), row("gu\xc3\xa9st")};
    chat_store_usage_t *read;
    chat_json_t *o = chat_json_object(p);

    chat_run_counted_put(o, rows, 2, p);
    o = parse(chat_json_text(o, NULL, p));
    ck_assert_int_eq(chat_run_counted_get(&read, o, p), 2);
    ck_assert_str_eq(read[1].owner, rows[1].owner);
    ck_assert_str_eq(read[0].day, rows[0].day);
    ck_assert_str_eq(read[0].model, rows[0].model);
    ck_assert_str_eq(read[0].provider, rows[0].provider);
    ck_assert_int_eq(read[0].own_key, 1);
    ck_assert_int_eq(read[0].requests, 2);
    ck_assert_int_eq(read[0].input_tokens, 3);
    ck_assert_int_eq(read[0].output_tokens, 4);
    ck_assert_int_eq(read[0].cached_tokens, 1);
    ck_assert_int_eq(read[0].cost, APR_INT64_MAX);
}
END_TEST

#define BUT(what)                                                              \
    "{\"user\":\"u\",\"day\":\"2026-11-29\",\"model\":\"m\","                  \
    "\"provider\":\"p\",\"ownKey\":0,\"requests\":1,\"inputTokens\":1,"        \
    "\"outputTokens\":1,\"cachedTokens\":0,\"cost\":0" what "}"

static const struct {
    const char *text;
    int fine;
} lines[] = {
    {BUT(""), 1},
    {BUT(",\"more\":[1]"), 1},
    {"{}", 0},
    {"[]", 0},
    {"7", 0},
    {BUT(",\"user\":7"), 0},
    {BUT(",\"day\":\"2026-11-2\""), 0},
    {BUT(",\"day\":null"), 0},
    {BUT(",\"model\":{}"), 0},
    {BUT(",\"provider\":null"), 0},
    {BUT(",\"requests\":-1"), 0},
    {BUT(",\"cost\":-5"), 0},
    {BUT(",\"outputTokens\":\"x\""), 0},
};

START_TEST(what_is_no_row_is_none)
{
    chat_store_usage_t read;

    ck_assert_int_eq(chat_run_counted_read(&read, parse(lines[_i].text)),
                     lines[_i].fine);
}
END_TEST

START_TEST(an_older_file_has_none)
{
    chat_store_usage_t *read;

    ck_assert_int_eq(chat_run_counted_get(&read, parse("{}"), p), 0);
    ck_assert_int_eq(
        chat_run_counted_get(&read, parse("{\"usage\":[7,{}]}"), p), 0);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_run_counted");
    TCase *tc = tcase_create("rows");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, what_is_written_is_read_again);
    tcase_add_loop_test(tc, what_is_no_row_is_none, 0,
                        sizeof(lines) / sizeof(*lines));
    tcase_add_test(tc, an_older_file_has_none);
    suite_add_tcase(suite, tc);
    return suite;
}
