/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets at rest and in memory, by libsodium, which no other file names. A
 * secret is sealed by XChaCha20-Poly1305 for one user and one provider: what
 * was sealed for others does not open. APR only, any thread.
 *
 *   blob  = 0x01 | key id (4) | nonce (24) | ciphertext | tag (16)
 *   key id = the first 4 bytes of SHA-256("mod_chat key id" 0x00 master key)
 *   AAD   = "mod_chat user key" 0x00 | 0x01 | key id | length (4, big-endian)
 *           | user | length | provider
 */
#ifndef CHAT_SEAL_H
#define CHAT_SEAL_H

#include <apr_pools.h>

/* Bytes that a blob has more than what is sealed in it. */
#define CHAT_SEAL_OVERHEAD 45
#define CHAT_SEAL_KEYS_MAX 16
/* A key's id in hexadecimal, with its NUL. */
#define CHAT_SEAL_ID_SIZE 9

/* Master keys, of which the first seals and all open. In memory of their own
 * that is in no core file, overwritten when their pool is cleared. */
typedef struct chat_seal_keys_t chat_seal_keys_t;

/*
 * Lines of 64 hexadecimal digits or of base64, 32 bytes each; empty ones and
 * those that begin with "#" do not count. NULL, or a sentence that goes on
 * "..., " and holds nothing of the text. APR_EGENERAL of libsodium is a
 * sentence, too.
 */
const char *chat_seal_keys_parse(chat_seal_keys_t **pkeys, const char *text,
                                 apr_size_t len, apr_pool_t *p);

/* [child_init] Locks of memory are not inherited. */
void chat_seal_keys_lock(const chat_seal_keys_t *keys);

/* The id of the key that seals, in p. */
const char *chat_seal_keys_newest(const chat_seal_keys_t *keys, apr_pool_t *p);

/* The id of the key that a blob was sealed with, in p; NULL: it is no blob. */
const char *chat_seal_id(const unsigned char *blob, apr_size_t len,
                         apr_pool_t *p);

/* Seal secret with the first key. *pblob has *plen bytes and a NUL behind
 * them, in p. APR_EGENERAL: libsodium cannot. */
apr_status_t chat_seal_close(const unsigned char **pblob, apr_size_t *plen,
                             const chat_seal_keys_t *keys, const char *user,
                             const char *provider, const char *secret,
                             apr_pool_t *p);

/*
 * *psecret is memory of chat_seal_alloc().
 * APR_NOTFOUND  it was sealed with a key that is not here
 * APR_EACCES    it is not what was sealed for this user and provider
 * APR_ENOMEM
 */
apr_status_t chat_seal_open(char **psecret, const chat_seal_keys_t *keys,
                            const char *user, const char *provider,
                            const unsigned char *blob, apr_size_t len,
                            apr_pool_t *p);

/* Memory for a secret of so many bytes: zeroed, in no core file, not swapped
 * where the system allows it; overwritten and freed with p, or before. NULL:
 * there is none. */
char *chat_seal_alloc(apr_size_t len, apr_pool_t *p);
/* The same for a copy of text. */
char *chat_seal_copy(const char *text, apr_pool_t *p);
/* NULL is ignored. */
void chat_seal_free(char *secret, apr_pool_t *p);

#define CHAT_SEAL_HASH_KEY_LEN 16

/* A number for data that nobody can tell or find again without the key: for
 * tables, and far cheaper than an HMAC (SipHash-2-4). */
apr_uint64_t chat_seal_hash(const unsigned char key[CHAT_SEAL_HASH_KEY_LEN],
                            const void *data, apr_size_t len);

/* Overwrite the secret wherever it stands in data, with as many "*". */
void chat_seal_mask(char *data, apr_size_t len, const char *secret);

/* Overwrite, and be sure that it is done. */
void chat_seal_wipe(void *data, apr_size_t len);

#endif
