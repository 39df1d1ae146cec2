/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HMAC, digest, comparison, random bytes: OpenSSL's primitives with APR's
 * manners. Used by auth/ (signatures, cache keys), limit/ and whoever makes
 * ids. Any thread.
 *
 * What OpenSSL looks up by name at each of its one-shot calls is looked up
 * once per process and stays until its end: for texts as short as ours the
 * search costs several times the digest.
 */
#include "chat_crypto.h"

#include <limits.h>
#include <pthread.h>
#include <string.h>

#include <apr_general.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#define BLOCK_LEN 64 /* of SHA-256 */
#define STOCK_LEN 512

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const EVP_MD *digest_md;
static unsigned int forks; /* above this process */

/* ---- digests ---- */

static void note_fork(void)
{
    forks++;
}

static void find_once(void)
{
    digest_md = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!digest_md)
        digest_md = EVP_sha256();
    pthread_atfork(NULL, NULL, note_fork);
}

void chat_crypto_init(void)
{
    pthread_once(&once, find_once);
}

static const EVP_MD *sha256(void)
{
    chat_crypto_init();
    return digest_md;
}

apr_status_t chat_crypto_sha256(unsigned char out[CHAT_SHA256_LEN],
                                const char *data, apr_size_t len)
{
    return EVP_Digest(data, len, out, NULL, sha256(), NULL) == 1 ? APR_SUCCESS
                                                                 : APR_EGENERAL;
}

/* The digest of key xor pad, then data: one half of an HMAC. */
static int half(unsigned char out[CHAT_SHA256_LEN], EVP_MD_CTX *c,
                const unsigned char key[BLOCK_LEN], unsigned char pad,
                const void *data, apr_size_t len)
{
    unsigned char block[BLOCK_LEN];
    int i, done;

    for (i = 0; i < BLOCK_LEN; i++)
        block[i] = key[i] ^ pad;
    done = EVP_DigestInit_ex(c, sha256(), NULL) == 1 &&
           EVP_DigestUpdate(c, block, sizeof(block)) == 1 &&
           EVP_DigestUpdate(c, data, len) == 1 &&
           EVP_DigestFinal_ex(c, out, NULL) == 1;
    OPENSSL_cleanse(block, sizeof(block));
    return done;
}

/* RFC 2104. OpenSSL's own takes four times as long to get ready. */
apr_status_t chat_crypto_hmac(unsigned char out[CHAT_SHA256_LEN],
                              const char *key, apr_size_t key_len,
                              const char *data, apr_size_t len)
{
    unsigned char block[BLOCK_LEN] = {0};
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    int done = c != NULL;

    if (key_len <= BLOCK_LEN)
        memcpy(block, key, key_len);
    else
        done = done && chat_crypto_sha256(block, key, key_len) == APR_SUCCESS;
    done = done && half(out, c, block, 0x36, data, len) &&
           half(out, c, block, 0x5c, out, CHAT_SHA256_LEN);
    OPENSSL_cleanse(block, sizeof(block));
    EVP_MD_CTX_free(c);
    return done ? APR_SUCCESS : APR_EGENERAL;
}

/* ---- a digest of bytes that come one after another ---- */

struct chat_crypto_digest_t {
    EVP_MD_CTX *c;
    int fine;
};

static apr_status_t free_digest(void *digest)
{
    EVP_MD_CTX_free(((chat_crypto_digest_t *)digest)->c);
    return APR_SUCCESS;
}

chat_crypto_digest_t *chat_crypto_digest_begin(apr_pool_t *p)
{
    chat_crypto_digest_t *digest = apr_palloc(p, sizeof(*digest));

    digest->c = EVP_MD_CTX_new();
    if (!digest->c)
        return NULL;
    apr_pool_cleanup_register(p, digest, free_digest, apr_pool_cleanup_null);
    digest->fine = EVP_DigestInit_ex(digest->c, sha256(), NULL) == 1;
    return digest;
}

void chat_crypto_digest_add(chat_crypto_digest_t *digest, const void *data,
                            apr_size_t len)
{
    digest->fine = digest->fine && EVP_DigestUpdate(digest->c, data, len) == 1;
}

apr_status_t chat_crypto_digest_end(chat_crypto_digest_t *digest,
                                    unsigned char out[CHAT_SHA256_LEN])
{
    return digest && digest->fine &&
                   EVP_DigestFinal_ex(digest->c, out, NULL) == 1
               ? APR_SUCCESS
               : APR_EGENERAL;
}

/* ---- keys that are derived, and signatures by public ones ---- */

apr_status_t chat_crypto_hkdf(unsigned char *out, apr_size_t len,
                              const char *key, const char *salt,
                              const char *info)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    size_t got = len;
    int done = c && EVP_PKEY_derive_init(c) == 1 &&
               EVP_PKEY_CTX_set_hkdf_md(c, sha256()) == 1 &&
               EVP_PKEY_CTX_set1_hkdf_salt(c, (const unsigned char *)salt,
                                           (int)strlen(salt)) == 1 &&
               EVP_PKEY_CTX_set1_hkdf_key(c, (const unsigned char *)key,
                                          (int)strlen(key)) == 1 &&
               EVP_PKEY_CTX_add1_hkdf_info(c, (const unsigned char *)info,
                                           (int)strlen(info)) == 1 &&
               EVP_PKEY_derive(c, out, &got) == 1;

    EVP_PKEY_CTX_free(c);
    return done && got == len ? APR_SUCCESS : APR_EGENERAL;
}

apr_status_t chat_crypto_ed25519(const unsigned char *signature,
                                 const unsigned char *key, const char *data,
                                 apr_size_t len)
{
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key,
                                                 CHAT_ED25519_KEY_LEN);
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    int holds = -1;

    if (pkey && c && EVP_DigestVerifyInit(c, NULL, NULL, NULL, pkey) == 1)
        holds = EVP_DigestVerify(c, signature, CHAT_ED25519_SIGNATURE_LEN,
                                 (const unsigned char *)data, len) == 1;
    EVP_MD_CTX_free(c);
    EVP_PKEY_free(pkey);
    if (holds < 0)
        return APR_EGENERAL;
    return holds ? APR_SUCCESS : APR_EACCES;
}

void chat_crypto_wipe(void *data, apr_size_t len)
{
    OPENSSL_cleanse(data, len);
}

int chat_crypto_equal(const void *a, const void *b, apr_size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

/* ---- random bytes, and ids made of them ---- */

apr_status_t chat_crypto_random(void *out, apr_size_t len)
{
    if (len > INT_MAX)
        return APR_EINVAL;
    return RAND_bytes(out, (int)len) == 1 ? APR_SUCCESS : APR_EGENERAL;
}

/* Each thread has some in store. A child begins with what its parent's thread
 * had: it must not give out the same. */
apr_status_t chat_crypto_id(void *out, apr_size_t len)
{
    static __thread struct {
        unsigned char bytes[STOCK_LEN];
        apr_size_t left;
        unsigned int forks;
    } stock;

    if (len > STOCK_LEN)
        return APR_EINVAL;
    chat_crypto_init();
    if (stock.left < len || stock.forks != forks) {
        stock.left = 0;
        if (chat_crypto_random(stock.bytes, STOCK_LEN) != APR_SUCCESS)
            return APR_EGENERAL;
        stock.left = STOCK_LEN;
        stock.forks = forks;
    }
    stock.left -= len;
    memcpy(out, stock.bytes + stock.left, len);
    return APR_SUCCESS;
}

void chat_crypto_hex(char *out, const void *bytes, apr_size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *byte = bytes;

    for (; len; len--, byte++) {
        *out++ = digits[*byte >> 4];
        *out++ = digits[*byte & 15];
    }
    *out = '\0';
}

/* 48 bits of milliseconds, the version, 12 bits that say which part of the
 * millisecond it is, the variant, 62 random bits. What is made later is behind
 * what was made before in all lists, which are ordered by time and id (RFC
 * 9562, 6.2, method 3). */
void chat_crypto_uuid7(char out[37], apr_time_t now)
{
    static const int ends[] = {4, 6, 8, 10, 16};
    apr_uint64_t ms = (apr_uint64_t)apr_time_as_msec(now);
    unsigned part = (unsigned)(now % 1000) * 4096 / 1000;
    unsigned char b[16];
    int i, at = 0;

    /* An id must be had even where OpenSSL's generator failed to seed. */
    if (chat_crypto_id(b, sizeof(b)) != APR_SUCCESS)
        apr_generate_random_bytes(b, sizeof(b));

    for (i = 0; i < 6; i++)
        b[i] = (unsigned char)(ms >> (40 - 8 * i));
    b[6] = (unsigned char)(0x70 | part >> 8);
    b[7] = (unsigned char)part;
    b[8] = (b[8] & 0x3f) | 0x80;
    for (i = 0; i < 5; at = ends[i++]) {
        chat_crypto_hex(out, b + at, (apr_size_t)(ends[i] - at));
        out += 2 * (ends[i] - at);
        *out++ = i < 4 ? '-' : '\0';
    }
}
