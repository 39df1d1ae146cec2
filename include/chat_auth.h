/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is asking. One function resolves it, once per request; the routes and the
 * AuthType Chat hook both call it.
 */
#ifndef CHAT_AUTH_H
#define CHAT_AUTH_H

#include <httpd.h>

#include "chat_config.h"
#include "chat_err.h"
#include "chat_types.h"

/*
 * Try the schemes of ChatAuth in order. Request thread; may ask the database.
 *
 * APR_SUCCESS   *puser is set (a guest has no id) and lives in r->pool.
 * APR_EACCES    nobody we know, or somebody who may not: err says 401 (no or
 *               bad credentials) or 403 (banned; foreign origin).
 * otherwise     it cannot be told now: err says 503. Never a 401.
 *
 * The outcome is remembered for the request (chat_ctx_t.user) and for its
 * internal redirects.
 */
apr_status_t chat_auth_identify(const chat_user_t **puser, request_rec *r,
                                chat_err_t *err);

/* How somebody is called, as far as is known. Private: in no log. */
typedef struct chat_auth_profile_t {
    const char *name, *email; /* or NULL */
    const char *image;        /* a URL, or NULL */
} chat_auth_profile_t;

/* Of the user whom chat_auth_identify() found: as the session or the token
 * says. What cannot be told now is not known, either. In r->pool. Request
 * thread; may ask the database. */
void chat_auth_profile(chat_auth_profile_t *profile, request_rec *r);

/*
 * One scheme, in one file, and one line in chat_auth_list.h. Request thread.
 */
typedef struct chat_auth_scheme_t {
    const char *name; /* as in ChatAuth, and in chat_user_t */

    /* What a request lacks when nobody is found: "no Bearer token". */
    const char *missing;

    /* Whose ids it gives, for chat_user_t.subject, without a colon: the name of
     * a scheme that has the same accounts. NULL: its own. */
    const char *ids;

    /* 1: a browser adds these credentials by itself (a cookie, Basic, a client
     * certificate), so that they prove nothing about who made the request. Who
     * is identified by them must come from a page of this site, or of one in
     * ChatOrigin; chat_auth.c sees to it. */
    int ambient;

    /* 1: the request has a credential that the client means for this scheme,
     * good or bad. Then only schemes that claim one are asked, in the order of
     * ChatAuth, and nobody falls through to another one or to guest. NULL:
     * never. */
    int (*claims)(request_rec *r);

    /* As chat_auth_identify(), but for subject and home, which the caller sets;
     * and APR_NOTFOUND  no credentials of this kind that hold: try the next. */
    apr_status_t (*identify)(const chat_user_t **puser, request_rec *r,
                             const chat_dir_conf_t *conf, chat_err_t *err);
} chat_auth_scheme_t;

/* header_parser hook, which is before any authentication: what a browser has to
 * know where pages of other origins ask (ChatOrigin). */
int chat_auth_cors(request_rec *r);

/* check_authn hook for AuthType Chat: sets r->user, r->ap_auth_type. */
int chat_auth_check_authn(request_rec *r);

/* The namespace of the users whom an administrator means who writes an id alone
 * (chat_user_t.home); ChatAuth has a scheme. */
const char *chat_auth_home(const chat_dir_conf_t *conf);

/* Require chat-role, chat-tier and chat-user. */
void chat_auth_register_hooks(apr_pool_t *p);

/*
 * A token for a user who was identified by something else: HS256 by the first
 * of ChatAuthJWTSecret, good for ChatAuthJWT expires=, with the first issuer
 * and audience. Request thread.
 * APR_SUCCESS   *ptoken lives in r->pool
 * APR_EACCES    a guest, or somebody who came by such a token: err is a 401
 * otherwise     it cannot be made here: err is a 500
 */
apr_status_t chat_auth_ticket(const char **ptoken, request_rec *r,
                              const chat_user_t *user, chat_err_t *err);

/* APR_SUCCESS: it is a token of that user by one of these secrets, which has
 * not expired for more than a day. Else APR_EACCES, and err is a 401. */
apr_status_t chat_auth_ticket_check(request_rec *r, const chat_user_t *user,
                                    const char *token, chat_err_t *err);

/*
 * Sets of keys of a URL (ChatAuthJWKS): who fetches them asks here what is due,
 * and says what came of it. Once post_config is over; a thread that may wait.
 */

/* Bytes of a document; a set of keys has a few kilobytes. */
#define CHAT_AUTH_JWKS_MAX (64 * 1024)

/* How many there are; any thread. */
int chat_auth_jwks_count(void);

/* Set notify before there are threads: [any thread] a set has become due before
 * its time. */
void chat_auth_jwks_on_due(void (*notify)(void));

/* The URL of the set *pi, which this process fetches now, within 8 seconds, and
 * no other one does. NULL: none; *pwait is how long there is nothing to do. */
const char *chat_auth_jwks_due(int *pi, apr_interval_time_t *pwait);

/* That came, to be kept for age seconds, or -1. */
void chat_auth_jwks_fetched(int i, const char *text, apr_size_t len,
                            apr_int64_t age, server_rec *s, apr_pool_t *p);
/* Nothing came; why is a sentence for the log. */
void chat_auth_jwks_failed(int i, const char *why, server_rec *s);

/* Start-up: check_config, also of configtest, finds out whether the session
 * cache could be opened; post_config opens it, then child_init. */
apr_status_t chat_auth_check_config(apr_pool_t *p, server_rec *s);
apr_status_t chat_auth_post_config(apr_pool_t *pconf, server_rec *s);
void chat_auth_child_init(apr_pool_t *pchild, server_rec *s);
/* pre_config: registers the cache's mutex. */
int chat_auth_pre_config(apr_pool_t *pconf, apr_pool_t *plog,
                         apr_pool_t *ptemp);

#endif
