/* SPDX-License-Identifier: Apache-2.0 */
/* src/run/chat_run_hook_format.c: what services of moderation are asked, and
 * which of their answers are none. */
#include <string.h>

#include <apr_strings.h>

#include "../../src/run/chat_run_hook_format.h"
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

static const chat_run_hook_text_t texts[] = {{"assistant", "one"},
                                             {"reasoning", "\"two\""}};

static const char *body_of(int format, const char *before)
{
    const chat_hook_conf_t hook = {.format = format, .model = "m"};
    const chat_run_hook_about_t about = {.request_id = "r", .tier = "free"};
    const chat_run_hook_query_t query = {
        .phase = CHAT_RUN_HOOK_PARTIAL,
        .about = &about,
        .before = before,
        .texts = texts,
        .ntexts = 2,
    };
    apr_size_t len;

    return chat_run_hook_format_body(&len, &hook, &query, pool);
}

START_TEST(what_is_asked)
{
    ck_assert_str_eq(
        body_of(CHAT_HOOK_GENERIC, NULL),
        "{\"phase\":\"output_partial\",\"requestId\":\"r\",\"tier\":\"free\","
        "\"texts\":[{\"role\":\"assistant\",\"content\":\"one\"},{\"role\":"
        "\"reasoning\",\"content\":\"\\\"two\\\"\"}],\"final\":false}");
    ck_assert_str_eq(
        body_of(CHAT_HOOK_OPENAI, "zero "),
        "{\"model\":\"m\",\"input\":[\"zero one\",\"\\\"two\\\"\"]}");
    ck_assert_str_eq(
        body_of(CHAT_HOOK_LLAMA_GUARD, "zero "),
        "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":"
        "\"zero one\\\"two\\\"\"}],\"max_tokens\":20,\"temperature\":0,"
        "\"stream\":false}");
}
END_TEST

#define OPENAI(flagged, score)                                                 \
    "{\"results\":[{\"flagged\":" flagged                                      \
    ",\"categories\":{\"violence\":" flagged                                   \
    ",\"illicit\":null},\"category_scores\":{\"violence\":" score              \
    ",\"illicit\":null}}]}"
#define GUARD(text) "{\"choices\":[{\"message\":{\"content\":\"" text "\"}}]}"

/* action -1: it is no answer. */
static const struct {
    int format, status;
    const char *data;
    int action;
    const char *category;
} answers[] = {
    {CHAT_HOOK_GENERIC, 200, "{\"action\":\"pass\"}", CHAT_MODERATION_PASS,
     NULL},
    {CHAT_HOOK_GENERIC, 200,
     "{\"action\":\"block\",\"category\":\"a/b\",\"reason\":\"x\\ny\"}",
     CHAT_MODERATION_BLOCK, "a/b"},
    /* It would stand in a log: no name, no category. */
    {CHAT_HOOK_GENERIC, 200, "{\"action\":\"flag\",\"category\":\"a b\"}",
     CHAT_MODERATION_FLAG, NULL},
    {CHAT_HOOK_GENERIC, 200, "{\"action\":\"replace\",\"texts\":[\"z\"]}",
     CHAT_MODERATION_REPLACE, NULL},
    {CHAT_HOOK_GENERIC, 200, "{\"action\":\"replace\",\"texts\":[]}", -1, NULL},
    {CHAT_HOOK_GENERIC, 200, "{\"action\":\"replace\",\"texts\":[7]}", -1,
     NULL},
    {CHAT_HOOK_GENERIC, 200, "{\"action\":\"PASS\"}", -1, NULL},
    {CHAT_HOOK_GENERIC, 200, "[]", -1, NULL},
    {CHAT_HOOK_GENERIC, 200, "", -1, NULL},
    {CHAT_HOOK_GENERIC, 200, "{\"action\":\"pass\"", -1, NULL},
    {CHAT_HOOK_GENERIC, 500, "{\"action\":\"pass\"}", -1, NULL},
    {CHAT_HOOK_OPENAI, 200, OPENAI("true", "0.9"), CHAT_MODERATION_BLOCK,
     "violence"},
    {CHAT_HOOK_OPENAI, 200, OPENAI("false", "0.1"), CHAT_MODERATION_PASS, NULL},
    {CHAT_HOOK_OPENAI, 200, "{\"results\":[]}", -1, NULL},
    {CHAT_HOOK_OPENAI, 200, "{\"results\":[{\"flagged\":1}]}", -1, NULL},
    {CHAT_HOOK_LLAMA_GUARD, 200, GUARD("\\n\\nsafe"), CHAT_MODERATION_PASS,
     NULL},
    {CHAT_HOOK_LLAMA_GUARD, 200, GUARD("unsafe\\nS4,S10"),
     CHAT_MODERATION_BLOCK, "S4"},
    {CHAT_HOOK_LLAMA_GUARD, 200, GUARD("unsafe"), CHAT_MODERATION_BLOCK, NULL},
    {CHAT_HOOK_LLAMA_GUARD, 200, GUARD("safe, I think"), -1, NULL},
    {CHAT_HOOK_LLAMA_GUARD, 200, GUARD("unsafe because"), -1, NULL},
};

START_TEST(what_is_answered)
{
    apr_size_t i;

    for (i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
        const chat_hook_conf_t hook = {.format = answers[i].format};
        chat_run_hook_answer_t answer;
        const char *why = chat_run_hook_format_read(
            &answer, &hook, answers[i].status, answers[i].data,
            strlen(answers[i].data), 1, pool);

        ck_assert_msg((why != NULL) == (answers[i].action < 0), "%s",
                      answers[i].data);
        if (why)
            continue;
        ck_assert_int_eq(answer.action, answers[i].action);
        ck_assert_ptr_null(answer.reason);
        if (answers[i].category)
            ck_assert_str_eq(answer.category, answers[i].category);
        else
            ck_assert_ptr_null(answer.category);
    }
}
END_TEST

/* One's own opinion of a score takes the place of theirs. */
START_TEST(thresholds_of_scores)
{
    static const struct {
        const char *data;
        int action;
    } cases[] = {{OPENAI("true", "0.3"), CHAT_MODERATION_PASS},
                 {OPENAI("false", "0.4"), CHAT_MODERATION_BLOCK},
                 {OPENAI("false", "0.39"), CHAT_MODERATION_PASS}};
    chat_hook_conf_t hook = {.format = CHAT_HOOK_OPENAI};
    chat_hook_threshold_t *t;
    apr_size_t i;

    hook.thresholds = apr_array_make(pool, 1, sizeof(*t));
    t = apr_array_push(hook.thresholds);
    t->category = "violence";
    t->least = 0.4;
    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        chat_run_hook_answer_t answer;

        ck_assert_ptr_null(
            chat_run_hook_format_read(&answer, &hook, 200, cases[i].data,
                                      strlen(cases[i].data), 1, pool));
        ck_assert_int_eq(answer.action, cases[i].action);
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_run_hook_format");
    TCase *tc = tcase_create("formats");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, what_is_asked);
    tcase_add_test(tc, what_is_answered);
    tcase_add_test(tc, thresholds_of_scores);
    suite_add_tcase(suite, tc);
    return suite;
}
