/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The completions dialect: every chunk to the byte as OpenAI sends it, the
 * whole answer, and errors in OpenAI's form.
 */
#include <string.h>

#include <apr_strings.h>

#include "dialect_suite.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

#define CHUNK                                                                  \
    "data: {\"id\":\"chatcmpl-req_1\",\"object\":\"chat.completion.chunk\","   \
    "\"created\":1764000000,\"model\":\"gpt-x\",\"choices\":["
#define DELTA CHUNK "{\"index\":0,\"delta\":"
#define OPEN ",\"logprobs\":null,\"finish_reason\":null}]"
#define END "}\n\n"
#define FIRST                                                                  \
    DELTA "{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}" OPEN END
#define STOP DELTA "{},\"logprobs\":null,\"finish_reason\":\"stop\"}]"
#define DONE "data: [DONE]\n\n"
#define USAGE                                                                  \
    ",\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":200,"            \
    "\"total_tokens\":1200,\"prompt_tokens_details\":{\"cached_tokens\":600}," \
    "\"completion_tokens_details\":{\"reasoning_tokens\":50}}"

/* ---- streamed ---- */

START_TEST(a_stream_is_chunks_and_done)
{
    talk_t *t = talk_start(0);

    ck_assert_str_eq(talk_heard(t), "");
    talk_text(t, CHAT_DELTA_TEXT, "Hel\"lo\n");
    ck_assert_str_eq(talk_heard(t),
                     FIRST DELTA "{\"content\":\"Hel\\\"lo\\n\"}" OPEN END);
    talk_text(t, CHAT_DELTA_TEXT, "\xc3\xa9");
    ck_assert_str_eq(talk_heard(t),
                     DELTA "{\"content\":\"\xc3\xa9\"}" OPEN END);
    talk_finish(t, CHAT_FINISH_STOP, talk_usage);
    ck_assert_str_eq(talk_heard(t), STOP END DONE);
}
END_TEST

START_TEST(an_empty_answer_opens_properly)
{
    talk_t *t = talk_start(0);

    talk_finish(t, CHAT_FINISH_STOP, talk_usage);
    ck_assert_str_eq(talk_heard(t), FIRST STOP END DONE);
}
END_TEST

START_TEST(thoughts_and_refusals_have_members_of_their_own)
{
    talk_t *t = talk_start(0);

    talk_text(t, CHAT_DELTA_REASONING, "hm");
    ck_assert_str_eq(talk_heard(t),
                     FIRST DELTA "{\"reasoning_content\":\"hm\"}" OPEN END);
    talk_text(t, CHAT_DELTA_REFUSAL, "No.");
    ck_assert_str_eq(talk_heard(t), DELTA "{\"refusal\":\"No.\"}" OPEN END);
}
END_TEST

START_TEST(calls_come_in_fragments)
{
    talk_t *t = talk_start(0);

    talk_call(t, 0, "call_\"a", "weather");
    ck_assert_str_eq(talk_heard(t), DELTA
                     "{\"role\":\"assistant\",\"content\":null,"
                     "\"refusal\":null}" OPEN END DELTA
                     "{\"tool_calls\":[{\"index\":0,\"id\":\"call_\\\"a\","
                     "\"type\":\"function\",\"function\":{\"name\":\"weather\","
                     "\"arguments\":\"\"}}]}" OPEN END);
    talk_call(t, 1, "call_b", "clock");
    talk_heard(t);
    talk_arguments(t, 0, "{\"a\":");
    ck_assert_str_eq(talk_heard(t),
                     DELTA "{\"tool_calls\":[{\"index\":0,\"function\":"
                           "{\"arguments\":\"{\\\"a\\\":\"}}]}" OPEN END);
    talk_arguments(t, 1, "{}");
    ck_assert_str_eq(talk_heard(t),
                     DELTA "{\"tool_calls\":[{\"index\":1,\"function\":"
                           "{\"arguments\":\"{}\"}}]}" OPEN END);
    talk_finish(t, CHAT_FINISH_CALLS, talk_unknown);
    ck_assert_str_eq(talk_heard(t), DELTA "{},\"logprobs\":null,"
                                          "\"finish_reason\":\"tool_calls\"}]"
                                          "}\n\n" DONE);
}
END_TEST

START_TEST(a_client_that_asked_gets_the_counts_in_a_chunk_of_their_own)
{
    talk_t *t = talk_start(0);

    t->answer.usage = 1;
    talk_text(t, CHAT_DELTA_TEXT, "a");
    ck_assert_str_eq(
        talk_heard(t),
        DELTA "{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}" OPEN
              ",\"usage\":null}\n\n" DELTA "{\"content\":\"a\"}" OPEN
              ",\"usage\":null}\n\n");
    talk_finish(t, CHAT_FINISH_STOP, talk_usage);
    ck_assert_str_eq(talk_heard(t),
                     STOP ",\"usage\":null}\n\n" CHUNK "]" USAGE "}\n\n" DONE);
}
END_TEST

/* No SDK expects a count that is null. */
START_TEST(counts_that_are_unknown_are_left_out)
{
    static const struct {
        chat_usage_t usage;
        const char *shown;
    } cases[] = {
        {{-1, -1, -1, -1}, ""},
        {{5, -1, 3, -1}, ""},
        {{-1, 5, -1, 3}, ""},
        {{5, 6, -1, 3},
         CHUNK "],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":6,"
               "\"total_tokens\":11,"
               "\"completion_tokens_details\":{\"reasoning_tokens\":3}}}\n\n"},
        {{5, 6, 0, -1},
         CHUNK "],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":6,"
               "\"total_tokens\":11,"
               "\"prompt_tokens_details\":{\"cached_tokens\":0}}}\n\n"},
    };
    talk_t *t = talk_start(0);

    t->answer.usage = 1;
    talk_text(t, CHAT_DELTA_TEXT, "a");
    talk_heard(t);
    talk_finish(t, CHAT_FINISH_STOP, cases[_i].usage);
    ck_assert_str_eq(talk_heard(t),
                     apr_pstrcat(dialect_pool, STOP ",\"usage\":null}\n\n",
                                 cases[_i].shown, DONE, NULL));
}
END_TEST

START_TEST(every_reason_has_openais_word)
{
    static const char *const words[] = {
        [CHAT_FINISH_STOP] = "\"finish_reason\":\"stop\"}",
        [CHAT_FINISH_LENGTH] = "\"finish_reason\":\"length\"}",
        [CHAT_FINISH_CALLS] = "\"finish_reason\":\"tool_calls\"}",
        [CHAT_FINISH_FILTER] = "\"finish_reason\":\"content_filter\"}",
    };
    talk_t *t = talk_start(_i & 1);

    talk_finish(t, _i >> 1, talk_usage);
    ck_assert_ptr_nonnull(strstr(talk_heard(t), words[_i >> 1]));
}
END_TEST

START_TEST(a_failure_is_an_error_and_no_done)
{
    talk_t *t = talk_start(0);

    if (_i)
        talk_text(t, CHAT_DELTA_TEXT, "Hel");
    talk_heard(t);
    talk_fail(t, (chat_err_t){.status = 502,
                              .code = "upstream_error",
                              .message = "The \"provider\" failed."});
    talk_finish(t, CHAT_FINISH_STOP, talk_usage);
    ck_assert_str_eq(talk_heard(t), "data: {\"error\":{\"message\":"
                                    "\"The \\\"provider\\\" failed.\","
                                    "\"type\":\"server_error\",\"param\":null,"
                                    "\"code\":\"upstream_error\"}}\n\n");
}
END_TEST

START_TEST(a_long_answer_takes_no_memory)
{
    talk_is_steady(talk_start(0), _i);
}
END_TEST

/* ---- gathered ---- */

#define WHOLE                                                                  \
    "{\"id\":\"chatcmpl-req_1\",\"object\":\"chat.completion\","               \
    "\"created\":1764000000,\"model\":\"gpt-x\",\"choices\":[{\"index\":0,"    \
    "\"message\":{\"role\":\"assistant\","

START_TEST(a_gathered_answer_is_a_completion)
{
    talk_t *t = talk_start(1);

    talk_text(t, CHAT_DELTA_REASONING, "h\"");
    talk_text(t, CHAT_DELTA_TEXT, "Hel");
    talk_text(t, CHAT_DELTA_REASONING, "m");
    talk_text(t, CHAT_DELTA_TEXT, "lo\n");
    ck_assert_str_eq(talk_heard(t), "");
    talk_finish(t, CHAT_FINISH_LENGTH, talk_usage);
    ck_assert_str_eq(talk_heard(t), WHOLE
                     "\"content\":\"Hello\\n\",\"refusal\":null,"
                     "\"reasoning_content\":\"h\\\"m\"},"
                     "\"logprobs\":null,\"finish_reason\":\"length\"}]" USAGE
                     "}");
}
END_TEST

START_TEST(what_goes_back_has_the_names_that_others_have_for_it)
{
    static const char detail[] = "{\"type\":\"reasoning.encrypted\"}";
    static const char extra[] = "{\"google\":{}}";
    talk_t *t = talk_start(1);

    talk_text(t, CHAT_DELTA_DETAIL, detail);
    talk_extra(t, 0, "c", extra);
    talk_text(t, CHAT_DELTA_DETAIL, detail);
    talk_finish(t, CHAT_FINISH_CALLS, talk_unknown);
    ck_assert_ptr_nonnull(strstr(
        talk_heard(t), "\"refusal\":null,\"reasoning_details\":["
                       "{\"type\":\"reasoning.encrypted\"},"
                       "{\"type\":\"reasoning.encrypted\"}],\"tool_calls\":["
                       "{\"id\":\"c\",\"type\":\"function\",\"function\":{"
                       "\"name\":\"f\",\"arguments\":\"\"},"
                       "\"extra_content\":{\"google\":{}}}]}"));
    t = talk_start(0);
    talk_text(t, CHAT_DELTA_DETAIL, detail);
    talk_heard(t);
    talk_text(t, CHAT_DELTA_DETAIL, detail);
    ck_assert_str_eq(talk_heard(t),
                     DELTA "{\"reasoning_details\":["
                           "{\"type\":\"reasoning.encrypted\"}]}" OPEN END);
    talk_extra(t, 0, "c", extra);
    ck_assert_str_eq(
        talk_heard(t),
        DELTA "{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"type\":"
              "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}"
              ",\"extra_content\":{\"google\":{}}}]}" OPEN END);
}
END_TEST

START_TEST(a_gathered_answer_without_text_may_be_empty_or_none)
{
    static const struct {
        const char *refusal;
        int calls;
        const char *shown;
    } cases[] = {
        {NULL, 0, "\"content\":\"\",\"refusal\":null}"},
        {"No.", 0, "\"content\":null,\"refusal\":\"No.\"}"},
        {NULL, 1,
         "\"content\":null,\"refusal\":null,\"tool_calls\":["
         "{\"id\":\"call_a\",\"type\":\"function\",\"function\":{\"name\":"
         "\"weather\",\"arguments\":\"{\\\"city\\\":\\\"Kyiv\\\"}\"}},"
         "{\"id\":\"call_b\",\"type\":\"function\",\"function\":{\"name\":"
         "\"clock\",\"arguments\":\"{}\"}}]}"},
    };
    talk_t *t = talk_start(1);

    if (cases[_i].refusal)
        talk_text(t, CHAT_DELTA_REFUSAL, cases[_i].refusal);
    if (cases[_i].calls)
        talk_two_calls(t);
    talk_finish(t, CHAT_FINISH_STOP, talk_unknown);
    ck_assert_str_eq(talk_heard(t),
                     apr_pstrcat(dialect_pool, WHOLE, cases[_i].shown,
                                 ",\"logprobs\":null,"
                                 "\"finish_reason\":\"stop\"}]}",
                                 NULL));
}
END_TEST

START_TEST(a_gathered_answer_with_everything_is_json)
{
    talk_t *t = talk_start(1);
    chat_json_t *v, *message;

    t->answer.model = "m\"\\";
    talk_text(t, CHAT_DELTA_TEXT, "\x01\xf0\x9f\x8c\x8d");
    talk_two_calls(t);
    talk_finish(t, CHAT_FINISH_CALLS, talk_usage);
    v = talk_heard_json(t);
    message = talk_at(v, "choices.0.message");
    ck_assert_str_eq(talk_string(v, "model"), "m\"\\");
    ck_assert_str_eq(talk_string(message, "content"), "\x01\xf0\x9f\x8c\x8d");
    ck_assert_str_eq(talk_string(message, "tool_calls.1.function.name"),
                     "clock");
}
END_TEST

/* ---- errors ---- */

#define ISSUES(path)                                                           \
    "[{\"origin\":\"string\",\"code\":\"too_small\",\"minimum\":1,"            \
    "\"path\":" path ",\"message\":\"Too \\\"small\\\"\"},{\"path\":[\"x\"],"  \
    "\"message\":\"Other\"}]"
#define SMALL "\"type\":\"invalid_request_error\",\"param\":"

static const struct {
    chat_err_t err;
    const char *shown;
} errors[] = {
    {{.status = 400,
      .code = "unsupported",
      .message = "n is 2; one answer is given.",
      .param = "n"},
     "\"message\":\"n is 2; one answer is given.\"," SMALL "\"n\","
     "\"code\":\"unsupported\""},
    {{.status = 400,
      .code = "invalid_request",
      .message = "No.",
      .issues = ISSUES("[\"messages\",10,\"content\"]")},
     "\"message\":\"messages[10].content: Too \\\"small\\\"\"," SMALL
     "\"messages[10].content\",\"code\":\"invalid_request\""},
    {{.status = 400,
      .code = "invalid_request",
      .message = "No.",
      .issues = ISSUES("[\"a\",\"b\",1,2]")},
     "\"message\":\"a.b[1][2]: Too \\\"small\\\"\"," SMALL
     "\"a.b[1][2]\",\"code\":\"invalid_request\""},
    /* The body as such. */
    {{.status = 400,
      .code = "invalid_request",
      .message = "No.",
      .issues = ISSUES("[]")},
     "\"message\":\"Too \\\"small\\\"\"," SMALL
     "null,\"code\":\"invalid_request\""},
    {{.status = 400,
      .code = "invalid_request",
      .message = "No.",
      .param = "messages",
      .issues = ISSUES("[\"messages\",0]")},
     "\"message\":\"messages[0]: Too \\\"small\\\"\"," SMALL
     "\"messages\",\"code\":\"invalid_request\""},
    {{.status = 400,
      .code = "invalid_request",
      .message = "No.",
      .issues = "[]"},
     "\"message\":\"No.\"," SMALL "null,\"code\":\"invalid_request\""},
    {{.status = 401, .code = "unauthorized", .message = "Sign in."},
     "\"message\":\"Sign in.\"," SMALL "null,\"code\":\"invalid_api_key\""},
    {{.status = 403, .code = "forbidden_origin", .message = "No."},
     "\"message\":\"No.\"," SMALL "null,\"code\":\"forbidden_origin\""},
    {{.status = 413, .code = "payload_too_large", .message = "No."},
     "\"message\":\"No.\"," SMALL "null,\"code\":\"payload_too_large\""},
    {{.status = 429, .code = "rate_limited", .message = "Later."},
     "\"message\":\"Later.\",\"type\":\"requests\",\"param\":null,"
     "\"code\":\"rate_limit_exceeded\""},
    {{.status = 429, .code = "upstream_rate_limited", .message = "Later."},
     "\"message\":\"Later.\",\"type\":\"requests\",\"param\":null,"
     "\"code\":\"rate_limit_exceeded\""},
    {{.status = 429,
      .code = "budget_exhausted",
      .message = "Spent.",
      .cause = CHAT_CAUSE_BUDGET},
     "\"message\":\"Spent.\",\"type\":\"tokens\",\"param\":null,"
     "\"code\":\"budget_exhausted\""},
    {{.status = 500, .code = "request_id", .message = "No."},
     "\"message\":\"No.\",\"type\":\"server_error\",\"param\":null,"
     "\"code\":\"request_id\""},
    {{.status = 503, .code = "busy", .message = "No.", .retry_after = "5"},
     "\"message\":\"No.\",\"type\":\"server_error\",\"param\":null,"
     "\"code\":\"busy\""},
};

START_TEST(a_refusal_has_openais_form)
{
    ck_assert_str_eq(talk_refusal(errors[_i].err),
                     apr_pstrcat(dialect_pool, "{\"error\":{", errors[_i].shown,
                                 "}}", NULL));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_dialect_completions");
    TCase *tc = dialect_suite_case("completions");

    tcase_add_test(tc, a_stream_is_chunks_and_done);
    tcase_add_test(tc, an_empty_answer_opens_properly);
    tcase_add_test(tc, thoughts_and_refusals_have_members_of_their_own);
    tcase_add_test(tc, calls_come_in_fragments);
    tcase_add_test(tc,
                   a_client_that_asked_gets_the_counts_in_a_chunk_of_their_own);
    tcase_add_loop_test(tc, counts_that_are_unknown_are_left_out, 0, 5);
    tcase_add_loop_test(tc, every_reason_has_openais_word, 0, 8);
    tcase_add_loop_test(tc, a_failure_is_an_error_and_no_done, 0, 2);
    tcase_add_loop_test(tc, a_long_answer_takes_no_memory, CHAT_DELTA_TEXT,
                        CHAT_DELTA_REFUSAL + 1);
    tcase_add_test(tc, a_gathered_answer_is_a_completion);
    tcase_add_test(tc, what_goes_back_has_the_names_that_others_have_for_it);
    tcase_add_loop_test(tc, a_gathered_answer_without_text_may_be_empty_or_none,
                        0, 3);
    tcase_add_test(tc, a_gathered_answer_with_everything_is_json);
    tcase_add_loop_test(tc, a_refusal_has_openais_form, 0, COUNT(errors));
    suite_add_tcase(suite, tc);
    return suite;
}
