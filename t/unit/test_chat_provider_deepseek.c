/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The deepseek provider: in what its Chat Completions differ from the others',
 * and what it sees in the transcripts of t/data/deepseek.
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

START_TEST(a_small_turn_becomes_a_small_body)
{
    chat_turn_t turn = provider_suite_turn();
    chat_upstream_t up = provider_suite_upstream(1);
    chat_call_t call = provider_suite_build(&turn, &up);

    ck_assert_str_eq(call.url, "https://api.deepseek.com/chat/completions");
    ck_assert_str_eq(provider_suite_headers(&call), HEADERS);
    ck_assert_str_eq(
        call.body,
        "{\"model\":\"model-1\",\"messages\":[{\"role\":"
        "\"user\",\"content\":\"hi\"}],"
        "\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
}
END_TEST

/* The schema as it stands in a text. */
#define SCHEMA                                                                 \
    "{\\\"type\\\":\\\"object\\\",\\\"properties\\\":{\\\"n\\\":{"             \
    "\\\"type\\\":\\\"number\\\",\\\"minimum\\\":1.50}}}"

START_TEST(a_full_turn_becomes_a_full_body)
{
    chat_turn_t turn = provider_suite_full_turn();
    chat_upstream_t up = provider_suite_upstream(1);

    turn.schema_strict = _i - 1;
    up.store = 1; /* which is OpenAI's word alone */
    ck_assert_str_eq(
        provider_suite_build(&turn, &up).body,
        "{\"model\":\"model-1\",\"messages\":[{\"role\":\"system\","
        "\"content\":\"Answer in JSON.\\n\\n"
        "Answer with one JSON object that fits this JSON schema:\\n" SCHEMA
        "\"}," PROVIDER_SUITE_DIALOGUE
        "],\"temperature\":0.7,\"max_tokens\":256,"
        "\"response_format\":{\"type\":\"json_object\"},"
        "\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
}
END_TEST

START_TEST(a_schema_needs_no_system_beside_it)
{
    chat_turn_t turn = provider_suite_turn();
    chat_upstream_t up = provider_suite_upstream(1);

    turn.schema = provider_suite_json("{\"type\":\"object\"}");
    ck_assert_ptr_nonnull(
        strstr(provider_suite_build(&turn, &up).body,
               "[{\"role\":\"system\",\"content\":\"Answer with one JSON "
               "object that fits this JSON schema:\\n{\\\"type\\\":"
               "\\\"object\\\"}\"},{\"role\":\"user\""));
}
END_TEST

START_TEST(a_strict_schema_cannot_be_promised)
{
    chat_turn_t turn = provider_suite_full_turn();
    chat_upstream_t up = provider_suite_upstream(1);
    chat_err_t err = provider_suite_refusal(&turn, &up);

    ck_assert_int_eq(err.status, 400);
    ck_assert_str_eq(err.code, "unsupported");
}
END_TEST

static const provider_transcript_t transcripts[] = {
    {"text",
     1,
     {1, 0, "", 9, 17},
     "",
     "<text>Hello \"w\xc3\xb6rld\" \xf0\x9f\x98\x80<stop 9 17 4 -1>"},
    {"reasoning",
     1,
     {1, 0, "", 9, 50},
     "",
     "<reasoning>Let me see.<text>4<stop 9 50 -1 40>"},
    {"tools",
     1,
     {1, 0, "", 201, 39},
     "",
     "<call 0 call_0_fe get_weather><arguments 0>{\"city\": "
     "\"K\xc3\xb6ln\"}<call 1 call_1_ab get_time><arguments 1>{}<calls 201 39 "
     "192 -1>"},
    {"json", 1, {1, 0, "", 21, 6}, "", "<text>{\"answer\": 4}<stop 21 6 0 -1>"},
    {"blank-lines",
     1,
     {1, 1, "insufficient_system_resource", 2, 1},
     "data: [DONE]\n\n",
     "<text>Hi<failed insufficient_system_resource>"},
    {"error",
     1,
     {1, 1, "service_unavailable", -1, -1},
     "",
     "<failed service_unavailable>"},
    {"truncated", 1, {1, 0, "", 2, 1}, "", "<stop 2 1 -1 -1>"},
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
     "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"de\"}}]}\n\n",
     2, 5},
};

#define ERROR(code, type)                                                      \
    "{\"error\":{\"message\":\"sk-1 of org-1\",\"type\":\"" type               \
    "\",\"param\":null,\"code\":" code "}}"

static const provider_refusal_t refusals[] = {
    {400, ERROR("\"invalid_request_error\"", "x"), 400, "upstream_rejected",
     NULL},
    {401, ERROR("\"invalid_request_error\"", "authentication_error"), 502,
     "upstream_auth", NULL},
    {402, ERROR("\"invalid_request_error\"", "unknown_error"), 502,
     "upstream_quota", NULL},
    {422, ERROR("null", "x"), 400, "upstream_rejected", NULL},
};

static const provider_sentence_t sentences[] = {
    {ERROR("\"invalid_request_error\"", "x"),
     "The provider refused the request: invalid_request_error."},
};

static const provider_suite_t spec = {
    .provider = &chat_provider_deepseek,
    .dir = "deepseek",
    .url = "https://api.deepseek.com",
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
    Suite *suite = suite_create("chat_provider_deepseek");
    TCase *tc = tcase_create("deepseek");

    tcase_add_checked_fixture(tc, provider_suite_set_up,
                              provider_suite_tear_down);
    tcase_add_test(tc, a_small_turn_becomes_a_small_body);
    tcase_add_loop_test(tc, a_full_turn_becomes_a_full_body, 0, 2);
    tcase_add_test(tc, a_schema_needs_no_system_beside_it);
    tcase_add_test(tc, a_strict_schema_cannot_be_promised);
    suite_add_tcase(suite, tc);
    provider_suite_add(suite, &spec);
    return suite;
}
