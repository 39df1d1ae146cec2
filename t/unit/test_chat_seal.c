/* SPDX-License-Identifier: Apache-2.0 */
/* src/base/chat_seal.c: the known answers of t/data/user-keys-vectors.json, of
 * which three implementations agree, and files of master keys. */
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "chat_seal.h"
#include "unit.h"
#include "vectors.h"

static apr_pool_t *pool;
static chat_json_t *vectors;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
    vectors = vectors_load("t/data/user-keys-vectors.json", pool);
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

static const char *text(const chat_json_t *v, const char *name)
{
    const char *found = chat_json_string(chat_json_get(v, name));

    ck_assert_ptr_nonnull(found);
    return found;
}

static unsigned char *bytes(apr_size_t *plen, const char *hex)
{
    apr_size_t i;
    unsigned char *out = apr_pcalloc(pool, strlen(hex) / 2 + 1);

    *plen = strlen(hex) / 2;
    for (i = 0; i < *plen; i++)
        out[i] = (unsigned char)strtol(apr_pstrmemdup(pool, hex + 2 * i, 2),
                                       NULL, 16);
    return out;
}

static chat_seal_keys_t *keys_of(const char *lines)
{
    chat_seal_keys_t *keys;

    ck_assert_pstr_eq(chat_seal_keys_parse(&keys, lines, strlen(lines), pool),
                      NULL);
    chat_seal_keys_lock(keys);
    return keys;
}

static apr_status_t open_one(char **psecret, const chat_json_t *v,
                             const chat_seal_keys_t *keys)
{
    apr_size_t len;
    unsigned char *blob = bytes(&len, text(v, "blobHex"));

    return chat_seal_open(psecret, keys, text(v, "userId"), text(v, "provider"),
                          blob, len, pool);
}

START_TEST(known_blobs_open)
{
    chat_json_t *all = chat_json_get(vectors, "cases");
    int i;

    ck_assert_int_eq(chat_json_length(all), 5);
    for (i = 0; i < chat_json_length(all); i++) {
        chat_json_t *v = chat_json_at(all, i);
        chat_seal_keys_t *keys = keys_of(text(v, "keyHex"));
        apr_size_t len;
        unsigned char *blob = bytes(&len, text(v, "blobHex"));
        char *secret;

        ck_assert_str_eq(chat_seal_keys_newest(keys, pool), text(v, "keyId"));
        ck_assert_str_eq(chat_seal_id(blob, len, pool), text(v, "keyId"));
        ck_assert_int_eq(open_one(&secret, v, keys), APR_SUCCESS);
        ck_assert_str_eq(secret, text(v, "secret"));
        chat_seal_free(secret, pool);
    }
}
END_TEST

START_TEST(what_is_not_its_users_does_not_open)
{
    chat_json_t *all = chat_json_get(vectors, "refuse");
    int i;

    ck_assert_int_eq(chat_json_length(all), 9);
    for (i = 0; i < chat_json_length(all); i++) {
        chat_json_t *v = chat_json_at(all, i);
        char *secret;

        ck_assert_int_ne(open_one(&secret, v, keys_of(text(v, "keyHex"))),
                         APR_SUCCESS);
        ck_assert_ptr_null(secret);
    }
}
END_TEST

/* Whichever of two keys the file has first, both open. */
START_TEST(what_is_sealed_opens_and_never_looks_the_same)
{
    static const char one[] =
        "00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f";
    static const char other[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    chat_seal_keys_t *old = keys_of(one),
                     *both = keys_of(apr_pstrcat(pool, "# new\n", other,
                                                 "\r\n\n  ", one, "\n", NULL));
    const unsigned char *blob, *again;
    apr_size_t len;
    char *secret;

    ck_assert_int_eq(
        chat_seal_close(&blob, &len, old, "u", "p", "secret", pool), 0);
    ck_assert_int_eq(len, strlen("secret") + CHAT_SEAL_OVERHEAD);
    ck_assert_int_eq(
        chat_seal_close(&again, &len, old, "u", "p", "secret", pool), 0);
    ck_assert_int_ne(memcmp(blob, again, len), 0);
    ck_assert_int_eq(chat_seal_open(&secret, both, "u", "p", blob, len, pool),
                     0);
    ck_assert_str_eq(secret, "secret");
    ck_assert_str_eq(chat_seal_keys_newest(both, pool), "f9d35acd");
    ck_assert_int_eq(chat_seal_close(&blob, &len, both, "u", "p", "x", pool),
                     0);
    ck_assert_int_eq(chat_seal_open(&secret, old, "u", "p", blob, len, pool),
                     APR_NOTFOUND);
    ck_assert_int_eq(chat_seal_open(&secret, both, "up", "", blob, len, pool),
                     APR_EACCES);
}
END_TEST

static const char *const no_keys[] = {
    "",
    "\n# nothing\n",
    "00",
    "a passphrase that somebody has thought of",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe",
    "00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0g",
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"};

START_TEST(what_is_no_key_is_refused)
{
    chat_seal_keys_t *keys;
    const char *why =
        chat_seal_keys_parse(&keys, no_keys[_i], strlen(no_keys[_i]), pool);

    ck_assert_ptr_nonnull(why);
    ck_assert_ptr_null(keys);
    if (strlen(no_keys[_i]) > 8)
        ck_assert_ptr_null(strstr(why, no_keys[_i]));
}
END_TEST

/* The example in appendix A of "SipHash: a fast short-input PRF". */
START_TEST(a_hash_is_the_known_one)
{
    unsigned char key[CHAT_SEAL_HASH_KEY_LEN], data[15];
    static const unsigned char known[] = {0xe5, 0x45, 0xbe, 0x49,
                                          0x61, 0xca, 0x29, 0xa1};
    apr_uint64_t hash;
    int i;

    for (i = 0; i < CHAT_SEAL_HASH_KEY_LEN; i++)
        key[i] = i;
    memcpy(data, key, sizeof(data));
    hash = chat_seal_hash(key, data, sizeof(data));
    ck_assert_mem_eq(&hash, known, sizeof(known));
    key[0] = 1;
    hash = chat_seal_hash(key, data, sizeof(data));
    ck_assert_mem_ne(&hash, known, sizeof(known));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_seal");
    TCase *tc = tcase_create("seal");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, known_blobs_open);
    tcase_add_test(tc, what_is_not_its_users_does_not_open);
    tcase_add_test(tc, what_is_sealed_opens_and_never_looks_the_same);
    tcase_add_loop_test(tc, what_is_no_key_is_refused, 0,
                        sizeof(no_keys) / sizeof(no_keys[0]));
    tcase_add_test(tc, a_hash_is_the_known_one);
    suite_add_tcase(suite, tc);
    return suite;
}
