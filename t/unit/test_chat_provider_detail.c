/* SPDX-License-Identifier: Apache-2.0 */
/* Details: how they are made of a stream, put back into a request, and what of
 * forged, foreign and broken ones is left. */
#include "../../src/provider/chat_provider_content.h"
#include "provider_suite.h"

#include <string.h>

#include <apr_strings.h>

#define CHUNK(delta) "data: {\"choices\":[{\"delta\":{" delta "}}]}\n\n"
#define PIECE(members)                                                         \
    CHUNK("\"reasoning_details\":[{\"type\":\"reasoning.text\"," members "}]")
#define END "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\n"

/* ---- such as an upstream has itself ---- */

static const struct {
    const char *text, *heard;
} joined[] = {
    {PIECE("\"index\":0,\"text\":\"a\"")
         PIECE("\"index\":0,\"text\":\"b\",\"signature\":null")
             PIECE("\"index\":0,\"signature\":\"S\"") END,
     "<detail>{\"type\":\"reasoning.text\",\"index\":0,\"signature\":\"S\","
     "\"text\":\"ab\"}<stop -1 -1 -1 -1>"},
    /* behind a signature, at another place, of another kind */
    {PIECE("\"index\":0,\"signature\":\"S\",\"text\":\"a\"")
         PIECE("\"index\":0,\"text\":\"b\"") PIECE("\"index\":1,\"text\":\"c\"")
             CHUNK("\"reasoning_details\":[{\"type\":\"reasoning.summary\","
                   "\"summary\":\"d\",\"index\":1},{\"type\":"
                   "\"reasoning.encrypted\",\"data\":\"e\",\"index\":1},"
                   "{\"type\":\"reasoning.encrypted\",\"data\":\"f\","
                   "\"index\":1}]") END,
     "<detail>{\"type\":\"reasoning.text\",\"index\":0,\"signature\":\"S\","
     "\"text\":\"a\"}<detail>{\"type\":\"reasoning.text\",\"index\":0,\"text\":"
     "\"b\"}<detail>{\"type\":\"reasoning.text\",\"index\":1,\"text\":\"c\"}"
     "<detail>{\"type\":\"reasoning.summary\",\"index\":1,\"summary\":\"d\"}"
     "<detail>{\"type\":\"reasoning.encrypted\",\"data\":\"e\",\"index\":1}"
     "<detail>{\"type\":\"reasoning.encrypted\",\"data\":\"f\",\"index\":1}"
     "<stop -1 -1 -1 -1>"},
    /* what is none */
    {CHUNK("\"reasoning_details\":[7,null,\"x\",[]]") CHUNK(
         "\"reasoning_details\":{}") CHUNK("\"reasoning_details\":null") END,
     "<stop -1 -1 -1 -1>"},
    /* an answer that is told twice */
    {PIECE("\"index\":0,\"text\":\"a\"") "data: {\"choices\":[{\"message\":{"
                                         "\"reasoning_details\":[{\"type\":"
                                         "\"reasoning.text\",\"index\":0,"
                                         "\"text\":\"a\"}]},\"finish_reason\":"
                                         "\"stop\"}]}\n\n",
     "<detail>{\"type\":\"reasoning.text\",\"index\":0,\"text\":\"a\"}"
     "<stop -1 -1 -1 -1>"},
};

START_TEST(pieces_are_joined_and_nothing_else_is)
{
    ck_assert_str_eq(provider_suite_hear(1, joined[_i].text), joined[_i].heard);
}
END_TEST

START_TEST(of_a_text_that_is_too_long_nothing_is_wanted_back)
{
    apr_size_t len = CHAT_SSE_EVENT_MAX / 2;
    char *half = apr_palloc(provider_suite_pool, len + 1);
    const char *piece, *heard;

    memset(half, 'a', len);
    half[len] = '\0';
    piece = apr_pstrcat(provider_suite_pool,
                        "data: {\"choices\":[{\"delta\":{\"reasoning_details\":"
                        "[{\"type\":\"reasoning.text\",\"text\":\"",
                        half, "\"}]}}]}\n\n", NULL);
    heard = provider_suite_hear(
        1, apr_pstrcat(provider_suite_pool, piece, piece,
                       PIECE("\"signature\":\"S\"") END, NULL));
    ck_assert_ptr_nonnull(strstr(heard, "\"signature\":\"S\""));
    heard = provider_suite_hear(
        1, apr_pstrcat(provider_suite_pool, piece, piece, piece,
                       PIECE("\"signature\":\"S\"") END, NULL));
    ck_assert_str_eq(heard, "<stop -1 -1 -1 -1>");
}
END_TEST

/* ---- into a request ---- */

#define OWN(n, more) "{\"type\":\"t\",\"id\":\"anthropic/" n "\"" more "}"

static const struct {
    const char *details, *order;
} rows[] = {
    {"[]", "h\xc3\xa9llo c0 c1"},
    {"[" OWN("0", "") "]", "<0> h\xc3\xa9llo c0 c1"},
    {"[" OWN("0", ",\"after_text\":2") "," OWN(
         "1", ",\"after_text\":2,\"after_calls\":1") "]",
     "h\xc3\xa9 <0> c0 <1> llo c1"},
    {"[" OWN("0", ",\"after_text\":5,\"after_calls\":2") "]",
     "h\xc3\xa9llo c0 c1 <0>"},
    /* out of range, out of order, of odd types */
    {"[" OWN("0", ",\"after_text\":9e99,\"after_calls\":-7") "," OWN(
         "1", ",\"after_text\":\"x\",\"after_calls\":900000000000") "]",
     "<0> c0 c1 <1> h\xc3\xa9llo"},
    {"[" OWN("0", ",\"after_text\":4") "," OWN("1", ",\"after_text\":1") "]",
     "h\xc3\xa9ll <0> <1> o c0 c1"},
    /* others', nobody's, none */
    {"[{\"type\":\"t\",\"id\":\"gemini/0\"},{\"type\":\"t\"},{\"id\":"
     "\"anthropic/1\"},{\"type\":\"t\",\"id\":\"anthropicx/1\"},7,null,{},"
     "{\"type\":\"t\",\"id\":\"anthropic\"}]",
     "h\xc3\xa9llo c0 c1"},
};

START_TEST(a_message_comes_in_the_order_in_which_it_was_said)
{
    static const chat_tool_call_t calls[] = {{.id = "c0"}, {.id = "c1"}};
    chat_message_t m = {.content = "h\xc3\xa9llo", .calls = calls, .ncalls = 2};
    apr_pool_t *p = provider_suite_pool;
    const char *order = "";
    chat_detail_e next;
    chat_detail_t w;

    m.details = provider_suite_json(rows[_i].details);
    chat_provider_detail_begin(&w, &m, "anthropic");
    while ((next = chat_provider_detail_next(&w, p)) != CHAT_DETAIL_END)
        order = apr_pstrcat(p, order, *order ? " " : "",
                            next == CHAT_DETAIL_TEXT ? w.text
                            : next == CHAT_DETAIL_CALL
                                ? w.call->id
                                : apr_pstrcat(p, "<", w.id, ">", NULL),
                            NULL);
    ck_assert_str_eq(order, rows[_i].order);
}
END_TEST

START_TEST(what_is_nobody_s_goes_to_those_who_have_the_form)
{
    chat_message_t m = {.content = ""};

    ck_assert_ptr_null(chat_provider_detail_foreign(&m, provider_suite_pool));
    ck_assert_int_eq(chat_provider_detail_is_owned(&m), 0);
    m.details =
        provider_suite_json("[{\"id\":\"rs_1\"},{\"id\":\"openai/rs_2\"}"
                            ",{\"id\":\"a/b\"},{\"id\":null}]");
    ck_assert_str_eq(
        chat_json_text(chat_provider_detail_foreign(&m, provider_suite_pool),
                       NULL, provider_suite_pool),
        "[{\"id\":\"rs_1\"},{\"id\":\"a/b\"},{\"id\":null}]");
    ck_assert_int_eq(chat_provider_detail_is_owned(&m), 1);
}
END_TEST

static const provider_suite_t spec = {
    .provider = &chat_provider_openrouter,
    .dir = "openrouter",
    .url = "https://openrouter.ai/api/v1",
    .apis = 1,
};

Suite *unit_suite(void)
{
    Suite *suite = suite_create("provider");
    TCase *tc = tcase_create("detail");

    provider_suite_spec = &spec;
    tcase_add_checked_fixture(tc, provider_suite_set_up,
                              provider_suite_tear_down);
    tcase_add_loop_test(tc, pieces_are_joined_and_nothing_else_is, 0,
                        sizeof(joined) / sizeof(joined[0]));
    tcase_add_test(tc, of_a_text_that_is_too_long_nothing_is_wanted_back);
    tcase_add_loop_test(tc, a_message_comes_in_the_order_in_which_it_was_said,
                        0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tc, what_is_nobody_s_goes_to_those_who_have_the_form);
    suite_add_tcase(suite, tc);
    return suite;
}
