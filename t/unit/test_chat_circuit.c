/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/base/chat_circuit.c, on a clock of their own. */
#include "chat_circuit.h"
#include "unit.h"

#define MOST 3
#define COOLDOWN 1000

static chat_circuit_t b;
static apr_int64_t now;

static void set_up(void)
{
    static const chat_circuit_t closed;

    b = closed;
    now = 5000000;
}

/* ---- steps ---- */

static apr_interval_time_t waits;
static chat_circuit_change_e change;

static int allow(void)
{
    return chat_circuit_allow(&b, now, COOLDOWN, &waits, &change);
}

static chat_circuit_change_e fails(void)
{
    return chat_circuit_failure(&b, now, MOST, COOLDOWN);
}

static void open_it(void)
{
    int i;

    for (i = 1; i < MOST; i++)
        ck_assert_int_eq(fails(), CHAT_CIRCUIT_SAME);
    ck_assert_int_eq(fails(), CHAT_CIRCUIT_OPENS);
}

static void let_probe(void)
{
    open_it();
    now += COOLDOWN;
    ck_assert_int_eq(allow(), 1);
    ck_assert_int_eq(change, CHAT_CIRCUIT_PROBES);
}

/* ---- tests ---- */

START_TEST(it_lets_calls_through_at_first)
{
    ck_assert_int_eq(allow(), 1);
    ck_assert_int_eq(change, CHAT_CIRCUIT_SAME);
    ck_assert_int_eq(waits, 0);
}
END_TEST

START_TEST(so_many_failures_in_a_row_open_it)
{
    open_it();
    ck_assert_int_eq(b.failures, MOST);
    ck_assert_int_eq(allow(), 0);
    ck_assert_int_eq(waits, COOLDOWN);
    now += COOLDOWN - 1;
    ck_assert_int_eq(allow(), 0);
    ck_assert_int_eq(waits, 1);
}
END_TEST

START_TEST(failures_that_are_not_in_a_row_do_not)
{
    int i;

    for (i = 0; i < 10 * MOST; i++) {
        ck_assert_int_eq(fails(), CHAT_CIRCUIT_SAME);
        if (i % (MOST - 1) == MOST - 2)
            ck_assert_int_eq(chat_circuit_success(&b), CHAT_CIRCUIT_SAME);
    }
    ck_assert_int_eq(allow(), 1);
}
END_TEST

START_TEST(one_that_says_nothing_does_not_interrupt_the_row)
{
    fails();
    fails();
    chat_circuit_unknown(&b, now);
    ck_assert_int_eq(fails(), CHAT_CIRCUIT_OPENS);
}
END_TEST

START_TEST(with_zero_failures_it_never_opens)
{
    int i;

    for (i = 0; i < 1000; i++)
        ck_assert_int_eq(chat_circuit_failure(&b, now, 0, COOLDOWN),
                         CHAT_CIRCUIT_SAME);
    ck_assert_int_eq(allow(), 1);
}
END_TEST

START_TEST(calls_on_their_way_change_nothing_when_it_is_open)
{
    open_it();
    now += COOLDOWN / 2;
    ck_assert_int_eq(fails(), CHAT_CIRCUIT_SAME);
    ck_assert_int_eq(chat_circuit_success(&b), CHAT_CIRCUIT_SAME);
    chat_circuit_unknown(&b, now);
    ck_assert_int_eq(b.failures, MOST);
    ck_assert_int_eq(allow(), 0);
    ck_assert_int_eq(waits, COOLDOWN / 2);
}
END_TEST

START_TEST(after_the_cooldown_one_probes_and_the_others_wait)
{
    let_probe();
    ck_assert_int_eq(allow(), 0);
    ck_assert_int_eq(change, CHAT_CIRCUIT_SAME);
    ck_assert_int_eq(waits, COOLDOWN);
}
END_TEST

START_TEST(a_probe_that_succeeds_closes_it)
{
    let_probe();
    ck_assert_int_eq(chat_circuit_success(&b), CHAT_CIRCUIT_CLOSES);
    ck_assert_int_eq(b.failures, 0);
    ck_assert_int_eq(allow(), 1);
    ck_assert_int_eq(allow(), 1);
    ck_assert_int_eq(change, CHAT_CIRCUIT_SAME);
    open_it();
}
END_TEST

START_TEST(a_probe_that_fails_opens_it_for_another_cooldown)
{
    let_probe();
    now += 10;
    ck_assert_int_eq(fails(), CHAT_CIRCUIT_REOPENS);
    ck_assert_int_eq(allow(), 0);
    ck_assert_int_eq(waits, COOLDOWN);
    now += COOLDOWN;
    ck_assert_int_eq(allow(), 1);
    ck_assert_int_eq(change, CHAT_CIRCUIT_PROBES);
}
END_TEST

START_TEST(a_probe_that_says_nothing_is_given_to_the_next)
{
    let_probe();
    now += 10;
    chat_circuit_unknown(&b, now);
    ck_assert_int_eq(allow(), 1);
    ck_assert_int_eq(change, CHAT_CIRCUIT_PROBES);
    ck_assert_int_eq(allow(), 0);
}
END_TEST

START_TEST(a_probe_that_is_never_heard_of_is_forgotten)
{
    let_probe();
    now += COOLDOWN - 1;
    ck_assert_int_eq(allow(), 0);
    now += 1;
    ck_assert_int_eq(allow(), 1);
    ck_assert_int_eq(change, CHAT_CIRCUIT_PROBES);
    ck_assert_int_eq(allow(), 0);
    ck_assert_int_eq(chat_circuit_success(&b), CHAT_CIRCUIT_CLOSES);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *s = suite_create("chat_circuit");
    TCase *t = tcase_create("breaker");

    tcase_add_checked_fixture(t, set_up, NULL);
    tcase_add_test(t, it_lets_calls_through_at_first);
    tcase_add_test(t, so_many_failures_in_a_row_open_it);
    tcase_add_test(t, failures_that_are_not_in_a_row_do_not);
    tcase_add_test(t, one_that_says_nothing_does_not_interrupt_the_row);
    tcase_add_test(t, with_zero_failures_it_never_opens);
    tcase_add_test(t, calls_on_their_way_change_nothing_when_it_is_open);
    tcase_add_test(t, after_the_cooldown_one_probes_and_the_others_wait);
    tcase_add_test(t, a_probe_that_succeeds_closes_it);
    tcase_add_test(t, a_probe_that_fails_opens_it_for_another_cooldown);
    tcase_add_test(t, a_probe_that_says_nothing_is_given_to_the_next);
    tcase_add_test(t, a_probe_that_is_never_heard_of_is_forgotten);
    suite_add_tcase(s, t);
    return s;
}
