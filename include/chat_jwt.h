/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that we make: JSON Web Tokens (RFC 7519) with HMAC-SHA-256. APR only,
 * no httpd. Tokens of others are read in auth/. */
#ifndef CHAT_JWT_H
#define CHAT_JWT_H

#include <apr_pools.h>
#include <apr_time.h>

#define CHAT_JWT_ISSUER "mod_chat"

/* How long such a token holds: it is looked at when a call comes in. */
#define CHAT_JWT_SECONDS 300

/* iss, sub (none where subject is NULL: a guest), iat and exp, signed with the
 * bytes of secret. In p; NULL: libcrypto could not sign it. */
const char *chat_jwt_make(const char *secret, const char *subject,
                          apr_time_t now, apr_pool_t *p);

#endif
