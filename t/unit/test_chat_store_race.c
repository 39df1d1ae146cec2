/* SPDX-License-Identifier: Apache-2.0 */
/* Several processes at one conversation at once: one answer at a time, and
 * nobody fails. See store/store_steps.h. t/78-store.t runs it on PostgreSQL,
 * too. */
#include "store/store_steps.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES 4
#define TURNS 12

static const char *conversation;

/* As many turns as it can; the exit status is how many. */
static void take_turns(void)
{
    chat_conversation_t to = {.pinned = 1}, *is;
    apr_array_header_t *streams;
    int i, taken = 0;

    for (i = 0; i < TURNS; i++) {
        chat_store_turn_t turn = turn_of(conversation, "q");
        apr_status_t rv;

        memset(&err, 0, sizeof(err));
        rv = chat_store_turn_begin(&turn, &ada, &err);
        if (rv == APR_SUCCESS) {
            taken++;
            /* Each third is deleted while it runs. */
            if (i % 3)
                end(&turn, "a");
            else if (chat_store_message_delete(&streams, &ada, conversation,
                                               turn.question, &err))
                _exit(101);
        }
        else if (rv != APR_EBUSY) {
            _exit(102);
        }
        if (chat_store_conversation_update(&is, &ada, conversation, &to,
                                           CHAT_SET_PINNED, 0, &err))
            _exit(103);
    }
    _exit(store_link_failures ? 104 : taken);
}

static pid_t start(void)
{
    pid_t pid = fork();

    if (pid)
        return pid;
    apr_pool_create(&p, NULL);
    ada.p = p;
    store_link_join(p);
    take_turns();
    return 0;
}

START_TEST(one_answer_at_a_time)
{
    pid_t pids[PROCESSES];
    int i, status, taken = 0;

    conversation = create(&ada, NULL);
    store_link_leave();
    for (i = 0; i < PROCESSES; i++)
        pids[i] = start();
    for (i = 0; i < PROCESSES; i++) {
        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
        ck_assert_int_lt(WEXITSTATUS(status), 100);
        taken += WEXITSTATUS(status);
    }
    store_link_join(p);
    ck_assert_int_ge(taken, 1);
    ck_assert_str_eq(
        store_link_sql("select c.message_count - (select count(*) "
                       "from chat_message) from chat_conversation c"),
        "0");
    ck_assert_str_eq(
        store_link_sql("select bytes - (select sum(bytes) from chat_message) "
                       "from chat_conversation"),
        "0");
    ck_assert_str_eq(store_link_sql("select count(*) from chat_stream "
                                    "where status = 'running'"),
                     "0");
    ck_assert_str_eq(store_link_sql("select count(*) from chat_message "
                                    "where status = 'streaming'"),
                     "0");
    ck_assert_int_eq(get(conversation)->revision, 1 + PROCESSES * TURNS);
    talk(conversation, "goes", "on");
}
END_TEST

Suite *unit_suite(void)
{
    Suite *s = suite_create("chat_store_race");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, one_answer_at_a_time);
    suite_add_tcase(s, tc);
    return s;
}
