/* SPDX-License-Identifier: Apache-2.0 */
/* See chat_seal.h. */
#include "chat_seal.h"

#include <string.h>

#include <sodium.h>
#include <apr_strings.h>

#include "chat_base64.h"

#define VERSION 1
#define ID_LEN 4
#define KEY_LEN crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define NONCE_LEN crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LEN crypto_aead_xchacha20poly1305_ietf_ABYTES
#define HEAD_LEN (1 + ID_LEN + NONCE_LEN)

_Static_assert(HEAD_LEN + TAG_LEN == CHAT_SEAL_OVERHEAD, "as the header says");
_Static_assert(KEY_LEN == 32, "lines of master keys have 32 bytes");

/* With the NUL, which is a part of both. */
static const char id_label[] = "mod_chat key id";
static const char aad_label[] = "mod_chat user key";

struct chat_seal_keys_t {
    unsigned char (*keys)[KEY_LEN]; /* protected */
    unsigned char ids[CHAT_SEAL_KEYS_MAX][ID_LEN];
    int n;
};

_Static_assert(CHAT_SEAL_HASH_KEY_LEN == crypto_shorthash_KEYBYTES &&
                   sizeof(apr_uint64_t) == crypto_shorthash_BYTES,
               "as the header says");

apr_uint64_t chat_seal_hash(const unsigned char key[CHAT_SEAL_HASH_KEY_LEN],
                            const void *data, apr_size_t len)
{
    apr_uint64_t hash;

    crypto_shorthash((unsigned char *)&hash, data, len, key);
    return hash;
}

/* ---- memory ---- */

void chat_seal_wipe(void *data, apr_size_t len)
{
    sodium_memzero(data, len);
}

void chat_seal_mask(char *data, apr_size_t len, const char *secret)
{
    apr_size_t size = strlen(secret);
    char *end = data + len, *at = data;

    while (size && (at = memmem(at, (apr_size_t)(end - at), secret, size))) {
        memset(at, '*', size);
        at += size;
    }
}

static apr_status_t release(void *secret)
{
    sodium_free(secret);
    return APR_SUCCESS;
}

/* Repeated calls of sodium_init() do nothing, from whichever thread. */
static void *protect(apr_size_t len, apr_pool_t *p)
{
    void *data = sodium_init() < 0 ? NULL : sodium_malloc(len);

    if (!data)
        return NULL;
    sodium_memzero(data, len);
    apr_pool_cleanup_register(p, data, release, apr_pool_cleanup_null);
    return data;
}

char *chat_seal_alloc(apr_size_t len, apr_pool_t *p)
{
    return protect(len ? len : 1, p);
}

char *chat_seal_copy(const char *text, apr_pool_t *p)
{
    char *copy = chat_seal_alloc(strlen(text) + 1, p);

    return copy ? strcpy(copy, text) : NULL;
}

void chat_seal_free(char *secret, apr_pool_t *p)
{
    if (secret)
        apr_pool_cleanup_run(p, secret, release);
}

/* ---- master keys ---- */

static void make_id(unsigned char id[ID_LEN], const unsigned char *key)
{
    unsigned char sum[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;

    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const unsigned char *)id_label,
                              sizeof(id_label));
    crypto_hash_sha256_update(&state, key, KEY_LEN);
    crypto_hash_sha256_final(&state, sum);
    memcpy(id, sum, ID_LEN);
    sodium_memzero(&state, sizeof(state));
}

/* 0: it is neither. */
static int decode(unsigned char key[KEY_LEN], const char *line, apr_size_t len)
{
    unsigned char bytes[KEY_LEN + 1];
    apr_size_t n = 0;
    int good;

    if (len == 2 * KEY_LEN)
        return !sodium_hex2bin(key, KEY_LEN, line, len, NULL, &n, NULL) &&
               n == KEY_LEN;
    if (len == 44 && line[43] == '=')
        len = 43;
    good = len == 43 &&
           chat_base64_decode(bytes, &n, line, len, CHAT_BASE64_URL) &&
           n == KEY_LEN;
    if (good)
        memcpy(key, bytes, KEY_LEN);
    sodium_memzero(bytes, sizeof(bytes));
    return good;
}

/* Keys that are equal have the same id, and others hardly ever: of two with
 * one id neither could be told from the other. */
static int is_repeated(const chat_seal_keys_t *keys)
{
    int i;

    for (i = 0; i < keys->n; i++) {
        if (!sodium_memcmp(keys->ids[i], keys->ids[keys->n], ID_LEN))
            return 1;
    }
    return 0;
}

static const char *add_line(chat_seal_keys_t *keys, const char *line,
                            apr_size_t len)
{
    unsigned char *key = keys->keys[keys->n];

    if (keys->n == CHAT_SEAL_KEYS_MAX)
        return "there are more than 16 keys";
    if (!decode(key, line, len))
        return "a line is no key: 32 random bytes as 64 hexadecimal digits or "
               "as base64, which \"openssl rand -hex 32\" writes";
    if (sodium_is_zero(key, KEY_LEN))
        return "a key is all zero";
    make_id(keys->ids[keys->n], key);
    if (is_repeated(keys))
        return "a key stands there twice";
    keys->n++;
    return NULL;
}

const char *chat_seal_keys_parse(chat_seal_keys_t **pkeys, const char *text,
                                 apr_size_t len, apr_pool_t *p)
{
    chat_seal_keys_t *keys = apr_pcalloc(p, sizeof(*keys));
    const char *end = text + len, *next, *why = NULL;

    keys->keys = protect(CHAT_SEAL_KEYS_MAX * KEY_LEN, p);
    if (!keys->keys)
        return "there is no memory for keys";
    for (; !why && text < end; text = next) {
        const char *stop = memchr(text, '\n', (apr_size_t)(end - text));

        next = stop ? stop + 1 : end;
        stop = stop ? stop : end;
        while (text < stop && strchr(" \t\r", *text) && *text)
            text++;
        while (stop > text && strchr(" \t\r", stop[-1]) && stop[-1])
            stop--;
        if (stop > text && *text != '#')
            why = add_line(keys, text, (apr_size_t)(stop - text));
    }
    if (!why && !keys->n)
        why = "there is no key";
    *pkeys = why ? NULL : keys;
    return why;
}

void chat_seal_keys_lock(const chat_seal_keys_t *keys)
{
    sodium_mlock(keys->keys, CHAT_SEAL_KEYS_MAX * KEY_LEN);
}

static const char *hex_of(const unsigned char id[ID_LEN], apr_pool_t *p)
{
    char *hex = apr_palloc(p, CHAT_SEAL_ID_SIZE);

    return sodium_bin2hex(hex, CHAT_SEAL_ID_SIZE, id, ID_LEN);
}

const char *chat_seal_keys_newest(const chat_seal_keys_t *keys, apr_pool_t *p)
{
    return hex_of(keys->ids[0], p);
}

/* ---- blobs ---- */

static int is_blob(const unsigned char *blob, apr_size_t len)
{
    return len > CHAT_SEAL_OVERHEAD && blob[0] == VERSION;
}

const char *chat_seal_id(const unsigned char *blob, apr_size_t len,
                         apr_pool_t *p)
{
    return is_blob(blob, len) ? hex_of(blob + 1, p) : NULL;
}

static unsigned char *put(unsigned char *to, const void *data, apr_size_t len)
{
    memcpy(to, data, len);
    return to + len;
}

static unsigned char *put_text(unsigned char *to, const char *text)
{
    apr_size_t len = strlen(text);
    const unsigned char size[] = {
        (unsigned char)(len >> 24), (unsigned char)(len >> 16),
        (unsigned char)(len >> 8), (unsigned char)len};

    return put(put(to, size, sizeof(size)), text, len);
}

static const unsigned char *make_aad(apr_size_t *plen,
                                     const unsigned char id[ID_LEN],
                                     const char *user, const char *provider,
                                     apr_pool_t *p)
{
    static const unsigned char version = VERSION;
    unsigned char *aad, *at;

    *plen = sizeof(aad_label) + 1 + ID_LEN + 4 + strlen(user) + 4 +
            strlen(provider);
    aad = at = apr_palloc(p, *plen);
    at = put(at, aad_label, sizeof(aad_label));
    at = put(at, &version, 1);
    at = put(at, id, ID_LEN);
    at = put_text(at, user);
    put_text(at, provider);
    return aad;
}

apr_status_t chat_seal_close(const unsigned char **pblob, apr_size_t *plen,
                             const chat_seal_keys_t *keys, const char *user,
                             const char *provider, const char *secret,
                             apr_pool_t *p)
{
    apr_size_t aad_len, len = strlen(secret);
    const unsigned char *aad =
        make_aad(&aad_len, keys->ids[0], user, provider, p);
    unsigned char *blob = apr_pcalloc(p, len + CHAT_SEAL_OVERHEAD + 1);
    unsigned char *nonce = blob + 1 + ID_LEN;
    unsigned long long sealed = 0;

    blob[0] = VERSION;
    memcpy(blob + 1, keys->ids[0], ID_LEN);
    randombytes_buf(nonce, NONCE_LEN);
    if (crypto_aead_xchacha20poly1305_ietf_encrypt(
            blob + HEAD_LEN, &sealed, (const unsigned char *)secret, len, aad,
            aad_len, NULL, nonce, keys->keys[0]))
        return APR_EGENERAL;
    *pblob = blob;
    *plen = HEAD_LEN + (apr_size_t)sealed;
    return APR_SUCCESS;
}

static const unsigned char *find(const chat_seal_keys_t *keys,
                                 const unsigned char id[ID_LEN])
{
    int i;

    for (i = 0; i < keys->n; i++) {
        if (!sodium_memcmp(keys->ids[i], id, ID_LEN))
            return keys->keys[i];
    }
    return NULL;
}

apr_status_t chat_seal_open(char **psecret, const chat_seal_keys_t *keys,
                            const char *user, const char *provider,
                            const unsigned char *blob, apr_size_t len,
                            apr_pool_t *p)
{
    const unsigned char *key, *aad;
    apr_size_t aad_len;
    char *secret;

    *psecret = NULL;
    if (!is_blob(blob, len))
        return APR_EACCES;
    key = find(keys, blob + 1);
    if (!key)
        return APR_NOTFOUND;
    secret = chat_seal_alloc(len - CHAT_SEAL_OVERHEAD + 1, p);
    if (!secret)
        return APR_ENOMEM;
    aad = make_aad(&aad_len, blob + 1, user, provider, p);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            (unsigned char *)secret, NULL, NULL, blob + HEAD_LEN,
            len - HEAD_LEN, aad, aad_len, blob + 1 + ID_LEN, key)) {
        chat_seal_free(secret, p);
        return APR_EACCES;
    }
    *psecret = secret;
    return APR_SUCCESS;
}
