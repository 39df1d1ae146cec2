/* SPDX-License-Identifier: Apache-2.0 */
/* chat_request_ids: no two calls of a conversation have one id, and what tools
 * gave is still their answer. */
#include "../../src/request/chat_request_int.h"

#include <string.h>

#include <apr_strings.h>

#include "unit.h"

#define MOST 8

static apr_pool_t *pool;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

/* "a b" is a message with these calls, "-a" what the call gave. */
static const char *name(const char *const *said)
{
    chat_message_t messages[MOST] = {{0}};
    chat_tool_call_t calls[MOST][MOST] = {{{0}}};
    const char *all = "";
    int n, k;

    for (n = 0; said[n]; n++) {
        char *list = apr_pstrdup(pool, said[n]), *state, *id;

        messages[n].calls = calls[n];
        if (*list == '-')
            messages[n].call_id = list + 1;
        else
            for (id = apr_strtok(list, " ", &state); id;
                 id = apr_strtok(NULL, " ", &state))
                calls[n][messages[n].ncalls++].id = id;
    }
    chat_request_ids(messages, n, pool);
    for (n = 0; said[n]; n++) {
        all =
            apr_pstrcat(pool, all, n ? "|" : "", messages[n].call_id ? "-" : "",
                        messages[n].call_id, NULL);
        for (k = 0; k < messages[n].ncalls; k++)
            all = apr_pstrcat(pool, all, k ? " " : "", messages[n].calls[k].id,
                              NULL);
    }
    return all;
}

static const struct {
    const char *said[MOST + 1];
    const char *named;
} rows[] = {
    {{"a b", "-b", "-a"}, "a b|-b|-a"},
    {{"call_0", "-call_0", "", "call_0", "-call_0"},
     "call_0|-call_0||call_0_2|-call_0_2"},
    {{"a", "-a", "a", "-a", "a", "-a"}, "a|-a|a_2|-a_2|a_3|-a_3"},
    /* of one message, in their order; one too many is the last one's */
    {{"a a a", "-a", "-a", "-a", "-a"}, "a a_2 a_3|-a|-a_2|-a_3|-a_3"},
    /* not one that is there, before or behind */
    {{"a_2", "a", "a", "-a", "-a_2", "a_3 a", "-a"},
     "a_2|a|a_4|-a_4|-a_2|a_3 a_5|-a_5"},
    /* what no call is known for stays */
    {{"a", "a", "-b"}, "a|a_2|-b"},
};

START_TEST(no_two_calls_have_one_id)
{
    ck_assert_str_eq(name(rows[_i].said), rows[_i].named);
}
END_TEST

/* A conversation that has gone on says the same of what was said before. */
START_TEST(an_id_stays_the_same_in_every_request)
{
    static const char *const said[] = {"a a", "-a",  "-a", "a",
                                       "-a",  "b a", NULL};
    const char *all = name(said), *part;
    const char *some[MOST] = {NULL};
    int i;

    for (i = 0; said[i]; i++) {
        some[i] = said[i];
        part = name(some);
        ck_assert_msg(strncmp(all, part, strlen(part)) == 0, "%s: %s", all,
                      part);
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("request");
    TCase *tc = tcase_create("ids");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, no_two_calls_have_one_id, 0,
                        sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tc, an_id_stays_the_same_in_every_request);
    suite_add_tcase(suite, tc);
    return suite;
}
