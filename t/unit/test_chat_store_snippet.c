/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/store/chat_store_snippet.c. */
#include "../../src/store/chat_store_snippet.h"
#include "unit.h"

#include <string.h>

#include <apr_strings.h>

static apr_pool_t *p;

static void set_up(void)
{
    apr_pool_create(&p, NULL);
}

static void tear_down(void)
{
    apr_pool_destroy(p);
}

/* The snippet and its ranges: "text|0-4,5-9". */
static const char *of(const char *text, const char *q)
{
    apr_array_header_t *ranges;
    const char *snippet = chat_store_snippet(&ranges, text, q, p);
    const char *out = apr_pstrcat(p, snippet, "|", NULL);
    int i;

    for (i = 0; i < ranges->nelts; i += 2)
        out = apr_psprintf(p, "%s%s%d-%d", out, i ? "," : "",
                           APR_ARRAY_IDX(ranges, i, int),
                           APR_ARRAY_IDX(ranges, i + 1, int));
    return out;
}

START_TEST(words_are_marked)
{
    ck_assert_str_eq(of("the cat sat", "cat"), "the cat sat|4-7");
    ck_assert_str_eq(of("the Cat, the CAT", "cat THE"),
                     "the Cat, the CAT|0-3,4-7,9-12,13-16");
    ck_assert_str_eq(of("category", "cat"), "category|");
    ck_assert_str_eq(of("", "cat"), "|");
    ck_assert_str_eq(of("a\nb\tc", "c"), "a b c|4-5");
    ck_assert_str_eq(of("x", "\"'*:&|!()<->\\"), "x|");
}
END_TEST

START_TEST(case_and_marks_do_not_count)
{
    ck_assert_str_eq(of("in Zürich", "zurich"), "in Zürich|3-9");
    ck_assert_str_eq(of("in Zurich", "ZÜRICH"), "in Zurich|3-9");
    /* Composed of two characters. */
    ck_assert_str_eq(of("Zu\xcc\x88rich!", "zürich"), "Zu\xcc\x88rich!|0-7");
    ck_assert_str_eq(of("Київ", "київ"), "Київ|0-4");
    ck_assert_str_eq(of("ΆΛΦΑ", "αλφα"), "ΆΛΦΑ|0-4");
    ck_assert_str_eq(of("Łódź Ðð Āā", "łodz ðð aa"), "Łódź Ðð Āā|0-4,5-7,8-10");
    ck_assert_str_eq(of("Ệ", "e"), "Ệ|0-1");
}
END_TEST

START_TEST(ranges_are_in_utf16_units)
{
    ck_assert_str_eq(of("\xf0\x9f\x98\x80 cat \xf0\x9f\x98\x80", "cat"),
                     "\xf0\x9f\x98\x80 cat \xf0\x9f\x98\x80|3-6");
    ck_assert_str_eq(of("€ cat", "cat"), "€ cat|2-5");
}
END_TEST

START_TEST(long_texts_are_cut)
{
    char text[2000];
    apr_array_header_t *ranges;
    const char *snippet;
    int i;

    for (i = 0; i < 300; i++)
        memcpy(text + 5 * i, "word ", 5);
    memcpy(text + 900, "needl", 5);
    text[1500] = '\0';
    snippet = chat_store_snippet(&ranges, text, "needl", p);
    ck_assert_int_lt((int)strlen(snippet), 180);
    ck_assert_int_eq(ranges->nelts, 0); /* "needlword" is another word */

    memcpy(text + 900, "need ", 5);
    snippet = chat_store_snippet(&ranges, text, "need", p);
    ck_assert_int_eq(ranges->nelts, 2);
    ck_assert_int_eq(strncmp(snippet, "\xe2\x80\xa6word ", 8), 0);
    ck_assert_int_eq(
        strncmp(snippet + 2 + APR_ARRAY_IDX(ranges, 0, int), "need ", 5), 0);
    ck_assert_str_eq(snippet + strlen(snippet) - 7, "word\xe2\x80\xa6");

    /* One word without an end. */
    memset(text, 'x', 1500);
    snippet = chat_store_snippet(&ranges, text, "y", p);
    ck_assert_int_eq((int)strlen(snippet), 163);

    /* A character is not cut. */
    for (i = 0; i < 400; i++)
        memcpy(text + 4 * i, "\xf0\x9f\x98\x80", 4);
    text[1600] = '\0';
    snippet = chat_store_snippet(&ranges, text, "y", p);
    ck_assert_int_eq((int)strlen(snippet), 160 * 4 + 3);
}
END_TEST

/* Bytes that are no UTF-8 are not read past the end. */
START_TEST(bad_bytes)
{
    of("\xff\xfe", "\xff");
    of("\xf0", "\xf0");
    of("abc \xe2\x80", "\xe2");
    of("\xcc\x88", "\xcc\x88");
}
END_TEST

Suite *unit_suite(void)
{
    Suite *s = suite_create("chat_store_snippet");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, words_are_marked);
    tcase_add_test(tc, case_and_marks_do_not_count);
    tcase_add_test(tc, ranges_are_in_utf16_units);
    tcase_add_test(tc, long_texts_are_cut);
    tcase_add_test(tc, bad_bytes);
    suite_add_tcase(s, tc);
    return s;
}
