/* SPDX-License-Identifier: Apache-2.0 */
/* The ui-message dialect: the AI SDK's chunks to the byte, and nothing that its
 * clients do not know. */
#include "dialect_suite.h"

#include <string.h>

#include <apr_strings.h>

#define START                                                                  \
    "data: {\"type\":\"start\"}\n\n"                                           \
    "data: {\"type\":\"start-step\"}\n\n"
#define FINISH(reason)                                                         \
    "data: {\"type\":\"finish-step\"}\n\n"                                     \
    "data: {\"type\":\"finish\",\"finishReason\":\"" reason "\"}\n\n"          \
    "data: [DONE]\n\n"

START_TEST(a_stream_is_what_the_sdk_writes)
{
    talk_t *t = talk_start(0);

    ck_assert_str_eq(talk_heard(t), "");
    talk_text(t, CHAT_DELTA_TEXT, "Hello");
    ck_assert_str_eq(
        talk_heard(t),
        START "data: {\"type\":\"text-start\",\"id\":\"text-0\"}\n\n"
              "data: {\"type\":\"text-delta\",\"id\":\"text-0\",\"delta\":"
              "\"Hello\"}\n\n");
    talk_text(t, CHAT_DELTA_REFUSAL, " \"w\xc3\xb6rld\"\n\x1f");
    ck_assert_str_eq(
        talk_heard(t),
        "data: {\"type\":\"text-delta\",\"id\":\"text-0\",\"delta\":"
        "\" \\\"w\xc3\xb6rld\\\"\\n\\u001f\"}\n\n");
    talk_finish(t, CHAT_FINISH_STOP, talk_unknown);
    ck_assert_str_eq(
        talk_heard(t),
        "data: {\"type\":\"text-end\",\"id\":\"text-0\"}\n\n" FINISH("stop"));
}
END_TEST

START_TEST(each_kind_of_text_is_a_part_of_its_own)
{
    talk_t *t = talk_start(0);

    talk_text(t, CHAT_DELTA_REASONING, "Hm");
    talk_text(t, CHAT_DELTA_TEXT, "a");
    talk_heard(t);
    talk_text(t, CHAT_DELTA_REASONING, "?");
    ck_assert_str_eq(
        talk_heard(t),
        "data: {\"type\":\"text-end\",\"id\":\"text-0\"}\n\n"
        "data: {\"type\":\"reasoning-start\",\"id\":\"reasoning-1\"}\n\n"
        "data: {\"type\":\"reasoning-delta\",\"id\":\"reasoning-1\","
        "\"delta\":\"?\"}\n\n");
    talk_text(t, CHAT_DELTA_TEXT, "b");
    ck_assert_ptr_nonnull(strstr(talk_heard(t), "\"id\":\"text-1\""));
}
END_TEST

static const struct {
    chat_finish_e why;
    const char *reason;
} ends[] = {
    {CHAT_FINISH_STOP, "stop"},        {CHAT_FINISH_LENGTH, "length"},
    {CHAT_FINISH_CALLS, "tool-calls"}, {CHAT_FINISH_FILTER, "content-filter"},
    {CHAT_FINISH_OTHER, "other"},
};

START_TEST(each_end_has_the_sdks_word)
{
    talk_t *t = talk_start(0);

    talk_finish(t, ends[_i].why, talk_unknown);
    ck_assert_str_eq(
        talk_heard(t),
        apr_pstrcat(dialect_pool,
                    START "data: {\"type\":\"finish-step\"}\n\n"
                          "data: {\"type\":\"finish\",\"finishReason\":"
                          "\"",
                    ends[_i].reason, "\"}\n\ndata: [DONE]\n\n", NULL));
}
END_TEST

START_TEST(what_was_stopped_is_aborted)
{
    talk_t *t = talk_start(0);

    talk_text(t, CHAT_DELTA_TEXT, "a");
    talk_heard(t);
    talk_finish(t, CHAT_FINISH_STOPPED, talk_unknown);
    ck_assert_str_eq(talk_heard(t), "data: {\"type\":\"abort\"}\n\n"
                                    "data: [DONE]\n\n");
}
END_TEST

START_TEST(usage_is_data_that_no_message_keeps)
{
    talk_t *t = talk_start(0);

    t->answer.price.in = 3000000;
    t->answer.price.out = 10000000;
    talk_finish(t, CHAT_FINISH_STOP, talk_usage);
    ck_assert_ptr_nonnull(
        strstr(talk_heard(t),
               "data: {\"type\":\"finish-step\"}\n\n"
               "data: {\"type\":\"data-usage\",\"data\":{\"modelId\":\"gpt-x\","
               "\"inputTokens\":1000,\"outputTokens\":200,\"totalTokens\":1200,"
               "\"reasoningTokens\":50,\"cachedInputTokens\":600,"
               "\"costUSD\":{\"inputUSD\":0.003,\"outputUSD\":0.002,"
               "\"totalUSD\":0.005}},\"transient\":true}\n\n"
               "data: {\"type\":\"finish\""));
    t = talk_start(0);
    talk_finish(t, CHAT_FINISH_STOP, (chat_usage_t){-1, 7, -1, -1});
    ck_assert_ptr_nonnull(strstr(talk_heard(t),
                                 "\"data\":{\"modelId\":\"gpt-x\","
                                 "\"outputTokens\":7},\"transient\""));
}
END_TEST

#define NOTICE                                                                 \
    "data: {\"type\":\"data-notice\",\"data\":{\"code\":\"limit_near\","       \
    "\"limit\":\"monthly\",\"unit\":\"usd\",\"most\":5,\"remaining\":0.31,"    \
    "\"resetAt\":1796083200},\"transient\":true}\n\n"

START_TEST(a_limit_that_is_near_is_data_that_no_message_keeps)
{
    const chat_notice_t near = {.limit = "monthly",
                                .unit = "usd",
                                .most = "5",
                                .remaining = "0.31",
                                .reset = apr_time_from_sec(1796083200)};
    const chat_notice_t *notice = NULL;
    talk_t *t = talk_start(0);

    t->answer.notice = &notice;
    notice = &near;
    talk_finish(t, CHAT_FINISH_STOP, talk_unknown);
    ck_assert_ptr_nonnull(
        strstr(talk_heard(t), NOTICE "data: {\"type\":\"finish\""));
    t = talk_start(0);
    t->answer.notice = &notice;
    talk_finish(t, CHAT_FINISH_STOPPED, talk_unknown);
    ck_assert_ptr_nonnull(
        strstr(talk_heard(t), NOTICE "data: {\"type\":\"abort\""));
}
END_TEST

#define CALL(type, id, name)                                                   \
    "data: {\"type\":\"tool-input-" type "\",\"toolCallId\":\"" id             \
    "\",\"toolName\":\"" name "\""
#define DELTA(id, text)                                                        \
    "data: {\"type\":\"tool-input-delta\",\"toolCallId\":\"" id                \
    "\",\"inputTextDelta\":\"" text "\"}\n\n"

START_TEST(calls_are_streamed_and_end_with_their_input)
{
    talk_t *t = talk_start(0);

    talk_text(t, CHAT_DELTA_TEXT, "a");
    talk_heard(t);
    talk_two_calls(t);
    ck_assert_str_eq(
        talk_heard(t),
        "data: {\"type\":\"text-end\",\"id\":\"text-0\"}\n\n" CALL(
            "start", "call_a", "weather") "}\n\n" DELTA("call_a",
                                                        "{\\\"city\\\":")
            CALL("start", "call_b", "clock") "}\n\n" DELTA("call_b", "{")
                DELTA("call_a", "\\\"Kyiv\\\"}") DELTA("call_b", "}"));
    talk_finish(t, CHAT_FINISH_CALLS, talk_unknown);
    ck_assert_str_eq(talk_heard(t),
                     CALL("available", "call_a",
                          "weather") ",\"input\":{\"city\":\"Kyiv\"}}"
                                     "\n\n" CALL("available", "call_b",
                                                 "clock") ",\"input\":{}}"
                                                          "\n\n" FINISH("tool-"
                                                                        "call"
                                                                        "s"));
}
END_TEST

/* Arguments may have line feeds between their members, and none at all. */
START_TEST(an_input_is_one_line_of_json)
{
    static const struct {
        const char *said, *input;
    } cases[] = {
        {"{\n \"a\": [1.50, \"\\u00fc\\n\"]\n}",
         "{\"a\":[1.50,\"\xc3\xbc\\n\"]}"},
        {" \n", "{}"},
        {"7", "7"},
    };
    talk_t *t = talk_start(0);

    talk_call(t, 0, "c", "f");
    talk_arguments(t, 0, cases[_i].said);
    talk_heard(t);
    talk_finish(t, CHAT_FINISH_CALLS, talk_unknown);
    ck_assert_str_eq(
        talk_heard(t),
        apr_pstrcat(dialect_pool, CALL("available", "c", "f") ",\"input\":",
                    cases[_i].input, "}\n\n" FINISH("tool-calls"), NULL));
}
END_TEST

START_TEST(an_input_that_is_no_json_is_an_error)
{
    talk_t *t = talk_start(0);

    talk_call(t, 0, "c", "f");
    talk_arguments(t, 0, "{\"a\":\"");
    talk_heard(t);
    talk_finish(t, CHAT_FINISH_LENGTH, talk_unknown);
    ck_assert_str_eq(
        talk_heard(t),
        CALL("error", "c", "f") ",\"input\":\"{\\\"a\\\":\\\"\",\"errorText\":"
                                "\"The model's input of this tool is no "
                                "JSON.\"}\n\n" FINISH("length"));
}
END_TEST

START_TEST(what_a_provider_wants_back_is_metadata)
{
    talk_t *t = talk_start(0);

    talk_text(t, CHAT_DELTA_REASONING, "Hm");
    talk_text(t, CHAT_DELTA_DETAIL, "{\"n\":1}");
    talk_text(t, CHAT_DELTA_DETAIL, "{\"n\":2}");
    talk_heard(t);
    talk_extra(t, 0, "c", "{\"s\":\"x\"}");
    ck_assert_ptr_nonnull(
        strstr(talk_heard(t),
               "{\"type\":\"reasoning-end\",\"id\":\"reasoning-0\","
               "\"providerMetadata\":{\"mod_chat\":{\"details\":[{\"n\":1},"
               "{\"n\":2}]}}}\n\n"));
    talk_text(t, CHAT_DELTA_DETAIL, "{\"n\":3}");
    talk_finish(t, CHAT_FINISH_CALLS, talk_unknown);
    ck_assert_str_eq(
        talk_heard(t),
        "data: {\"type\":\"reasoning-start\",\"id\":\"reasoning-1\"}\n\n"
        "data: {\"type\":\"reasoning-end\",\"id\":\"reasoning-1\","
        "\"providerMetadata\":{\"mod_chat\":{\"details\":[{\"n\":3}]}}}"
        "\n\n" CALL("available", "c",
                    "f") ",\"input\":{},\"providerMetadata\":"
                         "{\"mod_chat\":{\"extra\":{\"s\":\"x\"}}}"
                         "}\n\n" FINISH("tool-calls"));
}
END_TEST

START_TEST(a_failure_is_an_error_and_the_end)
{
    talk_t *t = talk_start(0);

    if (_i)
        talk_text(t, CHAT_DELTA_TEXT, "Hel");
    talk_heard(t);
    talk_fail(t, (chat_err_t){.status = 504,
                              .code = "upstream_timeout",
                              .message = "Too \"slow\"."});
    talk_finish(t, CHAT_FINISH_STOP, talk_usage);
    ck_assert_str_eq(talk_heard(t),
                     "data: {\"type\":\"error\",\"errorText\":"
                     "\"Too \\\"slow\\\".\"}\n\ndata: [DONE]\n\n");
}
END_TEST

START_TEST(a_long_answer_takes_no_memory)
{
    talk_is_steady(talk_start(0), _i ? CHAT_DELTA_REASONING : CHAT_DELTA_TEXT);
}
END_TEST

/* What a call says is kept until its end, so that it has one. */
START_TEST(too_much_of_a_call_overflows)
{
    static char piece[1024 * 1024];
    talk_t *t = talk_start(0);
    int i;

    memset(piece, 'x', sizeof(piece) - 1);
    talk_call(t, 0, "c", "f");
    for (i = 0; i < 17 && !chat_encoder_overflows(t->encoder); i++) {
        talk_arguments(t, 0, piece);
        chat_buf_clear(&t->out);
    }
    ck_assert_int_eq(chat_encoder_overflows(t->encoder), 1);
    talk_call(t, 1, "d", "f");
    ck_assert_str_eq(talk_heard(t), "");
}
END_TEST

START_TEST(a_refusal_looks_as_on_every_route)
{
    ck_assert_str_eq(
        talk_refusal((chat_err_t){
            .status = 400, .code = "unsupported", .message = "No tools."}),
        "{\"code\":\"unsupported\",\"message\":\"No tools.\","
        "\"requestId\":\"req_1\",\"retryable\":false,\"scope\":\"user\"}");
}
END_TEST

START_TEST(its_header_says_what_it_is)
{
    apr_table_t *headers = apr_table_make(dialect_pool, 1);
    talk_t *t = talk_start(0);

    chat_dialect_get("ui-message")->headers(headers, &t->answer);
    ck_assert_str_eq(apr_table_get(headers, "x-vercel-ai-ui-message-stream"),
                     "v1");
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_dialect_ui_message");
    TCase *tc = dialect_suite_case("ui-message");

    tcase_add_test(tc, a_stream_is_what_the_sdk_writes);
    tcase_add_test(tc, each_kind_of_text_is_a_part_of_its_own);
    tcase_add_loop_test(tc, each_end_has_the_sdks_word, 0, 5);
    tcase_add_test(tc, what_was_stopped_is_aborted);
    tcase_add_test(tc, usage_is_data_that_no_message_keeps);
    tcase_add_test(tc, a_limit_that_is_near_is_data_that_no_message_keeps);
    tcase_add_test(tc, calls_are_streamed_and_end_with_their_input);
    tcase_add_loop_test(tc, an_input_is_one_line_of_json, 0, 3);
    tcase_add_test(tc, an_input_that_is_no_json_is_an_error);
    tcase_add_test(tc, what_a_provider_wants_back_is_metadata);
    tcase_add_loop_test(tc, a_failure_is_an_error_and_the_end, 0, 2);
    tcase_add_loop_test(tc, a_long_answer_takes_no_memory, 0, 2);
    tcase_add_test(tc, too_much_of_a_call_overflows);
    tcase_add_test(tc, a_refusal_looks_as_on_every_route);
    tcase_add_test(tc, its_header_says_what_it_is);
    suite_add_tcase(suite, tc);
    return suite;
}
