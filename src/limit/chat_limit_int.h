/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to limit/: the counts of a request, as the two counters (in Redis and
 * in shared memory) see them. chat_limit_policy.c decides which policies apply,
 * chat_limit.c what a result means; the counters only count.
 */
#ifndef CHAT_LIMIT_INT_H
#define CHAT_LIMIT_INT_H

#include <httpd.h>

#include <sys/queue.h>

#include "chat_clock.h"
#include "chat_config.h"
#include "chat_limit.h"
#include "chat_limit_network.h"
#include "chat_limit_period.h"
#include "chat_shared.h"

/* ---- which policies apply, and whom they count (chat_limit_policy.c) ---- */

/* All that a policy may depend on. */
typedef struct chat_limit_context_t {
    request_rec *r;
    const chat_dir_conf_t *conf;
    const chat_limit_ask_t *ask;
    const char *tier; /* one word, or several */
} chat_limit_context_t;

int chat_limit_exempt(const chat_limit_context_t *ctx);
int chat_limit_applies(const chat_limit_conf_t *policy,
                       const chat_limit_context_t *ctx);

/* The counter's name, in r->pool; NULL when it cannot be made. period is the
 * name of the one that is now, "" where the policy has none. */
const char *chat_limit_key(const chat_limit_context_t *ctx,
                           const chat_limit_conf_t *policy, const char *period);

/* Letters of chat_limit_unit_e in keys: "r", "t", "s", "m", "h", "i", "b". */
extern const char *const chat_limit_unit[];

/* 1 when what it counts is reserved, and settled by what was used. */
int chat_limit_is_settled(const chat_limit_conf_t *policy);

/* 1 when it holds something that a request has to give back or to settle:
 * tokens, money, a place among the open streams. */
int chat_limit_is_leased(const chat_limit_conf_t *policy);

/* 1 when the policy refuses while Redis cannot be asked. */
int chat_limit_fails_closed(const chat_limit_conf_t *policy);

/* ---- counting ---- */

/* One counter of one request. */
typedef struct chat_limit_count_t {
    const chat_limit_conf_t *policy;
    const char *key;    /* the counter's name, as Redis has it */
    const char *who;    /* the same without what is asked, for logs */
    apr_int64_t amount; /* to charge: 1, or what is to be reserved; a request
                           does not charge what counts blocks, and is refused
                           when one more would be too many */
    apr_int64_t output; /* the tokens of the answer that it is reserved for */
    int window;         /* seconds that the counter lives from now, if it is
                           a new one */
    apr_time_t ends;    /* the period that it counts, or 0 */

    /* the result */
    apr_int64_t used;     /* charged in this window, with amount when allowed */
    apr_int64_t reset_ms; /* until the window ends, or a stream may end */
    apr_int64_t window_end; /* which window it was charged to, for settling:
                               ms of the counter's own clock */
    int refused;            /* this counter is over its limit */

    /* of the table in shared memory */
    apr_uint64_t digest[2]; /* of key */
    int local_lease;        /* index of its lease */

    /* of the list of leases in Redis: index of its entry + 1, 0 none */
    int entry;
} chat_limit_count_t;

/* All counts of a request, charged together. */
typedef struct chat_limit_counts_t {
    chat_limit_count_t *count;
    int n;
    const char *lease; /* its name, unique for ever; "" when nothing may have to
                          be settled */
    apr_interval_time_t lasts; /* the lease, at most */
    int fail_closed; /* the request is refused when Redis does not answer */
} chat_limit_counts_t;

/* ---- the counts of a request (chat_limit_count.c) ---- */

/* All policies that apply. 0: the key of one cannot be made, and it would limit
 * nobody. */
int chat_limit_collect(chat_limit_counts_t *counts,
                       const chat_limit_context_t *ctx);

/* What each is to charge. 0: that is unknown of one. */
int chat_limit_weigh(chat_limit_counts_t *counts,
                     const chat_limit_context_t *ctx);

/* The counter of a period lives a little longer than that: reset_ms does not.
 */
void chat_limit_end_periods(const chat_limit_counts_t *counts, apr_time_t now);

/* As chat_limit_notice(). decided: when the counts were read. */
const chat_notice_t *chat_limit_notice_of(const chat_limit_counts_t *counts,
                                          const chat_limit_spent_t *spent,
                                          apr_time_t decided, apr_pool_t *p);

/* What is left, once so much is spent in place of what was reserved; NULL: as
 * it was reserved. */
apr_int64_t chat_limit_left(const chat_limit_count_t *count,
                            const chat_limit_spent_t *spent);
/* 0: what is left for this question, or until a ban, is nothing that a client
 * could plan with. It counts once it refuses. */
int chat_limit_is_told(const chat_limit_count_t *count);
/* "requests", "tokens", "streams" or "usd"; "repeats" of one that refuses */
const char *chat_limit_unit_told(const chat_limit_conf_t *policy);

/* chat_limit_told.c: a count as chat_err_t.limit has it; all of them as
 * chat_limit_told(). */
const char *chat_limit_told_one(const chat_limit_count_t *count,
                                apr_time_t decided, apr_pool_t *p);
const char *chat_limit_told_of(const chat_limit_counts_t *counts,
                               const chat_limit_spent_t *spent,
                               apr_time_t decided, apr_pool_t *p);

/* 1 when one of the counts has to be settled, and so is leased. */
int chat_limit_leases(const chat_limit_counts_t *counts);

/*
 * A way to count.
 *
 * reserve() charges all or none. APR_SUCCESS: counted, and allowed when no
 * count is refused. Otherwise it cannot count now, and nothing is taken as
 * charged.
 *
 * settle() corrects counts exactly once per lease (tokens, money: by used -
 * amount; streams: the place is free): a lease that has expired was corrected
 * then.
 */
typedef struct chat_limit_counter_t {
    const char *name;
    apr_status_t (*reserve)(chat_limit_counts_t *counts, request_rec *r);
    apr_status_t (*settle)(chat_limit_counts_t *counts,
                           const chat_limit_spent_t *spent, request_rec *r);
    /* used and reset_ms of each count, as they stand; nothing is charged. */
    apr_status_t (*look)(chat_limit_counts_t *counts, request_rec *r);
    /* One more block, counts of CHAT_LIMIT_BLOCKS alone: the one that fills a
     * counter begins the ban, and no later one makes it longer. */
    apr_status_t (*mark)(chat_limit_counts_t *counts, request_rec *r);
} chat_limit_counter_t;

/* What a count has used of that; -1: unknown. */
apr_int64_t chat_limit_used(const chat_limit_count_t *count,
                            const chat_limit_spent_t *spent);

extern const chat_limit_counter_t chat_limit_local;
extern const chat_limit_counter_t chat_limit_redis;

apr_status_t chat_limit_local_post_config(apr_pool_t *pconf, server_rec *s);
void chat_limit_local_register_hooks(void);

/* ---- Redis ---- */

/* The query of chat_limit_admission on its way to Redis: the beginning of a
 * ticket. It belongs to the owner of the request. */
typedef struct chat_limit_query_t {
    request_rec *r;
    chat_limit_counts_t *counts;

    /* of chat_limit_redis_channel.c */
    const char **argv; /* the command */
    int argc;
    int submitted;
    int with_text;                /* the command has the script's text */
    struct redisContext *context; /* for a channel that has none, or NULL */
    apr_int64_t deadline;         /* monotonic us */
    void *waiter;
    chat_admission_decided_fn *decided;
    STAILQ_ENTRY(chat_limit_query_t) link;
} chat_limit_query_t;

/* What the ticket of a query makes of the result of reserve(). */
chat_admission_e chat_limit_conclude(chat_limit_query_t *query,
                                     apr_status_t rv);

/* Redis was asked to reserve and did not answer: it may have done so, or may
 * yet. All of it is given back. With wait, or on no engine, always 1; else 0
 * when this has to be called again. */
int chat_limit_redis_lease_revoke(chat_limit_counts_t *counts, int wait);

/* [not an engine] The counts are settled, or were never leased. */
void chat_limit_redis_lease_remove(chat_limit_counts_t *counts);

/* APR_SUCCESS: Redis answers. The breaker allows it, and has the result, as
 * with a count.
 */
apr_status_t chat_limit_redis_ping(request_rec *r);

apr_status_t chat_limit_redis_post_config(apr_pool_t *pconf, server_rec *s);
void chat_limit_redis_child_init(apr_pool_t *pchild, server_rec *s);
void chat_limit_redis_register_hooks(void);

/* ---- counters for telemetry (chat_limit_stats.c) ---- */

typedef enum {
    CHAT_LIMIT_STATS_ALLOWED,
    CHAT_LIMIT_STATS_REFUSED,
    CHAT_LIMIT_STATS_EXEMPT,
    CHAT_LIMIT_STATS_DEGRADED,
    CHAT_LIMIT_STATS_SHADOWED
} chat_limit_stats_e;

/* key: of the counter, NULL for none. 1 when it was counted; with wait it
 * always is. */
int chat_limit_stats_count(const chat_limit_conf_t *policy, const char *key,
                           chat_limit_stats_e what, int wait);
apr_status_t chat_limit_stats_post_config(apr_pool_t *pconf, server_rec *s);

/* The log takes some lines a second and no more. -1: no line may be written
 * now; else it may, and so many were left out since the last one. */
apr_int64_t chat_limit_may_log(void);

/* One line per refusal, as far as chat_limit_may_log() allows. */
void chat_limit_log_refusal(request_rec *r, const chat_limit_count_t *count);

/* ---- what a client is told (chat_limit_refuse.c) ---- */

/* That this count refuses, and when it will not any more; in p. */
apr_status_t chat_limit_refuse(chat_err_t *err, const chat_limit_count_t *no,
                               apr_pool_t *p);

/* ---- headers of the response (chat_limit_headers.c) ---- */

/* A policy's points or what is left of them, as people read them: whole
 * numbers, money in dollars. */
const char *chat_limit_amount(const chat_limit_conf_t *policy, apr_int64_t n,
                              apr_pool_t *p);

/* What is left of a count; 0 or more. */
apr_int64_t chat_limit_remaining(const chat_limit_count_t *count);

/* Names and values, in p. */
apr_table_t *chat_limit_headers_make(const chat_limit_counts_t *counts,
                                     apr_time_t now, apr_pool_t *p);

#endif
