/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ChatAuth better-auth: the session cookie of a better-auth app. Neighbours:
 * base/ reads the cookie, chat_auth_token.c its signature, chat_auth_session.c
 * finds the user. Request thread.
 *
 * Nothing is asked of the cache or the database before a signature holds.
 */
#include "chat_auth_int.h"

#include <string.h>

#include <http_protocol.h>
#include <apr_strings.h>

#include "chat_auth_token.h"
#include "chat_cookie.h"
#include "chat_log.h"

#define SECURE_PREFIX "__Secure-"

typedef struct join_t {
    apr_pool_t *pool;
    const char *text;
} join_t;

static int join(void *ctx, const char *key, const char *value)
{
    join_t *j = ctx;

    j->text =
        j->text ? apr_pstrcat(j->pool, j->text, "; ", value, NULL) : value;
    return 1;
}

/* HTTP/2 may send several Cookie fields (RFC 9113, 8.2.3). NULL: none. */
static const char *cookie_header(request_rec *r)
{
    join_t j = {r->pool, NULL};

    apr_table_do(join, &j, r->headers_in, "Cookie", NULL);
    return j.text;
}

/*
 * On https the app's cookie has the prefix. A sibling subdomain can plant a
 * cookie without it, so that name counts there only if the administrator
 * wrote it down.
 */
static int is_welcome(request_rec *r, const char *name)
{
    const chat_dir_conf_t *written =
        ap_get_module_config(r->per_dir_config, &chat_module);

    return written->auth.cookies || strcmp(ap_http_scheme(r), "https") ||
           !strncmp(name, SECURE_PREFIX, strlen(SECURE_PREFIX));
}

static void tell_plain(request_rec *r, const char *name)
{
    int level = chat_auth_tell_level(r, CHAT_AUTH_TELL_PLAIN_COOKIE);

    ap_log_rerror(
        APLOG_MARK, level, 0, r,
        CHATNO(
            0327) "cookie %s came over https without the prefix " SECURE_PREFIX
                  ", so another host may have "
                  "planted it: name it in ChatAuthCookie to "
                  "accept it",
        name);
}

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

    if (!value)
        return APR_NOTFOUND;
    if (!is_welcome(r, name)) {
        tell_plain(r, name);
        return APR_NOTFOUND;
    }
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
    const char *header = cookie_header(r), *token;
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
