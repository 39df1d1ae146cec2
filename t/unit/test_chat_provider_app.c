/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An application: what it is told, and what is seen of its UI message stream
 * while that passes.
 */
#include "provider_suite.h"

#include <string.h>

#define APP                                                                    \
    "{\"id\":\"c\",\"message\":{\"role\":\"user\"},"                           \
    "\"selectedVisibilityType\":\"private\",\"existingMessages\":[]"

START_TEST(it_is_told_what_the_client_said)
{
    chat_turn_t turn = provider_suite_turn();
    chat_upstream_t up = provider_suite_upstream(1);
    chat_call_t call;

    up.url = "http://localhost:3000";
    turn.app = provider_suite_json(APP "}");
    call = provider_suite_build(&turn, &up);
    ck_assert_str_eq(call.url, "http://localhost:3000/api/chat/stream");
    ck_assert_ptr_nonnull(strstr(provider_suite_headers(&call),
                                 "Authorization: Bearer " PROVIDER_SUITE_KEY
                                 "\n"));
    ck_assert_str_eq(call.body, APP ",\"selectedChatModel\":\"model-1\"}");
    /* The next candidate gets its own name of the model. */
    ck_assert_str_eq(chat_json_text(turn.app, NULL, provider_suite_pool),
                     APP "}");
}
END_TEST

START_TEST(it_answers_nobody_else)
{
    chat_turn_t turn = provider_suite_turn();
    chat_upstream_t up = provider_suite_upstream(1);
    chat_err_t err = {0};
    chat_call_t call = {0};

    ck_assert_int_eq(chat_provider_app.build_call(&call, &turn, &up, &err,
                                                  provider_suite_pool),
                     APR_EINVAL);
    ck_assert_str_eq(err.code, "unsupported");
}
END_TEST

static chat_seen_t seen;

static void pass(const char *data)
{
    const chat_sse_event_t event = {
        .type = "", .data = data, .data_len = strlen(data)};
    chat_upstream_t up = provider_suite_upstream(1);

    chat_provider_app.observe_event(&seen, &event, &up, provider_suite_pool);
}

static void begin(void)
{
    memset(&seen, 0, sizeof(seen));
    seen.usage = (chat_usage_t){-1, -1, -1, -1};
    seen.measure = 1;
}

START_TEST(its_end_and_what_it_cost_are_seen)
{
    begin();
    pass("{\"type\":\"start\",\"messageId\":\"m\"}");
    pass("{\"type\":\"text-delta\",\"id\":\"0\",\"delta\":\"Hello\"}");
    pass("{\"type\":\"tool-input-delta\",\"toolCallId\":\"c\","
         "\"inputTextDelta\":\"{}\"}");
    ck_assert_int_eq(seen.deltas, 2);
    ck_assert_int_eq(seen.text, 7);
    ck_assert_int_eq(seen.reason + seen.ended + seen.failed, 0);
    pass("{\"type\":\"data-usage\",\"data\":{\"inputTokens\":7,"
         "\"outputTokens\":3,\"reasoningTokens\":1,\"cachedInputTokens\":2}}");
    pass("{\"type\":\"finish\",\"finishReason\":\"stop\"}");
    ck_assert_int_eq(seen.reason, 1);
    ck_assert_int_eq(seen.ended, 0);
    pass("[DONE]");
    ck_assert_int_eq(seen.ended, 1);
    ck_assert_int_eq(seen.failed, 0);
    ck_assert_int_eq(seen.usage.input, 7);
    ck_assert_int_eq(seen.usage.output, 3);
    ck_assert_int_eq(seen.usage.cached, 2);
    ck_assert_int_eq(seen.usage.reasoning, 1);
}
END_TEST

START_TEST(an_abort_is_an_end_and_an_error_none)
{
    begin();
    pass("{\"type\":\"abort\"}");
    ck_assert_int_eq(seen.reason, 1);
    ck_assert_int_eq(seen.failed, 0);
    begin();
    pass("{\"type\":\"error\",\"errorText\":\"Oops\"}");
    ck_assert_int_eq(seen.failed, 1);
}
END_TEST

START_TEST(a_spent_budget_is_an_error_in_its_form)
{
    chat_upstream_t up = provider_suite_upstream(1);

    ck_assert_str_eq(chat_provider_app.make_cut_event(&up, "budget_exhausted",
                                                      "No \"more\".",
                                                      provider_suite_pool),
                     "data: {\"type\":\"error\",\"errorText\":"
                     "\"No \\\"more\\\".\"}\n\ndata: [DONE]\n\n");
}
END_TEST

static const struct {
    int status;
    const char *body;
    int ours;
    const char *code;
} refusals[] = {
    {401, "{\"code\":\"unauthorized:chat\"}", 502, "upstream_auth"},
    {400, "{\"code\":\"bad_request:api\",\"message\":\"x\"}", 400,
     "upstream_rejected"},
    {429, "{\"code\":\"rate_limit:chat\"}", 429, "upstream_rate_limited"},
    {503, "{\"code\":\"offline:chat\"}", 503, "upstream_overloaded"},
    {500, "<html>Internal Server Error</html>", 502, "upstream_error"},
    {200, "<!DOCTYPE html>", 502, "upstream_error"},
};

START_TEST(what_it_refuses_is_said)
{
    chat_err_t err = {0};

    chat_provider_app.map_error(&err, refusals[_i].status, refusals[_i].body,
                                strlen(refusals[_i].body), provider_suite_pool);
    ck_assert_int_eq(err.status, refusals[_i].ours);
    ck_assert_str_eq(err.code, refusals[_i].code);
}
END_TEST

static const provider_suite_t app = {.provider = &chat_provider_app};

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_provider_app");
    TCase *tc = tcase_create("app");

    provider_suite_use(&app);

    tcase_add_checked_fixture(tc, provider_suite_set_up,
                              provider_suite_tear_down);
    tcase_add_test(tc, it_is_told_what_the_client_said);
    tcase_add_test(tc, it_answers_nobody_else);
    tcase_add_test(tc, its_end_and_what_it_cost_are_seen);
    tcase_add_test(tc, an_abort_is_an_end_and_an_error_none);
    tcase_add_test(tc, a_spent_budget_is_an_error_in_its_form);
    tcase_add_loop_test(tc, what_it_refuses_is_said, 0, 6);
    suite_add_tcase(suite, tc);
    return suite;
}
