/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ChatAuth jwt: a signed token in Authorization that holds who it is, of the
 * application's own or of an identity provider. Which keys sign it the
 * configuration says: ChatAuthJWTSecret, ChatAuthJWKS. Neighbours:
 * chat_auth_jose.c. Request thread, but for chat_auth_jwt_check_config().
 */
#include "chat_auth_int.h"

#include <string.h>

#include <http_log.h>

#include "chat_auth_jose.h"
#include "chat_auth_jwks.h"
#include "chat_auth_rules.h"
#include "chat_log.h"

/* A token of three parts whose first one begins an object in base64url: other
 * Bearer tokens are for other schemes. */
static const char *token_of(request_rec *r)
{
    const char *value = chat_auth_bearer_credentials(r), *dot;

    if (!value || strncmp(value, "eyJ", 3))
        return NULL;
    dot = strchr(value, '.');
    return dot && strchr(dot + 1, '.') == strrchr(value, '.') &&
                   strrchr(value, '.') != dot
               ? value
               : NULL;
}

static int claims_it(request_rec *r)
{
    return token_of(r) != NULL;
}

static apr_status_t no_key(request_rec *r, chat_err_t *err)
{
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                  CHATNO(0338) "ChatAuth jwt checks tokens here, but neither "
                               "ChatAuthJWTSecret nor ChatAuthJWKS tells what "
                               "they are signed with");
    return chat_err_set(err, APR_EGENERAL, HTTP_SERVICE_UNAVAILABLE,
                        "identity_unavailable",
                        "Sign-in cannot be checked right now.");
}

/* The keys of a URL are not there, or may have changed since. */
static apr_status_t no_keys_yet(request_rec *r, const chat_jwks_conf_t *jwks,
                                chat_err_t *err)
{
    int level = chat_auth_tell_level(r, CHAT_AUTH_TELL_NO_KEYS);

    ap_log_rerror(APLOG_MARK, level, 0, r,
                  CHATNO(0349) "a token cannot be checked: the keys of %s are "
                               "not here yet",
                  jwks->url);
    err->retry_after = "5";
    return chat_err_set(err, APR_EGENERAL, HTTP_SERVICE_UNAVAILABLE,
                        "identity_unavailable",
                        "Sign-in cannot be checked right now.");
}

/* With the keys that are there, which are of *pversion. *pwanted: others might
 * do. */
static apr_status_t verify_held(chat_auth_jose_claims_t *claims,
                                const char *token, const chat_dir_conf_t *conf,
                                const chat_auth_jose_rules_t *rules,
                                apr_uint32_t *pversion, int *pwanted,
                                const char **pwhy, apr_pool_t *p)
{
    chat_auth_jwks_t held;
    apr_status_t rv;

    chat_auth_jwks_hold(&held, conf->jwt.jwks);
    rv = chat_auth_jose_verify(claims, token, conf->jwt.secrets, held.keys,
                               rules, pwhy, p);
    *pversion = held.version;
    *pwanted =
        rv == APR_EACCES && chat_auth_jose_wants_key(token, held.keys, p);
    chat_auth_jwks_release(&held, conf->jwt.jwks);
    return rv;
}

/* As chat_auth_jose_verify(); and APR_EAGAIN: the keys are not there. */
static apr_status_t verify(chat_auth_jose_claims_t *claims, const char *token,
                           const chat_dir_conf_t *conf, const char **pwhy,
                           apr_pool_t *p)
{
    const chat_jwks_conf_t *jwks = conf->jwt.jwks;
    chat_auth_jose_rules_t rules;
    apr_uint32_t version;
    apr_status_t rv, renewed;
    int wanted;

    chat_auth_rules(&rules, conf, 1);
    if (!jwks || !jwks->url)
        return chat_auth_jose_verify(claims, token, conf->jwt.secrets,
                                     jwks ? jwks->keys : NULL, &rules, pwhy, p);
    rv = verify_held(claims, token, conf, &rules, &version, &wanted, pwhy, p);
    if (!wanted)
        return rv;
    renewed = chat_auth_jwks_renew(jwks, version);
    if (renewed == APR_SUCCESS)
        rv = verify_held(claims, token, conf, &rules, &version, &wanted, pwhy,
                         p);
    return renewed == APR_EAGAIN ? renewed : rv;
}

static apr_status_t identify(const chat_user_t **puser, request_rec *r,
                             const chat_dir_conf_t *conf, chat_err_t *err)
{
    const char *token = token_of(r), *why;
    chat_auth_jose_claims_t claims;
    apr_status_t rv;
    int level;

    if (!token)
        return APR_NOTFOUND;
    if (!conf->jwt.secrets->nelts && !conf->jwt.jwks)
        return no_key(r, err);
    rv = verify(&claims, token, conf, &why, r->pool);
    if (rv == APR_EAGAIN)
        return no_keys_yet(r, conf->jwt.jwks, err);
    if (rv == APR_SUCCESS) {
        *puser = chat_auth_rules_user(&claims, chat_auth_jwt.name, r);
        return APR_SUCCESS;
    }
    if (rv != APR_EACCES)
        return chat_auth_no_crypto(r, rv, err);
    level = chat_auth_tell_level(r, CHAT_AUTH_TELL_TOKEN);
    ap_log_rerror(APLOG_MARK, level, 0, r,
                  CHATNO(0337) "the Bearer token does not hold: %s", why);
    return APR_NOTFOUND;
}

const chat_auth_scheme_t chat_auth_jwt = {
    .name = "jwt",
    .missing = "no Bearer token of three parts",
    .claims = claims_it,
    .identify = identify,
};

/* ---- start-up ---- */

static int read_set(chat_jwks_conf_t *set, server_rec *s, apr_pool_t *p)
{
    const char *why;

    if (chat_auth_jose_keys(&set->keys, set->text, set->len, &why, p) ==
        APR_SUCCESS)
        return 1;
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                 CHATNO(0339) "ChatAuthJWKS at %s: %s is no JWK set: %s",
                 set->where, set->path, why);
    return 0;
}

apr_status_t chat_auth_jwt_check_config(apr_pool_t *pconf, server_rec *s)
{
    int good = 1, i;

    for (; s; s = s->next) {
        const apr_array_header_t *sets = chat_config_server(s)->jwt.sets;

        for (i = 0; sets && i < sets->nelts; i++) {
            chat_jwks_conf_t *set = APR_ARRAY_IDX(sets, i, chat_jwks_conf_t *);

            good &= set->url || read_set(set, s, pconf);
        }
    }
    return good ? APR_SUCCESS : APR_EGENERAL;
}
