/* SPDX-License-Identifier: Apache-2.0 */
/* src/base/chat_crypto.c against the known answers of its standards. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_pools.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "chat_crypto.h"
#include "unit.h"

static const char *hex(const unsigned char *bytes, apr_size_t len)
{
    static char text[2 * CHAT_SHA256_LEN + 1];
    apr_size_t i;

    for (i = 0; i < len; i++)
        apr_snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return text;
}

static const struct {
    const char *key, *data, *mac;
} hmacs[] = {
    /* RFC 4231, test cases 1, 2 and 6 (a key longer than a block) */
    {"\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"
     "\x0b\x0b\x0b",
     "Hi There",
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {"Jefe", "what do ya want for nothing?",
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {NULL, "Test Using Larger Than Block-Size Key - Hash Key First",
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    /* nothing at all is a message and a key too */
    {"", "",
     "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
};

START_TEST(hmac_gives_the_known_answers)
{
    unsigned char mac[CHAT_SHA256_LEN];
    char long_key[131];
    const char *key = hmacs[_i].key;
    apr_size_t key_len = key ? strlen(key) : sizeof(long_key);

    memset(long_key, 0xaa, sizeof(long_key));
    ck_assert_int_eq(chat_crypto_hmac(mac, key ? key : long_key, key_len,
                                      hmacs[_i].data, strlen(hmacs[_i].data)),
                     APR_SUCCESS);
    ck_assert_str_eq(hex(mac, sizeof(mac)), hmacs[_i].mac);
}
END_TEST

START_TEST(sha256_gives_the_known_answers)
{
    unsigned char digest[CHAT_SHA256_LEN];

    ck_assert_int_eq(chat_crypto_sha256(digest, "abc", 3), APR_SUCCESS);
    ck_assert_str_eq(
        hex(digest, sizeof(digest)),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    ck_assert_int_eq(chat_crypto_sha256(digest, "", 0), APR_SUCCESS);
    ck_assert_str_eq(
        hex(digest, sizeof(digest)),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
END_TEST

START_TEST(equal_looks_at_every_byte_and_no_further)
{
    char a[32], b[33];
    int i;

    memset(a, 'x', sizeof(a));
    memset(b, 'x', sizeof(b));
    b[32] = 'y';
    ck_assert_int_eq(chat_crypto_equal(a, b, sizeof(a)), 1);
    for (i = 0; i < 32; i++) {
        b[i] ^= 1;
        ck_assert_int_eq(chat_crypto_equal(a, b, sizeof(a)), 0);
        b[i] ^= 1;
    }
}
END_TEST

START_TEST(random_fills_the_whole_buffer)
{
    unsigned char bytes[64], seen[64] = {0};
    int round, i;

    /* A byte that is 0 in forty draws was never written. */
    for (round = 0; round < 40; round++) {
        memset(bytes, 0, sizeof(bytes));
        ck_assert_int_eq(chat_crypto_random(bytes, sizeof(bytes)), APR_SUCCESS);
        for (i = 0; i < 64; i++)
            seen[i] |= bytes[i];
    }
    for (i = 0; i < 64; i++)
        ck_assert_int_ne(seen[i], 0);
}
END_TEST

/* Enough of them that the store is filled again in between. */
START_TEST(an_id_is_never_given_out_twice)
{
    static unsigned char ids[200][16];
    int i, j;

    for (i = 0; i < 200; i++) {
        ck_assert_int_eq(chat_crypto_id(ids[i], 16), APR_SUCCESS);
        for (j = 0; j < i; j++)
            ck_assert_int_ne(memcmp(ids[i], ids[j], 16), 0);
    }
    ck_assert_int_eq(chat_crypto_id(ids, 513), APR_EINVAL);
}
END_TEST

START_TEST(a_child_gives_out_other_ids_than_its_parent)
{
    unsigned char mine[16], theirs[2][16];
    int i, fds[2];
    pid_t pid;

    ck_assert_int_eq(chat_crypto_id(mine, sizeof(mine)), APR_SUCCESS);
    ck_assert_int_eq(pipe(fds), 0);
    for (i = 0; i < 2; i++) {
        pid = fork();
        if (pid == 0) {
            chat_crypto_id(mine, sizeof(mine));
            _exit(write(fds[1], mine, sizeof(mine)) != sizeof(mine));
        }
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
        ck_assert_int_eq(read(fds[0], theirs[i], 16), 16);
    }
    ck_assert_int_eq(chat_crypto_id(mine, sizeof(mine)), APR_SUCCESS);
    ck_assert_int_ne(memcmp(mine, theirs[0], sizeof(mine)), 0);
    ck_assert_int_ne(memcmp(mine, theirs[1], sizeof(mine)), 0);
    ck_assert_int_ne(memcmp(theirs[0], theirs[1], sizeof(mine)), 0);
    close(fds[0]);
    close(fds[1]);
}
END_TEST

START_TEST(hex_has_two_digits_a_byte)
{
    char text[9];

    chat_crypto_hex(text, "\x00\x9f\xa0\xff", 4);
    ck_assert_str_eq(text, "009fa0ff");
}
END_TEST

START_TEST(uuid7_has_the_time_the_version_and_the_variant)
{
    char id[37], again[37];
    int i;

    /* the example of RFC 9562, appendix A.6: 2022-02-22 14:22:22 -05:00 */
    apr_time_t now = apr_time_from_msec(0x017f22e279b0LL);

    chat_crypto_uuid7(id, now);
    ck_assert_uint_eq(strlen(id), 36);
    ck_assert_int_eq(strncmp(id, "017f22e2-79b0-7", 15), 0);
    ck_assert_ptr_nonnull(strchr("89ab", id[19]));
    for (i = 0; i < 36; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23)
            ck_assert_int_eq(id[i], '-');
        else
            ck_assert_ptr_nonnull(strchr("0123456789abcdef", id[i]));
    }
    chat_crypto_uuid7(again, now);
    ck_assert_str_ne(id, again);
}
END_TEST

START_TEST(uuid7_is_ordered_within_a_millisecond)
{
    apr_time_t now = apr_time_from_msec(0x017f22e279b0LL);
    char before[37], id[37];
    int i;

    chat_crypto_uuid7(before, now);
    for (i = 1; i <= 2000; i++) {
        chat_crypto_uuid7(id, now + i);
        ck_assert_int_eq(id[14], '7');
        ck_assert_msg(strcmp(before, id) < 0, "%s, then %s", before, id);
        strcpy(before, id);
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_crypto");
    TCase *cases = tcase_create("crypto");

    tcase_add_loop_test(cases, hmac_gives_the_known_answers, 0,
                        sizeof(hmacs) / sizeof(hmacs[0]));
    tcase_add_test(cases, sha256_gives_the_known_answers);
    tcase_add_test(cases, equal_looks_at_every_byte_and_no_further);
    tcase_add_test(cases, random_fills_the_whole_buffer);
    tcase_add_test(cases, an_id_is_never_given_out_twice);
    tcase_add_test(cases, a_child_gives_out_other_ids_than_its_parent);
    tcase_add_test(cases, hex_has_two_digits_a_byte);
    tcase_add_test(cases, uuid7_has_the_time_the_version_and_the_variant);
    tcase_add_test(cases, uuid7_is_ordered_within_a_millisecond);
    suite_add_tcase(suite, cases);
    return suite;
}
