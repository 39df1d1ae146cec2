/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that belong to a conversation: what they are read as, and what is
 * refused. */
#include "chat_request.h"

#include <string.h>

#include <apr_strings.h>

#include "unit.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof(*table)))

#define ID(n) "01980000-0000-7000-8000-00000000000" n
#define NAMED "\"conversationId\":\"" ID("1") "\""

static const chat_json_limits_t limits = {1024 * 1024, 64, 10000};
static chat_request_clamps_t clamps;
static apr_pool_t *pool;
static chat_request_t request;
static chat_err_t err;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
    clamps = (chat_request_clamps_t){
        .messages = 4,
        .message_length = 8,
        .total_length = 16,
        .max_output_tokens = 100,
        .keeps = 1,
    };
    memset(&request, 0, sizeof(request));
    memset(&err, 0, sizeof(err));
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

static chat_json_t *parse(const char *text)
{
    chat_json_t *body;

    ck_assert_msg(chat_json_parse(&body, text, strlen(text), &limits, pool) ==
                      APR_SUCCESS,
                  "%s", text);
    return body;
}

static apr_status_t kept(const char *text)
{
    return chat_request_validate_kept(&request, parse(text), &clamps, &err,
                                      pool);
}

static apr_status_t turn(const char *text)
{
    return chat_request_conversation(&request, parse(text), 0, &clamps, &err,
                                     pool);
}

START_TEST(an_id_is_a_uuid_in_lower_case)
{
    ck_assert_int_eq(chat_request_is_id(ID("a")), 1);
    ck_assert_int_eq(chat_request_is_id(ID("A")), 0);
    ck_assert_int_eq(chat_request_is_id(ID("")), 0);
    ck_assert_int_eq(chat_request_is_id(ID("aa")), 0);
    ck_assert_int_eq(chat_request_is_id(""), 0);
    ck_assert_int_eq(chat_request_is_id("01980000x0000-7000-8000-000000000000"),
                     0);
    ck_assert_int_eq(chat_request_is_id("0198000-00000-7000-8000-000000000000"),
                     0);
}
END_TEST

/* ---- the stream route ---- */

START_TEST(a_body_without_a_conversation_is_as_it_was)
{
    ck_assert_int_eq(kept("{\"id\":7,\"parentId\":8,\"messages\":["
                          "{\"role\":\"user\",\"content\":\"a\"},"
                          "{\"role\":\"assistant\",\"content\":\"b\"},"
                          "{\"role\":\"user\",\"content\":\"c\"}]}"),
                     APR_SUCCESS);
    ck_assert_int_eq(request.turn.nmessages, 3);
    ck_assert_ptr_null(request.place.conversation);
    ck_assert_ptr_null(request.place.id);
}
END_TEST

START_TEST(a_question_has_its_place)
{
    ck_assert_int_eq(
        kept("{" NAMED ",\"id\":\"" ID("2") "\",\"parentId\":\"" ID(
            "3") "\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}"),
        APR_SUCCESS);
    ck_assert_str_eq(request.place.conversation, ID("1"));
    ck_assert_str_eq(request.place.id, ID("2"));
    ck_assert_str_eq(request.place.parent, ID("3"));
    ck_assert_int_eq(request.place.has_parent, 1);
    ck_assert_str_eq(request.turn.messages[0].content, "a");
}
END_TEST

START_TEST(null_is_the_root)
{
    ck_assert_int_eq(kept("{" NAMED ",\"parentId\":null,\"messages\":["
                          "{\"role\":\"user\",\"content\":\"a\"}]}"),
                     APR_SUCCESS);
    ck_assert_int_eq(request.place.has_parent, 1);
    ck_assert_ptr_null(request.place.parent);
    ck_assert_int_eq(kept("{" NAMED ",\"messages\":["
                          "{\"role\":\"user\",\"content\":\"a\"}]}"),
                     APR_SUCCESS);
    ck_assert_int_eq(request.place.has_parent, 0);
}
END_TEST

START_TEST(what_tools_gave_needs_no_call_before)
{
    ck_assert_int_eq(
        kept("{" NAMED ",\"messages\":["
             "{\"role\":\"tool\",\"toolCallId\":\"a\",\"content\":\"1\"},"
             "{\"role\":\"tool\",\"toolCallId\":\"b\",\"content\":\"\"}]}"),
        APR_SUCCESS);
    ck_assert_int_eq(request.turn.nmessages, 2);
    ck_assert_str_eq(request.turn.messages[1].call_id, "b");
}
END_TEST

START_TEST(nobody_is_left_to_think_that_it_is_kept)
{
    clamps.keeps = 0;
    ck_assert_int_eq(kept("{" NAMED ",\"messages\":["
                          "{\"role\":\"user\",\"content\":\"a\"}]}"),
                     APR_EINVAL);
    ck_assert_str_eq(err.code, "unsupported");
    ck_assert_str_eq(err.param, "conversationId");
}
END_TEST

#define BEFORE                                                                 \
    "{\"code\":\"custom\",\"message\":\"With conversationId there is one "     \
    "message of the user, or what tools gave\",\"path\":[\"messages\"]}"
#define FORM(path)                                                             \
    "{\"origin\":\"string\",\"code\":\"invalid_format\",\"format\":\"regex\"," \
    "\"pattern\":\"/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-"         \
    "[0-9a-f]{12}$/\",\"path\":[\"" path "\"],\"message\":\"Invalid string: "  \
    "must match pattern /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-"    \
    "[0-9a-f]{12}$/\"}"
#define USER "{\"role\":\"user\",\"content\":\"a\"}"

static const struct {
    const char *body, *issues;
} wrong_kept[] = {
    {"{" NAMED ",\"messages\":[" USER "," USER "]}", "[" BEFORE "]"},
    {"{" NAMED ",\"messages\":[" USER
     ",{\"role\":\"tool\",\"toolCallId\":\"a\",\"content\":\"1\"}]}",
     "[" BEFORE "]"},
    {"{" NAMED ",\"messages\":[{\"role\":\"assistant\",\"content\":\"a\"}]}",
     "[" BEFORE "]"},
    {"{" NAMED ",\"messages\":[{\"role\":\"system\",\"content\":\"a\"}]}",
     "[" BEFORE "]"},
    {"{\"conversationId\":\"x\",\"id\":\"" ID("A") "\",\"parentId\":\"\","
                                                   "\"messages\":[" USER "]}",
     "[" FORM("conversationId") "," FORM("id") "," FORM("parentId") "]"},
    {"{\"conversationId\":null,\"messages\":[" USER "]}",
     "[{\"expected\":\"string\",\"code\":\"invalid_type\",\"path\":"
     "[\"conversationId\"],\"message\":\"Invalid input: expected string, "
     "received null\"}]"},
};

START_TEST(what_is_wrong_with_a_place_is_said)
{
    ck_assert_int_eq(kept(wrong_kept[_i].body), APR_EINVAL);
    ck_assert_str_eq(err.code, "invalid_request");
    ck_assert_str_eq(err.issues, wrong_kept[_i].issues);
    ck_assert_ptr_null(request.place.conversation);
}
END_TEST

/* ---- a turn of a conversation that the path names ---- */

START_TEST(content_is_a_part)
{
    ck_assert_int_eq(turn("{\"content\":\"a\",\"id\":\"" ID(
                         "2") "\","
                              "\"model\":\"m\",\"temperature\":1,"
                              "\"tools\":[{\"name\":\"f\"}],\"stream\":false}"),
                     APR_SUCCESS);
    ck_assert_str_eq(request.place.id, ID("2"));
    ck_assert_str_eq(chat_json_text(request.place.parts, NULL, pool),
                     "[{\"type\":\"text\",\"text\":\"a\"}]");
    ck_assert_int_eq(request.turn.nmessages, 1);
    ck_assert_str_eq(request.turn.messages[0].content, "a");
    ck_assert_int_eq(request.turn.messages[0].role, CHAT_ROLE_USER);
    ck_assert_str_eq(request.turn.model, "m");
    ck_assert_int_eq(request.turn.ntools, 1);
    ck_assert_int_eq(request.turn.whole, 1);
}
END_TEST

START_TEST(texts_are_joined_for_the_model)
{
    ck_assert_int_eq(turn("{\"parts\":[{\"type\":\"text\",\"text\":\"a\","
                          "\"more\":1},{\"text\":\"b\",\"type\":\"text\"}]}"),
                     APR_SUCCESS);
    ck_assert_str_eq(chat_json_text(request.place.parts, NULL, pool),
                     "[{\"type\":\"text\",\"text\":\"a\"},"
                     "{\"type\":\"text\",\"text\":\"b\"}]");
    ck_assert_int_eq(request.turn.nmessages, 1);
    ck_assert_str_eq(request.turn.messages[0].content, "ab");
    ck_assert_int_eq(request.turn.whole, 0);
}
END_TEST

START_TEST(each_result_is_a_message_for_the_model)
{
    ck_assert_int_eq(
        turn("{\"parts\":["
             "{\"type\":\"tool-result\",\"callId\":\"a\",\"content\":\"1\"},"
             "{\"type\":\"tool-result\",\"callId\":\"b\",\"content\":\"\"}]}"),
        APR_SUCCESS);
    ck_assert_int_eq(request.turn.nmessages, 2);
    ck_assert_int_eq(request.turn.messages[0].role, CHAT_ROLE_TOOL);
    ck_assert_str_eq(request.turn.messages[0].call_id, "a");
    ck_assert_str_eq(request.turn.messages[0].content, "1");
    ck_assert_str_eq(request.turn.messages[1].call_id, "b");
}
END_TEST

START_TEST(a_new_answer_has_no_message)
{
    ck_assert_int_eq(chat_request_conversation(
                         &request, parse("{\"model\":\"m\",\"content\":7}"), 1,
                         &clamps, &err, pool),
                     APR_SUCCESS);
    ck_assert_int_eq(request.turn.nmessages, 0);
    ck_assert_str_eq(request.turn.model, "m");
    ck_assert_int_eq(chat_request_conversation(&request,
                                               parse("{\"temperature\":3}"), 1,
                                               &clamps, &err, pool),
                     APR_EINVAL);
}
END_TEST

#define TEXT(t) "{\"type\":\"text\",\"text\":\"" t "\"}"

static const struct {
    const char *body, *has;
} wrong_turn[] = {
    {"[]", "\"expected\":\"object\""},
    {"{}", "\"path\":[\"content\"],\"message\":\"Invalid input: expected "
           "string, received undefined\""},
    {"{\"content\":\"\"}", "\"code\":\"too_small\""},
    {"{\"content\":\"123456789\"}", "\"code\":\"too_big\""},
    {"{\"parts\":[]}", "\"code\":\"too_small\""},
    {"{\"parts\":{}}", "\"expected\":\"array\""},
    {"{\"parts\":[7]}", "\"path\":[\"parts\",0]"},
    {"{\"parts\":[{\"type\":\"file\",\"uploadId\":\"u\"}]}",
     "\"path\":[\"parts\",0,\"uploadId\"]"},
    {"{\"parts\":[{\"type\":\"file\"}]}",
     "\"path\":[\"parts\",0,\"uploadId\"]"},
    {"{\"parts\":[{\"type\":\"image\"}]}", "\"path\":[\"parts\",0,\"type\"]"},
    {"{\"parts\":[{\"type\":\"file\",\"uploadId\":\"" ID(
         "1") "\"},"
              "{\"type\":\"tool-result\",\"callId\":\"a\",\"content\":\"1\"}]}",
     "Texts and what tools gave are messages of their own"},
    {"{\"parts\":[" TEXT("") "]}", "\"path\":[\"parts\",0,\"text\"]"},
    {"{\"parts\":[{\"type\":\"tool-result\"}]}",
     "\"path\":[\"parts\",0,\"callId\"]"},
    {"{\"parts\":[" TEXT("12345678") "," TEXT("12345678") "," TEXT("1") "]}",
     "Total content length must be at most 16 characters\",\"path\":[]"},
    {"{\"parts\":[" TEXT("1") ",{\"type\":\"tool-result\",\"callId\":\"a\","
                              "\"content\":\"1\"}]}",
     "Texts and what tools gave are messages of their own"},
    {"{\"content\":\"a\",\"parts\":[" TEXT("1") "]}",
     "There is content, or there are parts"},
    {"{\"content\":\"a\",\"id\":\"x\"}", "\"path\":[\"id\"]"},
    {"{\"content\":\"a\",\"temperature\":3}", "\"path\":[\"temperature\"]"},
};

START_TEST(what_is_wrong_with_a_turn_is_said)
{
    ck_assert_int_eq(turn(wrong_turn[_i].body), APR_EINVAL);
    ck_assert_str_eq(err.code, "invalid_request");
    ck_assert_msg(strstr(err.issues, wrong_turn[_i].has) != NULL, "%s",
                  err.issues);
}
END_TEST

START_TEST(there_are_only_so_many_parts)
{
    const char *parts = TEXT("");
    int i;

    clamps.message_length = clamps.total_length = 1000;
    for (i = 0; i < 63; i++)
        parts = apr_pstrcat(pool, TEXT("a") ",", parts, NULL);
    turn(apr_pstrcat(pool, "{\"parts\":[", parts, "]}", NULL));
    ck_assert_ptr_null(strstr(err.issues, "too_big"));
    turn(apr_pstrcat(pool, "{\"parts\":[" TEXT("a") ",", parts, "]}", NULL));
    ck_assert_ptr_nonnull(strstr(err.issues, "too_big"));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *s = suite_create("chat_request_conversation");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, an_id_is_a_uuid_in_lower_case);
    tcase_add_test(tc, a_body_without_a_conversation_is_as_it_was);
    tcase_add_test(tc, a_question_has_its_place);
    tcase_add_test(tc, null_is_the_root);
    tcase_add_test(tc, what_tools_gave_needs_no_call_before);
    tcase_add_test(tc, nobody_is_left_to_think_that_it_is_kept);
    tcase_add_loop_test(tc, what_is_wrong_with_a_place_is_said, 0,
                        COUNT(wrong_kept));
    tcase_add_test(tc, content_is_a_part);
    tcase_add_test(tc, texts_are_joined_for_the_model);
    tcase_add_test(tc, each_result_is_a_message_for_the_model);
    tcase_add_test(tc, a_new_answer_has_no_message);
    tcase_add_loop_test(tc, what_is_wrong_with_a_turn_is_said, 0,
                        COUNT(wrong_turn));
    tcase_add_test(tc, there_are_only_so_many_parts);
    suite_add_tcase(s, tc);
    return s;
}
