/* SPDX-License-Identifier: Apache-2.0 */
/* src/request/chat_request_webhook*.c: the signatures of
 * t/data/payments-vectors.json, and what events say. */
#include <string.h>

#include <apr_strings.h>

#include "chat_request.h"
#include "unit.h"
#include "vectors.h"

#define GRACE 1000

static apr_pool_t *pool;
static chat_json_t *vectors;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
    vectors = vectors_load("t/data/payments-vectors.json", pool);
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

static const char *text(const chat_json_t *v, const char *name)
{
    return chat_json_string(chat_json_get(v, name));
}

/* ---- signatures ---- */

static int is_signed(int kind, const char *header, const char *body,
                     const char *secret, const char *second, apr_int64_t now)
{
    const char *why;
    apr_status_t rv = chat_request_webhook_signed(
        &why, kind, header, body, strlen(body),
        vectors_list(pool, secret, second), now, pool);

    ck_assert(rv == APR_SUCCESS || (rv == APR_EACCES && why));
    return rv == APR_SUCCESS;
}

/* Where the libraries differ from each other, and one is stricter here. */
static int is_expected(const char *name, const char *node, const char *python)
{
    if (!strcmp(name, "v1 empty then good"))
        return 1;
    if (!strncmp(name, "t ", 2) || strstr(name, " in t"))
        return 0;
    ck_assert_msg(!strcmp(node, "ok") == !strcmp(python, "ok"), "%s", name);
    return !strcmp(node, "ok");
}

START_TEST(signatures_of_stripe)
{
    chat_json_t *stripe = chat_json_get(vectors, "stripe");
    chat_json_t *all = chat_json_get(stripe, "cases");
    int i;

    ck_assert_int_eq(chat_json_length(all), 26);
    for (i = 0; i < chat_json_length(all); i++) {
        chat_json_t *v = chat_json_at(all, i);

        ck_assert_msg(
            is_signed(CHAT_WEBHOOK_STRIPE, text(v, "header"),
                      text(stripe, "payload"), text(stripe, "secret"), NULL,
                      chat_json_integer(chat_json_get(v, "receivedAt"), 0)) ==
                is_expected(text(v, "name"), text(v, "node"),
                            text(v, "python")),
            "%s", text(v, "name"));
    }
}
END_TEST

START_TEST(only_the_very_bytes_are_signed)
{
    chat_json_t *stripe = chat_json_get(vectors, "stripe");
    const char *body = text(stripe, "payload"),
               *secret = text(stripe, "secret");
    const char *header = text(stripe, "header");
    apr_int64_t at = chat_json_integer(chat_json_get(stripe, "timestamp"), 0);
    const char *old = text(stripe, "oldSecret");

    ck_assert(is_signed(CHAT_WEBHOOK_STRIPE, header, body, secret, NULL, at));
    ck_assert(is_signed(CHAT_WEBHOOK_STRIPE, header, body, old, secret, at));
    ck_assert(!is_signed(CHAT_WEBHOOK_STRIPE, header, body, old, NULL, at));
    ck_assert(!is_signed(CHAT_WEBHOOK_STRIPE, NULL, body, secret, NULL, at));
    ck_assert(!is_signed(CHAT_WEBHOOK_STRIPE, header,
                         apr_pstrcat(pool, body, "\n", NULL), secret, NULL,
                         at));
    ck_assert(!is_signed(CHAT_WEBHOOK_STRIPE, header,
                         apr_pstrcat(pool, "\xef\xbb\xbf", body, NULL), secret,
                         NULL, at));
    ck_assert(
        !is_signed(CHAT_WEBHOOK_STRIPE, header, body + 1, secret, NULL, at));
}
END_TEST

START_TEST(a_header_has_an_end)
{
    chat_json_t *stripe = chat_json_get(vectors, "stripe");
    const char *good = text(stripe, "header"), *many = good;
    apr_int64_t at = chat_json_integer(chat_json_get(stripe, "timestamp"), 0);
    int i;

    for (i = 2; i <= 17; i++) {
        ck_assert_int_eq(is_signed(CHAT_WEBHOOK_STRIPE, many,
                                   text(stripe, "payload"),
                                   text(stripe, "secret"), NULL, at),
                         i <= 16);
        many = apr_pstrcat(pool, many, ",a=b", NULL);
    }
    ck_assert(!is_signed(
        CHAT_WEBHOOK_STRIPE, apr_psprintf(pool, "%s,v0=%01024d", good, 0),
        text(stripe, "payload"), text(stripe, "secret"), NULL, at));
}
END_TEST

START_TEST(signatures_of_lemon_squeezy)
{
    chat_json_t *lemon = chat_json_get(vectors, "lemonsqueezy");
    chat_json_t *all = chat_json_get(lemon, "cases");
    int i;

    ck_assert_int_eq(chat_json_length(all), 10);
    for (i = 0; i < chat_json_length(all); i++) {
        chat_json_t *v = chat_json_at(all, i);
        int good = !strcmp(text(v, "template"), "ok") &&
                   strncmp(text(v, "name"), "trailing", 8);

        ck_assert_msg(is_signed(CHAT_WEBHOOK_LEMONSQUEEZY, text(v, "header"),
                                text(lemon, "rawBody"), text(lemon, "secret"),
                                NULL, 0) == good,
                      "%s", text(v, "name"));
    }
}
END_TEST

/* ---- events ---- */

static chat_request_webhook_t event(int kind, const char *body)
{
    chat_request_webhook_t e;
    chat_err_t err = {0};

    ck_assert_int_eq(chat_request_webhook_read(&e, kind, body, strlen(body),
                                               GRACE, &err, pool),
                     APR_SUCCESS);
    return e;
}

#define SUBSCRIPTION(type, status, items, more)                                \
    "{\"id\":\"evt_1\",\"object\":\"event\",\"created\":100,\"livemode\":"     \
    "true,"                                                                    \
    "\"type\":\"customer.subscription." type                                   \
    "\",\"data\":{\"object\":{\"id\":"                                         \
    "\"sub_1\",\"customer\":\"cus_1\",\"status\":\"" status "\",\"metadata\":" \
    "{\"user_id\":\"ann\"},\"items\":{\"data\":[" items "]}" more "}}}"
#define ITEM(price, end)                                                       \
    "{\"price\":{\"id\":\"" price "\",\"lookup_key\":\"k_" price "\"}" end "}"

START_TEST(a_subscription_of_stripe)
{
    chat_request_webhook_t e =
        event(CHAT_WEBHOOK_STRIPE,
              SUBSCRIPTION("updated", "active",
                           ITEM("a", ",\"current_period_end\":200") "," ITEM(
                               "b", ",\"current_period_end\":300"),
                           ""));

    ck_assert_int_eq(e.counts, 1);
    ck_assert_int_eq(e.test, 0);
    ck_assert_str_eq(e.user, "ann");
    ck_assert_str_eq(e.customer, "cus_1");
    ck_assert_str_eq(e.subscription, "sub_1");
    ck_assert_int_eq(e.prices->nelts, 4);
    ck_assert_str_eq(APR_ARRAY_IDX(e.prices, 3, const char *), "lookup:k_b");
    ck_assert_int_eq(e.access, 1);
    ck_assert_int_eq(e.until, 300 * 1000 + GRACE);
    /* Where it stood before 2025-03-31. */
    e = event(CHAT_WEBHOOK_STRIPE,
              SUBSCRIPTION("updated", "active", ITEM("a", ""),
                           ",\"current_period_end\":250"));
    ck_assert_int_eq(e.until, 250 * 1000 + GRACE);
    e = event(CHAT_WEBHOOK_STRIPE, SUBSCRIPTION("updated", "past_due", "",
                                                ",\"current_period_end\":999"));
    ck_assert_int_eq(e.grace, 1);
    ck_assert_int_eq(e.until, 100 * 1000 + GRACE);
}
END_TEST

static const struct {
    const char *status;
    int access;
} statuses[] = {
    {"active", 1}, {"trialing", 1},           {"past_due", 1},
    {"unpaid", 0}, {"incomplete", 0},         {"canceled", 0},
    {"paused", 0}, {"incomplete_expired", 0}, {"a_new_one", 0},
};

START_TEST(a_status_gives_access)
{
    chat_request_webhook_t e =
        event(CHAT_WEBHOOK_STRIPE,
              apr_psprintf(pool, SUBSCRIPTION("updated", "%s", "", ""),
                           statuses[_i].status));

    ck_assert_int_eq(e.access, statuses[_i].access);
}
END_TEST

START_TEST(events_of_one_second_have_an_order)
{
    apr_int64_t created = event(CHAT_WEBHOOK_STRIPE,
                                SUBSCRIPTION("created", "incomplete", "", ""))
                              .at;
    apr_int64_t updated =
        event(CHAT_WEBHOOK_STRIPE, SUBSCRIPTION("updated", "active", "", ""))
            .at;
    apr_int64_t deleted =
        event(CHAT_WEBHOOK_STRIPE, SUBSCRIPTION("deleted", "canceled", "", ""))
            .at;

    ck_assert_int_eq(created / 1000, 100);
    ck_assert(created < updated && updated < deleted);
    ck_assert_int_eq(deleted / 1000, 100);
}
END_TEST

START_TEST(a_checkout_tells_whose_a_customer_is)
{
#define CHECKOUT(mode)                                                         \
    "{\"id\":\"evt_1\",\"object\":\"event\",\"created\":100,\"livemode\":"     \
    "false,"                                                                   \
    "\"type\":\"checkout.session.completed\",\"data\":{\"object\":{\"mode\":"  \
    "\"" mode                                                                  \
    "\",\"customer\":{\"id\":\"cus_1\"},\"client_reference_id\":\"ann\"}}}"
    chat_request_webhook_t e =
        event(CHAT_WEBHOOK_STRIPE, CHECKOUT("subscription"));

    ck_assert_int_eq(e.counts, 1);
    ck_assert_int_eq(e.test, 1);
    ck_assert_str_eq(e.user, "ann");
    ck_assert_str_eq(e.customer, "cus_1");
    ck_assert_ptr_null(e.subscription);
    ck_assert_int_eq(event(CHAT_WEBHOOK_STRIPE, CHECKOUT("payment")).counts, 0);
}
END_TEST

START_TEST(other_events_do_not_count)
{
    ck_assert_int_eq(
        event(CHAT_WEBHOOK_STRIPE,
              "{\"id\":\"e\",\"object\":\"event\",\"created\":1,\"type\":"
              "\"invoice.paid\",\"data\":{\"object\":{\"id\":\"in_1\"}}}")
            .counts,
        0);
    ck_assert_int_eq(event(CHAT_WEBHOOK_STRIPE,
                           "{\"id\":\"e\",\"object\":\"v2.core.event\","
                           "\"type\":\"v1.billing.meter\"}")
                         .counts,
                     0);
    ck_assert_int_eq(event(CHAT_WEBHOOK_STRIPE,
                           "{\"id\":\"e\",\"object\":\"event\",\"created\":1,"
                           "\"account\":\"acct_1\",\"type\":\"x\"}")
                         .foreign,
                     1);
}
END_TEST

static const struct {
    int kind;
    const char *body;
} broken[] = {
    {CHAT_WEBHOOK_STRIPE, ""},
    {CHAT_WEBHOOK_STRIPE, "[]"},
    {CHAT_WEBHOOK_STRIPE, "{\"id\":\"e\"}"},
    {CHAT_WEBHOOK_STRIPE, "{\"id\":7,\"object\":\"event\"}"},
    {CHAT_WEBHOOK_STRIPE,
     "{\"id\":\"e\",\"object\":\"event\",\"type\":\"t\",\"created\":1e300}"},
    {CHAT_WEBHOOK_LEMONSQUEEZY, "{}"},
    {CHAT_WEBHOOK_LEMONSQUEEZY,
     "{\"meta\":{\"event_name\":\"x\"},\"data\":{\"type\":\"subscriptions\","
     "\"attributes\":{\"updated_at\":\"yesterday\"}}}"},
};

START_TEST(what_is_no_event_is_refused)
{
    chat_request_webhook_t e;
    chat_err_t err = {0};

    ck_assert_int_eq(
        chat_request_webhook_read(&e, broken[_i].kind, broken[_i].body,
                                  strlen(broken[_i].body), GRACE, &err, pool),
        APR_EINVAL);
    ck_assert_int_eq(err.status, 400);
}
END_TEST

START_TEST(a_subscription_of_lemon_squeezy)
{
    const char *body = text(chat_json_get(vectors, "lemonsqueezy"), "rawBody");
    chat_request_webhook_t e = event(CHAT_WEBHOOK_LEMONSQUEEZY, body);

    ck_assert_int_eq(strlen(e.id), 64);
    ck_assert_str_eq(e.type, "subscription_updated");
    ck_assert_str_eq(e.user, "XxjymfJqAuqgoX903X1Xsk7HvZzji1M6");
    ck_assert_str_eq(e.subscription, "17");
    ck_assert_str_eq(e.customer, "2");
    ck_assert_str_eq(e.status, "cancelled");
    ck_assert_str_eq(APR_ARRAY_IDX(e.prices, 0, const char *), "variant:62501");
    ck_assert_int_eq(e.counts, 1);
    ck_assert_int_eq(e.test, 0);
    ck_assert_int_eq(e.access, 1); /* until it ends */
    ck_assert_int_eq(e.until, APR_INT64_C(1798459200000));
    ck_assert_int_eq(e.at, APR_INT64_C(1795867200000));
}
END_TEST

#define LEMON(attributes)                                                      \
    "{\"meta\":{\"event_name\":\"x\",\"custom_data\":{\"user_id\":7}},"        \
    "\"data\":"                                                                \
    "{\"type\":\"subscriptions\",\"id\":\"1\",\"attributes\":{\"updated_at\":" \
    "\"2026-11-28T12:00:00Z\"," attributes "}}}"

static const struct {
    const char *body;
    int access, ends;
} lemons[] = {
    {LEMON("\"status\":\"active\",\"renews_at\":\"2026-12-28T12:00:00Z\""), 1,
     1},
    {LEMON("\"status\":\"on_trial\",\"trial_ends_at\":"
           "\"2026-12-28T12:00:00Z\""),
     1, 1},
    {LEMON("\"status\":\"past_due\""), 1, 1},
    {LEMON("\"status\":\"cancelled\",\"ends_at\":null"), 0, 0},
    {LEMON("\"status\":\"paused\",\"pause\":{\"mode\":\"free\"}"), 1, 0},
    {LEMON("\"status\":\"paused\",\"pause\":{\"mode\":\"void\"}"), 0, 0},
    {LEMON("\"status\":\"unpaid\""), 0, 0},
    {LEMON("\"status\":\"expired\""), 0, 0},
};

START_TEST(a_status_of_lemon_squeezy)
{
    chat_request_webhook_t e =
        event(CHAT_WEBHOOK_LEMONSQUEEZY, lemons[_i].body);

    ck_assert_int_eq(e.access, lemons[_i].access);
    ck_assert_int_eq(e.until != 0, lemons[_i].ends);
    ck_assert_str_eq(e.user, "7");
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_request_webhook");
    TCase *tc = tcase_create("webhook");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, signatures_of_stripe);
    tcase_add_test(tc, only_the_very_bytes_are_signed);
    tcase_add_test(tc, a_header_has_an_end);
    tcase_add_test(tc, signatures_of_lemon_squeezy);
    tcase_add_test(tc, a_subscription_of_stripe);
    tcase_add_loop_test(tc, a_status_gives_access, 0, COUNT(statuses));
    tcase_add_test(tc, events_of_one_second_have_an_order);
    tcase_add_test(tc, a_checkout_tells_whose_a_customer_is);
    tcase_add_test(tc, other_events_do_not_count);
    tcase_add_loop_test(tc, what_is_no_event_is_refused, 0, COUNT(broken));
    tcase_add_test(tc, a_subscription_of_lemon_squeezy);
    tcase_add_loop_test(tc, a_status_of_lemon_squeezy, 0, COUNT(lemons));
    suite_add_tcase(suite, tc);
    return suite;
}
