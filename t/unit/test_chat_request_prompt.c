/* SPDX-License-Identifier: Apache-2.0 */
/* What the user says now, in every form of a request. */
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

#define TEN "how-to-it_"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define LONG HUNDRED HUNDRED HUNDRED

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
    /* a question may be more than one message */
    {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},"
     "{\"role\":\"assistant\",\"content\":\"b\"},"
     "{\"role\":\"user\",\"content\":\"c\"},"
     "{\"role\":\"system\",\"content\":\"d\"},"
     "{\"role\":\"user\",\"content\":[{\"text\":\"e\"}]},"
     "{\"role\":\"tool\",\"content\":\"f\"}]}",
     "c\ne", "", 0},
    {"{\"contents\":[{\"parts\":[{\"text\":\"a\"}]},"
     "{\"role\":\"model\",\"parts\":[{\"text\":\"b\"}]},"
     "{\"parts\":[{\"text\":\"c\"}]},{\"parts\":{\"text\":\"d\"}}]}",
     "c\nd", "", 1},
    {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},"
     "{\"role\":\"system\",\"content\":\"b\"},"
     "{\"role\":\"developer\",\"content\":\"c\"}]}",
     "a", "", 1},
    /* and stand in more than one member */
    {"{\"input\":\"a\",\"messages\":[{\"role\":\"user\",\"content\":\"b\"}],"
     "\"prompt\":\"c\",\"message\":\"d\",\"content\":\"e\"}",
     "b\na\nd\nc\ne", "", 1},
    {"{\"input\":[{\"role\":\"user\",\"content\":\"a\"},"
     "{\"role\":\"assistant\",\"content\":\"b\"}],"
     "\"messages\":[{\"role\":\"assistant\",\"content\":\"c\"}]}",
     "a", "", 0},
    {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\","
     "\"parts\":[{\"type\":\"text\",\"text\":\"b\"}]}]}",
     "b\na", "", 1},
    {"{\"input\":[{\"type\":\"input_text\",\"text\":\"a\"}]}", "a", "", 1},
    {"{\"prompt\":{\"id\":\"p\",\"variables\":{\"x\":\"a\",\"y\":"
     "{\"type\":\"input_text\",\"text\":\"b\"}}}}",
     "a\nb", "", 1},
    /* wherever in a part a text is that a model reads */
    {"{\"messages\":[{\"role\":\"user\",\"content\":["
     "{\"type\":\"document\",\"title\":\"a\",\"source\":"
     "{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":\"b\"}}]}]}",
     "a\nb",
     "{\"type\":\"document\",\"title\":\"a\",\"source\":"
     "{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":\"b\"}}",
     1},
    {"{\"messages\":[{\"role\":\"user\",\"content\":["
     "{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"content\":["
     "{\"type\":\"text\",\"text\":\"a\"}]}]}]}",
     "a",
     "{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"content\":["
     "{\"type\":\"text\",\"text\":\"a\"}]}",
     1},
};

START_TEST(what_a_user_says_is_found_in_every_form)
{
    int ends = -1;
    const char *others;
    const apr_array_header_t *prompts =
        chat_request_prompts(json(cases[_i].body), &ends, pool);

    ck_assert_int_eq(ends, cases[_i].ends);
    if (!cases[_i].text) {
        ck_assert_int_eq(prompts->nelts, 0);
        return;
    }
    ck_assert_int_gt(prompts->nelts, 0);
    ck_assert_str_eq(chat_request_prompt_text(prompts, &others, pool),
                     cases[_i].text);
    ck_assert_str_eq(others, cases[_i].others);
    ck_assert_str_eq(chat_request_prompt_text(prompts, NULL, pool),
                     cases[_i].text);
}
END_TEST

/* Which strings are texts: of a member of an object that may have others. */
static const struct {
    const char *object, *key;
    int is_one;
} members[] = {
    {"{\"id\":\"a-1\"}", "id", 0},
    {"{\"id\":\"a 1\"}", "id", 1},
    {"{\"text\":\"a\"}", "text", 1},
    {"{\"data\":\"" LONG "\"}", "data", 0},
    {"{\"data\":\"" LONG " \"}", "data", 1},
    {"{\"data\":\"a\"}", "data", 1},
    {"{\"text\":\"" LONG "\"}", "text", 1},
    {"{\"type\":\"text\",\"data\":\"" LONG "\"}", "data", 1},
    {"{\"type\":\"base64\",\"data\":\"" LONG "\"}", "data", 0},
    {"{\"url\":\"data:image/png;base64," LONG "\"}", "url", 0},
    {"{\"url\":\"data:text/plain," LONG "\"}", "url", 1},
};

START_TEST(a_text_is_one_by_its_letters_and_by_what_stands_beside_it)
{
    const chat_json_t *object = json(members[_i].object);

    ck_assert_int_eq(chat_request_text_is_one(object, members[_i].key,
                                              chat_json_string(chat_json_get(
                                                  object, members[_i].key))),
                     members[_i].is_one);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_request_prompt");
    TCase *tc = tcase_create("chat_request_prompt");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, what_a_user_says_is_found_in_every_form, 0,
                        COUNT(cases));
    tcase_add_loop_test(
        tc, a_text_is_one_by_its_letters_and_by_what_stands_beside_it, 0,
        COUNT(members));
    suite_add_tcase(suite, tc);
    return suite;
}
