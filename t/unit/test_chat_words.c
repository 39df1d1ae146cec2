/* SPDX-License-Identifier: Apache-2.0 */
/* Words in a list: whole words, at commas and spaces, in the case they have. */
#include "unit.h"

#include "chat_words.h"

START_TEST(a_word_is_found_whole)
{
    static const struct {
        const char *list, *word;
        int has;
    } cases[] = {
        {"admin", "admin", 1},
        {"user,admin", "admin", 1},
        {"admin,user", "admin", 1},
        {"user, admin , beta", "admin", 1},
        {"user admin", "admin", 1},
        {"xadmin", "admin", 0},
        {"adminx", "admin", 0},
        {"xadmin,adminx", "admin", 0},
        {"xadmin,admin", "admin", 1},
        {"admin-2", "admin", 0},
        {"Admin", "admin", 0},
        {"pro,beta", "pro", 1},
        {"pro,beta", "pro,beta", 0},
        {"", "admin", 0},
        {",, ,", "admin", 0},
        {"admin", "", 0},
        {",", "", 0},
        {NULL, "admin", 0},
    };
    const char *list = cases[_i].list;

    ck_assert_msg(chat_words_has(list, cases[_i].word) == cases[_i].has,
                  "\"%s\" in \"%s\"", cases[_i].word, list ? list : "(null)");
}
END_TEST

Suite *unit_suite(void)
{
    Suite *s = suite_create("chat_words");
    TCase *t = tcase_create("has");

    tcase_add_loop_test(t, a_word_is_found_whole, 0, 18);
    suite_add_tcase(s, t);
    return s;
}
