/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gemini provider: the bytes it sends, what it sees in the transcripts of
 * t/data/gemini, and what it makes of refusals.
 */
#include "provider_suite.h"

#include <string.h>

#include <apr_strings.h>

#define pool provider_suite_pool

/* build --------------------------------------------------------------- */

static chat_turn_t gemini_turn(void)
{
    chat_turn_t turn = provider_suite_turn();

    turn.model = "gemini-2.5-flash";
    return turn;
}

static chat_call_t build(const chat_turn_t *turn)
{
    chat_upstream_t up = provider_suite_upstream(0);

    return provider_suite_build(turn, &up);
}

#define PART(text) "\"parts\":[{\"text\":" text "}]"

START_TEST(a_small_turn_becomes_a_small_body)
{
    chat_turn_t turn = gemini_turn();

    ck_assert_str_eq(build(&turn).body,
                     "{\"contents\":[{\"role\":\"user\"," PART("\"hi\"") "}]}");
}
END_TEST

START_TEST(a_full_turn_becomes_a_full_body)
{
    chat_turn_t turn = provider_suite_full_turn();

    ck_assert_str_eq(
        build(&turn).body,
        "{\"contents\":["
        "{\"role\":\"user\"," PART(
            "\"2+2?\"") "},"
                        "{\"role\":\"user\"," PART(
                            PROVIDER_SUITE_LAST) "}],"
                                                 "\"systemInstruct"
                                                 "ion\":{" PART(
                                                     "\"Answer in "
                                                     "JSON."
                                                     "\\n\\nBe "
                                                     "kind.\"") "}"
                                                                ","
                                                                "\"generationCo"
                                                                "nfig\":{"
                                                                "\"temperature"
                                                                "\":0.7,"
                                                                "\"maxOutputTok"
                                                                "ens\":256,"
                                                                "\"responseMime"
                                                                "Type\":"
                                                                "\"application/"
                                                                "json\","
                                                                "\"responseJson"
                                                                "Schema\""
                                                                ":" PROVIDER_SUITE_SCHEMA
                                                                "}"
                                                                "}");
}
END_TEST

static const chat_message_t talk[] = {
    {.role = CHAT_ROLE_USER, .content = "a"},
    {.role = CHAT_ROLE_ASSISTANT, .content = "b"},
    {.role = CHAT_ROLE_USER, .content = "c"},
};

START_TEST(the_assistant_is_the_model)
{
    chat_turn_t turn = gemini_turn();

    turn.messages = talk;
    turn.nmessages = 3;
    ck_assert_str_eq(
        build(&turn).body,
        "{\"contents\":[{\"role\":\"user\"," PART(
            "\"a\"") "},"
                     "{\"role\":\"model\"," PART(
                         "\"b\"") "},"
                                  "{\"role\":\"user\"," PART("\"c\"") "}]}");
}
END_TEST

START_TEST(the_temperature_stays_as_it_is)
{
    chat_turn_t turn = gemini_turn();

    turn.has_temperature = 1;
    turn.temperature = _i;
    ck_assert_ptr_nonnull(strstr(
        build(&turn).body,
        apr_psprintf(pool, "\"generationConfig\":{\"temperature\":%d}", _i)));
}
END_TEST

static const chat_message_t silence[] = {
    {.role = CHAT_ROLE_SYSTEM, .content = "Be kind."},
    {.role = CHAT_ROLE_USER, .content = " \n"}};

START_TEST(a_talk_without_a_word_is_refused)
{
    chat_turn_t turn = gemini_turn();
    chat_upstream_t up = provider_suite_upstream(0);
    chat_err_t err;

    turn.messages = silence;
    turn.nmessages = 2;
    err = provider_suite_refusal(&turn, &up);
    ck_assert_int_eq(err.status, 400);
    ck_assert_str_eq(err.code, "unsupported");
}
END_TEST

static const struct {
    const char *model, *in_path;
} models[] = {
    {"gemini-2.5-flash", "gemini-2.5-flash"},
    {"models/gemini-2.5-flash", "gemini-2.5-flash"},
    {"a_b.C-9", "a_b.C-9"},
};

#define BASE "https://generativelanguage.googleapis.com/v1beta"

START_TEST(the_model_stands_in_the_path)
{
    chat_turn_t turn = gemini_turn();

    turn.model = models[_i].model;
    ck_assert_str_eq(build(&turn).url,
                     apr_pstrcat(pool, BASE "/models/", models[_i].in_path,
                                 ":streamGenerateContent?alt=sse", NULL));
    ck_assert_ptr_null(strstr(build(&turn).body, "model"));
}
END_TEST

static const char *const bad_models[] = {
    "a/b",
    "../x",
    "..",
    ".",
    "a:generateContent",
    "a?key=1",
    "a#b",
    "a%2fb",
    "a b",
    "models/",
    "a\r\nX: 1",
    "models/models/x",
    "models/../x",
    "",
    "\xc3\xa9",
    "a;b",
    "a@b",
    "tunedModels/x",
};

START_TEST(a_model_that_would_bend_the_path_is_refused)
{
    chat_turn_t turn = gemini_turn();
    chat_upstream_t up = provider_suite_upstream(0);
    chat_err_t err;

    turn.model = bad_models[_i];
    err = provider_suite_refusal(&turn, &up);
    ck_assert_int_eq(err.status, 400);
    ck_assert_str_eq(err.code, "unsupported");
    if (strlen(bad_models[_i]) > 2)
        ck_assert_ptr_null(strstr(err.message, bad_models[_i]));
}
END_TEST

START_TEST(the_call_has_its_headers)
{
    chat_turn_t turn = gemini_turn();
    chat_call_t call = build(&turn);

    ck_assert_str_eq(provider_suite_headers(&call),
                     "x-goog-api-key: " PROVIDER_SUITE_KEY "\n"
                     "Content-Type: application/json\n"
                     "Accept: text/event-stream\n"
                     "Accept-Encoding: identity\n"
                     "User-Agent: mod_chat/0.1.0\n"
                     "X-Request-ID: req-1\n"
                     "Expect:");
}
END_TEST

/* observe ------------------------------------------------------------- */

#define TRAILING                                                               \
    "data: {\"usageMetadata\":{\"promptTokenCount\":11,"                       \
    "\"candidatesTokenCount\":3,\"totalTokenCount\":14},"                      \
    "\"modelVersion\":\"gemini-3-pro\"}\r\n\r\n"

static const provider_transcript_t transcripts[] = {
    {"text",
     0,
     {1, 0, "", 4, 7},
     "",
     "<text>Hello \"w\xc3\xb6"
     "rld\" \xf0\x9f\x98\x80"
     "\nfinishReason<stop 4 7 -1 -1>"},
    {"thoughts",
     0,
     {1, 0, "", 9, 33},
     "",
     "<reasoning>Let me see.<text>4<stop 9 33 5 31>"},
    {"blocked", 0, {1, 0, "", 6, -1}, "", "<filter 6 -1 -1 -1>"},
    {"safety", 0, {1, 0, "", 5, 2}, "", "<text>Well<filter 5 2 -1 -1>"},
    {"max-tokens", 0, {1, 0, "", 5, 16}, "", "<text>One<length 5 16 -1 -1>"},
    {"tools",
     0,
     {1, 0, "", 30, 12},
     "",
     "<call 0 call_0 get_weather><arguments "
     "0>{\"city\":\"Bern\",\"finishReason\":\"no\",\"error\":\"no\"}<calls 30 "
     "12 -1 -1>"},
    {"usage-alone", 0, {1, 0, "", 8, -1}, "", "<text>Hi!<stop 8 -1 -1 -1>"},
    {"error",
     0,
     {1, 1, "UNAVAILABLE", 4, 1},
     "",
     "<text>Hel<failed UNAVAILABLE>"},
    {"error-first",
     0,
     {1, 1, "RESOURCE_EXHAUSTED", -1, -1},
     "",
     "<failed RESOURCE_EXHAUSTED>"},
    {"truncated", 0, {0, 0, "", 4, 2}, "", "<text>Hello"},
    {"spaced", 0, {1, 0, "", 3, 2}, "", "<text>Hi there<stop 3 2 -1 -1>"},
    {"lf", 0, {1, 0, "", 2, 2}, "", "<text>Hi<stop 2 2 -1 -1>"},
    {"tools-parallel",
     0,
     {1, 0, "", 70, 60},
     "",
     "<reasoning>Two cities.<text>I look.<call 0 call_0 get_weather><arguments "
     "0>{\"city\":\"Z\xc3\xbc"
     "rich\",\"quote\":\"\\\"\"}<call 1 fc-7 get_weather><arguments "
     "1>{\"city\":\"Bern\"}<call 2 call_2 now><arguments 2>{}<calls 70 60 12 "
     "20>"},
    {"json",
     0,
     {1, 0, "", 15, 14},
     "",
     "<text>{\"n\": 1, \"finishReason\": \"STOP\", \"s\": \"Gr\xc3\xbc"
     "\xc3\x9f"
     "\\n\"}<stop 15 14 -1 -1>"},
    {"trailing", 0, {1, 0, "", 11, 3}, TRAILING, "<text>Hi<stop 11 3 -1 -1>"},
    {"malformed",
     0,
     {1, 1, "MALFORMED_FUNCTION_CALL", 12, 1},
     "",
     "<text>So<failed MALFORMED_FUNCTION_CALL>"},
    {"parts", 0, {1, 0, "", 2, 2}, "", "<text>AB<stop 2 2 -1 -1>"},
};

static const provider_shape_t shapes[] = {
    {"a finishReason of null is none",
     0,
     "data: {\"candidates\":[{\"finishReason\":null}]}\n\n",
     {0, 0, "", -1, -1}},
    {"nor is an empty one, or a number",
     0,
     "data: "
     "{\"candidates\":[{\"finishReason\":\"\"},{\"finishReason\":1}]}\n\n",
     {0, 0, "", -1, -1}},
    {"a finishReason deeper down is not the stream's",
     0,
     "data: {\"candidates\":[{\"content\":{\"finishReason\":\"STOP\"}}],"
     "\"finishReason\":\"STOP\"}\n\n",
     {0, 0, "", -1, -1}},
    {"broken JSON ends nothing",
     0,
     "data: {\"candidates\":[{\"finishReason\":\"STOP\"}]\n\n",
     {0, 0, "", -1, -1}},
    {"an unknown reason is a reason",
     0,
     "data: {\"candidates\":[{\"finishReason\":\"BRAND_NEW\"}]}\n\n",
     {1, 0, "", -1, -1}},
    {"feedback without a block is no end",
     0,
     "data: {\"promptFeedback\":{\"safetyRatings\":[]}}\n\n"
     "data: {\"promptFeedback\":{\"blockReason\":null}}\n\n",
     {0, 0, "", -1, -1}},
    {"[DONE] is not the end", 0, "data: [DONE]\n\n", {0, 0, "", -1, -1}},
    {"an error without a status has its code",
     0,
     "data: {\"error\":{\"code\":500,\"message\":\"x\"}}\n\n",
     {1, 1, "500", -1, -1}},
    {"an error may be a sentence",
     0,
     "data: {\"error\":\"boom\"}\n\n",
     {1, 1, "", -1, -1}},
    {"an error of null is none",
     0,
     "data: {\"error\":null}\n\n",
     {0, 0, "", -1, -1}},
    {"a usage after the end still counts",
     0,
     "data: {\"candidates\":[{\"finishReason\":\"STOP\"}]}\n\n"
     "data: {\"usageMetadata\":{\"promptTokenCount\":3,"
     "\"candidatesTokenCount\":4}}\n\n",
     {1, 0, "", 3, 4}},
    {"thoughts alone are output",
     0,
     "data: {\"usageMetadata\":{\"thoughtsTokenCount\":4}}\n\n",
     {0, 0, "", -1, 4}},
    {"counts that are no counts are none",
     0,
     "data: {\"usageMetadata\":{\"promptTokenCount\":-3,"
     "\"candidatesTokenCount\":\"4\"}}\n\n",
     {0, 0, "", -1, -1}},
    {"counts do not overflow",
     0,
     "data: {\"usageMetadata\":{\"promptTokenCount\":1,"
     "\"candidatesTokenCount\":1,\"thoughtsTokenCount\":"
     "99999999999999999999}}\n\n",
     {0, 0, "", 1, 1}},
};

static const provider_measure_t measures[] = {
    {0,
     "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"ab\"},"
     "{\"text\": \"c\"},{\"text\":\"\"}]}}]}\n\n",
     2, 3},
    {0, "data: {\"candidates\":[{\"content\":{}}]}\n\n", 0, 0},
};

/* refused ------------------------------------------------------------- */

#define ERROR(code, status, details)                                           \
    "{\"error\":{\"code\":" code ",\"message\":\"key sk-1 of org-1\","         \
    "\"status\":\"" status "\",\"details\":[" details "]}}"
#define RETRY(delay)                                                           \
    ERROR("429", "RESOURCE_EXHAUSTED",                                         \
          "{\"@type\":\"google.rpc.QuotaFailure\"},"                           \
          "{\"@type\":\"google.rpc.RetryInfo\",\"retryDelay\":\"" delay "\"}")
#define REASON(reason)                                                         \
    ERROR("400", "INVALID_ARGUMENT", "{\"reason\":\"" reason "\"}")

#define LIMITED 429, "upstream_rate_limited"

static const provider_refusal_t refusals[] = {
    {400, ERROR("400", "INVALID_ARGUMENT", ""), 400, "upstream_rejected", NULL},
    /* A bad key is no 401 here. */
    {400, REASON("API_KEY_INVALID"), 502, "upstream_auth", NULL},
    {400, "[" REASON("API_KEY_INVALID") "]", 502, "upstream_auth", NULL},
    {403, REASON("API_KEY_SERVICE_BLOCKED"), 502, "upstream_auth", NULL},
    {400, REASON("SOMETHING_ELSE"), 400, "upstream_rejected", NULL},
    {404, ERROR("404", "NOT_FOUND", ""), 400, "upstream_rejected", NULL},
    {503, ERROR("503", "UNAVAILABLE", ""), 503, "upstream_overloaded", NULL},
    {504, ERROR("504", "DEADLINE_EXCEEDED", ""), 504, "upstream_timeout", NULL},
    {500, ERROR("500", "INTERNAL", ""), 502, "upstream_error", NULL},
    {429, ERROR("429", "RESOURCE_EXHAUSTED", ""), LIMITED, NULL},
    {429, RETRY("37s"), LIMITED, "37"},
    {429, "[" RETRY("37s") "]", LIMITED, "37"},
    {429, RETRY("0s"), LIMITED, "0"},
    {429, RETRY("36.201s"), LIMITED, "37"},
    {429, RETRY("99999s"), LIMITED, "99999"},
    {429, RETRY("100000s"), LIMITED, NULL},
    {429, RETRY("37"), LIMITED, NULL},
    {429, RETRY("s"), LIMITED, NULL},
    {429, RETRY(""), LIMITED, NULL},
    {429, RETRY("-1s"), LIMITED, NULL},
    {429, RETRY("7s; x"), LIMITED, NULL},
    {429, RETRY("7.xs"), LIMITED, NULL},
    {400, RETRY("37s"), 400, "upstream_rejected", NULL},
};

static const provider_sentence_t sentences[] = {
    {ERROR("400", "INVALID_ARGUMENT", ""),
     "The provider refused the request: INVALID_ARGUMENT."},
    {"[" ERROR("404", "NOT_FOUND", "") "]",
     "The provider refused the request: NOT_FOUND."},
    {REASON("SOMETHING_ELSE"),
     "The provider refused the request: SOMETHING_ELSE."},
    {REASON("AIzaSyAbCdEf"),
     "The provider refused the request: INVALID_ARGUMENT."},
    {ERROR("400", "two words", ""), PROVIDER_PLAIN},
    {"[]", PROVIDER_PLAIN},
    {"[[]]", PROVIDER_PLAIN},
};

static const provider_suite_t spec = {
    .provider = &chat_provider_gemini,
    .dir = "gemini",
    .url = BASE,
    .apis = 1,
    .leak = "data: {\"error\":{\"status\":\"bad-plainkey\"}}\n\n",
    .cut_error = "RESOURCE_EXHAUSTED",
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
    Suite *suite = suite_create("chat_provider_gemini");
    TCase *tc = tcase_create("gemini");

    tcase_add_checked_fixture(tc, provider_suite_set_up,
                              provider_suite_tear_down);
    tcase_add_test(tc, a_small_turn_becomes_a_small_body);
    tcase_add_test(tc, a_full_turn_becomes_a_full_body);
    tcase_add_test(tc, the_assistant_is_the_model);
    tcase_add_loop_test(tc, the_temperature_stays_as_it_is, 0, 3);
    tcase_add_test(tc, a_talk_without_a_word_is_refused);
    tcase_add_loop_test(tc, the_model_stands_in_the_path, 0,
                        sizeof(models) / sizeof(models[0]));
    tcase_add_loop_test(tc, a_model_that_would_bend_the_path_is_refused, 0,
                        sizeof(bad_models) / sizeof(bad_models[0]));
    tcase_add_test(tc, the_call_has_its_headers);
    suite_add_tcase(suite, tc);
    provider_suite_add(suite, &spec);
    return suite;
}
