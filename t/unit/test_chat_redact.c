/* SPDX-License-Identifier: Apache-2.0 */
/* chat_redact: no secret comes out, however the pieces are cut, and all else
 * does. */
#include "chat_redact.h"

#include <string.h>

#include <apr_strings.h>

#include "unit.h"

#define KEY "sk-test-0123456789abcdef"
#define OTHER "sk-test-9876543210fedcba"
#define SHORT "pass1234"

static apr_pool_t *pool;
static chat_redact_t redact;
static char out[4096];
static apr_size_t used;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
    chat_redact_init(&redact, pool);
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

static apr_status_t put(void *ctx, const char *data, apr_size_t len)
{
    ck_assert_uint_gt(len, 0);
    memcpy(out + used, data, len);
    used += len;
    out[used] = '\0';
    return APR_SUCCESS;
}

static void begin(const char *const *keys)
{
    apr_array_header_t *list = apr_array_make(pool, 3, sizeof(char *));

    for (; *keys; keys++)
        APR_ARRAY_PUSH(list, const char *) = *keys;
    chat_redact_reset(&redact, list);
    used = 0;
    out[0] = '\0';
}

static void feed(const char *data, apr_size_t len)
{
    if (len)
        ck_assert_int_eq(chat_redact_feed(&redact, data, len, put, NULL),
                         APR_SUCCESS);
}

static void end(void)
{
    ck_assert_int_eq(chat_redact_end(&redact, put, NULL), APR_SUCCESS);
}

static const char *const keys[] = {KEY, OTHER, SHORT, NULL};

static const struct row_t {
    const char *in, *out;
} rows[] = {
    {"data: hello\n\n", "data: hello\n\n"},
    {"data: " KEY "\n\n", "data: ***\n\n"},
    {KEY, "***"},
    {KEY KEY, "******"},
    {KEY OTHER SHORT, "*********"},
    {"sk-test-" KEY "-", "sk-test-***-"},
    {"sk-test-0123sk-test-0123456789abcdef!", "sk-test-0123***!"},
    {"sk-test-0123456789abcdeX", "sk-test-0123456789abcdeX"},
    {"ssssk-sk-sk-te sk", "ssssk-sk-sk-te sk"},
    {"a " SHORT " b " OTHER, "a *** b ***"},
    {"", ""},
    /* what breaks off */
    {"data: sk-test", "data: sk-test"},
    {"data: sk-test-0123456789abcde", "data: ***"},
};

START_TEST(however_it_is_cut)
{
    const char *in = rows[_i].in;
    apr_size_t len = strlen(in), a, b;

    for (a = 0; a <= len; a++) {
        for (b = a; b <= len; b++) {
            begin(keys);
            feed(in, a);
            feed(in + a, b - a);
            feed(in + b, len - b);
            end();
            ck_assert_msg(strcmp(out, rows[_i].out) == 0, "%s at %d, %d: %s",
                          in, (int)a, (int)b, out);
        }
    }
}
END_TEST

START_TEST(byte_by_byte)
{
    const char *at;

    begin(keys);
    for (at = rows[_i].in; *at; at++)
        feed(at, 1);
    end();
    ck_assert_str_eq(out, rows[_i].out);
}
END_TEST

START_TEST(an_event_is_not_held)
{
    static const char event[] = "data: {\"text\":\"sk-test\"}\n\n";

    begin(keys);
    feed(event, sizeof(event) - 1);
    ck_assert_str_eq(out, event);
    /* only what may be a key is, and as long as it may be one */
    feed("data: sk-te", 11);
    ck_assert_uint_eq(used, sizeof(event) - 1 + 6);
    feed("a", 1);
    ck_assert_uint_eq(used, sizeof(event) - 1 + 12);
}
END_TEST

/* It is looked for by its rarest byte, wherever that is. */
static const char *const by_byte[] = {
    "Zee-tea-one-nine", "tea-one-nine-eeZ", "tea-one-Z-nine-e",
    "tea-one-nine-eee", "eeeeeeeeeeeeeeee", "ZZZZZZZZZZZZZZZZ",
};

START_TEST(wherever_its_rarest_byte_is)
{
    static const char *const around[] = {"", "Z", "e", "ZeZ", "tea-Zone"};
    const char *secret = by_byte[_i], *one[] = {secret, NULL};
    size_t a, b, n = sizeof(around) / sizeof(around[0]);

    for (a = 0; a < n; a++) {
        for (b = 0; b < n; b++) {
            const char *in =
                apr_pstrcat(pool, around[a], secret, around[b], "\n", NULL);
            size_t cut = strlen(around[a]) + strlen(secret) - 1;
            const char *less =
                apr_pstrcat(pool, apr_pstrmemdup(pool, in, cut), "\n", NULL);

            begin(one);
            feed(in, strlen(in));
            end();
            ck_assert_ptr_null(strstr(out, secret));
            ck_assert_ptr_nonnull(strstr(out, "***"));
            begin(one);
            feed(less, strlen(less));
            end();
            ck_assert_int_eq(!strstr(out, "***"), !strstr(less, secret));
        }
    }
}
END_TEST

START_TEST(a_placeholder_is_a_word)
{
    static const char *const words[] = {"ollama", "none", "not-needed",
                                        "sk-1234", NULL};
    static const char text[] = "ollama none not-needed sk-1234";

    begin(words);
    feed(text, sizeof(text) - 1);
    end();
    ck_assert_str_eq(out, text);
    ck_assert_int_eq(chat_redact_finds(&redact, text, sizeof(text) - 1), 0);
    begin(keys);
    ck_assert_int_eq(chat_redact_finds(&redact, "x" KEY, sizeof(KEY)), 1);
    ck_assert_int_eq(chat_redact_finds(&redact, NULL, 0), 0);
}
END_TEST

static apr_status_t refuse(void *ctx, const char *data, apr_size_t len)
{
    ++*(int *)ctx;
    return APR_EGENERAL;
}

START_TEST(who_takes_no_more_is_given_no_more)
{
    int calls = 0;

    begin(keys);
    ck_assert_int_eq(
        chat_redact_feed(&redact, "a" KEY "b", sizeof(KEY) + 1, refuse, &calls),
        APR_EGENERAL);
    ck_assert_int_eq(calls, 1);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *s = suite_create("chat_redact");
    TCase *tc = tcase_create("redact");
    int n = sizeof(rows) / sizeof(rows[0]);

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, however_it_is_cut, 0, n);
    tcase_add_loop_test(tc, byte_by_byte, 0, n);
    tcase_add_test(tc, an_event_is_not_held);
    tcase_add_loop_test(tc, wherever_its_rarest_byte_is, 0,
                        sizeof(by_byte) / sizeof(by_byte[0]));
    tcase_add_test(tc, a_placeholder_is_a_word);
    tcase_add_test(tc, who_takes_no_more_is_given_no_more);
    suite_add_tcase(s, tc);
    return s;
}
