/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens that this server makes for users whom it knows by something else, so
 * that a page can show who it is where no cookie comes along. ChatAuth jwt
 * takes them where the same ChatAuthJWTSecret stands. Request thread.
 */
#include "chat_auth.h"

#include <string.h>

#include "chat_auth_int.h"
#include "chat_auth_jose.h"
#include "chat_auth_rules.h"
#include "chat_ctx.h"
#include "chat_json.h"
#include "chat_log.h"

/* A page may have slept. */
#define GRACE apr_time_from_sec(86400)

static apr_status_t refuse(chat_err_t *err)
{
    return chat_err_set(err, APR_EACCES, HTTP_UNAUTHORIZED, "unauthorized",
                        "Sign in required.");
}

static apr_status_t fail(chat_err_t *err)
{
    return chat_err_set(err, APR_EGENERAL, HTTP_INTERNAL_SERVER_ERROR,
                        "internal", "No token can be made.");
}

static void add_first(chat_json_t *claims, const char *name,
                      const apr_array_header_t *values)
{
    if (values->nelts)
        chat_json_add_string(claims, name,
                             APR_ARRAY_IDX(values, 0, const char *));
}

/* By the names under which ChatAuth jwt reads them. */
static const char *claims_of(const chat_user_t *user,
                             const chat_dir_jwt_t *conf, apr_pool_t *p)
{
    apr_int64_t now = apr_time_sec(apr_time_now());
    chat_json_t *claims = chat_json_object(p);

    chat_json_add_string(claims, "sub", user->id);
    if (strcmp(conf->id, "sub"))
        chat_json_add_string(claims, conf->id, user->id);
    if (user->role && *user->role)
        chat_json_add_string(claims, conf->role, user->role);
    if (user->tier && *user->tier)
        chat_json_add_string(claims, conf->tier, user->tier);
    add_first(claims, "iss", conf->issuers);
    add_first(claims, "aud", conf->audiences);
    chat_json_add_integer(claims, "iat", now);
    chat_json_add_integer(claims, "exp", now + apr_time_sec(conf->expires));
    return chat_json_text(claims, NULL, p);
}

/* Who came by a token makes no new one of it: it would never end, whatever
 * became of the session. */
apr_status_t chat_auth_ticket(const char **ptoken, request_rec *r,
                              const chat_user_t *user, chat_err_t *err)
{
    const chat_dir_jwt_t *conf = &chat_ctx(r)->dir->jwt;
    const char *claims;

    if (!user->id || !strcmp(user->scheme, chat_auth_jwt.name))
        return refuse(err);
    if (!conf->secrets->nelts) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      CHATNO(0350) "tokens are made here, but no "
                                   "ChatAuthJWTSecret tells what to sign them "
                                   "with");
        return fail(err);
    }
    claims = claims_of(user, conf, r->pool);
    *ptoken = claims
                  ? chat_auth_jose_sign(
                        claims, APR_ARRAY_IDX(conf->secrets, 0, const char *),
                        r->pool)
                  : NULL;
    if (*ptoken)
        return APR_SUCCESS;
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                  CHATNO(0351) "libcrypto cannot sign a token");
    return fail(err);
}

apr_status_t chat_auth_ticket_check(request_rec *r, const chat_user_t *user,
                                    const char *token, chat_err_t *err)
{
    const chat_dir_conf_t *conf = chat_ctx(r)->dir;
    chat_auth_jose_rules_t rules;
    chat_auth_jose_claims_t claims;
    const char *why = "";
    apr_status_t rv;

    chat_auth_rules(&rules, conf, 1);
    rules.leeway = GRACE;
    rv = chat_auth_jose_verify(&claims, token, conf->jwt.secrets, NULL, &rules,
                               &why, r->pool);
    if (rv == APR_SUCCESS && user->id && !strcmp(claims.id, user->id))
        return APR_SUCCESS;
    ap_log_rerror(APLOG_MARK, chat_auth_tell_level(r, CHAT_AUTH_TELL_TOKEN), 0,
                  r, CHATNO(0352) "a token cannot be exchanged: %s",
                  rv == APR_SUCCESS ? "it is of another user" : why);
    return refuse(err);
}
