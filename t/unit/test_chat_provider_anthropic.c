/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The anthropic provider: the bytes it sends, what it sees in the transcripts
 * of t/data/anthropic, and what it makes of refusals.
 */
#include "provider_suite.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_sse.h"

#define pool provider_suite_pool

/* build --------------------------------------------------------------- */

static chat_turn_t claude_turn(void)
{
    chat_turn_t turn = provider_suite_turn();

    turn.model = "claude-sonnet-4-5";
    return turn;
}

static chat_call_t build(const chat_turn_t *turn, const char *version)
{
    chat_upstream_t up = provider_suite_upstream(0);

    up.version = version;
    return provider_suite_build(turn, &up);
}

START_TEST(a_small_turn_becomes_a_small_body)
{
    chat_turn_t turn = claude_turn();

    ck_assert_str_eq(build(&turn, NULL).body,
                     "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":4096,"
                     "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
                     "\"stream\":true}");
}
END_TEST

/* PROVIDER_SUITE_SCHEMA as it binds here. */
#define BINDING_SCHEMA                                                         \
    "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"number\","         \
    "\"description\":\"{\\\"minimum\\\":1.50}\"}},"                            \
    "\"additionalProperties\":false}"

START_TEST(a_full_turn_becomes_a_full_body)
{
    chat_turn_t turn = provider_suite_full_turn();

    ck_assert_str_eq(
        build(&turn, NULL).body,
        "{\"model\":\"model-1\",\"max_tokens\":256,"
        "\"system\":\"Answer in JSON.\\n\\nBe kind.\",\"messages\":["
        "{\"role\":\"user\",\"content\":\"2+2?\"},"
        "{\"role\":\"user\",\"content\":" PROVIDER_SUITE_LAST "}],"
        "\"temperature\":0.7,\"output_config\":{\"format\":"
        "{\"type\":\"json_schema\",\"schema\":" BINDING_SCHEMA "}},"
        "\"stream\":true}");
}
END_TEST

static const struct {
    int strict;
} stricts[] = {{-1}, {0}, {1}};

START_TEST(a_schema_is_the_same_however_strict)
{
    chat_turn_t turn = provider_suite_full_turn();
    const char *body;

    turn.schema_strict = stricts[_i].strict;
    body = build(&turn, NULL).body;
    ck_assert_ptr_nonnull(strstr(body, BINDING_SCHEMA));
    ck_assert_ptr_null(strstr(body, "strict"));
}
END_TEST

static const struct {
    double asked;
    const char *version, *sent;
} temperatures[] = {
    {0, NULL, "\"temperature\":0,"},
    {0.7, "2023-06-01", "\"temperature\":0.7,"},
    {1, NULL, "\"temperature\":1,"},
    {1.01, NULL, "\"temperature\":1,"},
    {2, NULL, "\"temperature\":1,"},
    {2, "2026-10-20", "\"temperature\":1,"},
    {1, "2026-10-21", NULL},
    {0, "2027-01-01", NULL},
};

START_TEST(a_temperature_is_at_most_one_and_unknown_to_newer_versions)
{
    chat_turn_t turn = claude_turn();
    const char *body;

    turn.has_temperature = 1;
    turn.temperature = temperatures[_i].asked;
    body = build(&turn, temperatures[_i].version).body;
    if (temperatures[_i].sent)
        ck_assert_msg(strstr(body, temperatures[_i].sent) != NULL, "%s", body);
    else
        ck_assert_ptr_null(strstr(body, "temperature"));
}
END_TEST

static const chat_message_t hoisted[] = {
    {.role = CHAT_ROLE_SYSTEM, .content = "One."},
    {.role = CHAT_ROLE_USER, .content = "a"},
    {.role = CHAT_ROLE_SYSTEM, .content = " \n"},
    {.role = CHAT_ROLE_ASSISTANT, .content = "b"},
    {.role = CHAT_ROLE_SYSTEM, .content = "Two."},
    {.role = CHAT_ROLE_ASSISTANT, .content = "\t"},
    {.role = CHAT_ROLE_USER, .content = "c"},
};

START_TEST(system_messages_are_joined_and_blank_ones_left_out)
{
    chat_turn_t turn = claude_turn();

    turn.messages = hoisted;
    turn.nmessages = 7;
    turn.system = _i ? "" : NULL;
    ck_assert_str_eq(build(&turn, NULL).body,
                     "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":4096,"
                     "\"system\":\"One.\\n\\nTwo.\",\"messages\":["
                     "{\"role\":\"user\",\"content\":\"a\"},"
                     "{\"role\":\"assistant\",\"content\":\"b\"},"
                     "{\"role\":\"user\",\"content\":\"c\"}],"
                     "\"stream\":true}");
}
END_TEST

static const chat_message_t answered[] = {
    {.role = CHAT_ROLE_USER, .content = " "},
    {.role = CHAT_ROLE_ASSISTANT, .content = "b"},
    {.role = CHAT_ROLE_USER, .content = "c"},
};

static const chat_message_t blank[] = {
    {.role = CHAT_ROLE_SYSTEM, .content = "Be kind."},
    {.role = CHAT_ROLE_USER, .content = ""}};

START_TEST(a_talk_that_the_user_does_not_begin_is_refused)
{
    chat_turn_t turn = claude_turn();
    chat_upstream_t up = provider_suite_upstream(0);
    chat_err_t err;

    turn.messages = _i ? blank : answered;
    turn.nmessages = _i ? 2 : 3;
    err = provider_suite_refusal(&turn, &up);
    ck_assert_int_eq(err.status, 400);
    ck_assert_str_eq(err.code, "unsupported");
}
END_TEST

static const struct {
    const char *version, *headers;
} calls[] = {
    {NULL, "x-api-key: " PROVIDER_SUITE_KEY "\n"
           "Content-Type: application/json\n"
           "Accept: text/event-stream\n"
           "Accept-Encoding: identity\n"
           "User-Agent: mod_chat/0.1.0\n"
           "X-Request-ID: req-1\n"
           "Expect:\n"
           "anthropic-version: 2023-06-01"},
    {"2026-10-21", "Authorization: Bearer " PROVIDER_SUITE_KEY "\n"
                   "Content-Type: application/json\n"
                   "Accept: text/event-stream\n"
                   "Accept-Encoding: identity\n"
                   "User-Agent: mod_chat/0.1.0\n"
                   "X-Request-ID: req-1\n"
                   "Expect:\n"
                   "anthropic-version: 2026-10-21"},
};

START_TEST(the_call_has_its_url_and_headers)
{
    chat_turn_t turn = claude_turn();
    chat_call_t call = build(&turn, calls[_i].version);

    ck_assert_str_eq(call.url, "https://api.anthropic.com/v1/messages");
    ck_assert_str_eq(provider_suite_headers(&call), calls[_i].headers);
}
END_TEST

/* observe ------------------------------------------------------------- */

static const provider_transcript_t transcripts[] = {
    {"text",
     0,
     {1, 0, "", 12, 34},
     "",
     "<text>Hello, \"w\xc3\xb6"
     "rld\" \xf0\x9f\x98\x80"
     "\nmessage_stop<stop 12 34 0 -1>"},
    {"cached", 0, {1, 0, "", 3210, 16}, "", "<text>Hi<length 3210 16 3000 -1>"},
    {"thinking",
     0,
     {1, 0, "", 12, 120},
     "",
     "<reasoning>Let me see."
     "<detail>{\"type\":\"reasoning.text\",\"id\":\"anthropic/"
     "0\",\"format\":\"anthropic-claude-v1\",\"index\":0,\"signature\":"
     "\"EqQBCgIYAhIM1gbcDa9GJwZA2b3h\",\"text\":\"Let me see.\"}"
     "<detail>{\"type\":\"reasoning.encrypted\",\"id\":\"anthropic/"
     "1\",\"format\":\"anthropic-claude-v1\",\"index\":1,\"data\":\"EmwKAhgB\"}"
     "<text>4<stop 12 120 0 -1>"},
    {"tools",
     0,
     {1, 0, "", 472, 89},
     "",
     "<text>Let me look.<call 0 toolu_01T get_weather><arguments "
     "0>{\"location\": \"San Francisco\"}<calls 472 89 -1 -1>"},
    {"refusal", 0, {1, 0, "", 18, 0}, "", "<filter 18 0 5 -1>"},
    {"error",
     0,
     {1, 1, "overloaded_error", 12, -1},
     "",
     "<text>Hel<failed overloaded_error>"},
    {"error-first", 0, {1, 1, "api_error", -1, -1}, "", "<failed api_error>"},
    {"truncated", 0, {1, 0, "", 12, 5}, "", "<text>Hel<stop 12 5 0 -1>"},
    {"unnamed", 0, {1, 0, "", 12, 3}, "", "<text>Hi<stop 12 3 0 -1>"},
    {"crlf", 0, {1, 0, "", 12, 7}, "", "<text>Hi<stop 12 7 0 -1>"},
    {"tools-parallel",
     0,
     {1, 0, "", 700, 140},
     "",
     "<reasoning>Two cities."
     "<detail>{\"type\":\"reasoning.text\",\"id\":\"anthropic/"
     "0\",\"format\":\"anthropic-claude-v1\",\"index\":0,\"signature\":"
     "\"EqQBCgIY\",\"text\":\"Two cities.\"}"
     "<call 0 toolu_01A get_weather><arguments "
     "0>{\"city\": \"Z\xc3\xbc"
     "rich\", \"quote\": \"\\\"\"}<call 1 toolu_01B get_weather><arguments "
     "1>{\"city\": \"Bern\"}<call 2 toolu_01C now><arguments 2>{}<calls 700 "
     "140 100 41>"},
    {"json",
     0,
     {1, 0, "", 80, 22},
     "",
     "<text>{\"n\": 1, \"type\": \"message_stop\", \"s\": \"Gr\xc3\xbc"
     "\xc3\x9f"
     "\\n\"}<stop 80 22 -1 -1>"},
    {"paused", 0, {1, 0, "", 9, 4}, "", "<text>Let me<other 9 4 -1 -1>"},
};

static const provider_shape_t shapes[] = {
    {"a message_stop without data is not fired by SSE",
     0,
     "event: message_stop\n\n",
     {0, 0, "", -1, -1}},
    {"a message_stop that is no JSON still is one",
     0,
     "event: message_stop\ndata: {\n\n",
     {1, 0, "", -1, -1}},
    {"an error event that is no JSON is an error",
     0,
     "event: error\ndata: boom\n\n",
     {1, 1, "", -1, -1}},
    {"an unnamed error is told by its data",
     0,
     "data: {\"error\":{\"type\":\"api_error\"},\"type\":\"error\"}\n\n",
     {1, 1, "api_error", -1, -1}},
    {"the event line wins over the data",
     0,
     "event: content_block_delta\ndata: {\"type\":\"message_stop\"}\n\n",
     {0, 0, "", -1, -1}},
    {"a name like a terminal one is another",
     0,
     "event: message_stopped\ndata: {}\n\nevent: message_sto\ndata: {}\n\n"
     "event: Error\ndata: {}\n\n",
     {0, 0, "", -1, -1}},
    {"[DONE] is not the end", 0, "data: [DONE]\n\n", {0, 0, "", -1, -1}},
    {"counts that are no counts are none",
     0,
     "event: message_start\ndata: {\"message\":{\"usage\":{\"input_tokens\":"
     "-1,\"cache_read_input_tokens\":7}}}\n\n"
     "event: message_delta\ndata: {\"usage\":{\"output_tokens\":\"\"}}\n\n",
     {0, 0, "", -1, -1}},
    {"a zero is no count where there was one",
     0,
     "event: message_start\ndata: {\"message\":{\"usage\":{\"input_tokens\":"
     "15,\"cache_read_input_tokens\":5,\"output_tokens\":0}}}\n\n"
     "event: message_delta\ndata: {\"usage\":{\"input_tokens\":0,"
     "\"cache_read_input_tokens\":5,\"output_tokens\":4}}\n\n",
     {0, 0, "", 20, 4}},
    {"... also where the first is the zero",
     0,
     "event: message_start\ndata: {\"message\":{\"usage\":{\"input_tokens\":"
     "0,\"output_tokens\":0}}}\n\n"
     "event: message_delta\ndata: {\"delta\":{\"usage\":{\"input_tokens\":"
     "\"15\",\"output_tokens\":4}}}\n\n",
     {0, 0, "", 15, 4}},
    {"a cache that is no count adds nothing",
     0,
     "event: message_start\ndata: {\"message\":{\"usage\":{\"input_tokens\":"
     "3,\"cache_creation_input_tokens\":null,\"cache_read_input_tokens\":-7}}}"
     "\n\n",
     {0, 0, "", 3, -1}},
    {"a usage may be missing or null",
     0,
     "event: message_start\ndata: {\"message\":{}}\n\n"
     "event: message_delta\ndata: {\"delta\":{},\"usage\":null}\n\n",
     {0, 0, "", -1, -1}},
    {"a later usage without a part takes none away",
     0,
     "event: message_delta\ndata: {\"usage\":{\"input_tokens\":2,"
     "\"output_tokens\":5}}\n\n"
     "event: message_delta\ndata: {\"usage\":{}}\n\n",
     {0, 0, "", 2, 5}},
    {"the first error is the one told",
     0,
     "event: error\ndata: {\"error\":{\"type\":\"first\"}}\n\n"
     "event: error\ndata: {\"error\":{\"type\":\"second\"}}\n\n",
     {1, 1, "first", -1, -1}},
    {"a code that looks like a key is not repeated",
     0,
     "event: error\ndata: {\"error\":{\"type\":\"sk-ant-api03-abc\"}}\n\n",
     {1, 1, "", -1, -1}},
};

#define DELTA(member)                                                          \
    "event: content_block_delta\ndata: {\"delta\":{" member "}}\n\n"

static const provider_measure_t measures[] = {
    {0,
     DELTA("\"type\":\"text_delta\",\"text\":\"abc\"") DELTA("\"text\":\"d\""),
     2, 4},
    {0, DELTA("\"type\":\"thinking_delta\",\"thinking\":\"abc\""), 1, 3},
    {0, DELTA("\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\"\""),
     1, 6},
    {0, DELTA("\"type\":\"signature_delta\",\"signature\":\"abc\""), 0, 0},
    {0,
     "event: content_block_start\ndata: {\"content_block\":{\"type\":\"text\","
     "\"text\":\"\"}}\n\n",
     0, 0},
};

/* parse --------------------------------------------------------------- */

#define EVENT(type, data) "event: " type "\ndata: {" data "}\n\n"
#define TEXT(text)                                                             \
    EVENT("content_block_delta",                                               \
          "\"delta\":{\"type\":\"text_delta\",\"text\":\"" text "\"}")
#define OPEN(index, block)                                                     \
    EVENT("content_block_start",                                               \
          "\"index\":" index ",\"content_block\":{" block "}")
#define TOOL(index, id, input)                                                 \
    OPEN(index, "\"type\":\"tool_use\"," id "\"name\":\"now\"," input "\"x\":" \
                "0")
#define ARGUMENTS(index, json)                                                 \
    EVENT("content_block_delta",                                               \
          "\"index\":" index ",\"delta\":{\"type\":\"input_json_delta\","      \
          "\"partial_json\":\"" json "\"}")
#define CLOSE(index) EVENT("content_block_stop", "\"index\":" index)
#define FINISH(reason)                                                         \
    EVENT("message_delta", "\"delta\":{\"stop_reason\":" reason "}")
#define STOP EVENT("message_stop", "")

static const provider_hearing_t hearings[] = {
    {0, STOP, "<stop -1 -1 -1 -1>"},
    {0, FINISH("null") STOP, "<stop -1 -1 -1 -1>"},
    {0, FINISH("\"end_turn\"") STOP, "<stop -1 -1 -1 -1>"},
    {0, FINISH("\"stop_sequence\"") STOP, "<stop -1 -1 -1 -1>"},
    {0, FINISH("\"pause_turn\"") STOP, "<other -1 -1 -1 -1>"},
    {0, FINISH("\"brand_new\"") STOP, "<other -1 -1 -1 -1>"},
    {0, FINISH("\"abort\"") STOP, "<failed abort>"},
    {0, FINISH("\"end_turn\""), "<stop -1 -1 -1 -1>"},
    {0, FINISH("\"end_turn\"") FINISH("\"max_tokens\""),
     "<length -1 -1 -1 -1>"},
    {0, "data: {\"type\":\"message_stop\"}", "<stop -1 -1 -1 -1>"},
    {0, "event: message_stop\ndata: {}\nid", ""},
    {0, FINISH("\"max_tokens\"") STOP, "<length -1 -1 -1 -1>"},
    {0, FINISH("\"model_context_window_exceeded\"") STOP,
     "<length -1 -1 -1 -1>"},
    {0, FINISH("\"refusal\"") STOP, "<filter -1 -1 -1 -1>"},
    /* Nobody could answer calls that are not there. */
    {0, FINISH("\"tool_use\"") STOP, "<stop -1 -1 -1 -1>"},
    {0, TOOL("0", "\"id\":\"t\",", "") FINISH("\"tool_use\"") STOP,
     "<call 0 t now><calls -1 -1 -1 -1>"},
    /* A call may come without an id, with all its input, with none. */
    {0, TOOL("1", "", "") TOOL("2", "\"id\":\"\",", "\"input\":{},"),
     "<call 0 call_0 now><call 1 call_1 now>"},
    {0, TOOL("1", "", "\"input\":{\"a\":1},") CLOSE("1"),
     "<call 0 call_0 now><arguments 0>{\"a\":1}"},
    {0, TOOL("1", "", "") CLOSE("1"), "<call 0 call_0 now><arguments 0>{}"},
    {0, TOOL("1", "", "") ARGUMENTS("1", "") CLOSE("0") CLOSE("1"),
     "<call 0 call_0 now><arguments 0>{}"},
    {0, TOOL("1", "", "") ARGUMENTS("0", "x") ARGUMENTS("1", "y") CLOSE("1"),
     "<call 0 call_0 now><arguments 0>y"},
    /* Pieces of two calls may come in any order. */
    {0,
     TOOL("1", "", "") TOOL("3", "", "") ARGUMENTS("3", "b") ARGUMENTS("1", "a")
         CLOSE("1") ARGUMENTS("3", "b") CLOSE("3"),
     "<call 0 call_0 now><call 1 call_1 now>"
     "<arguments 1>b<arguments 0>a<arguments 1>b"},
    /* A block may begin with something in it. */
    {0,
     OPEN("0", "\"type\":\"text\",\"text\":\"a\"") TEXT("b")
         OPEN("1", "\"type\":\"thinking\",\"thinking\":\"c\""),
     "<text>ab<reasoning>c"},
    /* What has no type, or an unknown one, is nothing that we know. */
    {0,
     EVENT("content_block_delta", "\"delta\":{\"text\":\"a\"}") EVENT(
         "content_block_delta", "\"delta\":null") OPEN("0", "\"text\":\"b\"")
         EVENT("content_block_start", "") CLOSE("0"),
     ""},
    {0, TEXT("") TEXT("\\u00fc\\ud83d\\ude00\\n"),
     "<text>\xc3\xbc\xf0\x9f\x98\x80\n"},
    /* Read in passing or parsed, it means the same. */
    {0,
     "event: content_block_delta\ndata: { \"delta\" : { \"text\" : \"a\" ,"
     "\"type\":\"text_delta\", \"more\":[{\"text\":\"b\"}]} ,\"x\":1.5e3 }  "
     "\n\n",
     "<text>a"},
    {0,
     EVENT("content_block_delta", "\"delta\":{\"type\":\"text_delta\","
                                  "\"text\":\"a\",\"text\":\"b\"}"),
     "<text>b"},
    {0,
     EVENT("content_block_delta",
           "\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"},"
           "\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"b\"}"),
     "<reasoning>b"},
    {0,
     EVENT("content_block_delta", "\"delta\":{\"type\":\"text_delta\","
                                  "\"thinking\":\"a\"}")
         EVENT("content_block_delta",
               "\"delta\":{\"type\":\"thinking_delta\",\"text\":\"a\"}")
             EVENT("content_block_delta", "\"delta\":{\"type\":\"text_delta\","
                                          "\"text\":7}")
                 EVENT("content_block_delta",
                       "\"delta\":{\"type\":null,\"text\":\"a\"}"),
     ""},
    {0, TEXT("\xff"), "<text>\xef\xbf\xbd"},
    {0,
     "event: content_block_delta\n"
     "data: {\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}} x\n\n",
     "<failed event_unreadable>"},
    /* Nothing comes after the end. */
    {0,
     STOP TEXT("a") EVENT("error", "\"error\":{\"type\":\"x\"}")
         FINISH("\"refusal\""),
     "<stop -1 -1 -1 -1>"},
    {0, EVENT("error", "\"error\":{\"type\":\"x\"}") TEXT("a") STOP,
     "<failed x>"},
    /* A piece that cannot be read would be missing from the answer. */
    {0, TEXT("a") "event: content_block_delta\ndata: {\"delta\":\n\n" TEXT("b"),
     "<text>a<failed event_unreadable>"},
    {0, TEXT("a\\u0000"), "<text>a\xef\xbf\xbd"},
    {0, TEXT("a\\ud83d") TEXT("\\ude00!"), "<text>a\xf0\x9f\x98\x80!"},
    {0, "event: content_block_stop\ndata: []\n\n", "<failed event_unreadable>"},
    {0, "event: ping\ndata: {\n\n", ""},
};

/* whole --------------------------------------------------------------- */

static const provider_whole_t wholes[] = {
    {0,
     "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\","
     "\"content\":[{\"type\":\"text\",\"text\":\"error\"}],"
     "\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":12,"
     "\"cache_read_input_tokens\":3,\"output_tokens\":5}}",
     {1, 0, "", 15, 5}},
    {0, "{\"type\":\"message\",\"content\":[]}", {1, 0, "", -1, -1}},
    {0,
     "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
     "\"message\":\"org-1\"},\"request_id\":\"req_1\"}",
     {1, 1, "overloaded_error", -1, -1}},
    {0, "{\"type\":\"message\",\"content\":[]", {0, 0, "", -1, -1}},
    {0, "{\"content\":\"a\"}", {0, 0, "", -1, -1}},
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
    body =
        apr_pstrcat(pool, "{\"content\":[{\"type\":\"text\",\"text\":\"", text,
                    "\"}],\"usage\":{\"input_tokens\":1,"
                    "\"cache_read_input_tokens\":2,\"output_tokens\":3,"
                    "\"output_tokens_details\":{\"thinking_tokens\":4}}}",
                    NULL);
    chat_provider_anthropic.observe_body(&seen, body, strlen(body), &up, pool);
    ck_assert_int_eq(seen.ended, 1);
    ck_assert_int_eq(seen.usage.cached, 2);
    ck_assert_int_eq(seen.usage.reasoning, 4);
    ck_assert_int_eq(seen.deltas, 1);
    ck_assert_int_eq(seen.text, size);
}
END_TEST

START_TEST(more_calls_than_there_is_room_for_are_an_error)
{
    const char *text = "";
    int i;

    for (i = 0; i < CHAT_TOOL_CALLS_MAX; i++)
        text = apr_pstrcat(pool, text, TOOL("0", "", ""), NULL);
    ck_assert_ptr_null(strstr(provider_suite_hear(0, text), "<failed"));
    text = apr_pstrcat(pool, text, TOOL("0", "", ""), TEXT("a"), NULL);
    ck_assert_ptr_nonnull(
        strstr(provider_suite_hear(0, text), "<failed too_many_calls>"));
}
END_TEST

START_TEST(its_streams_are_those_of_messages)
{
    chat_upstream_t up = provider_suite_upstream(0);

    ck_assert_str_eq(chat_provider_anthropic.wire_format(&up), "messages");
}
END_TEST

/* refused ------------------------------------------------------------- */

#define ERROR(type)                                                            \
    "{\"type\":\"error\",\"error\":{\"type\":\"" type                          \
    "\",\"message\":\"Your organization org-1 ... sk-ant\"},"                  \
    "\"request_id\":\"req_1\"}"
#define SPENT                                                                  \
    "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\","            \
    "\"message\":\"x\",\"details\":{\"error_code\":"                           \
    "\"enforced_spend_limit_reached\"}}}"

static const provider_refusal_t refusals[] = {
    {400, ERROR("invalid_request_error"), 400, "upstream_rejected", NULL},
    {401, ERROR("authentication_error"), 502, "upstream_auth", NULL},
    {402, ERROR("billing_error"), 502, "upstream_quota", NULL},
    {403, ERROR("permission_error"), 502, "upstream_auth", NULL},
    {404, ERROR("not_found_error"), 400, "upstream_rejected", NULL},
    {413, ERROR("request_too_large"), 400, "upstream_rejected", NULL},
    {429, ERROR("rate_limit_error"), 429, "upstream_rate_limited", NULL},
    {429, SPENT, 502, "upstream_quota", NULL},
    /* Only where a rate limit would be. */
    {400, SPENT, 400, "upstream_rejected", NULL},
    {500, ERROR("api_error"), 502, "upstream_error", NULL},
    {504, ERROR("timeout_error"), 504, "upstream_timeout", NULL},
    {529, ERROR("overloaded_error"), 503, "upstream_overloaded", NULL},
};

static const provider_sentence_t sentences[] = {
    {ERROR("invalid_request_error"),
     "The provider refused the request: invalid_request_error."},
    {ERROR("sk-ant-api03-x"), PROVIDER_PLAIN},
    {ERROR("two words"), PROVIDER_PLAIN},
    {ERROR("0123456789abcdef0123456789abcdef"), PROVIDER_PLAIN},
    {"{\"type\":\"error\",\"error\":{\"message\":\"x\"}}", PROVIDER_PLAIN},
};

static const provider_suite_t spec = {
    .provider = &chat_provider_anthropic,
    .dir = "anthropic",
    .url = "https://api.anthropic.com/v1",
    .apis = 1,
    .leak = "event: error\n"
            "data: {\"error\":{\"type\":\"bad-plainkey\"}}\n\n",
    .cut_error = "budget_exhausted",
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
    Suite *suite = suite_create("chat_provider_anthropic");
    TCase *tc = tcase_create("anthropic");

    tcase_add_checked_fixture(tc, provider_suite_set_up,
                              provider_suite_tear_down);
    tcase_add_test(tc, a_small_turn_becomes_a_small_body);
    tcase_add_test(tc, a_full_turn_becomes_a_full_body);
    tcase_add_loop_test(tc, a_schema_is_the_same_however_strict, 0, 3);
    tcase_add_loop_test(
        tc, a_temperature_is_at_most_one_and_unknown_to_newer_versions, 0,
        sizeof(temperatures) / sizeof(temperatures[0]));
    tcase_add_loop_test(tc, system_messages_are_joined_and_blank_ones_left_out,
                        0, 2);
    tcase_add_loop_test(tc, a_talk_that_the_user_does_not_begin_is_refused, 0,
                        2);
    tcase_add_loop_test(tc, the_call_has_its_url_and_headers, 0, 2);
    tcase_add_test(tc, a_whole_answer_may_be_larger_than_an_event);
    tcase_add_test(tc, more_calls_than_there_is_room_for_are_an_error);
    tcase_add_test(tc, its_streams_are_those_of_messages);
    suite_add_tcase(suite, tc);
    provider_suite_add(suite, &spec);
    return suite;
}
