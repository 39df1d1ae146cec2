/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The openrouter provider: in what its Chat Completions differ from the
 * others', and what it sees in the transcripts of t/data/openrouter.
 */
#include "provider_suite.h"

#include <string.h>

#define HEADERS                                                                \
    "Authorization: Bearer " PROVIDER_SUITE_KEY "\n"                           \
    "Content-Type: application/json\n"                                         \
    "Accept: text/event-stream\n"                                              \
    "Accept-Encoding: identity\n"                                              \
    "User-Agent: mod_chat/0.1.0\n"                                             \
    "X-Request-ID: req-1\n"                                                    \
    "Expect:"

START_TEST(a_developer_is_one)
{
    static const chat_message_t messages[] = {
        {.role = CHAT_ROLE_SYSTEM, .content = "d", .is_developer = 1},
        {.role = CHAT_ROLE_SYSTEM, .content = "s"},
        {.role = CHAT_ROLE_USER, .content = "u"},
    };
    chat_turn_t turn = provider_suite_turn();
    chat_upstream_t up = provider_suite_upstream(1);

    turn.messages = messages;
    turn.nmessages = 3;
    ck_assert_ptr_nonnull(strstr(provider_suite_build(&turn, &up).body,
                                 "[{\"role\":\"developer\",\"content\":\"d\"},"
                                 "{\"role\":\"system\",\"content\":\"s\"},"));
}
END_TEST

START_TEST(a_small_turn_becomes_a_small_body)
{
    chat_turn_t turn = provider_suite_turn();
    chat_upstream_t up = provider_suite_upstream(1);
    chat_call_t call = provider_suite_build(&turn, &up);

    ck_assert_str_eq(call.url, "https://openrouter.ai/api/v1/chat/completions");
    ck_assert_str_eq(provider_suite_headers(&call), HEADERS);
    ck_assert_str_eq(call.body,
                     "{\"model\":\"model-1\",\"messages\":[{\"role\":"
                     "\"user\",\"content\":\"hi\"}],"
                     "\"stream\":true}");
}
END_TEST

START_TEST(a_full_turn_becomes_a_full_body)
{
    chat_turn_t turn = provider_suite_full_turn();
    chat_upstream_t up = provider_suite_upstream(1);

    turn.schema_strict = 1;
    up.store = 1; /* which is OpenAI's word alone */
    ck_assert_str_eq(
        provider_suite_build(&turn, &up).body,
        "{\"model\":\"model-1\",\"messages\":[{\"role\":\"system\","
        "\"content\":\"Answer in JSON.\"}," PROVIDER_SUITE_DIALOGUE
        "],\"temperature\":0.7,\"max_tokens\":256,"
        "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{"
        "\"name\":\"response\",\"schema\":" PROVIDER_SUITE_SCHEMA
        ",\"strict\":true}},"
        "\"stream\":true}");
}
END_TEST

START_TEST(an_effort_is_an_object_and_wins_over_the_client_s_member)
{
    chat_turn_t turn = provider_suite_turn();
    chat_upstream_t up = provider_suite_upstream(1);

    turn.extra = provider_suite_json("{\"reasoning\":{\"max_tokens\":9}}");
    ck_assert_ptr_nonnull(strstr(provider_suite_build(&turn, &up).body,
                                 "\"reasoning\":{\"max_tokens\":9}"));
    turn.effort = "low";
    ck_assert_ptr_nonnull(strstr(provider_suite_build(&turn, &up).body,
                                 "\"reasoning\":{\"effort\":\"low\"}"));
    ck_assert_ptr_null(
        strstr(provider_suite_build(&turn, &up).body, "reasoning_effort"));
    turn.extra = NULL;
    turn.model = "gpt-4o";
    ck_assert_ptr_null(
        strstr(provider_suite_build(&turn, &up).body, "reasoning"));
}
END_TEST

START_TEST(a_flagged_question_is_told_so)
{
    static const char body[] = "{\"error\":{\"code\":403,\"metadata\":"
                               "{\"reasons\":[\"hate\"]}}}";
    chat_err_t err = {0};

    chat_provider_openrouter.map_error(&err, 403, body, sizeof(body) - 1,
                                       provider_suite_pool);
    ck_assert_str_eq(err.message,
                     "The provider refused the request: moderation.");
}
END_TEST

static const provider_transcript_t transcripts[] = {
    {"text",
     1,
     {1, 0, "", 14, 163},
     "",
     "<text>Hello \"w\xc3\xb6rld\" \xf0\x9f\x98\x80<stop 14 163 3 128>"},
    {"reasoning",
     1,
     {1, 0, "", 1, 2},
     "",
     "<reasoning>Let me<text>4<detail>{\"type\":\"reasoning.text\",\"format\":"
     "\"unknown\",\"index\":0,\"text\":\"Let me\"}<length 1 2 -1 -1>"},
    {"tools",
     1,
     {1, 0, "", 400, 60},
     "",
     "<text>I'll look.<call 0 toolu_01 get_weather><arguments 0>{\"city\": "
     "\"K\xc3\xb6ln\"}<call 1 toolu_02 get_time><arguments 1>{}<calls 400 60 "
     "128 0>"},
    {"error",
     1,
     {1, 1, "server_error", -1, -1},
     "",
     "<text>Hel<failed server_error>"},
    {"error-number",
     1,
     {1, 1, "502", -1, -1},
     "data: [DONE]\n\n",
     "<text>Hel<failed 502>"},
    {"comments-only", 1, {0, 0, "", -1, -1}, "", ""},
    {"truncated", 1, {0, 0, "", -1, -1}, "", "<text>Hel"},
};

static const provider_shape_t shapes[] = {
    {"a finish_reason is the end of a body that ended well",
     1,
     "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
     {1, 0, "", -1, -1}},
    {"[DONE] is", 1, "data: [DONE]\n\n", {1, 0, "", -1, -1}},
    {"an error beside a choice is the stream's",
     1,
     "data: {\"choices\":[{\"finish_reason\":\"error\"}],"
     "\"error\":{\"code\":502}}\n\n",
     {1, 1, "502", -1, -1}},
};

static const provider_measure_t measures[] = {
    {1,
     "data: {\"choices\":[{\"delta\":{\"content\":\"abc\"}}]}\n\n"
     "data: {\"choices\":[{\"delta\":{\"reasoning\":\"de\"}}]}\n\n",
     2, 5},
};

#define ERROR(code, metadata)                                                  \
    "{\"error\":{\"code\":" code ",\"message\":\"sk-1 of org-1\","             \
    "\"metadata\":{" metadata "}},\"user_id\":\"org-1\"}"
#define FLAGGED                                                                \
    "\"reasons\":[\"hate\"],\"flagged_input\":\"you\",\"model_slug\":\"x\""

static const provider_refusal_t refusals[] = {
    {400, ERROR("400", ""), 400, "upstream_rejected", NULL},
    {401, ERROR("401", ""), 502, "upstream_auth", NULL},
    {402, ERROR("402", ""), 502, "upstream_quota", NULL},
    /* It was the question, not the key. */
    {403, ERROR("403", FLAGGED), 400, "upstream_rejected", NULL},
    {403, ERROR("403", ""), 502, "upstream_auth", NULL},
    {408, ERROR("408", ""), 504, "upstream_timeout", NULL},
    {429, ERROR("429", ""), 429, "upstream_rate_limited", NULL},
    {502, ERROR("502", "\"provider_name\":\"x\""), 502, "upstream_error", NULL},
    {503, ERROR("503", ""), 503, "upstream_overloaded", NULL},
};

static const provider_sentence_t sentences[] = {
    {ERROR("400", ""), "The provider refused the request: 400."},
    {ERROR("\"invalid_model\"", ""),
     "The provider refused the request: invalid_model."},
};

static const provider_suite_t spec = {
    .provider = &chat_provider_openrouter,
    .dir = "openrouter",
    .url = "https://openrouter.ai/api/v1",
    .apis = 1,
    .leak = "data: {\"error\":{\"code\":\"bad-plainkey\"}}\n\n",
    .cut_error = "budget_exhausted",
    .transcripts = transcripts,
    .ntranscripts = sizeof(transcripts) / sizeof(transcripts[0]),
    .shapes = shapes,
    .nshapes = sizeof(shapes) / sizeof(shapes[0]),
    .measures = measures,
    .nmeasures = sizeof(measures) / sizeof(measures[0]),
    .refusals = refusals,
    .nrefusals = sizeof(refusals) / sizeof(refusals[0]),
    .sentences = sentences,
    .nsentences = sizeof(sentences) / sizeof(sentences[0]),
};

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_provider_openrouter");
    TCase *tc = tcase_create("openrouter");

    tcase_add_checked_fixture(tc, provider_suite_set_up,
                              provider_suite_tear_down);
    tcase_add_test(tc, a_small_turn_becomes_a_small_body);
    tcase_add_test(tc, a_full_turn_becomes_a_full_body);
    tcase_add_test(tc,
                   an_effort_is_an_object_and_wins_over_the_client_s_member);
    tcase_add_test(tc, a_flagged_question_is_told_so);
    tcase_add_test(tc, a_developer_is_one);
    suite_add_tcase(suite, tc);
    provider_suite_add(suite, &spec);
    return suite;
}
