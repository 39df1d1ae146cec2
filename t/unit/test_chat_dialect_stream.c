/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream dialect: every event to the byte. The longer answers are files
 * (t/data/dialect/), which t/62-dialect-schemas.t holds against the documented
 * schemas.
 */
#include <string.h>

#include <apr_strings.h>

#include "dialect_suite.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

#define START                                                                  \
    "event: start\ndata: {\"type\":\"start\",\"id\":\"req_1\","                \
    "\"model\":\"gpt-x\",\"provider\":\"main\",\"created\":1764000000}\n\n"
#define DONE                                                                   \
    "event: done\ndata: {\"type\":\"done\",\"id\":\"req_1\","                  \
    "\"finishReason\":\"stop\",\"model\":\"gpt-x\",\"usage\":"
#define NOTHING_KNOWN                                                          \
    "{\"inputTokens\":null,\"outputTokens\":null,\"totalTokens\":null}"

/* ---- whole conversations, as in the files ---- */

#define DETAIL                                                                 \
    "{\"type\":\"reasoning.text\",\"id\":\"anthropic/0\","                     \
    "\"signature\":\"Eq+/==\",\"text\":\"Let me \\\"see\\\"\"}"

static void say_all(talk_t *t)
{
    t->answer.price.in = 150000;
    t->answer.price.out = 600000;
    talk_text(t, CHAT_DELTA_REASONING, "Let me \"see\"");
    talk_text(t, CHAT_DELTA_DETAIL, DETAIL);
    talk_text(t, CHAT_DELTA_TEXT, "Gr\xc3\xbc\xc3\x9f");
    talk_text(t, CHAT_DELTA_TEXT, "e,\n\t\\o/ \xf0\x9f\x8c\x8d \x01\x7f</b>");
    talk_text(t, CHAT_DELTA_REFUSAL, "No.");
    talk_text(t, CHAT_DELTA_DETAIL, "{\"type\":\"reasoning.encrypted\"}");
    talk_two_calls(t);
    talk_extra(t, 2, "call_c", "{\"google\":{\"thought_signature\":\"Ci\"}}");
    talk_finish(t, CHAT_FINISH_CALLS, talk_usage);
}

static void say_nothing(talk_t *t)
{
    talk_finish(t, CHAT_FINISH_STOP, talk_unknown);
}

static void say_half(talk_t *t)
{
    talk_text(t, CHAT_DELTA_TEXT, "Hel");
    talk_fail(t, (chat_err_t){.status = 503,
                              .code = "upstream_overloaded",
                              .message = "The provider is overloaded.",
                              .retry_after = "7"});
}

static void say_no(talk_t *t)
{
    talk_fail(t, (chat_err_t){.status = 502,
                              .code = "upstream_error",
                              .message = "The provider failed."});
}

static const struct {
    void (*say)(talk_t *t);
    int whole;
    const char *file;
} talks[] = {
    {say_all, 0, "all.sse"},     {say_nothing, 0, "nothing.sse"},
    {say_half, 0, "failed.sse"}, {say_no, 0, "failed-first.sse"},
    {say_all, 1, "all.json"},    {say_nothing, 1, "nothing.json"},
};

START_TEST(an_answer_is_to_the_byte_what_is_documented)
{
    talk_t *t = talk_start(talks[_i].whole);

    talks[_i].say(t);
    ck_assert_str_eq(talk_heard(t), talk_file(talks[_i].file));
}
END_TEST

/* ---- when it is said ---- */

START_TEST(a_stream_opens_with_its_first_delta)
{
    talk_t *t = talk_start(0);

    ck_assert_str_eq(talk_heard(t), "");
    talk_text(t, CHAT_DELTA_TEXT, "Hi");
    ck_assert_str_eq(talk_heard(t),
                     START "event: text\ndata: {\"type\":\"text\","
                           "\"id\":\"req_1\",\"text\":\"Hi\"}\n\n");
    talk_text(t, CHAT_DELTA_REASONING, "hm");
    ck_assert_str_eq(talk_heard(t), "event: reasoning\ndata: "
                                    "{\"type\":\"reasoning\",\"id\":\"req_1\","
                                    "\"text\":\"hm\"}\n\n");
    talk_call(t, 12, "c\"1", "f");
    ck_assert_str_eq(talk_heard(t),
                     "event: tool_call\ndata: {\"type\":\"tool_call\","
                     "\"id\":\"req_1\",\"index\":12,\"callId\":\"c\\\"1\","
                     "\"name\":\"f\"}\n\n");
    talk_finish(t, CHAT_FINISH_STOP, talk_unknown);
    ck_assert_str_eq(talk_heard(t), DONE NOTHING_KNOWN "}\n\n");
}
END_TEST

START_TEST(names_are_escaped)
{
    talk_t *t = talk_start(0);

    t->answer.model = "m\"\n";
    t->answer.provider = "p\\";
    talk_finish(t, CHAT_FINISH_STOP, talk_unknown);
    ck_assert_ptr_nonnull(strstr(
        talk_heard(t), "\"model\":\"m\\\"\\n\",\"provider\":\"p\\\\\","));
}
END_TEST

START_TEST(nothing_follows_the_end)
{
    talk_t *t = talk_start(_i);

    talk_text(t, CHAT_DELTA_TEXT, "Hi");
    if (_i)
        talk_finish(t, CHAT_FINISH_STOP, talk_usage);
    else
        say_no(t);
    ck_assert_str_ne(talk_heard(t), "");
    talk_text(t, CHAT_DELTA_TEXT, "more");
    talk_finish(t, CHAT_FINISH_STOP, talk_usage);
    say_no(t);
    ck_assert_str_eq(talk_heard(t), "");
}
END_TEST

START_TEST(every_reason_has_its_word)
{
    static const char *const words[] = {
        [CHAT_FINISH_STOP] = "\"finishReason\":\"stop\",",
        [CHAT_FINISH_LENGTH] = "\"finishReason\":\"length\",",
        [CHAT_FINISH_CALLS] = "\"finishReason\":\"tool_calls\",",
        [CHAT_FINISH_FILTER] = "\"finishReason\":\"content_filter\",",
    };
    talk_t *t = talk_start(_i & 1);

    talk_finish(t, _i >> 1, talk_usage);
    ck_assert_ptr_nonnull(strstr(talk_heard(t), words[_i >> 1]));
}
END_TEST

/* ---- counts and costs ---- */

static const struct {
    chat_usage_t usage;
    double in, out;
    const char *shown;
} counts[] = {
    {{0, 0, 0, 0},
     -1,
     -1,
     "{\"inputTokens\":0,\"outputTokens\":0,\"cachedInputTokens\":0,"
     "\"reasoningTokens\":0,\"totalTokens\":0}"},
    /* One of two is no sum, and no cost. */
    {{5, -1, -1, -1},
     1,
     1,
     "{\"inputTokens\":5,\"outputTokens\":null,\"totalTokens\":null}"},
    {{-1, 5, -1, 2},
     1,
     1,
     "{\"inputTokens\":null,\"outputTokens\":5,\"reasoningTokens\":2,"
     "\"totalTokens\":null}"},
    /* One of two prices is no price. */
    {{5, 5, -1, -1},
     1,
     -1,
     "{\"inputTokens\":5,\"outputTokens\":5,\"totalTokens\":10}"},
    {{5, 5, -1, -1},
     0,
     0,
     "{\"inputTokens\":5,\"outputTokens\":5,\"totalTokens\":10,\"costUsd\":0}"},
    /* The cheapest token there is; no 1e-07, which not everybody reads. */
    {{1, 0, -1, -1},
     0.0375,
     0.15,
     "{\"inputTokens\":1,\"outputTokens\":0,\"totalTokens\":1,"
     "\"costUsd\":0.0000000375}"},
    /* 13499.999999999998 of the parts that are shown. */
    {{9, 0, -1, -1},
     0.15,
     0.6,
     "{\"inputTokens\":9,\"outputTokens\":0,\"totalTokens\":9,"
     "\"costUsd\":0.00000135}"},
    {{1000000, 2000000, -1, -1},
     2.5,
     10,
     "{\"inputTokens\":1000000,\"outputTokens\":2000000,"
     "\"totalTokens\":3000000,\"costUsd\":22.5}"},
    {{1000000, 1, -1, -1},
     10,
     0,
     "{\"inputTokens\":1000000,\"outputTokens\":1,\"totalTokens\":1000001,"
     "\"costUsd\":10}"},
    /* What no one will ever be billed has no sum and no cost. */
    {{APR_INT64_MAX, 1, -1, -1},
     15,
     75,
     "{\"inputTokens\":9223372036854775807,\"outputTokens\":1,"
     "\"totalTokens\":null}"},
};

START_TEST(counts_and_costs_are_shown_where_they_are_known)
{
    talk_t *t = talk_start(0);

    t->answer.price.in = (apr_int64_t)(counts[_i].in * 1e6 + 0.5);
    t->answer.price.out = (apr_int64_t)(counts[_i].out * 1e6 + 0.5);
    talk_finish(t, CHAT_FINISH_STOP, counts[_i].usage);
    ck_assert_str_eq(
        talk_heard(t),
        apr_pstrcat(dialect_pool, START DONE, counts[_i].shown, "}\n\n", NULL));
}
END_TEST

START_TEST(retry_after_is_said_when_it_is_seconds)
{
    static const struct {
        const char *after, *shown;
    } cases[] = {
        {"0", ",\"retryAfter\":0,"},
        {"3600", ",\"retryAfter\":3600,"},
        {"", "failed.\",\"retryable\":true,"},
        {"007", "failed.\",\"retryable\":true,"}, /* no number in JSON */
        {"Fri, 20 Nov 2026 12:00:00 GMT", "failed.\",\"retryable\":true,"},
        {NULL, "failed.\",\"retryable\":true,"},
    };
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        talk_t *t = talk_start(0);
        const char *heard;

        talk_fail(t, (chat_err_t){.status = 429,
                                  .code = "upstream_rate_limited",
                                  .message = "It failed.",
                                  .retry_after = cases[i].after});
        heard = talk_heard(t);
        ck_assert_msg(strstr(heard, cases[i].shown) != NULL, "%s: %s",
                      cases[i].after, heard);
    }
}
END_TEST

START_TEST(a_long_answer_takes_no_memory)
{
    talk_is_steady(talk_start(0), _i);
}
END_TEST

/* ---- gathered ---- */

START_TEST(a_gathered_answer_is_said_at_its_end)
{
    talk_t *t = talk_start(1);
    chat_json_t *v;

    talk_text(t, CHAT_DELTA_TEXT, "Hello ");
    talk_text(t, CHAT_DELTA_REASONING, "a\"");
    talk_text(t, CHAT_DELTA_TEXT, "\"world\"\n");
    talk_text(t, CHAT_DELTA_REASONING, "b");
    talk_two_calls(t);
    ck_assert_str_eq(talk_heard(t), "");
    talk_finish(t, CHAT_FINISH_CALLS, talk_usage);
    v = talk_heard_json(t);
    ck_assert_str_eq(talk_string(v, "text"), "Hello \"world\"\n");
    ck_assert_str_eq(talk_string(v, "reasoning"), "a\"b");
    ck_assert_ptr_null(talk_at(v, "refusal"));
    ck_assert_int_eq(chat_json_length(talk_at(v, "toolCalls")), 2);
    ck_assert_str_eq(talk_string(v, "toolCalls.0.id"), "call_a");
    ck_assert_str_eq(talk_string(v, "toolCalls.0.arguments"),
                     "{\"city\":\"Kyiv\"}");
    ck_assert_str_eq(talk_string(v, "toolCalls.1.name"), "clock");
    ck_assert_str_eq(talk_string(v, "toolCalls.1.arguments"), "{}");
    ck_assert_str_eq(talk_string(v, "finishReason"), "tool_calls");
    ck_assert_int_eq(chat_json_integer(talk_at(v, "usage.totalTokens"), 0),
                     1200);
}
END_TEST

START_TEST(arguments_of_a_call_that_never_began_are_dropped)
{
    talk_t *t = talk_start(1);

    talk_arguments(t, 0, "{}");
    talk_finish(t, CHAT_FINISH_STOP, talk_usage);
    ck_assert_ptr_null(talk_at(talk_heard_json(t), "toolCalls"));
}
END_TEST

START_TEST(a_failure_of_a_gathered_answer_is_left_to_its_refusal)
{
    talk_t *t = talk_start(1);

    talk_text(t, CHAT_DELTA_TEXT, "Hel");
    say_no(t);
    talk_finish(t, CHAT_FINISH_STOP, talk_usage);
    ck_assert_str_eq(talk_heard(t), "");
}
END_TEST

/* The last piece that fits, byte by byte around the limit: every '"' is two. */
START_TEST(what_is_gathered_has_a_limit)
{
    apr_size_t half = CHAT_DIALECT_WHOLE_MAX / 2;
    char *text = apr_palloc(dialect_pool, half + 1);
    talk_t *t = talk_start(1);

    memset(text, '"', half);
    text[half] = '\0';
    talk_text(t, CHAT_DELTA_TEXT, text + 1);
    ck_assert_int_eq(chat_encoder_overflows(t->encoder), 0);
    talk_text(t, CHAT_DELTA_REASONING, "ab");
    ck_assert_int_eq(chat_encoder_overflows(t->encoder), 0);
    talk_text(t, CHAT_DELTA_REFUSAL, "c");
    ck_assert_int_eq(chat_encoder_overflows(t->encoder), 1);
    talk_text(t, CHAT_DELTA_REFUSAL, "d");
    talk_finish(t, CHAT_FINISH_STOP, talk_usage);
    ck_assert_str_eq(talk_string(talk_heard_json(t), "refusal"), "c");
}
END_TEST

START_TEST(calls_count_for_the_limit)
{
    talk_t *t = talk_start(1);
    int i;

    for (i = 0; i < 1000000 && !chat_encoder_overflows(t->encoder); i++)
        talk_call(t, i, "call", "f");
    ck_assert_int_eq(chat_encoder_overflows(t->encoder), 1);
    ck_assert_int_lt(i, 1000000);
}
END_TEST

/* ---- refusals: as the routes without a dialect give them ---- */

static const struct {
    chat_err_t err;
    const char *shown;
} refusals[] = {
    {{.status = 502, .code = "upstream_error", .message = "It \"failed\"."},
     "{\"code\":\"upstream_error\",\"message\":\"It \\\"failed\\\".\","
     "\"requestId\":\"req_1\",\"retryable\":true,\"scope\":\"provider\"}"},
    {{.status = 401, .code = "unauthorized", .message = "Sign in."},
     "{\"code\":\"unauthorized\",\"message\":\"Sign in.\"}"},
    {{.status = 400,
      .code = "invalid_request",
      .message = "No.",
      .param = "messages",
      .issues = "[{\"path\":[]}]"},
     "{\"code\":\"invalid_request\",\"message\":\"No.\","
     "\"requestId\":\"req_1\",\"issues\":[{\"path\":[]}]"
     ",\"retryable\":false,\"scope\":\"user\"}"},
    {{.status = 429,
      .code = "rate_limited",
      .message = "Later.",
      .retry_after = "12"},
     "{\"code\":\"rate_limited\",\"message\":\"Later.\","
     "\"requestId\":\"req_1\",\"retryAfter\":12"
     ",\"retryable\":true,\"scope\":\"user\"}"},
    {{.status = 429,
      .code = "rate_limited",
      .message = "Later.",
      .limit = "{\"name\":\"few\"}"},
     "{\"code\":\"rate_limited\",\"message\":\"Later.\","
     "\"requestId\":\"req_1\",\"retryable\":true,\"scope\":\"user\","
     "\"limit\":{\"name\":\"few\"}}"},
    {{.status = 429, .code = "budget_exhausted", .message = "Spent."},
     "{\"code\":\"budget_exhausted\",\"message\":\"Spent.\","
     "\"requestId\":\"req_1\",\"retryable\":false,\"scope\":\"user\"}"},
    {{.status = 400, .code = "model_not_found", .message = "None."},
     "{\"code\":\"model_not_found\",\"message\":\"None.\","
     "\"requestId\":\"req_1\",\"retryable\":false,\"scope\":\"model\"}"},
    {{.status = 409, .code = "conversation_busy", .message = "Wait."},
     "{\"code\":\"conversation_busy\",\"message\":\"Wait.\","
     "\"requestId\":\"req_1\",\"retryable\":true,\"scope\":\"user\"}"},
    {{.status = 429,
      .code = "rate_limited",
      .message = "Later.",
      .retry_after = "soon"},
     "{\"code\":\"rate_limited\",\"message\":\"Later.\","
     "\"requestId\":\"req_1\",\"retryable\":true,\"scope\":\"user\"}"},
    {{.status = 503,
      .code = "busy",
      .message = "Later.",
      .retry_after = "12"}, /* in the header alone */
     "{\"code\":\"busy\",\"message\":\"Later.\",\"requestId\":\"req_1\""
     ",\"retryable\":true,\"scope\":\"server\"}"},
};

START_TEST(a_refusal_looks_as_on_every_route)
{
    ck_assert_str_eq(talk_refusal(refusals[_i].err), refusals[_i].shown);
}
END_TEST

START_TEST(there_are_three_dialects)
{
    ck_assert_ptr_nonnull(chat_dialect_get("stream"));
    ck_assert_ptr_nonnull(chat_dialect_get("message"));
    ck_assert_ptr_nonnull(chat_dialect_get("completions"));
    ck_assert_ptr_null(chat_dialect_get("openai"));
    ck_assert_ptr_null(chat_dialect_get(""));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_dialect_stream");
    TCase *tc = dialect_suite_case("stream");

    tcase_add_loop_test(tc, an_answer_is_to_the_byte_what_is_documented, 0,
                        COUNT(talks));
    tcase_add_test(tc, a_stream_opens_with_its_first_delta);
    tcase_add_test(tc, names_are_escaped);
    tcase_add_loop_test(tc, nothing_follows_the_end, 0, 2);
    tcase_add_loop_test(tc, every_reason_has_its_word, 0, 8);
    tcase_add_loop_test(tc, counts_and_costs_are_shown_where_they_are_known, 0,
                        COUNT(counts));
    tcase_add_test(tc, retry_after_is_said_when_it_is_seconds);
    tcase_add_loop_test(tc, a_long_answer_takes_no_memory, CHAT_DELTA_TEXT,
                        CHAT_DELTA_REFUSAL + 1);
    tcase_add_test(tc, a_gathered_answer_is_said_at_its_end);
    tcase_add_test(tc, arguments_of_a_call_that_never_began_are_dropped);
    tcase_add_test(tc, a_failure_of_a_gathered_answer_is_left_to_its_refusal);
    tcase_add_test(tc, what_is_gathered_has_a_limit);
    tcase_add_test(tc, calls_count_for_the_limit);
    tcase_add_loop_test(tc, a_refusal_looks_as_on_every_route, 0,
                        COUNT(refusals));
    tcase_add_test(tc, there_are_three_dialects);
    suite_add_tcase(suite, tc);
    return suite;
}
