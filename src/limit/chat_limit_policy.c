/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which policies apply to a request, and whom they count: exemptions, tiers,
 * and the names of counters. Called by chat_limit.c; request thread.
 */
#include "chat_limit_int.h"

#include <apr_strings.h>

#include "chat_crypto.h"
#include "chat_limit_text.h"
#include "chat_log.h"
#include "chat_words.h"

/* ---- exemptions and tiers ---- */

static int matches(const chat_limit_exempt_t *x,
                   const chat_limit_context_t *ctx)
{
    const chat_user_t *user = ctx->ask->user;
    const char *err = NULL;

    if (x->role)
        return chat_words_has(user->role, x->role);
    if (x->user)
        return chat_ctx_is_user(user, x->user);
    if (x->net)
        return apr_ipsubnet_test(x->net, ctx->r->useragent_addr);
    return ap_expr_exec(ctx->r, x->expr, &err) > 0 && !err;
}

int chat_limit_exempt(const chat_limit_context_t *ctx)
{
    const apr_array_header_t *list = ctx->conf->limit.exempt;
    int i;

    for (i = 0; i < list->nelts; i++)
        if (matches(&APR_ARRAY_IDX(list, i, const chat_limit_exempt_t), ctx))
            return 1;
    return 0;
}

static const char *eval(request_rec *r, const ap_expr_info_t *expr,
                        const char *what)
{
    const char *err = NULL;
    const char *value = ap_expr_str_exec(r, expr, &err);

    if (!err)
        return value;
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                  CHATNO(1001) "%s cannot be evaluated: %s", what, err);
    return NULL;
}

/* NULL when the expression for it fails. */
static const char *tier_of(const chat_ctx_t *ctx)
{
    const chat_user_t *user = ctx->user;

    if (ctx->dir->limit.tier)
        return eval(ctx->r, ctx->dir->limit.tier, "ChatLimitTier");
    if (user->tier)
        return user->tier;
    if (user->id && user->role)
        return user->role;
    return user->id ? "user" : "guest";
}

const char *chat_limit_tier(chat_ctx_t *ctx)
{
    if (!ctx->tier) {
        ctx->tier = tier_of(ctx);
        ctx->tier_failed = !ctx->tier;
    }
    if (!ctx->tier)
        ctx->tier = "";
    return ctx->tier;
}

int chat_limit_applies(const chat_limit_conf_t *policy,
                       const chat_limit_context_t *ctx)
{
    if (ctx->ask->own_key && chat_limit_is_settled(policy))
        return 0;
    if (policy->unit == CHAT_LIMIT_REPEATS && !ctx->ask->prompt)
        return 0;
    return (!ctx->ask->requests_only || policy->unit == CHAT_LIMIT_REQUESTS) &&
           (!policy->tier || chat_words_has(ctx->tier, policy->tier)) &&
           (!policy->model || !ctx->ask->model ||
            !strcmp(policy->model, ctx->ask->model));
}

/* ---- keys ---- */

#define KEY_MAX 160

/* Ids and expressions may be of any length, keys may not. A long one is
 * replaced by its digest, which begins with '#' as no other name does. */
static const char *bound(const char *text, apr_pool_t *p)
{
    unsigned char digest[CHAT_SHA256_LEN];
    char *name;

    if ((strlen(text) <= KEY_MAX && *text != '#') ||
        chat_crypto_sha256(digest, text, strlen(text)) != APR_SUCCESS)
        return text;
    name = apr_palloc(p, 2 * CHAT_SHA256_LEN + 2);
    *name = '#';
    chat_crypto_hex(name + 1, digest, CHAT_SHA256_LEN);
    return name;
}

/* Whom a policy counts, and of which kind that name is: a user's id, or the
 * value of an expression, may look like an address but is none. Keys that are
 * shared with an application have the id as it knows it. */
static const char *subject(const char **pkind, const chat_limit_context_t *ctx,
                           const chat_limit_conf_t *policy)
{
    apr_pool_t *p = ctx->r->pool;
    const chat_user_t *user = ctx->ask->user;
    const char *id = policy->compat ? user->id : user->subject;
    const char *ip;

    *pkind = "";
    if (policy->by == CHAT_LIMIT_BY_EXPR) {
        *pkind = "e:";
        return eval(ctx->r, policy->expr, policy->name);
    }
    if (policy->by == CHAT_LIMIT_BY_USER && id) {
        *pkind = "u:";
        return id;
    }
    ip = chat_limit_network(ctx->r->useragent_ip, policy->ipv4_bits,
                            policy->ipv6_bits, p);
    if (policy->by != CHAT_LIMIT_BY_USER_IP || !id)
        return ip;
    *pkind = "b:";
    return apr_pstrcat(p, id, "+", ip, NULL);
}

/*
 * "{chat}:NAME:UNIT WINDOW:KIND:WHO[:PERIOD]", of repeats with what is asked in
 * the place of a period. The hash tag puts all keys of a
 * request in one slot of a cluster. Unit and window are part of the key,
 * because policies of two scopes may have the same name.
 */
const char *chat_limit_key(const chat_limit_context_t *ctx,
                           const chat_limit_conf_t *policy, const char *period)
{
    const char *kind, *who = subject(&kind, ctx, policy);
    apr_pool_t *p = ctx->r->pool;
    char window[CHAT_LIMIT_TEXT_NUMBER_MAX];
    const char *in = *period ? ":" : "";

    if (!who || !policy->compat) {
        chat_limit_text_number(window, policy->window);
        return who ? apr_pstrcat(p, "{chat}:", policy->name, ":",
                                 chat_limit_unit[policy->unit], window, ":",
                                 kind, bound(who, p), in, period, NULL)
                   : NULL;
    }
    return apr_pstrcat(p, policy->prefix, *policy->prefix ? ":" : "", who, in,
                       period, NULL);
}
