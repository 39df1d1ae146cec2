/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/redis/chat_redis_url.c. */
#include <string.h>

#include <apr_pools.h>

#include "../../src/redis/chat_redis_url.h"
#include "unit.h"

static const struct {
    const char *text, *host, *path;
    int port, db, tls;
} good[] = {
    {"redis://127.0.0.1", "127.0.0.1", NULL, 6379, 0, 0},
    {"redis://127.0.0.1/", "127.0.0.1", NULL, 6379, 0, 0},
    {"redis://cache.example:6380/15", "cache.example", NULL, 6380, 15, 0},
    {"rediss://cache.example", "cache.example", NULL, 6379, 0, 1},
    {"redis://[::1]:7000/1", "::1", NULL, 7000, 1, 0},
    {"unix:///run/redis.sock", NULL, "/run/redis.sock", 0, 0, 0},
    {"unix:///run/redis.sock?db=7", NULL, "/run/redis.sock", 0, 7, 0},
};

static const char *const bad[] = {
    "",
    "127.0.0.1:6379",
    "http://127.0.0.1",
    "redis://",
    "redis://user:password@host",
    "redis://host:0",
    "redis://host:70000",
    "redis://host:12x",
    "redis://host/x",
    "redis://host/-1",
    "redis://host/1/2",
    "redis://host?db=1",
    "unix://run/redis.sock",
    "unix:///",
    "unix:///run/redis.sock?database=1",
    "unix:///run/redis.sock?db=",
};

static apr_pool_t *p;

static void setup(void)
{
    apr_pool_create(&p, NULL);
}

static void teardown(void)
{
    apr_pool_destroy(p);
}

static void check_text(const char *got, const char *expected)
{
    if (expected)
        ck_assert_str_eq(got, expected);
    else
        ck_assert_ptr_null(got);
}

START_TEST(a_url_says_where_redis_is)
{
    chat_redis_url_t url;

    ck_assert_ptr_null(chat_redis_url(&url, good[_i].text, p));
    check_text(url.host, good[_i].host);
    check_text(url.path, good[_i].path);
    if (good[_i].host)
        ck_assert_int_eq(url.port, good[_i].port);
    ck_assert_int_eq(url.db, good[_i].db);
    ck_assert_int_eq(url.tls, good[_i].tls);
}
END_TEST

START_TEST(what_is_no_such_url_gets_a_sentence)
{
    chat_redis_url_t url;
    const char *why = chat_redis_url(&url, bad[_i], p);

    ck_assert_ptr_nonnull(why);
    ck_assert_ptr_null(strstr(why, "password"));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_redis_url");
    TCase *tc = tcase_create("urls");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_url_says_where_redis_is, 0,
                        sizeof(good) / sizeof(good[0]));
    tcase_add_loop_test(tc, what_is_no_such_url_gets_a_sentence, 0,
                        sizeof(bad) / sizeof(bad[0]));
    suite_add_tcase(suite, tc);
    return suite;
}
