/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only room that speaks SQL, through mod_dbd. A connection is taken with
 * ap_dbd_open() and given back with ap_dbd_close() around each use: a stream
 * that lasts minutes must not hold one.
 */
#ifndef CHAT_STORE_H
#define CHAT_STORE_H

#include <httpd.h>

#include "chat_err.h"

typedef struct chat_session_t {
    const char *user_id;
    const char *role;     /* NULL when the layout has none */
    const char *tier;     /* NULL when the statement gives none */
    apr_time_t expires;
    int banned;           /* 1 now; 0 when the statement does not ask */
} chat_session_t;

/*
 * The session of a better-auth token, by the statement of ChatAuthSession:
 * one parameter (the token) and the columns user id, expiry in seconds since
 * the epoch, role, banned (0 or 1) and, if there is a fifth, tier.
 *
 * APR_SUCCESS   *psession is set and lives in r->pool.
 * APR_NOTFOUND  no such session, or an expired one.
 * otherwise     the database could not say: err is filled with a 503.
 *
 * Request thread. The token is a secret and is never logged.
 */
apr_status_t chat_store_session_find(chat_session_t **psession, request_rec *r,
                                     const char *token, chat_err_t *err);

/* The statement of a named layout ("kysely-pgsql", with or without the admin
 * plugin's columns), or NULL; names lists what there is, for messages. */
const char *chat_store_session_layout(const char *name, int admin);
const char *chat_store_session_layouts(void);

/* post_config: fetches mod_dbd's functions, says so when they are missing. */
apr_status_t chat_store_post_config(apr_pool_t *pconf, server_rec *s);

#endif
