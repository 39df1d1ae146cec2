/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HMAC, digest, comparison, random bytes: OpenSSL's one-shot calls with APR's
 * manners. Used by auth/ (signatures, cache keys) and by whoever makes ids.
 * No state of its own: any thread.
 */
#include "chat_crypto.h"

#include <limits.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

apr_status_t chat_crypto_hmac(unsigned char out[CHAT_SHA256_LEN],
                              const char *key, apr_size_t key_len,
                              const char *data, apr_size_t len)
{
    if (key_len > INT_MAX)
        return APR_EINVAL;
    return HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)data,
                len, out, NULL)
               ? APR_SUCCESS
               : APR_EGENERAL;
}

apr_status_t chat_crypto_sha256(unsigned char out[CHAT_SHA256_LEN],
                                const char *data, apr_size_t len)
{
    return EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) == 1
               ? APR_SUCCESS
               : APR_EGENERAL;
}

int chat_crypto_equal(const void *a, const void *b, apr_size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

apr_status_t chat_crypto_random(void *out, apr_size_t len)
{
    if (len > INT_MAX)
        return APR_EINVAL;
    return RAND_bytes(out, (int)len) == 1 ? APR_SUCCESS : APR_EGENERAL;
}

/* 48 bits of milliseconds, the version, 12 random bits, the variant, 62 more
 * random bits. */
void chat_crypto_uuid7(char out[37], apr_time_t now)
{
    apr_uint64_t ms = (apr_uint64_t)apr_time_as_msec(now);
    unsigned char b[16];
    int i;

    /* An id must be had even where OpenSSL's generator failed to seed. */
    if (chat_crypto_random(b, sizeof(b)) != APR_SUCCESS)
        apr_generate_random_bytes(b, sizeof(b));

    for (i = 0; i < 6; i++)
        b[i] = (unsigned char)(ms >> (40 - 8 * i));
    b[6] = (b[6] & 0x0f) | 0x70;
    b[8] = (b[8] & 0x3f) | 0x80;
    apr_snprintf(out, 37,
                 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
                 "%02x%02x%02x%02x%02x%02x",
                 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9],
                 b[10], b[11], b[12], b[13], b[14], b[15]);
}
