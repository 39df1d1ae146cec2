/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gemini provider: the bytes it sends, what it sees in the transcripts of
 * t/data/gemini, and what it makes of refusals.
 */
#include "provider_suite.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_sse.h"

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
        "{\"role\":\"user\",\"parts\":[{\"text\":\"2+2?\"}]},"
        "{\"role\":\"user\",\"parts\":[{\"text\":" PROVIDER_SUITE_LAST "}]}],"
        "\"systemInstruction\":{\"parts\":["
        "{\"text\":\"Answer in JSON.\\n\\nBe kind.\"}]},"
        "\"generationConfig\":{\"temperature\":0.7,\"maxOutputTokens\":256,"
        "\"responseMimeType\":\"application/json\","
        "\"responseJsonSchema\":" PROVIDER_SUITE_SCHEMA "}}");
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
     "<reasoning>Let me see.<text>4"
     "<detail>{\"type\":\"reasoning.encrypted\",\"id\":\"gemini/"
     "0\",\"format\":\"google-gemini-v1\",\"index\":0,\"after_text\":1,"
     "\"data\":\"CiQB\"}"
     "<stop 9 33 5 31>"},
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
     "<reasoning>Two cities.<text>I look.<call 0 call_0 get_weather "
     "{\"google\":{\"thought_signature\":\"CiQBjz1r\"},\"provider\":\"gemini\"}"
     ">"
     "<arguments "
     "0>{\"city\":\"Z\xc3\xbc"
     "rich\",\"quote\":\"\\\"\"}<call 1 fc-7 get_weather><arguments "
     "1>{\"city\":\"Bern\"}<call 2 call_2 now><arguments 2>{}"
     "<detail>{\"type\":\"reasoning.encrypted\",\"id\":\"gemini/0\",\"format\":"
     "\"google-gemini-v1\",\"index\":0,\"after_text\":7,\"after_calls\":3,"
     "\"data\":"
     "\"CiQB\"}<calls 70 60 12 20>"},
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
     "\"candidatesTokenCount\":\"4 \"}}\n\n",
     {0, 0, "", -1, -1}},
    {"a zero is no count where there was one",
     0,
     "data: {\"usageMetadata\":{\"promptTokenCount\":3,"
     "\"thoughtsTokenCount\":2,\"candidatesTokenCount\":1}}\n\n"
     "data: {\"usageMetadata\":{\"promptTokenCount\":0,"
     "\"candidatesTokenCount\":4}}\n\n",
     {0, 0, "", 3, 6}},
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

/* parse --------------------------------------------------------------- */

#define CHUNK(candidate) "data: {\"candidates\":[{" candidate "}]}\r\n\r\n"
#define PARTS(parts) "\"content\":{\"parts\":[" parts "]}"
#define TEXT(text) CHUNK(PARTS("{\"text\":\"" text "\"}"))
#define CALL(members) "{\"functionCall\":{" members "}}"
#define FINISH(reason) CHUNK("\"finishReason\":\"" reason "\"")
#define BLOCKED(reason)                                                        \
    "data: {\"promptFeedback\":{\"blockReason\":\"" reason "\"}}\n\n"
#define USAGE "data: {\"usageMetadata\":{\"promptTokenCount\":3}}\n\n"

#define SAID(text, reason)                                                     \
    "data: {\"candidates\":[{\"index\":0,\"content\":{\"role\":\"model\","     \
    "\"parts\":[{\"text\":\"" text "\"}]},\"finishReason\":\"" reason          \
    "\"}]}\n\n"

static const provider_hearing_t hearings[] = {
    {0, FINISH("STOP"), "<stop -1 -1 -1 -1>"},
    {0, FINISH("MAX_TOKENS"), "<length -1 -1 -1 -1>"},
    {0, FINISH("SAFETY"), "<filter -1 -1 -1 -1>"},
    {0, FINISH("RECITATION"), "<filter -1 -1 -1 -1>"},
    {0, FINISH("LANGUAGE"), "<filter -1 -1 -1 -1>"},
    {0, FINISH("OTHER"), "<filter -1 -1 -1 -1>"},
    {0, FINISH("BLOCKLIST"), "<filter -1 -1 -1 -1>"},
    {0, FINISH("PROHIBITED_CONTENT"), "<filter -1 -1 -1 -1>"},
    {0, FINISH("SPII"), "<filter -1 -1 -1 -1>"},
    {0, FINISH("IMAGE_SAFETY"), "<filter -1 -1 -1 -1>"},
    {0, FINISH("IMAGE_PROHIBITED_CONTENT"), "<filter -1 -1 -1 -1>"},
    {0, FINISH("IMAGE_RECITATION"), "<filter -1 -1 -1 -1>"},
    {0, FINISH("IMAGE_OTHER"), "<filter -1 -1 -1 -1>"},
    {0, FINISH("NO_IMAGE"), "<other -1 -1 -1 -1>"},
    {0, FINISH("CONTINUATION"), "<other -1 -1 -1 -1>"},
    {0, FINISH("BRAND_NEW"), "<other -1 -1 -1 -1>"},
    {0, FINISH("MALFORMED_FUNCTION_CALL"), "<failed MALFORMED_FUNCTION_CALL>"},
    {0, FINISH("UNEXPECTED_TOOL_CALL"), "<failed UNEXPECTED_TOOL_CALL>"},
    {0, FINISH("TOO_MANY_TOOL_CALLS"), "<failed TOO_MANY_TOOL_CALLS>"},
    {0, FINISH("MALFORMED_RESPONSE"), "<failed MALFORMED_RESPONSE>"},
    {0, FINISH("MISSING_THOUGHT_SIGNATURE"),
     "<failed MISSING_THOUGHT_SIGNATURE>"},
    {0, BLOCKED("SAFETY"), "<filter -1 -1 -1 -1>"},
    {0, BLOCKED("OTHER"), "<filter -1 -1 -1 -1>"},
    {0, BLOCKED("BRAND_NEW"), "<filter -1 -1 -1 -1>"},
    /* A reason in every chunk is none before the last. */
    {0, SAID("I am ", "STOP") SAID("a large ", "STOP") SAID("model.", "STOP"),
     "<text>I am a large model.<stop -1 -1 -1 -1>"},
    {0, SAID("a", "STOP") SAID("b", "MAX_TOKENS"),
     "<text>ab<length -1 -1 -1 -1>"},
    {0, SAID("a", "STOP") CHUNK(PARTS("{\"text\":\"b\"}")),
     "<text>ab<stop -1 -1 -1 -1>"},
    {0, SAID("a", "STOP") FINISH("MALFORMED_FUNCTION_CALL"),
     "<text>a<failed MALFORMED_FUNCTION_CALL>"},
    {0, "data: {\"candidates\":[{\"finishReason\":\"STOP\"}]}",
     "<stop -1 -1 -1 -1>"},
    {0, "data: {\"candidates\":[{\"finishReason\":\"STOP\"}", ""},
    /* The last words may come with the end. */
    {0,
     CHUNK(PARTS(
         "{\"text\":\"a\"},{\"text\":\"b\",\"thought\":true}") ","
                                                               "\"finishReason"
                                                               "\":\"STOP\""),
     "<text>a<reasoning>b<stop -1 -1 -1 -1>"},
    {0, CHUNK(PARTS(CALL("\"name\":\"now\"")) ",\"finishReason\":\"STOP\""),
     "<call 0 call_0 now><arguments 0>{}<calls -1 -1 -1 -1>"},
    {0,
     CHUNK(PARTS(CALL("\"name\":\"now\"")) ",\"finishReason\":\"MAX_TOKENS\""),
     "<call 0 call_0 now><arguments 0>{}<length -1 -1 -1 -1>"},
    {0,
     CHUNK(PARTS(
         CALL("\"name\":\"a\",\"id\":\"x\",\"args\":{\"n\":1.50}") "," CALL(
             "\"name\":\"b\",\"id\":\"\",\"args\":null"))),
     "<call 0 x a><arguments 0>{\"n\":1.50}"
     "<call 1 call_1 b><arguments 1>{}"},
    /* Thoughts are told by true alone; what is no text is none. */
    {0,
     CHUNK(PARTS("{\"text\":\"a\",\"thought\":false},{\"text\":7},"
                 "{\"text\":\"b\",\"thought\":\"true\"},7,null,"
                 "{\"functionCall\":\"c\"}")),
     "<text>ab"},
    {0, TEXT("") TEXT("\\u00fc\\ud83d\\ude00\\n"),
     "<text>\xc3\xbc\xf0\x9f\x98\x80\n"},
    /* One candidate is the answer. */
    {0,
     "data: {\"candidates\":[{" PARTS("{\"text\":\"a\"}") "},{" PARTS(
         "{\"text\":\"b\"}") "}]}\n\n",
     "<text>a"},
    {0, "data: {\"candidates\":{}}\n\ndata: {\"candidates\":[7]}\n\n", ""},
    /* Behind a reason comes the bill, and maybe more of the answer. */
    {0, FINISH("STOP") USAGE, "<stop 3 -1 -1 -1>"},
    {0, BLOCKED("SAFETY") USAGE, "<filter 3 -1 -1 -1>"},
    {0,
     FINISH("STOP") TEXT("a") "data: {\"error\":{\"status\":\"X\"}}\n\n"
                              "data: {\n\n" FINISH("SAFETY") USAGE,
     "<text>a<failed X>"},
    {0, "data: {\"error\":{\"status\":\"X\"}}\n\n" TEXT("a") FINISH("STOP"),
     "<failed X>"},
    {0,
     "data: {\"error\":{\"status\":\"X\"},\"candidates\":[{" PARTS(
         "{\"text\":\"a\"}") "}]}\n\n",
     "<failed X>"},
    /* A piece that cannot be read would be missing from the answer. */
    {0, TEXT("a") "data: {\"candidates\":\n\n" TEXT("b"),
     "<text>a<failed event_unreadable>"},
    {0, TEXT("a\\u0000"), "<text>a\xef\xbf\xbd"},
    {0, TEXT("a\\ud83d") TEXT("\\ude00!"), "<text>a\xf0\x9f\x98\x80!"},
    {0, "data: [{}]\n\ndata: [DONE]\n\n", ""},
    {0, "data: [\"a\"]\n\ndata: {\"a\"\n\n", "<failed event_unreadable>"},
};

/* whole --------------------------------------------------------------- */

#define ANSWER(reason)                                                         \
    "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"error\"}]},"        \
    "\"finishReason\":\"" reason                                               \
    "\"}],\"usageMetadata\":{\"promptTokenCount\":3,"                          \
    "\"candidatesTokenCount\":4,\"thoughtsTokenCount\":5}}"

static const provider_whole_t wholes[] = {
    {0, ANSWER("STOP"), {1, 0, "", 3, 9}},
    {0, ANSWER("SAFETY"), {1, 0, "", 3, 9}},
    {0,
     ANSWER("MALFORMED_FUNCTION_CALL"),
     {1, 1, "MALFORMED_FUNCTION_CALL", 3, 9}},
    {0, "[{\"candidates\":[]}," ANSWER("STOP") "]", {1, 0, "", 3, 9}},
    {0,
     "{\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}",
     {1, 0, "", -1, -1}},
    {0,
     "{\"error\":{\"status\":\"UNAVAILABLE\"}}",
     {1, 1, "UNAVAILABLE", -1, -1}},
    {0, "[{\"error\":{\"code\":503}}]", {1, 1, "503", -1, -1}},
    {0, "{\"candidates\":[{}]}", {0, 0, "", -1, -1}},
    {0, "{\"candidates\":[{\"finishReason\":\"STOP\"}]", {0, 0, "", -1, -1}},
    {0, "", {0, 0, "", -1, -1}},
};

START_TEST(a_whole_answer_may_be_larger_than_an_event)
{
    chat_upstream_t up = provider_suite_upstream(0);
    chat_seen_t seen = {.usage = {-1, -1, -1, -1}, .measure = 1};
    apr_size_t size = CHAT_SSE_EVENT_MAX + 1;
    char *text = apr_palloc(pool, size + 1), *body;

    memset(text, 'a', size);
    text[size] = '\0';
    body = apr_pstrcat(
        pool, "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"", text,
        "\"}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":"
        "{\"cachedContentTokenCount\":2}}",
        NULL);
    chat_provider_gemini.observe_body(&seen, body, strlen(body), &up, pool);
    ck_assert_int_eq(seen.ended, 1);
    ck_assert_int_eq(seen.usage.cached, 2);
    ck_assert_int_eq(seen.deltas, 1);
    ck_assert_int_eq(seen.text, size);
}
END_TEST

/* 'A' stands for 3 MiB of it. */
static const char *expand(const char *text)
{
    const apr_size_t len = 3 * CHAT_SSE_EVENT_MAX;
    const char *at = strchr(text, 'A');
    char *run = apr_palloc(pool, len + 1);

    memset(run, 'A', len);
    run[len] = '\0';
    return apr_pstrcat(pool, apr_pstrmemdup(pool, text, at - text), run, at + 1,
                       NULL);
}

static const struct {
    const char *text, *heard;
    int ended;
} giants[] = {
    {"data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"see \"},"
     "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"A\"}},"
     "{\"text\":\"this\"}]},\"finishReason\":\"STOP\"}],"
     "\"usageMetadata\":{\"promptTokenCount\":7}}\r\n\r\n",
     "<text>see this<stop 7 -1 -1 -1>", 1},
    {CHUNK(PARTS("{\"executableCode\":{\"code\":\"A\"}},{\"text\":\"b\"}")),
     "<text>b", 0},
    {CHUNK(PARTS("{\"text\":\"b\",\"thoughtSignature\":\"A\"}")), "<text>b", 0},
    /* what is wanted, and too large */
    {CHUNK(PARTS("{\"text\":\"A\"}")), "<failed event_too_large>", 0},
    {CHUNK(PARTS(CALL("\"name\":\"A\""))), "<failed event_too_large>", 0},
    {CHUNK(PARTS(CALL("\"name\":\"f\",\"args\":{\"data\":\"A\"}"))),
     "<call 0 call_0 f><failed event_too_large>", 0},
};

START_TEST(what_is_passed_over_may_be_of_any_size)
{
    const char *text = expand(giants[_i].text);

    ck_assert_str_eq(provider_suite_hear(0, text), giants[_i].heard);
    ck_assert_int_eq(provider_suite_watch(0, text).ended, giants[_i].ended);
    ck_assert_int_eq(provider_suite_watch(0, text).failed, 0);
}
END_TEST

START_TEST(more_calls_than_there_is_room_for_are_an_error)
{
    const char *text = "";
    int i;

    for (i = 0; i < CHAT_TOOL_CALLS_MAX; i++)
        text =
            apr_pstrcat(pool, text, CHUNK(PARTS(CALL("\"name\":\"a\""))), NULL);
    ck_assert_ptr_null(strstr(provider_suite_hear(0, text), "<failed"));
    text = apr_pstrcat(pool, text, CHUNK(PARTS(CALL("\"name\":\"a\""))),
                       TEXT("a"), NULL);
    ck_assert_ptr_nonnull(
        strstr(provider_suite_hear(0, text), "<failed too_many_calls>"));
}
END_TEST

START_TEST(its_streams_are_its_own_and_go_on_behind_the_end)
{
    chat_upstream_t up = provider_suite_upstream(0);

    ck_assert_str_eq(chat_provider_gemini.wire_format(&up), "gemini");
}
END_TEST

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
    .hearings = hearings,
    .nhearings = sizeof(hearings) / sizeof(hearings[0]),
    .wholes = wholes,
    .nwholes = sizeof(wholes) / sizeof(wholes[0]),
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
    tcase_add_test(tc, a_whole_answer_may_be_larger_than_an_event);
    tcase_add_loop_test(tc, what_is_passed_over_may_be_of_any_size, 0, 6);
    tcase_add_test(tc, more_calls_than_there_is_room_for_are_an_error);
    tcase_add_test(tc, its_streams_are_its_own_and_go_on_behind_the_end);
    suite_add_tcase(suite, tc);
    provider_suite_add(suite, &spec);
    return suite;
}
