/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ChatAuth authjs: the session cookie of NextAuth 4 or Auth.js 5 with its usual
 * strategy, an encrypted token that holds who it is; or the same token in
 * Authorization, where its getToken() looks for those of apps that have no
 * cookies. ChatAuth authjs-database:
 * the other strategy, a bare name of a row in the application's database.
 * Neighbours: chat_auth_cookie.c, chat_auth_jose.c, chat_auth_session.c.
 * Request thread.
 */
#include "chat_auth_int.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "chat_auth_cookie.h"
#include "chat_auth_jose.h"
#include "chat_auth_rules.h"
#include "chat_cookie.h"
#include "chat_log.h"

/* Auth.js cuts a cookie of more than 4 KB into pieces NAME.0, NAME.1, ... */
#define PIECES_MAX 16

/* A session's name in a database: a UUID, or what an application makes up. */
#define NAME_MIN 20
#define NAME_MAX_LEN 255

static const char *const usual[] = {
    "__Secure-authjs.session-token", "authjs.session-token",
    "__Secure-next-auth.session-token", "next-auth.session-token"};

/* ---- cookies ---- */

static const char *name_at(request_rec *r, const chat_dir_conf_t *conf, int i)
{
    if (chat_auth_cookie_written(r))
        return i < conf->auth.cookies->nelts
                   ? APR_ARRAY_IDX(conf->auth.cookies, i, const char *)
                   : NULL;
    return i < (int)(sizeof(usual) / sizeof(*usual)) ? usual[i] : NULL;
}

/* The pieces joined, which must be there from 0 on without a gap; NULL: there
 * is no piece 0. */
static const char *join_pieces(const char *header, const char *name,
                               apr_pool_t *p)
{
    const char *whole = NULL, *piece;
    int i;

    for (i = 0; i < PIECES_MAX; i++) {
        piece = chat_cookie_get(header, apr_psprintf(p, "%s.%d", name, i), p);
        if (!piece)
            break;
        whole = whole ? apr_pstrcat(p, whole, piece, NULL) : piece;
    }
    return whole;
}

static const char *find_value(request_rec *r, const char *header,
                              const char *name)
{
    const char *value = chat_cookie_get(header, name, r->pool);

    if (!value)
        value = join_pieces(header, name, r->pool);
    return value && chat_auth_cookie_welcome(r, name) ? value : NULL;
}

/* ---- authjs ---- */

/* Made for a cookie of that name. APR_EACCES: it does not hold. */
static apr_status_t decrypt(const chat_user_t **puser, request_rec *r,
                            const chat_dir_conf_t *conf, const char *name,
                            const char *value, const char **pwhy,
                            chat_err_t *err)
{
    chat_auth_jose_rules_t rules;
    chat_auth_jose_claims_t claims;
    apr_status_t rv;

    chat_auth_rules(&rules, conf, 0);
    rv = chat_auth_jose_decrypt(&claims, value, name, conf->auth.secrets,
                                &rules, pwhy, r->pool);
    if (rv == APR_SUCCESS)
        *puser = chat_auth_rules_user(&claims, chat_auth_authjs.name, r);
    return rv == APR_SUCCESS || rv == APR_EACCES
               ? rv
               : chat_auth_no_crypto(r, rv, err);
}

static apr_status_t read_token(const chat_user_t **puser, request_rec *r,
                               const chat_dir_conf_t *conf, const char *name,
                               const char *value, chat_err_t *err)
{
    const char *why;
    apr_status_t rv = decrypt(puser, r, conf, name, value, &why, err);
    int level;

    if (rv != APR_EACCES)
        return rv;
    level = chat_auth_tell_level(r, CHAT_AUTH_TELL_TOKEN);
    ap_log_rerror(APLOG_MARK, level, 0, r,
                  CHATNO(0336) "the token of cookie %s does not hold: %s", name,
                  why);
    return APR_NOTFOUND;
}

/* One that is encrypted has five parts; others are for other schemes. */
static const char *bearer_of(request_rec *r)
{
    const char *value = chat_auth_bearer_credentials(r), *at;
    int dots = 0;

    if (!value || strncmp(value, "eyJ", 3))
        return NULL;
    for (at = value; *at; at++)
        dots += *at == '.';
    return dots == 4 ? value : NULL;
}

static int claims_it(request_rec *r)
{
    return bearer_of(r) != NULL;
}

/* It does not say for which cookie it was made. */
static apr_status_t read_bearer(const chat_user_t **puser, request_rec *r,
                                const chat_dir_conf_t *conf, const char *value,
                                chat_err_t *err)
{
    apr_status_t rv = APR_EACCES;
    const char *name, *why = "no cookie of Auth.js has a name";
    int i, level;

    for (i = 0; rv == APR_EACCES && (name = name_at(r, conf, i)); i++)
        rv = decrypt(puser, r, conf, name, value, &why, err);
    if (rv != APR_EACCES)
        return rv;
    level = chat_auth_tell_level(r, CHAT_AUTH_TELL_TOKEN);
    ap_log_rerror(APLOG_MARK, level, 0, r,
                  CHATNO(0356) "the Bearer token of Auth.js does not hold: %s",
                  why);
    return APR_NOTFOUND;
}

static apr_status_t authjs_identify(const chat_user_t **puser, request_rec *r,
                                    const chat_dir_conf_t *conf,
                                    chat_err_t *err)
{
    const char *header = chat_auth_cookie_header(r), *name, *value;
    apr_status_t rv = APR_NOTFOUND;
    int i;

    if (conf->auth.secrets->nelts == 0)
        return chat_auth_no_secret(r, chat_auth_authjs.name, err);
    if (bearer_of(r))
        return read_bearer(puser, r, conf, bearer_of(r), err);
    for (i = 0; header && rv == APR_NOTFOUND; i++) {
        name = name_at(r, conf, i);
        if (!name)
            break;
        value = find_value(r, header, name);
        if (value)
            rv = read_token(puser, r, conf, name, value, err);
    }
    return rv;
}

/* ---- authjs-database ---- */

/* What cannot be the name of a session costs no look-up. */
static int may_be_name(const char *value)
{
    apr_size_t len = strlen(value), i;

    for (i = 0; i < len; i++)
        if (!apr_isalnum(value[i]) && !strchr("-_.~", value[i]))
            return 0;
    return len >= NAME_MIN && len <= NAME_MAX_LEN;
}

static apr_status_t database_identify(const chat_user_t **puser, request_rec *r,
                                      const chat_dir_conf_t *conf,
                                      chat_err_t *err)
{
    const char *header = chat_auth_cookie_header(r), *name, *value;
    apr_status_t rv = APR_NOTFOUND;
    int i;

    for (i = 0; header && rv == APR_NOTFOUND; i++) {
        name = name_at(r, conf, i);
        if (!name)
            break;
        value = chat_cookie_get(header, name, r->pool);
        if (value && chat_auth_cookie_welcome(r, name) && may_be_name(value))
            rv = chat_auth_session_user(puser, r, value,
                                        chat_auth_authjs_database.name, err);
    }
    return rv;
}

#define MISSING "no session cookie of Auth.js, nor of a name in ChatAuthCookie"

const chat_auth_scheme_t chat_auth_authjs = {
    .name = "authjs",
    .missing = MISSING ", nor its token as a Bearer token",
    .ambient = 1,
    .claims = claims_it,
    .identify = authjs_identify,
};

const chat_auth_scheme_t chat_auth_authjs_database = {
    .name = "authjs-database",
    .ids = "authjs",
    .missing = MISSING,
    .ambient = 1,
    .identify = database_identify,
};
