/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of keys that are fetched from a URL (ChatAuthJWKS https://...), for the
 * scheme that checks tokens by them. What fetches them is in chat_auth.h.
 * Private to auth/. Request thread.
 */
#ifndef CHAT_AUTH_JWKS_H
#define CHAT_AUTH_JWKS_H

#include "chat_auth_jose.h"
#include "chat_config.h"

/* The keys as they were when they were asked for. */
typedef struct chat_auth_jwks_t {
    const chat_auth_jose_keys_t *keys; /* NULL: never fetched */
    apr_uint32_t version;              /* 0 then */
    void *held;
} chat_auth_jwks_t;

/* Those of that URL; they stay as they are until they are let go. */
void chat_auth_jwks_hold(chat_auth_jwks_t *keys, const chat_jwks_conf_t *jwks);
void chat_auth_jwks_release(chat_auth_jwks_t *keys,
                            const chat_jwks_conf_t *jwks);

/*
 * A token names a key that those of that version have not. They are fetched
 * again for that, but not for each such token; that is waited for, a second at
 * most.
 * APR_SUCCESS   there are newer ones now
 * APR_NOTFOUND  those are all
 * APR_EAGAIN    nobody can tell now
 */
apr_status_t chat_auth_jwks_renew(const chat_jwks_conf_t *jwks,
                                  apr_uint32_t version);

/* Start-up, once all sets of files are read. */
apr_status_t chat_auth_jwks_post_config(apr_pool_t *pconf, server_rec *s);

#endif
