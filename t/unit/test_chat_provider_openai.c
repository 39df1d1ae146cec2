/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The openai provider: the bytes it sends, what it sees in the transcripts of
 * t/data/openai, and what it makes of refusals.
 */
#include "provider_suite.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_sse.h"

#define KEY PROVIDER_SUITE_KEY
#define pool provider_suite_pool

/* build --------------------------------------------------------------- */

static chat_turn_t openai_turn(void)
{
    chat_turn_t turn = provider_suite_turn();

    turn.model = "gpt-4o-mini";
    return turn;
}

static chat_turn_t openai_full_turn(void)
{
    chat_turn_t turn = provider_suite_full_turn();

    turn.model = "gpt-4o-mini";
    return turn;
}

static const char *build_body(const chat_turn_t *turn, int completions)
{
    chat_upstream_t up = provider_suite_upstream(completions);

    return provider_suite_build(turn, &up).body;
}

#define RESPONSES_TAIL                                                         \
    "\"stream\":true,\"store\":false,"                                         \
    "\"stream_options\":{\"include_obfuscation\":false}}"

#define COMPLETIONS_TAIL                                                       \
    "\"stream\":true,\"store\":false,"                                         \
    "\"stream_options\":{\"include_usage\":true}}"

START_TEST(a_small_turn_becomes_a_small_responses_body)
{
    chat_turn_t turn = openai_turn();

    ck_assert_str_eq(build_body(&turn, 0),
                     "{\"model\":\"gpt-4o-mini\",\"input\":[{\"role\":"
                     "\"user\",\"content\":\"hi\"}]," RESPONSES_TAIL);
}
END_TEST

START_TEST(a_full_turn_becomes_a_full_responses_body)
{
    chat_turn_t turn = openai_full_turn();

    ck_assert_str_eq(
        build_body(&turn, 0),
        "{\"model\":\"gpt-4o-mini\",\"instructions\":"
        "\"Answer in JSON.\",\"input\":[" PROVIDER_SUITE_DIALOGUE "],"
        "\"temperature\":0.7,\"max_output_tokens\":256,"
        "\"text\":{\"format\":{\"type\":\"json_schema\","
        "\"name\":\"response\",\"schema\":" PROVIDER_SUITE_SCHEMA ","
        "\"strict\":true}}," RESPONSES_TAIL);
}
END_TEST

START_TEST(a_small_turn_becomes_a_small_completions_body)
{
    chat_turn_t turn = openai_turn();

    ck_assert_str_eq(build_body(&turn, 1),
                     "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":"
                     "\"user\",\"content\":\"hi\"}]," COMPLETIONS_TAIL);
}
END_TEST

START_TEST(a_full_turn_becomes_a_full_completions_body)
{
    chat_turn_t turn = openai_full_turn();

    ck_assert_str_eq(build_body(&turn, 1),
                     "{\"model\":\"gpt-4o-mini\",\"messages\":["
                     "{\"role\":\"system\",\"content\":\"Answer in "
                     "JSON.\"}," PROVIDER_SUITE_DIALOGUE "],"
                     "\"temperature\":0.7,\"max_completion_tokens\":256,"
                     "\"response_format\":{\"type\":\"json_schema\","
                     "\"json_schema\":{\"name\":\"response\","
                     "\"schema\":" PROVIDER_SUITE_SCHEMA
                     ",\"strict\":true}}," COMPLETIONS_TAIL);
}
END_TEST

START_TEST(strict_is_sent_only_when_the_client_said_it)
{
    static const struct {
        int strict;
        const char *there;
    } rows[] = {{-1, NULL}, {0, "\"strict\":false"}, {1, "\"strict\":true"}};
    int completions = _i / 3;
    chat_turn_t turn = openai_full_turn();
    const char *body;

    turn.schema_strict = rows[_i % 3].strict;
    body = build_body(&turn, completions);
    if (rows[_i % 3].there)
        ck_assert_ptr_nonnull(strstr(body, rows[_i % 3].there));
    else
        ck_assert_ptr_null(strstr(body, "strict"));
}
END_TEST

START_TEST(store_is_sent_as_configured)
{
    chat_turn_t turn = openai_turn();
    chat_upstream_t up = provider_suite_upstream(_i);

    up.store = 1;
    ck_assert_ptr_nonnull(
        strstr(provider_suite_build(&turn, &up).body, "\"store\":true"));
    up.store = 0;
    ck_assert_ptr_nonnull(
        strstr(provider_suite_build(&turn, &up).body, "\"store\":false"));
}
END_TEST

START_TEST(few_output_tokens_are_raised_to_the_least_of_the_responses_api)
{
    static const struct {
        int asked;
        const char *sent;
    } rows[] = {
        {1, "\"max_output_tokens\":16,"},
        {15, "\"max_output_tokens\":16,"},
        {16, "\"max_output_tokens\":16,"},
        {17, "\"max_output_tokens\":17,"},
    };
    chat_turn_t turn = openai_turn();

    turn.max_output_tokens = rows[_i].asked;
    ck_assert_ptr_nonnull(strstr(build_body(&turn, 0), rows[_i].sent));
}
END_TEST

START_TEST(completions_have_no_least_output_tokens)
{
    chat_turn_t turn = openai_turn();

    turn.max_output_tokens = 1;
    ck_assert_ptr_nonnull(
        strstr(build_body(&turn, 1), "\"max_completion_tokens\":1,"));
}
END_TEST

static const struct {
    const char *model;
    int kept;
} temperatures[] = {
    {"gpt-4o-mini", 1},
    {"gpt-4.1", 1},
    {"o1", 0},
    {"o1-preview-2024-09-12", 0},
    {"o3-mini", 0},
    {"o4-mini", 0},
    {"gpt-5", 0},
    {"gpt-5-mini", 0},
    {"gpt-5.2-pro", 0},
    {"gpt-5-chat-latest", 1},
    {"gpt-5.1-chat-latest", 1},
    {"omni-1", 1},
    {"my-o1-deployment", 1}, /* a name of one's own tells nothing */
    {"o1-chat", 0},          /* the exception is gpt-5's alone */
};

START_TEST(reasoning_models_get_no_temperature)
{
    int completions;

    for (completions = 0; completions < 2; completions++) {
        chat_turn_t turn = openai_turn();
        const char *body;

        turn.model = temperatures[_i].model;
        turn.has_temperature = 1;
        turn.temperature = 0; /* zero is a temperature too */
        body = build_body(&turn, completions);
        ck_assert_msg(!!strstr(body, "\"temperature\":0") ==
                          temperatures[_i].kept,
                      "%s: %s", temperatures[_i].model, body);
    }
}
END_TEST

START_TEST(the_call_has_its_url_and_headers)
{
    chat_turn_t turn = openai_turn();
    chat_upstream_t up = provider_suite_upstream(_i);
    chat_call_t call = provider_suite_build(&turn, &up);

    ck_assert_str_eq(call.url, _i ? "https://api.openai.com/v1/chat/completions"
                                  : "https://api.openai.com/v1/responses");
    ck_assert_str_eq(provider_suite_headers(&call),
                     "Authorization: Bearer " KEY "\n"
                     "Content-Type: application/json\n"
                     "Accept: text/event-stream\n"
                     "Accept-Encoding: identity\n"
                     "User-Agent: mod_chat/0.1.0\n"
                     "X-Request-ID: req-1\n"
                     "Expect:\n"
                     "X-Client-Request-Id: req-1");
}
END_TEST

START_TEST(a_version_is_azure_s_query)
{
    chat_turn_t turn = openai_turn();
    chat_upstream_t up = provider_suite_upstream(_i);

    up.version = "2024-10-21";
    ck_assert_str_eq(
        provider_suite_build(&turn, &up).url,
        _i ? "https://api.openai.com/v1/chat/completions?api-version=2024-10-21"
           : "https://api.openai.com/v1/responses?api-version=2024-10-21");
}
END_TEST

/* observe ------------------------------------------------------------- */

static const char done[] = "data: [DONE]\n\n";

static const provider_transcript_t transcripts[] = {
    {"responses-text",
     0,
     {1, 0, "", 12, 34},
     "",
     "<text>Gr\xc3\xbc\xc3\x9f"
     "e \"usage\":{\"input_tokens\":9} \xf0\x9f\x99\x82 response.completed\\ "
     "[DONE]<stop 12 34 0 0>"},
    {"responses-reasoning",
     0,
     {1, 0, "", 20, 300},
     "",
     "<reasoning>**Thinking**<text>42<stop 20 300 0 256>"},
    {"responses-incomplete",
     0,
     {1, 0, "", 8, 16},
     "",
     "<text>One two<length 8 16 0 0>"},
    {"responses-failed",
     0,
     {1, 1, "rate_limit_exceeded", -1, -1},
     "",
     "<text>One<failed rate_limit_exceeded>"},
    {"responses-error-flat",
     0,
     {1, 1, "server_error", -1, -1},
     "",
     "<text>One<failed server_error>"},
    {"responses-error-nested",
     0,
     {1, 1, "invalid_request_error", -1, -1},
     "",
     "<failed invalid_request_error>"},
    {"responses-error-proxy", 0, {1, 1, "502", -1, -1}, "", "<failed 502>"},
    {"responses-crlf", 0, {1, 0, "", 3, 1}, "", "<text>Hi<stop 3 1 -1 -1>"},
    {"responses-unnamed",
     0,
     {1, 0, "", 5, 2},
     "",
     "<text>Hiresponse.failed<stop 5 2 0 0>"},
    {"responses-late-type",
     0,
     {1, 0, "", 6, 7},
     "",
     "<text>errorresponse.completed<stop 6 7 0 0>"},
    {"responses-tools",
     0,
     {1, 0, "", 90, 120},
     "",
     "<reasoning>Two calls.<call 0 call_AAA get_weather><arguments "
     "0>{\"city\"<call 1 call_BBB get_time><arguments 1>{\"zone\":\"<arguments "
     "0>:\"K\xc3\xb6ln\"}<arguments 1>UTC\"}<calls 90 120 64 70>"},
    {"responses-tools-whole",
     0,
     {1, 0, "", 90, 20},
     "",
     "<call 0 call_AAA get_weather><arguments "
     "0>{\"city\":\"K\xc3\xb6ln\"}<call 1 call_BBB get_time><arguments "
     "1>{\"zone\":\"UTC\"}<calls 90 20 0 0>"},
    {"responses-refusal",
     0,
     {1, 0, "", 20, 10},
     "",
     "<refusal>I'm sorry.<stop 20 10 0 0>"},
    {"completions-text",
     1,
     {1, 0, "", 9, 3},
     "",
     "<text>Hell\xc3\xb6 [DONE] "
     "\xf0\x9f\x99\x82\"error\":{\"code\":\"x\"}<stop 9 3 0 0>"},
    {"completions-azure",
     1,
     {1, 0, "", 11, 6},
     "",
     "<text>A whole paragraph at once.<filter 11 6 0 0>"},
    {"completions-error",
     1,
     {1, 1, "server_error", -1, -1},
     "",
     "<text>Hel<failed server_error>"},
    {"completions-error-done",
     1,
     {1, 1, "overloaded_error", -1, -1},
     done,
     "<failed overloaded_error>"},
    {"completions-error-object",
     1,
     {1, 1, "400", -1, -1},
     done,
     "<failed 400>"},
    {"completions-tools",
     1,
     {1, 0, "", 4, 7},
     "",
     "<call 0 call_1 usage><arguments 0>{\"usage\": {\"prompt_tokens\": "
     "99}}<calls 4 7 -1 -1>"},
    {"completions-parallel",
     1,
     {1, 0, "", 81, 46},
     "",
     "<call 0 call_DdmO9pD3xa9XTPNJ32zg2hcA get_weather><arguments "
     "0>{\"city\": \"K\xc3\xb6ln\"}<call 1 call_ABxyz0 get_time><arguments "
     "1>{\"zone\": \"UTC\"}<calls 81 46 64 0>"},
    {"completions-refusal",
     1,
     {1, 0, "", 12, 4},
     "",
     "<refusal>I'm sorry.<stop 12 4 0 0>"},
    {"completions-json",
     1,
     {1, 0, "", 30, 8},
     "",
     "<text>{\"n\": [1, \"\\u00e9\"]}\n<length 30 8 0 0>"},
    /* Strict: what ends without [DONE] may be cut. */
    {"completions-no-done",
     1,
     {1, 0, "", -1, -1},
     "",
     "<text>Hi<stop -1 -1 -1 -1>"},
};

static const provider_shape_t shapes[] = {
    {"a terminal event without data is not fired by SSE",
     0,
     "event: response.completed\n\n",
     {0, 0, "", -1, -1}},
    {"a terminal event that is no JSON still is one",
     0,
     "event: response.completed\ndata: {\"response\":\n\n",
     {1, 0, "", -1, -1}},
    {"half a character hides nothing",
     0,
     "event: response.completed\ndata: {\"response\":{\"output\":\"\\ud800\","
     "\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}}\n\n",
     {1, 0, "", 1, 2}},
    {"usage may be null",
     0,
     "event: response.completed\ndata: {\"response\":{\"usage\":null}}\n\n",
     {1, 0, "", -1, -1}},
    {"usage may lack a number",
     0,
     "event: response.completed\n"
     "data: {\"response\":{\"usage\":{\"output_tokens\":2}}}\n\n",
     {1, 0, "", -1, 2}},
    {"counts that are no counts are none",
     0,
     "event: response.completed\ndata: {\"response\":{\"usage\":"
     "{\"input_tokens\":-5,\"output_tokens\":\"2x\"}}}\n\n",
     {1, 0, "", -1, -1}},
    {"the client's own schema does not write the bill",
     0,
     "event: response.completed\n"
     "data: {\"response\":{\"usage\":{\"input_tokens\":1,\"output_tokens\":2},"
     "\"text\":{\"schema\":{\"usage\":{\"input_tokens\":0,"
     "\"output_tokens\":0}}}},\"usage\":{\"input_tokens\":0}}\n\n",
     {1, 0, "", 1, 2}},
    {"a failed answer may have been billed",
     0,
     "event: response.failed\ndata: {\"response\":{\"error\":{\"code\":"
     "\"server_error\"},\"usage\":{\"input_tokens\":3,\"output_tokens\":0}}}"
     "\n\n",
     {1, 1, "server_error", 3, 0}},
    {"an error event that is no JSON is an error",
     0,
     "event: error\ndata: boom\n\n",
     {1, 1, "", -1, -1}},
    {"the type named message is none",
     0,
     "event: message\ndata: {\"type\":\"response.completed\"}\n\n",
     {1, 0, "", -1, -1}},
    {"a name like a terminal one is another",
     0,
     "event: response.completed2\ndata: {}\n\n"
     "event: response.complete\ndata: {}\n\n"
     "event: errors\ndata: {}\n\nevent: Error\ndata: {}\n\n",
     {0, 0, "", -1, -1}},
    {"the event line wins over the data",
     0,
     "event: response.output_text.delta\n"
     "data: {\"type\":\"response.completed\"}\n\n",
     {0, 0, "", -1, -1}},
    {"[DONE] is not the end of a Responses stream",
     0,
     "data: [DONE]\n\n",
     {0, 0, "", -1, -1}},
    {"an unnamed event with an open type is nothing",
     0,
     "data: {\"type\":\"response.completed\n\n",
     {0, 0, "", -1, -1}},
    {"an unnamed event that is only a lead is nothing",
     0,
     "data: {\"type\":\"\n\ndata: {}\n\ndata:\n\ndata: 7\n\n",
     {0, 0, "", -1, -1}},
    {"an unnamed error names itself",
     0,
     "data: {\"type\":\"error\",\"code\":\"oops\"}\n\n",
     {1, 1, "oops", -1, -1}},
    {"an unnamed end is found behind other members",
     0,
     "data: {\"n\":1,\"type\":\"response.completed\"}\n\n",
     {1, 0, "", -1, -1}},
    {"... also when it is incomplete",
     0,
     "data: {\"n\":1,\"type\":\"response.incomplete\"}\n\n",
     {1, 0, "", -1, -1}},
    {"... or failed",
     0,
     "data: {\"n\":1,\"type\":\"response.failed\"}\n\n",
     {1, 1, "", -1, -1}},
    {"an error of null is none",
     0,
     "data: {\"n\":1,\"error\":null}\n\ndata: {\"n\":1,\"error\":false}\n\n",
     {0, 0, "", -1, -1}},
    {"a deeper type is not the event's",
     0,
     "data: {\"item\":{\"type\":\"response.completed\"}}\n\n",
     {0, 0, "", -1, -1}},

    {"[DONE] is matched at the start alone",
     1,
     "data: x [DONE]\n\ndata: [DONE\n\n",
     {0, 0, "", -1, -1}},
    {"[DONE] may have company", 1, "data: [DONE] \n\n", {1, 0, "", -1, -1}},
    {"the error may be a sentence",
     1,
     "data: {\"error\":\"model not loaded\"}\n\n",
     {1, 1, "", -1, -1}},
    {"the error may be flat",
     1,
     "data: {\"type\":\"error\",\"code\":\"oops\"}\n\n",
     {1, 1, "oops", -1, -1}},
    {"an event named error needs no object",
     1,
     "event: error\ndata: x\n\n",
     {1, 1, "", -1, -1}},
    {"an error in a choice is the stream's",
     1,
     "data: {\"choices\":[{\"error\":{\"code\":\"x\"}}]}\n\n",
     {1, 1, "x", -1, -1}},
    {"broken JSON with an error in it is nothing",
     1,
     "data: {\"error\":{\n\n",
     {0, 0, "", -1, -1}},
    {"the first error is the one told",
     1,
     "data: {\"error\":{\"code\":\"first\"}}\n\n"
     "data: {\"error\":{\"code\":\"second\"}}\n\n",
     {1, 1, "first", -1, -1}},
    {"a usage with spaces counts, and with lines",
     1,
     "data: {\"usage\" :\ndata: \t{\"prompt_tokens\": 1,\n"
     "data: \"completion_tokens\": 2}}\n\ndata: [DONE]\n\n",
     {1, 0, "", 1, 2}},
    {"a usage without counts takes none away",
     1,
     "data: {\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n"
     "data: {\"usage\":{}}\n\n",
     {0, 0, "", 1, 2}},
    {"the bill of a choice is the bill",
     1,
     "data: {\"choices\":[{\"usage\":{\"prompt_tokens\":19,"
     "\"completion_tokens\":13}}]}\n\n",
     {0, 0, "", 19, 13}},
    {"... of its delta, too",
     1,
     "data: {\"choices\":[{\"delta\":{\"usage\":{\"prompt_tokens\":1,"
     "\"completion_tokens\":\"2\"}}}],\"usage\":null}\n\n",
     {0, 0, "", 1, 2}},
    {"... and what Groq has",
     1,
     "data: {\"choices\":[],\"x_groq\":{\"usage\":{\"prompt_tokens\":1,"
     "\"completion_tokens\":2}}}\n\ndata: [DONE]\n\n",
     {1, 0, "", 1, 2}},
    {"a zero is no count where there was one",
     1,
     "data: {\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1}}\n\n"
     "data: {\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":3}}\n\n",
     {0, 0, "", 5, 3}},
    {"a usage deeper still is not the bill",
     1,
     "data: {\"choices\":[{\"x\":{\"usage\":{\"prompt_tokens\":1}}}]}\n\n",
     {0, 0, "", -1, -1}},
    {"a usage at the very end of broken data is nothing",
     1,
     "data: {\"usage\"\n\ndata: {\"usage\":\n\n",
     {0, 0, "", -1, -1}},

    {"a code with other characters is not repeated",
     1,
     "data: {\"error\":{\"code\":\"a b\\n\",\"type\":\"server_error\"}}\n\n",
     {1, 1, "server_error", -1, -1}},
    {"a code that looks like a key is not repeated",
     1,
     "data: {\"error\":{\"code\":\"sk-abcdefgh\"}}\n\n",
     {1, 1, "", -1, -1}},
    {"a code of 63 characters is repeated",
     1,
     "data: {\"error\":{\"code\":\"aaaaaaaaa_aaaaaaaaa_aaaaaaaaa_aaaaaaaaa_"
     "aaaaaaaaa_aaaaaaaaa_aaa\"}}\n\n",
     {1, 1, "aaaaaaaaa_aaaaaaaaa_aaaaaaaaa_aaaaaaaaa_aaaaaaaaa_aaaaaaaaa_aaa",
      -1, -1}},
    {"a code of 64 characters is not",
     1,
     "data: {\"error\":{\"code\":\"aaaaaaaaa_aaaaaaaaa_aaaaaaaaa_aaaaaaaaa_"
     "aaaaaaaaa_aaaaaaaaa_aaaa\"}}\n\n",
     {1, 1, "", -1, -1}},
    {"brackets are for parameters only",
     1,
     "data: {\"error\":{\"code\":\"a[0]\"}}\n\n",
     {1, 1, "", -1, -1}},
};

/* type and a data of more than CHAT_SSE_EVENT_MAX bytes. */
static const char *make_giant(const char *type)
{
    char *filler = apr_palloc(pool, CHAT_SSE_EVENT_MAX + 1);

    memset(filler, 'x', CHAT_SSE_EVENT_MAX);
    filler[CHAT_SSE_EVENT_MAX] = '\0';
    return apr_pstrcat(pool, "event: ", type, "\ndata: {\"response\":{\"t\":\"",
                       filler, "\",\"usage\":{\"input_tokens\":1}}}\n\n", NULL);
}

START_TEST(a_giant_terminal_event_ends_the_stream_with_its_usage)
{
    chat_seen_t seen =
        provider_suite_watch(0, make_giant("response.completed"));

    ck_assert_int_eq(seen.ended, 1);
    ck_assert_int_eq(seen.failed, 0);
    ck_assert_int_eq(seen.usage.input, 1);
}
END_TEST

START_TEST(a_giant_error_event_is_an_error)
{
    chat_seen_t seen = provider_suite_watch(_i, make_giant("error"));

    ck_assert_int_eq(seen.ended, 1);
    ck_assert_int_eq(seen.failed, 1);
    ck_assert_str_eq(seen.error, "");
}
END_TEST

START_TEST(a_giant_event_without_a_name_is_nothing)
{
    chat_seen_t seen = provider_suite_watch(_i, make_giant("message"));

    ck_assert_int_eq(seen.ended, 0);
    ck_assert_int_eq(seen.failed, 0);
}
END_TEST

/* refused ------------------------------------------------------------- */

#define ERROR(code, type)                                                      \
    "{\"error\":{\"message\":\"Incorrect API key provided: sk-proj-ab**yz. "   \
    "org-AbC\",\"type\":\"" type "\",\"param\":null,\"code\":" code "}}"

static const provider_refusal_t refusals[] = {
    {400, ERROR("null", "invalid_request_error"), 400, "upstream_rejected",
     NULL},
    {404, ERROR("\"model_not_found\"", "invalid_request_error"), 400,
     "upstream_rejected", NULL},
    {404, "<html>nginx</html>", 400, "upstream_rejected", NULL},
    {409, "", 400, "upstream_rejected", NULL},
    {413, "", 400, "upstream_rejected", NULL},
    {422, "", 400, "upstream_rejected", NULL},
    {401, ERROR("\"invalid_api_key\"", "invalid_request_error"), 502,
     "upstream_auth", NULL},
    {403, "", 502, "upstream_auth", NULL},
    {402, "", 502, "upstream_quota", NULL},
    {429, ERROR("\"rate_limit_exceeded\"", "tokens"), 429,
     "upstream_rate_limited", NULL},
    {429, "", 429, "upstream_rate_limited", NULL},
    {429, ERROR("\"insufficient_quota\"", "x"), 502, "upstream_quota", NULL},
    {429, ERROR("null", "insufficient_quota"), 502, "upstream_quota", NULL},
    /* Only where a rate limit would be: a 400 stays what it is. */
    {400, ERROR("\"insufficient_quota\"", "x"), 400, "upstream_rejected", NULL},
    {408, "", 504, "upstream_timeout", NULL},
    {504, "", 504, "upstream_timeout", NULL},
    {503, "", 503, "upstream_overloaded", NULL},
    {529, "", 503, "upstream_overloaded", NULL},
    {500, ERROR("null", "server_error"), 502, "upstream_error", NULL},
    {502, "<html>", 502, "upstream_error", NULL},
    {301, "", 502, "upstream_error", NULL},
    {307, "", 502, "upstream_error", NULL},
    {200, "{\"id\":\"resp_1\"}", 502, "upstream_error", NULL},
    {204, "", 502, "upstream_error", NULL},
    {418, "", 502, "upstream_error", NULL},
    {599, "", 502, "upstream_error", NULL},
    {0, "", 502, "upstream_error", NULL},
};

#define PLAIN PROVIDER_PLAIN

static const provider_sentence_t sentences[] = {
    {"{\"error\":{\"message\":\"Your prompt of 9000 tokens ...\",\"code\":"
     "\"context_length_exceeded\",\"param\":\"messages[0].content\"}}",
     "The provider refused the request: context_length_exceeded "
     "(parameter messages[0].content)."},
    {"{\"error\":{\"code\":\"content_filter\",\"status\":400,\"innererror\":"
     "{\"code\":\"ResponsibleAIPolicyViolation\"}}}",
     "The provider refused the request: content_filter."},
    {"{\"error\":{\"code\":\"ResponsibleAIPolicyViolation\"}}",
     "The provider refused the request: ResponsibleAIPolicyViolation."},
    {"{\"error\":{\"code\":null,\"param\":\"temperature\"}}",
     "The provider refused the request (parameter temperature)."},
    {"{\"error\":{\"code\":\"429\"}}",
     "The provider refused the request: 429."},
    {"{\"error\":{\"code\":429}}", "The provider refused the request: 429."},
    {"{\"error\":{\"code\":\"task-failed\"}}",
     "The provider refused the request: task-failed."},
    {"{\"error\":{\"code\":4.5,\"param\":{}}}", PLAIN},
    {"{\"error\":\"free text about org-1\"}", PLAIN},
    {"{\"error\":null}", PLAIN},
    {"{\"error\":[{\"code\":\"x\"}]}", PLAIN},
    {"[]", PLAIN},
    {"null", PLAIN},
    {"", PLAIN},
    {"<html><title>400</title></html>", PLAIN},
    {"{\"error\":{\"code\":\"context_length_exceeded\",\"message\":\"cut he",
     PLAIN},
    {"{\"error\":{\"code\":\"\",\"param\":\"\"}}", PLAIN},
    {"{\"error\":{\"code\":\"two words\"}}", PLAIN},
    {"{\"error\":{\"code\":\"a\\r\\nSet-Cookie: x\"}}", PLAIN},
    {"{\"error\":{\"code\":\"<script>\"}}", PLAIN},
    {"{\"error\":{\"code\":\"caf\xc3\xa9\"}}", PLAIN},
    {"{\"error\":{\"code\":\"a\x01\"}}", PLAIN},
    {"{\"error\":{\"code\":\"\xff\"}}", PLAIN},
    {"{\"error\":{\"code\":\"a[0]\"}}", PLAIN},
    /* The look of keys, tokens and accounts. */
    {"{\"error\":{\"code\":\"sk-proj-aaaabbbb\"}}", PLAIN},
    {"{\"error\":{\"param\":\"key.sk-abc\"}}", PLAIN},
    {"{\"error\":{\"param\":\"org-AbCdEf\"}}", PLAIN},
    {"{\"error\":{\"param\":\"proj_AbCdEf\"}}", PLAIN},
    {"{\"error\":{\"param\":\"AIzaSyAbCdEf\"}}", PLAIN},
    {"{\"error\":{\"param\":\"eyJhbGciOi.J9.x\"}}", PLAIN},
    {"{\"error\":{\"code\":\"0123456789abcdef0123456789abcdef\"}}", PLAIN},
};

static const provider_measure_t measures[] = {
    {0, "event: response.output_text.delta\ndata: {\"delta\":\"a\\\"b\"}\n\n",
     1, 4},
    {0,
     "event: response.output_text.delta\ndata: {\"delta\":\"\"}\n\n"
     "event: response.output_text.done\ndata: {\"text\":\"abc\"}\n\n",
     0, 0},
    {1,
     "data: {\"choices\":[{\"delta\":{\"content\":\"abc\"}}]}\n\n"
     "data: {\"choices\":[{\"delta\":{\"content\": \"de\"}}]}\n\n",
     2, 5},
    {1,
     "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"abc\"}}]}\n\n"
     "data: {\"choices\":[{\"delta\":{\"reasoning\":\"de\"}}]}\n\n",
     2, 5},
    {1,
     "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null},"
     "\"logprobs\":{\"content\":[]}}]}\n\n"
     "data: {\"content\":\n\ndata: {\"content\"\n\ndata: \"content\n\n",
     0, 0},
    {1, "data: {\"choices\":[{\"delta\":{\"content\":\"cut\\", 0, 0},
};

static const provider_suite_t spec = {
    .provider = &chat_provider_openai,
    .dir = "openai",
    .url = "https://api.openai.com/v1",
    .apis = 2,
    .leak = "event: error\ndata: {\"error\":{\"code\":\"bad-plainkey\"}}\n\n",
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

static void add_build(TCase *tc)
{
    tcase_add_test(tc, a_small_turn_becomes_a_small_responses_body);
    tcase_add_test(tc, a_full_turn_becomes_a_full_responses_body);
    tcase_add_test(tc, a_small_turn_becomes_a_small_completions_body);
    tcase_add_test(tc, a_full_turn_becomes_a_full_completions_body);
    tcase_add_loop_test(tc, strict_is_sent_only_when_the_client_said_it, 0, 6);
    tcase_add_loop_test(tc, store_is_sent_as_configured, 0, 2);
    tcase_add_loop_test(
        tc, few_output_tokens_are_raised_to_the_least_of_the_responses_api, 0,
        4);
    tcase_add_test(tc, completions_have_no_least_output_tokens);
    tcase_add_loop_test(tc, reasoning_models_get_no_temperature, 0,
                        sizeof(temperatures) / sizeof(temperatures[0]));
    tcase_add_loop_test(tc, the_call_has_its_url_and_headers, 0, 2);
    tcase_add_loop_test(tc, a_version_is_azure_s_query, 0, 2);
}

static void add_observe(TCase *tc)
{
    tcase_add_test(tc, a_giant_terminal_event_ends_the_stream_with_its_usage);
    tcase_add_loop_test(tc, a_giant_error_event_is_an_error, 0, 2);
    tcase_add_loop_test(tc, a_giant_event_without_a_name_is_nothing, 0, 2);
}

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_provider_openai");
    TCase *tc = tcase_create("openai");

    tcase_add_checked_fixture(tc, provider_suite_set_up,
                              provider_suite_tear_down);
    add_build(tc);
    add_observe(tc);
    suite_add_tcase(suite, tc);
    provider_suite_add(suite, &spec);
    return suite;
}
