/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/store/chat_store_group.c: whatever the threads do, each member
 * is led once, and by one leader at a time. */
#include "unit.h"

#include "../../src/store/chat_store_group.h"

#include <stdlib.h>

#define THREADS 16
#define TURNS 200

typedef struct counted_t {
    chat_store_member_t in;
    int wants, done;
} counted_t;

static apr_pool_t *p;
static chat_store_group_t *group;

/* Without a lock: of the leader alone. */
static int sum, transactions, largest;

static void set_up(void)
{
    apr_initialize();
    apr_pool_create(&p, NULL);
    group = chat_store_group_create(p);
    ck_assert_ptr_nonnull(group);
    sum = transactions = largest = 0;
}

static void tear_down(void)
{
    apr_pool_destroy(p);
}

static void lead(chat_store_member_t *led)
{
    int n = 0;

    for (; led; led = led->next, n++) {
        counted_t *m = (counted_t *)led;

        sum += m->wants;
        m->done++;
    }
    transactions++;
    largest = n > largest ? n : largest;
}

static void join(int wants)
{
    counted_t m = {.wants = wants};
    chat_store_member_t *led = chat_store_group_join(group, &m.in);

    if (led) {
        lead(led);
        chat_store_group_leave(group, led);
    }
    if (m.done != 1)
        abort();
}

static void *join_often(void *data)
{
    int i;

    for (i = 0; i < TURNS; i++)
        join(1);
    return data;
}

START_TEST(who_comes_alone_leads_at_once)
{
    apr_interval_time_t least = CHAT_STORE_GROUP_MOMENT;
    int i;

    /* The machine may do something else in between, but not each time. */
    for (i = 0; i < 20; i++) {
        apr_time_t began = apr_time_now();

        group = chat_store_group_create(p);
        join(i);
        if (apr_time_now() - began < least)
            least = apr_time_now() - began;
    }
    ck_assert_int_eq(sum, 190);
    ck_assert_int_eq(transactions, 20);
    ck_assert_int_lt(least, CHAT_STORE_GROUP_MOMENT);
}
END_TEST

START_TEST(each_is_led_once)
{
    pthread_t threads[THREADS];
    int i;

    for (i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, join_often, NULL),
                         0);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(sum, THREADS * TURNS);
    ck_assert_int_lt(transactions, sum);
    ck_assert_int_le(largest, THREADS);
}
END_TEST

/* ---- more than may be in one ---- */

#define MANY (CHAT_STORE_GROUP_MAX + 36)

static void *join_once(void *data)
{
    join(1);
    return data;
}

START_TEST(a_transaction_has_an_end)
{
    pthread_t threads[MANY];
    counted_t first = {.wants = 1};
    chat_store_member_t *led = chat_store_group_join(group, &first.in);
    int i;

    ck_assert_ptr_eq(led, &first.in);
    for (i = 0; i < MANY; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, join_once, NULL), 0);
    lead(led);
    chat_store_group_leave(group, led);
    for (i = 0; i < MANY; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(sum, MANY + 1);
    ck_assert_int_le(largest, CHAT_STORE_GROUP_MAX);
    ck_assert_int_ge(transactions, 3);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *s = suite_create("chat_store_group");
    TCase *t = tcase_create("group");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, who_comes_alone_leads_at_once);
    tcase_add_test(t, each_is_led_once);
    tcase_add_test(t, a_transaction_has_an_end);
    tcase_set_timeout(t, 60);
    suite_add_tcase(s, t);
    return s;
}
