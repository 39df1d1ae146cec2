/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What outlives a request: in the database, and in httpd's shared object
 * caches. The only module that uses SQL, through mod_dbd. A connection is
 * opened with ap_dbd_open() and closed with ap_dbd_close() around each query: a
 * stream that lasts minutes must not hold one.
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
 * the epoch, role, banned (0 or 1) and, if there is a fifth, tier. Those behind
 * it are chat_store_session_profile()'s.
 *
 * APR_SUCCESS   *psession is set and lives in r->pool.
 * APR_NOTFOUND  no such session, or *psession has expired.
 * otherwise     the database could not say: err is filled with a 503.
 *
 * Request thread. Waits half a second at most for a slot; a look-up that has
 * begun lasts as long as mod_dbd's driver waits, but few run at a time, and
 * none begins while the database hangs. The token is a secret and is never
 * logged.
 */
apr_status_t chat_store_session_find(chat_session_t **psession, request_rec *r,
                                     const char *token, chat_err_t *err);

/* How the user of a session is called. */
typedef struct chat_store_profile_t {
    const char *name, *email, *image; /* NULL: nobody has said */
} chat_store_profile_t;

/* Of the session that was found by that token. The same statement, where that
 * is the administrator's own, and its columns behind the tier; else one of the
 * layout. What cannot be told now is logged, and nobody has said it then. In
 * r->pool. Request thread; waits as above. */
void chat_store_session_profile(chat_store_profile_t *profile, request_rec *r,
                                const char *token);

/* ---- what was said before, in a session that the client names ---- */

/*
 * The messages of a session, oldest first, chat_message_t of both roles in
 * turn; none when it is unknown or has expired, or the location keeps none.
 * owner is whose it is (chat_user_t.subject, NULL for guests): a session of the
 * same name of somebody else, or of another ServerName, is another one. They
 * live in p. Fails when the store cannot be asked: err is filled with a 503.
 * Request thread.
 */
apr_status_t chat_store_context_load(apr_array_header_t **pmessages,
                                     request_rec *r, const char *owner,
                                     const char *session, chat_err_t *err,
                                     apr_pool_t *p);

/* Add a question and its answer, as one step for all children, and keep no more
 * than ChatContext says: the oldest go first. An exchange that is larger than
 * that alone, or of which one half is empty, is not kept; what was before
 * stays. A failure is logged and changes nothing. A worker that owns r. */
void chat_store_context_add(request_rec *r, const char *owner,
                            const char *session, const char *question,
                            const char *answer, apr_size_t answer_len);

/* Where it is kept; called by mod_chat.c. */
void chat_store_context_register_hooks(apr_pool_t *p);

/* ---- entries that all children share, in one of httpd's object caches ---- */

typedef struct chat_store_cache_t chat_store_cache_t;

typedef struct chat_store_cache_conf_t {
    const char *store; /* shmcb, redis, ...: what mod_socache_* provides */
    const char *args;  /* for the provider, or NULL */
    const char *name;  /* of our entries; at most 14 characters */
    const char *mutex; /* as chat_store_cache_register() had it */
    apr_size_t usual;  /* bytes of an entry */
    apr_interval_time_t keeps; /* how long one is good, usually */
    int changes;               /* 1: for CHAT_STORE_CACHE_CHANGE too */
} chat_store_cache_conf_t;

/* pre_config: the mutex, for the directive Mutex. */
apr_status_t chat_store_cache_register(const char *mutex, apr_pool_t *pconf);

/* check_config: could it be opened, as far as can be known without doing so?
 * Results as below; APR_INCOMPLETE: it could, but *pwhy is odd. p: temporary.
 */
apr_status_t chat_store_cache_check(const chat_store_cache_conf_t *conf,
                                    const char **pwhy, apr_pool_t *p);

/* post_config. APR_ENOTIMPL: no module provides the store. Any failure:
 * *pwhy is a sentence that begins with the store's name. */
apr_status_t chat_store_cache_open(chat_store_cache_t **pcache,
                                   const chat_store_cache_conf_t *conf,
                                   const char **pwhy, server_rec *s,
                                   apr_pool_t *pconf);

/* child_init. Fails: the cache would be torn and must not be used. */
apr_status_t chat_store_cache_child_init(chat_store_cache_t *cache,
                                         apr_pool_t *pchild);

typedef enum {
    CHAT_STORE_CACHE_ONCE,  /* one get or put */
    CHAT_STORE_CACHE_CHANGE /* get and put, as one step for all children */
} chat_store_cache_use_e;

/* Around the following two, with the same use. Any thread, for short. */
apr_status_t chat_store_cache_lock(chat_store_cache_t *cache,
                                   chat_store_cache_use_e use);
void chat_store_cache_unlock(chat_store_cache_t *cache,
                             chat_store_cache_use_e use);

/* The entry of a digest of CHAT_SHA256_LEN bytes. *plen is the room in data,
 * then what is in it. APR_NOTFOUND: none. APR_ENOSPC: it is larger. p is for
 * what the cache needs on the way. */
apr_status_t chat_store_cache_get(chat_store_cache_t *cache, server_rec *s,
                                  const unsigned char *key, unsigned char *data,
                                  apr_size_t *plen, apr_pool_t *p);

/* APR_ENOSPC: the cache does not take so much. */
apr_status_t chat_store_cache_put(chat_store_cache_t *cache, server_rec *s,
                                  const unsigned char *key, apr_time_t until,
                                  const unsigned char *data, apr_size_t len,
                                  apr_pool_t *p);

/* For an APR_NOTFOUND on which much depends: some caches say so as well when
 * they have lost their servers. APR_SUCCESS: it is there. */
apr_status_t chat_store_cache_ping(chat_store_cache_t *cache, server_rec *s,
                                   apr_pool_t *p);

/* ---- readiness ---- */

/* APR_SUCCESS: the database has carried out the statement of ChatAuthSession,
 * now or within the last second, for a session or for a token that cannot
 * exist; it is asked by one request at a time of all children. What is wrong is
 * logged once. APR_ENOTIMPL: none is set up for this server. Request thread. */
apr_status_t chat_store_ping(request_rec *r);

/* check_config, also of configtest: is there a database, and the named store of
 * ChatContextStore? p: temporary. */
apr_status_t chat_store_check_config(apr_pool_t *p, server_rec *s);

/* post_config: fetches mod_dbd's functions, says so when they are missing, and
 * makes the slots of look-ups. */
apr_status_t chat_store_post_config(apr_pool_t *pconf, server_rec *s);

/* child_init, behind mod_dbd's: ChatStoreMigrate. */
void chat_store_child_init(apr_pool_t *pchild, server_rec *s);

#endif
