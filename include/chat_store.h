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
    const char *role; /* NULL when the layout has none */
    const char *tier; /* NULL when the statement gives none */
    apr_time_t expires;
    int banned; /* 1 now; 0 when the statement does not ask */
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

/* ---- what was said before, in a session that the client names ---- */

/*
 * The messages of a session, oldest first, of both roles in turn; none when it
 * is unknown or has expired. owner is whose it is (the user's id, NULL for
 * guests): a session of the same name of somebody else is another one. They
 * live in p.
 * Fails when the store cannot be asked: err is filled with a 503.
 * Request thread.
 */
apr_status_t chat_store_context_load(apr_array_header_t **pmessages,
                                     request_rec *r, const char *owner,
                                     const char *session, chat_err_t *err,
                                     apr_pool_t *p);

/* Add a question and its answer, as one step for all children, and keep no more
 * than ChatContext says: the oldest go first. A failure is logged and changes
 * nothing. A worker that owns r. */
void chat_store_context_add(request_rec *r, const char *owner,
                            const char *session, const char *question,
                            const char *answer, apr_size_t answer_len);

/* Where it is kept; called by mod_chat.c. */
void chat_store_context_register_hooks(apr_pool_t *p);

/* ---- readiness ---- */

/* APR_SUCCESS: the database answers. APR_ENOTIMPL: none is set up for this
 * server. Request thread. */
apr_status_t chat_store_ping(request_rec *r);

/* post_config: fetches mod_dbd's functions, says so when they are missing. */
apr_status_t chat_store_post_config(apr_pool_t *pconf, server_rec *s);

#endif
