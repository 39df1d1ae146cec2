/* SPDX-License-Identifier: Apache-2.0 */
/* chat_route_format: what real files have, and what becomes of it. That what is
 * written comes back is shown by t/75-chats-files.t and by the fuzz target. */
#include "../../src/route/chat_route_format.h"

#include <string.h>

#include <apr_strings.h>

#include "unit.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof(*table)))

static const chat_json_limits_t limits = {65536, 64, 10000};
static apr_pool_t *pool;
static chat_route_import_t import;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
    import = (chat_route_import_t){
        .p = pool,
        .now = 1000,
        .bounds = {.title = 4, .metadata = 2, .parts = 3},
        .messages_max = 5,
        .bytes_max = 500,
        .list = apr_array_make(pool, 2, sizeof(chat_route_imported_t)),
    };
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

static const char *take(const char *text)
{
    chat_json_t *item;

    ck_assert_msg(chat_json_parse(&item, text, strlen(text), &limits, pool) ==
                      APR_SUCCESS,
                  "%s", text);
    return chat_route_format_take(&import, item, pool);
}

/* Roles and texts, parents first, "<" before what has a parent, "*" at the one
 * that is shown. */
static const char *tree(void)
{
    const chat_route_imported_t *one =
        &APR_ARRAY_IDX(import.list, 0, chat_route_imported_t);
    const char *text = "";
    int i;

    for (i = 0; i < one->messages->nelts; i++) {
        const chat_store_message_t *m =
            &APR_ARRAY_IDX(one->messages, i, chat_store_message_t);

        text = apr_pstrcat(pool, text, i ? " " : "", m->parent ? "<" : "",
                           m->role == CHAT_ROLE_USER ? "u:" : "a:", m->text,
                           !strcmp(m->id, one->c.current) ? "*" : "", NULL);
    }
    return text;
}

#define NODE(id, parent, message)                                              \
    "\"" id "\":{\"id\":\"" id "\",\"parent\":" parent ",\"message\":" message \
    "}"
#define SAYS(role, content)                                                    \
    "{\"author\":{\"role\":\"" role "\"},\"content\":{" content "}}"
#define TEXT(words) "\"content_type\":\"text\",\"parts\":[\"" words "\"]"
#define GPT(nodes) "{\"mapping\":{" nodes "}}"

static const struct {
    const char *text, *tree;
    int left_out, placeholders, repaired;
} files[] = {
    /* the root has no message; children come before their parents */
    {GPT(NODE("b", "\"a\"", SAYS("assistant", TEXT("2"))) "," NODE(
         "a", "\"r\"", SAYS("user", TEXT("1"))) "," NODE("r", "null", "null")),
     "u:1 <a:2*", 0, 0, 0},
    /* what is left out keeps the chain */
    {GPT(NODE("a", "null", SAYS("user", TEXT("1"))) "," NODE(
         "s", "\"a\"",
         SAYS(
             "system", TEXT("x"))) "," NODE("t", "\"s\"",
                                            SAYS(
                                                "assistant",
                                                "\"content_type\":"
                                                "\"thoughts\"")) "," NODE("b",
                                                                          "\"t"
                                                                          "\"",
                                                                          SAYS(
                                                                              "tool",
                                                                              TEXT(
                                                                                  "2")))),
     "u:1 <a:2*", 2, 0, 0},
    {GPT(NODE("a", "\"gone\"", SAYS("user", TEXT("1")))), "u:1*", 0, 0, 1},
    {GPT(NODE("a", "null",
              SAYS("assistant", "\"content_type\":\"code\",\"language\":"
                                "\"unknown\",\"text\":\"1\""))),
     "a:```\n1\n```*", 0, 0, 0},
    {GPT(NODE("a", "null",
              SAYS("user",
                   "\"content_type\":\"multimodal_text\",\"parts\":[{"
                   "\"content_type\":\"image_asset_pointer\"},{"
                   "\"content_type\":\"audio_transcription\",\"text\":\"hi\"},"
                   "{}]"))),
     "u:[image]hi[file]*", 0, 2, 0},
};

START_TEST(a_file_of_chatgpt_is_read_as_it_is_found)
{
    ck_assert_ptr_null(take(files[_i].text));
    ck_assert_str_eq(tree(), files[_i].tree);
    ck_assert_int_eq(import.left_out, files[_i].left_out);
    ck_assert_int_eq(import.placeholders, files[_i].placeholders);
    ck_assert_int_eq(import.repaired, files[_i].repaired);
}
END_TEST

static const struct {
    const char *text, *why;
} wrong[] = {
    {"{}", "no conversation"},
    {"{\"mapping\":[]}", "no object"},
    {GPT("\"a\":7"), "not what nodes are"},
    {GPT("\"a\":{\"parent\":7}"), "not what nodes are"},
    {GPT("\"a\":{\"message\":{}}"), "no author"},
    {GPT(NODE("a", "\"b\"", "null") "," NODE("b", "\"a\"", "null")),
     "its own ancestor"},
    {GPT(NODE("a", "\"a\"", "null")), "its own ancestor"},
    {"{\"messages\":{}}", "no array"},
    {"{\"messages\":[{}]}", "of message 1"},
    {"{\"messages\":[],\"title\":\"12345\"}", "title"},
    {"{\"messages\":[],\"pinned\":1}", "\"pinned\""},
    {"{\"messages\":[],\"createdAt\":1}", "\"createdAt\""},
    {"{\"messages\":[{},{},{},{},{},{}]}", "more than 5 messages"},
};

START_TEST(what_is_not_what_it_says_is_named)
{
    const char *why = take(wrong[_i].text);

    ck_assert_ptr_nonnull(why);
    ck_assert_msg(strstr(why, wrong[_i].why) != NULL, "%s", why);
    ck_assert_int_eq(import.list->nelts, 0);
}
END_TEST

START_TEST(a_title_is_cut_at_a_character)
{
    ck_assert_ptr_null(
        take("{\"mapping\":{},\"title\":\"\xc3\xa4\xc3\xb6\xc3\xbc-+\"}"));
    ck_assert_str_eq(
        APR_ARRAY_IDX(import.list, 0, chat_route_imported_t).c.title,
        "\xc3\xa4\xc3\xb6\xc3\xbc-");
}
END_TEST

static const struct {
    const char *title, *value;
} names[] = {
    {NULL, "attachment; filename=\"conversation.md\"; "
           "filename*=UTF-8''conversation.md"},
    {"a/b\"\r\n", "attachment; filename=\"a_b___.md\"; "
                  "filename*=UTF-8''a_b%22%5F%5F.md"},
    {"\xc3\xa4", "attachment; filename=\"_.md\"; filename*=UTF-8''%C3%A4.md"},
};

START_TEST(a_file_has_a_name_that_is_no_path)
{
    ck_assert_str_eq(chat_route_format_disposition(names[_i].title,
                                                   CHAT_ROUTE_MARKDOWN, pool),
                     names[_i].value);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_route_format");
    TCase *tc = tcase_create("chat_route_format");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_file_of_chatgpt_is_read_as_it_is_found, 0,
                        COUNT(files));
    tcase_add_loop_test(tc, what_is_not_what_it_says_is_named, 0, COUNT(wrong));
    tcase_add_test(tc, a_title_is_cut_at_a_character);
    tcase_add_loop_test(tc, a_file_has_a_name_that_is_no_path, 0, COUNT(names));
    suite_add_tcase(suite, tc);
    return suite;
}
