/* SPDX-License-Identifier: Apache-2.0 */
/* src/provider/chat_provider_check.c: the call that tells what a key is worth,
 * and its answers. */
#include <string.h>

#include <apr_strings.h>

#include "chat_provider.h"
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

enum {
#define CHAT_PROVIDER(id, name, caps) TYPE_##id,
#include "chat_provider_list.h"
#undef CHAT_PROVIDER
    TYPES
};

static const struct {
    int type;
    const char *url, *header;
} calls[] = {
    {TYPE_openai, "https://x/v1/models", "Authorization: Bearer K"},
    {TYPE_mistral, "https://x/v1/models", "Authorization: Bearer K"},
    {TYPE_deepseek, "https://x/v1/models", "Authorization: Bearer K"},
    {TYPE_compatible, "https://x/v1/models", "Authorization: Bearer K"},
    {TYPE_openrouter, "https://x/v1/key", "Authorization: Bearer K"},
    {TYPE_anthropic, "https://x/v1/models?limit=1", "x-api-key: K"},
    {TYPE_gemini, "https://x/v1/models?pageSize=1", "x-goog-api-key: K"},
};

static int has(const chat_call_t *call, const char *line)
{
    int i, found = 0;

    for (i = 0; i < call->headers->nelts; i++)
        found += !strncmp(APR_ARRAY_IDX(call->headers, i, char *), line,
                          strlen(line));
    return found;
}

START_TEST(the_call_costs_nothing)
{
    const chat_upstream_t up = {.url = "https://x/v1", .key = "K"};
    chat_call_t call = {0};
    chat_err_t err = {0};

    ck_assert_int_eq(
        chat_provider_check_build(&call, chat_provider_get(calls[_i].type), &up,
                                  &err, pool),
        APR_SUCCESS);
    ck_assert_str_eq(call.url, calls[_i].url);
    ck_assert_ptr_null(call.body);
    ck_assert_int_eq(has(&call, calls[_i].header), 1);
    ck_assert_int_eq(has(&call, "anthropic-version: "),
                     calls[_i].type == TYPE_anthropic);
}
END_TEST

START_TEST(a_key_that_is_no_header_is_none)
{
    const chat_upstream_t up = {.url = "https://x/v1", .key = "K\r\nX: y"};
    chat_call_t call = {0};
    chat_err_t err = {0};
    int type;

    for (type = 0; type < TYPES; type++)
        ck_assert_int_eq(chat_provider_check_build(
                             &call, chat_provider_get(type), &up, &err, pool),
                         APR_EINVAL);
}
END_TEST

#define NO_KEY                                                                 \
    "{\"error\":{\"code\":400,\"status\":\"INVALID_ARGUMENT\",\"details\":[{"  \
    "\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":"       \
    "\"API_KEY_INVALID\"}]}}"

static const struct {
    int type, status;
    const char *body;
    chat_provider_check_e verdict;
} answers[] = {
    {TYPE_openai, 200, "{\"data\":[]}", CHAT_PROVIDER_CHECK_OK},
    {TYPE_openai, 401, "", CHAT_PROVIDER_CHECK_INVALID},
    {TYPE_openai, 403, "", CHAT_PROVIDER_CHECK_LIMITED},
    {TYPE_openai, 400, "{}", CHAT_PROVIDER_CHECK_UNKNOWN},
    {TYPE_openai, 429, "", CHAT_PROVIDER_CHECK_UNKNOWN},
    {TYPE_openai, 500, "", CHAT_PROVIDER_CHECK_UNKNOWN},
    {TYPE_openai, 302, "", CHAT_PROVIDER_CHECK_UNKNOWN},
    {TYPE_gemini, 400, NO_KEY, CHAT_PROVIDER_CHECK_INVALID},
    {TYPE_gemini, 400, "{}", CHAT_PROVIDER_CHECK_UNKNOWN},
    {TYPE_gemini, 403, "", CHAT_PROVIDER_CHECK_LIMITED},
    {TYPE_anthropic, 401, "", CHAT_PROVIDER_CHECK_INVALID},
};

START_TEST(an_answer_tells_what_it_is_worth)
{
    ck_assert_int_eq(
        chat_provider_check_verdict(chat_provider_get(answers[_i].type),
                                    answers[_i].status, answers[_i].body,
                                    strlen(answers[_i].body), pool),
        answers[_i].verdict);
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_provider_check");
    TCase *tc = tcase_create("check");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, the_call_costs_nothing, 0, COUNT(calls));
    tcase_add_test(tc, a_key_that_is_no_header_is_none);
    tcase_add_loop_test(tc, an_answer_tells_what_it_is_worth, 0,
                        COUNT(answers));
    suite_add_tcase(suite, tc);
    return suite;
}
