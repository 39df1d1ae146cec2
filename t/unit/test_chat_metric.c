/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of src/shared/chat_metric.c, by processes that count together, and with
 * more labels than there is room for. What it needs of httpd is below.
 */
#include "../../src/shared/chat_metric.c"
#include "unit.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the part of httpd and of the memory ---- */

module AP_MODULE_DECLARE_DATA chat_module;

static int messages;

AP_DECLARE(void)
ap_log_error_(const char *file, int line, int module_index, int level,
              apr_status_t status, const server_rec *s, const char *fmt, ...)
{
    messages++;
}

static void *memory;
static int is_short;

void *chat_shared_retain(int *pnew, const char *key, apr_size_t size)
{
    *pnew = !memory;
    if (is_short)
        return NULL;
    if (!memory)
        memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory;
}

int chat_shared_lock_init(chat_shared_lock_t *lock)
{
    pthread_mutexattr_t attr;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    return !pthread_mutex_init(lock, &attr);
}

int chat_shared_lock(chat_shared_lock_t *lock)
{
    return pthread_mutex_lock(lock);
}

void chat_shared_unlock(chat_shared_lock_t *lock)
{
    pthread_mutex_unlock(lock);
}

/* ---- steps ---- */

/* Nothing is counted yet. */
static void set_up(void)
{
    static server_rec server;

    memory = NULL;
    is_short = messages = 0;
    ck_assert_int_eq(chat_metric_post_config(&server), APR_SUCCESS);
}

static int find_series(chat_metric_series_t *series, chat_metric_e id,
                       const char *first)
{
    int at = 0;

    while (chat_metric_next(series, id, &at))
        if (!strcmp(series->values[0], first))
            return 1;
    return 0;
}

static apr_uint64_t value(chat_metric_e id, const char *first)
{
    chat_metric_series_t series;

    return find_series(&series, id, first) ? series.value : 0;
}

static int count_series(chat_metric_e id)
{
    chat_metric_series_t series;
    int at = 0, n = 0;

    while (chat_metric_next(&series, id, &at))
        n++;
    return n;
}

#define ADD(a, b, n)                                                           \
    chat_metric_add(CHAT_METRIC_MODERATION, (const char *[]){a, b}, n)

/* ---- tests ---- */

START_TEST(labels_are_told_apart)
{
    ADD("a", "bc", 1);
    ADD("ab", "c", 2);
    ADD("a", "bc", 3);
    ADD(NULL, "", 4);
    ADD("a", "bc", -1);
    ck_assert_uint_eq(value(CHAT_METRIC_MODERATION, "a"), 4);
    ck_assert_uint_eq(value(CHAT_METRIC_MODERATION, "ab"), 2);
    ck_assert_uint_eq(value(CHAT_METRIC_MODERATION, CHAT_METRIC_NONE), 4);
    ck_assert_int_eq(count_series(CHAT_METRIC_MODERATION), 3);
}
END_TEST

START_TEST(a_long_label_is_cut_between_characters)
{
    char label[80];
    chat_metric_series_t series;
    int at = 0;

    memset(label, 'x', sizeof(label));
    memcpy(label + CHAT_METRIC_VALUE_MAX - 1, "\xe2\x82\xac", 4);
    ADD(label, "v", 1);
    ck_assert(chat_metric_next(&series, CHAT_METRIC_MODERATION, &at));
    ck_assert_uint_eq(strlen(series.values[0]), CHAT_METRIC_VALUE_MAX - 1);
    ck_assert_str_eq(series.values[1], "v");
}
END_TEST

START_TEST(more_than_fits_is_other)
{
    const int most = chat_metric_families[CHAT_METRIC_MODERATION].series;
    chat_metric_series_t series;
    char label[20];
    int i;

    for (i = 0; i < 3 * most; i++) {
        apr_snprintf(label, sizeof(label), "hook-%d", i);
        ADD(label, "flag", 1);
    }
    ck_assert_int_eq(count_series(CHAT_METRIC_MODERATION), most + 1);
    ck_assert(find_series(&series, CHAT_METRIC_MODERATION, CHAT_METRIC_OTHER));
    ck_assert_uint_eq(series.value, 2 * most);
    ck_assert_str_eq(series.values[1], CHAT_METRIC_OTHER);
    ADD("hook-1", "flag", 1);
    ck_assert_uint_eq(value(CHAT_METRIC_MODERATION, "hook-1"), 2);
}
END_TEST

static const char *const route[] = {"r"};

START_TEST(a_time_is_in_its_bucket)
{
    chat_metric_series_t series;
    apr_uint64_t n = 0;
    int i;

    chat_metric_observe(CHAT_METRIC_OVERHEAD, route, 500, NULL);
    chat_metric_observe(CHAT_METRIC_OVERHEAD, route, 501, NULL);
    chat_metric_observe(CHAT_METRIC_OVERHEAD, route, 500001, NULL);
    chat_metric_observe(CHAT_METRIC_OVERHEAD, route, -1, NULL);
    ck_assert(find_series(&series, CHAT_METRIC_OVERHEAD, "r"));
    ck_assert_int_eq(series.nbuckets, 10);
    ck_assert_uint_eq(series.buckets[0], 1);
    ck_assert_uint_eq(series.buckets[1], 1);
    ck_assert_uint_eq(series.buckets[9], 1);
    ck_assert_uint_eq(series.value, 501002);
    for (i = 0; i < series.nbuckets; i++)
        n += series.buckets[i];
    ck_assert_uint_eq(n, 3);
}
END_TEST

START_TEST(an_exemplar_names_the_latest_trace)
{
    chat_metric_series_t series;

    chat_metric_observe(CHAT_METRIC_OVERHEAD, route, 1,
                        "0af7651916cd43dd8448eb211c80319c");
    chat_metric_observe(CHAT_METRIC_OVERHEAD, route, 2,
                        "00000000000000010000000000000002");
    chat_metric_observe(CHAT_METRIC_OVERHEAD, route, 3, NULL);
    chat_metric_observe(CHAT_METRIC_OVERHEAD, route, 4, "no trace");
    chat_metric_observe(CHAT_METRIC_OVERHEAD, route, 5,
                        "0AF7651916CD43DD8448EB211C80319C");
    ck_assert(find_series(&series, CHAT_METRIC_OVERHEAD, "r"));
    ck_assert_str_eq(series.exemplars[0].trace,
                     "00000000000000010000000000000002");
    ck_assert_int_eq(series.exemplars[0].value, 2);
    ck_assert_str_eq(series.exemplars[1].trace, "");
}
END_TEST

START_TEST(a_torn_exemplar_is_none)
{
    chat_metric_series_t series;

    chat_metric_observe(CHAT_METRIC_OVERHEAD, route, 1,
                        "0af7651916cd43dd8448eb211c80319c");
    find(CHAT_METRIC_OVERHEAD, route)->bucket[0].exemplar.value++;
    ck_assert(find_series(&series, CHAT_METRIC_OVERHEAD, "r"));
    ck_assert_str_eq(series.exemplars[0].trace, "");
}
END_TEST

#define PROCESSES 4
#define TIMES 20000

static void count_in_process(int me)
{
    char label[20];
    int i;

    for (i = 0; i < TIMES; i++) {
        apr_snprintf(label, sizeof(label), "hook-%d", i % 100);
        ADD(label, "v", 1);
        chat_metric_observe(CHAT_METRIC_OVERHEAD, route, i,
                            "0af7651916cd43dd8448eb211c80319c");
    }
    _exit(0);
}

START_TEST(processes_count_together)
{
    chat_metric_series_t series;
    apr_uint64_t n = 0;
    int i, status;

    for (i = 0; i < PROCESSES; i++)
        if (!fork())
            count_in_process(i);
    for (i = 0; i < PROCESSES; i++)
        ck_assert(wait(&status) > 0 && !status);
    ck_assert_int_eq(count_series(CHAT_METRIC_MODERATION), 100);
    ck_assert_uint_eq(value(CHAT_METRIC_MODERATION, "hook-7"),
                      PROCESSES * TIMES / 100);
    ck_assert(find_series(&series, CHAT_METRIC_OVERHEAD, "r"));
    for (i = 0; i < series.nbuckets; i++)
        n += series.buckets[i];
    ck_assert_uint_eq(n, PROCESSES * TIMES);
}
END_TEST

START_TEST(a_restart_goes_on)
{
    apr_time_t since = chat_metric_since();
    static server_rec server;

    ADD("a", "b", 5);
    ck_assert_int_eq(chat_metric_post_config(&server), APR_SUCCESS);
    ADD("a", "b", 1);
    ck_assert_uint_eq(value(CHAT_METRIC_MODERATION, "a"), 6);
    ck_assert_int_eq(chat_metric_since(), since);
}
END_TEST

START_TEST(without_memory_nothing_is_counted)
{
    static server_rec server;

    is_short = 1;
    ck_assert_int_ne(chat_metric_post_config(&server), APR_SUCCESS);
    ck_assert_int_eq(messages, 1);
    ADD("a", "b", 5);
    chat_metric_observe(CHAT_METRIC_OVERHEAD, route, 1, NULL);
    ck_assert_int_eq(count_series(CHAT_METRIC_MODERATION), 0);
    ck_assert_int_eq(chat_metric_since(), 0);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_metric");
    TCase *tc = tcase_create("metric");

    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_add_test(tc, labels_are_told_apart);
    tcase_add_test(tc, a_long_label_is_cut_between_characters);
    tcase_add_test(tc, more_than_fits_is_other);
    tcase_add_test(tc, a_time_is_in_its_bucket);
    tcase_add_test(tc, an_exemplar_names_the_latest_trace);
    tcase_add_test(tc, a_torn_exemplar_is_none);
    tcase_add_test(tc, processes_count_together);
    tcase_add_test(tc, a_restart_goes_on);
    tcase_add_test(tc, without_memory_nothing_is_counted);
    suite_add_tcase(suite, tc);
    return suite;
}
