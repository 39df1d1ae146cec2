/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as ChatKit's items: which there are, and what was imported is told
 * only as it could have been said. */
#include "../../src/route/chat_route_chatkit_view.h"

#include <string.h>

#include <apr_strings.h>

#include "unit.h"

#define C "01980000-0000-7000-8000-000000000001"
#define M "01980000-0000-7000-8000-000000000002"
#define HEX "01980000000070008000000000000002"

static apr_pool_t *pool;
static apr_array_header_t *items;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
    items = apr_array_make(pool, 4, sizeof(chat_route_chatkit_item_t));
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

static chat_store_message_t message(chat_role_e role, const char *parts)
{
    return (chat_store_message_t){
        .id = M,
        .conversation = C,
        .role = role,
        .parts = parts,
        .text = "text",
        .created = 1764000000007,
    };
}

static const char *json_of(int i)
{
    ck_assert_int_lt(i, items->nelts);
    return APR_ARRAY_IDX(items, i, chat_route_chatkit_item_t).json;
}

static const char *preview(void *ctx, const char *id, apr_pool_t *p)
{
    return strcmp(id, "an-image") ? NULL : "https://x/y";
}

static const chat_route_chatkit_look_t look = {preview, NULL};

static void view(chat_store_message_t m, const chat_store_message_t *next)
{
    chat_route_chatkit_view_items(items, &m, next, &look, pool);
}

START_TEST(each_part_of_an_answer_is_an_item)
{
    view(message(CHAT_ROLE_ASSISTANT,
                 "[{\"type\":\"reasoning\",\"text\":\"h\\\"m\"},"
                 "{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"file\"},"
                 "{\"type\":\"refusal\",\"text\":\"no\"}]"),
         NULL);
    ck_assert_int_eq(items->nelts, 3);
    ck_assert_ptr_nonnull(strstr(json_of(0), "{\"id\":\"wf_" HEX "\""));
    ck_assert_ptr_nonnull(strstr(json_of(0), "\"content\":\"h\\\"m\""));
    ck_assert_ptr_nonnull(strstr(json_of(1), "{\"id\":\"msg_" HEX "_1\""));
    ck_assert_ptr_nonnull(strstr(json_of(2), "{\"id\":\"msg_" HEX "_3\""));
}
END_TEST

#define CALLS                                                                  \
    "[{\"type\":\"tool-call\",\"callId\":\"c1\",\"name\":\"n\","               \
    "\"arguments\":\"{\\\"a\\\":1}\"},{\"type\":\"tool-call\","                \
    "\"callId\":\"c2\",\"name\":\"n\",\"arguments\":\"{}\"}]"

START_TEST(the_first_call_is_an_item_with_what_it_gave)
{
    static const char *const given[][2] = {
        {"{\\\"x\\\":[1]}", "\"status\":\"completed\",\"call_id\":\"c1\","
                            "\"name\":\"n\",\"arguments\":{\"a\":1},"
                            "\"output\":{\"x\":[1]}}"},
        {"no JSON", "\"output\":\"no JSON\"}"},
    };
    chat_store_message_t tool =
        message(CHAT_ROLE_TOOL,
                apr_pstrcat(pool,
                            "[{\"type\":\"tool-result\",\"callId\":\"c1\","
                            "\"content\":\"",
                            given[_i][0], "\"}]", NULL));

    view(message(CHAT_ROLE_ASSISTANT, CALLS), &tool);
    ck_assert_int_eq(items->nelts, 1);
    ck_assert_msg(strstr(json_of(0), given[_i][1]) != NULL, "%s", json_of(0));
    view(message(CHAT_ROLE_ASSISTANT, CALLS), NULL);
    ck_assert_ptr_nonnull(strstr(json_of(1), "\"status\":\"pending\""));
    view(tool, NULL);
    ck_assert_int_eq(items->nelts, 2);
}
END_TEST

START_TEST(a_call_of_a_broken_answer_is_none)
{
    chat_store_message_t m = message(CHAT_ROLE_ASSISTANT, CALLS);

    ck_assert_str_eq(chat_route_chatkit_view_call(&m, pool), "c1");
    m.status = CHAT_MESSAGE_PARTIAL;
    ck_assert_ptr_null(chat_route_chatkit_view_call(&m, pool));
    view(m, NULL);
    ck_assert_int_eq(items->nelts, 0);
}
END_TEST

#define SAID(json)                                                             \
    "[{\"type\":\"text\",\"text\":\"text\"},{\"type\":\"chatkit\","            \
    "\"said\":\"" json "\"}]"
#define PLAIN "\"content\":[{\"type\":\"input_text\",\"text\":\"text\"}]"

START_TEST(what_cannot_have_been_said_is_the_text)
{
    static const char *const wrong[] = {
        "[]",
        SAID("{}"),
        SAID("<"),
        SAID("{\\\"content\\\":[{\\\"type\\\":\\\"input_tag\\\"}],"
             "\\\"attachments\\\":[],\\\"inference_options\\\":{}}"),
        "[{\"type\":\"chatkit\",\"said\":7}]",
        "not JSON",
    };

    view(message(CHAT_ROLE_USER, wrong[_i]), NULL);
    ck_assert_msg(strstr(json_of(0), PLAIN) != NULL, "%s", json_of(0));
    ck_assert_ptr_nonnull(
        strstr(json_of(0), ",\"attachments\":[],\"inference_options\":{}}"));
}
END_TEST

START_TEST(what_was_said_is_told_without_more)
{
    view(message(CHAT_ROLE_USER,
                 SAID("{\\\"content\\\":[{\\\"type\\\":\\\"input_tag\\\","
                      "\\\"id\\\":\\\"1\\\",\\\"text\\\":\\\"x\\\","
                      "\\\"data\\\":{},\\\"evil\\\":1,\\\"group\\\":null}],"
                      "\\\"attachments\\\":[],\\\"more\\\":2,"
                      "\\\"quoted_text\\\":\\\"q\\\","
                      "\\\"inference_options\\\":{\\\"model\\\":\\\"m\\\","
                      "\\\"tool_choice\\\":{\\\"id\\\":\\\"t\\\"}}}")),
         NULL);
    ck_assert_ptr_nonnull(
        strstr(json_of(0), "\"content\":[{\"type\":\"input_tag\",\"id\":\"1\","
                           "\"text\":\"x\",\"data\":{},\"interactive\":false}],"
                           "\"attachments\":[],\"quoted_text\":\"q\","
                           "\"inference_options\":{\"tool_choice\":{\"id\":"
                           "\"t\"},\"model\":\"m\"}}"));
}
END_TEST

START_TEST(an_archived_thread_is_locked)
{
    const chat_conversation_t c = {.id = C, .title = "t", .archived = _i};
    chat_buf_t *out = apr_palloc(pool, sizeof(*out));

    chat_buf_init(out, pool);
    chat_route_chatkit_view_thread(out, &c, NULL, 0, pool);
    chat_buf_put(out, "", 1);
    ck_assert_ptr_nonnull(strstr(
        out->data, _i ? "\"status\":{\"type\":\"locked\",\"reason\":"
                      : "\"status\":{\"type\":\"active\"},\"metadata\":{}"));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_route_chatkit_view");
    TCase *tc = tcase_create("view");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, each_part_of_an_answer_is_an_item);
    tcase_add_loop_test(tc, the_first_call_is_an_item_with_what_it_gave, 0, 2);
    tcase_add_test(tc, a_call_of_a_broken_answer_is_none);
    tcase_add_loop_test(tc, what_cannot_have_been_said_is_the_text, 0, 6);
    tcase_add_test(tc, what_was_said_is_told_without_more);
    tcase_add_loop_test(tc, an_archived_thread_is_locked, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}
