/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cookies, read as better-auth (better-call 1.4) reads them: split at ";",
 * names trimmed and case-sensitive, the first of a name wins, a leading quote
 * strips the first and the last character, then percent-decoding, kept raw
 * where it does not decode to UTF-8. APR only, no httpd.
 */
#ifndef CHAT_COOKIE_H
#define CHAT_COOKIE_H

#include <apr_pools.h>

/* The decoded value of one cookie in a Cookie header, or NULL. */
const char *chat_cookie_get(const char *header, const char *name,
                            apr_pool_t *p);

/* Percent-decoded as decodeURIComponent does it, or NULL where that throws. */
const char *chat_cookie_decode(const char *text, apr_size_t len, apr_pool_t *p);

#endif
