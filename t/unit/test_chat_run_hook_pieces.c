/* SPDX-License-Identifier: Apache-2.0 */
/* src/run/chat_run_hook_pieces.c: what is told of an answer in which order,
 * what goes on of it, and where one window ends and the next begins. */
#include <string.h>

#include <apr_strings.h>

#include "../../src/run/chat_run_hook_pieces.h"
#include "unit.h"

static apr_pool_t *pool;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

static void add(chat_run_hook_pieces_t *pieces, chat_delta_e kind, int index,
                const char *text)
{
    const chat_delta_t delta = {
        .kind = kind, .index = index, .text = text, .len = strlen(text)};

    chat_run_hook_pieces_add(pieces, &delta);
}

/* "role:text|role:text|" */
static const char *told(chat_run_hook_pieces_t *pieces)
{
    const chat_run_hook_text_t *texts;
    int i, n = chat_run_hook_pieces_texts(&texts, pieces);
    const char *all = "";

    for (i = 0; i < n; i++)
        all = apr_pstrcat(pool, all, texts[i].role, ":", texts[i].content, "|",
                          NULL);
    return all;
}

static void take(void *ctx, const chat_delta_t *delta)
{
    const char **all = ctx;

    *all = apr_psprintf(pool, "%s%d:%.*s|", *all, (int)delta->kind,
                        (int)delta->len, delta->len ? delta->text : "");
}

static const char *goes_on(const chat_run_hook_pieces_t *pieces,
                           const char *const *texts)
{
    const char *all = "";

    chat_run_hook_pieces_each(pieces, texts, take, &all);
    return all;
}

static const char *item(chat_delta_e kind, const char *text)
{
    return apr_psprintf(pool, "%d:%s|", (int)kind, text);
}

START_TEST(texts_keep_their_order)
{
    chat_run_hook_pieces_t *pieces = chat_run_hook_pieces_create(0, pool);

    add(pieces, CHAT_DELTA_REASONING, 0, "well");
    add(pieces, CHAT_DELTA_TEXT, 0, "Hel");
    add(pieces, CHAT_DELTA_TEXT, 0, "lo");
    add(pieces, CHAT_DELTA_TOOL, 0, "");
    add(pieces, CHAT_DELTA_ARGUMENTS, 0, "{}");
    add(pieces, CHAT_DELTA_TEXT, 0, "again");
    ck_assert_str_eq(told(pieces), "reasoning:well|assistant:Hello|tool:{}|"
                                   "assistant:again|");
    ck_assert_str_eq(goes_on(pieces, NULL),
                     apr_pstrcat(pool, item(CHAT_DELTA_REASONING, "well"),
                                 item(CHAT_DELTA_TEXT, "Hello"),
                                 item(CHAT_DELTA_TOOL, ""),
                                 item(CHAT_DELTA_ARGUMENTS, "{}"),
                                 item(CHAT_DELTA_TEXT, "again"), NULL));
    ck_assert_uint_eq(chat_run_hook_pieces_bytes(pieces), 4 + 5 + 2 + 5);
}
END_TEST

START_TEST(loose_ones_are_one_text_each)
{
    chat_run_hook_pieces_t *pieces = chat_run_hook_pieces_create(1, pool);

    add(pieces, CHAT_DELTA_TEXT, 7, "ba");
    add(pieces, CHAT_DELTA_TEXT, 9, "ba");
    add(pieces, CHAT_DELTA_TEXT, 7, "nned");
    add(pieces, CHAT_DELTA_TEXT, 9, "sic");
    ck_assert_str_eq(told(pieces), "assistant:banned|assistant:basic|");
}
END_TEST

START_TEST(what_is_replaced)
{
    static const char *const texts[] = {"*", ""};
    chat_run_hook_pieces_t *pieces = chat_run_hook_pieces_create(0, pool);

    add(pieces, CHAT_DELTA_TEXT, 0, "secret");
    add(pieces, CHAT_DELTA_TOOL, 0, "");
    add(pieces, CHAT_DELTA_ARGUMENTS, 0, "secret");
    ck_assert_str_eq(goes_on(pieces, texts),
                     apr_pstrcat(pool, item(CHAT_DELTA_TEXT, "*"),
                                 item(CHAT_DELTA_TOOL, ""), NULL));
}
END_TEST

/* So many characters of so many bytes each. */
static const char *repeated(const char *c, int n)
{
    const char *all = "";

    while (n--)
        all = apr_pstrcat(pool, all, c, NULL);
    return all;
}

START_TEST(an_end_belongs_to_both)
{
    const char *front = repeated("a", 10), *end = repeated("b", 64);
    chat_run_hook_pieces_t *pieces = chat_run_hook_pieces_create(0, pool);
    chat_run_hook_pieces_t *next;

    add(pieces, CHAT_DELTA_REASONING, 0, "thought");
    add(pieces, CHAT_DELTA_TEXT, 0, apr_pstrcat(pool, front, end, NULL));
    next = chat_run_hook_pieces_split(pieces, pool);
    ck_assert_str_eq(told(pieces),
                     apr_pstrcat(pool, "reasoning:thought|assistant:", front,
                                 end, "|", NULL));
    ck_assert_uint_eq(chat_run_hook_pieces_overlap(pieces), 64);
    ck_assert_str_eq(goes_on(pieces, NULL),
                     apr_pstrcat(pool, item(CHAT_DELTA_REASONING, "thought"),
                                 item(CHAT_DELTA_TEXT, front), NULL));
    ck_assert_uint_eq(chat_run_hook_pieces_bytes(next), 0);
    ck_assert_int_eq(chat_run_hook_pieces_has_text(next), 1);
    add(next, CHAT_DELTA_TEXT, 0, "more");
    ck_assert_str_eq(told(next),
                     apr_pstrcat(pool, "assistant:", end, "more|", NULL));
    ck_assert_str_eq(
        goes_on(next, NULL),
        item(CHAT_DELTA_TEXT, apr_pstrcat(pool, end, "more", NULL)));
    chat_run_hook_pieces_drop_lead(next);
    ck_assert_str_eq(goes_on(next, NULL), item(CHAT_DELTA_TEXT, "more"));
}
END_TEST

/* 22 characters of three bytes are 66: the cut is before a whole one. */
START_TEST(no_character_is_cut)
{
    chat_run_hook_pieces_t *pieces = chat_run_hook_pieces_create(0, pool);
    chat_run_hook_pieces_t *next;

    add(pieces, CHAT_DELTA_TEXT, 0, repeated("\xe2\x82\xac", 30));
    next = chat_run_hook_pieces_split(pieces, pool);
    ck_assert_str_eq(goes_on(next, NULL),
                     item(CHAT_DELTA_TEXT, repeated("\xe2\x82\xac", 22)));
    ck_assert_str_eq(goes_on(pieces, NULL),
                     item(CHAT_DELTA_TEXT, repeated("\xe2\x82\xac", 8)));
}
END_TEST

START_TEST(a_call_ends_what_is_before_it)
{
    chat_run_hook_pieces_t *pieces = chat_run_hook_pieces_create(0, pool);
    chat_run_hook_pieces_t *next;

    add(pieces, CHAT_DELTA_TEXT, 0, "Look");
    add(pieces, CHAT_DELTA_TOOL, 0, "");
    next = chat_run_hook_pieces_split(pieces, pool);
    ck_assert_int_eq(chat_run_hook_pieces_has_text(next), 0);
    ck_assert_str_eq(goes_on(pieces, NULL),
                     apr_pstrcat(pool, item(CHAT_DELTA_TEXT, "Look"),
                                 item(CHAT_DELTA_TOOL, ""), NULL));
    ck_assert_uint_eq(chat_run_hook_pieces_overlap(pieces), 0);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_run_hook_pieces");
    TCase *tc = tcase_create("pieces");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, texts_keep_their_order);
    tcase_add_test(tc, loose_ones_are_one_text_each);
    tcase_add_test(tc, what_is_replaced);
    tcase_add_test(tc, an_end_belongs_to_both);
    tcase_add_test(tc, no_character_is_cut);
    tcase_add_test(tc, a_call_ends_what_is_before_it);
    suite_add_tcase(suite, tc);
    return suite;
}
