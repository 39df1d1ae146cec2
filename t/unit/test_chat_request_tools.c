/* SPDX-License-Identifier: Apache-2.0 */
/* chat_request_validate_tools: what a turn gets of tools, their calls and what
 * they gave, and the clamps. That the issues are zod's own is shown by
 * t/20-request-zod.t. */
#include "chat_request.h"

#include <string.h>

#include <apr_strings.h>

#include "unit.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof(*table)))

static const chat_json_limits_t limits = {1024 * 1024, 64, 10000};
static const chat_request_clamps_t clamps = {
    .messages = 4,
    .message_length = 8,
    .total_length = 16,
    .max_output_tokens = 100,
};
static apr_pool_t *pool;
static chat_turn_t turn;
static chat_err_t err;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
    memset(&turn, 0, sizeof(turn));
    memset(&err, 0, sizeof(err));
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

static apr_status_t validate(const char *text)
{
    chat_json_t *body;

    ck_assert_msg(chat_json_parse(&body, text, strlen(text), &limits, pool) ==
                      APR_SUCCESS,
                  "%s", text);
    return chat_request_validate_tools(&turn, body, &clamps, &err, pool);
}

/* A body of one message and these other members. */
static const char *with(const char *members)
{
    return apr_pstrcat(pool,
                       "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"}]",
                       members, "}", NULL);
}

#define CALL(id, args)                                                         \
    "{\"id\":\"" id "\",\"name\":\"f\",\"arguments\":\"" args "\"}"
#define CALLING(members, calls)                                                \
    "{\"role\":\"assistant\"," members "\"toolCalls\":[" calls "]}"
#define ANSWER(id, text)                                                       \
    "{\"role\":\"tool\",\"content\":\"" text "\",\"toolCallId\":\"" id "\"}"
#define MESSAGES(list) "{\"messages\":[" list "]}"

/* ---- the turn ---- */

START_TEST(a_body_without_tools_is_as_it_was)
{
    turn.request_id = "id-1";
    ck_assert_int_eq(validate(with("")), APR_SUCCESS);
    ck_assert_str_eq(turn.request_id, "id-1");
    ck_assert_int_eq(turn.nmessages, 1);
    ck_assert_str_eq(turn.messages[0].content, "q");
    ck_assert_ptr_null(turn.messages[0].call_id);
    ck_assert_int_eq(turn.messages[0].ncalls, 0);
    ck_assert_int_eq(turn.ntools, 0);
    ck_assert_int_eq(turn.choice, CHAT_CHOICE_UNSAID);
    ck_assert_int_eq(turn.json, 0);
    ck_assert_int_eq(turn.schema_strict, -1);
    ck_assert_int_eq(turn.parallel, -1);
    ck_assert_int_eq(turn.whole, 0);
}
END_TEST

START_TEST(tools_reach_the_turn)
{
    ck_assert_int_eq(
        validate(with(",\"tools\":[{\"name\":\"f\"},{\"name\":\"A-z_9\","
                      "\"description\":\"d\",\"parameters\":{\"a\":1},"
                      "\"strict\":true}],\"toolChoice\":{\"name\":\"f\"}")),
        APR_SUCCESS);
    ck_assert_int_eq(turn.ntools, 2);
    ck_assert_str_eq(turn.tools[0].name, "f");
    ck_assert_ptr_null(turn.tools[0].description);
    ck_assert_ptr_null(turn.tools[0].parameters);
    ck_assert_int_eq(turn.tools[0].strict, -1);
    ck_assert_str_eq(turn.tools[1].name, "A-z_9");
    ck_assert_str_eq(turn.tools[1].description, "d");
    ck_assert_str_eq(chat_json_text(turn.tools[1].parameters, NULL, pool),
                     "{\"a\":1}");
    ck_assert_int_eq(turn.tools[1].strict, -1);
    ck_assert_int_eq(turn.choice, CHAT_CHOICE_TOOL);
    ck_assert_str_eq(turn.choice_name, "f");
}
END_TEST

START_TEST(calls_and_what_they_gave_reach_the_turn)
{
    ck_assert_int_eq(
        validate(
            MESSAGES(CALLING("", CALL("c", "{}") "," CALL("d", "")) "," ANSWER(
                "d", "") "," ANSWER("c", "r") "," CALLING("\"content\":\"\",",
                                                          CALL("c", "1")))),
        APR_SUCCESS);
    ck_assert_int_eq(turn.nmessages, 4);
    ck_assert_ptr_null(turn.messages[0].content);
    ck_assert_int_eq(turn.messages[0].ncalls, 2);
    ck_assert_str_eq(turn.messages[0].calls[0].id, "c");
    ck_assert_str_eq(turn.messages[0].calls[0].name, "f");
    ck_assert_str_eq(turn.messages[0].calls[0].arguments, "{}");
    ck_assert_str_eq(turn.messages[0].calls[1].arguments, "");
    ck_assert_int_eq(turn.messages[1].role, CHAT_ROLE_TOOL);
    ck_assert_str_eq(turn.messages[1].call_id, "d");
    ck_assert_str_eq(turn.messages[1].content, "");
    ck_assert_str_eq(turn.messages[2].content, "r");
    ck_assert_str_eq(turn.messages[3].content, "");
}
END_TEST

START_TEST(what_goes_back_reaches_the_turn)
{
    ck_assert_int_eq(
        validate(MESSAGES(CALLING(
            "\"reasoning\":\"h\",\"reasoningDetails\":[{\"type\":\"t\"}],",
            "{\"id\":\"c\",\"name\":\"f\",\"arguments\":\"\",\"extra\":"
            "{\"a\":1}}") "," CALLING("", CALL("c", "")) "," ANSWER("c", ""))),
        APR_SUCCESS);
    ck_assert_str_eq(chat_json_text(turn.messages[0].details, NULL, pool),
                     "[{\"type\":\"t\"}]");
    ck_assert_str_eq(
        chat_json_text(turn.messages[0].calls[0].extra, NULL, pool),
        "{\"a\":1}");
    ck_assert_ptr_null(turn.messages[1].details);
    ck_assert_ptr_null(turn.messages[1].calls[0].extra);
    ck_assert_str_eq(turn.messages[1].calls[0].id, "c_2");
    ck_assert_str_eq(turn.messages[2].call_id, "c_2");
}
END_TEST

START_TEST(a_json_object_may_be_asked_for)
{
    ck_assert_int_eq(validate(with(",\"responseFormat\":\"json\"")),
                     APR_SUCCESS);
    ck_assert_int_eq(turn.json, 1);
    ck_assert_ptr_null(turn.schema);
    ck_assert_int_eq(validate(with(",\"responseFormat\":{\"type\":"
                                   "\"json_schema\",\"schema\":{}}")),
                     APR_SUCCESS);
    ck_assert_int_eq(turn.json, 0);
    ck_assert_ptr_nonnull(turn.schema);
}
END_TEST

static const struct choice_t {
    const char *members;
    chat_choice_e choice;
} choices[] = {
    {",\"tools\":[{\"name\":\"f\"}]", CHAT_CHOICE_UNSAID},
    {",\"tools\":[{\"name\":\"f\"}],\"toolChoice\":\"auto\"", CHAT_CHOICE_AUTO},
    {",\"tools\":[{\"name\":\"f\"}],\"toolChoice\":\"none\"", CHAT_CHOICE_NONE},
    {",\"tools\":[{\"name\":\"f\"}],\"toolChoice\":\"required\"",
     CHAT_CHOICE_REQUIRED},
    /* without tools there is nothing to choose */
    {",\"toolChoice\":\"auto\"", CHAT_CHOICE_UNSAID},
    {",\"tools\":[],\"toolChoice\":\"none\"", CHAT_CHOICE_UNSAID},
};

START_TEST(the_choice_among_tools_reaches_the_turn)
{
    ck_assert_int_eq(validate(with(choices[_i].members)), APR_SUCCESS);
    ck_assert_int_eq(turn.choice, choices[_i].choice);
    ck_assert_ptr_null(turn.choice_name);
}
END_TEST

/* ---- refused ---- */

#define NO_CALL "No message before this one has a call of that id"

static const struct refused_t {
    const char *body;
    const char *path;
    const char *message;
} refused[] = {
    /* the clamps are for what tools get and give, too */
    {MESSAGES(CALLING("", CALL("c", "123456789"))),
     "[\"messages\",0,\"toolCalls\",0,\"arguments\"]",
     "Too big: expected string to have <=8 characters"},
    {MESSAGES(CALLING("", CALL("c", "")) "," ANSWER("c", "123456789")),
     "[\"messages\",1,\"content\"]",
     "Too big: expected string to have <=8 characters"},
    {MESSAGES(CALLING("\"content\":\"123456789\",", CALL("c", ""))),
     "[\"messages\",0,\"content\"]",
     "Too big: expected string to have <=8 characters"},
    {MESSAGES(CALLING("", CALL("c", "12345678") "," CALL(
                              "d", "12345678")) "," ANSWER("c", "1")),
     "[\"messages\"]", "Total content length must be at most 16 characters"},

    /* answers answer a call */
    {MESSAGES(ANSWER("c", "r")), "[\"messages\",0,\"toolCallId\"]", NO_CALL},
    {MESSAGES(ANSWER("c", "r") "," CALLING("", CALL("c", ""))),
     "[\"messages\",0,\"toolCallId\"]", NO_CALL},
    {MESSAGES(CALLING("", CALL("c", "")) "," ANSWER("C", "r")),
     "[\"messages\",1,\"toolCallId\"]", NO_CALL},
    {MESSAGES("{\"role\":\"tool\",\"content\":\"r\"}"),
     "[\"messages\",0,\"toolCallId\"]",
     "Invalid input: expected string, received undefined"},
    /* a call by anybody else is none */
    {MESSAGES("{\"role\":\"user\",\"content\":\"q\",\"toolCalls\":[" CALL(
         "c", "") "]}," ANSWER("c", "r")),
     "[\"messages\",1,\"toolCallId\"]", NO_CALL},

    /* only who calls a tool may say nothing */
    {MESSAGES("{\"role\":\"assistant\",\"content\":\"\"}"),
     "[\"messages\",0,\"content\"]",
     "Too small: expected string to have >=1 characters"},
    {MESSAGES("{\"role\":\"user\",\"content\":\"\"}"),
     "[\"messages\",0,\"content\"]",
     "Too small: expected string to have >=1 characters"},
    {MESSAGES(CALLING("\"content\":null,", CALL("c", ""))),
     "[\"messages\",0,\"content\"]",
     "Invalid input: expected string, received null"},
    {MESSAGES(CALLING("", "")), "[\"messages\",0,\"content\"]",
     "Invalid input: expected string, received undefined"},
    {MESSAGES(CALLING("\"reasoningDetails\":{},", CALL("c", ""))),
     "[\"messages\",0,\"reasoningDetails\"]",
     "Invalid input: expected array, received object"},
    {MESSAGES(CALLING("\"reasoningDetails\":[{},7],", CALL("c", ""))),
     "[\"messages\",0,\"reasoningDetails\",1]",
     "Invalid input: expected object, received number"},
    {MESSAGES(CALLING("", "{\"id\":\"c\",\"name\":\"f\",\"arguments\":\"\","
                          "\"extra\":\"x\"}")),
     "[\"messages\",0,\"toolCalls\",0,\"extra\"]",
     "Invalid input: expected object, received string"},
    {MESSAGES(CALLING("\"reasoning\":7,", CALL("c", ""))),
     "[\"messages\",0,\"reasoning\"]",
     "Invalid input: expected string, received number"},

    /* ids are as long as characters */
    {MESSAGES(CALLING("", CALL("", ""))),
     "[\"messages\",0,\"toolCalls\",0,\"id\"]",
     "Too small: expected string to have >=1 characters"},

    /* the choice is one that can be made */
    {"{\"messages\":[{\"role\":\"user\",\"content\":\"q\"}],"
     "\"toolChoice\":\"required\"}",
     "[\"toolChoice\"]", "There is no tool to be called"},
    {"{\"messages\":[{\"role\":\"user\",\"content\":\"q\"}],"
     "\"tools\":[{\"name\":\"f\"}],\"toolChoice\":{\"name\":\"g\"}}",
     "[\"toolChoice\",\"name\"]", "No tool has that name"},
    {"{\"messages\":[{\"role\":\"user\",\"content\":\"q\"}],"
     "\"tools\":[{\"name\":\"f\"},{\"name\":\"g\"},{\"name\":\"f\"}]}",
     "[\"tools\",2,\"name\"]", "A tool before this one has the same name"},
};

START_TEST(what_is_wrong_is_one_issue)
{
    const struct refused_t *r = &refused[_i];
    chat_turn_t before = turn;
    chat_json_t *issues;

    ck_assert_msg(validate(r->body) == APR_EINVAL, "%s", r->body);
    ck_assert_int_eq(err.status, 400);
    ck_assert_str_eq(err.code, "invalid_request");
    ck_assert_int_eq(
        chat_json_parse(&issues, err.issues, strlen(err.issues), &limits, pool),
        APR_SUCCESS);
    ck_assert_msg(chat_json_length(issues) == 1, "%s", err.issues);
    issues = chat_json_at(issues, 0);
    ck_assert_str_eq(chat_json_text(chat_json_get(issues, "path"), NULL, pool),
                     r->path);
    ck_assert_str_eq(chat_json_string(chat_json_get(issues, "message")),
                     r->message);
    ck_assert(memcmp(&turn, &before, sizeof(turn)) == 0);
}
END_TEST

START_TEST(no_issue_repeats_what_the_client_sent)
{
    ck_assert_int_eq(
        validate("{\"messages\":[{\"role\":\"tool\",\"content\":7,"
                 "\"toolCallId\":[\"s3cret\"]},{\"role\":\"assistant\","
                 "\"toolCalls\":[\"s3cret\",{\"id\":\"\",\"name\":\"s3cret!\","
                 "\"arguments\":{\"s3cret\":1}}]}],\"tools\":[{\"name\":"
                 "\"s3cret!\",\"description\":{\"s3cret\":1}}],"
                 "\"toolChoice\":\"s3cret\"}"),
        APR_EINVAL);
    ck_assert_ptr_null(strstr(err.issues, "s3cret"));
}
END_TEST

START_TEST(tools_mean_nothing_where_the_schema_has_none)
{
    const char *text = MESSAGES(ANSWER("c", "r"));
    chat_json_t *body;

    chat_json_parse(&body, text, strlen(text), &limits, pool);
    ck_assert_int_eq(chat_request_validate(&turn, body, &clamps, &err, pool),
                     APR_EINVAL);
    text = with(",\"tools\":7,\"toolChoice\":7");
    chat_json_parse(&body, text, strlen(text), &limits, pool);
    ck_assert_int_eq(chat_request_validate(&turn, body, &clamps, &err, pool),
                     APR_SUCCESS);
    ck_assert_int_eq(turn.ntools, 0);
    ck_assert_int_eq(turn.parallel, -1);
}
END_TEST

START_TEST(there_are_128_tools_and_no_more)
{
    const char *list = "{\"name\":\"t\"}";
    int i;

    for (i = 1; i < 128; i++)
        list = apr_psprintf(pool, "%s,{\"name\":\"t%d\"}", list, i);
    ck_assert_int_eq(
        validate(with(apr_pstrcat(pool, ",\"tools\":[", list, "]", NULL))),
        APR_SUCCESS);
    ck_assert_int_eq(turn.ntools, 128);
    ck_assert_int_eq(
        validate(with(apr_pstrcat(pool, ",\"tools\":[", list, ",1]", NULL))),
        APR_EINVAL);
    ck_assert_ptr_nonnull(
        strstr(err.issues, "Too big: expected array to have <=128 items"));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_request_tools");
    TCase *tc = tcase_create("chat_request_tools");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_body_without_tools_is_as_it_was);
    tcase_add_test(tc, tools_reach_the_turn);
    tcase_add_test(tc, calls_and_what_they_gave_reach_the_turn);
    tcase_add_test(tc, what_goes_back_reaches_the_turn);
    tcase_add_test(tc, a_json_object_may_be_asked_for);
    tcase_add_loop_test(tc, the_choice_among_tools_reaches_the_turn, 0,
                        COUNT(choices));
    tcase_add_loop_test(tc, what_is_wrong_is_one_issue, 0, COUNT(refused));
    tcase_add_test(tc, no_issue_repeats_what_the_client_sent);
    tcase_add_test(tc, tools_mean_nothing_where_the_schema_has_none);
    tcase_add_test(tc, there_are_128_tools_and_no_more);
    suite_add_tcase(suite, tc);
    return suite;
}
