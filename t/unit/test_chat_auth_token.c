/* SPDX-License-Identifier: Apache-2.0 */
/* src/auth/chat_auth_token.c: the known answers of better-auth 1.7.6 (in
 * t/data/better-auth-vectors.json) and the edges of its two decoders. */
#include <string.h>

#include <apr_strings.h>

#include "chat_cookie.h"
#include "chat_json.h"
#include "unit.h"
#include "vectors.h"
#include "../../src/auth/chat_auth_token.h"

#define SECRET "contract-test-secret-0123456789-abcdefgh"
#define TOKEN "MnJjnKLCR7f3EQ1dvEwEOll9gE6vlZHn"
#define SIGNATURE "sgQWg0HNLueJkv/UQSzPrW1K+8RFkeIuGGsWcLeXvEo="

static apr_pool_t *pool;
static chat_json_t *vectors;
static apr_array_header_t *secrets;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
    vectors = vectors_load("t/data/better-auth-vectors.json", pool);
    secrets = vectors_list(pool, SECRET, NULL);
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

/* As the request has it: a cookie, still encoded. */
static apr_status_t cookie(const char **ptoken, const char *encoded)
{
    const char *header = apr_pstrcat(pool, "name=", encoded, NULL);

    *ptoken = NULL;
    return chat_auth_token_cookie(ptoken, chat_cookie_get(header, "name", pool),
                                  secrets, pool);
}

START_TEST(the_vectors_are_made_with_the_secret_we_use)
{
    ck_assert_pstr_eq(chat_json_string(chat_json_get(vectors, "secret")),
                      SECRET);
}
END_TEST

START_TEST(known_signatures_hold)
{
    chat_json_t *all = chat_json_get(vectors, "session_token_signatures");
    int i;

    ck_assert_int_ge(chat_json_length(all), 3);
    for (i = 0; i < chat_json_length(all); i++) {
        chat_json_t *one = chat_json_at(all, i);
        const char *token;

        ck_assert_int_eq(cookie(&token, chat_json_string(chat_json_get(
                                            one, "cookie_value"))),
                         APR_SUCCESS);
        ck_assert_pstr_eq(token, chat_json_string(chat_json_get(one, "token")));
    }
}
END_TEST

START_TEST(values_that_better_auth_accepts_are_accepted)
{
    chat_json_t *all = chat_json_get(vectors, "accept");
    const char *token;
    int i;

    ck_assert_int_ge(chat_json_length(all), 4);
    for (i = 0; i < chat_json_length(all); i++) {
        ck_assert_int_eq(cookie(&token, chat_json_string(chat_json_at(all, i))),
                         APR_SUCCESS);
        ck_assert_pstr_eq(token, TOKEN);
    }
}
END_TEST

START_TEST(values_that_better_auth_rejects_are_rejected)
{
    chat_json_t *all = chat_json_get(vectors, "reject");
    const char *token;
    int i;

    ck_assert_int_ge(chat_json_length(all), 6);
    for (i = 0; i < chat_json_length(all); i++) {
        ck_assert_int_eq(cookie(&token, chat_json_string(chat_json_at(all, i))),
                         APR_EACCES);
        ck_assert_ptr_null(token);
    }
}
END_TEST

/* What each reader makes of one value. The column "bare" is the Bearer reader
 * where tokens without a signature are welcome. */
static const struct {
    const char *value;
    int cookie, bearer, bare;
} edges[] = {
    {TOKEN "." SIGNATURE, 1, 1, 1},
    {TOKEN "." SIGNATURE " ", 0, 0, 0},
    /* the low bits of the last character belong to no byte */
    {TOKEN ".sgQWg0HNLueJkv/UQSzPrW1K+8RFkeIuGGsWcLeXvEp=", 1, 1, 1},
    {TOKEN ".sgQWg0HNLueJkv/UQSzPrW1K+8RFkeIuGGsWcLeXvEr=", 1, 1, 1},
    /* ... the next bit does */
    {TOKEN ".sgQWg0HNLueJkv/UQSzPrW1K+8RFkeIuGGsWcLeXvEs=", 0, 0, 0},
    /* no padding, too much of it, something else in its place */
    {TOKEN ".sgQWg0HNLueJkv/UQSzPrW1K+8RFkeIuGGsWcLeXvEo", 0, 1, 1},
    {TOKEN "." SIGNATURE "=", 0, 0, 0},
    {TOKEN ".sgQWg0HNLueJkv/UQSzPrW1K+8RFkeIuGGsWcLeXvE==", 0, 0, 0},
    {TOKEN ".sgQWg0HNLueJkv/UQSzPrW1K+8RFkeIuGGsWcLeXvEoA", 0, 0, 0},
    /* base64url */
    {TOKEN ".sgQWg0HNLueJkv_UQSzPrW1K-8RFkeIuGGsWcLeXvEo=", 0, 1, 1},
    {TOKEN ".sgQWg0HNLueJkv_UQSzPrW1K-8RFkeIuGGsWcLeXvEo", 0, 1, 1},
    /* a character of neither alphabet */
    {TOKEN ".sgQWg0HNLueJkv*UQSzPrW1K+8RFkeIuGGsWcLeXvEo=", 0, 0, 0},
    {TOKEN ".sgQWg0HNLueJkv UQSzPrW1K+8RFkeIuGGsWcLeXvEo=", 0, 0, 0},
    /* percent signs are the cookie reader's matter, but the Bearer reader's
     * own */
    {TOKEN ".sgQWg0HNLueJkv%2FUQSzPrW1K%2B8RFkeIuGGsWcLeXvEo%3D", 0, 1, 1},
    {TOKEN ".sgQWg0HNLueJkv%2FUQSzPrW1K%2B8RFkeIuGGsWcLeXvEo%3", 0, 0, 0},
    /* without a literal dot it is a token without a signature */
    {TOKEN "%2EsgQWg0HNLueJkv%2FUQSzPrW1K%2B8RFkeIuGGsWcLeXvEo%3D", 0, 0, 1},
    {TOKEN, 0, 0, 1},
    {TOKEN " ", 0, 0, 0},
    {"t\xc3\xb6ken", 0, 0, 0},
    {"", 0, 0, 0},
    {".", 0, 0, 0},
    {"." SIGNATURE, 0, 0, 0},
    {TOKEN ".", 0, 0, 0},
    {TOKEN "." SIGNATURE ".", 0, 0, 0},
    {TOKEN "." SIGNATURE ".x", 0, 0, 0},
    {TOKEN ".x." SIGNATURE, 0, 0, 0},
    /* a token with a dot: a cookie splits at the last one, Bearer cannot */
    {"to.ken.cHQn+GkIpDGf3zSBm0QGgo2pEbJwJLLzXgEAhj9iMR0=", 1, 0, 0},
};

static void verdict(const char *reader, const char *value, apr_status_t rv,
                    const char *token, int expected)
{
    ck_assert_msg(rv == (expected ? APR_SUCCESS : APR_EACCES),
                  "%s on \"%s\" gives %d", reader, value, rv);
    ck_assert_msg(!token == !expected, "%s sets the token of \"%s\" to %s",
                  reader, value, token ? token : "(null)");
}

START_TEST(each_reader_has_its_own_rules)
{
    const char *value = edges[_i].value, *token = NULL;
    apr_status_t rv;

    rv = chat_auth_token_cookie(&token, value, secrets, pool);
    verdict("cookie", value, rv, token, edges[_i].cookie);
    token = NULL;
    rv = chat_auth_token_bearer(&token, value, 0, secrets, pool);
    verdict("bearer", value, rv, token, edges[_i].bearer);
    token = NULL;
    rv = chat_auth_token_bearer(&token, value, 1, secrets, pool);
    verdict("bare bearer", value, rv, token, edges[_i].bare);
}
END_TEST

START_TEST(any_secret_of_the_list_may_have_signed)
{
    const char *value = TOKEN "." SIGNATURE, *token;

    ck_assert_int_eq(
        chat_auth_token_cookie(&token, value,
                               vectors_list(pool, "a newer one", SECRET), pool),
        APR_SUCCESS);
    ck_assert_int_eq(
        chat_auth_token_cookie(
            &token, value, vectors_list(pool, SECRET, "an older one"), pool),
        APR_SUCCESS);
    ck_assert_int_eq(
        chat_auth_token_cookie(
            &token, value, vectors_list(pool, "a newer one", "another"), pool),
        APR_EACCES);
    ck_assert_int_eq(chat_auth_token_cookie(
                         &token, value, vectors_list(pool, NULL, NULL), pool),
                     APR_EACCES);
    /* the bytes of the secret as they are: a prefix is another secret */
    ck_assert_int_eq(
        chat_auth_token_cookie(
            &token, value, vectors_list(pool, SECRET "x", SECRET "\n"), pool),
        APR_EACCES);
}
END_TEST

START_TEST(a_token_that_is_too_long_is_refused_before_anything_is_computed)
{
    char *value = apr_palloc(pool, CHAT_AUTH_TOKEN_MAX + 100);
    const char *token = NULL;

    memset(value, 'a', CHAT_AUTH_TOKEN_MAX);
    value[CHAT_AUTH_TOKEN_MAX] = '\0';
    ck_assert_int_eq(chat_auth_token_bearer(&token, value, 1, secrets, pool),
                     APR_SUCCESS);
    strcpy(value + CHAT_AUTH_TOKEN_MAX, "a");
    ck_assert_int_eq(chat_auth_token_bearer(&token, value, 1, secrets, pool),
                     APR_EACCES);
    /* No secrets at all: had it been computed, it would have been refused for
     * that. An array that must not be looked at shows the order. */
    strcpy(value + CHAT_AUTH_TOKEN_MAX + 1, "." SIGNATURE);
    ck_assert_int_eq(chat_auth_token_cookie(&token, value, NULL, pool),
                     APR_EACCES);
    ck_assert_int_eq(chat_auth_token_bearer(&token, value, 0, NULL, pool),
                     APR_EACCES);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_auth_token");
    TCase *cases = tcase_create("token");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, the_vectors_are_made_with_the_secret_we_use);
    tcase_add_test(cases, known_signatures_hold);
    tcase_add_test(cases, values_that_better_auth_accepts_are_accepted);
    tcase_add_test(cases, values_that_better_auth_rejects_are_rejected);
    tcase_add_loop_test(cases, each_reader_has_its_own_rules, 0,
                        sizeof(edges) / sizeof(edges[0]));
    tcase_add_test(cases, any_secret_of_the_list_may_have_signed);
    tcase_add_test(
        cases, a_token_that_is_too_long_is_refused_before_anything_is_computed);
    suite_add_tcase(suite, cases);
    return suite;
}
