/* SPDX-License-Identifier: Apache-2.0 */
/* The dialect of ChatKit's simple form: three kinds of events to the byte. */
#include "dialect_suite.h"

static const char completed[] = "event: thread.message.completed\n"
                                "data: {\"message_id\": \"req_1\"}\n\n"
                                "event: thread.run.completed\n"
                                "data: {\"thread_id\": \"thread_abc123\"}\n\n";

static talk_t *start(void)
{
    talk_t *t = talk_start(0);

    t->answer.thread = "thread_abc123";
    return t;
}

START_TEST(a_stream_is_pieces_and_ids)
{
    talk_t *t = start();

    talk_text(t, CHAT_DELTA_TEXT, "I've ");
    ck_assert_str_eq(talk_heard(t), "event: thread.message.delta\n"
                                    "data: {\"content\": \"I've \"}\n\n");
    talk_text(t, CHAT_DELTA_TEXT, "\"w\xc3\xb6rld\"\n\x1f");
    ck_assert_str_eq(
        talk_heard(t),
        "event: thread.message.delta\n"
        "data: {\"content\": \"\\\"w\xc3\xb6rld\\\"\\n\\u001f\"}\n\n");
    talk_finish(t, CHAT_FINISH_STOP, talk_usage);
    ck_assert_str_eq(talk_heard(t), completed);
}
END_TEST

START_TEST(thoughts_and_calls_are_not_sent)
{
    talk_t *t = start();

    talk_text(t, CHAT_DELTA_REASONING, "hm");
    talk_two_calls(t);
    ck_assert_str_eq(talk_heard(t), "");
    talk_finish(t, CHAT_FINISH_CALLS, talk_usage);
    ck_assert_str_eq(talk_heard(t), completed);
}
END_TEST

START_TEST(what_is_kept_has_its_own_id)
{
    talk_t *t = start();

    t->answer.message = "00000000-0000-7000-8000-000000000001";
    talk_finish(t, CHAT_FINISH_STOP, talk_usage);
    ck_assert_ptr_nonnull(
        strstr(talk_heard(t), "data: {\"message_id\": "
                              "\"00000000-0000-7000-8000-000000000001\"}\n\n"));
}
END_TEST

START_TEST(a_failure_is_an_event)
{
    talk_t *t = start();

    talk_fail(t, (chat_err_t){.code = "upstream_error",
                              .message = "The provider failed."});
    ck_assert_str_eq(talk_heard(t),
                     "event: error\ndata: {\"error\": \"The provider "
                     "failed.\", \"code\": \"upstream_error\"}\n\n");
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_dialect_chatkit_seed");
    TCase *tc = dialect_suite_case("chatkit-seed");

    tcase_add_test(tc, a_stream_is_pieces_and_ids);
    tcase_add_test(tc, thoughts_and_calls_are_not_sent);
    tcase_add_test(tc, what_is_kept_has_its_own_id);
    tcase_add_test(tc, a_failure_is_an_event);
    suite_add_tcase(suite, tc);
    return suite;
}
