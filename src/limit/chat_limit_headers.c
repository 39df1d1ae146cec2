/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client is told about its limits: RateLimit and RateLimit-Policy as
 * the IETF's draft has them (structured fields, after -08), and the three
 * X-RateLimit-* that clients know best, for the policy that is nearest to its
 * end. Values only; handler/ and reply/ send them.
 */
#include "chat_limit_int.h"

#include <apr_strings.h>

/* The greatest integer of a structured field (RFC 9651, 3.3.1). */
#define SF_MAX APR_INT64_C(999999999999999)

static apr_int64_t remaining(const chat_count_t *count)
{
    apr_int64_t left = count->policy->points - count->used;

    return left > SF_MAX ? SF_MAX : left > 0 ? left : 0;
}

static apr_int64_t seconds(apr_int64_t ms)
{
    return ms > 0 ? (ms + 999) / 1000 : 0;
}

/* "requests" is the draft's default, "tokens" a unit of ours. */
static const char *policy_item(const chat_limit_conf_t *policy, apr_pool_t *p)
{
    static const char *const unit[] = {"", ";qu=\"tokens\"",
                                       ";qu=\"concurrent-requests\""};
    const char *window =
        policy->window ? apr_psprintf(p, ";w=%d", policy->window) : "";

    return apr_psprintf(p, "\"%s\";q=%" APR_INT64_T_FMT "%s%s", policy->name,
                        policy->points, window, unit[policy->unit]);
}

static const char *state_item(const chat_count_t *count, apr_pool_t *p)
{
    return apr_psprintf(p, "\"%s\";r=%" APR_INT64_T_FMT ";t=%" APR_INT64_T_FMT,
                        count->policy->name, remaining(count),
                        seconds(count->reset_ms));
}

/* The one that says no, else the one with the smallest share left. */
static int nearer(const chat_count_t *a, const chat_count_t *b)
{
    if (a->refused != b->refused)
        return a->refused;
    return remaining(a) * (double)b->policy->points <
           remaining(b) * (double)a->policy->points;
}

static void set_number(apr_table_t *t, const char *name, apr_int64_t n,
                       apr_pool_t *p)
{
    apr_table_setn(t, name, apr_psprintf(p, "%" APR_INT64_T_FMT, n));
}

apr_table_t *chat_limit_headers_make(const chat_counts_t *counts,
                                     apr_time_t now, apr_pool_t *p)
{
    apr_table_t *t = apr_table_make(p, 5);
    const chat_count_t *nearest = NULL;
    const char *policies = NULL, *states = NULL;
    int i;

    for (i = 0; i < counts->n; i++) {
        const chat_count_t *count = &counts->count[i];

        if (count->policy->shadow)
            continue;
        policies =
            apr_pstrcat(p, policies ? policies : "", policies ? ", " : "",
                        policy_item(count->policy, p), NULL);
        states = apr_pstrcat(p, states ? states : "", states ? ", " : "",
                             state_item(count, p), NULL);
        if (!nearest || nearer(count, nearest))
            nearest = count;
    }
    if (!nearest)
        return t;
    apr_table_setn(t, "RateLimit-Policy", policies);
    apr_table_setn(t, "RateLimit", states);
    set_number(t, "X-RateLimit-Limit", nearest->policy->points, p);
    set_number(t, "X-RateLimit-Remaining", remaining(nearest), p);
    set_number(t, "X-RateLimit-Reset", seconds(now / 1000 + nearest->reset_ms),
               p);
    return t;
}
