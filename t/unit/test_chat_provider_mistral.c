/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mistral provider: in what its Chat Completions differ from the others',
 * and what it makes of the transcripts of t/data/mistral.
 */
#include "provider_suite.h"

#include <string.h>

#include <apr_strings.h>

#define HEADERS                                                                \
    "Authorization: Bearer " PROVIDER_SUITE_KEY "\n"                           \
    "Content-Type: application/json\n"                                         \
    "Accept: text/event-stream\n"                                              \
    "Accept-Encoding: identity\n"                                              \
    "User-Agent: mod_chat/0.1.0\n"                                             \
    "X-Request-ID: req-1\n"                                                    \
    "Expect:"

static const char *build_body(const chat_turn_t *turn)
{
    chat_upstream_t up = provider_suite_upstream(1);

    up.store = 1; /* which is OpenAI's word alone */
    return provider_suite_build(turn, &up).body;
}

START_TEST(a_small_turn_becomes_a_small_body)
{
    chat_turn_t turn = provider_suite_turn();
    chat_upstream_t up = provider_suite_upstream(1);
    chat_call_t call = provider_suite_build(&turn, &up);

    ck_assert_str_eq(call.url, "https://api.mistral.ai/v1/chat/completions");
    ck_assert_str_eq(provider_suite_headers(&call), HEADERS);
    ck_assert_str_eq(call.body,
                     "{\"model\":\"model-1\",\"messages\":[{\"role\":"
                     "\"user\",\"content\":\"hi\"}],\"stream\":true}");
}
END_TEST

START_TEST(a_full_turn_becomes_a_full_body)
{
    chat_turn_t turn = provider_suite_full_turn();

    ck_assert_str_eq(
        build_body(&turn),
        "{\"model\":\"model-1\",\"messages\":[{\"role\":\"system\","
        "\"content\":\"Answer in JSON.\"}," PROVIDER_SUITE_DIALOGUE
        "],\"temperature\":0.7,\"max_tokens\":256,"
        "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{"
        "\"name\":\"response\",\"schema\":" PROVIDER_SUITE_SCHEMA
        ",\"strict\":true}},\"stream\":true}");
}
END_TEST

START_TEST(a_temperature_is_at_most_one_and_a_half)
{
    chat_turn_t turn = provider_suite_turn();

    turn.has_temperature = 1;
    turn.temperature = 2;
    ck_assert_ptr_nonnull(strstr(build_body(&turn), "\"temperature\":1.5,"));
    turn.temperature = 1.4;
    ck_assert_ptr_nonnull(strstr(build_body(&turn), "\"temperature\":1.4,"));
}
END_TEST

START_TEST(an_effort_is_none_or_high)
{
    static const char *const rows[][2] = {
        {"none", "none"},
        {"low", "none"},
        {"medium", "high"},
        {"max", "high"},
    };
    chat_turn_t turn = provider_suite_turn();
    const char *want =
        apr_pstrcat(provider_suite_pool, "\"reasoning_effort\":\"", rows[_i][1],
                    "\"", NULL);

    turn.effort = rows[_i][0];
    ck_assert_ptr_nonnull(strstr(build_body(&turn), want));
}
END_TEST

START_TEST(a_seed_has_another_name)
{
    chat_turn_t turn = provider_suite_turn();

    turn.extra = provider_suite_json("{\"seed\":7,\"safe_prompt\":true}");
    ck_assert_ptr_nonnull(
        strstr(build_body(&turn),
               "\"stream\":true,\"random_seed\":7,\"safe_prompt\":true}"));
    ck_assert_ptr_nonnull(chat_json_get(turn.extra, "seed"));
    turn.extra = provider_suite_json("{\"random_seed\":1,\"seed\":7}");
    ck_assert_ptr_nonnull(
        strstr(build_body(&turn), "\"stream\":true,\"random_seed\":7}"));
}
END_TEST

static const chat_tool_call_t calls[] = {
    {"D681PevKs", "get_weather", "{}", NULL},
    {"call_1", "get_time", "{}", NULL},
};

static const chat_message_t dialogue[] = {
    {.role = CHAT_ROLE_USER, .content = "hi"},
    {.role = CHAT_ROLE_ASSISTANT, .calls = calls, .ncalls = 2},
    {.role = CHAT_ROLE_TOOL, .content = "12 C", .call_id = "D681PevKs"},
    {.role = CHAT_ROLE_TOOL, .content = "9:00", .call_id = "call_1"},
};

static const chat_tool_t tools[] = {{"get_time", NULL, NULL, -1, NULL}};

/* One of its own stays, another becomes nine letters, and both sides meet. */
START_TEST(tools_and_calls_become_what_it_takes)
{
    chat_turn_t turn = provider_suite_turn();

    turn.messages = dialogue;
    turn.nmessages = 4;
    turn.tools = tools;
    turn.ntools = 1;
    turn.choice = CHAT_CHOICE_REQUIRED;
    ck_assert_str_eq(
        build_body(&turn),
        "{\"model\":\"model-1\",\"messages\":["
        "{\"role\":\"user\",\"content\":\"hi\"},"
        "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":["
        "{\"id\":\"D681PevKs\",\"type\":\"function\",\"function\":{\"name\":"
        "\"get_weather\",\"arguments\":\"{}\"}},"
        "{\"id\":\"9Gd2dIMCT\",\"type\":\"function\",\"function\":{\"name\":"
        "\"get_time\",\"arguments\":\"{}\"}}]},"
        "{\"role\":\"tool\",\"content\":\"12 C\",\"tool_call_id\":"
        "\"D681PevKs\"},"
        "{\"role\":\"tool\",\"content\":\"9:00\",\"tool_call_id\":"
        "\"9Gd2dIMCT\"}],"
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":"
        "\"get_time\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}}"
        "],\"tool_choice\":\"any\",\"stream\":true}");
    ck_assert_str_eq(calls[1].id, "call_1");
}
END_TEST

static const provider_transcript_t transcripts[] = {
    {"text",
     1,
     {1, 0, "", 9, 7},
     "",
     "<text>Bonjour \"w\xc3\xb6rld\" \xf0\x9f\x98\x80<stop 9 7 -1 -1>"},
    {"reasoning",
     1,
     {1, 0, "", 11, 37},
     "",
     "<reasoning>Two and tw\xc3\xb6.<text>It is 4."
     "<detail>{\"type\":\"reasoning.text\",\"id\":\"mistral/"
     "0\",\"format\":\"unknown\",\"index\":0,\"text\":\"Two and tw\xc3\xb6.\"}"
     "<length 11 37 -1 -1>"},
    {"tools",
     1,
     {1, 0, "", 102, 31},
     "",
     "<call 0 D681PevKs get_weather><arguments 0>{\"city\": "
     "\"K\xc3\xb6ln\"}<call 1 aB3dE6gH9 get_time><arguments 1>{}<calls 102 31 "
     "-1 -1>"},
    {"json", 1, {1, 0, "", 20, 6}, "", "<text>{\"n\": 4}<stop 20 6 -1 -1>"},
    {"error", 1, {1, 1, "1000", -1, -1}, "", "<text>Bon<failed 1000>"},
    {"truncated", 1, {1, 0, "", 9, 3}, "", "<text>Bonjour<stop 9 3 -1 -1>"},
};

static const provider_shape_t shapes[] = {
    {"a finish_reason is the end of a body that ended well",
     1,
     "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
     {1, 0, "", -1, -1}},
    {"but for one",
     1,
     "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"error\"}]}\n\n",
     {1, 1, "error", -1, -1}},
    {"[DONE] is", 1, "data: [DONE]\n\n", {1, 0, "", -1, -1}},
};

static const provider_hearing_t hearings[] = {
    {1,
     "data: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":"
     "\"a\"},{\"type\":\"reference\",\"reference_ids\":[1]},{\"type\":"
     "\"thinking\",\"thinking\":\"b\"},7]}}]}\n\n",
     "<text>a<reasoning>b"},
};

static const provider_measure_t measures[] = {
    {1, "data: {\"choices\":[{\"delta\":{\"content\":\"abc\"}}]}\n\n", 1, 3},
};

#define DETAIL(text)                                                           \
    "{\"detail\":[{\"type\":\"extra_forbidden\",\"loc\":[\"body\"," text       \
    "],\"msg\":\"sk-1\",\"input\":\"org-1\"}]}"
#define ERROR(code)                                                            \
    "{\"object\":\"error\",\"message\":\"sk-1 of org-1\",\"type\":"            \
    "\"invalid_function_call\",\"param\":null,\"code\":" code "}"

static const provider_refusal_t refusals[] = {
    {422, DETAIL("\"logit_bias\""), 400, "upstream_rejected", NULL},
    {422, "{\"detail\":\"no\"}", 400, "upstream_rejected", NULL},
    {401, "{\"detail\":\"Unauthorized\"}", 502, "upstream_auth", NULL},
    {429, ERROR("\"1300\""), 429, "upstream_rate_limited", NULL},
};

static const provider_sentence_t sentences[] = {
    {ERROR("\"3280\""), "The provider refused the request: 3280."},
    {ERROR("null"), PROVIDER_PLAIN},
};

START_TEST(a_member_it_does_not_know_is_named)
{
    static const char *const bodies[] = {
        DETAIL("\"logit_bias\""),
        "{\"object\":\"error\",\"message\":" DETAIL("\"logit_bias\"") "}",
        DETAIL("\"messages\",0,\"sk-abcdef\""),
    };
    static const char *const messages[] = {
        "The provider refused the request: extra_forbidden (parameter "
        "logit_bias).",
        "The provider refused the request: extra_forbidden (parameter "
        "logit_bias).",
        "The provider refused the request: extra_forbidden.",
    };
    chat_err_t err = {0};

    chat_provider_mistral.map_error(&err, 422, bodies[_i], strlen(bodies[_i]),
                                    provider_suite_pool);
    ck_assert_int_eq(err.status, 400);
    ck_assert_str_eq(err.message, messages[_i]);
}
END_TEST

static const provider_suite_t spec = {
    .provider = &chat_provider_mistral,
    .dir = "mistral",
    .url = "https://api.mistral.ai/v1",
    .apis = 1,
    .leak = "data: {\"error\":{\"code\":\"bad-plainkey\"}}\n\n",
    .cut_error = "budget_exhausted",
    .transcripts = transcripts,
    .ntranscripts = sizeof(transcripts) / sizeof(transcripts[0]),
    .shapes = shapes,
    .nshapes = sizeof(shapes) / sizeof(shapes[0]),
    .hearings = hearings,
    .nhearings = sizeof(hearings) / sizeof(hearings[0]),
    .measures = measures,
    .nmeasures = sizeof(measures) / sizeof(measures[0]),
    .refusals = refusals,
    .nrefusals = sizeof(refusals) / sizeof(refusals[0]),
    .sentences = sentences,
    .nsentences = sizeof(sentences) / sizeof(sentences[0]),
};

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_provider_mistral");
    TCase *tc = tcase_create("mistral");

    tcase_add_checked_fixture(tc, provider_suite_set_up,
                              provider_suite_tear_down);
    tcase_add_test(tc, a_small_turn_becomes_a_small_body);
    tcase_add_test(tc, a_full_turn_becomes_a_full_body);
    tcase_add_test(tc, a_temperature_is_at_most_one_and_a_half);
    tcase_add_loop_test(tc, an_effort_is_none_or_high, 0, 4);
    tcase_add_test(tc, a_seed_has_another_name);
    tcase_add_test(tc, tools_and_calls_become_what_it_takes);
    tcase_add_loop_test(tc, a_member_it_does_not_know_is_named, 0, 3);
    suite_add_tcase(suite, tc);
    provider_suite_add(suite, &spec);
    return suite;
}
