/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the mock route makes of tools and schemas: which tool it calls, which
 * JSON it says, and that the script says exactly that in both APIs.
 */
#include "unit.h"

#include <string.h>

#include <apr_strings.h>

#include "../../src/mock/chat_mock_script.h"
#include "../../src/mock/chat_mock_request.h"

static apr_pool_t *pool;

static void set_up(void)
{
    apr_pool_create(&pool, NULL);
}

static void tear_down(void)
{
    apr_pool_destroy(pool);
}

static chat_json_t *parse(const char *text)
{
    static const chat_json_limits_t limits = {1 << 20, 64, 1 << 16};
    chat_json_t *root = NULL;

    chat_json_parse(&root, text, strlen(text), &limits, pool);
    ck_assert_ptr_nonnull(root);
    return root;
}

#define SAID "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define NAMED                                                                  \
    "\"messages\":[{\"role\":\"user\",\"content\":\"ask get_time, please\"}]"
#define PARTS                                                                  \
    "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\"},"      \
    "{\"type\":\"text\",\"text\":\"weather?\"}]}]"
#define GIVEN                                                                  \
    "\"messages\":[{\"role\":\"user\",\"content\":\"weather\"},"               \
    "{\"role\":\"tool\",\"content\":\"weather\"}]"
#define TOOLS                                                                  \
    ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"weather\","   \
    "\"parameters\":{\"type\":\"object\",\"properties\":{\"city\":{\"type\":"  \
    "\"string\"}}}}},{\"type\":\"function\",\"function\":{\"name\":"           \
    "\"get_time\"}}]"
#define FLAT ",\"tools\":[{\"type\":\"function\",\"name\":\"weather\"}]"
#define SCHEMA(schema)                                                         \
    SAID ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"     \
         "{\"name\":\"x\",\"schema\":" schema "}}"

static const struct {
    const char *body, *call, *json;
} wishes[] = {
    {SAID, NULL, NULL},
    {SAID TOOLS, NULL, NULL}, /* nobody speaks of one */
    {NAMED TOOLS, "get_time", "{}"},
    {PARTS TOOLS, "weather", "{\"city\":\"mock\"}"},
    {NAMED TOOLS ",\"tool_choice\":\"none\"", NULL, NULL},
    {NAMED TOOLS ",\"tool_choice\":\"auto\"", "get_time", "{}"},
    {SAID TOOLS ",\"tool_choice\":\"required\"", "weather",
     "{\"city\":\"mock\"}"},
    {SAID TOOLS ",\"tool_choice\":{\"type\":\"function\",\"function\":"
                "{\"name\":\"get_time\"}}",
     "get_time", "{}"},
    {SAID TOOLS ",\"tool_choice\":{\"type\":\"function\",\"function\":"
                "{\"name\":\"nobody\"}}",
     NULL, NULL},
    {GIVEN TOOLS, NULL, NULL}, /* the tool has answered */
    {GIVEN TOOLS ",\"tool_choice\":\"required\"", NULL, NULL},
    {"\"input\":\"weather?\"" FLAT, "weather", "{}"},
    {"\"input\":[{\"role\":\"user\",\"content\":\"weather?\"}]" FLAT, "weather",
     "{}"},
    {"\"input\":[{\"type\":\"function_call_output\",\"output\":\"weather\"}"
     "]" FLAT ",\"tool_choice\":\"required\"",
     NULL, NULL},
    {SAID ",\"tools\":[{},null,{\"name\":7},{\"name\":\"\"}],"
          "\"tool_choice\":\"required\"",
     NULL, NULL},
    {SAID ",\"response_format\":{\"type\":\"text\"}", NULL, NULL},
    {SAID ",\"response_format\":{\"type\":\"json_object\"}", NULL,
     "{\"answer\":\"Hello, I am a mock.\"}"},
    {"\"input\":\"x\",\"text\":{\"format\":{\"type\":\"json_schema\","
     "\"schema\":{\"type\":\"integer\",\"minimum\":7}}}",
     NULL, "7"},
    {SCHEMA("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"array\","
            "\"items\":{\"type\":\"boolean\"}},\"b\":{\"enum\":[\"x\",\"y\"]},"
            "\"c\":{\"type\":[\"number\",\"null\"]},\"d\":{\"anyOf\":[{\"type\""
            ":\"null\"}]},\"e\":{\"const\":2.50},\"f\":{}}}"),
     NULL, "{\"a\":[true],\"b\":\"x\",\"c\":1,\"d\":null,\"e\":2.50,\"f\":{}}"},
    {SCHEMA("null"), NULL, "{}"},
};

START_TEST(a_wish_is_read_from_the_request)
{
    chat_json_t *body =
        parse(apr_pstrcat(pool, "{", wishes[_i].body, "}", NULL));
    const chat_json_t *messages = chat_json_get(body, "messages");
    chat_mock_request_t wish;

    chat_mock_request_read(
        &wish, body, messages ? messages : chat_json_get(body, "input"), pool);
    ck_assert_pstr_eq(wish.call, wishes[_i].call);
    ck_assert_pstr_eq(wish.json, wishes[_i].json);
}
END_TEST

/* What the script says, whole or as a stream. */
static const char *say(const char *body, int completions, int whole)
{
    chat_mock_script_t *script;
    apr_interval_time_t delay;
    const char *data, *all = "";
    chat_err_t err = {0};
    apr_size_t len;

    ck_assert_int_eq(
        chat_mock_script_create(&script,
                                parse(apr_pstrcat(pool,
                                                  "{\"model\":\"m\",\"stream\":"
                                                  "true,",
                                                  body, "}", NULL)),
                                completions, 3, 0, "id-1", 0, &err, pool),
        APR_SUCCESS);
    if (whole)
        return chat_mock_script_whole(script);
    while (chat_mock_script_next(script, &data, &len, &delay) == APR_SUCCESS)
        all = apr_pstrcat(pool, all, apr_pstrmemdup(pool, data, len), NULL);
    return all;
}

#define ESCAPED "{\\\"city\\\":\\\"mock\\\"}"

START_TEST(a_call_is_made_in_chunks_and_whole)
{
    const char *body = PARTS TOOLS;
    const char *all = say(body, 1, 0);

    ck_assert_ptr_nonnull(strstr(all, "\"id\":\"call_id-1\",\"type\":"
                                      "\"function\",\"function\":{\"name\":"
                                      "\"weather\",\"arguments\":\"\"}"));
    ck_assert_ptr_nonnull(strstr(all, "{\"arguments\":\"{\\\"city\\\":\\\"mo"));
    ck_assert_ptr_nonnull(strstr(all, "\"finish_reason\":\"tool_calls\""));
    all = say(body, 1, 1);
    ck_assert_ptr_nonnull(strstr(all, "\"arguments\":\"" ESCAPED "\""));
    ck_assert_int_eq(chat_json_kind(parse(all)), CHAT_JSON_OBJECT);
}
END_TEST

START_TEST(a_call_is_made_in_events_and_whole)
{
    const char *body = "\"input\":\"weather\"" FLAT;
    const char *all = say(body, 0, 0);

    ck_assert_ptr_nonnull(
        strstr(all, "response.function_call_arguments.delta"));
    ck_assert_ptr_nonnull(strstr(all, "\"arguments\":\"{}\""));
    ck_assert_ptr_null(strstr(all, "output_text"));
    all = say(body, 0, 1);
    ck_assert_ptr_nonnull(strstr(all, "\"call_id\":\"call_id-1\",\"name\":"
                                      "\"weather\""));
    ck_assert_int_eq(chat_json_kind(parse(all)), CHAT_JSON_OBJECT);
}
END_TEST

START_TEST(json_is_cut_between_characters_and_escaped)
{
    const chat_json_t *choice = chat_json_at(
        chat_json_get(parse(say(SCHEMA("{\"const\":\"\xc3\xa9\xc3\xa9\xc3\xa9"
                                       "\xc3\xa9\xc3\xa9\xc3\xa9\\\"\\n\"}"),
                                1, 1)),
                      "choices"),
        0);

    ck_assert_str_eq(
        chat_json_string(chat_json_path(choice, "message", "content", NULL)),
        "\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\\\"\\n\"");
    ck_assert_ptr_nonnull(
        strstr(say(SCHEMA("{\"const\":\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
                          "\xc3\xa9\xc3\xa9.\"}"),
                   1, 0),
               "\"content\":\"\\\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
               "\xc3\xa9\""));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_mock_request");
    TCase *tc = tcase_create("wish");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, a_wish_is_read_from_the_request, 0,
                        sizeof(wishes) / sizeof(wishes[0]));
    tcase_add_test(tc, a_call_is_made_in_chunks_and_whole);
    tcase_add_test(tc, a_call_is_made_in_events_and_whole);
    tcase_add_test(tc, json_is_cut_between_characters_and_escaped);
    suite_add_tcase(suite, tc);
    return suite;
}
