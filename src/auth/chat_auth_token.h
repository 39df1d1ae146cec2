/* SPDX-License-Identifier: Apache-2.0 */
/*
 * better-auth's signed tokens, "token.signature". Private to auth/ and its
 * unit test. APR only, no httpd; any thread.
 *
 * Secrets are an array of const char *. The token is a secret too: neither it
 * nor the value may be logged.
 *
 * APR_SUCCESS  *ptoken is the token without its signature; it lives in p.
 * APR_EACCES   no secret of the list has signed this.
 * otherwise    it could not be computed.
 */
#ifndef CHAT_AUTH_TOKEN_H
#define CHAT_AUTH_TOKEN_H

#include <apr_pools.h>
#include <apr_tables.h>

/* A longer token is refused before anything is computed. better-auth's have
 * 32 characters; browsers keep no cookie above 4096. */
#define CHAT_AUTH_TOKEN_MAX 4096

/* The decoded value of a session cookie. */
apr_status_t chat_auth_token_cookie(const char **ptoken, const char *value,
                                    const apr_array_header_t *secrets,
                                    apr_pool_t *p);

/* What follows "Bearer" in Authorization. With bare, a token without a
 * signature is taken as it is. */
apr_status_t chat_auth_token_bearer(const char **ptoken, const char *value,
                                    int bare, const apr_array_header_t *secrets,
                                    apr_pool_t *p);

/* 1 when such a value has a signature at all, of whatever secret. */
int chat_auth_token_is_signed(const char *value);

#endif
