/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that are kept: where, in the first event, the ids of events, and that
 * a stream can be read again. The longer ones are files, as for the others.
 */
#include <string.h>

#include <apr_strings.h>

#include "dialect_suite.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

#define ID(n) "01980000-0000-7000-8000-00000000000" n

static const char *const dialects[] = {"stream", "message"};

/* As talk_start(), but of an answer that is kept. */
static talk_t *start(const char *dialect, int whole)
{
    talk_t *t = talk_start(whole);

    t->answer.conversation = ID("1");
    t->answer.question = ID("2");
    t->answer.message = ID("3");
    t->answer.stream = ID("4");
    t->answer.numbered = !whole;
    t->encoder = chat_encoder_create(chat_dialect_get(dialect), &t->answer,
                                     dialect_pool);
    return t;
}

static void say(talk_t *t)
{
    talk_text(t, CHAT_DELTA_REASONING, "Hm \"x\"");
    talk_text(t, CHAT_DELTA_TEXT, "Gr\xc3\xbc\xc3\x9f");
    talk_text(t, CHAT_DELTA_TEXT, "e,\n\t\\o/ \xf0\x9f\x8c\x8d");
    talk_text(t, CHAT_DELTA_REFUSAL, "No.");
}

START_TEST(a_kept_answer_is_to_the_byte_what_is_documented)
{
    talk_t *t = start("stream", _i);

    say(t);
    talk_two_calls(t);
    talk_finish(t, CHAT_FINISH_CALLS, talk_usage);
    ck_assert_str_eq(talk_heard(t), talk_file(_i ? "kept.json" : "kept.sse"));
}
END_TEST

START_TEST(each_event_has_the_next_id)
{
    talk_t *t = start(dialects[_i], 0);

    ck_assert_int_eq(chat_encoder_last(t->encoder), 0);
    talk_text(t, CHAT_DELTA_TEXT, "a");
    ck_assert_int_eq(chat_encoder_last(t->encoder), _i ? 1 : 2);
    ck_assert_int_eq(strncmp(talk_heard(t), "id: 1\n", 6), 0);
    talk_text(t, CHAT_DELTA_TEXT, "b");
    ck_assert_int_eq(
        strncmp(talk_heard(t), _i ? "id: 2\ndata" : "id: 3\neven", 10), 0);
    talk_fail(t, (chat_err_t){.code = "x", .message = "y"});
    ck_assert_int_eq(
        strncmp(talk_heard(t), _i ? "id: 3\ndata" : "id: 4\neven", 10), 0);
}
END_TEST

START_TEST(one_that_was_stopped_says_so)
{
    talk_t *t = start(dialects[_i], 0);

    talk_text(t, CHAT_DELTA_TEXT, "a");
    talk_finish(t, CHAT_FINISH_STOPPED, talk_usage);
    ck_assert_ptr_nonnull(strstr(talk_heard(t), _i ? "\"status\":\"done\","
                                                     "\"finish_reason\":"
                                                     "\"stopped\""
                                                   : "\"finishReason\":"
                                                     "\"stopped\""));
}
END_TEST

static const chat_named_t named = {"Weather \"here\"", 3};

/* Of the two dialects message has no such event. */
START_TEST(what_it_is_called_is_said_before_the_end)
{
    talk_t *t = start(dialects[_i], 0);
    const chat_named_t *now = NULL;

    t->answer.named = &now;
    talk_text(t, CHAT_DELTA_TEXT, "a");
    talk_heard(t);
    now = &named;
    talk_finish(t, CHAT_FINISH_STOP, talk_usage);
    if (_i)
        ck_assert_ptr_null(strstr(talk_heard(t), "revision"));
    else
        ck_assert_ptr_nonnull(
            strstr(talk_heard(t),
                   "\"conversationId\":\"" ID(
                       "1") "\",\"title\":"
                            "\"Weather \\\"here\\\"\",\"revision\":3}\n\n"
                            "id: 4\nevent: done\n"));
}
END_TEST

START_TEST(an_error_that_is_all_there_is_stays_alone)
{
    talk_t *t = start("stream", 0);
    const chat_named_t *now = &named;

    t->answer.named = &now;
    if (_i)
        talk_text(t, CHAT_DELTA_TEXT, "a");
    talk_fail(t, (chat_err_t){.code = "x", .message = "y"});
    ck_assert_int_eq(strstr(talk_heard(t), "conversation\n") != NULL, _i);
}
END_TEST

/* ---- read again ---- */

static chat_told_t told;
static char *heard;       /* "K:text " for each delta */
static const char *extra; /* of the last call */

static void hear(void *ctx, const chat_delta_t *delta)
{
    static const char kinds[] = "tRFC=D";

    extra = delta->extra ? delta->extra : extra;
    heard = apr_psprintf(
        dialect_pool, "%s%c%s%s%s:%.*s ", heard, kinds[delta->kind],
        delta->kind == CHAT_DELTA_TOOL || delta->kind == CHAT_DELTA_ARGUMENTS
            ? apr_itoa(dialect_pool, delta->index)
            : "",
        delta->id ? delta->id : "", delta->name ? delta->name : "",
        (int)delta->len, delta->text ? delta->text : "");
}

static void decode(void *ctx, const chat_sse_event_t *event)
{
    const chat_dialect_t *dialect = ctx;

    dialect->decode(&told, event);
}

static void read_again(const char *dialect, const char *bytes)
{
    chat_sse_t *sse = chat_sse_create(decode, (void *)chat_dialect_get(dialect),
                                      dialect_pool);

    heard = apr_pstrdup(dialect_pool, "");
    told = (chat_told_t){
        .on_delta = hear, .p = dialect_pool, .usage = {-1, -1, -1, -1}};
    chat_sse_feed(sse, bytes, strlen(bytes));
    chat_sse_reset(sse);
}

START_TEST(a_stream_is_read_as_it_was_said)
{
    talk_t *t = start("stream", 0);

    say(t);
    talk_two_calls(t);
    talk_finish(t, CHAT_FINISH_CALLS, talk_usage);
    read_again("stream", talk_heard(t));
    ck_assert_str_eq(heard,
                     "R:Hm \"x\" t:Gr\xc3\xbc\xc3\x9f "
                     "t:e,\n\t\\o/ \xf0\x9f\x8c\x8d F:No. "
                     "C0call_aweather: =0:{\"city\": C1call_bclock: =1:{ "
                     "=0:\"Kyiv\"} =1:} ");
    ck_assert_str_eq(told.model, "gpt-x");
    ck_assert_str_eq(told.provider, "main");
    ck_assert_str_eq(told.finish_reason, "tool_calls");
    ck_assert_ptr_null(told.error);
    ck_assert_int_eq(told.usage.input, 1000);
    ck_assert_int_eq(told.usage.output, 200);
}
END_TEST

START_TEST(what_a_provider_wants_back_is_read_again)
{
    read_again(
        "stream",
        "data: {\"type\":\"reasoning_detail\",\"detail\":{\"a\":\"b\"}}\n\n"
        "data: {\"type\":\"reasoning_detail\",\"detail\":7}\n\n"
        "data: {\"type\":\"tool_call\",\"index\":0,\"callId\":\"c\","
        "\"name\":\"f\",\"extra\":{\"s\":1}}\n\n"
        "data: {\"type\":\"tool_call\",\"index\":1,\"callId\":\"d\","
        "\"name\":\"f\",\"extra\":\"x\"}\n\n");
    ck_assert_str_eq(heard, "D:{\"a\":\"b\"} C0cf: C1df: ");
    ck_assert_str_eq(extra, "{\"s\":1}");
}
END_TEST

START_TEST(pieces_are_read_as_they_were_said)
{
    talk_t *t = start("message", 0);

    say(t);
    talk_finish(t, CHAT_FINISH_STOP, talk_usage);
    read_again("message", talk_heard(t));
    ck_assert_str_eq(heard, "t:Gr\xc3\xbc\xc3\x9f "
                            "t:e,\n\t\\o/ \xf0\x9f\x8c\x8d t:No. ");
    ck_assert_str_eq(told.finish_reason, "stop");
    ck_assert_int_eq(told.usage.input, 1000);
    ck_assert_int_eq(told.usage.output, 200);
}
END_TEST

/* Each of its events has an id as well. */
START_TEST(a_ui_message_stream_is_read_as_it_was_said)
{
    talk_t *t = start("ui-message", 0);
    const char *bytes;

    say(t);
    talk_two_calls(t);
    ck_assert_int_eq(chat_encoder_last(t->encoder), 16);
    talk_finish(t, CHAT_FINISH_CALLS, talk_usage);
    bytes = talk_heard(t);
    ck_assert_ptr_eq(strstr(bytes, "id: 1\ndata: {\"type\":\"start\","
                                   "\"messageId\":\"" ID("3") "\"}\n\n"
                                                              "id: 2\ndata: "),
                     bytes);
    ck_assert_ptr_nonnull(strstr(bytes, "\n\nid: 22\ndata: [DONE]\n\n"));
    read_again("ui-message", bytes);
    ck_assert_str_eq(heard,
                     "R:Hm \"x\" t:Gr\xc3\xbc\xc3\x9f "
                     "t:e,\n\t\\o/ \xf0\x9f\x8c\x8d t:No. "
                     "C0call_aweather: =0:{\"city\": C1call_bclock: =1:{ "
                     "=0:\"Kyiv\"} =1:} ");
    ck_assert_str_eq(told.model, "gpt-x");
    ck_assert_str_eq(told.finish_reason, "tool_calls");
    ck_assert_ptr_null(told.error);
    ck_assert_int_eq(told.usage.input, 1000);
    ck_assert_int_eq(told.usage.output, 200);
}
END_TEST

START_TEST(the_end_of_a_ui_message_stream_is_read_again)
{
    static const struct {
        const char *event, *reason, *error;
    } cases[] = {
        {"{\"type\":\"abort\"}", "stopped", NULL},
        {"{\"type\":\"finish\"}", "other", NULL},
        {"{\"type\":\"finish\",\"finishReason\":\"content-filter\"}",
         "content_filter", NULL},
        {"{\"type\":\"error\",\"errorText\":\"x\"}", NULL, "upstream_error"},
        {"{\"type\":\"tool-input-start\",\"toolCallId\":\"c\"}", NULL, NULL},
        {"{\"type\":\"tool-input-delta\",\"toolCallId\":\"c\","
         "\"inputTextDelta\":\"x\"}",
         NULL, NULL},
        {"[DONE]", NULL, NULL},
    };

    read_again("ui-message", apr_pstrcat(dialect_pool, "data: ",
                                         cases[_i].event, "\n\n", NULL));
    ck_assert_str_eq(heard, "");
    ck_assert_pstr_eq(told.finish_reason, cases[_i].reason);
    ck_assert_pstr_eq(told.error, cases[_i].error);
}
END_TEST

START_TEST(a_failure_is_read_again)
{
    talk_t *t = start(dialects[_i], 0);

    talk_text(t, CHAT_DELTA_TEXT, "a");
    talk_fail(t, (chat_err_t){.code = "upstream_truncated", .message = "y"});
    read_again(dialects[_i], talk_heard(t));
    ck_assert_str_eq(heard, "t:a ");
    ck_assert_str_eq(told.error, "upstream_truncated");
    ck_assert_ptr_null(told.finish_reason);
}
END_TEST

START_TEST(one_dialect_passes_over_the_other)
{
    talk_t *t = start(dialects[_i], 0);

    talk_text(t, CHAT_DELTA_TEXT, "a");
    talk_finish(t, CHAT_FINISH_STOP, talk_usage);
    read_again(dialects[!_i], talk_heard(t));
    ck_assert_str_eq(heard, "");
    ck_assert_ptr_null(told.finish_reason);
}
END_TEST

START_TEST(what_is_no_event_is_passed_over)
{
    static const char *const odd[] = {
        "data: \n\n",
        "data: [\"text\"]\n\n",
        "data: {\"type\":\"text\"}\n\n",
        "data: {\"type\":\"text\",\"text\":7}\n\n",
        "data: {\"type\":\"text\",\"text\":\"\"}\n\n",
        "data: {\"type\":\"text\",\"text\":\"half\n\n",
        "data: {\"type\":\"tool_call\",\"index\":0}\n\n",
        "data: {\"type\":\"unheard\",\"text\":\"of\"}\n\n",
        "data: {\"chunk\":null}\n\n",
        ": ping\n\n",
        "data: {\"type\":\"text\",\"text\":\"cut\"}\n",
    };
    int i;

    for (i = 0; i < 2 * COUNT(odd); i++) {
        read_again(dialects[i % 2], odd[i / 2]);
        ck_assert_str_eq(heard, "");
        ck_assert_ptr_null(told.finish_reason);
        ck_assert_ptr_null(told.error);
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *s = suite_create("chat_dialect_kept");
    TCase *tc = dialect_suite_case("stream");

    tcase_add_loop_test(tc, a_kept_answer_is_to_the_byte_what_is_documented, 0,
                        2);
    tcase_add_loop_test(tc, each_event_has_the_next_id, 0, 2);
    tcase_add_loop_test(tc, one_that_was_stopped_says_so, 0, 2);
    tcase_add_loop_test(tc, what_it_is_called_is_said_before_the_end, 0, 2);
    tcase_add_loop_test(tc, an_error_that_is_all_there_is_stays_alone, 0, 2);
    tcase_add_test(tc, a_stream_is_read_as_it_was_said);
    tcase_add_test(tc, what_a_provider_wants_back_is_read_again);
    tcase_add_test(tc, pieces_are_read_as_they_were_said);
    tcase_add_test(tc, a_ui_message_stream_is_read_as_it_was_said);
    tcase_add_loop_test(tc, the_end_of_a_ui_message_stream_is_read_again, 0, 7);
    tcase_add_loop_test(tc, a_failure_is_read_again, 0, 2);
    tcase_add_loop_test(tc, one_dialect_passes_over_the_other, 0, 2);
    tcase_add_test(tc, what_is_no_event_is_passed_over);
    suite_add_tcase(s, tc);
    return s;
}
