/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which signatures hold: exactly those that better-auth takes. Called by the
 * schemes of this room, tested alone. Pure: any thread.
 *
 * The signature is HMAC-SHA-256 of the token's bytes under the secret's, in
 * base64: 32 bytes are 43 characters and one "=".
 */
#include "chat_auth_token.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_base64.h"
#include "chat_cookie.h"
#include "chat_crypto.h"

#define SIGNATURE_LEN 44

/* The bytes of a signature without its padding. */
static int decode(unsigned char mac[CHAT_SHA256_LEN], const char *text,
                  chat_base64_e alphabet)
{
    apr_size_t len;

    return chat_base64_decode(mac, &len, text, SIGNATURE_LEN - 1, alphabet) &&
           len == CHAT_SHA256_LEN;
}

/* Every secret is tried, so that the time does not tell which one fits. */
static apr_status_t check(const unsigned char mac[CHAT_SHA256_LEN],
                          const char *token, apr_size_t len,
                          const apr_array_header_t *secrets)
{
    unsigned char expected[CHAT_SHA256_LEN];
    apr_status_t rv;
    int i, fits = 0;

    for (i = 0; i < secrets->nelts; i++) {
        const char *secret = APR_ARRAY_IDX(secrets, i, const char *);

        rv = chat_crypto_hmac(expected, secret, strlen(secret), token, len);
        if (rv != APR_SUCCESS)
            return rv;
        fits |= chat_crypto_equal(mac, expected, sizeof(expected));
    }
    return fits ? APR_SUCCESS : APR_EACCES;
}

static apr_status_t verify(const char **ptoken, const char *token,
                           apr_size_t len, const char *signature,
                           chat_base64_e alphabet,
                           const apr_array_header_t *secrets, apr_pool_t *p)
{
    unsigned char mac[CHAT_SHA256_LEN];
    apr_status_t rv;

    if (len < 1 || len > CHAT_AUTH_TOKEN_MAX ||
        !decode(mac, signature, alphabet))
        return APR_EACCES;
    rv = check(mac, token, len, secrets);
    if (rv == APR_SUCCESS)
        *ptoken = apr_pstrmemdup(p, token, len);
    return rv;
}

apr_status_t chat_auth_token_cookie(const char **ptoken, const char *value,
                                    const apr_array_header_t *secrets,
                                    apr_pool_t *p)
{
    const char *dot = strrchr(value, '.');

    if (!dot || strlen(dot + 1) != SIGNATURE_LEN || dot[SIGNATURE_LEN] != '=')
        return APR_EACCES;
    return verify(ptoken, value, (apr_size_t)(dot - value), dot + 1,
                  CHAT_BASE64_STRICT, secrets, p);
}

/* "." or, percent-encoded, "%2E"; a signature is much longer than what a token
 * would have after a dot by chance. */
int chat_auth_token_is_signed(const char *value)
{
    const char *dot = strrchr(value, '.');

    return dot && strlen(dot + 1) >= SIGNATURE_LEN - 1;
}

/* An unsigned token goes to the database as it is: what cannot be in one must
 * not become an error of the database. */
static apr_status_t take_bare(const char **ptoken, const char *value,
                              apr_pool_t *p)
{
    const char *c;

    for (c = value; *c; c++) {
        if (*c <= ' ' || *c > '~')
            return APR_EACCES;
    }
    if (c == value || c - value > CHAT_AUTH_TOKEN_MAX)
        return APR_EACCES;
    *ptoken = apr_pstrdup(p, value);
    return APR_SUCCESS;
}

apr_status_t chat_auth_token_bearer(const char **ptoken, const char *value,
                                    int bare, const apr_array_header_t *secrets,
                                    apr_pool_t *p)
{
    const char *dot, *text = value;
    apr_size_t len;

    if (!strchr(value, '.'))
        return bare ? take_bare(ptoken, value, p) : APR_EACCES;

    if (strchr(value, '%')) {
        text = chat_cookie_decode(value, strlen(value), p);
        if (!text)
            return APR_EACCES;
    }
    dot = strchr(text, '.');
    len = strlen(dot + 1);
    if (len == SIGNATURE_LEN && dot[SIGNATURE_LEN] == '=')
        len--;
    if (len != SIGNATURE_LEN - 1)
        return APR_EACCES;
    return verify(ptoken, text, (apr_size_t)(dot - text), dot + 1,
                  CHAT_BASE64_URL, secrets, p);
}
