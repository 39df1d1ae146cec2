/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this room share: a policy's question as the two counters
 * (Redis, local) see it. chat_limit_policy.c decides which policies apply,
 * chat_limit.c what an answer means; the counters only count.
 */
#ifndef CHAT_LIMIT_INT_H
#define CHAT_LIMIT_INT_H

#include <httpd.h>

#include <sys/queue.h>

#include "chat_clock.h"
#include "chat_config.h"
#include "chat_limit.h"
#include "chat_limit_network.h"
#include "chat_shared.h"

/* What every policy of a request may want to know. */
typedef struct chat_limit_asking_t {
    request_rec *r;
    const chat_dir_conf_t *conf;
    const chat_limit_ask_t *ask;
    const char *tier; /* one word, or several */
} chat_limit_asking_t;

/* ---- which policies, and whom they count (chat_limit_policy.c) ---- */

int chat_limit_exempt(const chat_limit_asking_t *a);
int chat_limit_applies(const chat_limit_conf_t *policy,
                       const chat_limit_asking_t *a);
/* The counter's name, in r->pool; NULL when it cannot be made. */
const char *chat_limit_key(const chat_limit_asking_t *a,
                           const chat_limit_conf_t *policy);

/* Letters of chat_limit_unit_e: "r", "t", "s". */
extern const char *const chat_limit_unit[];

/* ---- counting ---- */

/* One counter of one request. */
typedef struct chat_count_t {
    const chat_limit_conf_t *policy;
    const char *key;    /* the counter's name, as Redis has it */
    apr_int64_t amount; /* to charge: 1, or the tokens reserved */
    /* the answer */
    apr_int64_t used;     /* charged in this window, with ours when allowed */
    apr_int64_t reset_ms; /* until the window ends, or the next slot at best */
    apr_int64_t window_end; /* which window it was charged to, for settling:
                               ms of the counter's own clock */
    int refused;            /* this one said no */
    /* in our own table */
    apr_uint64_t digest[2]; /* of its key */
    int place;              /* of its lease */
    /* in the list of leases in Redis */
    int noted; /* 0: it is not */
} chat_count_t;

/* All of a request's, charged together. */
typedef struct chat_counts_t {
    chat_count_t *count;
    int n;
    const char *lease; /* names the request, unique for ever; "" when there is
                          nothing that might have to be given back */
    apr_interval_time_t lasts; /* of the lease */
    int closed; /* the request is refused when Redis does not answer */
} chat_counts_t;

/* 1 when one of them has to be settled, and so leases what it takes. */
int chat_limit_leases(const chat_counts_t *counts);

/*
 * A way to count. take() charges all or none:
 * APR_SUCCESS  answered: allowed when no count is refused
 * otherwise    it cannot be told now, and nothing counts as charged
 * settle() corrects counts (tokens: by used - amount; streams: frees the
 * place), exactly once per lease: a lease that has expired was given back.
 */
typedef struct chat_counter_t {
    const char *name;
    apr_status_t (*take)(chat_counts_t *counts, request_rec *r);
    apr_status_t (*settle)(chat_counts_t *counts, apr_int64_t tokens,
                           request_rec *r);
} chat_counter_t;

extern const chat_counter_t chat_limit_redis;

/* Redis was asked to take them and did not answer: it may have, or will. Then
 * all is given back. With wait, or on no engine, always 1; else 0 when it has
 * to be called again. */
int chat_redis_lease_unheard(chat_counts_t *counts, int wait);
/* [not an engine] They are settled, or are none. */
void chat_redis_lease_strike(chat_counts_t *counts);

extern const chat_counter_t chat_limit_local;

/* The query of chat_limit_admission, and on its way to Redis: the beginning of
 * a ticket. The owner of the request's. */
typedef struct chat_question_t {
    request_rec *r;
    chat_counts_t *counts;
    /* chat_limit_redis_line.c */
    const char **word; /* the command */
    int nwords;
    int asked;                    /* it is on its way */
    int whole;                    /* ... with the script's text */
    struct redisContext *brought; /* for a line that has none, or NULL */
    apr_int64_t deadline;         /* monotonic us */
    void *asker;
    chat_admission_decided_fn *answered;
    STAILQ_ENTRY(chat_question_t) link;
} chat_question_t;

/* How Redis counted, with the result of take(): what its ticket makes of it. */
chat_admission_e chat_limit_conclude(chat_question_t *question,
                                     apr_status_t rv);

/* APR_SUCCESS: it answers. The breaker is asked, and told, as by a count. */
apr_status_t chat_limit_redis_ping(request_rec *r);
apr_status_t chat_limit_redis_post_config(apr_pool_t *pconf, server_rec *s);
void chat_limit_redis_child_init(apr_pool_t *pchild, server_rec *s);
void chat_limit_redis_register_hooks(void);

apr_status_t chat_limit_local_post_config(apr_pool_t *pconf, server_rec *s);
void chat_limit_local_register_hooks(void);

/* Telemetry (chat_limit_tally.c). */
typedef enum {
    CHAT_TALLY_ALLOWED,
    CHAT_TALLY_REFUSED,
    CHAT_TALLY_EXEMPT,
    CHAT_TALLY_DEGRADED,
    CHAT_TALLY_SHADOWED
} chat_tally_e;

/* 1 when it was counted; with wait it always is. */
int chat_limit_tally(const chat_limit_conf_t *policy, const char *key,
                     chat_tally_e what, int wait);
apr_status_t chat_limit_tally_post_config(apr_pool_t *pconf, server_rec *s);

/* How many lines were kept back since the last one if a line may be written
 * to the log now, -1 if not: more than some a second would help nobody. */
apr_int64_t chat_limit_may_log(void);

/* One line per refusal, as far as chat_limit_may_log() lets it. */
void chat_limit_log_refusal(request_rec *r, const chat_count_t *count);

/* The header values of an answer (chat_limit_headers.c, pure but for pools). */
apr_table_t *chat_limit_headers_make(const chat_counts_t *counts,
                                     apr_time_t now, apr_pool_t *p);

#endif
