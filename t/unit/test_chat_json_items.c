/* SPDX-License-Identifier: Apache-2.0 */
/* chat_json_items: where elements begin and end, however the text is cut. */
#include "chat_json.h"

#include <string.h>

#include <apr_strings.h>

#include "unit.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof(*table)))

static const chat_json_limits_t limits = {1000, 8, 20};
static apr_pool_t *pool;
static const char *seen;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

static const char *take(void *ctx, const chat_json_t *item, apr_pool_t *p)
{
    seen = apr_pstrcat(pool, seen, chat_json_text(item, NULL, p), " ", NULL);
    return chat_json_get(item, "bad") ? "it is bad" : NULL;
}

/* The elements and the rest, or why not. */
static const char *read_text(const char *text, apr_size_t piece)
{
    chat_json_items_t *items =
        chat_json_items_create("list", &limits, take, NULL, pool);
    apr_size_t len = strlen(text), at, n;
    chat_json_t *rest;

    seen = "";
    for (at = 0; at < len; at += n) {
        n = len - at < piece ? len - at : piece;
        if (chat_json_items_feed(items, text + at, n) != APR_SUCCESS)
            return chat_json_items_why(items);
    }
    if (chat_json_items_end(&rest, items) != APR_SUCCESS)
        return chat_json_items_why(items);
    return apr_pstrcat(pool, seen, "| ", chat_json_text(rest, NULL, pool),
                       NULL);
}

static const struct {
    const char *text, *is;
} texts[] = {
    {"[]", "| []"},
    {" [ {} , {\"a\":[1,{}]} ] ", "{} {\"a\":[1,{}]} | [0,0]"},
    {"{\"v\":1,\"list\":[{\"a\":\"]}\\\"\"}],\"w\":[{}]}",
     "{\"a\":\"]}\\\"\"} | {\"v\":1,\"list\":[0],\"w\":[{}]}"},
    {"{\"x\":{\"list\":[{}]},\"list\":[]}",
     "| {\"x\":{\"list\":[{}]},\"list\":[]}"},
    {"{\"a\":\"list\",\"b\":[{}]}", "| {\"a\":\"list\",\"b\":[{}]}"},
    {"{}", "| {}"},
    {"7", "| 7"},
    {"[{},7]", "element 2 of the list: it is not an object"},
    {"[[]]", "element 1 of the list: it is not an object"},
    {"[\"a\"]", "element 1 of the list: it is not an object"},
    {"[{\"bad\":1},{}]", "element 1 of the list: it is bad"},
    {"[{},{", "element 2 of the list: it ends too early"},
};

START_TEST(each_element_is_taken_however_it_comes)
{
    apr_size_t piece;

    for (piece = 1; piece <= strlen(texts[_i].text); piece++)
        ck_assert_str_eq(read_text(texts[_i].text, piece), texts[_i].is);
}
END_TEST

static const struct {
    const char *text, *begins;
} wrong[] = {
    {"", "the text ends"},
    {"[{}", "the text ends"},
    {"[{} {}]", ""},
    {"[{},]", ""},
    {"{\"list\":[{}]", ""},
    {"[{\"a\":}]", "element 1 of the list: "},
    {"[{]", "element 1 of the list: "},
    {"[{\"a\":[[[[[[[[]]]]]]]]}]", "element 1 of the list: "},
    {"[{\"a\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}]",
     "element 1 of the list: "},
    {"[{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]", ""},
};

START_TEST(what_is_no_json_or_too_much_is_refused)
{
    const char *said = read_text(wrong[_i].text, 3);

    ck_assert_ptr_null(strchr(said, '|'));
    if (*wrong[_i].begins == 'e')
        ck_assert_msg(
            !strncmp(said, wrong[_i].begins, strlen(wrong[_i].begins)), "%s",
            said);
}
END_TEST

START_TEST(after_a_refusal_nothing_is_taken)
{
    chat_json_items_t *items =
        chat_json_items_create("list", &limits, take, NULL, pool);
    chat_json_t *rest;

    seen = "";
    ck_assert_int_eq(chat_json_items_feed(items, "[{\"bad\":1}", 10),
                     APR_EGENERAL);
    ck_assert_int_eq(chat_json_items_feed(items, ",{}]", 4), APR_EGENERAL);
    ck_assert_int_eq(chat_json_items_end(&rest, items), APR_EGENERAL);
    ck_assert_str_eq(seen, "{\"bad\":1} ");
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_json_items");
    TCase *tc = tcase_create("chat_json_items");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, each_element_is_taken_however_it_comes, 0,
                        COUNT(texts));
    tcase_add_loop_test(tc, what_is_no_json_or_too_much_is_refused, 0,
                        COUNT(wrong));
    tcase_add_test(tc, after_a_refusal_nothing_is_taken);
    suite_add_tcase(suite, tc);
    return suite;
}
