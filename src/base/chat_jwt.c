/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that say for whom we ask somebody: RFC 7519 and 7515. Any thread. */
#include "chat_jwt.h"

#include <string.h>

#include <apr_base64.h>
#include <apr_strings.h>

#include "chat_crypto.h"
#include "chat_json.h"

#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

/* Base64url without padding, in p. */
static const char *encode(const void *bytes, apr_size_t len, apr_pool_t *p)
{
    char *text = apr_palloc(p, apr_base64_encode_len((int)len)), *c;

    apr_base64_encode_binary(text, bytes, (int)len);
    for (c = text; *c && *c != '='; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    *c = '\0';
    return text;
}

static const char *make_claims(const char *subject, apr_time_t now,
                               apr_pool_t *p)
{
    chat_json_t *claims = chat_json_object(p);

    chat_json_add_string(claims, "iss", CHAT_JWT_ISSUER);
    if (subject)
        chat_json_add_string(claims, "sub", subject);
    chat_json_add_integer(claims, "iat", apr_time_sec(now));
    chat_json_add_integer(claims, "exp", apr_time_sec(now) + CHAT_JWT_SECONDS);
    return chat_json_text(claims, NULL, p);
}

const char *chat_jwt_make(const char *secret, const char *subject,
                          apr_time_t now, apr_pool_t *p)
{
    const char *claims = make_claims(subject, now, p), *text;
    unsigned char mac[CHAT_SHA256_LEN];

    if (!claims)
        return NULL;
    text = apr_pstrcat(p, encode(HEADER, sizeof(HEADER) - 1, p), ".",
                       encode(claims, strlen(claims), p), NULL);
    if (chat_crypto_hmac(mac, secret, strlen(secret), text, strlen(text)) !=
        APR_SUCCESS)
        return NULL;
    return apr_pstrcat(p, text, ".", encode(mac, sizeof(mac), p), NULL);
}
