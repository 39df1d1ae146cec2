/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/store/chat_store_places.c, on a clock of their own. */
#include "../../src/store/chat_store_places.h"
#include "unit.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LATE CHAT_STORE_LATE
#define PAUSE CHAT_STORE_COOLDOWN
#define FRESH CHAT_STORE_FRESH

static chat_store_place_t places[8];
static chat_store_db_t dbs[2];
static chat_store_places_t t;
static apr_int64_t now;
static chat_circuit_change_e change;
static int place, good;
static pid_t me, other;

static void set_up(void)
{
    static const chat_store_places_t house = {
        .n = 6, .per_child = 4, .ndbs = 1, .places = places, .dbs = dbs};

    t = house;
    memset(places, 0, sizeof(places));
    memset(dbs, 0, sizeof(dbs));
    now = 5000000;
    me = getpid();
    other = getppid();
}

/* ---- steps ---- */

static chat_store_take_e take_as(pid_t pid, int db)
{
    return chat_store_places_take(&t, db, pid, now, &place, &change);
}

static chat_store_take_e take(void)
{
    return take_as(me, 0);
}

static int taken(void)
{
    ck_assert_int_eq(take(), CHAT_STORE_TAKEN);
    return place;
}

static chat_store_take_e probe(void)
{
    return chat_store_places_probe(&t, 0, me, now, &place, &good, &change);
}

static chat_circuit_change_e give(int which, int well)
{
    return chat_store_places_give(&t, which, well, now);
}

/* One look-up stands still, and the next has noticed. */
static int open_it(void)
{
    int stuck = taken();

    now += LATE;
    ck_assert_int_eq(take(), CHAT_STORE_SHUT);
    ck_assert_int_eq(change, CHAT_CIRCUIT_OPENS);
    return stuck;
}

/* ---- places ---- */

START_TEST(a_child_has_so_many_and_all_together_so_many)
{
    int i;

    for (i = 0; i < 4; i++)
        taken();
    ck_assert_int_eq(take(), CHAT_STORE_FULL);
    ck_assert_int_eq(take_as(other, 0), CHAT_STORE_TAKEN);
    ck_assert_int_eq(take_as(other, 0), CHAT_STORE_TAKEN);
    ck_assert_int_eq(take_as(other, 0), CHAT_STORE_FULL);
}
END_TEST

START_TEST(what_is_given_back_is_free)
{
    int first = taken();

    taken();
    taken();
    taken();
    ck_assert_int_eq(take(), CHAT_STORE_FULL);
    ck_assert_int_eq(give(first, 1), CHAT_CIRCUIT_SAME);
    ck_assert_int_eq(taken(), first);
}
END_TEST

START_TEST(of_several_databases_one_has_half)
{
    t.ndbs = 2;
    taken();
    taken();
    ck_assert_int_eq(take(), CHAT_STORE_FULL);
    ck_assert_int_eq(take_as(other, 0), CHAT_STORE_TAKEN);
    ck_assert_int_eq(take_as(other, 0), CHAT_STORE_FULL);
    ck_assert_int_eq(take_as(me, 1), CHAT_STORE_TAKEN);
    ck_assert_int_eq(take_as(me, 1), CHAT_STORE_TAKEN);
    ck_assert_int_eq(take_as(me, 1), CHAT_STORE_FULL);
}
END_TEST

START_TEST(one_place_does_for_several_databases)
{
    t.ndbs = 2;
    t.n = t.per_child = 1;
    ck_assert_int_eq(take_as(me, 1), CHAT_STORE_TAKEN);
    ck_assert_int_eq(take_as(me, 0), CHAT_STORE_FULL);
}
END_TEST

START_TEST(a_child_that_died_has_none)
{
    pid_t dead = fork();

    if (dead == 0)
        _exit(0);
    waitpid(dead, NULL, 0);
    t.n = 1;
    ck_assert_int_eq(take_as(dead, 0), CHAT_STORE_TAKEN);
    now += LATE - 1;
    ck_assert_int_eq(take(), CHAT_STORE_FULL);
    now += 1;
    ck_assert_int_eq(take(), CHAT_STORE_TAKEN);
    ck_assert_int_eq(change, CHAT_CIRCUIT_SAME);
}
END_TEST

/* ---- a database that stands still ---- */

START_TEST(one_that_is_late_shuts_it_for_all)
{
    open_it();
    ck_assert_int_eq(take_as(other, 0), CHAT_STORE_SHUT);
    ck_assert_int_eq(change, CHAT_CIRCUIT_SAME);
    now += PAUSE - 1;
    ck_assert_int_eq(take(), CHAT_STORE_SHUT);
}
END_TEST

START_TEST(one_that_is_not_late_shuts_nothing)
{
    int stuck = taken();

    now += LATE - 1;
    give(taken(), 1);
    ck_assert_int_eq(change, CHAT_CIRCUIT_SAME);
    ck_assert_int_eq(give(stuck, 1), CHAT_CIRCUIT_SAME);
    ck_assert_int_eq(take(), CHAT_STORE_TAKEN);
}
END_TEST

START_TEST(another_database_goes_on)
{
    t.ndbs = 2;
    open_it();
    ck_assert_int_eq(take_as(me, 1), CHAT_STORE_TAKEN);
}
END_TEST

START_TEST(after_the_pause_one_tries_and_the_others_wait)
{
    open_it();
    now += PAUSE;
    ck_assert_int_eq(take(), CHAT_STORE_TAKEN);
    ck_assert_int_eq(take(), CHAT_STORE_SHUT);
    ck_assert_int_eq(give(place, 1), CHAT_CIRCUIT_CLOSES);
    ck_assert_int_eq(take(), CHAT_STORE_TAKEN);
}
END_TEST

START_TEST(a_late_one_is_counted_once)
{
    open_it();
    now += PAUSE;
    taken();
    give(place, 1);
    now += 10 * LATE;
    ck_assert_int_eq(take(), CHAT_STORE_TAKEN);
    ck_assert_int_eq(change, CHAT_CIRCUIT_SAME);
}
END_TEST

START_TEST(a_trial_that_is_late_shuts_it_again)
{
    open_it();
    now += PAUSE;
    taken();
    now += LATE;
    ck_assert_int_eq(take(), CHAT_STORE_SHUT);
    ck_assert_int_eq(change, CHAT_CIRCUIT_REOPENS);
}
END_TEST

START_TEST(trials_stop_when_every_place_stands_still)
{
    int i;

    open_it();
    for (i = 1; i < 4; i++) {
        now += PAUSE;
        taken();
        now += LATE;
        ck_assert_int_eq(take(), CHAT_STORE_SHUT);
    }
    now += PAUSE;
    ck_assert_int_eq(take(), CHAT_STORE_SHUT);
    now += 100 * PAUSE;
    ck_assert_int_eq(take(), CHAT_STORE_SHUT);
}
END_TEST

START_TEST(who_finds_no_place_uses_no_trial_up)
{
    int stuck = open_it();

    t.per_child = 1;
    now += PAUSE;
    ck_assert_int_eq(take(), CHAT_STORE_SHUT);
    ck_assert_int_eq(give(stuck, 1), CHAT_CIRCUIT_SAME);
    ck_assert_int_eq(take(), CHAT_STORE_TAKEN);
}
END_TEST

START_TEST(who_waits_in_vain_shuts_it)
{
    while (take() == CHAT_STORE_TAKEN)
        continue;
    ck_assert_int_eq(chat_store_places_vain(&t, 0, now), CHAT_CIRCUIT_OPENS);
    ck_assert_int_eq(chat_store_places_vain(&t, 0, now), CHAT_CIRCUIT_SAME);
    ck_assert_int_eq(take(), CHAT_STORE_SHUT);
}
END_TEST

START_TEST(failures_in_time_shut_nothing)
{
    int i;

    for (i = 0; i < 100; i++)
        ck_assert_int_eq(give(taken(), 0), CHAT_CIRCUIT_SAME);
    ck_assert_int_eq(take(), CHAT_STORE_TAKEN);
}
END_TEST

START_TEST(a_late_failure_shuts_it_and_a_late_answer_does_not)
{
    int slow = taken();

    now += 2 * LATE;
    ck_assert_int_eq(give(slow, 1), CHAT_CIRCUIT_SAME);
    slow = taken();
    now += 2 * LATE;
    ck_assert_int_eq(give(slow, 0), CHAT_CIRCUIT_OPENS);
}
END_TEST

/* ---- readiness ---- */

START_TEST(nothing_is_known_at_first_and_one_asks)
{
    ck_assert_int_eq(probe(), CHAT_STORE_TAKEN);
    ck_assert_int_eq(probe(), CHAT_STORE_FULL);
    ck_assert_int_eq(good, 0);
}
END_TEST

START_TEST(what_was_heard_is_told_for_a_while)
{
    int i;

    for (i = 0; i < 2; i++) {
        ck_assert_int_eq(probe(), CHAT_STORE_TAKEN);
        give(place, !i);
        now += FRESH - 1;
        ck_assert_int_ne(probe(), CHAT_STORE_TAKEN);
        ck_assert_int_eq(good, !i);
        now += 1;
    }
    ck_assert_int_eq(probe(), CHAT_STORE_TAKEN);
}
END_TEST

START_TEST(a_session_that_was_found_is_news_too)
{
    give(taken(), 1);
    ck_assert_int_ne(probe(), CHAT_STORE_TAKEN);
    ck_assert_int_eq(good, 1);
    give(taken(), 0); /* its statement is wrong, perhaps */
    ck_assert_int_ne(probe(), CHAT_STORE_TAKEN);
    ck_assert_int_eq(good, 1);
}
END_TEST

START_TEST(while_one_asks_the_others_are_told_the_last_news)
{
    give(taken(), 1);
    now += FRESH;
    ck_assert_int_eq(probe(), CHAT_STORE_TAKEN);
    now += LATE - 1;
    ck_assert_int_eq(probe(), CHAT_STORE_FULL);
    ck_assert_int_eq(good, 1);
    now += 1;
    ck_assert_int_eq(probe(), CHAT_STORE_FULL);
    ck_assert_int_eq(change, CHAT_CIRCUIT_OPENS);
    ck_assert_int_eq(good, 0);
}
END_TEST

START_TEST(one_that_stands_still_is_the_only_one_for_ever)
{
    int i;

    ck_assert_int_eq(probe(), CHAT_STORE_TAKEN);
    for (i = 0; i < 100; i++) {
        now += PAUSE;
        ck_assert_int_ne(probe(), CHAT_STORE_TAKEN);
        ck_assert_int_eq(good, 0);
    }
}
END_TEST

START_TEST(it_finds_a_database_that_is_back)
{
    int stuck = open_it();

    now += FRESH;
    ck_assert_int_eq(probe(), CHAT_STORE_TAKEN);
    ck_assert_int_eq(give(place, 1), CHAT_CIRCUIT_CLOSES);
    ck_assert_int_ne(probe(), CHAT_STORE_TAKEN);
    ck_assert_int_eq(good, 1);
    ck_assert_int_eq(give(stuck, 1), CHAT_CIRCUIT_SAME);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *s = suite_create("chat_store_places");
    TCase *c = tcase_create("places");

    tcase_add_checked_fixture(c, set_up, NULL);
    tcase_add_test(c, a_child_has_so_many_and_all_together_so_many);
    tcase_add_test(c, what_is_given_back_is_free);
    tcase_add_test(c, of_several_databases_one_has_half);
    tcase_add_test(c, one_place_does_for_several_databases);
    tcase_add_test(c, a_child_that_died_has_none);
    tcase_add_test(c, one_that_is_late_shuts_it_for_all);
    tcase_add_test(c, one_that_is_not_late_shuts_nothing);
    tcase_add_test(c, another_database_goes_on);
    tcase_add_test(c, after_the_pause_one_tries_and_the_others_wait);
    tcase_add_test(c, a_late_one_is_counted_once);
    tcase_add_test(c, a_trial_that_is_late_shuts_it_again);
    tcase_add_test(c, trials_stop_when_every_place_stands_still);
    tcase_add_test(c, who_finds_no_place_uses_no_trial_up);
    tcase_add_test(c, who_waits_in_vain_shuts_it);
    tcase_add_test(c, failures_in_time_shut_nothing);
    tcase_add_test(c, a_late_failure_shuts_it_and_a_late_answer_does_not);
    tcase_add_test(c, nothing_is_known_at_first_and_one_asks);
    tcase_add_test(c, what_was_heard_is_told_for_a_while);
    tcase_add_test(c, a_session_that_was_found_is_news_too);
    tcase_add_test(c, while_one_asks_the_others_are_told_the_last_news);
    tcase_add_test(c, one_that_stands_still_is_the_only_one_for_ever);
    tcase_add_test(c, it_finds_a_database_that_is_back);
    suite_add_tcase(s, c);
    return s;
}
