/* SPDX-License-Identifier: Apache-2.0 */
/* What the value of a setting means. A value that is none sets nothing. Pure
 * but for the configuration's types; any thread. */
#include "chat_override.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_json.h"

static const chat_json_limits_t limits = {64 * 1024, 8, 4096};

const char *const chat_override_price_names[CHAT_OVERRIDE_PRICES] = {
    "priceIn", "priceOut", "priceCached", "priceReasoning"};

static const chat_json_t *parse(const char *value, apr_pool_t *p)
{
    chat_json_t *root;

    return value && chat_json_parse(&root, value, strlen(value), &limits, p) ==
                        APR_SUCCESS
               ? root
               : NULL;
}

static const char *text(const chat_json_t *v, const char *key, apr_pool_t *p)
{
    const char *string = chat_json_string(chat_json_get(v, key));

    return string ? apr_pstrdup(p, string) : NULL;
}

static apr_int64_t integer(const chat_json_t *v, const char *key,
                           apr_int64_t otherwise)
{
    return chat_json_integer(chat_json_get(v, key), otherwise);
}

/* ---- users ---- */

void chat_override_read_user(chat_override_user_t *user, const char *value,
                             apr_pool_t *p)
{
    const chat_json_t *v = parse(value, p);

    memset(user, 0, sizeof(*user));
    user->tier = text(v, "tier", p);
    user->tier_until = integer(v, "tierUntil", 0);
    user->blocked = text(v, "blocked", p);
    user->block_until = integer(v, "blockUntil", 0);
}

/* ---- limits ---- */

double chat_override_read_limit(const char *value, apr_pool_t *p)
{
    double limit = chat_json_number(chat_json_get(parse(value, p), "limit"));

    return limit >= 0 ? limit : -1; /* NaN: there is none */
}

/* A limit that is larger than any policy may be is one of the largest. */
apr_int64_t chat_override_points(const chat_limit_conf_t *policy, double limit,
                                 int allowed)
{
    int money = policy->unit == CHAT_LIMIT_COST;
    double most = money ? (double)CHAT_PRICE_MOST : 999999999999999.0;
    double points = money ? limit * (double)CHAT_PRICE_PARTS + 0.5 : limit;
    apr_int64_t now = (apr_int64_t)(points < most ? points : most);

    return allowed == CHAT_ADMIN_ANY || now < policy->points ? now
                                                             : policy->points;
}

/* ---- models ---- */

static apr_array_header_t *words(const chat_json_t *list, apr_pool_t *p)
{
    int i, n = chat_json_length(list);
    apr_array_header_t *all;

    if (!n)
        return NULL;
    all = apr_array_make(p, n, sizeof(const char *));
    for (i = 0; i < n; i++) {
        const char *word = chat_json_string(chat_json_at(list, i));

        if (word)
            APR_ARRAY_PUSH(all, const char *) = apr_pstrdup(p, word);
    }
    return all;
}

/* In and out are known both, or neither is. */
static void set_prices(chat_price_t *price, const chat_json_t *v)
{
    chat_price_t now = *price;
    apr_int64_t *const all[] = {&now.in, &now.out, &now.cached, &now.thought};
    int i;

    for (i = 0; i < CHAT_OVERRIDE_PRICES; i++) {
        apr_int64_t set = integer(v, chat_override_price_names[i], -1);

        if (set >= 0)
            *all[i] = set;
    }
    if ((now.in < 0) == (now.out < 0))
        *price = now;
}

const chat_model_conf_t *
chat_override_read_model(const chat_model_conf_t *model, const char *value,
                         apr_pool_t *p)
{
    const chat_json_t *v = parse(value, p);
    chat_model_conf_t *now;

    if (!v)
        return model;
    now = apr_pmemdup(p, model, sizeof(*model));
    now->off = chat_json_boolean(chat_json_get(v, "enabled")) == 0;
    now->narrowed = words(chat_json_get(v, "tier"), p);
    set_prices(&now->price, v);
    return now;
}
