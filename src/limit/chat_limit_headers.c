/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The headers about limits in a response: RateLimit and RateLimit-Policy as the
 * IETF's draft has them (structured fields, after -08), and the three
 * X-RateLimit-* that most clients know, for the policy that is nearest to its
 * limit. Values only; run/ and reply/ send them.
 */
#include "chat_limit_int.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_limit_text.h"

/* The greatest integer of a structured field (RFC 9651, 3.3.1). */
#define SF_MAX APR_INT64_C(999999999999999)

/* Millionths of a dollar are what money is told in. */
#define COARSER 10000

apr_int64_t chat_limit_remaining(const chat_limit_count_t *count)
{
    apr_int64_t left = count->policy->points - count->used;

    return left > 0 ? left : 0;
}

const char *chat_limit_amount(const chat_limit_conf_t *policy, apr_int64_t n,
                              apr_pool_t *p)
{
    return policy->unit == CHAT_LIMIT_COST
               ? chat_price_short(apr_palloc(p, CHAT_PRICE_TEXT_MAX), n)
               : apr_psprintf(p, "%" APR_INT64_T_FMT, n);
}

/* As the headers say it. */
static apr_int64_t shown(const chat_limit_conf_t *policy, apr_int64_t n)
{
    if (policy->unit == CHAT_LIMIT_COST)
        n /= COARSER;
    return n > SF_MAX ? SF_MAX : n;
}

static apr_int64_t remaining(const chat_limit_count_t *count)
{
    return shown(count->policy, chat_limit_remaining(count));
}

static apr_int64_t seconds(apr_int64_t ms)
{
    return ms > 0 ? (ms + 999) / 1000 : 0;
}

/* Bytes of an item beside the name of its policy, at most. */
#define ITEM_MAX 80

/* "requests" is the default of the draft, "tokens" and money are not in it. */
static char *put_policy(char *at, const chat_limit_conf_t *policy)
{
    static const char *const unit[] = {"",
                                       ";qu=\"tokens\"",
                                       ";qu=\"concurrent-requests\"",
                                       ";qu=\"micro-usd\"",
                                       ";qu=\"repeats\"",
                                       "",
                                       ";qu=\"blocks\""};

    at = stpcpy(stpcpy(stpcpy(at, "\""), policy->name), "\";q=");
    at = chat_limit_text_number(at, shown(policy, policy->points));
    if (policy->window)
        at = chat_limit_text_number(stpcpy(at, ";w="), policy->window);
    return stpcpy(at, unit[policy->unit]);
}

static char *put_state(char *at, const chat_limit_count_t *count)
{
    at = stpcpy(stpcpy(stpcpy(at, "\""), count->policy->name), "\";r=");
    at = chat_limit_text_number(at, remaining(count));
    return chat_limit_text_number(stpcpy(at, ";t="), seconds(count->reset_ms));
}

/* A count that refuses is nearest, else the one with the smallest share left.
 */
static int nearer(const chat_limit_count_t *a, const chat_limit_count_t *b)
{
    if (a->refused != b->refused)
        return a->refused;
    return (double)chat_limit_remaining(a) * (double)b->policy->points <
           (double)chat_limit_remaining(b) * (double)a->policy->points;
}

static void set_number(apr_table_t *t, const char *name, apr_int64_t n,
                       apr_pool_t *p)
{
    char *text = apr_palloc(p, CHAT_LIMIT_TEXT_NUMBER_MAX);

    chat_limit_text_number(text, n);
    apr_table_setn(t, name, text);
}

/* A buffer for the items of all counts. */
static char *alloc_items(const chat_limit_counts_t *counts, apr_pool_t *p)
{
    apr_size_t size = 1;
    int i;

    for (i = 0; i < counts->n; i++)
        size += strlen(counts->count[i].policy->name) + ITEM_MAX;
    return apr_palloc(p, size);
}

apr_table_t *chat_limit_headers_make(const chat_limit_counts_t *counts,
                                     apr_time_t now, apr_pool_t *p)
{
    apr_table_t *t = apr_table_make(p, 5);
    const chat_limit_count_t *nearest = NULL;
    char *policies = alloc_items(counts, p), *policy = policies;
    char *states = alloc_items(counts, p), *state = states;
    int i, n = 0;

    for (i = 0; i < counts->n; i++) {
        const chat_limit_count_t *count = &counts->count[i];

        if (count->policy->shadow)
            continue;
        policy = put_policy(n ? stpcpy(policy, ", ") : policy, count->policy);
        state = put_state(n++ ? stpcpy(state, ", ") : state, count);
        if (chat_limit_is_told(count) && (!nearest || nearer(count, nearest)))
            nearest = count;
    }
    if (!n)
        return t;
    apr_table_setn(t, "RateLimit-Policy", policies);
    apr_table_setn(t, "RateLimit", states);
    if (!nearest)
        return t;
    set_number(t, "X-RateLimit-Limit",
               shown(nearest->policy, nearest->policy->points), p);
    set_number(t, "X-RateLimit-Remaining", remaining(nearest), p);
    set_number(t, "X-RateLimit-Reset", seconds(now / 1000 + nearest->reset_ms),
               p);
    return t;
}
