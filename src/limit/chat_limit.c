/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tickets: what is reserved for a request, what the result means, and how it is
 * settled. chat_limit_policy.c says which policies apply and whom they count;
 * chat_limit_redis.c or chat_limit_local.c counts. Request thread; an engine
 * decides a query, and whoever owns the request settles.
 */
#include "chat_limit_int.h"

#include <http_main.h>
#include <apr_strings.h>

#include <unistd.h>

#include "chat_crypto.h"
#include "chat_log.h"
#include "chat_override.h"

struct chat_limit_ticket_t {
    chat_limit_query_t query; /* about asked; the first member */
    request_rec *r;
    chat_limit_counts_t asked;  /* of Redis, whatever it replied */
    chat_limit_counts_t shared; /* charged in Redis */
    chat_limit_counts_t local;  /* charged in the table in shared memory */
    apr_time_t decided;         /* when it was */
    apr_table_t *headers;
    chat_err_t refusal;
    chat_limit_counts_t
        counted; /* by the counter that decided, for the stats */
    int nstats;  /* so many of counted are in the stats */
    const chat_limit_count_t
        *refusing;                 /* the count that decided, for the log */
    apr_array_header_t *invisible; /* of chat_limit_invisible() */
    const char *found;             /* name of the one that refuses */
    int open;    /* Redis has to be asked, or was and has not replied */
    int revoked; /* nobody waits for the reply any more, and what it reserves is
                    still to be given back */
    int settled;
};

/* ---- reserving ---- */

int chat_limit_leases(const chat_limit_counts_t *counts)
{
    int i;

    for (i = 0; i < counts->n; i++)
        if (chat_limit_is_leased(counts->count[i].policy))
            return 1;
    return 0;
}

static apr_status_t misconfigured(chat_err_t *err)
{
    return chat_err_set(err, APR_EGENERAL, HTTP_INTERNAL_SERVER_ERROR,
                        "misconfigured",
                        "This route is not set up completely.");
}

static apr_status_t unavailable(chat_err_t *err)
{
    err->retry_after = "5";
    return chat_err_set(err, APR_EGENERAL, HTTP_SERVICE_UNAVAILABLE,
                        "limits_unavailable",
                        "Limits cannot be checked right now.");
}

static const char *lease_name(apr_pool_t *p)
{
    unsigned char id[16];
    char *name = apr_palloc(p, 2 * sizeof(id) + 1);

    if (chat_crypto_id(id, sizeof(id)) != APR_SUCCESS)
        return apr_psprintf(p, "%" APR_TIME_T_FMT "-%ld-%p", apr_time_now(),
                            (long)getpid(), (void *)p);
    chat_crypto_hex(name, id, sizeof(id));
    return name;
}

/* Redis did not answer: do what fail= of each policy says. */
static apr_status_t degrade(chat_limit_ticket_t *t, chat_err_t *err)
{
    chat_limit_counts_t asked = t->shared;
    int i, refused = 0;

    t->shared.n = 0;
    t->local.count =
        apr_pcalloc(t->r->pool, asked.n * sizeof(chat_limit_count_t));
    for (i = 0; i < asked.n; i++) {
        const chat_limit_conf_t *policy = asked.count[i].policy;

        chat_limit_stats_count(policy, asked.count[i].who,
                               CHAT_LIMIT_STATS_DEGRADED, 1);
        if (policy->fail == CHAT_LIMIT_FAIL_LOCAL)
            t->local.count[t->local.n++] = asked.count[i];
        refused |= chat_limit_fails_closed(policy);
    }
    t->local.lease = asked.lease;
    t->local.lasts = asked.lasts;
    if (!refused)
        return APR_SUCCESS;
    t->local.n = 0;
    return unavailable(err);
}

/* ---- the result ---- */

/* An engine adds to the stats what it can without waiting, and whoever settles
 * adds the rest. */
static void count_stats(chat_limit_ticket_t *t, int wait)
{
    for (; t->nstats < t->counted.n; t->nstats++) {
        const chat_limit_count_t *count = &t->counted.count[t->nstats];
        chat_limit_stats_e what = !count->refused ? CHAT_LIMIT_STATS_ALLOWED
                                  : count->policy->shadow
                                      ? CHAT_LIMIT_STATS_SHADOWED
                                      : CHAT_LIMIT_STATS_REFUSED;

        if (!chat_limit_stats_count(count->policy, count->who, what, wait))
            return;
    }
    if (wait && t->refusing)
        chat_limit_log_refusal(t->r, t->refusing);
}

/* Of the counts that refuse, the one that does so for the longest time: after
 * that the others allow the request, too. */
static const chat_limit_count_t *
longest_refusal(const chat_limit_counts_t *counts)
{
    const chat_limit_count_t *no = NULL;
    int i;

    for (i = 0; i < counts->n; i++) {
        const chat_limit_count_t *count = &counts->count[i];

        if (count->refused && !count->policy->shadow &&
            (!no || count->reset_ms > no->reset_ms))
            no = count;
    }
    return no;
}

static apr_status_t decide(chat_limit_ticket_t *t, chat_err_t *err)
{
    const chat_limit_counts_t *counts = t->shared.n ? &t->shared : &t->local;
    const chat_limit_count_t *no;

    t->decided = apr_time_now();
    chat_limit_end_periods(counts, t->decided);
    no = longest_refusal(counts);
    t->headers = chat_limit_headers_make(counts, t->decided, t->r->pool);
    t->counted = *counts;
    count_stats(t, 0);
    if (!no)
        return APR_SUCCESS;
    t->shared.n = t->local.n = 0; /* none is charged */
    t->refusing = no;
    err->limit = chat_limit_told_one(no, t->decided, t->r->pool);
    return chat_limit_refuse(err, no, t->r->pool);
}

/* Redis has counted t->shared, or no count of it is left; and t->local is still
 * to be counted. */
static apr_status_t reserve_local(chat_limit_ticket_t *t, chat_err_t *err)
{
    if (t->local.n &&
        chat_limit_local.reserve(&t->local, t->r) != APR_SUCCESS) {
        t->local.n = 0;
        return unavailable(err);
    }
    return t->shared.n || t->local.n ? decide(t, err) : APR_SUCCESS;
}

chat_admission_e chat_limit_conclude(chat_limit_query_t *query, apr_status_t rv)
{
    chat_limit_ticket_t *t = (chat_limit_ticket_t *)query;

    t->open = 0;
    /* APR_EINVAL: a key held something that is no counter, and so nothing is
     * charged. */
    if (rv != APR_SUCCESS && rv != APR_EINVAL)
        t->revoked = !chat_limit_redis_lease_revoke(&t->asked, 0);
    if (rv != APR_SUCCESS && degrade(t, &t->refusal) != APR_SUCCESS)
        return CHAT_ADMISSION_REFUSED;
    return reserve_local(t, &t->refusal) == APR_SUCCESS
               ? CHAT_ADMISSION_GRANTED
               : CHAT_ADMISSION_REFUSED;
}

static void count_exempt(const chat_limit_context_t *ctx)
{
    const apr_array_header_t *list = ctx->conf->limit.policies;
    int i;

    for (i = 0; i < list->nelts; i++)
        chat_limit_stats_count(
            APR_ARRAY_IDX(list, i, const chat_limit_conf_t *), NULL,
            CHAT_LIMIT_STATS_EXEMPT, 1);
}

static void collect_invisible(chat_limit_ticket_t *t,
                              const chat_limit_context_t *ctx)
{
    const apr_array_header_t *list = ctx->conf->limit.policies;
    int i;

    for (i = 0; i < list->nelts; i++) {
        const chat_limit_conf_t *policy =
            APR_ARRAY_IDX(list, i, const chat_limit_conf_t *);

        if (policy->unit == CHAT_LIMIT_INVISIBLE &&
            chat_limit_applies(policy, ctx))
            APR_ARRAY_PUSH(t->invisible, const chat_limit_conf_t *) =
                chat_override_limit(chat_ctx(t->r), policy);
    }
}

apr_status_t chat_limit_reserve(chat_limit_ticket_t **pticket, request_rec *r,
                                const chat_limit_ask_t *ask, chat_err_t *err)
{
    chat_limit_ticket_t *t = apr_pcalloc(r->pool, sizeof(*t));
    chat_ctx_t *ctx = chat_ctx(r);
    chat_limit_context_t context = {.r = r, .conf = ctx->dir, .ask = ask};
    int redis;

    *pticket = t;
    t->r = r;
    t->invisible = apr_array_make(r->pool, 1, sizeof(chat_limit_conf_t *));
    if (!context.conf->limit.policies->nelts)
        return APR_SUCCESS;
    if (chat_limit_exempt(&context)) {
        count_exempt(&context);
        return APR_SUCCESS;
    }
    context.tier = chat_limit_tier(ctx);
    if (ctx->tier_failed) /* no policy with a tier would apply */
        return misconfigured(err);
    collect_invisible(t, &context);
    if (!chat_limit_collect(&t->shared, &context) ||
        !chat_limit_weigh(&t->shared, &context)) {
        t->shared.n = 0;
        return misconfigured(err);
    }
    if (!t->shared.n)
        return APR_SUCCESS;
    redis = chat_config_server(ap_server_conf)->redis.url != NULL;
    t->shared.lease =
        chat_limit_leases(&t->shared) || (redis && t->shared.fail_closed)
            ? lease_name(r->pool)
            : "";
    t->shared.lasts = ask->lasts;
    if (redis) {
        t->open = 1;
        t->asked = t->shared;
        t->query.r = r;
        t->query.counts = &t->asked;
        return APR_INCOMPLETE;
    }
    t->local = t->shared;
    t->shared.n = 0;
    return reserve_local(t, err);
}

const chat_err_t *chat_limit_refusal(const chat_limit_ticket_t *ticket)
{
    return &ticket->refusal;
}

const char *chat_limit_refusing(const chat_limit_ticket_t *ticket)
{
    if (!ticket)
        return NULL;
    return ticket->refusing ? ticket->refusing->policy->name : ticket->found;
}

int chat_limit_counts_repeats(const chat_dir_conf_t *conf)
{
    const apr_array_header_t *list = conf->limit.policies;
    int i;

    for (i = 0; i < list->nelts; i++)
        if (APR_ARRAY_IDX(list, i, const chat_limit_conf_t *)->unit ==
            CHAT_LIMIT_REPEATS)
            return 1;
    return 0;
}

const apr_array_header_t *chat_limit_invisible(const chat_limit_ticket_t *t)
{
    return t->invisible;
}

int chat_limit_invisible_found(chat_limit_ticket_t *ticket,
                               const chat_limit_conf_t *policy, int found,
                               int refuses)
{
    chat_limit_stats_count(policy, NULL,
                           !found           ? CHAT_LIMIT_STATS_ALLOWED
                           : policy->shadow ? CHAT_LIMIT_STATS_SHADOWED
                                            : CHAT_LIMIT_STATS_REFUSED,
                           1);
    if (!found || !refuses || policy->shadow)
        return 0;
    ticket->found = policy->name;
    return 1;
}

const apr_table_t *chat_limit_headers(chat_limit_ticket_t *ticket)
{
    if (!ticket->headers)
        ticket->headers = apr_table_make(ticket->r->pool, 0);
    return ticket->headers;
}

static int counts_tokens(const chat_limit_counts_t *counts)
{
    int i;

    for (i = 0; i < counts->n; i++)
        if (chat_limit_is_settled(counts->count[i].policy))
            return 1;
    return 0;
}

int chat_limit_counts_tokens(const chat_limit_ticket_t *ticket)
{
    return counts_tokens(&ticket->shared) || counts_tokens(&ticket->local);
}

static int counts_cost(const chat_limit_counts_t *counts)
{
    int i;

    for (i = 0; i < counts->n; i++)
        if (counts->count[i].policy->unit == CHAT_LIMIT_COST)
            return 1;
    return 0;
}

int chat_limit_counts_cost(const chat_limit_ticket_t *ticket)
{
    return counts_cost(&ticket->shared) || counts_cost(&ticket->local);
}

/* What a count gives to a question about all; APR_INT64_MAX: nothing. */
typedef apr_int64_t value_fn(const chat_limit_count_t *count);

static apr_int64_t reserved_tokens(const chat_limit_count_t *count)
{
    return chat_limit_is_settled(count->policy) && !count->policy->shadow
               ? count->output
               : APR_INT64_MAX;
}

static apr_int64_t cut_after(const chat_limit_count_t *count)
{
    return count->policy->unit == CHAT_LIMIT_TOKENS && count->policy->cut
               ? reserved_tokens(count)
               : APR_INT64_MAX;
}

static apr_int64_t cut_cost(const chat_limit_count_t *count)
{
    return count->policy->unit == CHAT_LIMIT_COST && count->policy->cut &&
                   !count->policy->shadow
               ? count->amount
               : APR_INT64_MAX;
}

static apr_int64_t least_of(const chat_limit_counts_t *counts, value_fn *value)
{
    apr_int64_t least = APR_INT64_MAX;
    int i;

    for (i = 0; i < counts->n; i++) {
        apr_int64_t mine = value(&counts->count[i]);

        if (mine < least)
            least = mine;
    }
    return least;
}

static apr_int64_t least(const chat_limit_ticket_t *t, value_fn *value)
{
    apr_int64_t shared = least_of(&t->shared, value);
    apr_int64_t local = least_of(&t->local, value);

    return shared < local ? shared : local;
}

apr_int64_t chat_limit_reserved_tokens(const chat_limit_ticket_t *ticket)
{
    return least(ticket, reserved_tokens);
}

apr_int64_t chat_limit_cut_after(const chat_limit_ticket_t *ticket)
{
    return least(ticket, cut_after);
}

apr_int64_t chat_limit_cut_cost(const chat_limit_ticket_t *ticket)
{
    return least(ticket, cut_cost);
}

/* When the query is still on its way, or the reply came too late, all that it
 * reserves is given back. What cannot be settled now is settled later. */
static void settle_redis(chat_limit_ticket_t *t,
                         const chat_limit_spent_t *spent)
{
    if (t->revoked || (t->open && t->query.submitted))
        chat_limit_redis_lease_revoke(&t->asked, 1);
    else if (t->shared.n)
        chat_limit_redis.settle(&t->shared, spent, t->r);
    else
        chat_limit_redis_lease_remove(&t->asked);
}

/* Of those policies that have let the request in; of which Redis knows nothing
 * a while, as fail=local says. */
static void mark(const chat_limit_ticket_t *t)
{
    chat_limit_counts_t blocks = {.lease = ""};
    int i;

    blocks.count = apr_pcalloc(t->r->pool,
                               (t->counted.n + 1) * sizeof(chat_limit_count_t));
    for (i = 0; i < t->counted.n; i++)
        if (t->counted.count[i].policy->unit == CHAT_LIMIT_BLOCKS)
            blocks.count[blocks.n++] = t->counted.count[i];
    if (!blocks.n ||
        (t->shared.n && chat_limit_redis.mark(&blocks, t->r) == APR_SUCCESS))
        return;
    for (i = 0; t->shared.n && i < blocks.n;)
        if (blocks.count[i].policy->fail == CHAT_LIMIT_FAIL_LOCAL)
            i++;
        else
            blocks.count[i] = blocks.count[--blocks.n];
    if (blocks.n)
        chat_limit_local.mark(&blocks, t->r);
}

void chat_limit_settle(chat_limit_ticket_t *ticket,
                       const chat_limit_spent_t *spent)
{
    static const chat_limit_spent_t nothing = {0, 0, 0};

    if (!spent)
        spent = &nothing;
    if (!ticket || ticket->settled)
        return;
    ticket->settled = 1;
    count_stats(ticket, 1);
    if (spent->blocked)
        mark(ticket);
    settle_redis(ticket, spent);
    if (chat_limit_leases(&ticket->local))
        chat_limit_local.settle(&ticket->local, spent, ticket->r);
}

apr_status_t chat_limit_ping(request_rec *r)
{
    return chat_config_server(ap_server_conf)->redis.url
               ? chat_limit_redis_ping(r)
               : APR_ENOTIMPL;
}

const chat_notice_t *chat_limit_notice(const chat_limit_ticket_t *ticket,
                                       const chat_limit_spent_t *spent,
                                       apr_pool_t *p)
{
    return chat_limit_notice_of(&ticket->counted, spent, ticket->decided, p);
}

const char *chat_limit_told(const chat_limit_ticket_t *ticket,
                            const chat_limit_spent_t *spent, apr_pool_t *p)
{
    return ticket
               ? chat_limit_told_of(&ticket->counted, spent, ticket->decided, p)
               : NULL;
}

/* ---- start-up ---- */

apr_status_t chat_limit_post_config(apr_pool_t *pconf, server_rec *s)
{
    apr_status_t rv = chat_limit_local_post_config(pconf, s);

    if (rv == APR_SUCCESS)
        rv = chat_limit_redis_post_config(pconf, s);
    if (rv == APR_SUCCESS)
        rv = chat_limit_stats_post_config(pconf, s);
    return rv;
}

void chat_limit_child_init(apr_pool_t *pchild, server_rec *s)
{
    chat_limit_redis_child_init(pchild, s);
}

void chat_limit_register_hooks(apr_pool_t *p)
{
    chat_limit_local_register_hooks();
    chat_limit_redis_register_hooks();
}
