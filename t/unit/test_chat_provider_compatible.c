/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compatible provider: in what its Chat Completions differ from the
 * others', and what it sees in the transcripts of t/data/compatible.
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

    ck_assert_str_eq(call.url, "http://127.0.0.1:11434/v1/chat/completions");
    ck_assert_str_eq(provider_suite_headers(&call), HEADERS);
    ck_assert_str_eq(
        call.body,
        "{\"model\":\"model-1\",\"messages\":[{\"role\":"
        "\"user\",\"content\":\"hi\"}],"
        "\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
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
        "\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
}
END_TEST

START_TEST(an_api_version_makes_it_azure_s)
{
    chat_turn_t turn = provider_suite_full_turn();
    chat_upstream_t up = provider_suite_upstream(1);
    chat_call_t call;

    up.version = "2024-10-21";
    up.auth = CHAT_KEY_API_KEY;
    call = provider_suite_build(&turn, &up);
    ck_assert_str_eq(call.url, "http://127.0.0.1:11434/v1/chat/completions"
                               "?api-version=2024-10-21");
    ck_assert_ptr_nonnull(strstr(call.body, "\"max_completion_tokens\":256"));
    ck_assert_ptr_null(strstr(call.body, "\"max_tokens\""));
    ck_assert_ptr_null(strstr(call.body, "\"store\""));
}
END_TEST

/* What a model said beside its text comes back to it as it was given out. */
START_TEST(thoughts_come_back_to_who_had_them)
{
    static const chat_tool_call_t call = {"functions.weather:0", "weather",
                                          "{}", NULL};
    chat_message_t messages[] = {
        {.role = CHAT_ROLE_USER, .content = "hi"},
        {.role = CHAT_ROLE_ASSISTANT,
         .calls = &call,
         .ncalls = 1,
         .reasoning = "I ask."},
        {.role = CHAT_ROLE_TOOL,
         .content = "1",
         .call_id = "functions.weather:0"},
        {.role = CHAT_ROLE_ASSISTANT,
         .content = "Cold.",
         .reasoning = "So.",
         .reasoning_name = "reasoning"},
        {.role = CHAT_ROLE_USER, .content = "and?"},
    };
    chat_turn_t turn = provider_suite_turn();
    chat_upstream_t up = provider_suite_upstream(1);
    const char *body;

    messages[3].details =
        provider_suite_json("[{\"type\":\"reasoning.encrypted\"}]");
    turn.messages = messages;
    turn.nmessages = 5;
    body = provider_suite_build(&turn, &up).body;
    ck_assert_ptr_nonnull(strstr(
        body, "{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":"
              "\"I ask.\",\"tool_calls\":[{\"id\":\"functions.weather:0\","
              "\"type\":\"function\",\"function\":{\"name\":\"weather\","
              "\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"content\":\"1\","
              "\"tool_call_id\":\"functions.weather:0\"},"));
    ck_assert_ptr_nonnull(strstr(
        body, "\"content\":\"Cold.\",\"reasoning\":\"So.\","
              "\"reasoning_details\":[{\"type\":\"reasoning.encrypted\"}]}"));
}
END_TEST

START_TEST(what_the_client_says_keeps_its_name)
{
    chat_message_t message = {.role = CHAT_ROLE_USER, .content = "hi"};
    chat_turn_t turn = provider_suite_turn();
    chat_upstream_t up = provider_suite_upstream(1);
    const char *body;

    turn.max_output_tokens = 500;
    turn.most_name = "max_completion_tokens";
    message.text_parts = provider_suite_json(
        "[{\"type\":\"text\",\"text\":\"hi\",\"cache_control\":"
        "{\"type\":\"ephemeral\"}}]");
    turn.messages = &message;
    body = provider_suite_build(&turn, &up).body;
    ck_assert_ptr_nonnull(strstr(body, "\"max_completion_tokens\":500"));
    ck_assert_ptr_null(strstr(body, "\"max_tokens\""));
    ck_assert_ptr_nonnull(
        strstr(body, "\"cache_control\":{\"type\":\"ephemeral\"}"));
    turn.most_name = "max_tokens";
    body = provider_suite_build(&turn, &up).body;
    ck_assert_ptr_nonnull(strstr(body, "\"max_tokens\":500"));
}
END_TEST

static const provider_transcript_t transcripts[] = {
    {"ollama",
     1,
     {1, 0, "", 26, 8},
     "",
     "<text>Hi \"w\xc3\xb6rld\" \xf0\x9f\x98\x80<stop 26 8 -1 -1>"},
    {"vllm",
     1,
     {1, 0, "", 11, 5},
     "",
     "<reasoning>Hm.<text>4<stop 11 5 -1 -1>"},
    {"vllm-tools",
     1,
     {1, 0, "", 180, 31},
     "",
     "<reasoning>Both.<call 0 chatcmpl-tool-1 get_weather><arguments "
     "0>{\"city\": \"K\xc3\xb6ln\"}<call 1 call_1 get_time><arguments "
     "1>{}<calls 180 31 176 -1>"},
    {"ollama-tools",
     1,
     {1, 0, "", 26, 8},
     "",
     "<reasoning>Hm, two.<call 0 call_a1 get_weather><arguments "
     "0>{\"city\":\"K\xc3\xb6ln\"}<call 1 call_b2 get_weather><arguments "
     "1>{\"city\":\"Bonn\"}<calls 26 8 -1 -1>"},
    {"whole",
     1,
     {1, 0, "", 5, 4},
     "",
     "<reasoning>Hm.<text>Hello \"w\xc3\xb6rld\" \xf0\x9f\x98\x80<length 5 4 "
     "-1 -1>"},
    {"vllm-error",
     1,
     {1, 1, "500", -1, -1},
     "data: [DONE]\n\n",
     "<failed 500>"},
    {"vllm-error-new",
     1,
     {1, 1, "500", -1, -1},
     "data: [DONE]\n\n",
     "<failed 500>"},
    {"azure",
     1,
     {1, 0, "", 11, 6},
     "",
     "<text>A whole paragraph at once.<filter 11 6 0 0>"},
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

#define FLAT(code)                                                             \
    "{\"object\":\"error\",\"message\":\"sk-1 of org-1\",\"type\":"            \
    "\"BadRequestError\",\"param\":null,\"code\":" code "}"

static const provider_refusal_t refusals[] = {
    {400, FLAT("400"), 400, "upstream_rejected", NULL},
    {404, FLAT("404"), 400, "upstream_rejected", NULL},
    {404,
     "{\"error\":{\"message\":\"model org-1 not found\",\"type\":\"api\"}}",
     400, "upstream_rejected", NULL},
    {429, "{\"error\":{\"code\":\"429\",\"message\":\"x\"}}", 429,
     "upstream_rate_limited", NULL},
};

static const provider_sentence_t sentences[] = {
    {FLAT("400"), "The provider refused the request: 400."},
    {FLAT("\"bad_thing\""), "The provider refused the request: bad_thing."},
    {"{\"object\":\"error\",\"code\":\"x\",\"param\":\"temperature\"}",
     "The provider refused the request: x (parameter temperature)."},
    {"{\"object\":\"list\",\"code\":\"x\"}", PROVIDER_PLAIN},
};

static const provider_suite_t spec = {
    .provider = &chat_provider_compatible,
    .dir = "compatible",
    .url = "http://127.0.0.1:11434/v1",
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
    Suite *suite = suite_create("chat_provider_compatible");
    TCase *tc = tcase_create("compatible");

    tcase_add_checked_fixture(tc, provider_suite_set_up,
                              provider_suite_tear_down);
    tcase_add_test(tc, a_small_turn_becomes_a_small_body);
    tcase_add_test(tc, a_full_turn_becomes_a_full_body);
    tcase_add_test(tc, an_api_version_makes_it_azure_s);
    tcase_add_test(tc, thoughts_come_back_to_who_had_them);
    tcase_add_test(tc, what_the_client_says_keeps_its_name);
    suite_add_tcase(suite, tc);
    provider_suite_add(suite, &spec);
    return suite;
}
