/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside auth/ only: what the schemes share. Request thread, unless a comment
 * says start-up.
 */
#ifndef CHAT_AUTH_INT_H
#define CHAT_AUTH_INT_H

#include <httpd.h>
#include <apr_time.h>

#include "chat_auth.h"
#include "chat_store.h"

/* One scheme a file, named after it. */
#define CHAT_AUTH(id, name) extern const chat_auth_scheme_t chat_auth_##id;
#include "chat_auth_list.h"
#undef CHAT_AUTH

/* ---- chat_auth_session.c: from a token that holds to a user ---- */

/*
 * The user of a session, from the cache or the database. scheme goes into the
 * user. Results as chat_auth_scheme_t's identify(): APR_NOTFOUND when there is
 * no such session, APR_EACCES with a 403 when the user is banned.
 */
apr_status_t chat_auth_session_user(const chat_user_t **puser, request_rec *r,
                                    const char *token, const char *scheme,
                                    chat_err_t *err);

/* ---- chat_auth_profile.c ---- */

/* r came with the session of this token. */
void chat_auth_profile_session(request_rec *r, const char *token);
/* r came with a token that says this. */
void chat_auth_profile_claims(request_rec *r, const char *name,
                              const char *email, const char *image);

/* A scheme needs ChatAuthSecret, and there is none: said in the log; err is a
 * 503. */
apr_status_t chat_auth_no_secret(request_rec *r, const char *scheme,
                                 chat_err_t *err);

/* libcrypto failed; err is a 503. */
apr_status_t chat_auth_no_crypto(request_rec *r, apr_status_t rv,
                                 chat_err_t *err);

/* ---- chat_auth_bearer.c ---- */

/* What a client sends as a Bearer token, in Authorization or where the SDKs of
 * the route's provider put their key: without leading spaces, "" when nothing
 * follows the word; NULL: it sends none. */
const char *chat_auth_bearer_credentials(request_rec *r);

/* ---- chat_auth_jwt.c ---- */

/* Start-up: are the files of ChatAuthJWKS sets of keys? */
apr_status_t chat_auth_jwt_check_config(apr_pool_t *pconf, server_rec *s);

/* ---- chat_auth_tell.c: why somebody is not let in, for the log ---- */

typedef enum {
    CHAT_AUTH_TELL_ORIGIN,
    CHAT_AUTH_TELL_SITE,
    CHAT_AUTH_TELL_INSECURE,
    CHAT_AUTH_TELL_NO_SCHEME,
    CHAT_AUTH_TELL_NOTHING_SENT,
    CHAT_AUTH_TELL_PLAIN_COOKIE,
    CHAT_AUTH_TELL_UNSIGNED_COOKIE,
    CHAT_AUTH_TELL_UNSIGNED_BEARER,
    CHAT_AUTH_TELL_SIGNATURE_COOKIE,
    CHAT_AUTH_TELL_SIGNATURE_BEARER,
    CHAT_AUTH_TELL_TOKEN,
    CHAT_AUTH_TELL_NO_KEYS,
    CHAT_AUTH_TELL_NO_SESSION,
    CHAT_AUTH_TELL_EXPIRED,
    CHAT_AUTH_TELL_BANNED,
    CHAT_AUTH_TELL_BLOCKED,
    CHAT_AUTH_TELL_COUNT
} chat_auth_tell_e;

/* The level for a line with that reason: INFO once a second in this child, else
 * DEBUG. It is noted that r has had a credential which was told of. */
int chat_auth_tell_level(request_rec *r, chat_auth_tell_e why);

/* 1 when chat_auth_tell_level() was asked for a credential of r. */
int chat_auth_tell_was_told(request_rec *r);

/* What a signature came to. Where none has fitted in this child, and several
 * have not, the secret is not the application's: that is warned of, once. */
void chat_auth_tell_signature(request_rec *r, int fits);

/* ---- chat_auth_origin.c ---- */

/*
 * Credentials that a browser adds by itself prove nothing about who made the
 * request. APR_SUCCESS for a safe method, or when the request comes from a
 * page of this site or of one in ChatOrigin; else APR_EACCES with a 403.
 */
apr_status_t chat_auth_origin_check(request_rec *r, const chat_dir_conf_t *conf,
                                    chat_err_t *err);

/* 1 when ChatOrigin has that one; auth.origins is set. */
int chat_auth_origin_listed(const chat_dir_conf_t *conf, const char *origin);

/* 1 when the method changes nothing (RFC 9110, 9.2.1). */
int chat_auth_origin_safe(const request_rec *r);

/* ---- chat_auth_tier.c ---- */

/*
 * The user with the tier that somebody pays for, where ChatAuthTier says so: it
 * is asked for each time, so that a payment counts with the next request on
 * every server, however long sessions are remembered. Fails with a 503.
 */
apr_status_t chat_auth_tier(const chat_user_t **puser, request_rec *r,
                            const chat_dir_conf_t *conf, chat_err_t *err);

/* ---- chat_auth_settings.c ---- */

/* The user with the tier that an administrator has set, else by
 * chat_auth_tier(). APR_EACCES with a 403: he is blocked. */
apr_status_t chat_auth_settings(const chat_user_t **puser, request_rec *r,
                                const chat_dir_conf_t *conf, chat_err_t *err);

/* ---- chat_auth_cache.c ---- */

/* The session of this token as remembered, in r->pool, or NULL. A cache that
 * fails remembers nothing: the database is asked then. */
chat_session_t *chat_auth_cache_get(request_rec *r, const char *token);
void chat_auth_cache_put(request_rec *r, const char *token,
                         const chat_session_t *session);

/* Start-up; as the functions of chat_auth.h. */
int chat_auth_cache_pre_config(apr_pool_t *pconf, apr_pool_t *plog);
apr_status_t chat_auth_cache_check_config(apr_pool_t *p, server_rec *s);
apr_status_t chat_auth_cache_post_config(apr_pool_t *pconf, server_rec *s);
void chat_auth_cache_child_init(apr_pool_t *pchild, server_rec *s);

#endif
