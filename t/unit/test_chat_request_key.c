/* SPDX-License-Identifier: Apache-2.0 */
/* src/request/chat_request_key.c: a key out of a body, for whom it is, and
 * addresses of users' own. */
#include <string.h>

#include <apr_strings.h>

#include "chat_request.h"
#include "unit.h"

static apr_pool_t *pool;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

static const struct {
    const char *body, *key, *left; /* key NULL: none; "": refused */
} bodies[] = {
    {"{\"key\":\"sk-1\"}", "sk-1", "{\"key\":\"xxxx\"}"},
    {" { \"check\" : true, \"key\" :\n\"sk-1\" } ", "sk-1",
     " { \"check\" : true, \"key\" :\n\"xxxx\" } "},
    {"{\"key\":\"  sk-1 \"}", "sk-1", "{\"key\":\"  xxxx \"}"},
    {"{\"key\":\"a\\/b\"}", "a/b", "{\"key\":\"xxxx\"}"},
    /* the last one counts, and none is left */
    {"{\"key\":\"one\",\"key\":\"two\"}", "two",
     "{\"key\":\"xxx\",\"key\":\"xxx\"}"},
    /* not its own member */
    {"{\"a\":{\"key\":\"in\"},\"b\":[\"key\",\"x\"]}", NULL, NULL},
    {"{\"a\":\"\\\"key\\\":\\\"no\\\"\"}", NULL, NULL},
    {"{\"key\":null}", NULL, NULL},
    {"{\"key\":7}", NULL, NULL},
    {"[\"key\",\"x\"]", NULL, NULL},
    {"{\"key\"", NULL, NULL},
    {"{\"key\":\"open", NULL, NULL},
    {"", NULL, NULL},
    {"{\"key\":\"\"}", "", NULL},
    {"{\"key\":\"a b\"}", "", NULL},
    {"{\"key\":\"a\\u0041\"}", "", NULL},
    {"{\"key\":\"\xc3\xbc\"}", "", NULL},
};

START_TEST(a_key_is_taken_out)
{
    char *body = apr_pstrdup(pool, bodies[_i].body), *key;
    chat_err_t err = {0};
    apr_status_t rv =
        chat_request_key_take(&key, body, strlen(body), &err, pool);

    if (bodies[_i].key && !*bodies[_i].key) {
        ck_assert_int_eq(rv, APR_EINVAL);
        ck_assert_str_eq(err.code, "key_format");
        return;
    }
    ck_assert_int_eq(rv, APR_SUCCESS);
    ck_assert_pstr_eq(key, bodies[_i].key);
    if (bodies[_i].left)
        ck_assert_str_eq(body, bodies[_i].left);
}
END_TEST

START_TEST(a_key_has_so_many_characters)
{
    char *body = apr_palloc(pool, 1100), *key;
    chat_err_t err = {0};
    int n;

    for (n = 1024; n <= 1025; n++) {
        apr_snprintf(body, 1100, "{\"key\":\"%0*d\"}", n, 7);
        ck_assert_int_eq(
            chat_request_key_take(&key, body, strlen(body), &err, pool),
            n == 1024 ? APR_SUCCESS : APR_EINVAL);
    }
}
END_TEST

static const struct {
    const char *key, *type;
    int fits;
} owners[] = {
    {"sk-1234", "openai", 1},
    {"sk-proj-1", "openai", 1},
    {"sk-svcacct-1", "openai", 1},
    {"sk-admin-1", "openai", 0},
    {"sk-ant-api03-1", "openai", 0},
    {"sk-or-v1-1", "deepseek", 0},
    {"sk-0123", "deepseek", 1},
    {"sk-ant-api03-1", "anthropic", 1},
    {"sk-ant-oat01-1", "anthropic", 0},
    {"sk-ant-admin01-1", "anthropic", 0},
    {"AIzaSy", "gemini", 1},
    {"AQ.Ab8", "gemini", 1},
    {"whatever", "gemini", 1},
    {"AIzaSy", "mistral", 0},
    {"sk-or-v1-1", "openrouter", 1},
    {"sk-ant-api03-1", "compatible", 1},
};

START_TEST(a_beginning_tells_whose_it_is)
{
    chat_err_t err = {0};

    ck_assert_int_eq(chat_request_key_fits(owners[_i].key, owners[_i].type,
                                           &err, pool) == APR_SUCCESS,
                     owners[_i].fits);
    if (!owners[_i].fits)
        ck_assert_str_eq(err.code, "key_format");
}
END_TEST

START_TEST(little_is_shown)
{
    ck_assert_str_eq(chat_request_key_last4("sk-123456789", pool), "6789");
    ck_assert_str_eq(chat_request_key_last4("sk-12345678", pool), "");
}
END_TEST

static const struct {
    const char *url, *host, *made; /* host NULL: refused */
} urls[] = {
    {"https://api.example.com/v1", "api.example.com",
     "https://api.example.com/v1"},
    {"https://API.Example.com:443/v1/", "api.example.com",
     "https://api.example.com/v1"},
    {"https://example.com", "example.com", "https://example.com"},
    {"http://example.com/v1", NULL, NULL},
    {"https://example.com:8443/v1", NULL, NULL},
    {"https://127.0.0.1/", NULL, NULL},
    {"https://2130706433/", NULL, NULL},
    {"https://0x7f000001/", NULL, NULL},
    {"https://0177.0.0.1/", NULL, NULL},
    {"https://127.1/", NULL, NULL},
    {"https://0/", NULL, NULL},
    {"https://[::1]/", NULL, NULL},
    {"https://[::ffff:7f00:1]/", NULL, NULL},
    {"https://localhost/", NULL, NULL},
    {"https://127.0.0.1\\@example.com/", NULL, NULL},
    {"https://example.com@127.0.0.1/", NULL, NULL},
    {"https://user:pass@example.com/", NULL, NULL},
    {"https://example.com/?x=1", NULL, NULL},
    {"https://example.com/#x", NULL, NULL},
    {"https://example.com/../x", NULL, NULL},
    {"https://exa mple.com/", NULL, NULL},
    {"https://example.com\r\nHost: x/", NULL, NULL},
    {"https://example..com/", NULL, NULL},
    {"https://.example.com/", NULL, NULL},
    {"https://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/", NULL, NULL},
    {"file:///etc/passwd", NULL, NULL},
    {"gopher://example.com/", NULL, NULL},
    {"", NULL, NULL},
};

START_TEST(an_address_of_a_users_own)
{
    const char *url, *host;
    chat_err_t err = {0};
    apr_status_t rv =
        chat_request_key_url(&url, &host, urls[_i].url, &err, pool);

    ck_assert_int_eq(rv == APR_SUCCESS, urls[_i].host != NULL);
    if (rv != APR_SUCCESS) {
        ck_assert_str_eq(err.param, "baseUrl");
        return;
    }
    ck_assert_str_eq(host, urls[_i].host);
    ck_assert_str_eq(url, urls[_i].made);
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_request_key");
    TCase *tc = tcase_create("key");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_key_is_taken_out, 0, COUNT(bodies));
    tcase_add_test(tc, a_key_has_so_many_characters);
    tcase_add_loop_test(tc, a_beginning_tells_whose_it_is, 0, COUNT(owners));
    tcase_add_test(tc, little_is_shown);
    tcase_add_loop_test(tc, an_address_of_a_users_own, 0, COUNT(urls));
    suite_add_tcase(suite, tc);
    return suite;
}
