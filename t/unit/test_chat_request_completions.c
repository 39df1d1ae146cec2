/* SPDX-License-Identifier: Apache-2.0 */
/* chat_request_completions: what a turn gets of a Chat Completions request,
 * and what is refused, with its code, its place and its sentence. */
#include "chat_request.h"

#include <string.h>

#include <apr_strings.h>

#include "unit.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof(*table)))

static const chat_json_limits_t limits = {1024 * 1024, 64, 10000};
static const chat_request_clamps_t clamps = {
    .messages = 4,
    .message_length = 20,
    .total_length = 50,
    .max_output_tokens = 100,
};
static apr_pool_t *pool;
static chat_turn_t turn;
static chat_err_t err;
static int usage;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
    memset(&turn, 0, sizeof(turn));
    memset(&err, 0, sizeof(err));
    usage = -1;
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

static apr_status_t take_with(const char *text,
                              const chat_request_clamps_t *with)
{
    chat_json_t *body;

    ck_assert_msg(chat_json_parse(&body, text, strlen(text), &limits, pool) ==
                      APR_SUCCESS,
                  "%s", text);
    return chat_request_completions(&turn, &usage, body, with, &err, pool);
}

static apr_status_t take(const char *text)
{
    return take_with(text, &clamps);
}

/* A body of these members; "messages" is added when it is not among them. */
static const char *body_of(const char *members)
{
    if (strstr(members, "\"messages\":"))
        return apr_pstrcat(pool, "{", members, "}", NULL);
    return apr_pstrcat(pool,
                       "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"}]",
                       *members ? "," : "", members, "}", NULL);
}

/* ---- what a turn got, in words ---- */

static const char *quoted(const char *text)
{
    return text ? chat_json_quote(text, pool) : "-";
}

static const char *show_message(const chat_message_t *m)
{
    static const char roles[] = "UAST";
    const char *text =
        apr_psprintf(pool, "%c%s", roles[m->role], quoted(m->content));
    int i;

    if (m->parts)
        text =
            apr_pstrcat(pool, text, chat_json_text(m->parts, NULL, pool), NULL);
    for (i = 0; i < m->ncalls; i++)
        text =
            apr_pstrcat(pool, text, " ", m->calls[i].id, "=", m->calls[i].name,
                        "(", m->calls[i].arguments, ")", NULL);
    return m->call_id ? apr_pstrcat(pool, text, " for ", m->call_id, NULL)
                      : text;
}

static const char *show_tools(void)
{
    static const char *const choices[] = {"", " auto", " none", " required",
                                          " tool "};
    const char *text = "";
    int i;

    for (i = 0; i < turn.ntools; i++) {
        const chat_tool_t *tool = &turn.tools[i];

        text = apr_psprintf(
            pool, "%s %s:%s:%s:%d", text, tool->name, quoted(tool->description),
            tool->parameters ? chat_json_text(tool->parameters, NULL, pool)
                             : "-",
            tool->strict);
    }
    return apr_pstrcat(pool, text, choices[turn.choice],
                       turn.choice_name ? turn.choice_name : "", NULL);
}

static const char *show_form(void)
{
    if (turn.json)
        return " json";
    if (!turn.schema)
        return "";
    return apr_psprintf(pool, " schema %s %s %d", quoted(turn.schema_name),
                        chat_json_text(turn.schema, NULL, pool),
                        turn.schema_strict);
}

static const char *show_numbers(void)
{
    const char *text = "";

    if (turn.has_temperature)
        text = apr_psprintf(pool, " t=%g", turn.temperature);
    if (turn.has_top_p)
        text = apr_psprintf(pool, "%s p=%g", text, turn.top_p);
    if (turn.max_output_tokens)
        text = apr_psprintf(pool, "%s max=%d", text, turn.max_output_tokens);
    if (turn.parallel >= 0)
        text = apr_psprintf(pool, "%s parallel=%d", text, turn.parallel);
    if (turn.effort)
        text = apr_psprintf(pool, "%s effort=%s", text, turn.effort);
    return text;
}

/* Everything in it that says anything. */
static const char *show(void)
{
    const char *text = turn.whole ? "whole" : "stream";
    int i;

    if (usage)
        text = apr_pstrcat(pool, text, "+usage", NULL);
    for (i = 0; i < turn.nmessages; i++)
        text =
            apr_pstrcat(pool, text, " ", show_message(&turn.messages[i]), NULL);
    text = apr_pstrcat(pool, text, show_numbers(), show_tools(), show_form(),
                       NULL);
    for (i = 0; i < turn.nstop; i++)
        text = apr_pstrcat(pool, text, " stop=", quoted(turn.stop[i]), NULL);
    if (turn.model)
        text = apr_pstrcat(pool, text, " model=", turn.model, NULL);
    if (turn.extra)
        text = apr_pstrcat(pool, text,
                           " extra=", chat_json_text(turn.extra, NULL, pool),
                           NULL);
    return text;
}

/* ---- accepted ---- */

#define CALL(id, args)                                                         \
    "{\"id\":\"" id "\",\"type\":\"function\",\"function\":{\"name\":\"f\","   \
    "\"arguments\":\"" args "\"}}"
#define TOOL(name)                                                             \
    "{\"type\":\"function\",\"function\":{\"name\":\"" name "\"}}"
#define FORMAT(members)                                                        \
    "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{" members  \
    "}}"
#define MESSAGES(list) "\"messages\":[" list "]"
#define USER(content) "{\"role\":\"user\",\"content\":" content "}"
#define TEXT(text) "{\"type\":\"text\",\"text\":\"" text "\"}"
#define IMAGE "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:,\"}}"

static const struct accepted_t {
    const char *members;
    const char *turn;
} accepted[] = {
    {"", "whole U\"q\""},
    {"\"model\":\"m\",\"stream\":true", "stream U\"q\" model=m"},
    {"\"stream\":false", "whole U\"q\""},
    {"\"stream\":true,\"stream_options\":{\"include_usage\":true}",
     "stream+usage U\"q\""},
    {"\"stream\":true,\"stream_options\":{\"include_usage\":false,\"x\":1}",
     "stream U\"q\""},
    {"\"stream\":true,\"stream_options\":{}", "stream U\"q\""},
    {"\"temperature\":2,\"top_p\":1", "whole U\"q\" t=2 p=1"},
    {"\"temperature\":-0,\"top_p\":0.25", "whole U\"q\" t=0 p=.25"},
    {"\"max_tokens\":100", "whole U\"q\" max=100"},
    {"\"max_completion_tokens\":1", "whole U\"q\" max=1"},
    /* the newer name wins, whichever comes first */
    {"\"max_completion_tokens\":7,\"max_tokens\":8", "whole U\"q\" max=7"},
    {"\"max_tokens\":8,\"max_completion_tokens\":7", "whole U\"q\" max=7"},
    {"\"max_tokens\":8,\"max_completion_tokens\":null", "whole U\"q\" max=8"},
    {"\"max_tokens\":1e1", "whole U\"q\" max=10"},
    {"\"stop\":\"x\"", "whole U\"q\" stop=\"x\""},
    {"\"stop\":[\"a\",\"b\",\"c\",\"\\n\"]",
     "whole U\"q\" stop=\"a\" stop=\"b\" stop=\"c\" stop=\"\\n\""},
    {"\"stop\":[]", "whole U\"q\""},
    {"\"reasoning_effort\":\"minimal\"", "whole U\"q\" effort=minimal"},

    /* members that are left out, and those that go on */
    {"\"user\":\"u\",\"metadata\":{},\"store\":true,\"service_tier\":\"flex\","
     "\"safety_identifier\":\"s\",\"prompt_cache_key\":\"k\","
     "\"prompt_cache_retention\":\"24h\",\"prompt_cache_options\":{}",
     "whole U\"q\""},
    {"\"n\":1,\"best_of\":1,\"logprobs\":false,\"top_logprobs\":0,"
     "\"modalities\":[\"text\"]",
     "whole U\"q\""},
    {"\"seed\":1,\"logit_bias\":{\"5\":-1},\"presence_penalty\":0.50,"
     "\"frequency_penalty\":1,\"verbosity\":\"low\",\"top_k\":4,\"x\":null",
     "whole U\"q\" extra={\"seed\":1,\"logit_bias\":{\"5\":-1},"
     "\"presence_penalty\":0.50,\"frequency_penalty\":1,\"verbosity\":\"low\","
     "\"top_k\":4}"},

    /* messages */
    {MESSAGES("{\"role\":\"developer\",\"content\":\"d\"},"
              "{\"role\":\"system\",\"content\":\"s\",\"name\":\"n\"},"
              "{\"content\":\"\",\"role\":\"user\"},"
              "{\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":null,"
              "\"function_call\":null,\"audio\":null,\"refusal\":null}"),
     "whole S\"d\" S\"s\" U\"\" A\"a\""},
    {MESSAGES(
         USER("[" TEXT("a") "]") "," USER("[" TEXT("a") "," TEXT("b") "]")),
     "whole U\"a\" U\"a\\nb\""},
    {MESSAGES(USER("[" TEXT("a") "," IMAGE "]")),
     "whole U-[" TEXT("a") "," IMAGE "]"},
    {MESSAGES(USER("[{\"type\":\"video_url\"}]")),
     "whole U-[{\"type\":\"video_url\"}]"},
    {MESSAGES("{\"role\":\"system\",\"content\":[" TEXT(
         "s") "]},"
              "{\"role\":\"assistant\",\"content\":["
              "{\"type\":\"refusal\",\"refusal\":\"no\"}," TEXT("a") "]}"),
     "whole S\"s\" A\"no\\na\""},
    {MESSAGES("{\"role\":\"assistant\",\"content\":null,\"refusal\":\"no\"}"),
     "whole A\"no\""},
    {MESSAGES(
         "{\"role\":\"assistant\",\"tool_calls\":[" CALL("c", "{}") "," CALL(
             "d", "") "]},"
                      "{\"role\":\"tool\",\"tool_call_id\":\"d\",\"content\":"
                      "\"\"},{\"role\":\"tool\",\"tool_call_id\":\"c\","
                      "\"content\":[" TEXT("r") "]}"),
     "whole A- c=f({}) d=f() T\"\" for d T\"r\" for c"},
    {MESSAGES("{\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":[" CALL(
         "c", "{}") "]}"),
     "whole A\"a\" c=f({})"},
    /* calls of anybody else are nothing */
    {MESSAGES("{\"role\":\"user\",\"content\":\"q\",\"tool_calls\":7}"),
     "whole U\"q\""},

    /* tools */
    {"\"tools\":[" TOOL("f") "]", "whole U\"q\" f:-:-:-1"},
    {"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"A-z_0\","
     "\"description\":\"d\",\"parameters\":{\"a\":1},\"strict\":true}},"
     "{\"type\":\"function\",\"function\":{\"name\":\"g\",\"description\":null,"
     "\"parameters\":null,\"strict\":null}}],\"parallel_tool_calls\":false",
     "whole U\"q\" parallel=0 A-z_0:\"d\":{\"a\":1}:1 g:-:-:-1"},
    {"\"tools\":[" TOOL("f") "],\"tool_choice\":\"auto\"",
     "whole U\"q\" f:-:-:-1 auto"},
    {"\"tools\":[" TOOL("f") "],\"tool_choice\":\"none\"",
     "whole U\"q\" f:-:-:-1 none"},
    {"\"tools\":[" TOOL("f") "],\"tool_choice\":\"required\"",
     "whole U\"q\" f:-:-:-1 required"},
    {"\"tools\":[" TOOL("f") "," TOOL("g") "],\"tool_choice\":" TOOL("g"),
     "whole U\"q\" f:-:-:-1 g:-:-:-1 tool g"},
    /* without tools nothing about them matters */
    {"\"tool_choice\":\"auto\",\"parallel_tool_calls\":true", "whole U\"q\""},
    {"\"tool_choice\":\"none\"", "whole U\"q\""},

    /* forms */
    {"\"response_format\":{\"type\":\"text\"}", "whole U\"q\""},
    {"\"response_format\":{\"type\":\"json_object\"}", "whole U\"q\" json"},
    {FORMAT("\"name\":\"n\",\"schema\":{\"a\":[]}"),
     "whole U\"q\" schema \"n\" {\"a\":[]} -1"},
    {FORMAT("\"name\":\"n\",\"schema\":{},\"strict\":false,\"description\":1"),
     "whole U\"q\" schema \"n\" {} 0"},
};

START_TEST(a_request_becomes_a_turn)
{
    const struct accepted_t *a = &accepted[_i];
    apr_status_t rv = take(body_of(a->members));

    ck_assert_msg(rv == APR_SUCCESS, "%s: %s", a->members, err.message);
    ck_assert_str_eq(show(), a->turn);
    ck_assert_int_eq(err.status, 0);
    ck_assert_ptr_null(turn.system);
    ck_assert_ptr_null(turn.native);
}
END_TEST

/* ---- refused ---- */

static const struct refused_t {
    const char *members;
    const char *code;
    const char *param;
    const char *message; /* how it begins */
} refused[] = {
    /* messages */
    {"\"messages\":null", "invalid_type", "messages",
     "Invalid type for 'messages': expected an array of objects, but got null "
     "instead."},
    {"\"messages\":\"s3cret\"", "invalid_type", "messages",
     "Invalid type for 'messages': expected an array of objects, but got a "
     "string instead."},
    {"\"messages\":[]", "empty_array", "messages",
     "Invalid 'messages': empty array. Expected an array with minimum length "
     "1, but got an empty array instead."},
    {MESSAGES("1,1,1,1,1"), "array_above_max_length", "messages",
     "Invalid 'messages': array too long. Expected an array with maximum "
     "length 4, but got an array with length 5 instead."},
    {MESSAGES(USER("\"q\"") ",\"s3cret\""), "invalid_type", "messages[1]",
     "Invalid type for 'messages[1]': expected an object, but got a string "
     "instead."},
    {MESSAGES("{\"content\":\"q\"}"), "missing_required_parameter",
     "messages[0].role", "Missing required parameter: 'messages[0].role'."},
    {MESSAGES("{\"role\":1,\"content\":\"q\"}"), "invalid_type",
     "messages[0].role",
     "Invalid type for 'messages[0].role': expected a string, but got an "
     "integer instead."},
    {MESSAGES("{\"role\":\"s3cret\",\"content\":\"q\"}"), "invalid_value",
     "messages[0].role",
     "Invalid value for 'messages[0].role'. Supported values are: 'system', "
     "'developer', 'user', 'assistant', and 'tool'."},
    {MESSAGES("{\"role\":\"function\",\"name\":\"f\",\"content\":\"q\"}"),
     "unsupported", "messages[0].role", "Unsupported value: "},
    {MESSAGES("{\"role\":\"user\"}"), "missing_required_parameter",
     "messages[0].content", "Missing required "},
    {MESSAGES(USER("null")), "invalid_type", "messages[0].content",
     "Invalid type for 'messages[0].content': expected one of a string or "
     "array of objects, but got null instead."},
    {MESSAGES(USER("{}")), "invalid_type", "messages[0].content",
     "Invalid type for 'messages[0].content': expected one of a string or "
     "array of objects, but got an object instead."},
    {MESSAGES("{\"role\":\"assistant\",\"content\":null}"), "invalid_type",
     "messages[0].content", "Invalid type "},
    {MESSAGES("{\"role\":\"assistant\",\"content\":null,\"refusal\":1}"),
     "invalid_type", "messages[0].refusal", "Invalid type "},
    {MESSAGES("{\"role\":\"user\",\"refusal\":\"no\"}"),
     "missing_required_parameter", "messages[0].content", "Missing "},
    {MESSAGES(
         "{\"role\":\"assistant\",\"content\":\"a\",\"function_call\":{}}"),
     "unsupported", "messages[0].function_call",
     "Unsupported parameter: 'messages[0].function_call'. Use 'tool_calls' "
     "instead."},
    {MESSAGES("{\"role\":\"assistant\",\"content\":\"a\",\"audio\":{}}"),
     "unsupported", "messages[0].audio", "Unsupported parameter: "},
    {MESSAGES(USER("\"q\"") "," USER("\"123456789012345678901\"")),
     "string_above_max_length", "messages[1].content",
     "Invalid 'messages[1].content': string too long. Expected a string with "
     "maximum length 20, but got a string with length 21 instead."},
    {MESSAGES(USER("\"12345678901234567890\"") "," USER(
         "\"12345678901234567890\"") "," USER("\"12345678901\"")),
     "string_above_max_length", "messages",
     "Invalid 'messages': too much text. Expected at most 50 characters in all "
     "messages, but got 51 instead."},

    /* parts */
    {MESSAGES(USER("[]")), "empty_array", "messages[0].content", "Invalid "},
    {MESSAGES(USER("[\"s3cret\"]")), "invalid_type", "messages[0].content[0]",
     "Invalid type for 'messages[0].content[0]': expected an object, but got a "
     "string instead."},
    {MESSAGES(USER("[{}]")), "missing_required_parameter",
     "messages[0].content[0].type", "Missing "},
    {MESSAGES(USER("[{\"type\":null}]")), "invalid_type",
     "messages[0].content[0].type", "Invalid type "},
    {MESSAGES(USER("[" IMAGE ",{\"type\":\"text\"}]")),
     "missing_required_parameter", "messages[0].content[1].text", "Missing "},
    {MESSAGES(USER("[{\"type\":\"text\",\"text\":[]}]")), "invalid_type",
     "messages[0].content[0].text", "Invalid type "},
    {MESSAGES("{\"role\":\"system\",\"content\":[" IMAGE "]}"), "invalid_value",
     "messages[0].content[0].type",
     "Invalid value for 'messages[0].content[0].type'. Supported values are: "
     "'text'."},
    {MESSAGES("{\"role\":\"user\",\"content\":[" TEXT("1234567890") "," TEXT(
         "1234567890") "]}"),
     "string_above_max_length", "messages[0].content",
     "Invalid 'messages[0].content': string too long. Expected a string with "
     "maximum length 20, but got a string with length 21 instead."},
    {MESSAGES(USER("[" IMAGE "," TEXT("123456789012345678901") "]")),
     "string_above_max_length", "messages[0].content[1].text", "Invalid "},

    /* calls and their answers */
    {MESSAGES("{\"role\":\"assistant\",\"tool_calls\":[]}"),
     "missing_required_parameter", "messages[0].content", "Missing "},
    {MESSAGES("{\"role\":\"assistant\",\"tool_calls\":{}}"), "invalid_type",
     "messages[0].tool_calls", "Invalid type "},
    {MESSAGES("{\"role\":\"assistant\",\"tool_calls\":[1]}"), "invalid_type",
     "messages[0].tool_calls[0]", "Invalid type "},
    {MESSAGES("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\"}]}"),
     "missing_required_parameter", "messages[0].tool_calls[0].type",
     "Missing "},
    {MESSAGES(
         "{\"role\":\"assistant\",\"tool_calls\":[{\"type\":\"custom\"}]}"),
     "unsupported", "messages[0].tool_calls[0].type", "Unsupported "},
    {MESSAGES("{\"role\":\"assistant\",\"tool_calls\":[{\"type\":\"function\","
              "\"function\":{}}]}"),
     "missing_required_parameter", "messages[0].tool_calls[0].id", "Missing "},
    {MESSAGES("{\"role\":\"assistant\",\"tool_calls\":[" CALL("", "") "]}"),
     "empty_string", "messages[0].tool_calls[0].id",
     "Invalid 'messages[0].tool_calls[0].id': expected a string of 1 to 256 "
     "characters."},
    {MESSAGES("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"type\":"
              "\"function\"}]}"),
     "missing_required_parameter", "messages[0].tool_calls[0].function",
     "Missing "},
    {MESSAGES("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"type\":"
              "\"function\",\"function\":{\"name\":\"a b\"}}]}"),
     "invalid_value", "messages[0].tool_calls[0].function.name",
     "Invalid 'messages[0].tool_calls[0].function.name': string does not match "
     "pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."},
    {MESSAGES("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"type\":"
              "\"function\",\"function\":{\"name\":\"f\",\"arguments\":{}}}]}"),
     "invalid_type", "messages[0].tool_calls[0].function.arguments",
     "Invalid type "},
    {MESSAGES("{\"role\":\"assistant\",\"tool_calls\":[" CALL(
         "c", "123456789012345678901") "]}"),
     "string_above_max_length", "messages[0].tool_calls[0].function.arguments",
     "Invalid "},
    {MESSAGES("{\"role\":\"tool\",\"content\":\"r\"}"),
     "missing_required_parameter", "messages[0].tool_call_id", "Missing "},
    {MESSAGES("{\"role\":\"tool\",\"content\":\"r\",\"tool_call_id\":\"c\"},"
              "{\"role\":\"assistant\",\"tool_calls\":[" CALL("c", "") "]}"),
     "invalid_value", "messages[0].tool_call_id",
     "Invalid parameter: messages with role 'tool' must be a response to a "
     "preceding message with 'tool_calls'."},
    {MESSAGES("{\"role\":\"tool\",\"tool_call_id\":\"c\"}"),
     "missing_required_parameter", "messages[0].content", "Missing "},

    /* numbers and words */
    {"\"temperature\":2.0001", "decimal_above_max_value", "temperature",
     "Invalid 'temperature': decimal above maximum value. Expected a value <= "
     "2."},
    {"\"temperature\":1e400", "decimal_above_max_value", "temperature", "I"},
    {"\"temperature\":-0.1", "decimal_below_min_value", "temperature",
     "Invalid 'temperature': decimal below minimum value. Expected a value >= "
     "0."},
    {"\"top_p\":1.1", "decimal_above_max_value", "top_p",
     "Invalid 'top_p': decimal above maximum value. Expected a value <= 1."},
    {"\"max_tokens\":101", "invalid_value", "max_tokens",
     "'max_tokens' is too large: at most 100 completion tokens are supported "
     "here."},
    {"\"max_completion_tokens\":1e400", "invalid_value",
     "max_completion_tokens", "'max_completion_tokens' is too large: "},
    {"\"max_tokens\":0", "integer_below_min_value", "max_tokens",
     "Invalid 'max_tokens': integer below minimum value. Expected a value >= "
     "1."},
    {"\"max_tokens\":1.5", "invalid_type", "max_tokens",
     "Invalid type for 'max_tokens': expected an integer, but got a decimal "
     "number instead."},
    {"\"stop\":\"\"", "empty_string", "stop", "Invalid 'stop': empty string. "},
    {"\"stop\":[\"a\",\"\"]", "empty_string", "stop[1]", "Invalid 'stop[1]': "},
    {"\"stop\":[null]", "invalid_type", "stop[0]", "Invalid type "},
    {"\"stop\":[\"1\",\"2\",\"3\",\"4\",\"5\"]", "array_above_max_length",
     "stop", "Invalid 'stop': array too long. "},
    {"\"reasoning_effort\":\"s3cret\"", "invalid_value", "reasoning_effort",
     "Invalid value for 'reasoning_effort'. Supported values are: 'none', "},
    {"\"stream_options\":{\"include_usage\":true}", "invalid_value",
     "stream_options",
     "The 'stream_options' parameter is only allowed when 'stream' is "
     "enabled."},
    {"\"stream\":true,\"stream_options\":{\"include_usage\":1}", "invalid_type",
     "stream_options.include_usage", "Invalid type "},

    /* tools */
    {"\"tools\":[1]", "invalid_type", "tools[0]", "Invalid type "},
    {"\"tools\":[{\"type\":\"custom\",\"custom\":{}}]", "unsupported",
     "tools[0].type",
     "Unsupported parameter: 'tools[0].type'. Only tools of the type "
     "'function' are."},
    {"\"tools\":[{\"type\":\"s3cret\"}]", "invalid_value", "tools[0].type",
     "Invalid value for 'tools[0].type'. Supported values are: 'function'."},
    {"\"tools\":[{\"type\":\"function\"}]", "missing_required_parameter",
     "tools[0].function", "Missing "},
    {"\"tools\":[{\"type\":\"function\",\"function\":{}}]",
     "missing_required_parameter", "tools[0].function.name", "Missing "},
    {"\"tools\":[" TOOL("") "]", "empty_string", "tools[0].function.name",
     "Invalid 'tools[0].function.name': empty string. "},
    {"\"tools\":[" TOOL("nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
                        "nnnnnnnnnnn") "]",
     "string_above_max_length", "tools[0].function.name",
     "Invalid 'tools[0].function.name': string too long. Expected a string "
     "with maximum length 64, but got a string with length 65 instead."},
    {"\"tools\":[" TOOL("f") "," TOOL("f") "]", "invalid_value", "tools[1]",
     "Invalid 'tools[1]': a tool before this one has the same name."},
    {"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
     "\"description\":1}}]",
     "invalid_type", "tools[0].function.description", "Invalid type "},
    {"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
     "\"parameters\":[]}}]",
     "invalid_type", "tools[0].function.parameters", "Invalid type "},
    {"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
     "\"strict\":1}}]",
     "invalid_type", "tools[0].function.strict", "Invalid type "},
    {"\"tool_choice\":\"required\"", "invalid_value", "tool_choice",
     "Invalid value for 'tool_choice': 'tool_choice' is only allowed when "
     "'tools' are specified."},
    {"\"tool_choice\":" TOOL("f"), "invalid_value", "tool_choice", "Invalid "},
    {"\"tools\":[" TOOL("f") "],\"tool_choice\":" TOOL("s3cret"),
     "invalid_value", "tool_choice",
     "Invalid value for 'tool_choice': no tool of that name is in 'tools'."},
    {"\"tool_choice\":\"s3cret\"", "invalid_value", "tool_choice",
     "Invalid value for 'tool_choice'. Supported values are: "},
    {"\"tool_choice\":{\"type\":\"allowed_tools\"}", "unsupported",
     "tool_choice.type", "Unsupported "},
    {"\"tool_choice\":{\"type\":\"function\"}", "missing_required_parameter",
     "tool_choice.function", "Missing "},
    {"\"tool_choice\":{\"type\":\"function\",\"function\":{}}",
     "missing_required_parameter", "tool_choice.function.name", "Missing "},

    /* forms */
    {"\"response_format\":{}", "missing_required_parameter",
     "response_format.type", "Missing "},
    {"\"response_format\":{\"type\":\"s3cret\"}", "invalid_value",
     "response_format.type",
     "Invalid value for 'response_format.type'. Supported values are: "
     "'json_object', 'json_schema', and 'text'."},
    {"\"response_format\":{\"type\":\"json_schema\"}",
     "missing_required_parameter", "response_format.json_schema", "Missing "},
    {FORMAT("\"schema\":{}"), "missing_required_parameter",
     "response_format.json_schema.name", "Missing "},
    {FORMAT("\"name\":\"n\""), "missing_required_parameter",
     "response_format.json_schema.schema", "Missing "},
    {FORMAT("\"name\":\"n\",\"schema\":[]"), "invalid_type",
     "response_format.json_schema.schema", "Invalid type "},
    {FORMAT("\"name\":\"n\",\"schema\":{},\"strict\":\"s3cret\""),
     "invalid_type", "response_format.json_schema.strict", "Invalid type "},

    /* what no upstream of ours could honour */
    {"\"n\":2", "unsupported", "n",
     "Unsupported parameter: 'n'. There is one answer to a request."},
    {"\"n\":0", "integer_below_min_value", "n", "Invalid 'n': "},
    {"\"best_of\":2", "unsupported", "best_of", "Unsupported "},
    {"\"logprobs\":true", "unsupported", "logprobs", "Unsupported "},
    {"\"top_logprobs\":1", "unsupported", "top_logprobs", "Unsupported "},
    {"\"modalities\":[\"text\",\"audio\"]", "unsupported", "modalities",
     "Unsupported parameter: 'modalities'. Answers are text."},
    {"\"modalities\":[]", "empty_array", "modalities", "Invalid "},
    {"\"modalities\":[1]", "invalid_type", "modalities[0]", "Invalid type "},
    {"\"audio\":{}", "unsupported", "audio", "Unsupported "},
    {"\"prediction\":{}", "unsupported", "prediction", "Unsupported "},
    {"\"web_search_options\":{}", "unsupported", "web_search_options", "Uns"},
    {"\"moderation\":{}", "unsupported", "moderation", "Unsupported "},
    {"\"functions\":[{}]", "unsupported", "functions",
     "Unsupported parameter: 'functions'. Use 'tools' and 'tool_choice' "
     "instead."},
    {"\"function_call\":\"auto\"", "unsupported", "function_call", "Uns"},
    {"\"plugins\":[]", "unsupported", "plugins", "Unsupported "},
    {"\"models\":[\"s3cret\"]", "unsupported", "models",
     "Unsupported parameter: 'models'. Name one model, in 'model'."},
    {"\"route\":\"fallback\"", "unsupported", "route", "Unsupported "},
    {"\"preset\":\"s3cret\"", "unsupported", "preset", "Unsupported "},
};

/* In the names that gateways and SDKs have for it. */
START_TEST(what_goes_back_reaches_the_turn)
{
    static const struct {
        const char *member, *details;
    } rows[] = {
        {"\"reasoning_details\":[{\"type\":\"t\"}]", "[{\"type\":\"t\"}]"},
        {"\"thinking_blocks\":[{\"type\":\"thinking\",\"thinking\":\"h\","
         "\"signature\":\"S\"},{\"type\":\"redacted_thinking\",\"data\":"
         "\"D\"},{\"type\":\"odd\"},7]",
         "[{\"type\":\"reasoning.text\",\"id\":\"anthropic/\",\"text\":"
         "\"h\",\"signature\":\"S\"},{\"type\":\"reasoning.encrypted\","
         "\"id\":\"anthropic/\",\"data\":\"D\"}]"},
        {"\"reasoning_details\":[],\"thinking_blocks\":{}", "null"},
        {"\"reasoning_details\":\"x\",\"thinking_blocks\":null", "null"},
    };
    const char *body = apr_pstrcat(
        pool,
        "{\"messages\":[{\"role\":\"developer\",\"content\":\"d\"},"
        "{\"role\":\"assistant\",",
        rows[_i].member,
        ",\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{"
        "\"name\":\"f\",\"arguments\":\"\"},\"extra_content\":{\"g\":1}},",
        CALL("c", ""), "]}]}", NULL);
    ck_assert_int_eq(take(body), APR_SUCCESS);
    ck_assert_int_eq(turn.messages[0].role, CHAT_ROLE_SYSTEM);
    ck_assert_int_eq(turn.messages[0].is_developer, 1);
    ck_assert_int_eq(turn.messages[1].is_developer, 0);
    ck_assert_str_eq(turn.messages[1].details
                         ? chat_json_text(turn.messages[1].details, NULL, pool)
                         : "null",
                     rows[_i].details);
    ck_assert_str_eq(
        chat_json_text(turn.messages[1].calls[0].extra, NULL, pool),
        "{\"g\":1}");
    ck_assert_ptr_null(turn.messages[1].calls[1].extra);
    ck_assert_str_eq(turn.messages[1].calls[1].id, "c_2");
}
END_TEST

START_TEST(what_is_wrong_is_refused_with_its_place)
{
    const struct refused_t *r = &refused[_i];
    chat_turn_t before = turn;

    ck_assert_msg(take(body_of(r->members)) == APR_EINVAL, "%s", r->members);
    ck_assert_int_eq(err.status, 400);
    ck_assert_msg(strncmp(err.message, r->message, strlen(r->message)) == 0,
                  "%s: %s", r->members, err.message);
    ck_assert_str_eq(err.code, r->code);
    ck_assert_str_eq(err.param, r->param);
    ck_assert_ptr_null(err.issues);
    ck_assert_ptr_null(strstr(err.message, "s3cret"));
    ck_assert(memcmp(&turn, &before, sizeof(turn)) == 0);
    ck_assert_int_eq(usage, 0);
}
END_TEST

/* ---- every kind of value in every member ---- */

#define KINDS "bnsao" /* boolean, number, string, array, object */

static const struct member_t {
    const char *name;
    const char *kinds; /* that it may be; all of them where none is looked at */
} members[] = {
    {"model", "s"},
    {"temperature", "n"},
    {"top_p", "n"},
    {"max_tokens", "n"},
    {"max_completion_tokens", "n"},
    {"stop", "sa"},
    {"reasoning_effort", "s"},
    {"response_format", "o"},
    {"tools", "a"},
    {"tool_choice", "so"},
    {"parallel_tool_calls", "b"},
    {"stream", "b"},
    {"stream_options", "o"},
    {"n", "n"},
    {"best_of", "n"},
    {"logprobs", "b"},
    {"top_logprobs", "n"},
    {"modalities", "a"},
    {"user", KINDS},
    {"metadata", KINDS},
    {"store", KINDS},
    {"service_tier", KINDS},
    {"safety_identifier", KINDS},
    {"prompt_cache_key", KINDS},
    {"prompt_cache_retention", KINDS},
    {"prompt_cache_options", KINDS},
    {"seed", KINDS},
    {"anything", KINDS},
};

START_TEST(every_member_takes_its_kinds_of_values_and_null)
{
    static const char *const values[] = {"true", "1", "\"s3cret\"", "[7]",
                                         "{\"s3cret\":1}"};
    const struct member_t *m = &members[_i];
    int i;

    ck_assert_int_eq(take(body_of(apr_psprintf(pool, "\"%s\":null", m->name))),
                     APR_SUCCESS);
    ck_assert_str_eq(show(), "whole U\"q\"");
    for (i = 0; i < COUNT(values); i++) {
        apr_status_t rv =
            take(body_of(apr_psprintf(pool, "\"%s\":%s", m->name, values[i])));
        int typed = rv == APR_EINVAL && !strcmp(err.code, "invalid_type") &&
                    !strcmp(err.param, m->name);

        ck_assert_msg(typed == !strchr(m->kinds, KINDS[i]), "%s: %s: %s",
                      m->name, values[i], err.message);
        if (rv != APR_SUCCESS)
            ck_assert_ptr_null(strstr(err.message, "s3cret"));
    }
}
END_TEST

START_TEST(a_body_that_is_no_object_is_refused)
{
    static const char *const bodies[] = {"null", "true", "1", "\"s\"",
                                         "[{\"a\":1}]"};
    int i;

    for (i = 0; i < COUNT(bodies); i++) {
        ck_assert_int_eq(take(bodies[i]), APR_EINVAL);
        ck_assert_str_eq(err.code, "invalid_type");
        ck_assert_ptr_null(err.param);
    }
    ck_assert_int_eq(take("{}"), APR_EINVAL);
    ck_assert_str_eq(err.code, "missing_required_parameter");
    ck_assert_str_eq(err.message, "Missing required parameter: 'messages'.");
}
END_TEST

START_TEST(the_first_thing_that_is_wrong_does_not_hang_on_the_order_of_members)
{
    ck_assert_int_eq(take(body_of("\"n\":2,\"temperature\":9")), APR_EINVAL);
    ck_assert_str_eq(err.param, "temperature");
    ck_assert_int_eq(take(body_of("\"temperature\":9,\"n\":2")), APR_EINVAL);
    ck_assert_str_eq(err.param, "temperature");
}
END_TEST

START_TEST(the_request_id_stays)
{
    turn.request_id = "id-1";
    ck_assert_int_eq(take(body_of("")), APR_SUCCESS);
    ck_assert_str_eq(turn.request_id, "id-1");
}
END_TEST

#define SMILE "\xf0\x9f\x98\x80"

START_TEST(lengths_are_code_points_or_utf16_as_told_and_the_sum_is_utf16)
{
    chat_request_clamps_t small = clamps;

    small.message_length = 2;
    small.total_length = 4;
    ck_assert_int_eq(
        take_with(body_of(MESSAGES(USER("\"" SMILE SMILE "\""))), &small),
        APR_SUCCESS);
    ck_assert_int_eq(take_with(body_of(MESSAGES(USER("\"" SMILE SMILE
                                                     "\"") "," USER("\"1\""))),
                               &small),
                     APR_EINVAL);
    ck_assert_str_eq(err.param, "messages");
    small.count_utf16 = 1;
    ck_assert_int_eq(
        take_with(body_of(MESSAGES(USER("\"" SMILE SMILE "\""))), &small),
        APR_EINVAL);
    ck_assert_str_eq(err.param, "messages[0].content");
}
END_TEST

/* So many tools, or calls, and no more. */
static const char *list(const char *start, const char *format, int n,
                        const char *end)
{
    const char *text = start;
    int i;

    for (i = 0; i < n; i++)
        text = apr_pstrcat(pool, text, i ? "," : "",
                           apr_psprintf(pool, format, i), NULL);
    return body_of(apr_pstrcat(pool, text, end, NULL));
}

START_TEST(there_are_128_tools_and_calls_and_no_more)
{
    static const char start[] =
        "\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[";
    chat_request_clamps_t large = clamps;

    large.total_length = 1000;
    ck_assert_int_eq(take(list("\"tools\":[", TOOL("t%d"), 128, "]")),
                     APR_SUCCESS);
    ck_assert_int_eq(turn.ntools, 128);
    ck_assert_int_eq(take(list("\"tools\":[", TOOL("t%d"), 129, "]")),
                     APR_EINVAL);
    ck_assert_str_eq(err.code, "array_above_max_length");
    ck_assert_int_eq(
        take_with(list(start, CALL("c%d", ""), 128, "]}]"), &large),
        APR_SUCCESS);
    ck_assert_int_eq(turn.messages[0].ncalls, 128);
    ck_assert_int_eq(
        take_with(list(start, CALL("c%d", ""), 129, "]}]"), &large),
        APR_EINVAL);
    ck_assert_str_eq(err.param, "messages[0].tool_calls");
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_request_completions");
    TCase *tc = tcase_create("chat_request_completions");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_request_becomes_a_turn, 0, COUNT(accepted));
    tcase_add_loop_test(tc, what_goes_back_reaches_the_turn, 0, 4);
    tcase_add_loop_test(tc, what_is_wrong_is_refused_with_its_place, 0,
                        COUNT(refused));
    tcase_add_loop_test(tc, every_member_takes_its_kinds_of_values_and_null, 0,
                        COUNT(members));
    tcase_add_test(tc, a_body_that_is_no_object_is_refused);
    tcase_add_test(
        tc,
        the_first_thing_that_is_wrong_does_not_hang_on_the_order_of_members);
    tcase_add_test(tc, the_request_id_stays);
    tcase_add_test(
        tc, lengths_are_code_points_or_utf16_as_told_and_the_sum_is_utf16);
    tcase_add_test(tc, there_are_128_tools_and_calls_and_no_more);
    suite_add_tcase(suite, tc);
    return suite;
}
