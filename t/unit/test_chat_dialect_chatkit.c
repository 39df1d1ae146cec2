/* SPDX-License-Identifier: Apache-2.0 */
/* The dialect of ChatKit, to the byte: items begin, grow and are done, and what
 * stands around the answer comes with it. t/85-chatkit-real.t compares it with
 * ChatKit's own server. */
#include "dialect_suite.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_dialect_chatkit.h"

#define THREAD "thr_01980000000070008000000000000001"
#define MESSAGE "01980000000070008000000000000002"
#define BASE(id)                                                               \
    "{\"id\":\"" id "\",\"thread_id\":\"" THREAD                               \
    "\",\"created_at\":\"2025-11-24T16:00:00.007Z\",\"type\":"
#define OPTIONS                                                                \
    "data: {\"type\":\"stream_options\",\"stream_options\":"                   \
    "{\"allow_cancel\":true}}\n\n"
#define UPDATE(id)                                                             \
    "data: {\"type\":\"thread.item.updated\",\"item_id\":\"" id                \
    "\",\"update\":{\"type\":"
#define CONTENT(text)                                                          \
    "{\"annotations\":[],\"text\":\"" text "\",\"type\":\"output_text\"}"

static talk_t *start(void)
{
    talk_t *t = talk_start(0);

    t->answer.conversation = "01980000-0000-7000-8000-000000000001";
    t->answer.message = "01980000-0000-7000-8000-000000000002";
    t->answer.frame = (chat_answer_frame_t){
        .opening = "data: OPENING\n\n",
        .closing = "data: CLOSING\n\n",
        .created = 1764000000007,
    };
    return t;
}

/* What a text of one piece is until its end. */
#define BEGUN(id)                                                                \
    "data: {\"type\":\"thread.item.added\",\"item\":" BASE(                      \
        id) "\"assistant_message\",\"content\":[]}}\n\n" UPDATE(id) "\"assist"   \
                                                                    "ant_"       \
                                                                    "message."   \
                                                                    "content_"   \
                                                                    "part."      \
                                                                    "added\","   \
                                                                    "\"conten"   \
                                                                    "t_"         \
                                                                    "index\":"   \
                                                                    "0,"         \
                                                                    "\"conten"   \
                                                                    "t\""        \
                                                                    ":" CONTENT( \
                                                                        "") "}}\n\n"
#define DELTA(id, text)                                                        \
    UPDATE(id)                                                                 \
    "\"assistant_message.content_part.text_delta\",\"content_index\":0,"       \
    "\"delta\":\"" text "\"}}\n\n"
#define DONE(id, text)                                                         \
    UPDATE(id)                                                                 \
    "\"assistant_message.content_part.done\",\"content_index\":0,"             \
    "\"content\":" CONTENT(text) "}}\n\n"                                      \
                                 "data: "                                      \
                                 "{\"type\":\"thread.item.done\","             \
                                 "\"item\":" BASE(id) "\"assistant_message\"," \
                                                      "\"content\":[" CONTENT( \
                                                          text) "]}}\n\n"

#define MSG "msg_" MESSAGE

START_TEST(a_text_is_an_item)
{
    talk_t *t = start();

    ck_assert_str_eq(talk_heard(t), "");
    talk_text(t, CHAT_DELTA_TEXT, "H\xc3\xa9 \"");
    ck_assert_str_eq(talk_heard(t), "data: OPENING\n\n" OPTIONS BEGUN(MSG)
                                        DELTA(MSG, "H\xc3\xa9 \\\""));
    talk_text(t, CHAT_DELTA_TEXT, "llo");
    ck_assert_str_eq(talk_heard(t), DELTA(MSG, "llo"));
    talk_finish(t, CHAT_FINISH_STOP, talk_usage);
    ck_assert_str_eq(talk_heard(t),
                     DONE(MSG, "H\xc3\xa9 \\\"llo") "data: CLOSING\n\n");
}
END_TEST

START_TEST(no_answer_has_no_item)
{
    talk_t *t = start();

    talk_finish(t, CHAT_FINISH_STOP, talk_usage);
    ck_assert_str_eq(talk_heard(t),
                     "data: OPENING\n\n" OPTIONS "data: CLOSING\n\n");
}
END_TEST

#define WF "wf_" MESSAGE
#define THOUGHT(text)                                                          \
    "{\"status_indicator\":\"none\",\"type\":\"thought\",\"content\":\"" text  \
    "\"}"
#define TASK(what, text)                                                       \
    UPDATE(WF)                                                                 \
    "\"workflow.task." what                                                    \
    "\",\"task_index\":0,\"task\":" THOUGHT(text) "}}\n\n"

START_TEST(thoughts_are_a_workflow)
{
    talk_t *t = start();

    talk_text(t, CHAT_DELTA_REASONING, "hm");
    ck_assert_ptr_nonnull(strstr(
        talk_heard(t),
        "data: {\"type\":\"thread.item.added\",\"item\":" BASE(
            WF) "\"workflow\",\"workflow\":{\"type\":\"reasoning\","
                "\"tasks\":[],\"expanded\":false}}}\n\n" TASK("added", "hm")));
    talk_text(t, CHAT_DELTA_REASONING, ", so");
    ck_assert_str_eq(talk_heard(t), "");
    talk_text(t, CHAT_DELTA_TEXT, "x");
    ck_assert_str_eq(
        talk_heard(t),
        TASK("updated", "hm, so") "data: {\"type\":\"thread.item.done\","
                                  "\"item\":" BASE(
                                      WF) "\"workflow\",\"workflow\":{\"type\":"
                                          "\"reasoning\","
                                          "\"tasks\":[" THOUGHT(
                                              "hm, so") "],\"expanded\":false}}"
                                                        "}\n\n" BEGUN(MSG "_1")
                                                            DELTA(MSG "_1",
                                                                  "x"));
}
END_TEST

/* All of them again with each piece would be the square of their length. */
START_TEST(thoughts_that_are_long_are_told_now_and_then)
{
    talk_t *t = start();
    apr_size_t said = 0, told = 0;
    int i;

    for (i = 0; i < 10000; i++) {
        talk_text(t, CHAT_DELTA_REASONING, "ten bytes ");
        said += 10;
        told += strlen(talk_heard(t));
    }
    ck_assert_uint_gt(told, said);
    ck_assert_uint_lt(told, 8 * said);
}
END_TEST

START_TEST(a_call_is_told_at_the_end_and_only_one)
{
    talk_t *t = start();

    talk_text(t, CHAT_DELTA_TEXT, "a");
    talk_two_calls(t);
    talk_heard(t);
    talk_finish(t, CHAT_FINISH_CALLS, talk_usage);
    ck_assert_str_eq(talk_heard(t),
                     "data: {\"type\":\"thread.item.done\",\"item\":" BASE(
                         "tc_" MESSAGE
                         "_1") "\"client_tool_call\",\"status\":\"pending\","
                               "\"call_id\":\"call_a\",\"name\":\"weather\","
                               "\"arguments\":{\"city\":\"Kyiv\"}}}\n\n"
                               "data: CLOSING\n\n");
}
END_TEST

START_TEST(arguments_that_are_no_object_are_an_empty_one)
{
    static const char *const wrong[] = {"", "[1]", "{\"a\":", "7"};
    talk_t *t = start();

    talk_call(t, 0, "c", "n");
    if (*wrong[_i])
        talk_arguments(t, 0, wrong[_i]);
    talk_finish(t, CHAT_FINISH_CALLS, talk_usage);
    ck_assert_ptr_nonnull(
        strstr(talk_heard(t), "\"name\":\"n\",\"arguments\":{}}}\n\n"));
}
END_TEST

START_TEST(a_call_of_an_answer_that_was_stopped_is_none)
{
    talk_t *t = start();

    talk_text(t, CHAT_DELTA_TEXT, "a");
    talk_call(t, 0, "c", "n");
    talk_heard(t);
    talk_finish(t, CHAT_FINISH_STOPPED, talk_unknown);
    ck_assert_str_eq(talk_heard(t), "data: CLOSING\n\n");
}
END_TEST

START_TEST(what_cuts_an_answer_is_a_notice)
{
    static const chat_finish_e reasons[] = {
        CHAT_FINISH_LENGTH, CHAT_FINISH_FILTER, CHAT_FINISH_OTHER};
    talk_t *t = start();

    talk_finish(t, reasons[_i], talk_usage);
    ck_assert_ptr_nonnull(strstr(
        talk_heard(t),
        "data: {\"type\":\"notice\",\"level\":\"warning\",\"message\":\"The "));
}
END_TEST

START_TEST(a_failure_may_be_tried_again_and_a_spent_budget_not)
{
    const chat_err_t err = {
        .code = "c",
        .message = "Your \"tokens\" are spent.",
        .cause = _i ? CHAT_CAUSE_BUDGET : CHAT_CAUSE_NONE,
    };
    talk_t *t = start();

    talk_fail(t, err);
    ck_assert_str_eq(
        talk_heard(t),
        _i ? "data: OPENING\n\n" OPTIONS
             "data: {\"type\":\"error\",\"code\":\"custom\",\"message\":\"Your "
             "\\\"tokens\\\" are spent.\",\"allow_retry\":false}\n\n"
             "data: CLOSING\n\n"
           : "data: OPENING\n\n" OPTIONS
             "data: {\"type\":\"error\",\"code\":\"stream.error\","
             "\"allow_retry\":true}\n\ndata: CLOSING\n\n");
}
END_TEST

START_TEST(output_is_told_with_the_call)
{
    const chat_dialect_chatkit_item_t item = {
        .thread = THREAD,
        .message = "01980000-0000-7000-8000-000000000002",
        .created = "2025-11-24T16:00:00.007Z",
    };
    chat_buf_t *out = apr_palloc(dialect_pool, sizeof(*out));

    chat_buf_init(out, dialect_pool);
    chat_dialect_chatkit_call(out, &item, "c", "n", "{}", 2,
                              _i ? "null" : "[1]", dialect_pool);
    chat_buf_put(out, "", 1);
    ck_assert_ptr_nonnull(strstr(out->data, "\"status\":\"completed\""));
    ck_assert_ptr_nonnull(
        strstr(out->data, _i ? "\"arguments\":{}}" : ",\"output\":[1]}"));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_dialect_chatkit");
    TCase *tc = dialect_suite_case("chatkit");

    tcase_add_test(tc, a_text_is_an_item);
    tcase_add_test(tc, no_answer_has_no_item);
    tcase_add_test(tc, thoughts_are_a_workflow);
    tcase_add_test(tc, thoughts_that_are_long_are_told_now_and_then);
    tcase_add_test(tc, a_call_is_told_at_the_end_and_only_one);
    tcase_add_loop_test(tc, arguments_that_are_no_object_are_an_empty_one, 0,
                        4);
    tcase_add_test(tc, a_call_of_an_answer_that_was_stopped_is_none);
    tcase_add_loop_test(tc, what_cuts_an_answer_is_a_notice, 0, 3);
    tcase_add_loop_test(tc, a_failure_may_be_tried_again_and_a_spent_budget_not,
                        0, 2);
    tcase_add_loop_test(tc, output_is_told_with_the_call, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}
