/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The anthropic provider: what it makes of the richer turns (parts, tools,
 * effort), and of requests in its own words.
 */
#include "provider_suite.h"

#include <string.h>

#include <apr_strings.h>

#define pool provider_suite_pool
#define COUNT(rows) ((int)(sizeof(rows) / sizeof(rows[0])))

static chat_turn_t make_turn(void)
{
    chat_turn_t turn = provider_suite_turn();

    turn.model = "claude-sonnet-4-5";
    return turn;
}

static const char *build_body(const chat_turn_t *turn)
{
    chat_upstream_t up = provider_suite_upstream(0);

    return provider_suite_build(turn, &up).body;
}

static void check_refused(const chat_turn_t *turn, const char *about)
{
    chat_upstream_t up = provider_suite_upstream(0);
    chat_err_t err = provider_suite_refusal(turn, &up);

    ck_assert_msg(err.status == 400 && strcmp(err.code, "unsupported") == 0,
                  "%s: %d %s", about, err.status, err.code);
}

static void check_has(const char *body, const char *want)
{
    ck_assert_msg(strstr(body, want) != NULL, "%s\nlacks\n%s", body, want);
}

/* ---- messages ---- */

static const chat_tool_call_t calls[] = {
    {"toolu_1", "get_weather", "{\"city\": \"Bern\", \"n\": 1.50}", NULL},
    {"toolu_2", "now", "", NULL},
    {"toolu_3", "now", NULL, NULL},
};

static const chat_message_t talk[] = {
    {.role = CHAT_ROLE_USER, .content = "And now?"},
    {.role = CHAT_ROLE_ASSISTANT,
     .content = "Wait.",
     .calls = calls,
     .ncalls = 2},
    {.role = CHAT_ROLE_TOOL, .content = "{\"c\":1}", .call_id = "toolu_1"},
    {.role = CHAT_ROLE_TOOL, .content = " ", .call_id = "toolu_2"},
    {.role = CHAT_ROLE_ASSISTANT, .calls = &calls[2], .ncalls = 1},
    {.role = CHAT_ROLE_TOOL, .content = "noon", .call_id = "toolu_3"},
    {.role = CHAT_ROLE_USER, .content = "Thanks."},
};

#define RESULT(id) "{\"type\":\"tool_result\",\"tool_use_id\":\"" id "\""

/* PROVIDER_SUITE_SCHEMA as it binds here. */
#define BINDING_SCHEMA                                                         \
    "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"number\","         \
    "\"description\":\"{\\\"minimum\\\":1.50}\"}},"                            \
    "\"additionalProperties\":false}"

START_TEST(calls_and_what_they_gave_become_blocks)
{
    chat_turn_t turn = make_turn();

    turn.messages = talk;
    turn.nmessages = COUNT(talk);
    check_has(
        build_body(&turn),
        "\"messages\":[{\"role\":\"user\",\"content\":\"And now?\"},"
        "{\"role\":\"assistant\",\"content\":["
        "{\"type\":\"text\",\"text\":\"Wait.\"},"
        "{\"type\":\"tool_use\",\"id\":\"toolu_1\","
        "\"name\":\"get_weather\","
        "\"input\":{\"city\":\"Bern\",\"n\":1.50}},"
        "{\"type\":\"tool_use\",\"id\":\"toolu_2\",\"name\":\"now\","
        "\"input\":{}}]},"
        "{\"role\":\"user\",\"content\":[" RESULT(
            "toolu_1") ","
                       "\"content\":\"{\\\"c\\\":1}\"}," RESULT(
                           "toolu_2") "}]},"
                                      "{\"role\":\"assistant\",\"content\":["
                                      "{\"type\":\"tool_use\",\"id\":\"toolu_"
                                      "3\",\"name\":\"now\","
                                      "\"input\":{}}]},"
                                      "{\"role\":\"user\",\"content\":[" RESULT(
                                          "toolu_3") ","
                                                     "\"content\":\"noon\"}]},"
                                                     "{\"role\":\"user\","
                                                     "\"content\":\"Thanks.\"}"
                                                     "]");
}
END_TEST

static const char *const bad_arguments[] = {"[1]",  "\"x\"",   "7",
                                            "{\"a\":", "{} {}"};

START_TEST(arguments_that_are_no_object_are_refused)
{
    chat_turn_t turn = make_turn();
    chat_tool_call_t call = {"toolu_1", "now", bad_arguments[_i], NULL};
    chat_message_t messages[] = {
        {.role = CHAT_ROLE_USER, .content = "a"},
        {.role = CHAT_ROLE_ASSISTANT, .calls = &call, .ncalls = 1},
    };

    turn.messages = messages;
    turn.nmessages = 2;
    check_refused(&turn, bad_arguments[_i]);
}
END_TEST

static chat_turn_t make_parts_turn(chat_message_t *message, const char *parts)
{
    chat_turn_t turn = make_turn();

    memset(message, 0, sizeof(*message));
    message->role = CHAT_ROLE_USER;
    message->parts = provider_suite_json(parts);
    turn.messages = message;
    return turn;
}

#define IMAGE(url)                                                             \
    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"" url                    \
    "\",\"detail\":\"low\"}}"

START_TEST(parts_become_blocks)
{
    chat_message_t message;
    chat_turn_t turn = make_parts_turn(
        &message,
        "[{\"type\":\"text\",\"text\":\"What?\"},"
        "{\"type\":\"text\",\"text\":\" \"}," IMAGE(
            "data:image/"
            "png;base64,iVBO") "," IMAGE("data:image/"
                                         "webp;name=x;base64,"
                                         "UklG") "," IMAGE("https"
                                                           "://"
                                                           "examp"
                                                           "le."
                                                           "com/"
                                                           "a."
                                                           "jpg?"
                                                           "b=1") "]");

    check_has(build_body(&turn),
              "\"messages\":[{\"role\":\"user\",\"content\":["
              "{\"type\":\"text\",\"text\":\"What?\"},"
              "{\"type\":\"image\",\"source\":{\"type\":\"base64\","
              "\"media_type\":\"image/png\",\"data\":\"iVBO\"}},"
              "{\"type\":\"image\",\"source\":{\"type\":\"base64\","
              "\"media_type\":\"image/webp\",\"data\":\"UklG\"}},"
              "{\"type\":\"image\",\"source\":{\"type\":\"url\","
              "\"url\":\"https://example.com/a.jpg?b=1\"}}]}]");
}
END_TEST

static const char *const bad_parts[] = {
    IMAGE("http://example.com/a.jpg"),
    IMAGE("file:///etc/passwd"),
    IMAGE("data:image/png,iVBO"),
    IMAGE("data:image/png;base64"),
    IMAGE("data:image/png;base64,"),
    IMAGE("data:;base64,iVBO"),
    IMAGE("data:base64,iVBO"),
    IMAGE("data:image/svg+xml;base64,PHN2"),
    IMAGE("data:application/pdf;base64,JVBE"),
    "{\"type\":\"image_url\"}",
    "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"UklG\"}}",
    "{\"type\":\"file\",\"file\":{\"file_id\":\"file-1\"}}",
    "{\"type\":\"text\"}",
    "{\"text\":\"a\"}",
    "\"a\"",
};

START_TEST(a_part_that_cannot_be_said_is_refused)
{
    chat_message_t message;
    chat_turn_t turn = make_parts_turn(
        &message, apr_pstrcat(pool, "[{\"type\":\"text\",\"text\":\"a\"},",
                              bad_parts[_i], "]", NULL));

    check_refused(&turn, bad_parts[_i]);
}
END_TEST

START_TEST(a_tool_may_give_parts)
{
    chat_turn_t turn = make_turn();
    chat_message_t messages[] = {
        {.role = CHAT_ROLE_USER, .content = "a"},
        {.role = CHAT_ROLE_ASSISTANT, .calls = calls, .ncalls = 1},
        {.role = CHAT_ROLE_TOOL, .call_id = "toolu_1"},
    };

    messages[2].parts =
        provider_suite_json("[{\"type\":\"text\",\"text\":\"b\"}," IMAGE(
            "https://example.com/") "]");
    turn.messages = messages;
    turn.nmessages = 3;
    check_has(build_body(&turn),
              RESULT("toolu_1") ",\"content\":["
                                "{\"type\":\"text\",\"text\":\"b\"},"
                                "{\"type\":\"image\",\"source\":"
                                "{\"type\":\"url\","
                                "\"url\":\"https://example.com/\"}}]}]}]");
}
END_TEST

/* ---- tools ---- */

static const struct {
    chat_choice_e choice;
    int parallel;
    const char *said; /* NULL: nothing of it */
} choices[] = {
    {CHAT_CHOICE_UNSAID, -1, NULL},
    {CHAT_CHOICE_UNSAID, 1, NULL},
    {CHAT_CHOICE_UNSAID, 0,
     "{\"type\":\"auto\",\"disable_parallel_tool_use\":true}"},
    {CHAT_CHOICE_AUTO, -1, "{\"type\":\"auto\"}"},
    {CHAT_CHOICE_AUTO, 0,
     "{\"type\":\"auto\",\"disable_parallel_tool_use\":true}"},
    {CHAT_CHOICE_NONE, -1, "{\"type\":\"none\"}"},
    {CHAT_CHOICE_NONE, 0, "{\"type\":\"none\"}"},
    {CHAT_CHOICE_REQUIRED, 1, "{\"type\":\"any\"}"},
    {CHAT_CHOICE_REQUIRED, 0,
     "{\"type\":\"any\",\"disable_parallel_tool_use\":true}"},
    {CHAT_CHOICE_TOOL, -1, "{\"type\":\"tool\",\"name\":\"now\"}"},
};

START_TEST(tools_come_with_the_choice_between_them)
{
    chat_tool_t tools[] = {
        {.name = "get_weather", .description = "Of a city.", .strict = 1},
        {.name = "now", .strict = 0},
    };
    chat_turn_t turn = make_turn();
    const char *body;

    tools[0].parameters = provider_suite_json(PROVIDER_SUITE_SCHEMA);
    turn.tools = tools;
    turn.ntools = 2;
    turn.choice = choices[_i].choice;
    turn.choice_name = "now";
    turn.parallel = choices[_i].parallel;
    body = build_body(&turn);
    check_has(body,
              "\"tools\":[{\"name\":\"get_weather\","
              "\"description\":\"Of a city.\","
              "\"input_schema\":" BINDING_SCHEMA ",\"strict\":true},"
              "{\"name\":\"now\","
              "\"input_schema\":{\"type\":\"object\",\"properties\":{}}}]");
    if (choices[_i].said)
        check_has(body, apr_pstrcat(pool, "],\"tool_choice\":",
                                    choices[_i].said, ",\"stream\"", NULL));
    else
        ck_assert_ptr_null(strstr(body, "tool_choice"));
}
END_TEST

#define NO_PARAMETERS                                                          \
    "{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}"

/* tool: of a tool, whose parameters are always an object's; NULL: as sent. */
static const struct {
    const char *given, *sent, *tool;
} schemas[] = {
    {"{}", "{}", NO_PARAMETERS},
    {"true", "true", NULL},
    {"{\"type\":\"string\"}", "{\"type\":\"string\"}", NULL},
    {"{\"type\":\"object\"}",
     "{\"type\":\"object\",\"additionalProperties\":false}", NO_PARAMETERS},
    {"{\"$schema\":\"x\",\"type\":[\"object\",\"null\"],"
     "\"additionalProperties\":true}",
     "{\"type\":[\"object\",\"null\"],\"additionalProperties\":false}", NULL},
    {"{\"properties\":{\"a\":{\"properties\":{}},\"minimum\":{}},"
     "\"required\":[\"a\"],\"title\":\"t\"}",
     "{\"properties\":{\"a\":{\"properties\":{},"
     "\"additionalProperties\":false},\"minimum\":{}},"
     "\"required\":[\"a\"],\"title\":\"t\","
     "\"additionalProperties\":false}",
     "{\"type\":\"object\",\"properties\":{\"a\":{\"properties\":{},"
     "\"additionalProperties\":false},\"minimum\":{}},"
     "\"required\":[\"a\"],\"title\":\"t\","
     "\"additionalProperties\":false}"},
    {"{\"type\":\"integer\",\"description\":\"d\",\"minimum\":1.50,"
     "\"default\":null}",
     "{\"type\":\"integer\",\"description\":\"d\\n\\n"
     "{\\\"minimum\\\":1.50,\\\"default\\\":null}\"}",
     NULL},
    {"{\"type\":\"array\",\"items\":{\"type\":\"object\"},\"minItems\":1}",
     "{\"type\":\"array\",\"items\":{\"type\":\"object\","
     "\"additionalProperties\":false},\"minItems\":1}",
     NULL},
    {"{\"type\":\"array\",\"items\":[{}],\"minItems\":2}",
     "{\"type\":\"array\",\"description\":"
     "\"{\\\"items\\\":[{}],\\\"minItems\\\":2}\"}",
     NULL},
    {"{\"enum\":[\"a\",7,null],\"format\":\"uuid\"}",
     "{\"enum\":[\"a\",7,null],\"format\":\"uuid\"}", NULL},
    {"{\"const\":1,\"format\":\"color\"}",
     "{\"const\":1,\"description\":\"{\\\"format\\\":\\\"color\\\"}\"}", NULL},
    {"{\"anyOf\":[{\"type\":\"object\"},{\"type\":\"null\"}]}",
     "{\"anyOf\":[{\"type\":\"object\",\"additionalProperties\":false},"
     "{\"type\":\"null\"}]}",
     NULL},
    {"{\"oneOf\":[{\"pattern\":\"x\"}]}",
     "{\"anyOf\":[{\"description\":\"{\\\"pattern\\\":\\\"x\\\"}\"}]}", NULL},
    {"{\"$ref\":\"#/$defs/a\",\"title\":\"t\","
     "\"$defs\":{\"a\":{\"type\":\"object\"}}}",
     "{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"type\":\"object\","
     "\"additionalProperties\":false}}}",
     NULL},
};

START_TEST(a_schema_that_is_to_bind_is_put_in_the_words_there_are)
{
    chat_tool_t tool = {.name = "now", .strict = 1};
    chat_turn_t turn = make_turn();
    const char *given;

    turn.schema = provider_suite_json(schemas[_i].given);
    given = chat_json_text(turn.schema, NULL, pool);
    check_has(build_body(&turn),
              apr_pstrcat(pool, "\"schema\":", schemas[_i].sent, "}}", NULL));
    /* It is not ours: other providers may get it. */
    ck_assert_str_eq(chat_json_text(turn.schema, NULL, pool), given);
    tool.parameters = turn.schema;
    turn.schema = NULL;
    turn.tools = &tool;
    turn.ntools = 1;
    check_has(
        build_body(&turn),
        apr_pstrcat(pool, "\"input_schema\":",
                    schemas[_i].tool ? schemas[_i].tool : schemas[_i].sent, ",",
                    NULL));
    tool.strict = 0;
    if (schemas[_i].tool)
        return;
    check_has(build_body(&turn), apr_pstrcat(pool, "\"input_schema\":",
                                             schemas[_i].given, "}", NULL));
}
END_TEST

START_TEST(without_tools_there_is_nothing_to_choose)
{
    chat_turn_t turn = make_turn();

    turn.choice = CHAT_CHOICE_REQUIRED;
    turn.parallel = 0;
    ck_assert_ptr_null(strstr(build_body(&turn), "tool"));
}
END_TEST

/* ---- how to answer ---- */

START_TEST(of_temperature_and_top_p_one_is_sent)
{
    chat_turn_t turn = make_turn();
    chat_upstream_t up = provider_suite_upstream(0);

    turn.has_top_p = 1;
    turn.top_p = 0.9;
    check_has(build_body(&turn), "\"top_p\":0.9,");
    up.version = "2026-10-21";
    ck_assert_ptr_null(strstr(provider_suite_build(&turn, &up).body, "top_p"));
    turn.has_temperature = 1;
    turn.temperature = 0.5;
    check_has(build_body(&turn), "\"temperature\":0.5,");
    ck_assert_ptr_null(strstr(build_body(&turn), "top_p"));
}
END_TEST

START_TEST(stop_texts_are_sent_but_for_blank_ones)
{
    static const char *const stop[] = {"END", "\n\n"};
    chat_turn_t turn = make_turn();

    turn.stop = stop;
    turn.nstop = 1;
    check_has(build_body(&turn), "\"stop_sequences\":[\"END\"],");
    turn.nstop = 2;
    check_refused(&turn, "a blank stop");
}
END_TEST

static const struct {
    const char *effort, *said; /* "": nothing, NULL: refused */
} efforts[] = {
    {"none", ""},      {"minimal", "low"}, {"low", "low"}, {"medium", "medium"},
    {"high", "high"},  {"xhigh", "xhigh"}, {"max", "max"}, {"", NULL},
    {"highest", NULL}, {"LOW", NULL},
};

START_TEST(effort_is_said_in_the_words_there_are)
{
    chat_turn_t turn = make_turn();
    const char *said = efforts[_i].said;

    turn.effort = efforts[_i].effort;
    if (!said)
        check_refused(&turn, turn.effort);
    else if (*said)
        check_has(build_body(&turn),
                  apr_pstrcat(pool, "\"output_config\":{\"effort\":\"", said,
                              "\"},", NULL));
    else
        ck_assert_ptr_null(strstr(build_body(&turn), "output_config"));
}
END_TEST

START_TEST(effort_and_schema_stand_side_by_side)
{
    chat_turn_t turn = make_turn();

    turn.effort = "high";
    turn.schema = provider_suite_json(PROVIDER_SUITE_SCHEMA);
    check_has(build_body(&turn),
              "\"output_config\":{\"effort\":\"high\",\"format\":"
              "{\"type\":\"json_schema\",\"schema\":" BINDING_SCHEMA "}},");
}
END_TEST

START_TEST(any_json_is_asked_for_in_the_system_s_words)
{
    chat_turn_t turn = make_turn();

    turn.json = 1;
    check_has(build_body(&turn),
              "\"system\":\"Answer with one JSON object and nothing else.\",");
    turn.system = "Be kind.";
    check_has(build_body(&turn),
              "\"system\":\"Be kind.\\n\\nAnswer with one JSON object and "
              "nothing else.\",");
    ck_assert_ptr_null(strstr(build_body(&turn), "output_config"));
}
END_TEST

/* ---- in its own words ---- */

#define OWN                                                                    \
    "{\"model\":\"claude-a\",\"max_tokens\":900,\"stream\":true,"              \
    "\"system\":[{\"type\":\"text\",\"text\":\"s\","                           \
    "\"cache_control\":{\"type\":\"ephemeral\"}}],"                            \
    "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"document\","    \
    "\"source\":{\"type\":\"base64\",\"data\":\"JVBE\"}}]}],"                  \
    "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024},"              \
    "\"brand_new\":[1.50,null]}"

static chat_turn_t adopt(const char *body, const char *path)
{
    chat_upstream_t up = provider_suite_upstream(0);
    chat_turn_t turn;
    chat_err_t err;

    ck_assert_int_eq(provider_suite_adopt(&turn, body, path, &up, &err),
                     APR_SUCCESS);
    ck_assert_ptr_nonnull(turn.native);
    return turn;
}

START_TEST(of_its_own_request_what_concerns_the_way_is_taken)
{
    chat_turn_t turn = adopt(OWN, "/v1/messages");

    ck_assert_str_eq(turn.model, "claude-a");
    ck_assert_int_eq(turn.max_output_tokens, 900);
    ck_assert_int_eq(turn.whole, 0);
    turn = adopt("{\"messages\":[]}", "");
    ck_assert_ptr_null(turn.model);
    ck_assert_int_eq(turn.max_output_tokens, 0);
    ck_assert_int_eq(turn.whole, 1);
    turn = adopt("{\"messages\":[],\"stream\":false,\"max_tokens\":-7}",
                 "/messages");
    ck_assert_int_eq(turn.max_output_tokens, 0);
    ck_assert_int_eq(turn.whole, 1);
    turn = adopt("{\"messages\":[],\"max_tokens\":9999999999}", "/messages");
    ck_assert_int_eq(turn.max_output_tokens, APR_INT32_MAX);
}
END_TEST

static const struct {
    const char *body, *path;
} strangers[] = {
    {OWN, "/v1/messages/count_tokens"},
    {OWN, "/v1/messages/batches"},
    {"{\"messages\":[],\"model\":7}", ""},
    {"{\"model\":\"a\"}", "/v1/messages"},
    {"{\"messages\":\"hi\"}", "/v1/messages"},
    {"[]", ""},
    {"null", ""},
};

START_TEST(a_request_of_another_kind_is_not_adopted)
{
    chat_upstream_t up = provider_suite_upstream(0);
    chat_turn_t turn;
    chat_err_t err;

    ck_assert_int_eq(provider_suite_adopt(&turn, strangers[_i].body,
                                          strangers[_i].path, &up, &err),
                     APR_EINVAL);
    /* The first are other calls, the rest other requests. */
    ck_assert_int_eq(err.status, _i < 2 ? 404 : 400);
}
END_TEST

static const struct {
    int whole, most;
    const char *tokens, *stream; /* as sent */
} ways[] = {
    {0, 0, "900", "true"},    {0, 900, "900", "true"}, {0, 100, "100", "true"},
    {0, 1000, "900", "true"}, {1, 0, "900", "false"},
};

START_TEST(its_own_request_is_sent_as_it_is_but_for_the_way)
{
    chat_turn_t turn = adopt(OWN, "/v1/messages");
    const char *before = chat_json_text(turn.native, NULL, pool), *rest, *body;

    turn.model = "claude-b";
    turn.whole = ways[_i].whole;
    turn.max_output_tokens = ways[_i].most;
    body = build_body(&turn);
    rest = strstr(before, ",\"system\"");
    ck_assert_str_eq(
        body, apr_pstrcat(pool, "{\"model\":\"claude-b\",\"max_tokens\":",
                          ways[_i].tokens, ",\"stream\":", ways[_i].stream,
                          rest, NULL));
    /* The next candidate gets it as it came. */
    ck_assert_str_eq(chat_json_text(turn.native, NULL, pool), before);
}
END_TEST

static const struct {
    const char *said, *sent;
} caps[] = {
    {"", "\"max_tokens\":50"},
    {",\"max_tokens\":49", "\"max_tokens\":49"},
    {",\"max_tokens\":51", "\"max_tokens\":50"},
    {",\"max_tokens\":\"900\"", "\"max_tokens\":50"},
    {",\"max_tokens\":-1", "\"max_tokens\":50"},
    {",\"max_tokens\":1e30", "\"max_tokens\":50"},
};

START_TEST(its_own_request_gets_no_more_than_it_may_have)
{
    chat_turn_t turn = adopt(
        apr_pstrcat(pool, "{\"messages\":[]", caps[_i].said, "}", NULL), "");

    turn.model = "claude-b";
    turn.max_output_tokens = 50;
    check_has(build_body(&turn), caps[_i].sent);
}
END_TEST

/* --------------------------------------------------------------------- */

static const provider_suite_t spec = {
    .provider = &chat_provider_anthropic,
    .url = "https://api.anthropic.com/v1",
    .apis = 1,
};

static const char *build_messages(chat_message_t *messages, int n)
{
    chat_turn_t turn = make_turn();

    turn.messages = messages;
    turn.nmessages = n;
    return build_body(&turn);
}

START_TEST(ids_of_others_become_ids_that_are_taken)
{
    static const chat_tool_call_t calls[] = {
        {"functions.weather:0", "weather", "{}", NULL},
        {"functions_weather:0", "weather", "{}", NULL},
        {"toolu_1-A", "weather", "{}", NULL},
    };
    chat_message_t messages[] = {
        {.role = CHAT_ROLE_USER, .content = "hi"},
        {.role = CHAT_ROLE_ASSISTANT,
         .calls = calls,
         .ncalls = 3,
         .reasoning = "Hm."},
        {.role = CHAT_ROLE_TOOL, .content = "1", .call_id = calls[0].id},
        {.role = CHAT_ROLE_TOOL, .content = "2", .call_id = calls[1].id},
        {.role = CHAT_ROLE_TOOL, .content = "3", .call_id = calls[2].id},
    };
    const chat_json_t *list = chat_json_get(
        provider_suite_json(build_messages(messages, 5)), "messages");
    const chat_json_t *uses = chat_json_get(chat_json_at(list, 1), "content");
    const chat_json_t *got = chat_json_get(chat_json_at(list, 2), "content");
    const char *ids[3];
    int i;

    for (i = 0; i < 3; i++) {
        ids[i] = chat_json_string(chat_json_get(chat_json_at(uses, i), "id"));
        ck_assert_uint_eq(strspn(ids[i], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ"
                                         "KLMNOPQRSTUVWXYZ0123456789_-"),
                          strlen(ids[i]));
        ck_assert_uint_le(strlen(ids[i]), 64);
        ck_assert_str_eq(ids[i], chat_json_string(chat_json_get(
                                     chat_json_at(got, i), "tool_use_id")));
    }
    ck_assert_str_ne(ids[0], ids[1]);
    ck_assert_str_eq(ids[2], "toolu_1-A");
}
END_TEST

/* Of thoughts that nobody signed there is nothing to be given back. */
START_TEST(thoughts_become_blocks_before_what_they_led_to)
{
    static const struct {
        const char *details, *content;
    } rows[] = {
        {"[{\"type\":\"reasoning.text\",\"id\":\"anthropic/0\",\"text\":"
         "\"Hm.\",\"signature\":\"S\"}]",
         "[{\"type\":\"thinking\",\"thinking\":\"Hm.\",\"signature\":\"S\"},"
         "{\"type\":\"text\",\"text\":\"Cold.\"}]"},
        {"[{\"type\":\"reasoning.text\",\"id\":\"anthropic/\",\"signature\":"
         "\"S\"},{\"type\":\"reasoning.encrypted\",\"id\":\"anthropic/1\","
         "\"data\":\"D\",\"after_text\":5}]",
         "[{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"S\"},"
         "{\"type\":\"text\",\"text\":\"Cold.\"},"
         "{\"type\":\"redacted_thinking\",\"data\":\"D\"}]"},
        {"[{\"type\":\"reasoning.text\",\"id\":\"anthropic/0\",\"text\":"
         "\"Hm.\"},{\"type\":\"reasoning.encrypted\",\"id\":\"anthropic/1\","
         "\"data\":7},{\"type\":\"odd\",\"id\":\"anthropic/2\"}]",
         "[{\"type\":\"text\",\"text\":\"Cold.\"}]"},
        {"[{\"type\":\"reasoning.text\",\"text\":\"Hm.\",\"signature\":"
         "\"S\",\"format\":\"anthropic-claude-v1\"}]",
         "\"Cold.\""},
    };
    chat_message_t messages[] = {
        {.role = CHAT_ROLE_USER, .content = "hi"},
        {.role = CHAT_ROLE_ASSISTANT, .content = "Cold."},
        {.role = CHAT_ROLE_USER, .content = "and?"},
    };

    messages[1].details = provider_suite_json(rows[_i].details);
    check_has(build_messages(messages, 3),
              apr_pstrcat(provider_suite_pool,
                          "{\"role\":\"assistant\",\"content\":",
                          rows[_i].content, "}", NULL));
    /* Where a part says more than text they come before all of it. */
    messages[1].text_parts = provider_suite_json(
        "[{\"type\":\"text\",\"text\":\"Cold.\",\"cache_control\":{}}]");
    check_has(build_messages(messages, 3),
              "{\"type\":\"text\",\"text\":\"Cold.\",\"cache_control\":{}}]");
}
END_TEST

START_TEST(it_thinks_as_it_is_told_to)
{
    chat_turn_t turn = make_turn();

    turn.has_temperature = 1;
    turn.temperature = 0.5;
    turn.extra = provider_suite_json(
        "{\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000}}");
    check_has(build_body(&turn), "\"max_tokens\":6096");
    check_has(build_body(&turn), "\"thinking\":{\"type\":\"enabled\","
                                 "\"budget_tokens\":2000}");
    ck_assert_ptr_null(strstr(build_body(&turn), "temperature"));
    turn.max_output_tokens = 3000;
    check_has(build_body(&turn), "\"max_tokens\":3000");
    turn.extra = provider_suite_json("{\"thinking\":{\"type\":\"disabled\"}}");
    check_has(build_body(&turn), "\"temperature\":0.5");
    ck_assert_ptr_null(strstr(build_body(&turn), "thinking"));
}
END_TEST

START_TEST(what_the_assistant_goes_on_from_ends_with_a_word)
{
    chat_message_t messages[] = {
        {.role = CHAT_ROLE_USER, .content = "hi \n"},
        {.role = CHAT_ROLE_ASSISTANT, .content = "Answer: \n"},
    };

    check_has(build_messages(messages, 2),
              "\"messages\":[{\"role\":\"user\",\"content\":\"hi \\n\"},"
              "{\"role\":\"assistant\",\"content\":\"Answer:\"}]");
    messages[1].content = " \n";
    check_has(build_messages(messages, 2),
              "\"messages\":[{\"role\":\"user\",\"content\":\"hi \\n\"}]");
}
END_TEST

START_TEST(what_is_to_be_cached_says_so)
{
    chat_message_t messages[] = {
        {.role = CHAT_ROLE_SYSTEM, .content = "Long"},
        {.role = CHAT_ROLE_USER, .content = "hi"},
    };
    const char *body;

    messages[0].text_parts = provider_suite_json(
        "[{\"type\":\"text\",\"text\":\"Long\",\"cache_control\":"
        "{\"type\":\"ephemeral\"}}]");
    messages[1].text_parts = provider_suite_json(
        "[{\"type\":\"text\",\"text\":\"a\",\"cache_control\":"
        "{\"type\":\"ephemeral\"}},{\"type\":\"text\",\"text\":\"b\"}]");
    body = build_messages(messages, 2);
    check_has(body, "\"system\":[{\"type\":\"text\",\"text\":\"Long\","
                    "\"cache_control\":{\"type\":\"ephemeral\"}}]");
    check_has(body, "\"content\":[{\"type\":\"text\",\"text\":\"a\","
                    "\"cache_control\":{\"type\":\"ephemeral\"}},"
                    "{\"type\":\"text\",\"text\":\"b\"}]");
}
END_TEST

static const char *const jpegs[] = {"image/jpg", "IMAGE/JPEG", "image/pjpeg"};

START_TEST(a_jpeg_is_one_whatever_it_is_called)
{
    chat_message_t message = {.role = CHAT_ROLE_USER};

    message.parts = provider_suite_json(apr_pstrcat(
        pool, "[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:",
        jpegs[_i], ";base64,AAAA\"}}]", NULL));
    check_has(build_messages(&message, 1), "\"media_type\":\"image/jpeg\"");
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_provider_anthropic_build");
    TCase *tc = tcase_create("anthropic build");

    provider_suite_spec = &spec;
    tcase_add_checked_fixture(tc, provider_suite_set_up,
                              provider_suite_tear_down);
    tcase_add_test(tc, calls_and_what_they_gave_become_blocks);
    tcase_add_loop_test(tc, arguments_that_are_no_object_are_refused, 0,
                        COUNT(bad_arguments));
    tcase_add_test(tc, parts_become_blocks);
    tcase_add_loop_test(tc, a_part_that_cannot_be_said_is_refused, 0,
                        COUNT(bad_parts));
    tcase_add_test(tc, a_tool_may_give_parts);
    tcase_add_loop_test(tc, tools_come_with_the_choice_between_them, 0,
                        COUNT(choices));
    tcase_add_loop_test(tc,
                        a_schema_that_is_to_bind_is_put_in_the_words_there_are,
                        0, COUNT(schemas));
    tcase_add_test(tc, without_tools_there_is_nothing_to_choose);
    tcase_add_test(tc, of_temperature_and_top_p_one_is_sent);
    tcase_add_test(tc, stop_texts_are_sent_but_for_blank_ones);
    tcase_add_loop_test(tc, effort_is_said_in_the_words_there_are, 0,
                        COUNT(efforts));
    tcase_add_test(tc, effort_and_schema_stand_side_by_side);
    tcase_add_test(tc, any_json_is_asked_for_in_the_system_s_words);
    tcase_add_test(tc, of_its_own_request_what_concerns_the_way_is_taken);
    tcase_add_loop_test(tc, a_request_of_another_kind_is_not_adopted, 0,
                        COUNT(strangers));
    tcase_add_loop_test(tc, its_own_request_is_sent_as_it_is_but_for_the_way, 0,
                        COUNT(ways));
    tcase_add_loop_test(tc, its_own_request_gets_no_more_than_it_may_have, 0,
                        COUNT(caps));
    tcase_add_test(tc, ids_of_others_become_ids_that_are_taken);
    tcase_add_loop_test(tc, thoughts_become_blocks_before_what_they_led_to, 0,
                        4);
    tcase_add_test(tc, it_thinks_as_it_is_told_to);
    tcase_add_test(tc, what_the_assistant_goes_on_from_ends_with_a_word);
    tcase_add_test(tc, what_is_to_be_cached_says_so);
    tcase_add_loop_test(tc, a_jpeg_is_one_whatever_it_is_called, 0,
                        sizeof(jpegs) / sizeof(jpegs[0]));
    suite_add_tcase(suite, tc);
    return suite;
}
