/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limits of the admin route: the number of a ChatLimit by its name. What
 * counts is the policies of the configuration files; those of a name may stand
 * in several places. Request thread.
 */
#include "chat_route_admin_parts.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_override.h"
#include "chat_price.h"
#include "chat_route_view.h"

#define LIMIT "limit:"
#define POINTS_MOST 999999999999999.0

typedef chat_route_rest_t rest_t;

static const char *const units[] = {
    [CHAT_LIMIT_REQUESTS] = "requests", [CHAT_LIMIT_TOKENS] = "tokens",
    [CHAT_LIMIT_STREAMS] = "streams",   [CHAT_LIMIT_COST] = "usd",
    [CHAT_LIMIT_REPEATS] = "repeats",   [CHAT_LIMIT_INVISIBLE] = "invisible",
    [CHAT_LIMIT_BLOCKS] = "blocks"};

static const chat_limit_conf_t *policy_at(const rest_t *q, int i)
{
    return APR_ARRAY_IDX(q->ctx->server->admin.policies, i,
                         const chat_limit_conf_t *);
}

static int policies(const rest_t *q)
{
    return q->ctx->server->admin.policies->nelts;
}

/* The place of the first of that name; -1. */
static int find(const rest_t *q, const char *name)
{
    int i;

    for (i = 0; i < policies(q); i++)
        if (!strcmp(policy_at(q, i)->name, name))
            return i;
    return -1;
}

/* ---- what is told ---- */

static void put_amount(chat_buf_t *out, const char *name,
                       const chat_limit_conf_t *policy, apr_int64_t n,
                       apr_pool_t *p)
{
    if (policy->unit == CHAT_LIMIT_COST)
        chat_route_view_json(
            out, name, chat_price_short(apr_palloc(p, CHAT_PRICE_TEXT_MAX), n));
    else
        chat_route_view_integer(out, name, n);
}

static void put_policy(chat_buf_t *out, const rest_t *q,
                       const chat_limit_conf_t *policy, double limit)
{
    chat_buf_puts(out, "{");
    chat_route_view_string(out, "unit", units[policy->unit]);
    put_amount(out, "limit", policy,
               limit < 0 ? policy->points
                         : chat_override_points(policy, limit,
                                                q->ctx->server->admin.limits),
               q->p);
    put_amount(out, "configured", policy, policy->points, q->p);
    chat_route_view_integer(out, "windowSeconds", policy->window);
    chat_route_view_string(out, "tier", policy->tier);
    chat_route_view_string(out, "model", policy->model);
    chat_buf_puts(out, "}");
}

static void show(chat_buf_t *out, rest_t *q, const char *name,
                 const chat_store_setting_t *s)
{
    const chat_json_t *set =
        chat_json_get(chat_route_admin_setting_value(s->value, q->p), "limit");
    double limit = set ? chat_json_number(set) : -1;
    int i, n = 0;

    chat_buf_puts(out, "{");
    chat_route_view_string(out, "name", name);
    chat_route_view_json(out, "limit",
                         set ? chat_json_text(set, NULL, q->p) : NULL);
    chat_route_view_json(out, "policies", "[");
    for (i = 0; i < policies(q); i++) {
        if (strcmp(policy_at(q, i)->name, name))
            continue;
        chat_route_view_comma(out, n++);
        put_policy(out, q, policy_at(q, i), limit);
    }
    chat_buf_puts(out, "]");
    chat_route_view_integer(out, "revision", s->revision);
    chat_buf_puts(out, "}");
}

apr_status_t chat_route_admin_limits_list(rest_t *q)
{
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));
    int i, n = 0;

    chat_buf_init(out, q->p);
    chat_route_view_open(out);
    for (i = 0; i < policies(q); i++) {
        const char *name = policy_at(q, i)->name;
        chat_store_setting_t s = {.name = apr_pstrcat(q->p, LIMIT, name, NULL)};
        apr_status_t rv;

        if (find(q, name) != i)
            continue;
        rv = chat_store_setting_get(&s, &q->at, &q->err);
        if (rv != APR_SUCCESS)
            return rv;
        chat_route_view_comma(out, n++);
        show(out, q, name, &s);
    }
    chat_route_view_close(out, NULL);
    q->json = chat_route_view_text(out);
    return APR_SUCCESS;
}

static apr_status_t check(rest_t *q)
{
    return find(q, q->ids[0]) >= 0
               ? APR_SUCCESS
               : chat_err_set(&q->err, APR_NOTFOUND, HTTP_NOT_FOUND,
                              "not_found",
                              "This server has no ChatLimit of that name.");
}

apr_status_t chat_route_admin_limits_get(rest_t *q)
{
    apr_status_t rv = check(q);

    return rv == APR_SUCCESS
               ? chat_route_admin_setting_tell(q, LIMIT, q->ids[0], show)
               : rv;
}

/* ---- changes ---- */

/* Dollars, where that is what all of them count. */
static int is_money(const rest_t *q)
{
    int i;

    for (i = 0; i < policies(q); i++)
        if (!strcmp(policy_at(q, i)->name, q->ids[0]) &&
            policy_at(q, i)->unit != CHAT_LIMIT_COST)
            return 0;
    return 1;
}

/* ChatAdmin limits=lower */
static apr_status_t check_lower(rest_t *q, double limit)
{
    int i;

    for (i = 0; i < policies(q); i++) {
        const chat_limit_conf_t *policy = policy_at(q, i);

        if (strcmp(policy->name, q->ids[0]) ||
            q->ctx->server->admin.limits == CHAT_ADMIN_ANY ||
            chat_override_points(policy, limit, CHAT_ADMIN_ANY) <=
                policy->points)
            continue;
        return chat_route_admin_setting_refuse(
            &q->err, "[\"limit\"]",
            "Too big: ChatAdmin limits=lower allows no more than the "
            "configuration has",
            q->p);
    }
    return APR_SUCCESS;
}

static apr_status_t to_limit(chat_store_change_t *change, const char *before,
                             const char **pafter, chat_err_t *err,
                             apr_pool_t *p)
{
    chat_json_t *now = chat_json_object(p);

    change->audit.action = change->ctx ? "limit.set" : "limit.clear";
    chat_json_add(now, "limit", change->ctx);
    *pafter = chat_route_admin_setting_text(now, p);
    return APR_SUCCESS;
}

static apr_status_t change(rest_t *q, chat_json_t *limit)
{
    const chat_route_admin_change_t c = {.kind = LIMIT,
                                         .what = q->ids[0],
                                         .show = show,
                                         .to = to_limit,
                                         .ctx = limit};

    return chat_route_admin_setting_change(q, &c);
}

apr_status_t chat_route_admin_limits_put(rest_t *q)
{
    int money = is_money(q);
    double limit = 0;
    apr_status_t rv = check(q);

    if (rv == APR_SUCCESS)
        rv = chat_request_admin_limit(
            &limit, q->body, money,
            money ? (double)(CHAT_PRICE_MOST / CHAT_PRICE_PARTS) : POINTS_MOST,
            &q->err, q->p);
    if (rv == APR_SUCCESS)
        rv = check_lower(q, limit);
    return rv == APR_SUCCESS ? change(q, chat_json_get(q->body, "limit")) : rv;
}

apr_status_t chat_route_admin_limits_remove(rest_t *q)
{
    apr_status_t rv = check(q);

    if (rv == APR_SUCCESS)
        rv = change(q, NULL);
    q->json = NULL;
    return rv;
}
