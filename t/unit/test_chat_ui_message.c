/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UI message streams, read: what is told beside the parts, what ends the
 * building, and its bounds. That the parts are the AI SDK's own is the business
 * of t/82-ui-message-read.t.
 */
#include "unit.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "chat_sse.h"
#include "chat_ui_message.h"

static apr_pool_t *pool;
static chat_ui_message_t *m;
static chat_ui_message_told_t told;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
    m = chat_ui_message_create(pool);
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

/* One chunk; what stands in single quotes is in double quotes. */
static void say(const char *chunk)
{
    char *event = apr_pstrcat(pool, "data: ", chunk, "\n\n", NULL), *c;

    for (c = event; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    chat_ui_message_feed(m, event, strlen(event));
}

static const char *heard(void)
{
    chat_ui_message_tell(&told, m, pool);
    return told.parts;
}

START_TEST(a_turn_is_told_whole)
{
    say("{'type':'start','messageId':'m1','messageMetadata':{'a':{'b':1}}}");
    say("{'type':'start-step'}");
    say("{'type':'reasoning-start','id':'r'}");
    say("{'type':'reasoning-delta','id':'r','delta':'Hm'}");
    say("{'type':'reasoning-end','id':'r'}");
    say("{'type':'text-start','id':'0'}");
    say("{'type':'text-delta','id':'0','delta':'Hel'}");
    say("{'type':'text-delta','id':'0','delta':'lo \\'x\\'\\n'}");
    say("{'type':'text-end','id':'0'}");
    say("{'type':'text-start','id':'0'}");
    say("{'type':'text-delta','id':'0','delta':'.'}");
    say("{'type':'finish-step'}");
    say("{'type':'data-usage','data':{'inputTokens':3},'transient':true}");
    say("{'type':'data-usage','data':{'inputTokens':4},'transient':true}");
    say("{'type':'finish','finishReason':'stop','messageMetadata':{'a':{'c':"
        "2}}}");
    say("[DONE]");
    chat_ui_message_end(m);
    ck_assert_str_eq(
        heard(),
        "[{\"type\":\"step-start\"},{\"type\":\"reasoning\",\"id\":\"r\","
        "\"text\":\"Hm\",\"state\":\"done\"},{\"type\":\"text\",\"text\":"
        "\"Hello \\\"x\\\"\\n\",\"state\":\"done\"},{\"type\":\"text\","
        "\"text\":\".\",\"state\":\"streaming\"}]");
    ck_assert_str_eq(told.id, "m1");
    ck_assert_int_eq(told.nparts, 3);
    ck_assert_str_eq(told.metadata, "{\"a\":{\"b\":1,\"c\":2}}");
    ck_assert_str_eq(told.context, "{\"inputTokens\":4}");
    ck_assert_str_eq(told.text, "Hello \"x\"\n.");
    ck_assert_str_eq(told.finish_reason, "stop");
    ck_assert_ptr_null(told.error);
    ck_assert_int_eq(told.finished, 1);
    ck_assert_int_eq(told.done, 1);
    ck_assert_int_eq(told.aborted + told.broken + told.overflows, 0);
}
END_TEST

START_TEST(nothing_is_an_empty_message)
{
    ck_assert_str_eq(heard(), "[]");
    ck_assert_int_eq(told.nparts, 0);
    ck_assert_str_eq(told.text, "");
    ck_assert_ptr_null(told.id);
    ck_assert_ptr_null(told.metadata);
    ck_assert_ptr_null(told.context);
    ck_assert_ptr_null(told.finish_reason);
}
END_TEST

START_TEST(a_call_that_was_cut_has_the_input_so_far)
{
    say("{'type':'tool-input-start','toolCallId':'c','toolName':'f'}");
    say("{'type':'tool-input-delta','toolCallId':'c','inputTextDelta':"
        "'{\\'city\\':\\'Ky'}");
    ck_assert_str_eq(heard(),
                     "[{\"type\":\"tool-f\",\"toolCallId\":\"c\",\"state\":"
                     "\"input-streaming\",\"input\":{\"city\":\"Ky\"},"
                     "\"rawInput\":\"{\\\"city\\\":\\\"Ky\"}]");
    say("{'type':'tool-input-available','toolCallId':'c','toolName':'f',"
        "'input':{'city':'Kyiv'}}");
    say("{'type':'tool-output-available','toolCallId':'c','output':-3}");
    ck_assert_str_eq(heard(),
                     "[{\"type\":\"tool-f\",\"toolCallId\":\"c\",\"state\":"
                     "\"output-available\",\"input\":{\"city\":\"Kyiv\"},"
                     "\"output\":-3}]");
}
END_TEST

START_TEST(errors_and_aborts_are_told)
{
    say("{'type':'error','errorText':'One.'}");
    say("{'type':'error','errorText':'Two.'}");
    say("{'type':'abort'}");
    heard();
    ck_assert_str_eq(told.error, "One.");
    ck_assert_int_eq(told.aborted, 1);
    ck_assert_int_eq(told.finished, 0);
}
END_TEST

static const struct {
    const char *chunk;
    int breaks;
} odd[] = {
    {"{'type':'brand-new','id':7}", 0},
    {"{'type':'text-delta','id':'nobody','delta':'x'}", 1},
    {"{'type':'text-delta','id':'0'}", 1},
    {"{'type':'text-delta','id':0,'delta':'x'}", 1},
    {"{'type':'tool-output-available','toolCallId':'nobody','output':1}", 1},
    {"{'type':'data-x','data':1,'id':7}", 1},
    {"{'type':'data-x'}", 0},
    {"{'type':'text-end','id':'0','providerMetadata':{'x':1}}", 1},
    {"{'type':7}", 1},
    {"{}", 1},
    {"[]", 1},
    {"oops", 1},
};

START_TEST(what_the_sdk_would_stop_at_ends_the_building)
{
    say("{'type':'text-start','id':'0'}");
    say(odd[_i].chunk);
    say("{'type':'text-delta','id':'0','delta':'later'}");
    heard();
    ck_assert_int_eq(told.broken, odd[_i].breaks);
    ck_assert_str_eq(told.text, odd[_i].breaks ? "" : "later");
}
END_TEST

START_TEST(half_an_event_is_none)
{
    static const char half[] = "data: {\"type\":\"abort\"}\n";

    chat_ui_message_feed(m, half, sizeof(half) - 1);
    chat_ui_message_end(m);
    heard();
    ck_assert_int_eq(told.aborted, 0);
}
END_TEST

START_TEST(a_message_has_so_many_parts_and_no_more)
{
    int i;

    for (i = 0; i < CHAT_UI_MESSAGE_PARTS_MAX; i++)
        say("{'type':'start-step'}");
    heard();
    ck_assert_int_eq(told.overflows, 0);
    say("{'type':'text-start','id':'0'}");
    heard();
    ck_assert_int_eq(told.overflows, 1);
    ck_assert_int_eq(told.nparts, 0);
}
END_TEST

static apr_size_t allocated(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

/* Whatever is said again and again: a bound is reached, or no memory taken. */
START_TEST(memory_is_bounded)
{
    static const char *const again[] = {
        "{'type':'text-delta','id':'0','delta':'LONG'}",
        "{'type':'tool-input-delta','toolCallId':'c','inputTextDelta':'LONG'}",
        "{'type':'data-x','id':'i','data':'LONG'}",
        "{'type':'data-usage','data':'LONG','transient':true}",
        "{'type':'message-metadata','messageMetadata':{'a':'LONG'}}",
        "{'type':'start','messageId':'LONG1'}",
        "{'type':'start','messageId':'LONG2'}",
        "{'type':'error','errorText':'LONG'}",
        "{'type':'finish','finishReason':'LONG'}",
        "{'type':'tool-input-start','toolCallId':'c','toolName':'LONG'}",
        "{'type':'tool-output-available','toolCallId':'c','output':'LONG'}",
    };
    static char text[100001];
    const char *chunk;
    char *at;
    int i;

    memset(text, 'x', sizeof(text) - 1);
    say("{'type':'text-start','id':'0'}");
    say("{'type':'tool-input-start','toolCallId':'c','toolName':'f'}");
    at = strstr(again[_i], "LONG");
    chunk = apr_pstrcat(pool, apr_pstrmemdup(pool, again[_i], at - again[_i]),
                        text, at + 4, NULL);
    for (i = 0; i < 200; i++) {
        apr_pool_t *all = pool;

        apr_pool_create(&pool, all);
        say(chunk);
        apr_pool_destroy(pool);
        pool = all;
    }
    ck_assert_uint_lt(allocated(), 100 * 1024 * 1024);
    heard();
    ck_assert_uint_lt(strlen(told.parts), 2 * CHAT_UI_MESSAGE_MAX);
}
END_TEST

/* A picture in data that no message keeps does no harm, elsewhere it is not
 * kept by halves. */
START_TEST(an_event_that_is_too_large_is_kept_whole_or_not_at_all)
{
    char *large = apr_palloc(pool, CHAT_SSE_EVENT_MAX + 1);

    memset(large, 'x', CHAT_SSE_EVENT_MAX);
    large[CHAT_SSE_EVENT_MAX] = '\0';
    say(apr_pstrcat(pool, "{'type':'data-x','transient':true,'data':'", large,
                    "'}", NULL));
    heard();
    ck_assert_int_eq(told.overflows, 0);
    say(apr_pstrcat(pool, "{'type':'file','mediaType':'image/png','url':'",
                    large, "'}", NULL));
    ck_assert_str_eq(heard(), "[]");
    ck_assert_int_eq(told.overflows, 1);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_ui_message");
    TCase *tc = tcase_create("streams");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, a_turn_is_told_whole);
    tcase_add_test(tc, nothing_is_an_empty_message);
    tcase_add_test(tc, a_call_that_was_cut_has_the_input_so_far);
    tcase_add_test(tc, errors_and_aborts_are_told);
    tcase_add_loop_test(tc, what_the_sdk_would_stop_at_ends_the_building, 0,
                        COUNT(odd));
    tcase_add_test(tc, half_an_event_is_none);
    tcase_add_test(tc, a_message_has_so_many_parts_and_no_more);
    tcase_add_loop_test(tc, memory_is_bounded, 0, 11);
    tcase_add_test(tc, an_event_that_is_too_large_is_kept_whole_or_not_at_all);
    suite_add_tcase(suite, tc);
    return suite;
}
