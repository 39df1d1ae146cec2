/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The openai provider's requests: tools, parts, formats and what a client said
 * in OpenAI's own words, as bodies of both of its APIs.
 */
#include "provider_suite.h"

#include <string.h>

#include <apr_strings.h>

#define pool provider_suite_pool

static const provider_suite_t spec = {
    .provider = &chat_provider_openai,
    .url = "https://api.openai.com/v1",
};

static const char *build_body(const chat_turn_t *turn, int completions)
{
    chat_upstream_t up = provider_suite_upstream(completions);

    return provider_suite_build(turn, &up).body;
}

static chat_err_t refusal_of(const chat_turn_t *turn, int completions)
{
    chat_upstream_t up = provider_suite_upstream(completions);

    return provider_suite_refusal(turn, &up);
}

static void check_holds(const char *body, const char *piece)
{
    ck_assert_msg(strstr(body, piece), "%s is not in %s", piece, body);
}

static void check_lacks(const char *body, const char *piece)
{
    ck_assert_msg(!strstr(body, piece), "%s is in %s", piece, body);
}

/* ---- tools ---- */

static const chat_tool_call_t calls[] = {
    {"call_1", "get_weather", "{\"city\":\"Bonn\"}", NULL},
    {"call_2", "get_time", "{}", NULL},
};

static const chat_message_t tool_dialogue[] = {
    {.role = CHAT_ROLE_USER, .content = "Weather and time?"},
    {.role = CHAT_ROLE_ASSISTANT, .calls = calls, .ncalls = 2},
    {.role = CHAT_ROLE_TOOL, .content = "12 C", .call_id = "call_1"},
    {.role = CHAT_ROLE_TOOL, .content = "9:00", .call_id = "call_2"},
    {.role = CHAT_ROLE_ASSISTANT,
     .content = "Once more.",
     .calls = calls + 1,
     .ncalls = 1},
    {.role = CHAT_ROLE_TOOL, .content = "9:01", .call_id = "call_2"},
};

static chat_turn_t make_tool_turn(void)
{
    static chat_tool_t tools[] = {
        {"get_weather", "Weather of a city", NULL, 1, NULL},
        {"get_time", NULL, NULL, -1, NULL},
    };
    chat_turn_t turn = provider_suite_turn();

    tools[0].parameters = provider_suite_json("{\"type\":\"object\"}");
    turn.messages = tool_dialogue;
    turn.nmessages = 6;
    turn.tools = tools;
    turn.ntools = 2;
    turn.choice = CHAT_CHOICE_REQUIRED;
    turn.parallel = 0;
    return turn;
}

START_TEST(tools_and_calls_become_a_completions_body)
{
    chat_turn_t turn = make_tool_turn();

    ck_assert_str_eq(
        build_body(&turn, 1),
        "{\"model\":\"model-1\",\"messages\":["
        "{\"role\":\"user\",\"content\":\"Weather and time?\"},"
        "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":["
        "{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":"
        "\"get_weather\",\"arguments\":\"{\\\"city\\\":\\\"Bonn\\\"}\"}},"
        "{\"id\":\"call_2\",\"type\":\"function\",\"function\":{\"name\":"
        "\"get_time\",\"arguments\":\"{}\"}}]},"
        "{\"role\":\"tool\",\"content\":\"12 C\",\"tool_call_id\":\"call_1\"},"
        "{\"role\":\"tool\",\"content\":\"9:00\",\"tool_call_id\":\"call_2\"},"
        "{\"role\":\"assistant\",\"content\":\"Once more.\",\"tool_calls\":["
        "{\"id\":\"call_2\",\"type\":\"function\",\"function\":{\"name\":"
        "\"get_time\",\"arguments\":\"{}\"}}]},"
        "{\"role\":\"tool\",\"content\":\"9:01\",\"tool_call_id\":\"call_2\"}],"
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":"
        "\"get_weather\",\"description\":\"Weather of a city\",\"parameters\":"
        "{\"type\":\"object\",\"properties\":{}},\"strict\":true}},"
        "{\"type\":\"function\",\"function\":{\"name\":\"get_time\","
        "\"parameters\":{\"type\":\"object\",\"properties\":{}}}}],"
        "\"tool_choice\":\"required\",\"parallel_tool_calls\":false,"
        "\"stream\":true,\"store\":false,"
        "\"stream_options\":{\"include_usage\":true}}");
}
END_TEST

START_TEST(tools_and_calls_become_a_responses_body)
{
    chat_turn_t turn = make_tool_turn();

    ck_assert_str_eq(
        build_body(&turn, 0),
        "{\"model\":\"model-1\",\"input\":["
        "{\"role\":\"user\",\"content\":\"Weather and time?\"},"
        "{\"type\":\"function_call\",\"call_id\":\"call_1\",\"name\":"
        "\"get_weather\",\"arguments\":\"{\\\"city\\\":\\\"Bonn\\\"}\"},"
        "{\"type\":\"function_call\",\"call_id\":\"call_2\",\"name\":"
        "\"get_time\",\"arguments\":\"{}\"},"
        "{\"type\":\"function_call_output\",\"call_id\":\"call_1\","
        "\"output\":\"12 C\"},"
        "{\"type\":\"function_call_output\",\"call_id\":\"call_2\","
        "\"output\":\"9:00\"},"
        "{\"role\":\"assistant\",\"content\":\"Once more.\"},"
        "{\"type\":\"function_call\",\"call_id\":\"call_2\",\"name\":"
        "\"get_time\",\"arguments\":\"{}\"},"
        "{\"type\":\"function_call_output\",\"call_id\":\"call_2\","
        "\"output\":\"9:01\"}],"
        "\"tools\":[{\"type\":\"function\",\"name\":\"get_weather\","
        "\"description\":\"Weather of a city\",\"parameters\":{\"type\":"
        "\"object\",\"properties\":{}},\"strict\":true},"
        "{\"type\":\"function\",\"name\":\"get_time\",\"parameters\":{"
        "\"type\":\"object\",\"properties\":{}},\"strict\":false}],"
        "\"tool_choice\":\"required\",\"parallel_tool_calls\":false,"
        "\"stream\":true,\"store\":false,"
        "\"stream_options\":{\"include_obfuscation\":false}}");
}
END_TEST

static const struct {
    chat_choice_e choice;
    const char *responses, *completions;
} choices[] = {
    {CHAT_CHOICE_AUTO, "\"tool_choice\":\"auto\"", "\"tool_choice\":\"auto\""},
    {CHAT_CHOICE_NONE, "\"tool_choice\":\"none\"", "\"tool_choice\":\"none\""},
    {CHAT_CHOICE_TOOL,
     "\"tool_choice\":{\"type\":\"function\",\"name\":\"get_time\"}",
     "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":"
     "\"get_time\"}}"},
};

START_TEST(a_choice_of_tools_is_said_as_each_api_has_it)
{
    chat_turn_t turn = make_tool_turn();

    turn.choice = choices[_i].choice;
    turn.choice_name = "get_time";
    check_holds(build_body(&turn, 0), choices[_i].responses);
    check_holds(build_body(&turn, 1), choices[_i].completions);
}
END_TEST

START_TEST(what_is_not_said_of_tools_is_left_out)
{
    chat_turn_t turn = make_tool_turn();

    turn.choice = CHAT_CHOICE_UNSAID;
    turn.parallel = -1;
    check_lacks(build_body(&turn, _i), "tool_choice");
    check_lacks(build_body(&turn, _i), "parallel");
    turn.choice = CHAT_CHOICE_NONE;
    turn.parallel = 1;
    turn.ntools = 0;
    check_lacks(build_body(&turn, _i), "tool_choice");
    check_lacks(build_body(&turn, _i), "parallel");
}
END_TEST

/* ---- parts ---- */

#define IMAGE                                                                  \
    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,"  \
    "AA==\",\"detail\":\"low\"}}"
#define FILE_PART                                                              \
    "{\"type\":\"file\",\"file\":{\"filename\":\"a.pdf\",\"file_data\":"       \
    "\"data:application/pdf;base64,AA==\"}}"
#define AUDIO                                                                  \
    "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AA==\","            \
    "\"format\":\"wav\"}}"

static chat_turn_t make_part_turn(chat_role_e role, const char *parts)
{
    chat_message_t *m = apr_pcalloc(pool, 2 * sizeof(*m));
    chat_turn_t turn = provider_suite_turn();

    m[0].role = role;
    m[0].parts = provider_suite_json(parts);
    m[0].call_id = "call_1";
    m[1].content = "So?";
    turn.messages = m;
    turn.nmessages = 2;
    return turn;
}

START_TEST(parts_stay_as_they_are_in_completions)
{
    static const char parts[] =
        "[{\"type\":\"text\",\"text\":\"See \\u00fc\"}," IMAGE "," AUDIO
        ",{\"type\":\"new\",\"x\":1}]";
    chat_turn_t turn = make_part_turn(CHAT_ROLE_USER, parts);

    check_holds(
        build_body(&turn, 1),
        "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"See "
        "\xc3\xbc\"}," IMAGE "," AUDIO ",{\"type\":\"new\",\"x\":1}]},"
        "{\"role\":\"user\",\"content\":\"So?\"}]");
}
END_TEST

static const struct {
    chat_role_e role;
    const char *parts, *item;
} parts[] = {
    {CHAT_ROLE_USER, "[{\"type\":\"text\",\"text\":\"hi\"}]",
     "{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":"
     "\"hi\"}]}"},
    {CHAT_ROLE_SYSTEM, "[{\"type\":\"text\",\"text\":\"hi\"}]",
     "{\"role\":\"system\",\"content\":[{\"type\":\"input_text\",\"text\":"
     "\"hi\"}]}"},
    {CHAT_ROLE_ASSISTANT,
     "[{\"type\":\"text\",\"text\":\"hi\"},{\"type\":\"refusal\",\"refusal\":"
     "\"no\"}]",
     "{\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":"
     "\"hi\"},{\"type\":\"refusal\",\"refusal\":\"no\"}]}"},
    {CHAT_ROLE_USER, "[" IMAGE "]",
     "{\"role\":\"user\",\"content\":[{\"type\":\"input_image\",\"image_url\":"
     "\"data:image/png;base64,AA==\",\"detail\":\"low\"}]}"},
    {CHAT_ROLE_USER,
     "[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y.png\"}}]",
     "{\"type\":\"input_image\",\"image_url\":\"https://x/y.png\"}"},
    {CHAT_ROLE_USER, "[" FILE_PART "]",
     "{\"type\":\"input_file\",\"filename\":\"a.pdf\",\"file_data\":"
     "\"data:application/pdf;base64,AA==\"}"},
    {CHAT_ROLE_TOOL, "[{\"type\":\"text\",\"text\":\"12\"}]",
     "{\"type\":\"function_call_output\",\"call_id\":\"call_1\",\"output\":"
     "[{\"type\":\"input_text\",\"text\":\"12\"}]}"},
};

START_TEST(parts_get_the_forms_of_the_responses_api)
{
    chat_turn_t turn = make_part_turn(parts[_i].role, parts[_i].parts);

    check_holds(build_body(&turn, 0), parts[_i].item);
}
END_TEST

static const struct {
    chat_role_e role;
    const char *parts;
} no_parts[] = {
    {CHAT_ROLE_USER, "[" AUDIO "]"},
    {CHAT_ROLE_USER, "[{\"type\":\"text\",\"text\":\"hi\"}," AUDIO "]"},
    {CHAT_ROLE_USER, "[{\"type\":\"video\"}]"},
    {CHAT_ROLE_USER, "[{\"type\":\"text\"}]"},
    {CHAT_ROLE_USER, "[{\"type\":\"image_url\"}]"},
    {CHAT_ROLE_USER, "[7]"},
    {CHAT_ROLE_ASSISTANT, "[" IMAGE "]"},
    {CHAT_ROLE_TOOL, "[" AUDIO "]"},
};

START_TEST(parts_without_a_form_are_refused)
{
    chat_turn_t turn = make_part_turn(no_parts[_i].role, no_parts[_i].parts);
    chat_err_t err = refusal_of(&turn, 0);

    ck_assert_int_eq(err.status, 400);
    ck_assert_str_eq(err.code, "unsupported");
}
END_TEST

/* ---- how to answer ---- */

START_TEST(sampling_stops_and_effort_are_said)
{
    static const char *const stop[] = {"END", "\n\n"};
    chat_turn_t turn = provider_suite_turn();

    turn.has_top_p = 1;
    turn.top_p = 0.1;
    turn.effort = "low";
    check_holds(build_body(&turn, 0), "\"top_p\":0.1,\"reasoning\":{"
                                      "\"effort\":\"low\"},\"stream\":true");
    turn.stop = stop;
    turn.nstop = 2;
    check_holds(build_body(&turn, 1),
                "\"top_p\":0.1,\"stop\":[\"END\",\"\\n\\n\"],"
                "\"reasoning_effort\":\"low\",\"stream\":true");
    ck_assert_str_eq(refusal_of(&turn, 0).code, "unsupported");
}
END_TEST

START_TEST(a_reasoning_model_gets_no_sampling_and_no_stop)
{
    static const char *const stop[] = {"END"};
    chat_turn_t turn = provider_suite_turn();

    turn.model = "o3-mini";
    turn.has_top_p = 1;
    turn.effort = "low";
    turn.extra = provider_suite_json(
        "{\"presence_penalty\":1,\"frequency_penalty\":1,\"logit_bias\":{},"
        "\"top_logprobs\":2,\"seed\":7}");
    check_lacks(build_body(&turn, 1), "top_");
    check_lacks(build_body(&turn, 1), "penalty");
    check_lacks(build_body(&turn, 1), "logit_bias");
    check_holds(build_body(&turn, 1), "\"seed\":7");
    turn.extra = provider_suite_json("{\"presence_penalty\":1}");
    check_lacks(build_body(&turn, 0), "top_p");
    check_lacks(build_body(&turn, 0), "penalty");
    check_holds(build_body(&turn, 0), "\"effort\":\"low\"");
    turn.stop = stop;
    turn.nstop = 1;
    ck_assert_str_eq(refusal_of(&turn, 1).code, "unsupported");
}
END_TEST

START_TEST(a_model_that_does_not_reason_gets_no_effort)
{
    static const char *const models[] = {"gpt-4o-mini", "gpt-3.5-turbo",
                                         "gpt-4.1", "chatgpt-4o-latest"};
    chat_turn_t turn = provider_suite_turn();

    turn.model = models[_i];
    turn.effort = "low";
    check_lacks(build_body(&turn, 0), "reasoning");
    check_lacks(build_body(&turn, 1), "reasoning");
}
END_TEST

START_TEST(json_and_schemas_are_demanded_as_each_api_has_it)
{
    chat_turn_t turn = provider_suite_turn();

    turn.json = 1;
    check_holds(build_body(&turn, 0),
                "\"text\":{\"format\":{\"type\":\"json_object\"}}");
    check_holds(build_body(&turn, 1),
                "\"response_format\":{\"type\":\"json_object\"}");
    turn.schema = provider_suite_json("{\"type\":\"object\"}");
    turn.schema_name = "answer";
    check_holds(build_body(&turn, 0),
                "\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":"
                "\"answer\",\"schema\":{\"type\":\"object\"}}}");
    check_holds(build_body(&turn, 1),
                "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
                "{\"name\":\"answer\",\"schema\":{\"type\":\"object\"}}}");
}
END_TEST

START_TEST(unknown_members_are_copied_but_never_over_ours)
{
    chat_turn_t turn = provider_suite_turn();

    turn.max_output_tokens = 9;
    turn.extra = provider_suite_json(
        "{\"seed\":7,\"model\":\"dear-one\",\"stream\":false,\"store\":true,"
        "\"max_completion_tokens\":9999,\"logit_bias\":{\"1\":-100},"
        "\"messages\":[],\"stream_options\":{}}");
    ck_assert_str_eq(
        build_body(&turn, 1),
        "{\"model\":\"model-1\",\"messages\":[{\"role\":\"user\",\"content\":"
        "\"hi\"}],\"max_completion_tokens\":9,\"stream\":true,\"store\":false,"
        "\"stream_options\":{\"include_usage\":true},\"seed\":7,"
        "\"logit_bias\":{\"1\":-100}}");
    ck_assert_str_eq(refusal_of(&turn, 0).param, "seed");
}
END_TEST

/* What the Responses API can carry, and what it cannot. */
static const struct {
    const char *extra;
    int stops;
    const char *model;
    int completions; /* the API that is chosen */
} apis[] = {
    {NULL, 0, "gpt-4o", 0},
    {NULL, 1, "gpt-4o", 1},
    {NULL, 1, "o3-mini", 1},
    {"{\"verbosity\":\"low\"}", 0, "gpt-4o", 0},
    {"{\"seed\":7}", 0, "gpt-4o", 1},
    {"{\"seed\":0}", 0, "gpt-4o", 1},
    {"{\"presence_penalty\":0,\"frequency_penalty\":0.0,\"logit_bias\":{}}", 0,
     "gpt-4o", 0},
    {"{\"presence_penalty\":1}", 0, "gpt-4o", 1},
    {"{\"presence_penalty\":1}", 0, "gpt-5", 0},
    {"{\"seed\":7}", 0, "gpt-5", 1},
    {"{\"whatever\":null,\"x\":1}", 0, "gpt-4o", 1},
};

START_TEST(the_api_is_the_one_that_can_carry_it)
{
    static const char *const stop[] = {"END"};
    chat_upstream_t up = provider_suite_upstream(0);
    chat_turn_t turn = provider_suite_turn();

    turn.model = apis[_i].model;
    turn.stop = stop;
    turn.nstop = apis[_i].stops;
    if (apis[_i].extra)
        turn.extra = provider_suite_json(apis[_i].extra);
    up.pinned = 1;
    chat_provider_openai.choose_api(&up, &turn);
    ck_assert_int_eq(up.completions, 0);
    up.pinned = 0;
    chat_provider_openai.choose_api(&up, &turn);
    ck_assert_int_eq(up.completions, apis[_i].completions);
}
END_TEST

/* ---- in OpenAI's own words ---- */

#define ASK "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"

static const struct {
    int completions;
    const char *body, *path;
    const char *model;
    int most, whole;
} adopted[] = {
    {0, "{\"model\":\"m\",\"input\":\"hi\",\"stream\":true}", "", "m", 0, 0},
    {0, "{\"input\":[],\"max_output_tokens\":9}", "/responses", NULL, 9, 1},
    {0, "{\"input\":[]}", "/api/ask", NULL, 0, 1},
    {0, "{\"prompt\":{\"id\":\"p\"}}", "/v1/responses", NULL, 0, 1},
    {0, "{\"input\":\"hi\",\"messages\":1,\"model\":null}", "", NULL, 0, 1},
    {1, "{\"model\":\"m\"," ASK ",\"stream\":true}", "", "m", 0, 0},
    {1, "{" ASK ",\"stream\":false,\"max_tokens\":5}", "/chat/completions",
     NULL, 5, 1},
    {1,
     "{" ASK ",\"stream\":null,\"max_tokens\":5,\"max_completion_tokens\":6}",
     "/v1/chat/completions", NULL, 6, 1},
    {1, "{" ASK ",\"max_tokens\":5,\"max_completion_tokens\":null}", "", NULL,
     5, 1},
    {1, "{" ASK ",\"max_tokens\":99999999999999}", "", NULL, APR_INT32_MAX, 1},
    {1, "{" ASK ",\"max_tokens\":-4}", "", NULL, 0, 1},
};

START_TEST(a_request_in_its_own_words_is_adopted)
{
    chat_upstream_t up = provider_suite_upstream(adopted[_i].completions);
    chat_turn_t turn;
    chat_err_t err;

    ck_assert_int_eq(provider_suite_adopt(&turn, adopted[_i].body,
                                          adopted[_i].path, &up, &err),
                     APR_SUCCESS);
    ck_assert_ptr_nonnull(turn.native);
    ck_assert_pstr_eq(turn.model, adopted[_i].model);
    ck_assert_int_eq(turn.max_output_tokens, adopted[_i].most);
    ck_assert_int_eq(turn.whole, adopted[_i].whole);
}
END_TEST

static const struct {
    int completions;
    const char *body, *path, *code;
} foreign[] = {
    {0, "{\"input\":\"hi\"}", "/chat/completions", "not_found"},
    {0, "{\"input\":\"hi\"}", "/v1/responses/resp_1", "not_found"},
    {0, "{\"input\":\"hi\"}", "/api/v1/embeddings", "not_found"},
    {0, "{" ASK "}", "/responses", "unsupported"},
    {0, "[]", "", "unsupported"},
    {0, "{\"input\":\"hi\",\"model\":7}", "", "invalid_request"},
    {1, "{" ASK "}", "/responses", "not_found"},
    {1, "{" ASK "}", "/v1/chat/completions/", "not_found"},
    {1, "{\"input\":\"hi\"}", "/chat/completions", "unsupported"},
    {1, "{\"messages\":\"hi\"}", "", "unsupported"},
    {1, "7", "", "unsupported"},
    {1, "{" ASK ",\"model\":{}}", "", "invalid_request"},
};

START_TEST(a_request_of_another_api_is_refused)
{
    chat_upstream_t up = provider_suite_upstream(foreign[_i].completions);
    chat_turn_t turn;
    chat_err_t err;

    ck_assert_int_eq(provider_suite_adopt(&turn, foreign[_i].body,
                                          foreign[_i].path, &up, &err),
                     APR_EINVAL);
    ck_assert_int_eq(err.status,
                     strcmp(err.code, "not_found") == 0 ? 404 : 400);
    ck_assert_str_eq(err.code, foreign[_i].code);
}
END_TEST

/* What becomes of body when the model is "m", and most (0: no limit), whole
 * and store are as given. */
static const struct {
    int completions;
    const char *body;
    int most, whole, store;
    const char *sent;
} own[] = {
    {0,
     "{\"model\":\"x\",\"input\":[{\"type\":\"new\"}],\"tools\":[{\"type\":"
     "\"web_search\"}],\"max_output_tokens\":99,\"store\":true}",
     50, 0, 0,
     "{\"model\":\"m\",\"input\":[{\"type\":\"new\"}],\"tools\":[{\"type\":"
     "\"web_search\"}],\"max_output_tokens\":50,\"store\":false,"
     "\"stream\":true}"},
    {0, "{\"input\":\"hi\",\"max_output_tokens\":20}", 50, 1, 1,
     "{\"input\":\"hi\",\"max_output_tokens\":20,\"model\":\"m\","
     "\"stream\":false}"},
    {0, "{\"input\":\"hi\"}", 3, 0, 0,
     "{\"input\":\"hi\",\"model\":\"m\",\"stream\":true,\"store\":false,"
     "\"max_output_tokens\":16}"},
    {0, "{\"input\":\"hi\",\"stream_options\":{\"include_obfuscation\":true}}",
     0, 0, 1,
     "{\"input\":\"hi\",\"stream_options\":{\"include_obfuscation\":true},"
     "\"model\":\"m\",\"stream\":true}"},
    {1, "{" ASK ",\"n\":2,\"audio\":{}}", 7, 0, 0,
     "{" ASK ",\"n\":2,\"audio\":{},\"model\":\"m\",\"stream\":true,"
     "\"store\":false,\"max_completion_tokens\":7,"
     "\"stream_options\":{\"include_usage\":true}}"},
    {1, "{" ASK ",\"max_tokens\":9,\"max_completion_tokens\":null}", 7, 1, 1,
     "{" ASK ",\"max_tokens\":7,\"max_completion_tokens\":7,\"model\":\"m\","
     "\"stream\":false}"},
    {1,
     "{" ASK ",\"max_tokens\":5,\"stream_options\":{\"include_usage\":false,"
     "\"x\":1}}",
     7, 0, 1,
     "{" ASK ",\"max_tokens\":5,\"stream_options\":{\"include_usage\":true,"
     "\"x\":1},\"model\":\"m\",\"stream\":true}"},
};

START_TEST(of_a_request_in_its_own_words_all_but_ours_survives)
{
    chat_upstream_t up = provider_suite_upstream(own[_i].completions);
    chat_turn_t turn = {.request_id = "r", .model = "m"};

    turn.native = provider_suite_json(own[_i].body);
    turn.max_output_tokens = own[_i].most;
    turn.whole = own[_i].whole;
    up.store = own[_i].store;
    ck_assert_str_eq(provider_suite_build(&turn, &up).body, own[_i].sent);
    /* It is asked again of the next candidate. */
    ck_assert_str_eq(chat_json_text(turn.native, NULL, pool), own[_i].body);
}
END_TEST

START_TEST(the_wire_is_that_of_the_api)
{
    chat_upstream_t up = provider_suite_upstream(_i);

    ck_assert_str_eq(chat_provider_openai.wire_format(&up),
                     _i ? "chat-completions" : "responses");
}
END_TEST

#define COUNT(rows) ((int)(sizeof(rows) / sizeof(rows[0])))

static void add_tests(TCase *tc)
{
    tcase_add_test(tc, tools_and_calls_become_a_completions_body);
    tcase_add_test(tc, tools_and_calls_become_a_responses_body);
    tcase_add_loop_test(tc, a_choice_of_tools_is_said_as_each_api_has_it, 0,
                        COUNT(choices));
    tcase_add_loop_test(tc, what_is_not_said_of_tools_is_left_out, 0, 2);
    tcase_add_test(tc, parts_stay_as_they_are_in_completions);
    tcase_add_loop_test(tc, parts_get_the_forms_of_the_responses_api, 0,
                        COUNT(parts));
    tcase_add_loop_test(tc, parts_without_a_form_are_refused, 0,
                        COUNT(no_parts));
    tcase_add_test(tc, sampling_stops_and_effort_are_said);
    tcase_add_test(tc, a_reasoning_model_gets_no_sampling_and_no_stop);
    tcase_add_loop_test(tc, a_model_that_does_not_reason_gets_no_effort, 0, 4);
    tcase_add_test(tc, json_and_schemas_are_demanded_as_each_api_has_it);
    tcase_add_test(tc, unknown_members_are_copied_but_never_over_ours);
    tcase_add_loop_test(tc, the_api_is_the_one_that_can_carry_it, 0,
                        sizeof(apis) / sizeof(apis[0]));
    tcase_add_loop_test(tc, a_request_in_its_own_words_is_adopted, 0,
                        COUNT(adopted));
    tcase_add_loop_test(tc, a_request_of_another_api_is_refused, 0,
                        COUNT(foreign));
    tcase_add_loop_test(tc, of_a_request_in_its_own_words_all_but_ours_survives,
                        0, COUNT(own));
    tcase_add_loop_test(tc, the_wire_is_that_of_the_api, 0, 2);
}

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_provider_openai_build");
    TCase *tc = tcase_create("build");

    provider_suite_spec = &spec;
    tcase_add_checked_fixture(tc, provider_suite_set_up,
                              provider_suite_tear_down);
    add_tests(tc);
    suite_add_tcase(suite, tc);
    return suite;
}
