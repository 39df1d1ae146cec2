/* SPDX-License-Identifier: Apache-2.0 */
/* The forms in which texts are compared, against the known answers of ICU,
 * utf8proc and Python (t/data/moderation-vectors.json), and lists as they are
 * read. */
#include "../../src/moderation/chat_moderation_int.h"

#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "chat_json.h"
#include "unit.h"
#include "vectors.h"

static apr_pool_t *pool;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

static const char *form(chat_moderation_view_e view, const char *text)
{
    apr_size_t len;

    return chat_moderation_text_form(&len, view, text, strlen(text), pool);
}

static const char *member(const chat_json_t *v, const char *name)
{
    return chat_json_string(chat_json_get(v, name));
}

START_TEST(the_folded_form_is_that_of_all_libraries)
{
    const chat_json_t *cases = chat_json_get(
        vectors_load("t/data/moderation-vectors.json", pool), "cases");
    int i;

    ck_assert_int_eq(chat_json_length(cases), 37);
    for (i = 0; i < chat_json_length(cases); i++) {
        const chat_json_t *one = chat_json_at(cases, i);

        ck_assert_str_eq(form(CHAT_MODERATION_PLAIN, member(one, "input")),
                         member(one, "nfkcCasefold"));
    }
}
END_TEST

/* Of Latin, Greek and Cyrillic alone: elsewhere they are the word. */
START_TEST(marks_go_where_they_are_ornaments)
{
    static const char *const whole[] = {"Thai", "Devanagari", "Hebrew points",
                                        NULL};
    const chat_json_t *cases = chat_json_get(
        vectors_load("t/data/moderation-vectors.json", pool), "cases");
    int i, j;

    for (i = 0; i < chat_json_length(cases); i++) {
        const chat_json_t *one = chat_json_at(cases, i);
        const char *want = member(one, "stripped");

        for (j = 0; whole[j]; j++)
            if (!strcmp(member(one, "name"), whole[j]))
                want = member(one, "nfkcCasefold");
        ck_assert_str_eq(form(CHAT_MODERATION_BARE, member(one, "input")),
                         want);
    }
}
END_TEST

START_TEST(letters_that_look_alike_are_one)
{
    ck_assert_str_eq(form(CHAT_MODERATION_PLAIN_LATIN, "b\u0430nn\u0435d"),
                     "banned");
    ck_assert_str_eq(form(CHAT_MODERATION_PLAIN_LATIN, "f\u03bfrbidden"),
                     "forbidden");
    ck_assert_str_eq(form(CHAT_MODERATION_PLAIN_LATIN, "\u0412\u0410\u041d"),
                     "bah");
    ck_assert_str_eq(form(CHAT_MODERATION_PLAIN_LATIN, "\u13aa\u13a0"), "ad");
    ck_assert_str_eq(form(CHAT_MODERATION_PLAIN_LATIN,
                          "\u0299\u1d00\u0274\u0274\u1d07\u1d05"),
                     "banned");
    ck_assert_str_eq(
        form(CHAT_MODERATION_PLAIN_LATIN, "\U0001f151\U0001f170\U0001f15d"),
        "ban");
    ck_assert_str_eq(
        form(CHAT_MODERATION_BARE_LATIN, "b\u0430\u0336nn\u0435\u0301d"),
        "banned");
    ck_assert_str_eq(form(CHAT_MODERATION_PLAIN_LATIN,
                          "\u0181\u2c65\u0273\u0272\u0247\u0111"),
                     "banned");
    ck_assert_str_eq(
        form(CHAT_MODERATION_PLAIN_LATIN, "\U0001ccd7\U0001ccd6\U0001ccef"),
        "baz");
}
END_TEST

/* Unicode has them not among those that are ignored. */
START_TEST(controls_are_nothing)
{
    ck_assert_str_eq(form(CHAT_MODERATION_PLAIN, "b\x01"
                                                 "an\x1bn\xc2\x80"
                                                 "e\ufff9d"),
                     "banned");
    ck_assert_str_eq(form(CHAT_MODERATION_PLAIN,
                          "b\u2065a\ufff0n\ufffcn\U000e0080e\U000e0fffd"),
                     "banned");
    ck_assert_str_eq(form(CHAT_MODERATION_BARE, "\x7f"
                                                "b\x02\u0301\x03"),
                     "b");
    ck_assert_str_eq(form(CHAT_MODERATION_PLAIN, "\x01"), "");
    ck_assert_str_eq(form(CHAT_MODERATION_PLAIN, "a\tb\nc\rd\xc2\x85"),
                     "a\tb\nc\rd\xc2\x85");
}
END_TEST

/* What sorts marks takes the square of their number: all at once they would
 * take hours. */
START_TEST(a_letter_with_a_million_marks_is_read_at_once)
{
    apr_size_t n = 500000, i, len;
    char *text = apr_palloc(pool, 1 + 4 * n);

    text[0] = 'a';
    for (i = 0; i < n; i++)
        memcpy(text + 1 + 4 * i, i % 2 ? "\u0316\u0301" : "\u0301\u0316", 4);
    chat_moderation_text_form(&len, CHAT_MODERATION_BARE, text, 1 + 4 * n,
                              pool);
    ck_assert_uint_eq(len, 1);
}
END_TEST

/* ---- lists ---- */

static const char *compile(chat_moderation_list_t **plist, int match,
                           const char *text)
{
    const chat_moderation_options_t options = {.match = match, .marks = 1};

    return chat_moderation_compile(plist, text, strlen(text), &options, pool);
}

static const char *refused(int match, const char *text)
{
    chat_moderation_list_t *list;

    return compile(&list, match, text);
}

START_TEST(what_is_wrong_has_a_line_and_no_text)
{
    ck_assert_pstr_eq(refused(CHAT_MODERATION_WORD, "one\n# no\n\ntwo\r\n"),
                      NULL);
    ck_assert_str_eq(refused(CHAT_MODERATION_WORD, "# none\n"),
                     ":1: there is nothing in it");
    ck_assert_str_eq(refused(CHAT_MODERATION_WORD, "one\nb\xff\n"),
                     ":2: it is not UTF-8");
    ck_assert_str_eq(refused(CHAT_MODERATION_SUBSTRING, "a\n\u200b\u00ad\n"),
                     ":2: nobody would see any of its characters");
    ck_assert_str_eq(refused(CHAT_MODERATION_REGEX, "a\n\n(secret"),
                     ":3: missing closing parenthesis (at byte 7)");
    ck_assert_str_eq(refused(CHAT_MODERATION_REGEX, "x*"),
                     ":1: the pattern matches where there is nothing");
    ck_assert_ptr_nonnull(
        strstr(refused(CHAT_MODERATION_REGEX, "a\\Cb"), ":1: using \\C"));
    ck_assert_ptr_nonnull(
        strstr(refused(CHAT_MODERATION_WORD,
                       apr_pstrcat(pool, "a\n",
                                   apr_psprintf(pool, "%01200d", 7), NULL)),
               ":2: it is longer than 1000 bytes"));
}
END_TEST

static char *many(int n, const char *format)
{
    char *text = apr_palloc(pool, (apr_size_t)n * 32), *at = text;
    int i;

    for (i = 0; i < n; i++)
        at += sprintf(at, format, i);
    return text;
}

START_TEST(a_list_has_an_end)
{
    chat_moderation_list_t *list;

    ck_assert_str_eq(refused(CHAT_MODERATION_REGEX, many(201, "p%d\n")),
                     ":201: there are more than 200 patterns");
    ck_assert_pstr_eq(refused(CHAT_MODERATION_REGEX, many(200, "p%d\n")), NULL);
    ck_assert_str_eq(refused(CHAT_MODERATION_WORD, many(100001, "w%d\n")),
                     ":100001: there are more than 100000 words");
    ck_assert_pstr_eq(
        compile(&list, CHAT_MODERATION_WORD, many(100000, "w%dforbidden\n")),
        NULL);
    ck_assert_int_eq(chat_moderation_entries(list), 100000);
    ck_assert_uint_lt(chat_moderation_bytes(list), 32 * 1024 * 1024);
}
END_TEST

/* All that the automaton ends with, by trying. */
START_TEST(the_automaton_finds_what_is_there)
{
    static const char *const texts[] = {"a", "ab",  "bab", "bc", "bca",
                                        "c", "caa", "caa", "d",  "abcabc"};
    const int n = sizeof(texts) / sizeof(*texts);
    chat_moderation_entry_t entries[16];
    chat_moderation_words_t *words;
    unsigned seed = 7;
    char text[64];
    int i, k, round;

    for (i = 0; i < n; i++)
        entries[i] = (chat_moderation_entry_t){texts[i], strlen(texts[i]), i};
    /* In order. */
    for (i = 0; i < n; i++)
        for (k = i + 1; k < n; k++)
            if (strcmp(entries[k].text, entries[i].text) < 0) {
                chat_moderation_entry_t other = entries[i];

                entries[i] = entries[k];
                entries[k] = other;
            }
    words = chat_moderation_words_create(entries, n, pool);
    for (round = 0; round < 200; round++) {
        apr_uint32_t state = 0;

        for (i = 0; i < (int)sizeof(text); i++) {
            apr_uint32_t entry;
            int want = 0, got = 0;

            seed = seed * 1103515245 + 12345;
            text[i] = "abcde"[(seed >> 16) % 5];
            state = chat_moderation_words_step(words, state, text[i]);
            for (k = 0; k < n - 1; k++) { /* one is there twice */
                int len = strlen(entries[k].text);

                if (k && !strcmp(entries[k].text, entries[k - 1].text))
                    continue;
                want += len <= i + 1 &&
                        !memcmp(text + i + 1 - len, entries[k].text, len);
            }
            k = n - 1;
            want += (int)strlen(entries[k].text) <= i + 1 &&
                    !memcmp(text + i + 1 - strlen(entries[k].text),
                            entries[k].text, strlen(entries[k].text));
            for (entry = words->found[state]; entry; entry = words->next[entry])
                got++;
            ck_assert_int_eq(got, want);
        }
    }
}
END_TEST

/* What stands where scripts and emoji need it, and what hides. */
static const struct {
    const char *text;
    int invisible, hides;
    const char *left; /* NULL: the same */
} unseen[] = {
    {"plain", 0, 0, NULL},
    {"", 0, 0, NULL},
    /* a heart on fire: a selector and a joiner; a flag in tags; Persian;
       Devanagari; German */
    {"\u2764\ufe0f\u200d\U0001f525", 0, 0, NULL},
    {"\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
     0, 0, NULL},
    {"\u0645\u06cc\u200c\u062e", 0, 0, NULL},
    {"\u0915\u094d\u200d\u0937", 0, 0, NULL},
    {"Donau\u00addampf", 0, 0, NULL},
    {"1\ufe0f\u20e3", 0, 0, NULL},
    /* before anything, and between letters of ASCII */
    {"\ufeffa", 1, 0, "a"},
    {"a\u200bb", 1, 0, "ab"},
    {"a\u00ad\u00adb", 1, 0, "a\u00adb"},
    {"\u0645\u200c\u200c\u200c\u062e", 1, 0, "\u0645\u200c\u200c\u062e"},
    {"a\u2065b\ufff8c\U000e0fffd", 3, 0, "abcd"},
    /* tags: of no flag, behind its end, more than one has */
    {"\U000e0041", 1, 1, ""},
    {"\U0001f3f4\U000e0067\U000e007f\U000e0041", 1, 1,
     "\U0001f3f4\U000e0067\U000e007f"},
    {"\U0001f3f4\U000e0061\U000e0061\U000e0061\U000e0061\U000e0061\U000e0061"
     "\U000e0061",
     1, 1,
     "\U0001f3f4\U000e0061\U000e0061\U000e0061\U000e0061\U000e0061\U000e0061"},
    /* a row of selectors: eight are many, nine hide */
    {"a\u2063\u2063\u2063\u2063\u2063\u2063\u2063\u2063", 8, 0, "a"},
    {"a\u2063\u2063\u2063\u2063\u2063\u2063\u2063\u2063\u2063", 9, 1, "a"},
};

START_TEST(what_hides_is_told_from_what_scripts_need)
{
    const char *text = unseen[_i].text;
    chat_moderation_invisible_t found;

    chat_moderation_invisible(&found, text, strlen(text));
    ck_assert_int_eq((int)found.invisible, unseen[_i].invisible);
    ck_assert_int_eq(found.hides, unseen[_i].hides);
    ck_assert_str_eq(chat_moderation_visible(text, strlen(text), pool),
                     unseen[_i].left ? unseen[_i].left : text);
}
END_TEST

START_TEST(a_plain_text_has_one_space_and_no_case)
{
    const char *text = "\t WHO\u00a0\n are\u200b \u24e8ou\u3000";

    ck_assert_str_eq(chat_moderation_plain(text, strlen(text), pool),
                     "who are you");
    ck_assert_str_eq(chat_moderation_plain(" \n", 2, pool), "");
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_moderation_text");
    TCase *tc = tcase_create("text");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_folded_form_is_that_of_all_libraries);
    tcase_add_test(tc, marks_go_where_they_are_ornaments);
    tcase_add_test(tc, letters_that_look_alike_are_one);
    tcase_add_test(tc, controls_are_nothing);
    tcase_add_test(tc, a_letter_with_a_million_marks_is_read_at_once);
    tcase_add_test(tc, what_is_wrong_has_a_line_and_no_text);
    tcase_add_test(tc, a_list_has_an_end);
    tcase_add_test(tc, the_automaton_finds_what_is_there);
    tcase_add_loop_test(tc, what_hides_is_told_from_what_scripts_need, 0,
                        sizeof(unseen) / sizeof(*unseen));
    tcase_add_test(tc, a_plain_text_has_one_space_and_no_case);
    suite_add_tcase(suite, tc);
    return suite;
}
