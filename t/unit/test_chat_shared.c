/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of src/shared/chat_shared.c, by processes that share its memory and die
 * with its locks. What it needs of httpd is below.
 */
#include "../../src/shared/chat_shared.c"
#include "unit.h"

#include <string.h>
#include <sys/wait.h>

/* ---- the part of httpd ---- */

static char retained[64];
static const char *retained_key;

AP_DECLARE(void *) ap_retained_data_get(const char *key)
{
    return retained_key && !strcmp(key, retained_key) ? retained : NULL;
}

AP_DECLARE(void *) ap_retained_data_create(const char *key, apr_size_t size)
{
    ck_assert_uint_le(size, sizeof(retained));
    retained_key = key;
    return retained;
}

/* ---- steps ---- */

typedef struct shared_t {
    chat_shared_lock_t lock;
    int value;
} shared_t;

static apr_pool_t *pconf;
static shared_t *shared;

static void set_up(void)
{
    apr_initialize();
    apr_pool_create(&pconf, NULL);
    memset(retained, 0, sizeof(retained));
    retained_key = NULL;
    shared = chat_shared_create(sizeof(*shared), pconf);
    ck_assert_ptr_nonnull(shared);
    ck_assert(chat_shared_lock_init(&shared->lock));
}

static void tear_down(void)
{
    apr_pool_destroy(pconf);
}

/* A process that takes the lock, writes, and dies with it. */
static void die_with_lock(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        chat_shared_lock(&shared->lock);
        shared->value++;
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

/* What trylock says in another process. */
static int trylock_elsewhere(void)
{
    pid_t pid = fork();
    int status;

    if (pid == 0)
        _exit(chat_shared_trylock(&shared->lock, NULL));
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}

/* ---- locks ---- */

START_TEST(a_lock_that_is_held_is_not_had_by_trying)
{
    int died = 1;

    ck_assert_int_eq(chat_shared_trylock(&shared->lock, &died), 1);
    ck_assert_int_eq(died, 0);
    ck_assert_int_eq(trylock_elsewhere(), 0);
    chat_shared_unlock(&shared->lock);
    ck_assert_int_eq(trylock_elsewhere(), 1);
}
END_TEST

START_TEST(who_locks_next_learns_that_the_holder_died)
{
    die_with_lock();
    ck_assert_int_eq(chat_shared_lock(&shared->lock), 1);
    ck_assert_int_eq(shared->value, 1);
    chat_shared_unlock(&shared->lock);
    ck_assert_int_eq(chat_shared_lock(&shared->lock), 0);
    chat_shared_unlock(&shared->lock);
}
END_TEST

START_TEST(who_only_tries_learns_it_as_well)
{
    int died = 0;

    die_with_lock();
    ck_assert_int_eq(chat_shared_trylock(&shared->lock, &died), 1);
    ck_assert_int_eq(died, 1);
    chat_shared_unlock(&shared->lock);
    ck_assert_int_eq(chat_shared_lock(&shared->lock), 0);
    chat_shared_unlock(&shared->lock);
}
END_TEST

/* ---- memory ---- */

START_TEST(memory_that_is_retained_is_made_once)
{
    int fresh;
    char *memory = chat_shared_retain(&fresh, "one", 4096);

    ck_assert_int_eq(fresh, 1);
    ck_assert_int_eq(memory[0] | memory[4095], 0);
    memory[0] = 'x';
    ck_assert_ptr_eq(chat_shared_retain(&fresh, "one", 4096), memory);
    ck_assert_int_eq(fresh, 0);
    ck_assert_int_eq(memory[0], 'x');
}
END_TEST

START_TEST(memory_of_another_size_is_new_and_the_old_one_stays)
{
    int fresh;
    char *old = chat_shared_retain(&fresh, "one", 4096);
    char *memory = chat_shared_retain(&fresh, "one", 8192);

    ck_assert_int_eq(fresh, 1);
    ck_assert_ptr_ne(memory, old);
    old[0] = 'x';
    ck_assert_int_eq(memory[0] | memory[8191], 0);
}
END_TEST

START_TEST(memory_that_there_is_not_is_none)
{
    int fresh;

    ck_assert_ptr_null(chat_shared_create((apr_size_t)1 << 62, pconf));
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_ptr_null(chat_shared_retain(&fresh, "one", (apr_size_t)1 << 62));
    ck_assert_int_eq(fresh, 0);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *s = suite_create("chat_shared");
    TCase *locks = tcase_create("locks"), *memory = tcase_create("memory");

    tcase_add_checked_fixture(locks, set_up, tear_down);
    tcase_add_test(locks, a_lock_that_is_held_is_not_had_by_trying);
    tcase_add_test(locks, who_locks_next_learns_that_the_holder_died);
    tcase_add_test(locks, who_only_tries_learns_it_as_well);
    suite_add_tcase(s, locks);
    tcase_add_checked_fixture(memory, set_up, tear_down);
    tcase_add_test(memory, memory_that_is_retained_is_made_once);
    tcase_add_test(memory, memory_of_another_size_is_new_and_the_old_one_stays);
    tcase_add_test(memory, memory_that_there_is_not_is_none);
    suite_add_tcase(s, memory);
    return s;
}
