/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads of one process that write to SQLite in common transactions: what one
 * of them is refused, and a commit whose answer is lost, harms no other. See
 * store/store_steps.h. On PostgreSQL each has a transaction of its own.
 */
#include "store/store_steps.h"

#include <pthread.h>
#include <stdlib.h>

#define THREADS 8
#define TURNS 25

/* Of the leader. */
static int commits, lose_each;

apr_status_t __real_chat_store_db_commit(chat_store_db_t *db);
apr_status_t __wrap_chat_store_db_commit(chat_store_db_t *db);

apr_status_t __wrap_chat_store_db_commit(chat_store_db_t *db)
{
    apr_status_t rv = __real_chat_store_db_commit(db);

    commits++;
    if (rv != APR_SUCCESS || !lose_each || commits % lose_each)
        return rv;
    db->why = "lost";
    return APR_EGENERAL;
}

/* ---- what a thread does ---- */

typedef struct talker_t {
    pthread_t thread;
    const char *conversation, *taken; /* an id that is, for each third */
    int begun, busy, refused, wrong;
} talker_t;

static chat_store_turn_t next_turn(const talker_t *t, int i, apr_pool_t *own)
{
    const chat_store_turn_t turn = {
        .conversation = t->conversation,
        .question = chat_store_new_id(own),
        .text = "q",
        .title = "q",
        .parts = "[{\"type\":\"text\",\"text\":\"q\"}]",
        .model = "m",
        .answer = i % 3 && t->taken ? t->taken : chat_store_new_id(own),
        .stream = chat_store_new_id(own),
        .instance = "here/1"};

    return turn;
}

static void finish(talker_t *t, const chat_store_turn_t *turn,
                   const chat_store_at_t *at)
{
    const chat_store_ending_t ending = {.answer = turn->answer,
                                        .stream = turn->stream,
                                        .status = CHAT_MESSAGE_COMPLETE,
                                        .parts = "[]",
                                        .text = turn->answer,
                                        .input_tokens = -1,
                                        .output_tokens = -1,
                                        .cost = -1};
    chat_err_t why = {0};
    int written = 0;

    t->begun++;
    t->wrong +=
        chat_store_turn_end(&written, &ending, at, &why) != APR_SUCCESS ||
        !written;
}

static void *talk_often(void *data)
{
    talker_t *t = data;
    chat_store_at_t at = ada;
    int i;

    apr_pool_create(&at.p, NULL);
    for (i = 0; i < TURNS; i++) {
        chat_store_turn_t turn = next_turn(t, i, at.p);
        chat_err_t why = {0};
        apr_status_t rv = chat_store_turn_begin(&turn, &at, &why);

        if (rv == APR_SUCCESS)
            finish(t, &turn, &at);
        t->busy += rv == APR_EBUSY;
        t->refused += rv == APR_EEXIST;
        t->wrong += rv != APR_SUCCESS && rv != APR_EBUSY && rv != APR_EEXIST;
    }
    apr_pool_destroy(at.p);
    return NULL;
}

/* Two have one conversation, one mostly an id that is taken. */
static void prepare(talker_t *talkers)
{
    int i;

    for (i = 0; i < THREADS; i++)
        talkers[i].conversation = create(&ada, "t");
    talkers[1].conversation = talkers[0].conversation;
    talkers[2].taken = talk(create(&ada, "t"), "q", "a");
}

static int run_all(talker_t *talkers)
{
    int i, begun = 0;

    for (i = 0; i < THREADS; i++)
        ck_assert_int_eq(
            pthread_create(&talkers[i].thread, NULL, talk_often, &talkers[i]),
            0);
    for (i = 0; i < THREADS; i++) {
        pthread_join(talkers[i].thread, NULL);
        ck_assert_int_eq(talkers[i].wrong, 0);
        begun += talkers[i].begun;
    }
    return begun;
}

static void check_rows(const talker_t *talkers, int begun)
{
    int i;

    ck_assert_int_eq(atoi(store_link_sql("select count(*) from chat_message "
                                         "where status = 'complete' "
                                         "and text = id")),
                     begun);
    ck_assert_str_eq(store_link_sql("select count(*) from chat_message "
                                    "where status = 'streaming'"),
                     "0");
    ck_assert_str_eq(store_link_sql("select count(*) from chat_stream "
                                    "where status = 'running'"),
                     "0");
    for (i = 3; i < THREADS; i++)
        ck_assert_int_eq(get(talkers[i].conversation)->messages, 2 * TURNS);
    ck_assert_int_eq(talkers[2].refused, TURNS - (TURNS + 2) / 3);
    ck_assert_int_eq(get(talkers[2].conversation)->messages,
                     2 * ((TURNS + 2) / 3));
    ck_assert_int_eq(get(talkers[0].conversation)->messages,
                     2 * (talkers[0].begun + talkers[1].begun));
}

static void talk_together(int lose)
{
    talker_t talkers[THREADS] = {{0}};
    int begun;

    store_link_group = chat_store_group_create(p);
    prepare(talkers);
    commits = 0;
    lose_each = lose;
    begun = run_all(talkers);
    lose_each = 0;
    store_link_group = NULL;
    check_rows(talkers, begun);
    if (store_link_is_sqlite() && !lose)
        ck_assert_int_lt(commits, 2 * begun);
}

START_TEST(who_is_refused_harms_nobody)
{
    talk_together(0);
}
END_TEST

START_TEST(a_lost_commit_is_done_once)
{
    talk_together(5);
    store_link_failures = 0;
}
END_TEST

Suite *unit_suite(void)
{
    Suite *s = suite_create("chat_store_together");
    TCase *t = tcase_create("together");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, who_is_refused_harms_nobody);
    tcase_add_test(t, a_lost_commit_is_done_once);
    suite_add_tcase(s, t);
    return s;
}
