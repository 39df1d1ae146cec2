/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ChatAuth better-auth: the session cookie of a better-auth app. Neighbours:
 * chat_auth_cookie.c and base/ read the cookie, chat_auth_token.c its
 * signature, chat_auth_session.c finds the user. Request thread.
 *
 * Nothing is asked of the cache or the database before a signature holds.
 */
#include "chat_auth_int.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_auth_cookie.h"
#include "chat_auth_token.h"
#include "chat_cookie.h"
#include "chat_log.h"

static void tell_bad(request_rec *r, const char *name, const char *value)
{
    int level;

    if (chat_auth_token_is_signed(value)) {
        level = chat_auth_tell_level(r, CHAT_AUTH_TELL_SIGNATURE_COOKIE);
        ap_log_rerror(APLOG_MARK, level, 0, r,
                      CHATNO(0303) "cookie %s is signed with none of the "
                                   "secrets of ChatAuthSecret",
                      name);
        chat_auth_tell_signature(r, 0);
        return;
    }
    level = chat_auth_tell_level(r, CHAT_AUTH_TELL_UNSIGNED_COOKIE);
    ap_log_rerror(APLOG_MARK, level, 0, r,
                  CHATNO(0328) "cookie %s has no signature", name);
}

/* One cookie: its token, or APR_NOTFOUND when it is absent or not signed. */
static apr_status_t read_cookie(const char **ptoken, request_rec *r,
                                const chat_dir_conf_t *conf, const char *header,
                                const char *name, chat_err_t *err)
{
    const char *value = chat_cookie_get(header, name, r->pool);
    apr_status_t rv;

    if (!value || !chat_auth_cookie_welcome(r, name))
        return APR_NOTFOUND;
    rv = chat_auth_token_cookie(ptoken, value, conf->auth.secrets, r->pool);
    if (rv == APR_EACCES) {
        tell_bad(r, name, value);
        return APR_NOTFOUND;
    }
    if (rv != APR_SUCCESS)
        return chat_auth_no_crypto(r, rv, err);
    chat_auth_tell_signature(r, 1);
    return rv;
}

static apr_status_t identify(const chat_user_t **puser, request_rec *r,
                             const chat_dir_conf_t *conf, chat_err_t *err)
{
    const char *header = chat_auth_cookie_header(r), *token;
    apr_status_t rv = APR_NOTFOUND;
    int i;

    if (conf->auth.secrets->nelts == 0)
        return chat_auth_no_secret(r, chat_auth_better_auth.name, err);

    for (i = 0; header && i < conf->auth.cookies->nelts; i++) {
        const char *name = APR_ARRAY_IDX(conf->auth.cookies, i, const char *);

        rv = read_cookie(&token, r, conf, header, name, err);
        if (rv == APR_SUCCESS)
            rv = chat_auth_session_user(puser, r, token,
                                        chat_auth_better_auth.name, err);
        if (rv != APR_NOTFOUND)
            break;
    }
    return rv;
}

const chat_auth_scheme_t chat_auth_better_auth = {
    .name = "better-auth",
    .missing = "no session cookie of the names in ChatAuthCookie",
    .ambient = 1,
    .identify = identify,
};
