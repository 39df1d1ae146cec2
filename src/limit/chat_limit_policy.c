/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which policies apply to a request, and whom they count: exemptions, tiers,
 * and the names of counters. Asked by chat_limit.c, request thread.
 */
#include "chat_limit_int.h"

#include <apr_strings.h>

#include "chat_crypto.h"
#include "chat_limit_text.h"
#include "chat_log.h"
#include "chat_words.h"

/* ---- exemptions and tiers ---- */

static int holds(const chat_limit_exempt_t *x, const chat_limit_asking_t *a)
{
    const chat_user_t *user = a->ask->user;
    const char *err = NULL;

    if (x->role)
        return chat_words_has(user->role, x->role);
    if (x->user)
        return user->id && !strcmp(user->id, x->user);
    if (x->net)
        return apr_ipsubnet_test(x->net, a->r->useragent_addr);
    return ap_expr_exec(a->r, x->expr, &err) > 0 && !err;
}

int chat_limit_exempt(const chat_limit_asking_t *a)
{
    const apr_array_header_t *list = a->conf->limit.exempt;
    int i;

    for (i = 0; i < list->nelts; i++)
        if (holds(&APR_ARRAY_IDX(list, i, const chat_limit_exempt_t), a))
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
                       const chat_limit_asking_t *a)
{
    return (!policy->tier || chat_words_has(a->tier, policy->tier)) &&
           (!policy->model || !strcmp(policy->model, a->ask->model));
}

/* ---- keys ---- */

#define KEY_MAX 160

/* Whatever an id or an expression holds: a key of bounded length. A digest
 * begins with '#' and nothing else does, so that it is nobody else's name. */
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

/* Whom a policy counts, and what kind of name that is: a user's id, or the
 * value of an expression, may look like an address and is none. */
static const char *subject(const char **pkind, const chat_limit_asking_t *a,
                           const chat_limit_conf_t *policy)
{
    apr_pool_t *p = a->r->pool;
    const char *id = a->ask->user->id;
    const char *ip;

    *pkind = "";
    if (policy->by == CHAT_LIMIT_BY_EXPR) {
        *pkind = "e:";
        return eval(a->r, policy->expr, policy->name);
    }
    if (policy->by == CHAT_LIMIT_BY_USER && id) {
        *pkind = "u:";
        return id;
    }
    ip = chat_limit_network(a->r->useragent_ip, policy->ipv4_bits,
                            policy->ipv6_bits, p);
    if (policy->by != CHAT_LIMIT_BY_USER_IP || !id)
        return ip;
    *pkind = "b:";
    return apr_pstrcat(p, id, "+", ip, NULL);
}

/*
 * "{chat}:NAME:UNIT WINDOW:KIND:WHO". One hash tag for all keys of a request,
 * so that they share a slot. What counts something else, or ends at another
 * time, is another counter: a name may mean one thing here and another there.
 */
const char *chat_limit_key(const chat_limit_asking_t *a,
                           const chat_limit_conf_t *policy)
{
    const char *kind, *who = subject(&kind, a, policy);
    apr_pool_t *p = a->r->pool;
    char window[CHAT_LIMIT_NUMBER_MAX];

    if (!who || !policy->compat) {
        chat_limit_put_number(window, policy->window);
        return who ? apr_pstrcat(p, "{chat}:", policy->name, ":",
                                 chat_limit_unit[policy->unit], window, ":",
                                 kind, bound(who, p), NULL)
                   : NULL;
    }
    return *policy->prefix ? apr_pstrcat(p, policy->prefix, ":", who, NULL)
                           : who;
}
