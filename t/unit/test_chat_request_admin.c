/* SPDX-License-Identifier: Apache-2.0 */
/* The bodies of the admin route: what is taken, as what, and with which issues
 * the rest is refused. */
#include <string.h>

#include <apr_strings.h>

#include "chat_request.h"
#include "unit.h"

static apr_pool_t *p;

static void set_up(void)
{
    apr_pool_create(&p, NULL);
}

static void tear_down(void)
{
    apr_pool_destroy(p);
}

static const chat_json_t *json(const char *text)
{
    static const chat_json_limits_t limits = {10000, 16, 1000};
    chat_json_t *root = NULL;

    ck_assert_int_eq(chat_json_parse(&root, text, strlen(text), &limits, p),
                     APR_SUCCESS);
    return root;
}

#define NOW APR_INT64_C(1795737600000) /* 2026-11-27 */

/* Which reader, its body, and a part of the issues; NULL: it is taken. */
typedef enum { MODEL, LIMIT, MONEY, TIER, BLOCK } reader_e;

static const struct {
    reader_e reader;
    const char *body, *issue;
} cases[] = {
    {MODEL, "{}", NULL},
    {MODEL, "{\"enabled\":null,\"tier\":null,\"priceIn\":null}", NULL},
    {MODEL, "{\"tier\":[]}", NULL},
    {MODEL, "{\"priceIn\":0,\"priceOut\":999999}", NULL},
    {MODEL, "[]", "expected object"},
    {MODEL, "{\"enabled\":1}", "[\"enabled\"]"},
    {MODEL, "{\"enable\":true}", "Unrecognized key"},
    {MODEL, "{\"tier\":[\"a\",\"b c\"]}", "[\"tier\",1]"},
    {MODEL, "{\"tier\":\"a\"}", "expected array"},
    {MODEL, "{\"priceOut\":-0.000001}", "\"minimum\":0"},
    {MODEL, "{\"priceCached\":999999.5}", "\"maximum\":999999,"},
    {MODEL, "{\"priceReasoning\":1e400}", "Infinity"},
    {LIMIT, "{\"limit\":0}", NULL},
    {LIMIT, "{\"limit\":999999999999999}", NULL},
    {LIMIT, "{\"limit\":1000000000000000}", "\"maximum\":999999999999999,"},
    {LIMIT, "{\"limit\":0.5}", "expected int"},
    {LIMIT, "{\"limit\":-1e400}", "-Infinity"},
    {LIMIT, "{}", "received undefined"},
    {MONEY, "{\"limit\":0.5}", NULL},
    {MONEY, "{\"limit\":900000.01}", "\"maximum\":900000,"},
    {TIER, "{\"tier\":null}", NULL},
    {TIER, "{\"tier\":\"pro\",\"until\":\"2027-01-01T00:00:00Z\"}", NULL},
    {TIER, "{\"tier\":\"pro\",\"until\":null}", NULL},
    {TIER, "{\"until\":\"2027-01-01T00:00:00Z\"}", "[\"tier\"]"},
    {TIER, "{\"tier\":\"pro,admin\"}", "invalid_format"},
    {TIER, "{\"tier\":\"pro\",\"until\":\"2026-11-26T00:00:00Z\"}", "future"},
    {TIER, "{\"tier\":\"pro\",\"until\":\"tomorrow\"}", "future"},
    {BLOCK, "{\"reason\":\"abuse\"}", NULL},
    {BLOCK, "{\"reason\":null}", NULL},
    {BLOCK, "{\"reason\":\"\"}", "[\"reason\"]"},
    {BLOCK, "{\"reason\":\"x\",\"until\":5}", "expected string"},
};

static apr_status_t read_body(reader_e reader, const char *body,
                              chat_err_t *err)
{
    const chat_json_t *v = json(body);
    chat_request_admin_model_t model;
    const char *word;
    apr_int64_t until;
    double limit;

    switch (reader) {
    case MODEL:
        return chat_request_admin_model(&model, v, err, p);
    case LIMIT:
        return chat_request_admin_limit(&limit, v, 0, 999999999999999.0, err,
                                        p);
    case MONEY:
        return chat_request_admin_limit(&limit, v, 1, 900000, err, p);
    case TIER:
        return chat_request_admin_tier(&word, &until, v, NOW, err, p);
    default:
        return chat_request_admin_block(&word, &until, v, NOW, err, p);
    }
}

START_TEST(bodies)
{
    const char *issue = cases[_i].issue;
    chat_err_t err = {0};
    apr_status_t rv = read_body(cases[_i].reader, cases[_i].body, &err);

    ck_assert_int_eq(rv, issue ? APR_EINVAL : APR_SUCCESS);
    if (!issue)
        return;
    ck_assert_int_eq(err.status, 400);
    ck_assert_msg(strstr(err.issues, issue) != NULL, "%s: %s", cases[_i].body,
                  err.issues);
    json(err.issues); /* and they are JSON */
}
END_TEST

START_TEST(a_model_is_what_was_said)
{
    chat_request_admin_model_t model;
    chat_err_t err = {0};

    chat_request_admin_model(
        &model,
        json("{\"enabled\":false,\"priceIn\":0.000001,\"priceOut\":2.5,"
             "\"priceReasoning\":null}"),
        &err, p);
    ck_assert_uint_eq(model.said, CHAT_REQUEST_ADMIN_ENABLED |
                                      CHAT_REQUEST_ADMIN_PRICE |
                                      CHAT_REQUEST_ADMIN_PRICE << 1 |
                                      CHAT_REQUEST_ADMIN_PRICE << 3);
    ck_assert_int_eq(model.enabled, 0);
    ck_assert_int_eq(model.price[0], 1);
    ck_assert_int_eq(model.price[1], 2500000);
    ck_assert_int_eq(model.price[3], -1);
    ck_assert_ptr_null(model.tier);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_request_admin");
    TCase *tc = tcase_create("bodies");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, bodies, 0, sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(tc, a_model_is_what_was_said);
    suite_add_tcase(suite, tc);
    return suite;
}
