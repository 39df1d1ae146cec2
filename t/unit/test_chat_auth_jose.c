/* SPDX-License-Identifier: Apache-2.0 */
/* src/auth/chat_auth_jose*.c: the known answers of next-auth 4.24 and
 * @auth/core 0.41 (t/data/authjs-vectors.json), and what tokens must not do. */
#include <string.h>

#include <apr_encode.h>
#include <apr_strings.h>

#include "chat_json.h"
#include "unit.h"
#include "vectors.h"
#include "../../src/auth/chat_auth_jose.h"

#define HS_SECRET "contract-test-hs256-shared-secret-0123456789"
#define OTHER "another-secret-0123456789-0123456789-0123"

/* Between the times of the vectors. */
#define NOW apr_time_from_sec(1796000000)

static apr_pool_t *pool;
static chat_json_t *vectors;
static apr_array_header_t *none;
static chat_auth_jose_rules_t rules;
static chat_auth_jose_claims_t claims;
static const char *why;

static const char *vector(const char *name, const char *member)
{
    return chat_json_string(
        chat_json_get(chat_json_get(vectors, name), member));
}

static const char *secret(void)
{
    return chat_json_string(chat_json_get(vectors, "secret"));
}

static void setup(void)
{
    apr_pool_create(&pool, NULL);
    vectors = vectors_load("t/data/authjs-vectors.json", pool);
    none = vectors_list(pool, NULL, NULL);
    rules = (chat_auth_jose_rules_t){.id = "sub",
                                     .role = "role",
                                     .tier = "tier",
                                     .issuers = none,
                                     .audiences = none,
                                     .required = none,
                                     .leeway = apr_time_from_sec(15),
                                     .now = NOW};
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

static apr_status_t decrypt(const char *token, const char *cookie,
                            const apr_array_header_t *secrets)
{
    memset(&claims, 0, sizeof(claims));
    return chat_auth_jose_decrypt(&claims, token, cookie, secrets, &rules, &why,
                                  pool);
}

static apr_status_t verify(const char *token, const char *by)
{
    memset(&claims, 0, sizeof(claims));
    return chat_auth_jose_verify(&claims, token, vectors_list(pool, by, NULL),
                                 NULL, &rules, &why, pool);
}

/* ---- encrypted ---- */

static const char *const cookies[][2] = {
    {"v4", "next-auth.session-token"},
    {"v4", "__Secure-next-auth.session-token"},
    {"v5 authjs.session-token", "authjs.session-token"},
    {"v5 __Secure-authjs.session-token", "__Secure-authjs.session-token"},
    {"v5_gcm_no_kid", "authjs.session-token"},
};

START_TEST(known_cookies)
{
    const char *token = vector(cookies[_i][0], "token");

    ck_assert_int_eq(
        decrypt(token, cookies[_i][1], vectors_list(pool, secret(), NULL)), 0);
    ck_assert_str_eq(claims.id, "user_kat_1");
    ck_assert_ptr_null(claims.role);
    ck_assert_int_eq(claims.expires, apr_time_from_sec(2110523007));
    ck_assert_int_eq(
        decrypt(token, cookies[_i][1], vectors_list(pool, OTHER, secret())), 0);
}
END_TEST

START_TEST(cookies_of_others)
{
    const char *name = "v5 authjs.session-token";

    ck_assert_int_eq(decrypt(vector("v4", "token"), "next-auth.session-token",
                             vectors_list(pool, OTHER, NULL)),
                     APR_EACCES);
    ck_assert_str_eq(why, "it was made with none of the secrets");
    /* The salt is the cookie's name. */
    ck_assert_int_eq(decrypt(vector(name, "token"),
                             "__Secure-authjs.session-token",
                             vectors_list(pool, secret(), NULL)),
                     APR_EACCES);
    ck_assert_int_eq(
        decrypt(vector(name, "token"), "authjs.session-token", none),
        APR_EACCES);
    ck_assert_int_eq(decrypt(vector("v4_expired", "token"),
                             "next-auth.session-token",
                             vectors_list(pool, secret(), NULL)),
                     APR_EACCES);
    ck_assert_str_eq(why, "it has expired");
}
END_TEST

START_TEST(every_byte_counts)
{
    const char *good = vector(cookies[_i][0], "token");
    apr_size_t len = strlen(good), at;

    for (at = 0; at < len; at++) {
        char *bad = apr_pstrdup(pool, good);

        bad[at] = bad[at] == 'A' ? 'B' : 'A';
        /* The last character of a part may hold bits that say nothing. */
        if (bad[at + 1] && bad[at + 1] != '.')
            ck_assert_int_eq(decrypt(bad, cookies[_i][1],
                                     vectors_list(pool, secret(), NULL)),
                             APR_EACCES);
    }
    for (at = 0; at < len; at++)
        ck_assert_int_eq(decrypt(apr_pstrmemdup(pool, good, at), cookies[_i][1],
                                 vectors_list(pool, secret(), NULL)),
                         APR_EACCES);
}
END_TEST

static const char *const headers[] = {
    "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"crit\":[\"x\"]}",
    "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"zip\":\"DEF\"}",
    "{\"alg\":\"dir\",\"enc\":\"A128GCM\"}",
    "{\"alg\":\"A256KW\",\"enc\":\"A256GCM\"}",
    "{\"alg\":\"PBES2-HS256+A128KW\",\"enc\":\"A256GCM\",\"p2c\":100000000,"
    "\"p2s\":\"AAAA\"}",
    "{\"alg\":\"none\",\"enc\":\"A256GCM\"}",
    "{\"alg\":\"dir\",\"alg\":\"dir\",\"enc\":\"A256GCM\"}",
    "{\"alg\":1,\"enc\":\"A256GCM\"}",
    "{\"enc\":\"A256GCM\"}",
    "[]",
    "",
};

static const char *url64(const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrs"
                                 "tuvwxyz0123456789-_";
    apr_size_t len = strlen(text), i;
    char *out = apr_pcalloc(pool, len * 2 + 4), *at = out;
    unsigned bits = 0, have = 0;

    for (i = 0; i < len; i++) {
        bits = bits << 8 | (unsigned char)text[i];
        for (have += 8; have >= 6; have -= 6)
            *at++ = digits[bits >> (have - 6) & 63];
    }
    if (have)
        *at++ = digits[bits << (6 - have) & 63];
    return out;
}

START_TEST(headers_that_want_more)
{
    const char *rest = strchr(vector("v4", "token"), '.');

    ck_assert_int_eq(decrypt(apr_pstrcat(pool, url64(headers[_i]), rest, NULL),
                             "next-auth.session-token",
                             vectors_list(pool, secret(), NULL)),
                     APR_EACCES);
}
END_TEST

START_TEST(too_long)
{
    char *token = apr_palloc(pool, CHAT_AUTH_JOSE_MAX + 2);

    memset(token, 'A', CHAT_AUTH_JOSE_MAX + 1);
    token[CHAT_AUTH_JOSE_MAX + 1] = '\0';
    ck_assert_int_eq(decrypt(token, "x", vectors_list(pool, secret(), NULL)),
                     APR_EACCES);
    ck_assert_str_eq(why, "it is too long");
}
END_TEST

/* ---- signed ---- */

START_TEST(known_token)
{
    const char *token = vector("hs256", "token");

    ck_assert_int_eq(verify(token, HS_SECRET), 0);
    ck_assert_str_eq(claims.id, "user_kat_1");
    ck_assert_int_eq(verify(token, OTHER), APR_EACCES);
    ck_assert_int_eq(verify(vector("hs256_expired", "token"), HS_SECRET),
                     APR_EACCES);
    ck_assert_str_eq(why, "it has expired");
    ck_assert_int_eq(
        verify(chat_json_string(chat_json_get(vectors, "alg_none_must_reject")),
               HS_SECRET),
        APR_EACCES);
}
END_TEST

static const char *make(const char *text)
{
    return chat_auth_jose_sign(text, HS_SECRET, pool);
}

typedef struct wrong_t {
    const char *claims, *why;
} wrong_t;

static const wrong_t wrong[] = {
    {"{\"sub\":\"a\"}", "it does not say when it expires"},
    {"{\"sub\":\"a\",\"exp\":\"1999999999\"}",
     "it does not say when it expires"},
    {"{\"sub\":\"a\",\"exp\":-5}", "it does not say when it expires"},
    {"{\"sub\":\"a\",\"exp\":1e300}", "it does not say when it expires"},
    {"{\"sub\":\"a\",\"exp\":1795999984.5}", "it has expired"},
    {"{\"sub\":\"a\",\"exp\":1999999999,\"nbf\":1796000016}",
     "it is from the future"},
    {"{\"sub\":\"a\",\"exp\":1999999999,\"iat\":1796000016}",
     "it is from the future"},
    {"{\"sub\":\"a\",\"exp\":1999999999,\"iat\":\"now\"}",
     "one of its times is no time"},
    {"{\"exp\":1999999999}", "it does not say whose it is"},
    {"{\"sub\":\"\",\"exp\":1999999999}", "it does not say whose it is"},
    {"{\"sub\":null,\"exp\":1999999999}", "it does not say whose it is"},
    {"{\"sub\":{},\"exp\":1999999999}", "it does not say whose it is"},
    {"{\"sub\":\"a\",\"sub\":\"b\",\"exp\":1999999999}",
     "its claims are no JSON object"},
    {"{\"sub\":\"a\\u0000b\",\"exp\":1999999999}",
     "its claims are no JSON object"},
    {"[]", "its claims are no JSON object"},
    {"{\"sub\":\"a\"", "its claims are no JSON object"},
};

START_TEST(claims_that_cannot_be_taken)
{
    ck_assert_int_eq(verify(make(wrong[_i].claims), HS_SECRET), APR_EACCES);
    ck_assert_str_eq(why, wrong[_i].why);
}
END_TEST

START_TEST(claims_that_can)
{
    ck_assert_int_eq(verify(make("{\"sub\":\"a\",\"exp\":1795999985.5,"
                                 "\"nbf\":1796000015,\"role\":[\"x\",\"y\"],"
                                 "\"tier\":\"pro\"}"),
                            HS_SECRET),
                     0);
    ck_assert_str_eq(claims.role, "x,y");
    ck_assert_str_eq(claims.tier, "pro");
    rules.id = "uid";
    ck_assert_int_eq(verify(make("{\"uid\":42,\"exp\":1999999999}"), HS_SECRET),
                     0);
    ck_assert_str_eq(claims.id, "42");
}
END_TEST

START_TEST(parties)
{
    rules.issuers = vectors_list(pool, "us", "them");
    rules.audiences = vectors_list(pool, "chat", NULL);
    rules.required = vectors_list(pool, "jti", NULL);
    ck_assert_int_eq(verify(make("{\"sub\":\"a\",\"exp\":1999999999,"
                                 "\"iss\":\"them\",\"aud\":[\"x\",\"chat\"],"
                                 "\"jti\":\"1\"}"),
                            HS_SECRET),
                     0);
    ck_assert_int_eq(verify(make("{\"sub\":\"a\",\"exp\":1999999999,"
                                 "\"iss\":\"she\",\"aud\":\"chat\","
                                 "\"jti\":\"1\"}"),
                            HS_SECRET),
                     APR_EACCES);
    ck_assert_int_eq(verify(make("{\"sub\":\"a\",\"exp\":1999999999,"
                                 "\"iss\":\"us\",\"aud\":[],\"jti\":\"1\"}"),
                            HS_SECRET),
                     APR_EACCES);
    ck_assert_int_eq(verify(make("{\"sub\":\"a\",\"exp\":1999999999,"
                                 "\"iss\":\"us\",\"aud\":\"chat\"}"),
                            HS_SECRET),
                     APR_EACCES);
}
END_TEST

/* ---- public keys ---- */

/* RFC 8037, appendix A: an Ed25519 key and a signature of "Example of Ed25519
 * signing", which are no claims; what counts is that the signature holds. */
#define ED_KEY                                                                 \
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\","                                    \
    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"
#define ED_SIGNED "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
#define ED_TOKEN                                                               \
    ED_SIGNED "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg" \
              "5BhVsPt9g7sVvpAr_MuM0KAg"
#define ED_BAD                                                                 \
    ED_SIGNED "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg" \
              "5BhVsPt9g7sVvpAr_MuM0KBg"

static apr_status_t verify_by(const char *token, const char *set)
{
    chat_auth_jose_keys_t *keys;

    ck_assert_int_eq(chat_auth_jose_keys(&keys, set, strlen(set), &why, pool),
                     0);
    return chat_auth_jose_verify(&claims, token,
                                 vectors_list(pool, HS_SECRET, NULL), keys,
                                 &rules, &why, pool);
}

START_TEST(ed25519)
{
    ck_assert_int_eq(verify_by(ED_TOKEN, ED_KEY), APR_EACCES);
    ck_assert_str_eq(why, "its claims are no JSON object");
    ck_assert_int_eq(verify_by(ED_BAD, ED_KEY), APR_EACCES);
    ck_assert_str_eq(
        why, "no secret and no key that is known for its algorithm fits");
}
END_TEST

static const char *const no_sets[] = {
    "",
    "{}",
    "[]",
    "{\"keys\":[]}",
    "{\"keys\":{}}",
    "{\"keys\":[1,null,\"x\"]}",
    "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\",\"alg\":\"HS256\"}]}",
    "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\","
    "\"use\":\"enc\"}]}",
    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"alg\":\"RS256\"}]}",
};

START_TEST(sets_without_a_key)
{
    chat_auth_jose_keys_t *keys;

    ck_assert_int_ne(chat_auth_jose_keys(&keys, no_sets[_i],
                                         strlen(no_sets[_i]), &why, pool),
                     0);
    ck_assert_ptr_nonnull(why);
}
END_TEST

/* A public key is no secret: who signs by HS256 with it is nobody. */
START_TEST(key_confusion)
{
    const char *token = chat_auth_jose_sign(
        "{\"sub\":\"admin\",\"exp\":1999999999}", ED_KEY, pool);

    ck_assert_int_eq(verify_by(token, ED_KEY), APR_EACCES);
}
END_TEST

/* Of two sets, of which one has not its name. */
#define TWO_KEYS                                                               \
    "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"one\",\"x\":"   \
    "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"},"                        \
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"                              \
    "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}"

static const struct {
    const char *header;
    int without, with; /* a set */
} wants[] = {
    {"{\"alg\":\"EdDSA\",\"kid\":\"one\"}", 1, 0},
    {"{\"alg\":\"EdDSA\",\"kid\":\"two\"}", 1, 1},
    {"{\"alg\":\"RS256\",\"kid\":\"two\"}", 1, 1},
    {"{\"alg\":\"ES256\"}", 1, 0},
    {"{\"alg\":\"HS256\",\"kid\":\"two\"}", 0, 0},
    {"{\"alg\":\"none\",\"kid\":\"two\"}", 0, 0},
    {"{\"alg\":\"EdDSA\",\"crit\":[\"x\"],\"kid\":\"two\"}", 0, 0},
    {"[]", 0, 0},
};

START_TEST(keys_that_are_wanted)
{
    const char *token;
    chat_auth_jose_keys_t *keys;

    ck_assert_int_eq(
        chat_auth_jose_keys(&keys, TWO_KEYS, strlen(TWO_KEYS), &why, pool), 0);
    token = apr_pstrcat(pool,
                        apr_pencode_base64(pool, wants[_i].header,
                                           APR_ENCODE_STRING,
                                           APR_ENCODE_BASE64URL, NULL),
                        ".e30.AAAA", NULL);
    ck_assert_int_eq(chat_auth_jose_wants_key(token, NULL, pool),
                     wants[_i].without);
    ck_assert_int_eq(chat_auth_jose_wants_key(token, keys, pool),
                     wants[_i].with);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_auth_jose");
    TCase *tc = tcase_create("jose");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, known_cookies, 0,
                        sizeof(cookies) / sizeof(*cookies));
    tcase_add_test(tc, cookies_of_others);
    tcase_add_loop_test(tc, every_byte_counts, 0,
                        sizeof(cookies) / sizeof(*cookies));
    tcase_add_loop_test(tc, headers_that_want_more, 0,
                        sizeof(headers) / sizeof(*headers));
    tcase_add_test(tc, too_long);
    tcase_add_test(tc, known_token);
    tcase_add_loop_test(tc, claims_that_cannot_be_taken, 0,
                        sizeof(wrong) / sizeof(*wrong));
    tcase_add_test(tc, claims_that_can);
    tcase_add_test(tc, parties);
    tcase_add_test(tc, ed25519);
    tcase_add_loop_test(tc, sets_without_a_key, 0,
                        sizeof(no_sets) / sizeof(*no_sets));
    tcase_add_test(tc, key_confusion);
    tcase_add_loop_test(tc, keys_that_are_wanted, 0,
                        sizeof(wants) / sizeof(*wants));
    suite_add_tcase(suite, tc);
    return suite;
}
