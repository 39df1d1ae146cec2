/* SPDX-License-Identifier: Apache-2.0 */
/* The message dialect: chunks, done and error to the byte, and nothing else. */
#include "dialect_suite.h"

#include <apr_strings.h>

#define DONE "data: {\"status\":\"done\",\"usage\":"

START_TEST(a_stream_is_chunks_and_done)
{
    talk_t *t = talk_start(0);

    ck_assert_str_eq(talk_heard(t), "");
    talk_text(t, CHAT_DELTA_TEXT, "Hello");
    ck_assert_str_eq(talk_heard(t),
                     "data: {\"chunk\":\"Hello\",\"id\":\"req_1\"}\n\n");
    talk_text(t, CHAT_DELTA_TEXT, " \"w\xc3\xb6rld\"\n\x1f");
    ck_assert_str_eq(talk_heard(t),
                     "data: {\"chunk\":\" \\\"w\xc3\xb6rld\\\"\\n\\u001f\","
                     "\"id\":\"req_1\"}\n\n");
    talk_finish(t, CHAT_FINISH_STOP, talk_usage);
    ck_assert_str_eq(talk_heard(t),
                     DONE "{\"input_tokens\":1000,\"output_tokens\":200,"
                          "\"total_tokens\":1200}}\n\n");
}
END_TEST

START_TEST(an_end_that_nobody_knows_is_not_done)
{
    talk_t *t = talk_start(_i);

    talk_finish(t, CHAT_FINISH_OTHER, talk_usage);
    if (_i)
        ck_assert_str_eq(talk_string(talk_heard_json(t), "finish_reason"),
                         "other");
    else
        ck_assert_ptr_nonnull(strstr(talk_heard(t),
                                     "{\"status\":\"error\",\"code\":"
                                     "\"upstream_error\""));
}
END_TEST

START_TEST(thoughts_and_calls_are_not_sent)
{
    talk_t *t = talk_start(_i);

    talk_text(t, CHAT_DELTA_REASONING, "hm");
    talk_two_calls(t);
    ck_assert_str_eq(talk_heard(t), "");
    talk_finish(t, CHAT_FINISH_CALLS, talk_usage);
    if (_i)
        ck_assert_str_eq(talk_string(talk_heard_json(t), "message"), "");
    else
        ck_assert_str_eq(talk_heard(t),
                         DONE "{\"input_tokens\":1000,\"output_tokens\":200,"
                              "\"total_tokens\":1200}}\n\n");
}
END_TEST

START_TEST(a_refusal_of_the_model_is_text)
{
    talk_t *t = talk_start(0);

    talk_text(t, CHAT_DELTA_REFUSAL, "I can't.");
    ck_assert_str_eq(talk_heard(t),
                     "data: {\"chunk\":\"I can't.\",\"id\":\"req_1\"}\n\n");
}
END_TEST

START_TEST(counts_that_are_unknown_are_null)
{
    static const struct {
        chat_usage_t usage;
        const char *shown;
    } cases[] = {
        {{-1, -1, -1, -1},
         "{\"input_tokens\":null,\"output_tokens\":null,"
         "\"total_tokens\":null}"},
        {{3, -1, 1, 1},
         "{\"input_tokens\":3,\"output_tokens\":null,\"total_tokens\":null}"},
        {{0, 0, -1, -1},
         "{\"input_tokens\":0,\"output_tokens\":0,\"total_tokens\":0}"},
    };
    int i;

    for (i = 0; i < 3; i++) {
        talk_t *t = talk_start(0);

        talk_finish(t, CHAT_FINISH_STOP, cases[i].usage);
        ck_assert_str_eq(
            talk_heard(t),
            apr_pstrcat(dialect_pool, DONE, cases[i].shown, "}\n\n", NULL));
    }
}
END_TEST

START_TEST(a_failure_is_one_event_before_and_after_the_first_chunk)
{
    talk_t *t = talk_start(0);

    if (_i)
        talk_text(t, CHAT_DELTA_TEXT, "Hel");
    talk_heard(t);
    talk_fail(t, (chat_err_t){.status = 504,
                              .code = "upstream_timeout",
                              .message = "Too \"slow\".",
                              .retry_after = "3"});
    talk_finish(t, CHAT_FINISH_STOP, talk_usage);
    ck_assert_str_eq(talk_heard(t),
                     "data: {\"status\":\"error\","
                     "\"code\":\"upstream_timeout\","
                     "\"message\":\"Too \\\"slow\\\".\",\"id\":\"req_1\"}\n\n");
}
END_TEST

START_TEST(a_gathered_answer_is_one_object)
{
    talk_t *t = talk_start(1);

    talk_text(t, CHAT_DELTA_TEXT, "Hello\n");
    talk_text(t, CHAT_DELTA_REASONING, "hm");
    talk_text(t, CHAT_DELTA_REFUSAL, "but no");
    talk_text(t, CHAT_DELTA_TEXT, ".");
    ck_assert_str_eq(talk_heard(t), "");
    talk_finish(t, CHAT_FINISH_STOP, talk_usage);
    ck_assert_str_eq(talk_heard(t),
                     "{\"id\":\"req_1\",\"message\":\"Hello\\nbut no.\","
                     "\"model\":\"gpt-x\",\"usage\":{\"input_tokens\":1000,"
                     "\"output_tokens\":200,\"total_tokens\":1200}}");
}
END_TEST

START_TEST(a_long_answer_takes_no_memory)
{
    talk_is_steady(talk_start(0), CHAT_DELTA_TEXT);
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

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_dialect_message");
    TCase *tc = dialect_suite_case("message");

    tcase_add_test(tc, a_stream_is_chunks_and_done);
    tcase_add_loop_test(tc, an_end_that_nobody_knows_is_not_done, 0, 2);
    tcase_add_loop_test(tc, thoughts_and_calls_are_not_sent, 0, 2);
    tcase_add_test(tc, a_refusal_of_the_model_is_text);
    tcase_add_test(tc, counts_that_are_unknown_are_null);
    tcase_add_loop_test(
        tc, a_failure_is_one_event_before_and_after_the_first_chunk, 0, 2);
    tcase_add_test(tc, a_gathered_answer_is_one_object);
    tcase_add_test(tc, a_long_answer_takes_no_memory);
    tcase_add_test(tc, a_refusal_looks_as_on_every_route);
    suite_add_tcase(suite, tc);
    return suite;
}
