/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of src/telemetry/chat_telemetry_line.c: values that are hard to write
 * as JSON, and the longest line that there is.
 */
#include "../../src/telemetry/chat_telemetry_line.h"
#include "unit.h"

#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "chat_json.h"

static apr_pool_t *pool;
static char text[CHAT_TELEMETRY_LINE_MAX + 1];

static void set_up(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
}

static void tear_down(void)
{
    apr_pool_destroy(pool);
}

static chat_telemetry_line_t nothing(void)
{
    return (chat_telemetry_line_t){
        .at = APR_INT64_C(1795886000010000),
        .status = -1,
        .upstream_status = -1,
        .input = -1,
        .output = -1,
        .cost = -1,
        .ttft = -1,
        .duration = -1,
        .verdict_latency = -1,
    };
}

/* The line, read as JSON. */
static chat_json_t *line(const chat_telemetry_line_t *facts, int ecs)
{
    static const chat_json_limits_t limits = {
        .bytes = 8192, .depth = 2, .values = 100};
    apr_size_t len = chat_telemetry_line(text, facts, ecs);
    chat_json_t *read = NULL;

    ck_assert_uint_le(len, CHAT_TELEMETRY_LINE_MAX);
    ck_assert_ptr_eq(memchr(text, '\n', len), text + len - 1);
    text[len] = '\0';
    ck_assert_msg(chat_json_parse(&read, text, len, &limits, pool) ==
                      APR_SUCCESS,
                  "%s", text);
    return read;
}

START_TEST(what_is_not_known_is_not_there)
{
    const chat_telemetry_line_t facts = nothing();

    line(&facts, 0);
    ck_assert_str_eq(text, "{\"timestamp\":\"2026-11-28T17:13:20.010Z\","
                           "\"severity_text\":\"INFO\","
                           "\"service.name\":\"mod_chat\"}\n");
    line(&facts, 1);
    ck_assert_str_eq(text, "{\"@timestamp\":\"2026-11-28T17:13:20.010Z\","
                           "\"log.level\":\"info\",\"ecs.version\":\"8.11.0\","
                           "\"service.name\":\"mod_chat\"}\n");
}
END_TEST

START_TEST(numbers_and_the_trace)
{
    chat_telemetry_line_t facts = nothing();

    facts.trace_id = "0af7651916cd43dd8448eb211c80319c";
    facts.span_id = "b7ad6b7169203331";
    facts.sampled = facts.failed = facts.own_key = 1;
    facts.cost = APR_INT64_C(12345678901);
    facts.ttft = 1499;
    facts.duration = 1500;
    facts.status = 200;
    facts.verdict = "block";
    facts.verdict_phase = "output";
    facts.verdict_by = "guard";
    facts.verdict_category = "violence";
    facts.verdict_latency = 12600;
    line(&facts, 0);
    ck_assert_ptr_nonnull(
        strstr(text, ",\"severity_text\":\"ERROR\",\"trace_id\":"
                     "\"0af7651916cd43dd8448eb211c80319c\",\"span_id\":"
                     "\"b7ad6b7169203331\",\"trace_flags\":\"01\""));
    ck_assert_ptr_nonnull(strstr(text, "\"chat.ttft_ms\":1,"
                                       "\"chat.duration_ms\":2,"
                                       "\"chat.cost_usd\":1.2345678901,"
                                       "\"chat.key\":\"user\","
                                       "\"chat.moderation.verdict\":\"block\","
                                       "\"chat.moderation.phase\":\"output\","
                                       "\"chat.moderation.by\":\"guard\","
                                       "\"chat.moderation.category\":"
                                       "\"violence\","
                                       "\"chat.moderation.duration_ms\":13}"
                                       "\n"));
    line(&facts, 1);
    ck_assert_ptr_nonnull(strstr(text, "\"event.duration\":1500000,"));
}
END_TEST

static const struct {
    const char *value, *shown;
} hard[] = {
    {"", ""},
    {"a\"b\\c/", "a\\\"b\\\\c/"},
    {"\n\r\t\x01\x1f\x7f", "\\u000a\\u000d\\u0009\\u0001\\u001f\\u007f"},
    {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
     "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
    /* No UTF-8: alone, cut off, too long a form, a half, beyond the last. */
    {"\x80", "\xef\xbf\xbd"},
    {"\xc3", "\xef\xbf\xbd"},
    {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
    {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
    {"\xe0\x80\xaf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    {"\xf0\x80\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    {"\xff\"", "\xef\xbf\xbd\\\""},
};

START_TEST(values_that_are_hard_to_write)
{
    chat_telemetry_line_t facts = nothing();
    char wanted[100];

    facts.user = hard[_i].value;
    line(&facts, 0);
    apr_snprintf(wanted, sizeof(wanted), "\"user.id\":\"%s\"}\n",
                 hard[_i].shown);
    ck_assert_msg(strstr(text, wanted) != NULL, "%s is not %s", text, wanted);
}
END_TEST

/* Every member as long as it can be, of characters that take the most. */
START_TEST(the_longest_line_is_whole)
{
    static char most[9000];
    chat_telemetry_line_t facts = nothing();

    memset(most, _i ? '\x01' : 'x', sizeof(most) - 1);
    facts.failed = facts.own_key = facts.sampled = 1;
    facts.trace_id = facts.span_id = facts.request_id = most;
    facts.method = facts.path = facts.client = facts.user = most;
    facts.route = facts.provider = facts.system = most;
    facts.model = facts.upstream_model = facts.outcome = most;
    facts.code = facts.limit = facts.upstream_id = most;
    facts.status = facts.upstream_status = APR_INT64_MAX;
    facts.input = facts.output = facts.cost = APR_INT64_MAX;
    facts.verdict = facts.verdict_phase = facts.verdict_by = most;
    facts.verdict_category = most;
    facts.ttft = facts.duration = facts.verdict_latency =
        APR_INT64_MAX / 1000 - 500;
    line(&facts, 0);
    ck_assert_ptr_nonnull(strstr(text, "\"chat.moderation.duration_ms\":"));
    line(&facts, 1);
    ck_assert_ptr_nonnull(strstr(text, "\"chat.moderation.duration_ms\":"));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_telemetry_line");
    TCase *tc = tcase_create("line");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, what_is_not_known_is_not_there);
    tcase_add_test(tc, numbers_and_the_trace);
    tcase_add_loop_test(tc, values_that_are_hard_to_write, 0,
                        sizeof(hard) / sizeof(hard[0]));
    tcase_add_loop_test(tc, the_longest_line_is_whole, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}
