/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/store/chat_store_slots.c, on a clock of their own. */
#include "../../src/store/chat_store_slots.h"
#include "unit.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LATE CHAT_STORE_SLOT_LATE
#define PAUSE CHAT_STORE_SLOT_COOLDOWN
#define FRESH CHAT_STORE_SLOT_FRESH

static chat_store_slot_t slots[8];
static chat_store_db_t dbs[2];
static chat_store_slots_t t;
static apr_int64_t now;
static chat_circuit_change_e change;
static int slot, answers;
static pid_t me, other;

static void set_up(void)
{
    static const chat_store_slots_t empty = {
        .n = 6, .per_child = 4, .ndbs = 1, .slots = slots, .dbs = dbs};

    t = empty;
    memset(slots, 0, sizeof(slots));
    memset(dbs, 0, sizeof(dbs));
    now = 5000000;
    me = getpid();
    other = getppid();
}

/* ---- steps ---- */

static chat_store_slot_e take_as(pid_t pid, int db)
{
    return chat_store_slots_acquire(&t, db, pid, now, &slot, &change);
}

static chat_store_slot_e take(void)
{
    return take_as(me, 0);
}

static int taken(void)
{
    ck_assert_int_eq(take(), CHAT_STORE_SLOT_ACQUIRED);
    return slot;
}

static chat_store_slot_e probe(void)
{
    return chat_store_slots_probe(&t, 0, me, now, &slot, &answers, &change);
}

static chat_circuit_change_e give(int which, int well)
{
    return chat_store_slots_release(&t, which, well, now);
}

/* One look-up stands still, and the next has noticed. */
static int open_it(void)
{
    int stuck = taken();

    now += LATE;
    ck_assert_int_eq(take(), CHAT_STORE_SLOT_DB_DOWN);
    ck_assert_int_eq(change, CHAT_CIRCUIT_OPENS);
    return stuck;
}

/* ---- slots ---- */

START_TEST(a_child_has_so_many_and_all_together_so_many)
{
    int i;

    for (i = 0; i < 4; i++)
        taken();
    ck_assert_int_eq(take(), CHAT_STORE_SLOT_NONE_FREE);
    ck_assert_int_eq(take_as(other, 0), CHAT_STORE_SLOT_ACQUIRED);
    ck_assert_int_eq(take_as(other, 0), CHAT_STORE_SLOT_ACQUIRED);
    ck_assert_int_eq(take_as(other, 0), CHAT_STORE_SLOT_NONE_FREE);
}
END_TEST

START_TEST(what_is_given_back_is_free)
{
    int first = taken();

    taken();
    taken();
    taken();
    ck_assert_int_eq(take(), CHAT_STORE_SLOT_NONE_FREE);
    ck_assert_int_eq(give(first, 1), CHAT_CIRCUIT_SAME);
    ck_assert_int_eq(taken(), first);
}
END_TEST

START_TEST(of_several_databases_one_has_half)
{
    t.ndbs = 2;
    taken();
    taken();
    ck_assert_int_eq(take(), CHAT_STORE_SLOT_NONE_FREE);
    ck_assert_int_eq(take_as(other, 0), CHAT_STORE_SLOT_ACQUIRED);
    ck_assert_int_eq(take_as(other, 0), CHAT_STORE_SLOT_NONE_FREE);
    ck_assert_int_eq(take_as(me, 1), CHAT_STORE_SLOT_ACQUIRED);
    ck_assert_int_eq(take_as(me, 1), CHAT_STORE_SLOT_ACQUIRED);
    ck_assert_int_eq(take_as(me, 1), CHAT_STORE_SLOT_NONE_FREE);
}
END_TEST

START_TEST(one_slot_does_for_several_databases)
{
    t.ndbs = 2;
    t.n = t.per_child = 1;
    ck_assert_int_eq(take_as(me, 1), CHAT_STORE_SLOT_ACQUIRED);
    ck_assert_int_eq(take_as(me, 0), CHAT_STORE_SLOT_NONE_FREE);
}
END_TEST

START_TEST(a_child_that_died_has_none)
{
    pid_t dead = fork();

    if (dead == 0)
        _exit(0);
    waitpid(dead, NULL, 0);
    t.n = 1;
    ck_assert_int_eq(take_as(dead, 0), CHAT_STORE_SLOT_ACQUIRED);
    now += LATE - 1;
    ck_assert_int_eq(take(), CHAT_STORE_SLOT_NONE_FREE);
    now += 1;
    ck_assert_int_eq(take(), CHAT_STORE_SLOT_ACQUIRED);
    ck_assert_int_eq(change, CHAT_CIRCUIT_SAME);
}
END_TEST

/* ---- a database that stands still ---- */

START_TEST(one_that_is_late_shuts_it_for_all)
{
    open_it();
    ck_assert_int_eq(take_as(other, 0), CHAT_STORE_SLOT_DB_DOWN);
    ck_assert_int_eq(change, CHAT_CIRCUIT_SAME);
    now += PAUSE - 1;
    ck_assert_int_eq(take(), CHAT_STORE_SLOT_DB_DOWN);
}
END_TEST

START_TEST(one_that_is_not_late_shuts_nothing)
{
    int stuck = taken();

    now += LATE - 1;
    give(taken(), 1);
    ck_assert_int_eq(change, CHAT_CIRCUIT_SAME);
    ck_assert_int_eq(give(stuck, 1), CHAT_CIRCUIT_SAME);
    ck_assert_int_eq(take(), CHAT_STORE_SLOT_ACQUIRED);
}
END_TEST

START_TEST(one_that_is_late_while_others_are_answered_shuts_nothing)
{
    int slow = taken(), quick;

    now += LATE - 1;
    quick = taken();
    give(quick, 1);
    now += CHAT_STORE_SLOT_ANSWERS - 1;
    quick = taken();
    ck_assert_int_eq(change, CHAT_CIRCUIT_SAME);
    ck_assert_int_eq(chat_store_slots_timeout(&t, 0, now), CHAT_CIRCUIT_SAME);
    ck_assert(!chat_store_slots_hang(&t, 0, now, &change));
    now += 1;
    ck_assert(chat_store_slots_hang(&t, 0, now, &change));
    ck_assert_int_eq(change, CHAT_CIRCUIT_OPENS);
    give(slow, 1);
    give(quick, 1);
}
END_TEST

START_TEST(another_database_goes_on)
{
    t.ndbs = 2;
    open_it();
    ck_assert_int_eq(take_as(me, 1), CHAT_STORE_SLOT_ACQUIRED);
}
END_TEST

START_TEST(after_the_pause_one_probes_and_the_others_wait)
{
    open_it();
    now += PAUSE;
    ck_assert_int_eq(take(), CHAT_STORE_SLOT_ACQUIRED);
    ck_assert_int_eq(take(), CHAT_STORE_SLOT_DB_DOWN);
    ck_assert_int_eq(give(slot, 1), CHAT_CIRCUIT_CLOSES);
    ck_assert_int_eq(take(), CHAT_STORE_SLOT_ACQUIRED);
}
END_TEST

START_TEST(a_late_one_is_counted_once)
{
    open_it();
    now += PAUSE;
    taken();
    give(slot, 1);
    now += 10 * LATE;
    ck_assert_int_eq(take(), CHAT_STORE_SLOT_ACQUIRED);
    ck_assert_int_eq(change, CHAT_CIRCUIT_SAME);
}
END_TEST

START_TEST(a_probe_that_is_late_shuts_it_again)
{
    open_it();
    now += PAUSE;
    taken();
    now += LATE;
    ck_assert_int_eq(take(), CHAT_STORE_SLOT_DB_DOWN);
    ck_assert_int_eq(change, CHAT_CIRCUIT_REOPENS);
}
END_TEST

START_TEST(probes_stop_when_every_slot_stands_still)
{
    int i;

    open_it();
    for (i = 1; i < 4; i++) {
        now += PAUSE;
        taken();
        now += LATE;
        ck_assert_int_eq(take(), CHAT_STORE_SLOT_DB_DOWN);
    }
    now += PAUSE;
    ck_assert_int_eq(take(), CHAT_STORE_SLOT_DB_DOWN);
    now += 100 * PAUSE;
    ck_assert_int_eq(take(), CHAT_STORE_SLOT_DB_DOWN);
}
END_TEST

START_TEST(who_finds_no_slot_uses_no_probe_up)
{
    int stuck = open_it();

    t.per_child = 1;
    now += PAUSE;
    ck_assert_int_eq(take(), CHAT_STORE_SLOT_DB_DOWN);
    ck_assert_int_eq(give(stuck, 1), CHAT_CIRCUIT_SAME);
    ck_assert_int_eq(take(), CHAT_STORE_SLOT_ACQUIRED);
}
END_TEST

START_TEST(who_waits_in_vain_shuts_it)
{
    while (take() == CHAT_STORE_SLOT_ACQUIRED)
        continue;
    ck_assert_int_eq(chat_store_slots_timeout(&t, 0, now), CHAT_CIRCUIT_OPENS);
    ck_assert_int_eq(chat_store_slots_timeout(&t, 0, now), CHAT_CIRCUIT_SAME);
    ck_assert_int_eq(take(), CHAT_STORE_SLOT_DB_DOWN);
}
END_TEST

START_TEST(failures_in_time_shut_nothing)
{
    int i;

    for (i = 0; i < 100; i++)
        ck_assert_int_eq(give(taken(), 0), CHAT_CIRCUIT_SAME);
    ck_assert_int_eq(take(), CHAT_STORE_SLOT_ACQUIRED);
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
    ck_assert_int_eq(probe(), CHAT_STORE_SLOT_ACQUIRED);
    ck_assert_int_eq(probe(), CHAT_STORE_SLOT_NONE_FREE);
    ck_assert_int_eq(answers, 0);
}
END_TEST

START_TEST(what_was_heard_is_told_for_a_while)
{
    int i;

    for (i = 0; i < 2; i++) {
        ck_assert_int_eq(probe(), CHAT_STORE_SLOT_ACQUIRED);
        give(slot, !i);
        now += FRESH - 1;
        ck_assert_int_ne(probe(), CHAT_STORE_SLOT_ACQUIRED);
        ck_assert_int_eq(answers, !i);
        now += 1;
    }
    ck_assert_int_eq(probe(), CHAT_STORE_SLOT_ACQUIRED);
}
END_TEST

START_TEST(a_session_that_was_found_is_news_too)
{
    give(taken(), 1);
    ck_assert_int_ne(probe(), CHAT_STORE_SLOT_ACQUIRED);
    ck_assert_int_eq(answers, 1);
    give(taken(), 0); /* its statement is wrong, perhaps */
    ck_assert_int_ne(probe(), CHAT_STORE_SLOT_ACQUIRED);
    ck_assert_int_eq(answers, 1);
}
END_TEST

START_TEST(while_one_asks_the_others_are_told_the_last_news)
{
    give(taken(), 1);
    now += FRESH;
    ck_assert_int_eq(probe(), CHAT_STORE_SLOT_ACQUIRED);
    now += LATE - 1;
    ck_assert_int_eq(probe(), CHAT_STORE_SLOT_NONE_FREE);
    ck_assert_int_eq(answers, 1);
    now += 1;
    ck_assert_int_eq(probe(), CHAT_STORE_SLOT_NONE_FREE);
    ck_assert_int_eq(change, CHAT_CIRCUIT_OPENS);
    ck_assert_int_eq(answers, 0);
}
END_TEST

START_TEST(one_that_stands_still_is_the_only_one_for_ever)
{
    int i;

    ck_assert_int_eq(probe(), CHAT_STORE_SLOT_ACQUIRED);
    for (i = 0; i < 100; i++) {
        now += PAUSE;
        ck_assert_int_ne(probe(), CHAT_STORE_SLOT_ACQUIRED);
        ck_assert_int_eq(answers, 0);
    }
}
END_TEST

START_TEST(it_finds_a_database_that_is_back)
{
    int stuck = open_it();

    now += FRESH;
    ck_assert_int_eq(probe(), CHAT_STORE_SLOT_ACQUIRED);
    ck_assert_int_eq(give(slot, 1), CHAT_CIRCUIT_CLOSES);
    ck_assert_int_ne(probe(), CHAT_STORE_SLOT_ACQUIRED);
    ck_assert_int_eq(answers, 1);
    ck_assert_int_eq(give(stuck, 1), CHAT_CIRCUIT_SAME);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *s = suite_create("chat_store_slots");
    TCase *c = tcase_create("slots");

    tcase_add_checked_fixture(c, set_up, NULL);
    tcase_add_test(c, a_child_has_so_many_and_all_together_so_many);
    tcase_add_test(c, what_is_given_back_is_free);
    tcase_add_test(c, of_several_databases_one_has_half);
    tcase_add_test(c, one_slot_does_for_several_databases);
    tcase_add_test(c, a_child_that_died_has_none);
    tcase_add_test(c, one_that_is_late_shuts_it_for_all);
    tcase_add_test(c, one_that_is_not_late_shuts_nothing);
    tcase_add_test(c, one_that_is_late_while_others_are_answered_shuts_nothing);
    tcase_add_test(c, another_database_goes_on);
    tcase_add_test(c, after_the_pause_one_probes_and_the_others_wait);
    tcase_add_test(c, a_late_one_is_counted_once);
    tcase_add_test(c, a_probe_that_is_late_shuts_it_again);
    tcase_add_test(c, probes_stop_when_every_slot_stands_still);
    tcase_add_test(c, who_finds_no_slot_uses_no_probe_up);
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
