/* SPDX-License-Identifier: Apache-2.0 */
/* What the user says last, in every form of a request. */
#include <string.h>

#include <apr_strings.h>

#include "chat_request.h"
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

static chat_json_t *json(const char *text)
{
    static const chat_json_limits_t limits = {100000, 32, 10000};
    chat_json_t *v = NULL;

    ck_assert_int_eq(chat_json_parse(&v, text, strlen(text), &limits, pool),
                     APR_SUCCESS);
    return v;
}

#define COUNT(list) ((int)(sizeof(list) / sizeof(*list)))

/* text NULL: nobody says anything. */
static const struct {
    const char *body, *text, *others;
    int ends;
} cases[] = {
    /* Chat Completions, and the stream route */
    {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},"
     "{\"role\":\"assistant\",\"content\":\"b\"},"
     "{\"role\":\"user\",\"content\":\"c\"}]}",
     "c", "", 1},
    {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},"
     "{\"role\":\"tool\",\"content\":\"b\"}]}",
     "a", "", 0},
    {"{\"messages\":[{\"role\":\"user\",\"content\":["
     "{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image_url\"},"
     "{\"type\":\"text\",\"text\":\"b\"}]}]}",
     "a\nb", "{\"type\":\"image_url\"}", 1},
    {"{\"messages\":[{\"role\":\"system\",\"content\":\"a\"}]}", NULL, NULL, 0},
    {"{\"messages\":[7,null,[],\"a\"]}", NULL, NULL, 0},
    {"{\"messages\":{}}", NULL, NULL, 0},
    /* the AI SDK, and Vercel's chat */
    {"{\"messages\":[{\"id\":\"x\",\"role\":\"user\",\"parts\":["
     "{\"type\":\"text\",\"text\":\"a\"}]}]}",
     "a", "", 1},
    {"{\"id\":\"c\",\"message\":{\"id\":\"x\",\"role\":\"user\",\"parts\":["
     "{\"type\":\"text\",\"text\":\"a\"}]}}",
     "a", "", 1},
    {"{\"message\":{\"role\":\"assistant\",\"parts\":[]}}", NULL, NULL, 0},
    /* the message route */
    {"{\"message\":\"a\",\"session_id\":null}", "a", "", 1},
    /* conversations */
    {"{\"content\":\"a\"}", "a", "", 1},
    {"{\"parts\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"file\"}]}",
     "a", "{\"type\":\"file\"}", 1},
    /* Gemini */
    {"{\"contents\":[{\"parts\":[{\"text\":\"a\"}]}]}", "a", "", 1},
    {"{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"a\"}]},"
     "{\"role\":\"model\",\"parts\":[{\"text\":\"b\"}]}]}",
     "a", "", 0},
    /* Responses */
    {"{\"input\":\"a\"}", "a", "", 1},
    {"{\"input\":[{\"role\":\"user\",\"content\":["
     "{\"type\":\"input_text\",\"text\":\"a\"}]},"
     "{\"type\":\"function_call_output\",\"output\":\"b\"}]}",
     "a", "", 0},
    /* ChatKit */
    {"{\"type\":\"threads.create\",\"params\":{\"input\":{\"content\":["
     "{\"type\":\"input_text\",\"text\":\"a\"}],\"attachments\":[]}}}",
     "a", "", 1},
    {"{}", NULL, NULL, 0},
    {"[]", NULL, NULL, 0},
};

START_TEST(what_a_user_says_is_found_in_every_form)
{
    int ends = -1;
    const char *others;
    const chat_json_t *prompt =
        chat_request_prompt(json(cases[_i].body), &ends);

    ck_assert_int_eq(ends, cases[_i].ends);
    if (!cases[_i].text) {
        ck_assert_ptr_null(prompt);
        return;
    }
    ck_assert_ptr_nonnull(prompt);
    ck_assert_str_eq(chat_request_prompt_text(prompt, &others, pool),
                     cases[_i].text);
    ck_assert_str_eq(others, cases[_i].others);
    ck_assert_str_eq(chat_request_prompt_text(prompt, NULL, pool),
                     cases[_i].text);
}
END_TEST

/* The last question, wherever one may look for it: all messages of the user
 * since an answer. */
static const struct {
    const char *body, *text;
} questions[] = {
    {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},"
     "{\"role\":\"assistant\",\"content\":\"b\"},"
     "{\"role\":\"user\",\"content\":\"c\"},"
     "{\"role\":\"system\",\"content\":\"d\"},"
     "{\"role\":\"user\",\"content\":[{\"text\":\"e\"}]},"
     "{\"role\":\"tool\",\"content\":\"f\"}]}",
     "c|e"},
    {"{\"contents\":[{\"parts\":[{\"text\":\"a\"}]},"
     "{\"role\":\"model\",\"parts\":[{\"text\":\"b\"}]},"
     "{\"parts\":[{\"text\":\"c\"}]},{\"parts\":[{\"text\":\"d\"}]}]}",
     "c|d"},
    {"{\"input\":\"a\",\"messages\":[{\"role\":\"user\",\"content\":\"b\"}]}",
     "b|a"},
    {"{\"input\":[{\"role\":\"user\",\"content\":\"a\"},"
     "{\"role\":\"assistant\",\"content\":\"b\"}]}",
     "a"},
    {"{\"messages\":[{\"role\":\"system\",\"content\":\"a\"}]}", ""},
    {"{}", ""},
};

START_TEST(a_question_may_be_more_than_one_message)
{
    const apr_array_header_t *all =
        chat_request_prompts(json(questions[_i].body), pool);
    apr_array_header_t *texts = apr_array_make(pool, 4, sizeof(char *));
    int i;

    for (i = 0; i < all->nelts; i++)
        APR_ARRAY_PUSH(texts, const char *) = chat_request_prompt_text(
            APR_ARRAY_IDX(all, i, const chat_json_t *), NULL, pool);
    ck_assert_str_eq(apr_array_pstrcat(pool, texts, '|'), questions[_i].text);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_request_prompt");
    TCase *tc = tcase_create("chat_request_prompt");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, what_a_user_says_is_found_in_every_form, 0,
                        COUNT(cases));
    tcase_add_loop_test(tc, a_question_may_be_more_than_one_message, 0,
                        COUNT(questions));
    suite_add_tcase(suite, tc);
    return suite;
}
