/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events read in passing: with the verdicts of the parse, whatever is in them,
 * and without memory where they are as they usually are.
 */
#include "unit.h"

#include <dlfcn.h>
#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "chat_json.h"
#include "chat_provider.h"
#include "../../src/provider/chat_provider_event.h"
#include "chat_sse.h"

#define CHAT_PROVIDER(id, name, caps)                                          \
    extern const chat_provider_t chat_provider_##id;
#include "chat_provider_list.h"
#undef CHAT_PROVIDER

static apr_pool_t *pool;

static void set_up(void)
{
    apr_pool_create(&pool, NULL);
}

static void tear_down(void)
{
    apr_pool_destroy(pool);
}

/* ---- listening ---- */

typedef struct ear_t {
    const chat_provider_t *provider;
    chat_upstream_t up;
    chat_seen_t seen;
    chat_parse_t parse;
    int deaf;         /* 1: only observe() */
    int pools;        /* that they made */
    const char *text; /* of the answer */
} ear_t;

static int made;

/* In front of APR's own: a pool is where a parse begins. */
apr_status_t apr_pool_create_ex(apr_pool_t **newpool, apr_pool_t *parent,
                                apr_abortfunc_t abort_fn,
                                apr_allocator_t *allocator)
{
    apr_status_t (*create)(apr_pool_t **, apr_pool_t *, apr_abortfunc_t,
                           apr_allocator_t *) =
        dlsym(RTLD_NEXT, "apr_pool_create_ex");

    made++;
    return create(newpool, parent, abort_fn, allocator);
}

static void hear(void *ctx, const chat_delta_t *delta)
{
    ear_t *ear = ctx;

    if (delta->kind == CHAT_DELTA_TEXT)
        ear->text =
            apr_pstrcat(pool, ear->text,
                        apr_pstrmemdup(pool, delta->text, delta->len), NULL);
}

static void on_event(void *ctx, const chat_sse_event_t *event)
{
    ear_t *ear = ctx;

    made = 0;
    ear->provider->observe_event(&ear->seen, event, &ear->up, pool);
    if (!ear->deaf)
        ear->provider->parse_event(&ear->parse, event, &ear->up, pool);
    ear->pools += made;
}

static void listen_to(ear_t *ear, const char *text, apr_size_t len)
{
    static const chat_usage_t none = {-1, -1, -1, -1};
    chat_sse_t *sse = chat_sse_create(on_event, ear, pool);

    ear->seen.usage = ear->parse.seen.usage = none;
    ear->parse.on_delta = hear;
    ear->parse.ctx = ear;
    ear->text = "";
    chat_sse_feed(sse, text, len);
    chat_provider_finish(&ear->seen);
    chat_provider_finish(&ear->parse.seen);
}

/* ---- without memory ---- */

static const struct {
    const chat_provider_t *provider;
    const char *file;
    int completions;
    int deaf;
    int input;
} usual[] = {
    {&chat_provider_openai, "openai/responses-text", 0, 0, 12},
    {&chat_provider_openai, "openai/responses-incomplete", 0, 1, 8},
    {&chat_provider_openai, "openai/responses-tools", 0, 1, 90},
    {&chat_provider_openai, "openai/completions-text", 1, 0, 9},
    {&chat_provider_openrouter, "openrouter/text", 1, 0, 14},
    {&chat_provider_deepseek, "deepseek/reasoning", 1, 0, 9},
    {&chat_provider_anthropic, "anthropic/text", 0, 0, 12},
    {&chat_provider_anthropic, "anthropic/thinking", 0, 1, 12},
    {&chat_provider_anthropic, "anthropic/tools", 0, 1, 472},
    {&chat_provider_gemini, "gemini/text", 0, 1, 4},
    {&chat_provider_gemini, "gemini/max-tokens", 0, 0, 5},
    {&chat_provider_gemini, "gemini/tools", 0, 1, 30},
};

static const char *load(const char *name, apr_size_t *plen)
{
    const char *path = apr_pstrcat(pool, "t/data/", name, ".sse", NULL);
    apr_finfo_t info;
    apr_file_t *file;
    char *text;

    ck_assert_msg(apr_file_open(&file, path, APR_READ, APR_OS_DEFAULT, pool) ==
                      APR_SUCCESS,
                  "%s", path);
    ck_assert_int_eq(apr_file_info_get(&info, APR_FINFO_SIZE, file),
                     APR_SUCCESS);
    text = apr_palloc(pool, info.size);
    ck_assert_int_eq(apr_file_read_full(file, text, info.size, plen),
                     APR_SUCCESS);
    apr_file_close(file);
    return text;
}

START_TEST(a_usual_answer_is_understood_without_memory)
{
    ear_t ear = {
        .provider = usual[_i].provider,
        .up.completions = usual[_i].completions,
        .deaf = usual[_i].deaf,
    };
    apr_size_t len;
    const char *text = load(usual[_i].file, &len);

    listen_to(&ear, text, len);
    ck_assert_int_eq(ear.pools, 0);
    ck_assert_int_eq(ear.seen.ended, 1);
    ck_assert_int_eq(ear.seen.failed, 0);
    ck_assert_int_eq(ear.seen.usage.input, usual[_i].input);
    if (!ear.deaf)
        ck_assert_int_eq(ear.parse.seen.usage.input, usual[_i].input);
}
END_TEST

/* ---- the verdicts of the parse ---- */

#define NEST8(x) "[[[[[[[[" x "]]]]]]]]"
#define NEST64(x) NEST8(NEST8(NEST8(NEST8(NEST8(NEST8(NEST8(NEST8(x))))))))

/* A value that nobody asks for stands before the bill: where it is JSON the
 * bill is seen, else it is not. */
static const char *const values[] = {
    "0",
    "-0",
    "10",
    "-1.5",
    "0.7",
    "1e5",
    "1E+5",
    "2e-07",
    "1e400",
    "123456789012345678901234567890",
    "-",
    "01",
    "00",
    "-01",
    "+1",
    ".5",
    "1.",
    "1.e5",
    "1e",
    "1e+",
    "0x1",
    "NaN",
    "Infinity",
    "-Infinity",
    "1 2",
    "- 1",
    "1.5.5",
    "1ee5",
    /* words */
    "true",
    "false",
    "null",
    "True",
    "nul",
    "nulll",
    "tru",
    "undefined",
    /* containers */
    "{}",
    "[]",
    "[ ]",
    "{ }",
    "[1,2]",
    "[1,]",
    "[,1]",
    "[,]",
    "[1 2]",
    "[1",
    "1]",
    "{\"a\":1}",
    "{\"a\":1,}",
    "{,}",
    "{:1}",
    "{1:1}",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\" 1}",
    "{\"a\":1 \"b\":2}",
    "{a:1}",
    "[}",
    "{]",
    "{\"a\":[{\"b\":[]},{}]}",
    "[\"a\":1]",
    "",
    " ",
    "/**/1",
    /* deeper than usual, and too deep */
    NEST64(""),
    NEST64(NEST64(NEST64("1"))),
    NEST64(NEST64(NEST64(NEST64("1")))),
    NEST64("[}"),
    /* texts */
    "\"\"",
    "\"a\\\"b\"",
    "\"\\u0041\\u00e9\\u20ac\"",
    "\"\\ud83d\\ude00\"",
    "\"\\uD83D\\uDE00\"",
    "\"\\ud83d\"",
    "\"\\ude00\"",
    "\"\\ude00\\ud83d\"",
    "\"\\ud83d\\u0041\"",
    "\"\\ud83d\\n\"",
    "\"\\ud83dx\\ude00\"",
    "\"\\ud83d\\ud83d\"",
    "\"\\u0000\"",
    "\"\\u00g0\"",
    "\"\\u00\"",
    "\"\\x41\"",
    "\"\\\"",
    "\"\\",
    "\"\\/\\b\\f\\n\\r\\t\\\\\"",
    "\"a\tb\"",
    "\"a\x01"
    "b\"",
    "\"a\x7f"
    "b\"",
    "\"\xc3\xa9\"",
    "\"\xe2\x82\xac\"",
    "\"\xf0\x9f\x98\x80\"",
    "\"\xc3\"",
    "\"\xc0\xaf\"",
    "\"\xe0\x80\xaf\"",
    "\"\xed\xa0\x80\"",
    "\"\xf4\x90\x80\x80\"",
    "\"\xff\"",
    "\"\x80\"",
    "'a'",
    "\"open",
    /* names */
    "{\"\\ud83d\\ude00\":1}",
    "{\"\\ud83d\":1}",
    "{\"\xff\":1}",
    "{\"a\\n\":{\"b\\t\":1}}",
    "{\"\":1}",
};

#define NVALUES ((int)(sizeof(values) / sizeof(values[0])))

/* An event of each family, where %s is that value; the input is 7. */
static const struct {
    const chat_provider_t *provider;
    int completions;
    const char *head, *tail;
} events[] = {
    {&chat_provider_openai, 0,
     "event: response.completed\ndata: {\"response\":{\"output\":",
     ",\"usage\":{\"input_tokens\":7}}}\n\n"},
    {&chat_provider_openai, 1,
     "data: {\"x\":", ",\"choices\":[],\"usage\":{\"prompt_tokens\":7}}\n\n"},
    {&chat_provider_anthropic, 0,
     "event: message_start\ndata: {\"message\":{\"usage\":{\"x\":",
     ",\"input_tokens\":7}}}\n\n"},
    {&chat_provider_gemini, 0,
     "data: {\"usageMetadata\":{\"x\":", ",\"promptTokenCount\":7}}\n\n"},
};

#define NEVENTS ((int)(sizeof(events) / sizeof(events[0])))

static ear_t listen_for(int event, const char *value)
{
    ear_t ear = {
        .provider = events[event].provider,
        .up.completions = events[event].completions,
        .deaf = 1,
    };
    const char *text =
        apr_pstrcat(pool, events[event].head, value, events[event].tail, NULL);

    listen_to(&ear, text, strlen(text));
    return ear;
}

static int is_json(const char *text)
{
    static const chat_json_limits_t limits = {1 << 20, 256, 200000};
    chat_json_t *root;

    return chat_json_parse(&root, text, strlen(text), &limits, pool) ==
           APR_SUCCESS;
}

static const char *repaired(const char *text)
{
    apr_size_t len;
    const char *fixed = chat_provider_half_repair(text, strlen(text),
                                                  "\xef\xbf\xbd", &len, pool);

    return fixed ? apr_pstrmemdup(pool, fixed, len) : "";
}

START_TEST(what_is_passed_over_is_judged_as_by_the_parse)
{
    int i;

    for (i = 0; i < NEVENTS; i++) {
        const char *head = strchr(events[i].head, '{');
        int fine =
            is_json(apr_pstrcat(pool, head, values[_i], events[i].tail, NULL));
        ear_t ear = listen_for(i, values[_i]);

        /* Where it has but halves of characters in it, it is. */
        fine = fine || is_json(repaired(apr_pstrcat(pool, head, values[_i],
                                                    events[i].tail, NULL)));
        ck_assert_msg(ear.seen.usage.input == (fine ? 7 : -1),
                      "%s behind %s: %d", values[_i], head,
                      (int)ear.seen.usage.input);
    }
}
END_TEST

/* 200000 of them are too many, with those around them. */
START_TEST(more_values_than_a_parse_takes_hide_the_bill)
{
    static const int counts[] = {90000, 150000, 200000};
    char *many = apr_palloc(pool, 2 * 200000 + 2);
    int i, n = counts[_i];

    many[0] = '[';
    for (i = 0; i < n; i++) {
        many[2 * i + 1] = '0';
        many[2 * i + 2] = ',';
    }
    many[2 * n] = ']';
    many[2 * n + 1] = '\0';
    for (i = 0; i < NEVENTS; i++)
        ck_assert_int_eq(listen_for(i, many).seen.usage.input,
                         n < 200000 ? 7 : -1);
}
END_TEST

/* Nor are so many members read, wherever they are: it would take too long. */
START_TEST(more_members_than_any_answer_has_are_not_parsed)
{
    static const int counts[] = {16000, 90000};
    char *many = apr_palloc(pool, 16 * 90000 + 2), *at = many;
    int i, n = counts[_i];

    for (i = 0; i < n; i++)
        at += apr_snprintf(at, 16, "%s\"k%d\" :1", i ? "," : "{", i);
    strcpy(at, "}");
    for (i = 0; i < NEVENTS; i++)
        ck_assert_int_eq(listen_for(i, many).seen.usage.input,
                         n < 16384 ? 7 : -1);
}
END_TEST

/* An answer of many lines has more escapes than are kept. */
START_TEST(a_long_text_with_escapes_is_passed_over_without_memory)
{
    char *text = apr_palloc(pool, 6000 + 3);
    int i;

    text[0] = '"';
    for (i = 0; i < 3000; i++)
        memcpy(text + 1 + 2 * i, i % 2 ? "\\n" : "ab", 2);
    memcpy(text + 6001, "\"", 2);
    for (i = 0; i < NEVENTS; i++) {
        ear_t ear = listen_for(i, text);

        ck_assert_int_eq(ear.seen.usage.input, 7);
        ck_assert_int_eq(ear.pools, 0);
    }
}
END_TEST

/* ---- what the bill says ---- */

static const struct {
    const char *usage; /* and what else is in the response */
    chat_usage_t want;
} bills[] = {
    {"\"usage\":{\"input_tokens\":1,\"output_tokens\":2,"
     "\"input_tokens_details\":{\"cached_tokens\":3},"
     "\"output_tokens_details\":{\"reasoning_tokens\":4}}",
     {1, 2, 3, 4}},
    /* Numbers as they may be written. */
    {"\"usage\":{\"input_tokens\":0,\"output_tokens\":999999999999999999}",
     {0, 999999999999999999, -1, -1}},
    {"\"usage\":{\"input_tokens\":9223372036854775807,\"output_tokens\":1}",
     {APR_INT64_MAX, 1, -1, -1}},
    {"\"usage\":{\"input_tokens\":9223372036854775808,\"output_tokens\":1}",
     {-1, 1, -1, -1}},
    {"\"usage\":{\"input_tokens\":99999999999999999999}", {-1, -1, -1, -1}},
    {"\"usage\":{\"input_tokens\":1e1,\"output_tokens\":2.0}", {10, 2, -1, -1}},
    {"\"usage\":{\"input_tokens\":1.5,\"output_tokens\":-2}", {-1, -1, -1, -1}},
    {"\"usage\":{\"input_tokens\":-0,\"output_tokens\":2}", {0, 2, -1, -1}},
    /* Counts that are none. */
    {"\"usage\":{\"input_tokens\":\"1\",\"output_tokens\":[2]}",
     {1, -1, -1, -1}},
    {"\"usage\":{\"input_tokens\":null,\"output_tokens\":true,"
     "\"input_tokens_details\":3,\"output_tokens_details\":[4]}",
     {-1, -1, -1, -1}},
    {"\"usage\":[{\"input_tokens\":1}]", {-1, -1, -1, -1}},
    {"\"usage\":7", {-1, -1, -1, -1}},
    /* Somewhere else. */
    {"\"usage\":{\"cached_tokens\":3,\"input_tokens_details\":"
     "{\"input_tokens\":1,\"reasoning_tokens\":4},\"x\":{\"input_tokens\":1}}",
     {-1, -1, -1, -1}},
    {"\"x\":{\"usage\":{\"input_tokens\":1}}", {-1, -1, -1, -1}},
    /* Escapes in names. */
    {"\"us\\u0061ge\":{\"input\\u005ftokens\":1}", {1, -1, -1, -1}},
    /* Of equal names the last one holds. */
    {"\"usage\":{\"input_tokens\":1,\"input_tokens\":2}", {2, -1, -1, -1}},
    {"\"usage\":{\"input_tokens\":1,\"input_tokens\":null}", {-1, -1, -1, -1}},
    {"\"usage\":{\"input_tokens\":1},\"usage\":{\"output_tokens\":2}",
     {-1, 2, -1, -1}},
    {"\"usage\":{\"input_tokens\":1},\"usage\":null", {-1, -1, -1, -1}},
    {"\"usage\":{\"input_tokens_details\":{\"cached_tokens\":3},"
     "\"input_tokens_details\":{}}",
     {-1, -1, -1, -1}},
    {"\"usage\":{\"input_tokens_details\":{\"cached_tokens\":3},"
     "\"input_tokens_details\":null}",
     {-1, -1, -1, -1}},
    {"\"usage\":{\"input_tokens\":1}},\"response\":{\"x\":1", {-1, -1, -1, -1}},
};

static void check_usage(const char *about, const chat_usage_t *want,
                        const chat_usage_t *usage)
{
    ck_assert_msg(
        usage->input == want->input && usage->output == want->output &&
            usage->cached == want->cached &&
            usage->reasoning == want->reasoning,
        "%s: %" APR_INT64_T_FMT " %" APR_INT64_T_FMT " %" APR_INT64_T_FMT
        " %" APR_INT64_T_FMT,
        about, usage->input, usage->output, usage->cached, usage->reasoning);
}

START_TEST(a_bill_is_read_as_by_the_parse)
{
    ear_t ear = {.provider = &chat_provider_openai};
    const char *text =
        apr_pstrcat(pool, "event: response.completed\ndata: {\"response\":{",
                    bills[_i].usage, "}}\n\n", NULL);

    listen_to(&ear, text, strlen(text));
    ck_assert_int_eq(ear.seen.ended, 1);
    check_usage(text, &bills[_i].want, &ear.seen.usage);
    check_usage(text, &bills[_i].want, &ear.parse.seen.usage);
}
END_TEST

START_TEST(a_character_in_two_units_is_put_together)
{
    static const char text[] =
        "data: {\"choices\":[{\"delta\":{\"content\":"
        "\"a\\ud83d\\ude00\\u00e9\\u20AC\\uDBFF\\uDFFFz\"}}]}\n\n";
    ear_t ear = {.provider = &chat_provider_openai, .up.completions = 1};

    listen_to(&ear, text, strlen(text));
    ck_assert_int_eq(ear.pools, 0);
    ck_assert_str_eq(ear.text, "a\xf0\x9f\x98\x80\xc3\xa9\xe2\x82\xac"
                               "\xf4\x8f\xbf\xbfz");
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_provider_scan");
    TCase *tc = tcase_create("scan");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, a_usual_answer_is_understood_without_memory, 0,
                        sizeof(usual) / sizeof(usual[0]));
    tcase_add_loop_test(tc, what_is_passed_over_is_judged_as_by_the_parse, 0,
                        NVALUES);
    tcase_add_loop_test(tc, more_values_than_a_parse_takes_hide_the_bill, 0, 3);
    tcase_add_loop_test(tc, more_members_than_any_answer_has_are_not_parsed, 0,
                        2);
    tcase_add_test(tc, a_long_text_with_escapes_is_passed_over_without_memory);
    tcase_add_loop_test(tc, a_bill_is_read_as_by_the_parse, 0,
                        sizeof(bills) / sizeof(bills[0]));
    tcase_add_test(tc, a_character_in_two_units_is_put_together);
    suite_add_tcase(suite, tc);
    return suite;
}
