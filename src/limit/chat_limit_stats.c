/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics of the policies: counters of each, the keys with the most requests
 * in the last hour, and a log line per refusal, bounded. In shared memory that
 * outlives restarts; any thread, one lock.
 *
 * The table of keys is bounded: a new key replaces the one with the fewest
 * requests and starts from its count (the "space saving" algorithm), so that a
 * key with many requests is in it for certain. Keys are kept as digests, since
 * they are ids and addresses; and with a salt, since those are few enough to be
 * guessed one by one.
 */
#include "chat_limit_int.h"

#include <http_main.h>
#include <mpm_common.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "chat_crypto.h"
#include "chat_log.h"
#include "chat_metric.h"
#include "chat_seal.h"

#define POLICIES_MAX 64
#define KEYS_MAX 128
#define HOUR_SECONDS 3600
/* Log lines per second for refusals; the others are only counted. */
#define LINES_PER_SECOND 10

typedef struct seen_key_t {
    char name[65];
    apr_uint64_t asked, refused;
} seen_key_t;

typedef struct stats_t {
    chat_shared_lock_t lock;
    unsigned char salt[CHAT_SEAL_HASH_KEY_LEN]; /* of the digests of keys, until
                                                   the server stops */
    int npolicies;
    chat_limit_stats_t policy[POLICIES_MAX];
    apr_time_t hour; /* in which the keys are counted: its begin */
    int nkeys;
    apr_uint64_t id[KEYS_MAX]; /* of each key */
    seen_key_t key[KEYS_MAX];
    apr_time_t second;    /* of the latest log line */
    int lines;            /* written in that second */
    apr_uint64_t omitted; /* lines not written since then */
} stats_t;

static stats_t *stats;

static chat_limit_stats_t *find_policy(const char *name)
{
    int i;

    for (i = 0; i < stats->npolicies; i++)
        if (!strcmp(stats->policy[i].name, name))
            return &stats->policy[i];
    if (i == POLICIES_MAX)
        return NULL;
    apr_cpystrn(stats->policy[i].name, name, sizeof(stats->policy[i].name));
    stats->npolicies++;
    return &stats->policy[i];
}

static void count_policy(const char *name, chat_limit_stats_e what)
{
    chat_limit_stats_t *row = find_policy(name);

    if (!row)
        return;
    row->allowed += what == CHAT_LIMIT_STATS_ALLOWED;
    row->refused += what == CHAT_LIMIT_STATS_REFUSED;
    row->exempt += what == CHAT_LIMIT_STATS_EXEMPT;
    row->degraded += what == CHAT_LIMIT_STATS_DEGRADED;
    row->shadowed += what == CHAT_LIMIT_STATS_SHADOWED;
}

static int in_clear(void)
{
    return chat_config_server(ap_server_conf)->limit.keys_clear;
}

/* The key's digest; its complement for keys that are shown as they are, so that
 * each gets a new row when ChatLimitKeys changes. */
static apr_uint64_t id_of(const char *key)
{
    apr_uint64_t id = stats ? chat_seal_hash(stats->salt, key, strlen(key)) : 0;

    return in_clear() ? ~id : id;
}

/* How a key is shown: as its digest, or as it is when ChatLimitKeys says so;
 * then without characters that mean something in a page or a log. */
static void show(char out[65], const char *key, apr_uint64_t id)
{
    if (!in_clear()) {
        chat_crypto_hex(out, &id, sizeof(id));
        return;
    }
    apr_cpystrn(out, key, 65);
    for (; *out; out++)
        if (!apr_isalnum(*out) && !strchr("{}:.+@/_-", *out))
            *out = '?';
}

/* The row of a key: its own, else a new one, else that of the key with the
 * fewest requests. */
static seen_key_t *find_key(const char *key, apr_uint64_t id)
{
    seen_key_t *row;
    int i, fewest = 0;

    for (i = 0; i < stats->nkeys; i++) {
        if (stats->id[i] == id)
            return &stats->key[i];
        if (stats->key[i].asked < stats->key[fewest].asked)
            fewest = i;
    }
    if (stats->nkeys < KEYS_MAX)
        memset(&stats->key[stats->nkeys++], 0, sizeof(*row));
    else
        i = fewest;
    row = &stats->key[i];
    stats->id[i] = id;
    row->refused = 0;
    show(row->name, key, id);
    return row;
}

static void count_key(const char *key, apr_uint64_t id, chat_limit_stats_e what)
{
    apr_time_t now = apr_time_now();
    seen_key_t *row;

    if (now - stats->hour > apr_time_from_sec(HOUR_SECONDS) ||
        now < stats->hour) {
        stats->hour = now;
        stats->nkeys = 0;
    }
    row = find_key(key, id);
    row->asked++;
    row->refused += what == CHAT_LIMIT_STATS_REFUSED;
}

static const char *decision(const chat_limit_conf_t *policy,
                            chat_limit_stats_e what)
{
    switch (what) {
    case CHAT_LIMIT_STATS_ALLOWED:
        return "allowed";
    case CHAT_LIMIT_STATS_REFUSED:
        return "refused";
    case CHAT_LIMIT_STATS_EXEMPT:
        return "exempt";
    case CHAT_LIMIT_STATS_SHADOWED:
        return "shadow";
    case CHAT_LIMIT_STATS_DEGRADED:
        break;
    }
    return policy->fail == CHAT_LIMIT_FAIL_LOCAL ? "failed_local"
           : chat_limit_fails_closed(policy)     ? "failed_closed"
                                                 : "failed_open";
}

int chat_limit_stats_count(const chat_limit_conf_t *policy, const char *key,
                           chat_limit_stats_e what, int wait)
{
    int counts = key && what != CHAT_LIMIT_STATS_DEGRADED;
    apr_uint64_t id;

    const char *labels[] = {policy->name, decision(policy, what)};

    if (!stats)
        return 1;
    id = counts ? id_of(key) : 0;
    if (wait)
        chat_shared_lock(&stats->lock);
    else if (!chat_shared_trylock(&stats->lock, NULL))
        return 0;
    count_policy(policy->name, what);
    if (counts)
        count_key(key, id, what);
    chat_shared_unlock(&stats->lock);
    chat_metric_add(CHAT_METRIC_LIMIT_DECISIONS, labels, 1);
    return 1;
}

apr_int64_t chat_limit_may_log(void)
{
    apr_time_t now = apr_time_now();
    apr_int64_t omitted = -1;

    if (!stats)
        return 0;
    chat_shared_lock(&stats->lock);
    if (apr_time_sec(now) != stats->second) {
        stats->second = apr_time_sec(now);
        stats->lines = 0;
    }
    if (stats->lines++ < LINES_PER_SECOND) {
        omitted = stats->omitted;
        stats->omitted = 0;
    }
    else {
        stats->omitted++;
    }
    chat_shared_unlock(&stats->lock);
    return omitted;
}

void chat_limit_log_refusal(request_rec *r, const chat_limit_count_t *count)
{
    apr_int64_t omitted = chat_limit_may_log();
    char name[65];

    if (omitted < 0)
        return;
    show(name, count->who, id_of(count->who));
    ap_log_rerror(
        APLOG_MARK, APLOG_NOTICE, 0, r,
        CHATNO(1002) "limit %s refuses %s: %s of %s used (%" APR_INT64_T_FMT
                     " more refusals since the last line)",
        count->policy->name, name,
        chat_limit_amount(count->policy, count->used, r->pool),
        chat_limit_amount(count->policy, count->policy->points, r->pool),
        omitted);
}

int chat_limit_stats(chat_limit_stats_t *rows, int max)
{
    int n;

    if (!stats)
        return 0;
    chat_shared_lock(&stats->lock);
    n = stats->npolicies < max ? stats->npolicies : max;
    memcpy(rows, stats->policy, n * sizeof(*rows));
    chat_shared_unlock(&stats->lock);
    return n;
}

static int by_asked(const void *a, const void *b)
{
    const chat_limit_top_t *x = a, *y = b;

    return x->asked < y->asked ? 1 : x->asked > y->asked ? -1 : 0;
}

int chat_limit_top(chat_limit_top_t *rows, int max)
{
    chat_limit_top_t all[KEYS_MAX];
    int i, n;

    if (!stats)
        return 0;
    chat_shared_lock(&stats->lock);
    for (n = stats->nkeys, i = 0; i < n; i++) {
        apr_cpystrn(all[i].key, stats->key[i].name, sizeof(all[i].key));
        all[i].asked = stats->key[i].asked;
        all[i].refused = stats->key[i].refused;
    }
    chat_shared_unlock(&stats->lock);
    qsort(all, n, sizeof(all[0]), by_asked);
    if (n > max)
        n = max;
    memcpy(rows, all, n * sizeof(*rows));
    return n;
}

apr_status_t chat_limit_stats_post_config(apr_pool_t *pconf, server_rec *s)
{
    int made;

    stats = chat_shared_retain(&made, "mod_chat_limit_stats_2", sizeof(*stats));
    if (stats &&
        (!made ||
         (chat_shared_lock_init(&stats->lock) &&
          chat_crypto_random(stats->salt, sizeof(stats->salt)) == APR_SUCCESS)))
        return APR_SUCCESS;
    stats = NULL;
    ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                 CHATNO(1003) "no shared memory for the statistics of limits");
    return APR_ENOMEM;
}
