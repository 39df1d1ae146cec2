/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/upstream/chat_upstream_keys.c, on a clock of their own. */
#include <string.h>

#include "../../src/upstream/chat_upstream_keys.h"
#include "unit.h"

#define NOW 7000
#define MOST CHAT_UPSTREAM_KEYS_MAX

static chat_upstream_keys_t k;

static void set_up(void)
{
    memset(&k, 0, sizeof(k));
}

/* The next keys of n are those, each a letter. */
static void are_next(int n, apr_int64_t now, const char *want)
{
    char is[128];
    int i, len = (int)strlen(want);

    for (i = 0; i < len; i++) {
        int key = chat_upstream_keys_next(&k, n, now);

        is[i] = key < 0 ? '-' : (char)('a' + key);
    }
    is[len] = '\0';
    ck_assert_str_eq(is, want);
}

START_TEST(they_are_used_in_turn)
{
    are_next(3, NOW, "abcabca");
    are_next(1, NOW, "aaa");
    are_next(0, NOW, "--");
}
END_TEST

START_TEST(one_that_is_suspended_is_left_out)
{
    ck_assert_int_eq(chat_upstream_keys_suspend(&k, 3, 1, NOW, NOW + 10), 1);
    are_next(3, NOW, "acacac");
    ck_assert_int_eq(chat_upstream_keys_suspended(&k, 3, NOW), 1);
    are_next(3, NOW + 9, "ac");
    are_next(3, NOW + 10, "abc");
    ck_assert_int_eq(chat_upstream_keys_suspended(&k, 3, NOW + 10), 0);
}
END_TEST

START_TEST(all_may_be_suspended)
{
    chat_upstream_keys_suspend(&k, 2, 0, NOW, NOW + 10);
    chat_upstream_keys_suspend(&k, 2, 1, NOW, NOW + 20);
    are_next(2, NOW, "--");
    ck_assert_int_eq(chat_upstream_keys_suspended(&k, 2, NOW), 2);
    are_next(2, NOW + 10, "aa");
}
END_TEST

START_TEST(being_sent_there_again_is_no_news)
{
    ck_assert_int_eq(chat_upstream_keys_suspend(&k, 2, 0, NOW, NOW + 10), 1);
    ck_assert_int_eq(chat_upstream_keys_suspend(&k, 2, 0, NOW + 5, NOW + 15), 0);
    are_next(2, NOW + 14, "bb");
    ck_assert_int_eq(chat_upstream_keys_suspend(&k, 2, 0, NOW + 15, NOW + 25), 1);
}
END_TEST

START_TEST(keys_that_are_none_have_no_place)
{
    ck_assert_int_eq(chat_upstream_keys_suspend(&k, 2, -1, NOW, NOW + 10), 0);
    ck_assert_int_eq(chat_upstream_keys_suspend(&k, 2, 2, NOW, NOW + 10), 0);
    ck_assert_int_eq(chat_upstream_keys_suspend(&k, MOST + 9, MOST, NOW, NOW + 9),
                     0);
    ck_assert_int_eq(chat_upstream_keys_suspended(&k, MOST + 9, NOW), 0);
}
END_TEST

START_TEST(more_keys_than_places_are_not_used)
{
    int i;

    for (i = 0; i < 3 * MOST; i++)
        ck_assert_int_eq(chat_upstream_keys_next(&k, MOST + 9, NOW), i % MOST);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *s = suite_create("chat_upstream_keys");
    TCase *t = tcase_create("keys");

    tcase_add_checked_fixture(t, set_up, NULL);
    tcase_add_test(t, they_are_used_in_turn);
    tcase_add_test(t, one_that_is_suspended_is_left_out);
    tcase_add_test(t, all_may_be_suspended);
    tcase_add_test(t, being_sent_there_again_is_no_news);
    tcase_add_test(t, keys_that_are_none_have_no_place);
    tcase_add_test(t, more_keys_than_places_are_not_used);
    suite_add_tcase(s, t);
    return s;
}
