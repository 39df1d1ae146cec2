/* SPDX-License-Identifier: Apache-2.0 */
/* A text as a title: in one line, short, and whole at its end. */
#include "unit.h"

#include <apr_pools.h>
#include <string.h>

#include "../../src/run/chat_run_title_text.h"

static apr_pool_t *p;

static void setup(void)
{
    apr_pool_create(&p, NULL);
}

static void teardown(void)
{
    apr_pool_destroy(p);
}

#define TEN "0123456789"
#define FORTY TEN TEN TEN TEN
#define U10                                                                    \
    "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc" \
    "\xc3\xa4"

static const struct {
    const char *text, *title;
} cases[] = {
    {"Hello", "Hello"},
    {"", NULL},
    {" \n\t\x01 ", NULL},
    {"  two\n\n words\t", "two words"},
    {"a\x7f\x1f"
     "b",
     "a b"},
    {FORTY FORTY, FORTY FORTY},
    {FORTY FORTY "x", FORTY FORTY},
    {FORTY " " TEN " and what goes on for too long",
     FORTY " " TEN " and what goes on for too"},
    /* A word that is longer than what is left is cut. */
    {"a " FORTY FORTY, "a " FORTY TEN TEN TEN "01234567"},
    /* Characters are counted, not bytes. */
    {U10 U10 U10 U10 U10 U10 U10 U10 "x", U10 U10 U10 U10 U10 U10 U10 U10},
    /* e and its accent; a family of two and what joins them */
    {FORTY FORTY "\xcc\x81", FORTY TEN TEN TEN "012345678"},
    {FORTY TEN TEN TEN "012345678\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7",
     FORTY TEN TEN TEN "012345678"},
    {FORTY TEN TEN TEN "01234567\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7",
     FORTY TEN TEN TEN "01234567"},
};

START_TEST(a_title_is_the_beginning)
{
    const char *title = chat_run_title_text(cases[_i].text, p);

    if (cases[_i].title)
        ck_assert_str_eq(title, cases[_i].title);
    else
        ck_assert_ptr_null(title);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *s = suite_create("chat_run_title_text");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_title_is_the_beginning, 0,
                        sizeof(cases) / sizeof(*cases));
    suite_add_tcase(s, tc);
    return s;
}
