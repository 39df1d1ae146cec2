/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens in the compact forms of JOSE: which of them hold, and what their
 * claims say. The cryptography is latchset jose's, JSON jansson's, which it
 * brings; no other file names either. Pure: any thread.
 *
 * What decides how a token is checked is the configuration, never the token
 * (RFC 8725): its header only may name one of the algorithms that the keys at
 * hand are for. Unknown "crit", "zip", members twice, and tokens over
 * CHAT_AUTH_JOSE_MAX are refused.
 */
#ifndef CHAT_AUTH_JOSE_H
#define CHAT_AUTH_JOSE_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

/* Bytes of a token: Auth.js' cookies in several pieces come to 12 KiB and
 * more. */
#define CHAT_AUTH_JOSE_MAX (32 * 1024)

/* What the claims must say, and which of them tell who it is. */
typedef struct chat_auth_jose_rules_t {
    const char *id, *role, *tier;        /* names of claims */
    const apr_array_header_t *issuers;   /* const char *: one of these; empty:
                                            whoever has the key */
    const apr_array_header_t *audiences; /* the same of "aud" */
    const apr_array_header_t *required;  /* const char *: claims that must be
                                            there */
    apr_interval_time_t leeway;          /* between two clocks */
    apr_time_t now;
} chat_auth_jose_rules_t;

typedef struct chat_auth_jose_claims_t {
    const char *id;
    const char *role; /* several are joined by commas; NULL: none */
    const char *tier; /* NULL: none */
    const char *name, *email, *image; /* NULL: none */
    apr_time_t expires;
} chat_auth_jose_claims_t;

/* Public keys of a JWK set, that are checked once and shared by threads. */
typedef struct chat_auth_jose_keys_t chat_auth_jose_keys_t;

/*
 * Read a set (RFC 7517), or one key. Keys for encryption, symmetric ones and
 * those of kinds that are not known here are passed over. *pwhy is a sentence
 * when it fails: it is no set, or no key is left. Freed with p.
 */
apr_status_t chat_auth_jose_keys(chat_auth_jose_keys_t **pkeys,
                                 const char *text, apr_size_t len,
                                 const char **pwhy, apr_pool_t *p);

/*
 * A session token of NextAuth 4 or Auth.js 5: encrypted by a key that is
 * derived of one of the secrets (const char *) and, in version 5, of the
 * cookie's name.
 * APR_SUCCESS   *claims lives in p.
 * APR_EACCES    it does not hold; *pwhy says why, for the log, without any of
 *               its bytes.
 * APR_EGENERAL  libcrypto failed.
 */
apr_status_t chat_auth_jose_decrypt(chat_auth_jose_claims_t *claims,
                                    const char *token, const char *cookie,
                                    const apr_array_header_t *secrets,
                                    const chat_auth_jose_rules_t *rules,
                                    const char **pwhy, apr_pool_t *p);

/* A signed token: HS256 by one of the secrets, or RS256, PS256, ES256, ES384
 * or EdDSA (Ed25519) by one of the keys, which may be NULL. Results as above.
 */
apr_status_t chat_auth_jose_verify(chat_auth_jose_claims_t *claims,
                                   const char *token,
                                   const apr_array_header_t *secrets,
                                   const chat_auth_jose_keys_t *keys,
                                   const chat_auth_jose_rules_t *rules,
                                   const char **pwhy, apr_pool_t *p);

/* 1 when a token that does not hold might do so by another set than keys (which
 * may be NULL): it is signed by a public key, and names one that is not there.
 */
int chat_auth_jose_wants_key(const char *token,
                             const chat_auth_jose_keys_t *keys, apr_pool_t *p);

/* An HS256 token of the claims of a JSON object's text; NULL when libcrypto
 * failed. */
const char *chat_auth_jose_sign(const char *claims, const char *secret,
                                apr_pool_t *p);

#endif
