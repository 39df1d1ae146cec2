/* SPDX-License-Identifier: Apache-2.0 */
/* Answers as parts: in which order, of which kinds, and how much of them. */
#include "unit.h"

#include <apr_pools.h>
#include <string.h>

#include "../../src/run/chat_run_parts.h"

static apr_pool_t *p;
static chat_run_parts_t *parts;

static void setup(void)
{
    apr_pool_create(&p, NULL);
    parts = chat_run_parts_create(p);
}

static void teardown(void)
{
    apr_pool_destroy(p);
}

static void say(chat_delta_e kind, const char *text)
{
    const chat_delta_t delta = {
        .kind = kind, .text = text, .len = strlen(text)};

    chat_run_parts_add(parts, &delta);
}

static void call(int index, const char *id, const char *name)
{
    const chat_delta_t delta = {
        .kind = CHAT_DELTA_TOOL, .index = index, .id = id, .name = name};

    chat_run_parts_add(parts, &delta);
}

static void argue(int index, const char *text)
{
    const chat_delta_t delta = {.kind = CHAT_DELTA_ARGUMENTS,
                                .text = text,
                                .len = strlen(text),
                                .index = index};

    chat_run_parts_add(parts, &delta);
}

START_TEST(nothing_is_an_empty_list)
{
    ck_assert_int_eq(chat_run_parts_empty(parts), 1);
    ck_assert_str_eq(chat_run_parts_json(parts, p), "[]");
    ck_assert_str_eq(chat_run_parts_text(parts, p), "");
}
END_TEST

START_TEST(pieces_of_a_kind_are_one_part)
{
    say(CHAT_DELTA_REASONING, "Let me ");
    say(CHAT_DELTA_REASONING, "see");
    say(CHAT_DELTA_TEXT, "Say \"hi\"");
    say(CHAT_DELTA_TEXT, "\n\xc3\xbc");
    say(CHAT_DELTA_REFUSAL, "No.");
    say(CHAT_DELTA_TEXT, " Bye");
    ck_assert_int_eq(chat_run_parts_empty(parts), 0);
    ck_assert_str_eq(
        chat_run_parts_json(parts, p),
        "[{\"type\":\"reasoning\",\"text\":\"Let me see\"},"
        "{\"type\":\"text\",\"text\":\"Say \\\"hi\\\"\\n\xc3\xbc\"},"
        "{\"type\":\"refusal\",\"text\":\"No.\"},"
        "{\"type\":\"text\",\"text\":\" Bye\"}]");
    ck_assert_str_eq(chat_run_parts_text(parts, p), "Say \"hi\"\n\xc3\xbc Bye");
}
END_TEST

START_TEST(calls_keep_their_arguments)
{
    call(0, "c\"0", "f");
    call(1, "c1", "g");
    argue(0, "{\"a\":");
    argue(1, "[]");
    argue(0, "1}");
    argue(7, "of nobody");
    argue(-1, "of nobody");
    ck_assert_str_eq(chat_run_parts_json(parts, p),
                     "[{\"type\":\"tool-call\",\"callId\":\"c\\\"0\","
                     "\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"},"
                     "{\"type\":\"tool-call\",\"callId\":\"c1\","
                     "\"name\":\"g\",\"arguments\":\"[]\"}]");
}
END_TEST

START_TEST(what_is_cleared_is_gone)
{
    say(CHAT_DELTA_TEXT, "one");
    chat_run_parts_clear(parts);
    ck_assert_int_eq(chat_run_parts_empty(parts), 1);
    say(CHAT_DELTA_TEXT, "two");
    ck_assert_str_eq(chat_run_parts_text(parts, p), "two");
}
END_TEST

START_TEST(a_model_that_changes_its_mind_has_few_parts)
{
    int i, n = 0;
    const char *json;

    for (i = 0; i < 1000; i++)
        say(i % 2 ? CHAT_DELTA_TEXT : CHAT_DELTA_REASONING, "x");
    json = chat_run_parts_json(parts, p);
    for (; (json = strstr(json, "\"type\"")) != NULL; json++)
        n++;
    ck_assert_int_eq(n, 256);
    ck_assert_uint_eq(strlen(chat_run_parts_text(parts, p)), 500);
}
END_TEST

START_TEST(what_is_too_long_is_said_to_be)
{
    char *much = apr_palloc(p, 1024 * 1024 + 1);
    int i;

    memset(much, 'x', 1024 * 1024);
    much[1024 * 1024] = '\0';
    for (i = 0; i < 16; i++)
        say(CHAT_DELTA_TEXT, much);
    ck_assert_int_eq(chat_run_parts_overflow(parts), 0);
    say(CHAT_DELTA_TEXT, "y");
    say(CHAT_DELTA_TEXT, "z");
    ck_assert_int_eq(chat_run_parts_overflow(parts), 1);
    ck_assert_uint_eq(strlen(chat_run_parts_text(parts, p)),
                      CHAT_RUN_PARTS_BYTES);
    chat_run_parts_clear(parts);
    ck_assert_int_eq(chat_run_parts_overflow(parts), 0);
}
END_TEST

START_TEST(what_is_private_stands_behind)
{
    const chat_delta_t signed_call = {.kind = CHAT_DELTA_TOOL,
                                      .id = "c0",
                                      .name = "f",
                                      .extra = "{\"s\":\"a\\u0000\"}"};

    say(CHAT_DELTA_DETAIL, "{\"type\":\"x\"}");
    ck_assert_int_eq(chat_run_parts_empty(parts), 1);
    ck_assert_str_eq(chat_run_parts_json(parts, p),
                     "[{\"type\":\"private\",\"json\":"
                     "\"{\\\"type\\\":\\\"x\\\"}\"}]");
    say(CHAT_DELTA_TEXT, "a");
    say(CHAT_DELTA_DETAIL, "{}");
    say(CHAT_DELTA_TEXT, "b");
    chat_run_parts_add(parts, &signed_call);
    ck_assert_str_eq(
        chat_run_parts_json(parts, p),
        "[{\"type\":\"text\",\"text\":\"ab\"},{\"type\":\"tool-call\","
        "\"callId\":\"c0\",\"name\":\"f\",\"extra\":\"{\\\"s\\\":\\\"a"
        "\\\\u0000\\\"}\",\"arguments\":\"\"},{\"type\":\"private\",\"json\":"
        "\"{\\\"type\\\":\\\"x\\\"}\"},{\"type\":\"private\",\"json\":\"{}\"}"
        "]");
    ck_assert_str_eq(chat_run_parts_text(parts, p), "ab");
    chat_run_parts_clear(parts);
    ck_assert_str_eq(chat_run_parts_json(parts, p), "[]");
}
END_TEST

Suite *unit_suite(void)
{
    Suite *s = suite_create("chat_run_parts");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, nothing_is_an_empty_list);
    tcase_add_test(tc, pieces_of_a_kind_are_one_part);
    tcase_add_test(tc, calls_keep_their_arguments);
    tcase_add_test(tc, what_is_private_stands_behind);
    tcase_add_test(tc, what_is_cleared_is_gone);
    tcase_add_test(tc, a_model_that_changes_its_mind_has_few_parts);
    tcase_add_test(tc, what_is_too_long_is_said_to_be);
    suite_add_tcase(s, tc);
    return s;
}
