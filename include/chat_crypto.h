/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few primitives that identity needs, from OpenSSL's libcrypto. No other
 * file names it. APR only, no httpd.
 */
#ifndef CHAT_CRYPTO_H
#define CHAT_CRYPTO_H

#include <apr_pools.h>

#define CHAT_SHA256_LEN 32

/* HMAC-SHA-256 of data under the bytes of key. */
apr_status_t chat_crypto_hmac(unsigned char out[CHAT_SHA256_LEN],
                              const char *key, apr_size_t key_len,
                              const char *data, apr_size_t len);

apr_status_t chat_crypto_sha256(unsigned char out[CHAT_SHA256_LEN],
                                const char *data, apr_size_t len);

/* The digest of bytes that come one after another. NULL: libcrypto has none. It
 * is freed with p. */
typedef struct chat_crypto_digest_t chat_crypto_digest_t;
chat_crypto_digest_t *chat_crypto_digest_begin(apr_pool_t *p);
void chat_crypto_digest_add(chat_crypto_digest_t *digest, const void *data,
                            apr_size_t len);
/* Once. APR_EGENERAL: something went wrong on the way. */
apr_status_t chat_crypto_digest_end(chat_crypto_digest_t *digest,
                                    unsigned char out[CHAT_SHA256_LEN]);

/* HKDF with SHA-256 (RFC 5869): len bytes derived of the bytes of key. */
apr_status_t chat_crypto_hkdf(unsigned char *out, apr_size_t len,
                              const char *key, const char *salt,
                              const char *info);

#define CHAT_ED25519_KEY_LEN 32
#define CHAT_ED25519_SIGNATURE_LEN 64

/* APR_SUCCESS: the signature is that of data by the holder of the public key
 * (RFC 8032). APR_EACCES: it is not. Otherwise libcrypto could not say. */
apr_status_t chat_crypto_ed25519(const unsigned char *signature,
                                 const unsigned char *key, const char *data,
                                 apr_size_t len);

/* Overwrite a secret that is not needed any more. */
void chat_crypto_wipe(void *data, apr_size_t len);

/* 1 when equal. Takes the same time wherever they differ. */
int chat_crypto_equal(const void *a, const void *b, apr_size_t len);

/* Look up what is looked up once. Otherwise the first call of another does;
 * checkers of threads do not see that it is safe. [before there are threads] */
void chat_crypto_init(void);

/* Random bytes for secrets; APR_EGENERAL when the system has none. */
apr_status_t chat_crypto_random(void *out, apr_size_t len);

/* Random bytes for names that need not be secret, but are nobody else's: far
 * cheaper. At most 512. */
apr_status_t chat_crypto_id(void *out, apr_size_t len);

/* Two lower case digits a byte, and a NUL. */
void chat_crypto_hex(char *out, const void *bytes, apr_size_t len);

/* UUID version 7 (RFC 9562), lower case, 36 characters and a NUL. */
void chat_crypto_uuid7(char out[37], apr_time_t now);

#endif
