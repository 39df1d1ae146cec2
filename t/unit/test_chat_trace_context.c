/* SPDX-License-Identifier: Apache-2.0 */
/* W3C Trace Context, by the cases of its own test suite. */
#include "unit.h"
#include "vectors.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_trace_context.h"

#define VECTORS "t/data/trace-context-vectors.json"

static apr_pool_t *pool;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

/* As httpd hands them over: those of one name are one. */
static apr_table_t *headers_of(const chat_json_t *one)
{
    chat_json_t *list = chat_json_get(one, "headers");
    apr_table_t *headers = apr_table_make(pool, 4);
    int i;

    for (i = 0; i < chat_json_length(list); i++) {
        chat_json_t *pair = chat_json_at(list, i);

        apr_table_merge(headers, chat_json_string(chat_json_at(pair, 0)),
                        chat_json_string(chat_json_at(pair, 1)));
    }
    return headers;
}

static const char *members_of(const chat_json_t *one)
{
    chat_json_t *list = chat_json_get(one, "tracestate");
    const char *text = NULL;
    int i;

    for (i = 0; i < chat_json_length(list); i++) {
        const char *member = chat_json_string(chat_json_at(list, i));

        text = text ? apr_pstrcat(pool, text, ",", member, NULL) : member;
    }
    return text;
}

static void check_kept(const chat_json_t *one, const chat_json_t *all,
                       const chat_trace_context_t *context,
                       const apr_table_t *headers, const char *name)
{
    const char *state = apr_table_get(headers, "tracestate");
    const char *want = members_of(one);
    char text[CHAT_TRACEPARENT_SIZE];

    chat_trace_context_format(text, context);
    ck_assert_str_eq(
        text, apr_pstrcat(
                  pool, "00-", chat_json_string(chat_json_get(all, "traceId")),
                  "-", chat_json_string(chat_json_get(all, "parentId")), "-",
                  chat_json_string(chat_json_get(one, "outFlags")), NULL));
    state = state ? chat_trace_context_state(state, pool) : NULL;
    ck_assert_msg(!state == !want && (!want || !strcmp(state, want)),
                  "%s: %s and not %s", name, state ? state : "none",
                  want ? want : "none");
}

START_TEST(every_case_of_the_specification)
{
    chat_json_t *all = vectors_load(VECTORS, pool);
    chat_json_t *cases = chat_json_get(all, "cases");
    int i;

    ck_assert_int_eq(chat_json_length(cases), 70);
    for (i = 0; i < chat_json_length(cases); i++) {
        chat_json_t *one = chat_json_at(cases, i);
        const char *name = chat_json_string(chat_json_get(one, "name"));
        int same =
            !strcmp(chat_json_string(chat_json_get(one, "trace")), "same");
        apr_table_t *headers = headers_of(one);
        const char *parent = apr_table_get(headers, "traceparent");
        chat_trace_context_t context;

        ck_assert_msg((parent && chat_trace_context_parse(&context, parent)) ==
                          same,
                      "%s", name);
        if (same)
            check_kept(one, all, &context, headers, name);
    }
}
END_TEST

static char *member(char key, apr_size_t len)
{
    char *text = apr_pcalloc(pool, len + 1);

    memset(text, key, len);
    text[1] = '=';
    return text;
}

/* Whole members: those over 128 characters first, then from the right. */
START_TEST(what_is_too_long_is_cut)
{
    const char *all = apr_pstrcat(pool, member('a', 100), ",", member('b', 200),
                                  ",", member('c', 120), ",", member('d', 90),
                                  ",", member('e', 129), NULL);

    ck_assert_str_eq(chat_trace_context_state(all, pool),
                     apr_pstrcat(pool, member('a', 100), ",", member('c', 120),
                                 ",", member('d', 90), NULL));
    all = apr_pstrcat(pool, member('a', 120), ",", member('b', 120), ",",
                      member('c', 120), ",", member('d', 120), ",",
                      member('e', 120), NULL);
    ck_assert_int_eq(strlen(chat_trace_context_state(all, pool)), 4 * 121 - 1);
    all = apr_pstrcat(pool, member('a', 200), ",", member('b', 200), NULL);
    ck_assert_str_eq(chat_trace_context_state(all, pool), all);
}
END_TEST

START_TEST(baggage_has_its_bounds)
{
    apr_array_header_t *pairs = apr_array_make(pool, 65, sizeof(char *));
    char *large = apr_pcalloc(pool, 8194);

    ck_assert(chat_trace_context_is_baggage("user=1;p=2, tier = pro"));
    ck_assert(!chat_trace_context_is_baggage(""));
    ck_assert(!chat_trace_context_is_baggage("a=\xc3\xbc"));
    ck_assert(!chat_trace_context_is_baggage("a=1\r\nX: 1"));
    memset(large, 'a', 8193);
    ck_assert(!chat_trace_context_is_baggage(large));
    ck_assert(chat_trace_context_is_baggage(large + 1));
    while (pairs->nelts < 64)
        APR_ARRAY_PUSH(pairs, const char *) = "a=1";
    ck_assert(
        chat_trace_context_is_baggage(apr_array_pstrcat(pool, pairs, ',')));
    APR_ARRAY_PUSH(pairs, const char *) = "a=1";
    ck_assert(
        !chat_trace_context_is_baggage(apr_array_pstrcat(pool, pairs, ',')));
}
END_TEST

START_TEST(a_part_is_chosen_by_the_random_bits)
{
    chat_trace_context_t context;

    ck_assert(chat_trace_context_parse(
        &context, "00-ffffffffffffffffff40000000000000-1234567890123456-03"));
    ck_assert(!chat_trace_context_is_in(&context, 0));
    ck_assert(!chat_trace_context_is_in(&context, 0.25));
    ck_assert(chat_trace_context_is_in(&context, 0.2500001));
    memset(context.trace, 0xff, sizeof(context.trace));
    ck_assert(chat_trace_context_is_in(&context, 1));
    ck_assert(!chat_trace_context_is_in(&context, 0.99));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_trace_context");
    TCase *tc = tcase_create("trace_context");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, every_case_of_the_specification);
    tcase_add_test(tc, what_is_too_long_is_cut);
    tcase_add_test(tc, baggage_has_its_bounds);
    tcase_add_test(tc, a_part_is_chosen_by_the_random_bits);
    suite_add_tcase(suite, tc);
    return suite;
}
