/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens in the compact forms of JOSE: taken apart, and handed to latchset jose
 * with the one key that the configuration has for them. Claims are in
 * chat_auth_jose_claims.c. Pure: any thread.
 */
#include "chat_auth_jose_int.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <jose/b64.h>
#include <jose/jwe.h>
#include <jose/jwk.h>
#include <jose/jws.h>

#include "chat_crypto.h"

#define PARTS_MAX 5

/* NextAuth 4 derives every key alike; Auth.js 5 one for each cookie. */
#define INFO_4 "NextAuth.js Generated Encryption Key"
#define INFO_5 "Auth.js Generated Encryption Key (%s)"
#define KEY_SHORT 32 /* A256GCM */
#define KEY_LONG 64  /* A256CBC-HS512 */
#define THUMBPRINT_LEN 64

/* ---- the parts of a token ---- */

typedef struct token_t {
    const char *part[PARTS_MAX];
    int parts;
    json_t *header;
} token_t;

/* The bytes of base64url without padding, with a NUL behind them. NULL: it is
 * none. */
static char *decode(apr_size_t *plen, const char *text, apr_pool_t *p)
{
    size_t il = strlen(text), ol = jose_b64_dec_buf(NULL, il, NULL, 0);
    char *out;

    if (ol == SIZE_MAX)
        return NULL;
    out = apr_palloc(p, ol + 1);
    *plen = jose_b64_dec_buf(text, il, out, ol);
    if (*plen == SIZE_MAX)
        return NULL;
    out[*plen] = '\0';
    return out;
}

/* Why a header cannot be taken, whatever its algorithm; NULL: it can. */
static const char *check_header(json_t *header)
{
    if (!header)
        return "its header is no JSON object";
    if (!chat_auth_jose_text(header, "alg"))
        return "its header names no algorithm";
    if (chat_auth_jose_has(header, "crit"))
        return "its header wants what is not known here (crit)";
    if (chat_auth_jose_has(header, "zip"))
        return "it is compressed";
    return NULL;
}

/* Cut text into so many parts, and read the header. NULL, or why not. */
static const char *take_apart(token_t *token, const char *text, int parts,
                              apr_pool_t *p)
{
    apr_size_t len;
    char *rest, *header;

    if (strlen(text) > CHAT_AUTH_JOSE_MAX)
        return "it is too long";
    rest = apr_pstrdup(p, text);
    token->parts = 0;
    while (rest && token->parts < PARTS_MAX) {
        char *dot = strchr(rest, '.');

        token->part[token->parts++] = rest;
        if (dot)
            *dot++ = '\0';
        rest = dot;
    }
    if (rest || token->parts != parts)
        return parts == 3 ? "it has not three parts" : "it has not five parts";
    header = decode(&len, token->part[0], p);
    token->header = header ? chat_auth_jose_object(header, len, p) : NULL;
    return check_header(token->header);
}

/* Errors of the library go nowhere: they may quote what was sent. */
static void no_error(void *misc, const char *file, int line, uint64_t err,
                     const char *fmt, va_list ap)
{
}

static jose_cfg_t *quiet(void)
{
    jose_cfg_t *cfg = jose_cfg();

    if (cfg)
        jose_cfg_set_err_func(cfg, no_error, NULL);
    return cfg;
}

/* ---- encrypted ---- */

static json_t *symmetric(const void *key, apr_size_t len, const char *alg,
                         apr_pool_t *p)
{
    json_t *k = jose_b64_enc(key, len);

    if (!k)
        return NULL;
    return chat_auth_jose_own(
        alg ? json_pack("{s:s,s:o,s:s}", "kty", "oct", "k", k, "alg", alg)
            : json_pack("{s:s,s:o}", "kty", "oct", "k", k),
        p);
}

/* The claims, or NULL: it was not encrypted with that key. */
static json_t *decrypt_with(const token_t *token, json_t *key, apr_pool_t *p)
{
    jose_cfg_t *cfg = quiet();
    json_t *jwe = json_pack("{s:s,s:s,s:s,s:s}", "protected", token->part[0],
                            "iv", token->part[2], "ciphertext", token->part[3],
                            "tag", token->part[4]);
    size_t len = 0;
    char *text = key && jwe ? jose_jwe_dec(cfg, jwe, NULL, key, &len) : NULL;
    json_t *claims = text ? chat_auth_jose_object(text, len, p) : NULL;

    if (text)
        chat_crypto_wipe(text, len);
    free(text);
    json_decref(jwe);
    jose_cfg_decref(cfg);
    return claims;
}

/* Version 5 names the key by a thumbprint of the length of the key. */
static int is_named(json_t *key, const char *kid, const char *digest)
{
    unsigned char thumbprint[THUMBPRINT_LEN];
    char name[2 * THUMBPRINT_LEN];
    jose_cfg_t *cfg;
    size_t len, text_len;

    if (!kid)
        return 1;
    cfg = quiet();
    len =
        key ? jose_jwk_thp_buf(cfg, key, digest, thumbprint, sizeof(thumbprint))
            : SIZE_MAX;
    jose_cfg_decref(cfg);
    if (len == SIZE_MAX)
        return 0;
    text_len = jose_b64_enc_buf(thumbprint, len, name, sizeof(name));
    return text_len == strlen(kid) && !memcmp(name, kid, text_len);
}

/* One way in which one secret may have made the token. */
static apr_status_t try_key(json_t **pclaims, const token_t *token,
                            const char *secret, const char *salt,
                            const char *info, apr_size_t len, apr_pool_t *p)
{
    const char *kid = chat_auth_jose_text(token->header, "kid");
    unsigned char bytes[KEY_LONG];
    json_t *key;
    apr_status_t rv = chat_crypto_hkdf(bytes, len, secret, salt, info);

    *pclaims = NULL;
    if (rv != APR_SUCCESS)
        return rv;
    key = symmetric(bytes, len, NULL, p);
    chat_crypto_wipe(bytes, sizeof(bytes));
    if (is_named(key, kid, len == KEY_LONG ? "S512" : "S256"))
        *pclaims = decrypt_with(token, key, p);
    return APR_SUCCESS;
}

static apr_status_t try_secret(json_t **pclaims, const token_t *token,
                               const char *secret, const char *cookie,
                               int is_long, apr_pool_t *p)
{
    const char *info = apr_psprintf(p, INFO_5, cookie);
    apr_status_t rv = try_key(pclaims, token, secret, cookie, info,
                              is_long ? KEY_LONG : KEY_SHORT, p);

    if (rv != APR_SUCCESS || *pclaims || is_long)
        return rv;
    return try_key(pclaims, token, secret, "", INFO_4, KEY_SHORT, p);
}

apr_status_t chat_auth_jose_decrypt(chat_auth_jose_claims_t *claims,
                                    const char *text, const char *cookie,
                                    const apr_array_header_t *secrets,
                                    const chat_auth_jose_rules_t *rules,
                                    const char **pwhy, apr_pool_t *p)
{
    token_t token;
    const char *alg, *enc;
    json_t *found = NULL;
    int i, is_long;

    *pwhy = take_apart(&token, text, 5, p);
    if (*pwhy)
        return APR_EACCES;
    alg = chat_auth_jose_text(token.header, "alg");
    enc = chat_auth_jose_text(token.header, "enc");
    is_long = enc && !strcmp(enc, "A256CBC-HS512");
    if (strcmp(alg, "dir") || !enc || *token.part[1] ||
        (!is_long && strcmp(enc, "A256GCM"))) {
        *pwhy = "it is encrypted in another way than Auth.js does it";
        return APR_EACCES;
    }
    for (i = 0; !found && i < secrets->nelts; i++)
        if (try_secret(&found, &token, APR_ARRAY_IDX(secrets, i, const char *),
                       cookie, is_long, p) != APR_SUCCESS)
            return APR_EGENERAL;
    *pwhy = found ? chat_auth_jose_check(claims, found, rules, p)
                  : "it was made with none of the secrets";
    return *pwhy ? APR_EACCES : APR_SUCCESS;
}

/* ---- signed ---- */

/* Of the elliptic curve that libjose does not know. */
static int holds_ed25519(const token_t *token, json_t *key,
                         const char *signed_text, apr_pool_t *p)
{
    const char *x = chat_auth_jose_text(key, "x");
    apr_size_t key_len, len;
    char *bytes = x ? decode(&key_len, x, p) : NULL;
    char *signature = decode(&len, token->part[2], p);

    return bytes && signature && key_len == CHAT_ED25519_KEY_LEN &&
           len == CHAT_ED25519_SIGNATURE_LEN &&
           chat_crypto_ed25519((unsigned char *)signature,
                               (unsigned char *)bytes, signed_text,
                               strlen(signed_text)) == APR_SUCCESS;
}

static int holds(const token_t *token, json_t *key)
{
    jose_cfg_t *cfg = quiet();
    json_t *jws =
        json_pack("{s:s,s:s,s:s}", "protected", token->part[0], "payload",
                  token->part[1], "signature", token->part[2]);
    int good = key && jws && jose_jws_ver(cfg, jws, NULL, key, false);

    json_decref(jws);
    jose_cfg_decref(cfg);
    return good;
}

/* Every secret is tried, so that the time does not tell which one fits. */
static int holds_secret(const token_t *token, const apr_array_header_t *secrets,
                        apr_pool_t *p)
{
    int i, good = 0;

    for (i = 0; i < secrets->nelts; i++) {
        const char *secret = APR_ARRAY_IDX(secrets, i, const char *);

        good |= holds(token, symmetric(secret, strlen(secret), "HS256", p));
    }
    return good;
}

static int holds_key(const token_t *token, const chat_auth_jose_keys_t *keys,
                     const char *alg, const char *signed_text, apr_pool_t *p)
{
    const char *kid = chat_auth_jose_text(token->header, "kid");
    int i;

    for (i = 0; i < keys->n; i++) {
        const chat_auth_jose_key_t *key = &keys->key[i];

        if (strcmp(key->alg, alg) || (kid && key->kid && strcmp(kid, key->kid)))
            continue;
        if (!strcmp(alg, "EdDSA")
                ? holds_ed25519(token, key->jwk, signed_text, p)
                : holds(token, key->jwk))
            return 1;
    }
    return 0;
}

apr_status_t chat_auth_jose_verify(chat_auth_jose_claims_t *claims,
                                   const char *text,
                                   const apr_array_header_t *secrets,
                                   const chat_auth_jose_keys_t *keys,
                                   const chat_auth_jose_rules_t *rules,
                                   const char **pwhy, apr_pool_t *p)
{
    token_t token;
    const char *alg;
    json_t *found;
    apr_size_t len;
    char *payload;
    int good;

    *pwhy = take_apart(&token, text, 3, p);
    if (*pwhy)
        return APR_EACCES;
    alg = chat_auth_jose_text(token.header, "alg");
    if (!strcmp(alg, "HS256"))
        good = holds_secret(&token, secrets, p);
    else
        good = keys &&
               holds_key(&token, keys, alg,
                         apr_pstrmemdup(
                             p, text, (apr_size_t)(strrchr(text, '.') - text)),
                         p);
    if (!good) {
        *pwhy = "no secret and no key that is known for its algorithm fits";
        return APR_EACCES;
    }
    payload = decode(&len, token.part[1], p);
    found = payload ? chat_auth_jose_object(payload, len, p) : NULL;
    *pwhy = found ? chat_auth_jose_check(claims, found, rules, p)
                  : "its claims are no JSON object";
    return *pwhy ? APR_EACCES : APR_SUCCESS;
}

int chat_auth_jose_wants_key(const char *text,
                             const chat_auth_jose_keys_t *keys, apr_pool_t *p)
{
    static const char *const algs[] = {"RS256", "PS256", "ES256", "ES384",
                                       "EdDSA"};
    token_t token;
    const char *alg, *kid;
    apr_size_t i;
    int known = 0, k;

    if (take_apart(&token, text, 3, p))
        return 0;
    alg = chat_auth_jose_text(token.header, "alg");
    kid = chat_auth_jose_text(token.header, "kid");
    for (i = 0; i < sizeof(algs) / sizeof(*algs); i++)
        known |= !strcmp(alg, algs[i]);
    if (!known || !keys)
        return known;
    for (k = 0; kid && k < keys->n; k++)
        if (keys->key[k].kid && !strcmp(keys->key[k].kid, kid))
            return 0;
    return kid != NULL;
}

const char *chat_auth_jose_sign(const char *claims, const char *secret,
                                apr_pool_t *p)
{
    static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
    jose_cfg_t *cfg = quiet();
    json_t *protected = jose_b64_enc(header, sizeof(header) - 1);
    json_t *payload = jose_b64_enc(claims, strlen(claims));
    json_t *jws =
        protected && payload ? json_pack("{s:O}", "payload", payload) : NULL;
    json_t *sig = protected ? json_pack("{s:O}", "protected", protected) : NULL;
    const char *signature = NULL, *token = NULL;

    if (jws && sig &&
        jose_jws_sig(cfg, jws, sig,
                     symmetric(secret, strlen(secret), "HS256", p)))
        signature = chat_auth_jose_text(jws, "signature");
    if (signature)
        token = apr_pstrcat(p, json_string_value(protected), ".",
                            json_string_value(payload), ".", signature, NULL);
    json_decref(sig);
    json_decref(jws);
    json_decref(payload);
    json_decref(protected);
    jose_cfg_decref(cfg);
    return token;
}
