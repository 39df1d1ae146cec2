/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counts of a request: which counters its policies have now, and how much
 * of each it may take. And how they stand: for whoever has used up most of
 * them, and for who wants to know. Request thread, but for what says more.
 */
#include "chat_limit_int.h"

#include <http_main.h>
#include <apr_strings.h>

#include "chat_log.h"
#include "chat_override.h"

/* Beyond the end of a period a counter lives so much longer: clocks of servers
 * differ. */
#define PERIOD_SLACK 60

const char *const chat_limit_unit[] = {"r", "t", "s", "m", "h", "i", "b"};

int chat_limit_is_settled(const chat_limit_conf_t *policy)
{
    return policy->unit == CHAT_LIMIT_TOKENS || policy->unit == CHAT_LIMIT_COST;
}

int chat_limit_is_leased(const chat_limit_conf_t *policy)
{
    return chat_limit_is_settled(policy) || policy->unit == CHAT_LIMIT_STREAMS;
}

apr_int64_t chat_limit_used(const chat_limit_count_t *count,
                            const chat_limit_spent_t *spent)
{
    return count->policy->unit == CHAT_LIMIT_COST ? spent->cost : spent->tokens;
}

int chat_limit_fails_closed(const chat_limit_conf_t *policy)
{
    return policy->fail == CHAT_LIMIT_FAIL_CLOSED && !policy->shadow;
}

/* ---- which counters ---- */

/* The counter of a policy for whoever asks. 0: it cannot be made. */
static int set_counter(chat_limit_count_t *count,
                       const chat_limit_context_t *ctx,
                       const chat_limit_conf_t *policy)
{
    chat_limit_period_t period = {.name = ""};
    apr_time_t now = apr_time_now();

    count->policy = policy;
    count->window = policy->window;
    if (policy->period) {
        chat_limit_period(&period, policy->period, &policy->zone, now);
        count->ends = period.ends;
        count->window = (int)apr_time_sec(period.ends - now) + PERIOD_SLACK;
    }
    count->key = count->who = chat_limit_key(ctx, policy, period.name);
    if (policy->unit == CHAT_LIMIT_REPEATS)
        count->key = chat_limit_key(ctx, policy, ctx->ask->prompt);
    return count->key != NULL;
}

int chat_limit_collect(chat_limit_counts_t *counts,
                       const chat_limit_context_t *ctx)
{
    const apr_array_header_t *list = ctx->conf->limit.policies;
    int i;

    counts->count =
        apr_pcalloc(ctx->r->pool, list->nelts * sizeof(chat_limit_count_t));
    for (i = 0; i < list->nelts; i++) {
        const chat_limit_conf_t *policy =
            APR_ARRAY_IDX(list, i, const chat_limit_conf_t *);

        if (policy->unit == CHAT_LIMIT_INVISIBLE ||
            !chat_limit_applies(policy, ctx))
            continue;
        policy = chat_override_limit(chat_ctx(ctx->r), policy);
        if (!set_counter(&counts->count[counts->n], ctx, policy))
            return 0;
        counts->fail_closed |= chat_limit_fails_closed(policy);
        counts->n++;
    }
    return 1;
}

/* ---- how much of each ---- */

/* A model that costs nobody knows what would spend without end. */
static int is_unpriced(const chat_limit_context_t *ctx,
                       const chat_limit_conf_t *policy)
{
    if (policy->unit != CHAT_LIMIT_COST || policy->shadow ||
        chat_price_known(&ctx->ask->price))
        return 0;
    ap_log_rerror(
        APLOG_MARK, APLOG_ERR, 0, ctx->r,
        CHATNO(1040) "ChatLimit %s counts money, and the model %s, or "
                     "one that may stand in for it, has no price: "
                     "write price-in= and price-out= in its "
                     "ChatModel",
        policy->name, ap_escape_logitem(ctx->r->pool, ctx->ask->model));
    return 1;
}

static void set_amount(chat_limit_count_t *count, const chat_limit_ask_t *ask)
{
    const chat_limit_conf_t *policy = count->policy;
    apr_int64_t most = ask->max_tokens ? ask->max_tokens : policy->reserve;

    count->amount = 1;
    if (!chat_limit_is_settled(policy))
        return;
    count->output = most > ask->least_tokens ? most : ask->least_tokens;
    count->amount =
        policy->unit == CHAT_LIMIT_TOKENS
            ? ask->input_tokens + count->output
            : chat_price_most(&ask->price, ask->input_tokens, count->output);
}

int chat_limit_weigh(chat_limit_counts_t *counts,
                     const chat_limit_context_t *ctx)
{
    int i;

    for (i = 0; i < counts->n; i++) {
        if (is_unpriced(ctx, counts->count[i].policy))
            return 0;
        set_amount(&counts->count[i], ctx->ask);
    }
    return 1;
}

/* ---- how they stand ---- */

void chat_limit_end_periods(const chat_limit_counts_t *counts, apr_time_t now)
{
    int i;

    for (i = 0; i < counts->n; i++) {
        chat_limit_count_t *count = &counts->count[i];
        apr_int64_t left = (count->ends - now) / 1000;

        if (count->ends && count->reset_ms > left)
            count->reset_ms = left > 0 ? left : 0;
    }
}

/* Once so much is spent in place of what was reserved. */
static apr_int64_t used_then(const chat_limit_count_t *count,
                             const chat_limit_spent_t *spent)
{
    apr_int64_t mine = spent ? chat_limit_used(count, spent) : -1;

    return chat_limit_is_settled(count->policy) && mine >= 0
               ? count->used + mine - count->amount
               : count->used;
}

apr_int64_t chat_limit_left(const chat_limit_count_t *count,
                            const chat_limit_spent_t *spent)
{
    apr_int64_t used = used_then(count, spent);

    return used < count->policy->points ? count->policy->points - used : 0;
}

/* Percent of its points, once so much is spent in place of what was reserved.
 */
static double share(const chat_limit_count_t *count,
                    const chat_limit_spent_t *spent, apr_int64_t *pleft)
{
    apr_int64_t used = used_then(count, spent);

    *pleft = chat_limit_left(count, spent);
    return count->policy->points
               ? 100.0 * (double)used / (double)count->policy->points
               : 100;
}

static const char *const told_units[] = {
    "requests", "tokens", "streams", "usd", "repeats", "invisible", "blocks"};

const char *chat_limit_unit_told(const chat_limit_conf_t *policy)
{
    return told_units[policy->unit];
}

int chat_limit_is_told(const chat_limit_count_t *count)
{
    return count->refused || (count->policy->unit != CHAT_LIMIT_REPEATS &&
                              count->policy->unit != CHAT_LIMIT_BLOCKS);
}

/* [whoever owns the request] */
const chat_notice_t *chat_limit_notice_of(const chat_limit_counts_t *counts,
                                          const chat_limit_spent_t *spent,
                                          apr_time_t decided, apr_pool_t *p)
{
    const chat_limit_count_t *nearest = NULL;
    apr_int64_t left = 0, mine;
    chat_notice_t *notice;
    double most = 0;
    int i;

    for (i = 0; i < counts->n; i++) {
        const chat_limit_count_t *count = &counts->count[i];
        double used = share(count, spent, &mine);

        if (!count->policy->warn || count->policy->shadow ||
            used < count->policy->warn || (nearest && used <= most))
            continue;
        nearest = count;
        most = used;
        left = mine;
    }
    if (!nearest)
        return NULL;
    notice = apr_pcalloc(p, sizeof(*notice));
    notice->limit = nearest->policy->name;
    notice->unit = told_units[nearest->policy->unit];
    notice->most =
        chat_limit_amount(nearest->policy, nearest->policy->points, p);
    notice->remaining = chat_limit_amount(nearest->policy, left, p);
    notice->reset = decided + apr_time_from_msec(nearest->reset_ms);
    return notice;
}

/* ---- for who wants to know ---- */

static apr_status_t unknown(chat_err_t *err)
{
    err->retry_after = "5";
    return chat_err_set(err, APR_EGENERAL, HTTP_SERVICE_UNAVAILABLE,
                        "limits_unavailable",
                        "Limits cannot be looked at right now.");
}

static apr_status_t look(chat_limit_counts_t *counts, request_rec *r)
{
    return chat_config_server(ap_server_conf)->redis.url
               ? chat_limit_redis.look(counts, r)
               : chat_limit_local.look(counts, r);
}

apr_status_t chat_limit_states(apr_array_header_t **prows, chat_ctx_t *ctx,
                               chat_err_t *err)
{
    const chat_limit_ask_t ask = {.user = ctx->user};
    const chat_limit_context_t context = {.r = ctx->r,
                                          .conf = ctx->dir,
                                          .ask = &ask,
                                          .tier = chat_limit_tier(ctx)};
    apr_time_t now = apr_time_now();
    chat_limit_counts_t counts = {.lease = ""};
    int i;

    *prows = apr_array_make(ctx->r->pool, 4, sizeof(chat_limit_state_t));
    if (!context.conf->limit.policies->nelts || chat_limit_exempt(&context))
        return APR_SUCCESS;
    if (ctx->tier_failed || !chat_limit_collect(&counts, &context))
        return unknown(err);
    if (counts.n && look(&counts, ctx->r) != APR_SUCCESS)
        return unknown(err);
    chat_limit_end_periods(&counts, now);
    for (i = 0; i < counts.n; i++) {
        const chat_limit_count_t *count = &counts.count[i];
        chat_limit_state_t *row;

        if (!chat_limit_is_told(count) && chat_limit_remaining(count) > 0)
            continue;
        row = apr_array_push(*prows);
        row->name = count->policy->name;
        row->unit = told_units[count->policy->unit];
        row->model = count->policy->model;
        row->points = count->policy->points;
        row->remaining = chat_limit_remaining(count);
        row->reset = count->ends ? count->ends
                     : count->reset_ms
                         ? now + apr_time_from_msec(count->reset_ms)
                         : 0;
    }
    return APR_SUCCESS;
}
