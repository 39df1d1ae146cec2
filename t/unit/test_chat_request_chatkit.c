/* SPDX-License-Identifier: Apache-2.0 */
/* What ChatKit's widget asks for: every kind, and what is none. */
#include "chat_request_chatkit.h"

#include <string.h>

#include <apr_strings.h>

#include "unit.h"

#define UUID "01980000-0000-7000-8000-00000000000a"
#define HEX "0198000000007000800000000000000a"
#define T "\"thread_id\":\"thr_" HEX "\""
#define INPUT(more)                                                            \
    "\"input\":{\"content\":[{\"type\":\"input_text\",\"text\":\"hi\"}],"      \
    "\"attachments\":[],\"inference_options\":{}" more "}"

#define COUNT(table) ((int)(sizeof(table) / sizeof(*table)))

static const chat_json_limits_t limits = {1024 * 1024, 64, 10000};
static const chat_request_clamps_t clamps = {
    .message_length = 8,
    .answer_length = 12,
    .total_length = 100,
};
static const chat_request_bounds_t bounds = {.title = 5};
static apr_pool_t *pool;
static chat_request_chatkit_t request;
static chat_err_t err;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
    memset(&err, 0, sizeof(err));
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

static chat_json_t *parse(const char *text)
{
    chat_json_t *v;

    ck_assert_msg(chat_json_parse(&v, text, strlen(text), &limits, pool) ==
                      APR_SUCCESS,
                  "%s", text);
    return v;
}

static apr_status_t ask(const char *type, const char *params)
{
    return chat_request_chatkit(
        &request,
        parse(apr_pstrcat(pool, "{\"type\":\"", type, "\",\"params\":{", params,
                          "},\"more\":1}", NULL)),
        &clamps, &bounds, &err, pool);
}

static const struct {
    const char *type, *params;
    chat_request_chatkit_e kind;
} kinds[] = {
    {"threads.create", INPUT(""), CHAT_CHATKIT_CREATE},
    {"threads.add_user_message", T "," INPUT(""), CHAT_CHATKIT_ADD},
    {"threads.add_client_tool_output", T ",\"result\":null",
     CHAT_CHATKIT_OUTPUT},
    {"threads.add_structured_input",
     T ",\"item_id\":\"x\",\"input\":{\"status\":\"skipped\"}",
     CHAT_CHATKIT_INPUT},
    {"threads.retry_after_item", T ",\"item_id\":\"msg_" HEX "\"",
     CHAT_CHATKIT_RETRY},
    {"threads.custom_action", T ",\"action\":{\"type\":\"x\"}",
     CHAT_CHATKIT_ACTION},
    {"threads.sync_custom_action",
     T ",\"item_id\":null,\"action\":{\"type\":\"x\",\"payload\":[]}",
     CHAT_CHATKIT_SYNC},
    {"threads.get_by_id", T, CHAT_CHATKIT_GET},
    {"threads.list", "", CHAT_CHATKIT_LIST},
    {"threads.update", T ",\"title\":\"12345\"", CHAT_CHATKIT_UPDATE},
    {"threads.delete", T, CHAT_CHATKIT_DELETE},
    {"items.list", T, CHAT_CHATKIT_ITEMS},
    {"items.feedback", T ",\"item_ids\":[],\"kind\":\"negative\"",
     CHAT_CHATKIT_FEEDBACK},
    {"attachments.create",
     "\"name\":\"a\",\"size\":1,\"mime_type\":\"text/plain\"",
     CHAT_CHATKIT_ATTACH},
    {"attachments.delete", "\"attachment_id\":\"a\"", CHAT_CHATKIT_DETACH},
    {"input.transcribe", "\"audio_base64\":\"\",\"mime_type\":\"audio/webm\"",
     CHAT_CHATKIT_TRANSCRIBE},
};

START_TEST(every_kind_is_read)
{
    ck_assert_msg(ask(kinds[_i].type, kinds[_i].params) == APR_SUCCESS,
                  "%s: %s", kinds[_i].type, err.issues);
    ck_assert_int_eq(request.type, kinds[_i].kind);
    if (strstr(kinds[_i].params, "thread_id"))
        ck_assert_str_eq(request.thread.id, UUID);
}
END_TEST

/* What pydantic refuses as well; the path tells what it is. */
static const struct {
    const char *type, *params, *path;
} wrong[] = {
    {"threads.nothing", "", "[\"type\"]"},
    {"threads.create", "", "[\"params\",\"input\"]"},
    {"threads.get_by_id", "\"thread_id\":7", "[\"params\",\"thread_id\"]"},
    {"threads.add_client_tool_output", T, "[\"params\",\"result\"]"},
    {"threads.add_client_tool_output", T ",\"result\":\"12345678901\"",
     "[\"params\",\"result\"]"},
    {"threads.add_structured_input",
     T ",\"item_id\":\"x\",\"input\":{\"status\":\"pending\"}",
     "[\"params\",\"input\",\"status\"]"},
    {"threads.retry_after_item", T, "[\"params\",\"item_id\"]"},
    {"threads.custom_action", T ",\"action\":{}",
     "[\"params\",\"action\",\"type\"]"},
    {"threads.list", "\"limit\":\"2\"", "[\"params\",\"limit\"]"},
    {"threads.list", "\"limit\":-1", "[\"params\",\"limit\"]"},
    {"threads.list", "\"order\":\"up\"", "[\"params\",\"order\"]"},
    {"threads.list", "\"after\":1", "[\"params\",\"after\"]"},
    {"threads.update", T ",\"title\":\"123456\"", "[\"params\",\"title\"]"},
    {"threads.update", T ",\"title\":\"\"", "[\"params\",\"title\"]"},
    {"items.feedback", T ",\"item_ids\":[1],\"kind\":\"negative\"",
     "[\"params\",\"item_ids\",0]"},
    {"items.feedback", T ",\"item_ids\":[],\"kind\":null",
     "[\"params\",\"kind\"]"},
    {"attachments.create", "\"name\":\"a\",\"size\":1.5,\"mime_type\":\"\"",
     "[\"params\",\"size\"]"},
    {"threads.create",
     "\"input\":{\"content\":[],\"attachments\":[],\"inference_options\":{}}",
     "[\"params\",\"input\",\"content\"]"},
    {"threads.create",
     "\"input\":{\"content\":[{\"type\":\"input_text\","
     "\"text\":\"hi\"}],\"attachments\":[]}",
     "[\"params\",\"input\",\"inference_options\"]"},
    {"threads.create",
     "\"input\":{\"content\":[{\"type\":\"input_text\","
     "\"text\":\"hi\"}],\"inference_options\":{}}",
     "[\"params\",\"input\",\"attachments\"]"},
    {"threads.create",
     "\"input\":{\"content\":[{\"type\":\"input_text\",\"text\":\"123456789\"}]"
     ",\"attachments\":[],\"inference_options\":{}}",
     "[\"params\",\"input\",\"content\"]"},
    {"threads.create",
     "\"input\":{\"content\":[{\"type\":\"input_tag\",\"id\":\"1\",\"text\":"
     "\"x\"}],\"attachments\":[],\"inference_options\":{}}",
     "[\"params\",\"input\",\"content\",0,\"data\"]"},
    {"threads.create",
     "\"input\":{\"content\":[],\"attachments\":[\"a\",7],"
     "\"inference_options\":{}}",
     "[\"params\",\"input\",\"attachments\",1]"},
    {"threads.create",
     "\"input\":{\"content\":[],\"attachments\":\"a\","
     "\"inference_options\":{}}",
     "[\"params\",\"input\",\"attachments\"]"},
    {"threads.create", INPUT(",\"quoted_text\":7"),
     "[\"params\",\"input\",\"quoted_text\"]"},
};

START_TEST(what_is_wrong_is_named)
{
    ck_assert_int_eq(ask(wrong[_i].type, wrong[_i].params), APR_EINVAL);
    ck_assert_str_eq(err.code, "invalid_request");
    ck_assert_msg(strstr(err.issues, wrong[_i].path) != NULL, "%s: %s",
                  wrong[_i].params, err.issues);
}
END_TEST

START_TEST(attachments_are_ids_in_their_order)
{
    ck_assert_int_eq(ask("threads.create",
                         "\"input\":{\"content\":[{\"type\":\"input_text\","
                         "\"text\":\"hi\"}],\"attachments\":[\"b\",\"a\"],"
                         "\"inference_options\":{}}"),
                     APR_SUCCESS);
    ck_assert_int_eq(request.message.files->nelts, 2);
    ck_assert_str_eq(APR_ARRAY_IDX(request.message.files, 0, const char *),
                     "b");
    ck_assert_str_eq(APR_ARRAY_IDX(request.message.files, 1, const char *),
                     "a");
}
END_TEST

START_TEST(an_attachment_needs_no_words)
{
    ck_assert_int_eq(ask("threads.create",
                         "\"input\":{\"content\":[],\"attachments\":[\"a\"],"
                         "\"inference_options\":{}}"),
                     APR_SUCCESS);
    ck_assert_str_eq(request.message.text, "");
    ck_assert_int_eq(request.message.files->nelts, 1);
}
END_TEST

START_TEST(pages_have_a_size)
{
    static const struct {
        const char *said;
        int limit;
    } cases[] = {{"", 20},
                 {"\"limit\":null", 20},
                 {"\"limit\":0", 20},
                 {"\"limit\":3", 3},
                 {"\"limit\":1000", 100}};

    ck_assert_int_eq(ask("threads.list", cases[_i].said), APR_SUCCESS);
    ck_assert_int_eq(request.limit, cases[_i].limit);
    ck_assert_int_eq(request.ascending, 0);
}
END_TEST

START_TEST(an_id_is_one_of_ours_or_nobodys)
{
    static const struct {
        const char *text;
        int part; /* -1: nobody's */
    } cases[] = {
        {"thr_" HEX, 0},
        {"msg_" HEX "_1", 1},
        {"tc_" HEX "_12", 12},
        {"wf_" HEX, 0},
        {"msg_" HEX "_0", -1},
        {"msg_" HEX "_", -1},
        {"msg_" HEX "x", -1},
        {"msg_" HEX "_1x", -1},
        {"atc_" HEX, -1},
        {"msg_0198", -1},
        {"", -1},
        {"thr_", -1},
        {"msg_" HEX "_12345", -1},
    };
    chat_request_chatkit_id_t id =
        chat_request_chatkit_id(cases[_i].text, pool);

    if (cases[_i].part < 0)
        ck_assert_ptr_null(id.id);
    else {
        ck_assert_str_eq(id.id, UUID);
        ck_assert_int_eq(id.part, cases[_i].part);
    }
}
END_TEST

START_TEST(a_message_is_what_the_model_reads)
{
    static const char said[] =
        "\"input\":{\"content\":[{\"type\":\"input_text\",\"text\":\"ask \"},"
        "{\"type\":\"input_tag\",\"id\":\"1\",\"text\":\"Bo\",\"data\":"
        "{\"a\":[1]},\"group\":null}],\"attachments\":[],"
        "\"quoted_text\":\"so\",\"inference_options\":{\"model\":\"m\","
        "\"tool_choice\":{\"id\":\"t\"}}}";
    chat_request_chatkit_message_t again;

    ck_assert_int_eq(ask("threads.create", said), APR_SUCCESS);
    ck_assert_str_eq(request.message.text, "ask @Bo");
    ck_assert_str_eq(request.message.context,
                     "The user is referring to this in particular: \nso\n\n"
                     "The user mentions, as JSON:\n"
                     "{\"id\":\"1\",\"name\":\"Bo\",\"data\":{\"a\":[1]}}");
    ck_assert_str_eq(request.message.model, "m");
    ck_assert_str_eq(request.message.tool, "t");
    ck_assert_int_eq(request.message.plain, 0);
    ck_assert_int_eq(
        chat_request_chatkit_again(&again, request.message.said, pool), 1);
    ck_assert_str_eq(again.text, "ask @Bo");
    ck_assert_int_eq(chat_request_chatkit_again(&again, parse("[]"), pool), 0);
}
END_TEST

START_TEST(a_text_alone_is_plain)
{
    ck_assert_int_eq(ask("threads.create", INPUT("")), APR_SUCCESS);
    ck_assert_int_eq(request.message.plain, 1);
    ck_assert_ptr_null(request.message.context);
}
END_TEST

START_TEST(the_tools_of_the_page_become_the_models)
{
    static const char text[] =
        "[{\"name\":\"a\"},{\"name\":\"b\",\"description\":\"B\","
        "\"parameters\":{\"type\":\"object\"}}]";
    chat_turn_t turn = {0};

    ck_assert_int_eq(chat_request_chatkit_tools(&turn, text, "b", &err, pool),
                     APR_SUCCESS);
    ck_assert_int_eq(turn.ntools, 2);
    ck_assert_int_eq(turn.parallel, 0);
    ck_assert_int_eq(turn.choice, CHAT_CHOICE_TOOL);
    ck_assert_str_eq(turn.choice_name, "b");
    ck_assert_int_eq(chat_request_chatkit_tools(&turn, text, "c", &err, pool),
                     APR_EINVAL);
    ck_assert_str_eq(err.param, "tool_choice");
}
END_TEST

START_TEST(without_tools_there_is_none_to_choose)
{
    chat_turn_t turn = {0};

    ck_assert_int_eq(chat_request_chatkit_tools(&turn, NULL, NULL, &err, pool),
                     APR_SUCCESS);
    ck_assert_int_eq(turn.ntools, 0);
    ck_assert_int_eq(turn.parallel, -1);
    ck_assert_int_eq(chat_request_chatkit_tools(&turn, "[]", "a", &err, pool),
                     APR_EINVAL);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_request_chatkit");
    TCase *tc = tcase_create("chatkit");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, every_kind_is_read, 0, COUNT(kinds));
    tcase_add_loop_test(tc, what_is_wrong_is_named, 0, COUNT(wrong));
    tcase_add_test(tc, attachments_are_ids_in_their_order);
    tcase_add_test(tc, an_attachment_needs_no_words);
    tcase_add_loop_test(tc, pages_have_a_size, 0, 5);
    tcase_add_loop_test(tc, an_id_is_one_of_ours_or_nobodys, 0, 13);
    tcase_add_test(tc, a_message_is_what_the_model_reads);
    tcase_add_test(tc, a_text_alone_is_plain);
    tcase_add_test(tc, the_tools_of_the_page_become_the_models);
    tcase_add_test(tc, without_tools_there_is_none_to_choose);
    suite_add_tcase(suite, tc);
    return suite;
}
