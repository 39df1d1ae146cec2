/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Require chat-role, chat-tier, chat-user: which of the users that ChatAuth
 * knows may enter, at any location, whoever serves it. Who the user is was
 * found out before: by AuthType Chat, or by another one with ChatAuth user.
 * Request thread; parsing at config time.
 */
#include "chat_auth_int.h"

#include <ap_expr.h>
#include <ap_provider.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_auth.h>
#include <apr_strings.h>

#include "chat_ctx.h"
#include "chat_limit.h"
#include "chat_log.h"
#include "chat_words.h"

/* Is that word one for this user? */
typedef int fits_fn(chat_ctx_t *ctx, const chat_user_t *user, const char *word);

static int fits_role(chat_ctx_t *ctx, const chat_user_t *user, const char *word)
{
    return chat_words_has(user->role, word);
}

static int fits_tier(chat_ctx_t *ctx, const chat_user_t *user, const char *word)
{
    return chat_words_has(chat_limit_tier(ctx), word);
}

static int fits_user(chat_ctx_t *ctx, const chat_user_t *user, const char *word)
{
    return chat_ctx_is_user(user, word);
}

/* AUTHZ_DENIED_NO_USER: httpd has the user identified first, and asks again. An
 * outage is said then, by the AuthType. */
static authz_status find_user(const chat_user_t **puser, request_rec *r)
{
    chat_err_t err = {0};
    apr_status_t rv;

    if (!r->user)
        return AUTHZ_DENIED_NO_USER;
    rv = chat_auth_identify(puser, r, &err);
    if (rv != APR_SUCCESS)
        return rv == APR_EACCES ? AUTHZ_DENIED : AUTHZ_GENERAL_ERROR;
    return (*puser)->id ? AUTHZ_GRANTED : AUTHZ_DENIED;
}

static authz_status check(request_rec *r, const void *parsed, fits_fn *fits,
                          int admits)
{
    const char *why = NULL, *words, *word;
    const chat_user_t *user;
    chat_ctx_t *ctx;
    authz_status status = find_user(&user, r);

    if (status != AUTHZ_GRANTED)
        return status;
    words = ap_expr_str_exec(r, parsed, &why);
    if (why) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      CHATNO(0354) "a Require of %s cannot be evaluated: %s",
                      r->uri, why);
        return AUTHZ_GENERAL_ERROR;
    }
    ctx = chat_ctx(r);
    while (*words) {
        word = ap_getword_conf(r->pool, &words);
        if (!*word || !fits(ctx, user, word))
            continue;
        ctx->admitted |= admits;
        return AUTHZ_GRANTED;
    }
    ap_log_rerror(
        APLOG_MARK, APLOG_INFO, 0, r,
        CHATNO(0355) "no Require chat-role, chat-tier or chat-user of "
                     "%s has user %s",
        r->uri, user->subject);
    return AUTHZ_DENIED;
}

static authz_status check_role(request_rec *r, const char *line,
                               const void *parsed)
{
    return check(r, parsed, fits_role, 1);
}

static authz_status check_tier(request_rec *r, const char *line,
                               const void *parsed)
{
    return check(r, parsed, fits_tier, 0);
}

static authz_status check_user(request_rec *r, const char *line,
                               const void *parsed)
{
    return check(r, parsed, fits_user, 1);
}

static const char *parse(cmd_parms *cmd, const char *line, const void **parsed)
{
    const char *why = NULL;

    if (!*line)
        return "Require chat-role, chat-tier and chat-user: write at least one "
               "name behind it";
    *parsed =
        ap_expr_parse_cmd(cmd, line, AP_EXPR_FLAG_STRING_RESULT, &why, NULL);
    return why ? apr_pstrcat(cmd->pool, "Require: ", line,
                             " is no expression: ", why, NULL)
               : NULL;
}

void chat_auth_register_hooks(apr_pool_t *p)
{
    static const authz_provider role = {check_role, parse};
    static const authz_provider tier = {check_tier, parse};
    static const authz_provider user = {check_user, parse};

    ap_register_auth_provider(p, AUTHZ_PROVIDER_GROUP, "chat-role",
                              AUTHZ_PROVIDER_VERSION, &role,
                              AP_AUTH_INTERNAL_PER_CONF);
    ap_register_auth_provider(p, AUTHZ_PROVIDER_GROUP, "chat-tier",
                              AUTHZ_PROVIDER_VERSION, &tier,
                              AP_AUTH_INTERNAL_PER_CONF);
    ap_register_auth_provider(p, AUTHZ_PROVIDER_GROUP, "chat-user",
                              AUTHZ_PROVIDER_VERSION, &user,
                              AP_AUTH_INTERNAL_PER_CONF);
}
