/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is asking: the schemes of ChatAuth in their order, once per request. The
 * routes call chat_auth_identify(), AuthType Chat its hook; a scheme is one
 * file beside this one and a line in chat_auth_list.h. Request thread, but for
 * the start-up steps at the end.
 */
#include "chat_auth.h"

#include <string.h>

#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <apr_strings.h>

#include "chat_auth_int.h"
#include "chat_auth_jwks.h"
#include "chat_ctx.h"
#include "chat_log.h"

static const chat_auth_scheme_t *const schemes[CHAT_AUTH_COUNT] = {
#define CHAT_AUTH(id, name) &chat_auth_##id,
#include "chat_auth_list.h"
#undef CHAT_AUTH
};

/* What was found for a request, and what it was found under. */
typedef struct chat_auth_outcome_t {
    const chat_dir_conf_t *conf;
    int safe; /* the method changes nothing */
    apr_status_t rv;
    const chat_user_t *user;
    chat_err_t err;
} outcome_t;

static int same_words(const apr_array_header_t *a, const apr_array_header_t *b)
{
    int i;

    if (a->nelts != b->nelts)
        return 0;
    for (i = 0; i < a->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(a, i, const char *),
                   APR_ARRAY_IDX(b, i, const char *)))
            return 0;
    }
    return 1;
}

static int same_schemes(const apr_array_header_t *a,
                        const apr_array_header_t *b)
{
    int i;

    if (a->nelts != b->nelts)
        return 0;
    for (i = 0; i < a->nelts; i++) {
        if (APR_ARRAY_IDX(a, i, int) != APR_ARRAY_IDX(b, i, int))
            return 0;
    }
    return 1;
}

static int same_tokens(const chat_dir_jwt_t *a, const chat_dir_jwt_t *b)
{
    return same_words(a->secrets, b->secrets) && a->jwks == b->jwks &&
           same_words(a->issuers, b->issuers) &&
           same_words(a->audiences, b->audiences) &&
           same_words(a->required, b->required) && a->leeway == b->leeway &&
           !strcmp(a->id, b->id) && !strcmp(a->role, b->role) &&
           !strcmp(a->tier, b->tier);
}

static int same_rules(const chat_dir_conf_t *a, const chat_dir_conf_t *b)
{
    return same_schemes(a->auth.schemes, b->auth.schemes) &&
           a->auth.bearer_unsigned == b->auth.bearer_unsigned &&
           same_words(a->auth.secrets, b->auth.secrets) &&
           same_words(a->auth.cookies, b->auth.cookies) &&
           same_words(a->auth.origins, b->auth.origins) &&
           a->auth.insecure == b->auth.insecure &&
           !strcmp(a->auth.namespace, b->auth.namespace) &&
           a->tier.database == b->tier.database &&
           !strcmp(a->tier.basic, b->tier.basic) &&
           same_tokens(&a->jwt, &b->jwt);
}

/*
 * The outcome of this request, of the one it was redirected from, or of the
 * one it is a part of. It counts only under the same rules: a redirect may
 * lead from a location for guests into one for users.
 */
static const chat_ctx_t *cached_outcome(request_rec *r,
                                        const chat_dir_conf_t *conf)
{
    const request_rec *q;

    for (q = r; q; q = q->prev ? q->prev : q->main) {
        const chat_ctx_t *ctx = chat_ctx_peek(q);
        const outcome_t *o = ctx ? ctx->auth : NULL;

        if (o && o->safe == chat_auth_origin_safe(r) &&
            same_rules(o->conf, conf))
            return ctx;
    }
    return NULL;
}

static const chat_auth_scheme_t *scheme_at(const chat_dir_conf_t *conf, int i)
{
    return schemes[APR_ARRAY_IDX(conf->auth.schemes, i, int)];
}

static const char *namespace_of(const chat_auth_scheme_t *scheme,
                                const chat_dir_conf_t *conf)
{
    if (*conf->auth.namespace)
        return conf->auth.namespace;
    return scheme->ids ? scheme->ids : scheme->name;
}

const char *chat_auth_home(const chat_dir_conf_t *conf)
{
    return namespace_of(scheme_at(conf, 0), conf);
}

/* The user with the subject. No namespace has a colon, so that ids may. */
static const chat_user_t *with_subject(const chat_user_t *found,
                                       const chat_auth_scheme_t *scheme,
                                       const chat_dir_conf_t *conf,
                                       apr_pool_t *p)
{
    chat_user_t *user;

    if (!found->id)
        return found;
    user = apr_pmemdup(p, found, sizeof(*found));
    user->subject =
        apr_pstrcat(p, namespace_of(scheme, conf), ":", found->id, NULL);
    user->home = !strcmp(namespace_of(scheme, conf), chat_auth_home(conf));
    return user;
}

static int claims(const chat_auth_scheme_t *scheme, request_rec *r)
{
    return scheme->claims && scheme->claims(r);
}

/* Who sends a credential on purpose means it: a bad one is never made good by a
 * cookie that happens to be there, nor is its sender a guest. */
static int is_claimed(request_rec *r, const chat_dir_conf_t *conf)
{
    int i;

    for (i = 0; i < conf->auth.schemes->nelts; i++)
        if (claims(scheme_at(conf, i), r))
            return 1;
    return 0;
}

/*
 * Whoever reads along between the client and here has the credential, too. It
 * came over TLS when httpd says so: by mod_ssl, by a ServerName of https, or by
 * HTTPS=on, which an administrator sets where TLS ends in front of httpd.
 */
static int is_secret(request_rec *r)
{
    const char *https = apr_table_get(r->subprocess_env, "HTTPS");

    return !strcmp(ap_http_scheme(r), "https") ||
           (https && !ap_cstr_casecmp(https, "on")) || chat_ctx_is_local(r);
}

static apr_status_t refuse_plain(request_rec *r, chat_err_t *err)
{
    int level = chat_auth_tell_level(r, CHAT_AUTH_TELL_INSECURE);

    ap_log_rerror(APLOG_MARK, level, 0, r,
                  CHATNO(0345) "a credential came over plain http, which "
                               "\"ChatAuthInsecure off\" refuses: where TLS "
                               "ends in front of httpd, set HTTPS=on for what "
                               "came by it");
    return chat_err_set(err, APR_EACCES, HTTP_FORBIDDEN, "https_required",
                        "Credentials are taken over HTTPS alone.");
}

/* Nothing bad has come: then nothing has come at all. */
static void tell_nobody(request_rec *r, const chat_dir_conf_t *conf)
{
    const char *names = NULL;
    int i, level;

    if (conf->auth.schemes->nelts == 0) {
        level = chat_auth_tell_level(r, CHAT_AUTH_TELL_NO_SCHEME);
        ap_log_rerror(APLOG_MARK, level, 0, r,
                      CHATNO(0332) "no ChatAuth lets anybody in at %s", r->uri);
    }
    if (chat_auth_tell_was_told(r))
        return;
    for (i = 0; i < conf->auth.schemes->nelts; i++)
        names = apr_pstrcat(r->pool, names ? names : "", names ? ", " : "",
                            scheme_at(conf, i)->missing, NULL);
    level = chat_auth_tell_level(r, CHAT_AUTH_TELL_NOTHING_SENT);
    ap_log_rerror(APLOG_MARK, level, 0, r,
                  CHATNO(0333) "nobody has signed in: the request has %s",
                  names);
}

static apr_status_t resolve(const chat_user_t **puser, request_rec *r,
                            const chat_dir_conf_t *conf, chat_err_t *err)
{
    int claimed = is_claimed(r, conf), i;

    for (i = 0; i < conf->auth.schemes->nelts; i++) {
        const chat_auth_scheme_t *scheme = scheme_at(conf, i);
        apr_status_t rv;

        if (claimed && !claims(scheme, r))
            continue;
        rv = scheme->identify(puser, r, conf, err);
        if (rv == APR_SUCCESS && scheme->ambient && !claimed)
            rv = chat_auth_origin_check(r, conf, err);
        if (rv == APR_SUCCESS && (*puser)->id && !conf->auth.insecure &&
            !is_secret(r))
            rv = refuse_plain(r, err);
        if (rv == APR_SUCCESS)
            *puser = with_subject(*puser, scheme, conf, r->pool);
        if (rv == APR_SUCCESS)
            rv = chat_auth_settings(puser, r, conf, err);
        if (rv != APR_NOTFOUND)
            return rv;
    }
    tell_nobody(r, conf);
    return chat_err_set(err, APR_EACCES, HTTP_UNAUTHORIZED, "unauthorized",
                        "Sign in required.");
}

static const outcome_t *find_out(request_rec *r, const chat_dir_conf_t *conf)
{
    outcome_t *o = apr_pcalloc(r->pool, sizeof(*o));

    o->conf = conf;
    o->safe = chat_auth_origin_safe(r);
    o->rv = resolve(&o->user, r, conf, &o->err);
    if (o->rv == APR_SUCCESS)
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r,
                      CHATNO(0301) "identified by %s: user %s", o->user->scheme,
                      o->user->id ? o->user->id : "(none)");
    else
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r,
                      CHATNO(0302) "not let in: %d %s", o->err.status,
                      o->err.code);
    return o;
}

apr_status_t chat_auth_identify(const chat_user_t **puser, request_rec *r,
                                chat_err_t *err)
{
    chat_ctx_t *ctx = chat_ctx(r);
    const chat_ctx_t *cached = cached_outcome(r, ctx->dir);
    const outcome_t *o = cached ? cached->auth : find_out(r, ctx->dir);

    ctx->auth = o;
    if (cached)
        ctx->profile = cached->profile;
    ctx->user = o->rv == APR_SUCCESS ? o->user : NULL;
    *puser = o->rv == APR_SUCCESS ? o->user : NULL;
    *err = o->err;
    if (err->status == HTTP_UNAUTHORIZED)
        err->sign_in = ctx->dir->page.sign_in;
    return o->rv;
}

/* A page that was served to one user must not be served from a cache to
 * another one; caches know Authorization, not our cookies. */
static void keep_private(request_rec *r)
{
    apr_table_mergen(r->err_headers_out, "Cache-Control", "private");
    apr_table_mergen(r->err_headers_out, "Vary", "Cookie");
}

/*
 * httpd asks only where a Require needs a user, and takes a missing name for a
 * broken configuration. A guest has none, so there he is asked to sign in.
 */
int chat_auth_check_authn(request_rec *r)
{
    const char *type = ap_auth_type(r);
    const chat_user_t *user;
    chat_err_t err;

    if (!type || ap_cstr_casecmp(type, "Chat"))
        return DECLINED;

    if (chat_auth_identify(&user, r, &err) != APR_SUCCESS) {
        if (err.retry_after)
            apr_table_setn(r->err_headers_out, "Retry-After", err.retry_after);
        return err.status;
    }
    if (!user->id)
        return HTTP_UNAUTHORIZED;

    r->user = apr_pstrdup(r->pool, user->id);
    r->ap_auth_type = (char *)"Chat";
    keep_private(r);
    return OK;
}

int chat_auth_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    return chat_auth_cache_pre_config(pconf, plog);
}

apr_status_t chat_auth_check_config(apr_pool_t *p, server_rec *s)
{
    apr_status_t rv = chat_auth_jwt_check_config(p, s);

    return rv == APR_SUCCESS ? chat_auth_cache_check_config(p, s) : rv;
}

apr_status_t chat_auth_post_config(apr_pool_t *pconf, server_rec *s)
{
    apr_status_t rv = chat_auth_jwks_post_config(pconf, s);

    return rv == APR_SUCCESS ? chat_auth_cache_post_config(pconf, s) : rv;
}

void chat_auth_child_init(apr_pool_t *pchild, server_rec *s)
{
    chat_auth_cache_child_init(pchild, s);
}
