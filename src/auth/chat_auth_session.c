/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a token whose signature holds to the user of its session: the cache
 * first, then store/. Called by the better-auth and bearer schemes. Request
 * thread; may wait for the database.
 */
#include "chat_auth_int.h"

#include "chat_log.h"

static void tell_none(request_rec *r, const chat_session_t *session)
{
    int level = chat_auth_tell_level(r, session ? CHAT_AUTH_TELL_EXPIRED
                                                : CHAT_AUTH_TELL_NO_SESSION);

    if (session)
        ap_log_rerror(APLOG_MARK, level, 0, r,
                      CHATNO(0329) "the session of user %s has expired",
                      session->user_id);
    else
        ap_log_rerror(APLOG_MARK, level, 0, r,
                      CHATNO(0330) "the database has no session of this "
                                   "token: the user has signed out, or "
                                   "DBDParams names another database than "
                                   "that of the application");
}

static apr_status_t refuse_banned(request_rec *r, const chat_session_t *session,
                                  chat_err_t *err)
{
    int level = chat_auth_tell_level(r, CHAT_AUTH_TELL_BANNED);

    ap_log_rerror(APLOG_MARK, level, 0, r,
                  CHATNO(0331) "the account of user %s is banned",
                  session->user_id);
    return chat_err_set(err, APR_EACCES, HTTP_FORBIDDEN, "banned",
                        "This account is banned.");
}

apr_status_t chat_auth_session_user(const chat_user_t **puser, request_rec *r,
                                    const char *token, const char *scheme,
                                    chat_err_t *err)
{
    chat_session_t *session = chat_auth_cache_get(r, token);
    chat_user_t *user;
    apr_status_t rv;

    if (!session) {
        rv = chat_store_session_find(&session, r, token, err);
        if (rv == APR_NOTFOUND)
            tell_none(r, session);
        if (rv != APR_SUCCESS)
            return rv;
        chat_auth_cache_put(r, token, session);
    }
    if (session->banned)
        return refuse_banned(r, session, err);

    chat_auth_profile_session(r, token);
    user = apr_pcalloc(r->pool, sizeof(*user));
    user->id = session->user_id;
    user->role = session->role;
    user->tier = session->tier;
    user->scheme = scheme;
    *puser = user;
    return APR_SUCCESS;
}

apr_status_t chat_auth_no_secret(request_rec *r, const char *scheme,
                                 chat_err_t *err)
{
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                  CHATNO(0305) "ChatAuth %s checks signatures here, but no "
                               "ChatAuthSecret tells what they are signed "
                               "with: write the secret there (that of a "
                               "better-auth app is its BETTER_AUTH_SECRET)",
                  scheme);
    return chat_err_set(err, APR_EGENERAL, HTTP_SERVICE_UNAVAILABLE,
                        "identity_unavailable",
                        "Sign-in cannot be checked right now.");
}

apr_status_t chat_auth_no_crypto(request_rec *r, apr_status_t rv,
                                 chat_err_t *err)
{
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                  CHATNO(0306) "libcrypto cannot compute HMAC-SHA-256");
    return chat_err_set(err, rv, HTTP_SERVICE_UNAVAILABLE,
                        "identity_unavailable",
                        "Sign-in cannot be checked right now.");
}
