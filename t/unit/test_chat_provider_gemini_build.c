/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gemini provider: what it makes of the richer turns (parts, tools,
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

    turn.model = "gemini-3-pro";
    return turn;
}

static chat_call_t build(const chat_turn_t *turn)
{
    chat_upstream_t up = provider_suite_upstream(0);

    return provider_suite_build(turn, &up);
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
    {"call_00000000000000aa_0", "get_weather",
     "{\"city\": \"Bern\", \"n\": 1.50}", NULL},
    {"call_00000000000000aa_1", "now", "", NULL},
    {"call_00000000000000aa_0", "other", NULL, NULL},
};

static const chat_message_t talk[] = {
    {.role = CHAT_ROLE_USER, .content = "And now?"},
    {.role = CHAT_ROLE_ASSISTANT,
     .content = "Wait.",
     .calls = calls,
     .ncalls = 2},
    {.role = CHAT_ROLE_TOOL,
     .content = "noon",
     .call_id = "call_00000000000000aa_1"},
    {.role = CHAT_ROLE_TOOL,
     .content = " {\"c\": 1.50}",
     .call_id = "call_00000000000000aa_0"},
    {.role = CHAT_ROLE_ASSISTANT, .calls = &calls[2], .ncalls = 1},
    {.role = CHAT_ROLE_TOOL,
     .content = "[7]",
     .call_id = "call_00000000000000aa_0"},
    {.role = CHAT_ROLE_USER, .content = "Thanks."},
};

#define SIGNED ",\"thoughtSignature\":\"skip_thought_signature_validator\""
#define RESPONSE(name, object)                                                 \
    "{\"functionResponse\":{\"name\":\"" name "\",\"response\":" object "}}"

START_TEST(calls_and_what_they_gave_become_parts)
{
    chat_turn_t turn = make_turn();

    turn.messages = talk;
    turn.nmessages = COUNT(talk);
    check_has(
        build(&turn).body,
        "\"contents\":["
        "{\"role\":\"user\",\"parts\":[{\"text\":\"And now?\"}]},"
        "{\"role\":\"model\",\"parts\":[{\"text\":\"Wait.\"},"
        "{\"functionCall\":{\"name\":\"get_weather\",\"args\":"
        "{\"city\":\"Bern\",\"n\":1.50}}" SIGNED "},"
        "{\"functionCall\":{\"name\":\"now\",\"args\":{}}}]},"
        "{\"role\":\"user\",\"parts\":[" RESPONSE(
            "now",
            "{\"result\":"
            "\"noon\"}") "," RESPONSE("get_weather",
                                      "{\"c\":1.50}") "]},"
                                                      "{\"role\":\"model\","
                                                      "\"parts\":[{"
                                                      "\"functionCall\":"
                                                      "{\"name\":\"other\","
                                                      "\"args\":{}}" SIGNED
                                                      "}]},"
                                                      "{\"role\":\"user\","
                                                      "\"parts\":[" RESPONSE(
                                                          "other",
                                                          "{\"result\":\"[7]"
                                                          "\"}") "]},"
                                                                 "{\"role\":"
                                                                 "\"user\","
                                                                 "\"parts\":[{"
                                                                 "\"text\":"
                                                                 "\"Thanks.\"}]"
                                                                 "}]");
}
END_TEST

static const char *const bad_arguments[] = {"[1]",  "\"x\"",   "7",
                                            "{\"a\":", "{} {}"};

START_TEST(arguments_that_are_no_object_are_refused)
{
    chat_turn_t turn = make_turn();
    chat_tool_call_t call = {"call_00000000000000aa_0", "now",
                             bad_arguments[_i], NULL};
    chat_message_t messages[] = {
        {.role = CHAT_ROLE_USER, .content = "a"},
        {.role = CHAT_ROLE_ASSISTANT, .calls = &call, .ncalls = 1},
    };

    turn.messages = messages;
    turn.nmessages = 2;
    check_refused(&turn, bad_arguments[_i]);
}
END_TEST

/* An answer is told by the name of what was called. */
START_TEST(what_a_tool_gave_that_nobody_called_is_refused)
{
    chat_turn_t turn = make_turn();
    chat_message_t messages[] = {
        {.role = CHAT_ROLE_USER, .content = "a"},
        {.role = CHAT_ROLE_TOOL,
         .content = "b",
         .call_id = _i ? "call_00000000000000aa_0" : NULL},
        {.role = CHAT_ROLE_ASSISTANT, .calls = calls, .ncalls = 1},
    };

    turn.messages = messages;
    turn.nmessages = 3;
    check_refused(&turn, "a tool message before its call");
}
END_TEST

#define IMAGE(url)                                                             \
    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"" url                    \
    "\",\"detail\":\"low\"}}"

static chat_turn_t make_parts_turn(chat_message_t *message, const char *parts)
{
    chat_turn_t turn = make_turn();

    memset(message, 0, sizeof(*message));
    message->role = CHAT_ROLE_USER;
    message->parts = provider_suite_json(parts);
    turn.messages = message;
    return turn;
}

START_TEST(parts_become_parts)
{
    chat_message_t message;
    chat_turn_t turn =
        make_parts_turn(&message, "[{\"type\":\"text\",\"text\":\"What?\"},"
                                  "{\"type\":\"text\",\"text\":\"\"}," IMAGE(
                                      "data:image/heic;base64,iVBO") "]");

    check_has(build(&turn).body,
              "\"contents\":[{\"role\":\"user\",\"parts\":["
              "{\"text\":\"What?\"},{\"inlineData\":"
              "{\"mimeType\":\"image/heic\",\"data\":\"iVBO\"}}]}]");
}
END_TEST

static const char *const bad_parts[] = {
    IMAGE("https://example.com/a.jpg"),
    IMAGE("data:image/png,iVBO"),
    "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"UklG\"}}",
    "{\"type\":\"text\"}",
    "7",
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

static const struct {
    const char *parts, *sent; /* NULL: refused */
} results[] = {
    {"[{\"type\":\"text\",\"text\":\"b\"},{\"type\":\"text\",\"text\":\"c\"}]",
     RESPONSE("get_weather", "{\"result\":\"bc\"}")},
    {"[]", RESPONSE("get_weather", "{\"result\":\"\"}")},
    {"[" IMAGE("data:image/png;base64,iVBO") "]", NULL},
};

START_TEST(a_tool_may_give_parts_of_text)
{
    chat_turn_t turn = make_turn();
    chat_message_t messages[] = {
        {.role = CHAT_ROLE_USER, .content = "a"},
        {.role = CHAT_ROLE_ASSISTANT, .calls = calls, .ncalls = 1},
        {.role = CHAT_ROLE_TOOL, .call_id = "call_00000000000000aa_0"},
    };

    messages[2].parts = provider_suite_json(results[_i].parts);
    turn.messages = messages;
    turn.nmessages = 3;
    if (results[_i].sent)
        check_has(build(&turn).body, results[_i].sent);
    else
        check_refused(&turn, results[_i].parts);
}
END_TEST

/* ---- tools ---- */

static const struct {
    chat_choice_e choice;
    const char *said; /* NULL: nothing of it */
} choices[] = {
    {CHAT_CHOICE_UNSAID, NULL},
    {CHAT_CHOICE_AUTO, "\"AUTO\""},
    {CHAT_CHOICE_NONE, "\"NONE\""},
    {CHAT_CHOICE_REQUIRED, "\"ANY\""},
    {CHAT_CHOICE_TOOL, "\"ANY\",\"allowedFunctionNames\":[\"now\"]"},
};

START_TEST(tools_come_with_the_choice_between_them)
{
    chat_tool_t tools[] = {
        {.name = "get_weather", .description = "Of a city.", .strict = 1},
        {.name = "now", .strict = -1},
    };
    chat_turn_t turn = make_turn();
    const char *body;

    tools[0].parameters = provider_suite_json(PROVIDER_SUITE_SCHEMA);
    turn.tools = tools;
    turn.ntools = 2;
    turn.choice = choices[_i].choice;
    turn.choice_name = "now";
    body = build(&turn).body;
    check_has(body, "\"tools\":[{\"functionDeclarations\":["
                    "{\"name\":\"get_weather\","
                    "\"description\":\"Of a city.\","
                    "\"parametersJsonSchema\":" PROVIDER_SUITE_SCHEMA "},"
                    "{\"name\":\"now\",\"parametersJsonSchema\":{\"type\":"
                    "\"object\",\"properties\":{}}}]}]");
    if (choices[_i].said)
        check_has(body, apr_pstrcat(pool,
                                    "\"toolConfig\":{\"functionCallingConfig\":"
                                    "{\"mode\":",
                                    choices[_i].said, "}}", NULL));
    else
        ck_assert_ptr_null(strstr(body, "toolConfig"));
}
END_TEST

START_TEST(without_tools_there_is_nothing_to_choose)
{
    chat_turn_t turn = make_turn();

    turn.choice = CHAT_CHOICE_REQUIRED;
    turn.parallel = 0;
    ck_assert_ptr_null(strstr(build(&turn).body, "tool"));
}
END_TEST

START_TEST(one_call_at_a_time_is_not_promised)
{
    static const chat_tool_t tool = {.name = "now"};
    chat_turn_t turn = make_turn();

    turn.tools = &tool;
    turn.ntools = 1;
    turn.parallel = 0;
    check_refused(&turn, "parallel");
    turn.choice = CHAT_CHOICE_NONE;
    build(&turn);
    turn.choice = CHAT_CHOICE_AUTO;
    turn.parallel = 1;
    build(&turn);
}
END_TEST

/* ---- how to answer ---- */

START_TEST(the_config_says_how_to_answer)
{
    static const char *const stop[] = {"END", "\n\n"};
    chat_turn_t turn = make_turn();

    turn.has_temperature = 1;
    turn.temperature = 2;
    turn.has_top_p = 1;
    turn.top_p = 0.9;
    turn.stop = stop;
    turn.nstop = 2;
    turn.max_output_tokens = 7;
    turn.json = 1;
    turn.effort = "low";
    check_has(build(&turn).body,
              "\"generationConfig\":{\"temperature\":2,\"topP\":0.9,"
              "\"stopSequences\":[\"END\",\"\\n\\n\"],\"maxOutputTokens\":7,"
              "\"responseMimeType\":\"application/json\","
              "\"thinkingConfig\":{\"thinkingLevel\":\"LOW\"}}");
}
END_TEST

static const struct {
    const char *model, *effort, *said; /* "": nothing, NULL: refused */
} efforts[] = {
    {"gemini-3-pro", "minimal", "{\"thinkingLevel\":\"MINIMAL\"}"},
    {"models/gemini-3-pro", "medium", "{\"thinkingLevel\":\"MEDIUM\"}"},
    {"gemini-4-x", "high", "{\"thinkingLevel\":\"HIGH\"}"},
    {"gemini-3-pro", "none", NULL},
    {"gemini-3-pro", "xhigh", NULL},
    {"gemini-3-pro", "LOW", NULL},
    {"gemini-2.5-flash", "none", "{\"thinkingBudget\":0}"},
    {"gemini-2.5-flash-lite", "minimal", "{\"thinkingBudget\":1024}"},
    {"models/gemini-2.5-flash", "low", "{\"thinkingBudget\":1024}"},
    {"gemini-2.5-flash", "medium", "{\"thinkingBudget\":8192}"},
    {"gemini-2.5-pro", "high", "{\"thinkingBudget\":24576}"},
    {"gemini-2.5-pro", "none", NULL},
    {"gemini-2.5-flash", "max", NULL},
    {"gemini-2.0-flash", "high", ""},
    {"gemini-1.5-pro", "none", ""},
    {"gemini-2.0-flash", "max", NULL},
};

START_TEST(effort_is_said_as_the_model_knows_it)
{
    chat_turn_t turn = make_turn();
    const char *said = efforts[_i].said;

    turn.model = efforts[_i].model;
    turn.effort = efforts[_i].effort;
    if (!said)
        check_refused(&turn, turn.effort);
    else if (*said)
        check_has(build(&turn).body,
                  apr_pstrcat(pool, "\"generationConfig\":{\"thinkingConfig\":",
                              said, "}", NULL));
    else
        ck_assert_ptr_null(strstr(build(&turn).body, "generationConfig"));
}
END_TEST

/* ---- in its own words ---- */

#define OWN(config)                                                            \
    "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"inline_data\":"           \
    "{\"mime_type\":\"image/png\",\"data\":\"iVBO\"}}]}],"                     \
    "\"safetySettings\":[{\"category\":\"x\",\"threshold\":\"OFF\"}]," config  \
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

static const struct {
    const char *path, *model;
    int whole;
} paths[] = {
    {"/v1beta/models/gemini-3-pro:streamGenerateContent", "gemini-3-pro", 0},
    {"/models/gemini-3-pro:generateContent", "gemini-3-pro", 1},
    {"/v1/models/a.b-C_9:generateContent", "a.b-C_9", 1},
    {"/x/models/y/v1beta/models/a:generateContent", "a", 1},
    {"/models/:generateContent", "", 1},
    {"", NULL, 0},
    {"/", NULL, 0},
};

START_TEST(the_model_and_the_way_are_in_the_path)
{
    chat_turn_t turn = adopt("{\"contents\":[]}", paths[_i].path);

    ck_assert_pstr_eq(turn.model, paths[_i].model);
    ck_assert_int_eq(turn.whole, paths[_i].whole);
    ck_assert_int_eq(turn.max_output_tokens, 0);
}
END_TEST

static const struct {
    const char *body, *path;
} strangers[] = {
    {"{\"contents\":[]}", "/v1beta/models/gemini-3-pro:countTokens"},
    {"{\"contents\":[]}", "/v1beta/models/gemini-3-pro:embedContent"},
    {"{\"contents\":[]}", "/v1beta/models/gemini-3-pro:generateContentX"},
    {"{\"contents\":[]}", "/v1beta/tunedModels/x:generateContent"},
    {"{\"contents\":[]}", "/a:b/models/generateContent"},
    {"{\"contents\":\"hi\"}", "/v1beta/models/x:generateContent"},
    {"{}", ""},
    {"[]", ""},
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
    ck_assert_int_eq(err.status, _i < 5 ? 404 : 400);
}
END_TEST

static const struct {
    int most;           /* our cap */
    const char *config; /* as it came */
    int asked;          /* as it was read */
    const char *sent;   /* NULL: as it came */
} caps[] = {
    {0, "", 0, NULL},
    {0, "\"generationConfig\":{\"maxOutputTokens\":900},", 900, NULL},
    {0, "\"generation_config\":{\"max_output_tokens\":900},", 900, NULL},
    {50, "\"generationConfig\":{\"topK\":1.50,\"maxOutputTokens\":49},", 49,
     NULL},
    {50, "\"generationConfig\":{\"maxOutputTokens\":51,\"topK\":1},", 51,
     "\"generationConfig\":{\"maxOutputTokens\":50,\"topK\":1},"},
    {50, "\"generation_config\":{\"max_output_tokens\":51},", 51,
     "\"generation_config\":{\"max_output_tokens\":50},"},
    {50, "\"generation_config\":{\"topK\":1},", 0,
     "\"generation_config\":{\"topK\":1,\"maxOutputTokens\":50},"},
    {50, "\"generationConfig\":{\"maxOutputTokens\":\"900\"},", 0,
     "\"generationConfig\":{\"maxOutputTokens\":50},"},
    {50,
     "\"generationConfig\":{\"maxOutputTokens\":1,\"max_output_tokens\":900},",
     900,
     "\"generationConfig\":{\"maxOutputTokens\":1,\"max_output_tokens\":50},"},
    {50, "\"generationConfig\":null,", 0,
     "\"generationConfig\":{\"maxOutputTokens\":50},"},
};

START_TEST(its_own_request_is_sent_as_it_is_but_for_its_cap)
{
    const char *given = apr_pstrcat(
        pool, "{\"model\":\"models/evil\",\"contents\":[{\"a\":1}],",
        caps[_i].config, "\"brand_new\":[1.50,null]}", NULL);
    chat_turn_t turn = adopt(given, "");

    ck_assert_int_eq(turn.max_output_tokens, caps[_i].asked);
    turn.model = "gemini-3-pro";
    turn.max_output_tokens = caps[_i].most;
    ck_assert_str_eq(
        build(&turn).body,
        apr_pstrcat(pool, "{\"contents\":[{\"a\":1}],",
                    caps[_i].sent ? caps[_i].sent : caps[_i].config,
                    "\"brand_new\":[1.50,null]}", NULL));
    /* The next candidate gets it as it came. */
    ck_assert_str_eq(chat_json_text(turn.native, NULL, pool), given);
}
END_TEST

START_TEST(a_cap_has_a_config_made_for_it)
{
    chat_turn_t turn = adopt("{\"contents\":[]}", "");

    turn.model = "gemini-3-pro";
    turn.max_output_tokens = 50;
    ck_assert_str_eq(build(&turn).body,
                     "{\"contents\":[],"
                     "\"generationConfig\":{\"maxOutputTokens\":50}}");
}
END_TEST

#define BASE "https://generativelanguage.googleapis.com/v1beta"

START_TEST(a_whole_answer_has_a_method_of_its_own)
{
    chat_turn_t turn = adopt(OWN(""), "/models/x:generateContent");

    turn.model = "models/gemini-3-pro";
    ck_assert_str_eq(build(&turn).url,
                     BASE "/models/gemini-3-pro:generateContent");
    turn.whole = 0;
    ck_assert_str_eq(build(&turn).url,
                     BASE "/models/gemini-3-pro:streamGenerateContent?alt=sse");
    ck_assert_str_eq(build(&turn).body, OWN(""));
    /* Our own words are always answered by a stream. */
    turn = make_turn();
    turn.whole = 1;
    ck_assert_str_eq(build(&turn).url,
                     BASE "/models/gemini-3-pro:streamGenerateContent?alt=sse");
}
END_TEST

START_TEST(its_own_request_cannot_bend_the_path_either)
{
    chat_turn_t turn = adopt(OWN(""), "/models/../x:generateContent");

    check_refused(&turn, turn.model);
}
END_TEST

/* --------------------------------------------------------------------- */

static const provider_suite_t spec = {
    .provider = &chat_provider_gemini,
    .url = BASE,
    .apis = 1,
};

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_provider_gemini_build");
    TCase *tc = tcase_create("gemini build");

    provider_suite_spec = &spec;
    tcase_add_checked_fixture(tc, provider_suite_set_up,
                              provider_suite_tear_down);
    tcase_add_test(tc, calls_and_what_they_gave_become_parts);
    tcase_add_loop_test(tc, arguments_that_are_no_object_are_refused, 0,
                        COUNT(bad_arguments));
    tcase_add_loop_test(tc, what_a_tool_gave_that_nobody_called_is_refused, 0,
                        2);
    tcase_add_test(tc, parts_become_parts);
    tcase_add_loop_test(tc, a_part_that_cannot_be_said_is_refused, 0,
                        COUNT(bad_parts));
    tcase_add_loop_test(tc, a_tool_may_give_parts_of_text, 0, COUNT(results));
    tcase_add_loop_test(tc, tools_come_with_the_choice_between_them, 0,
                        COUNT(choices));
    tcase_add_test(tc, without_tools_there_is_nothing_to_choose);
    tcase_add_test(tc, one_call_at_a_time_is_not_promised);
    tcase_add_test(tc, the_config_says_how_to_answer);
    tcase_add_loop_test(tc, effort_is_said_as_the_model_knows_it, 0,
                        COUNT(efforts));
    tcase_add_loop_test(tc, the_model_and_the_way_are_in_the_path, 0,
                        COUNT(paths));
    tcase_add_loop_test(tc, a_request_of_another_kind_is_not_adopted, 0,
                        COUNT(strangers));
    tcase_add_loop_test(tc, its_own_request_is_sent_as_it_is_but_for_its_cap, 0,
                        COUNT(caps));
    tcase_add_test(tc, a_cap_has_a_config_made_for_it);
    tcase_add_test(tc, a_whole_answer_has_a_method_of_its_own);
    tcase_add_test(tc, its_own_request_cannot_bend_the_path_either);
    suite_add_tcase(suite, tc);
    return suite;
}
