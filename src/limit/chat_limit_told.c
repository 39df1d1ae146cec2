/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How policies stand, as JSON for clients: of a request that was admitted, of
 * one that has ended, of one that was refused. Whoever owns the request.
 */
#include "chat_limit_int.h"

#include <apr_strings.h>

#include "chat_buf.h"

static void put_number(chat_buf_t *out, const char *member,
                       const chat_limit_conf_t *policy, apr_int64_t n,
                       apr_pool_t *p)
{
    chat_buf_puts(out, ",\"");
    chat_buf_puts(out, member);
    chat_buf_puts(out, "\":");
    chat_buf_puts(out, chat_limit_amount(policy, n, p));
}

/* RFC 3339 in whole seconds, so that the same is said the same way; null while
 * nothing was counted. */
static void put_reset(chat_buf_t *out, apr_time_t at, apr_pool_t *p)
{
    apr_time_exp_t t;

    chat_buf_puts(out, ",\"resetAt\":");
    if (!at) {
        chat_buf_puts(out, "null");
        return;
    }
    apr_time_exp_gmt(&t, at + APR_USEC_PER_SEC / 2);
    chat_buf_puts(out, apr_psprintf(p, "\"%04d-%02d-%02dT%02d:%02d:%02d.000Z\"",
                                    t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
                                    t.tm_hour, t.tm_min, t.tm_sec));
}

static void put_state(chat_buf_t *out, const chat_limit_count_t *count,
                      const chat_limit_spent_t *spent, apr_time_t decided,
                      apr_pool_t *p)
{
    const chat_limit_conf_t *policy = count->policy;

    chat_buf_puts(out, "{\"name\":");
    chat_buf_quote(out, policy->name);
    chat_buf_puts(out, ",\"unit\":\"");
    chat_buf_puts(out, chat_limit_unit_told(policy));
    chat_buf_puts(out, "\"");
    if (policy->model) {
        chat_buf_puts(out, ",\"model\":");
        chat_buf_quote(out, policy->model);
    }
    put_number(out, "limit", policy, policy->points, p);
    put_number(out, "remaining", policy, chat_limit_left(count, spent), p);
    put_reset(
        out,
        count->reset_ms > 0 ? decided + apr_time_from_msec(count->reset_ms) : 0,
        p);
    chat_buf_puts(out, "}");
}

const char *chat_limit_told_one(const chat_limit_count_t *count,
                                apr_time_t decided, apr_pool_t *p)
{
    chat_buf_t *out = apr_palloc(p, sizeof(*out));

    chat_buf_init(out, p);
    put_state(out, count, NULL, decided, p);
    chat_buf_put(out, "", 1);
    return out->data;
}

const char *chat_limit_told_of(const chat_limit_counts_t *counts,
                               const chat_limit_spent_t *spent,
                               apr_time_t decided, apr_pool_t *p)
{
    chat_buf_t *out = apr_palloc(p, sizeof(*out));
    int i, n = 0;

    chat_buf_init(out, p);
    for (i = 0; i < counts->n; i++) {
        if (counts->count[i].policy->shadow ||
            !chat_limit_is_told(&counts->count[i]))
            continue;
        chat_buf_puts(out, n++ ? "," : "[");
        put_state(out, &counts->count[i], spent, decided, p);
    }
    if (!n)
        return NULL;
    chat_buf_put(out, "]", sizeof("]")); /* with its NUL */
    return out->data;
}
