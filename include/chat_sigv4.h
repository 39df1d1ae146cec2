/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs that are signed for an object store (AWS Signature Version 4, the form
 * with the signature in the query, for S3 and what speaks like it). Whoever has
 * such a URL may do what it says until it expires. Pure (APR and chat_crypto),
 * any thread.
 */
#ifndef CHAT_SIGV4_H
#define CHAT_SIGV4_H

#include <apr_pools.h>
#include <apr_time.h>

/* The longest that a URL may last, in seconds. */
#define CHAT_SIGV4_EXPIRES_MAX (7 * 24 * 3600)

typedef struct chat_sigv4_key_t {
    const char *id;
    const char *secret;
    const char *token; /* of temporary credentials; NULL: they are not */
    const char *region;
} chat_sigv4_key_t;

typedef struct chat_sigv4_pair_t {
    const char *name, *value;
} chat_sigv4_pair_t;

typedef struct chat_sigv4_request_t {
    const char *method;
    const char *base; /* scheme://host[:port]; the host as it is sent, without
                         the scheme's own port */
    const char *path; /* "/" and what follows, as it is: not encoded */
    /* Members of the query besides the signature's own, in any order. */
    const chat_sigv4_pair_t *query;
    int nquery;
    /* Headers that must arrive with just this value, besides Host. Names in
     * lower case, in any order. */
    const chat_sigv4_pair_t *headers;
    int nheaders;
    int expires; /* seconds, 1 to CHAT_SIGV4_EXPIRES_MAX */
} chat_sigv4_request_t;

/* What is made on the way. */
typedef struct chat_sigv4_signed_t {
    const char *canonical, *to_sign, *signature;
    const char *url;
} chat_sigv4_signed_t;

/* In p. APR_EINVAL: expires is none, or base has no host. APR_EGENERAL: there
 * is no HMAC. */
apr_status_t chat_sigv4_url(chat_sigv4_signed_t *out,
                            const chat_sigv4_key_t *key,
                            const chat_sigv4_request_t *request, apr_time_t now,
                            apr_pool_t *p);

/* The signature of a text by the key of that day, "YYYYMMDD". */
apr_status_t chat_sigv4_sign(const char **psignature,
                             const chat_sigv4_key_t *key, const char *day,
                             const char *text, apr_pool_t *p);

/* text with every byte but A-Z a-z 0-9 - . _ ~ and those of keep ("" or "/") as
 * %XX. */
const char *chat_sigv4_encode(const char *text, const char *keep,
                              apr_pool_t *p);

#endif
