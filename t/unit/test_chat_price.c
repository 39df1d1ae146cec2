/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/base/chat_price.c. */
#include "chat_price.h"
#include "unit.h"

#define MOST CHAT_PRICE_MOST

/* Prices in 1e-12 USD a token, sums in 1e-10 USD. */
static const struct {
    chat_price_t price;
    chat_usage_t usage;
    apr_int64_t cost;
} bills[] = {
    /* 0.15 and 0.60 for a million. */
    {{150000, 600000, -1, -1}, {1000, 1000, -1, -1}, 7500000},
    {{150000, 600000, -1, -1}, {1000, 1000, 400, 300}, 7500000},
    {{150000, 600000, 75000, -1}, {1000, 1000, 400, 300}, 7200000},
    {{150000, 600000, 75000, 1200000}, {1000, 1000, 400, 300}, 9000000},
    {{150000, 600000, 0, 0}, {1000, 1000, 1000, 1000}, 0},
    /* More of it cannot be cached, or thought, than there is. */
    {{150000, 600000, 75000, 0}, {10, 10, 400, 300}, 7500},
    {{0, 0, -1, -1}, {1000, 1000, -1, -1}, 0},
    {{150000, 600000, -1, -1}, {0, 0, 0, 0}, 0},
    /* To the nearest. */
    {{1, 0, -1, -1}, {49, 0, -1, -1}, 0},
    {{1, 0, -1, -1}, {50, 0, -1, -1}, 1},
    {{1, 0, -1, -1}, {149, 0, -1, -1}, 1},
    {{1, 1, -1, -1}, {149, 1, -1, -1}, 2},
    /* Unknown. */
    {{-1, 600000, -1, -1}, {1, 1, -1, -1}, -1},
    {{150000, -1, -1, -1}, {1, 1, -1, -1}, -1},
    {{150000, 600000, -1, -1}, {-1, 1, -1, -1}, -1},
    {{150000, 600000, -1, -1}, {1, -1, -1, -1}, -1},
    /* The dearest there can be, up to the most and beyond it. */
    {{999999999999, 0, -1, -1}, {900000, 0, -1, -1}, MOST - 9000},
    {{999999999999, 0, -1, -1}, {900001, 0, -1, -1}, -1},
    {{999999999999, 999999999999, -1, -1}, {APR_INT32_MAX, 1, -1, -1}, -1},
    {{2, 0, -1, -1}, {APR_INT64_MAX, 0, -1, -1}, -1},
    {{1, 1, -1, -1}, {APR_INT64_MAX, APR_INT64_MAX, -1, -1}, -1},
    {{1, 1, 1, 1}, {APR_INT64_MAX, 0, APR_INT64_MAX, 0}, -1},
};

START_TEST(a_bill_is_exact)
{
    ck_assert_int_eq(chat_price_cost(&bills[_i].price, &bills[_i].usage),
                     bills[_i].cost);
}
END_TEST

/* Whatever a provider then says of the cache and of thoughts. */
START_TEST(no_bill_is_more_than_the_most)
{
    const chat_price_t *price = &bills[_i].price;
    apr_int64_t most;

    if (!chat_price_known(price) || bills[_i].cost < 0)
        return;
    most =
        chat_price_most(price, bills[_i].usage.input, bills[_i].usage.output);
    ck_assert_int_ge(most, bills[_i].cost);
}
END_TEST

START_TEST(the_most_is_by_the_dearest_token_and_bounded)
{
    const chat_price_t odd = {100, 100, 200, 300};
    const chat_price_t dear = {999999999999, 999999999999, -1, -1};

    ck_assert_int_eq(chat_price_most(&odd, 10, 10), 50);
    ck_assert_int_eq(chat_price_most(&dear, APR_INT32_MAX, APR_INT32_MAX),
                     MOST);
    ck_assert_int_eq(chat_price_most(&dear, APR_INT64_MAX, 0), MOST);
}
END_TEST

START_TEST(so_much_pays_for_so_many)
{
    const chat_price_t price = {150000, 600000, -1, -1};
    const chat_price_t thinks = {150000, 600000, -1, 1200000};
    const chat_price_t free = {0, 0, -1, -1};

    ck_assert_int_eq(chat_price_tokens(&price, 6000), 1);
    ck_assert_int_eq(chat_price_tokens(&price, 5999), 0);
    ck_assert_int_eq(chat_price_tokens(&price, -1), 0);
    ck_assert_int_eq(chat_price_tokens(&thinks, 12000), 1);
    ck_assert_int_eq(chat_price_tokens(&price, APR_INT64_MAX), MOST / 6000);
    ck_assert(chat_price_tokens(&free, 0) == APR_INT64_MAX);
}
END_TEST

static const struct {
    apr_int64_t cost;
    const char *text, *brief;
} texts[] = {
    {0, "0.0000000000", "0"},
    {1, "0.0000000001", "0.0000000001"},
    {48000, "0.0000048000", "0.0000048"},
    {30000000000, "3.0000000000", "3"},
    {105000000000, "10.5000000000", "10.5"},
    {MOST, "900000.0000000000", "900000"},
    {APR_INT64_MAX, "922337203.6854775807", "922337203.6854775807"},
};

START_TEST(dollars_are_written_with_ten_decimals_or_none_too_many)
{
    char text[CHAT_PRICE_TEXT_MAX];

    ck_assert_str_eq(chat_price_text(text, texts[_i].cost), texts[_i].text);
    ck_assert_str_eq(chat_price_short(text, texts[_i].cost), texts[_i].brief);
}
END_TEST

static const struct {
    const char *text;
    int decimals;
    apr_int64_t n;
} numbers[] = {
    {"0", 6, 0},
    {"5", 10, 50000000000},
    {"5.00", 10, 50000000000},
    {"0.15", 6, 150000},
    {"999999.999999", 6, 999999999999},
    {"0.0000000001", 10, 1},
    {"99999999.9999999999", 10, 999999999999999999},
    {"100000000", 10, -1},
    {"0.00000000001", 10, -1},
    {"1.0000001", 6, -1},
    {"1.5", 0, -1},
    {"", 6, -1},
    {".5", 6, -1},
    {"5.", 6, -1},
    {"5.x", 6, -1},
    {"-5", 6, -1},
    {"+5", 6, -1},
    {"5e3", 6, -1},
    {"5,0", 6, -1},
    {" 5", 6, -1},
    {"1.2.3", 6, -1},
};

START_TEST(dollars_are_read_exactly_or_not_at_all)
{
    const char *text = numbers[_i].text;

    ck_assert_int_eq(chat_price_parse(text, strlen(text), numbers[_i].decimals),
                     numbers[_i].n);
}
END_TEST

START_TEST(what_stands_behind_a_number_is_not_read)
{
    ck_assert_int_eq(chat_price_parse("5.25/1mo", 4, 2), 525);
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof(*(table)))

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_price");
    TCase *tc = tcase_create("money");

    tcase_add_loop_test(tc, a_bill_is_exact, 0, ROWS(bills));
    tcase_add_loop_test(tc, no_bill_is_more_than_the_most, 0, ROWS(bills));
    tcase_add_test(tc, the_most_is_by_the_dearest_token_and_bounded);
    tcase_add_test(tc, so_much_pays_for_so_many);
    tcase_add_loop_test(tc,
                        dollars_are_written_with_ten_decimals_or_none_too_many,
                        0, ROWS(texts));
    tcase_add_loop_test(tc, dollars_are_read_exactly_or_not_at_all, 0,
                        ROWS(numbers));
    tcase_add_test(tc, what_stands_behind_a_number_is_not_read);
    suite_add_tcase(suite, tc);
    return suite;
}
