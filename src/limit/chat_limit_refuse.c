/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client is told that a policy refuses: how much is allowed, and when it
 * may come again. An engine, or a request's thread.
 */
#include "chat_limit_int.h"

#include <apr_strings.h>

/* What a policy allows, for people: "10 in 5 minutes", "3 at a time". */
static const char *allowance(const chat_limit_conf_t *policy, apr_pool_t *p)
{
    static const struct {
        int seconds;
        const char *name;
    } units[] = {{7 * 86400, "week"},
                 {86400, "day"},
                 {3600, "hour"},
                 {60, "minute"},
                 {1, "second"}};
    const char *points = chat_limit_amount(policy, policy->points, p);
    int i = 0, n;

    if (!policy->window)
        return apr_pstrcat(p, points, " at a time", NULL);
    if (policy->period)
        return apr_pstrcat(p, points,
                           policy->period == CHAT_LIMIT_PERIOD_DAY
                               ? " in a calendar day"
                               : " in a calendar month",
                           NULL);
    while (policy->window % units[i].seconds)
        i++;
    n = policy->window / units[i].seconds;
    return apr_psprintf(p, "%s in %d %s%s", points, n, units[i].name,
                        n > 1 ? "s" : "");
}

static apr_status_t ban(chat_err_t *err, apr_int64_t seconds, apr_pool_t *p)
{
    apr_time_exp_t e;

    apr_time_exp_gmt(&e, apr_time_now() + apr_time_from_sec(seconds));
    return chat_err_set(
        err, APR_EGENERAL, HTTP_FORBIDDEN, "banned",
        apr_psprintf(p,
                     "Too much was sent here that is not accepted. Nothing "
                     "will be answered until %04d-%02d-%02dT%02d:%02d:%02dZ.",
                     e.tm_year + 1900, e.tm_mon + 1, e.tm_mday, e.tm_hour,
                     e.tm_min, e.tm_sec));
}

apr_status_t chat_limit_refuse(chat_err_t *err, const chat_limit_count_t *no,
                               apr_pool_t *p)
{
    static const char *const of[] = {
        [CHAT_LIMIT_REQUESTS] = "Too many requests",
        [CHAT_LIMIT_TOKENS] = "Too many tokens",
        [CHAT_LIMIT_STREAMS] = "Too many open answers",
        [CHAT_LIMIT_COST] = "Too much money would be spent",
        [CHAT_LIMIT_REPEATS] = "The same question again"};
    const chat_limit_conf_t *policy = no->policy;
    apr_int64_t wait = no->reset_ms > 0 ? (no->reset_ms + 999) / 1000 : 1;

    err->retry_after = apr_psprintf(p, "%" APR_INT64_T_FMT, wait);
    if (policy->unit == CHAT_LIMIT_BLOCKS)
        return ban(err, wait, p);
    return chat_err_set(
        err, APR_EGENERAL, HTTP_TOO_MANY_REQUESTS,
        policy->unit == CHAT_LIMIT_REPEATS ? "repeated_prompt" : "rate_limited",
        apr_psprintf(p,
                     "%s: the limit \"%s\" allows %s. Try again in "
                     "%" APR_INT64_T_FMT " s.",
                     of[policy->unit], policy->name, allowance(policy, p),
                     wait));
}
