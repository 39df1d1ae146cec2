/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counter without Redis: a table in memory that all children of this
 * server share, bounded, with one lock. It survives restarts, for the
 * children of the old generation still count in it.
 *
 * A counter is found by a digest of its key in a set of WAYS places. When
 * those are full, one that means nothing any more makes room, else a shadow,
 * else the one that has used the smallest share of its limit: who makes up
 * keys to have others forgotten has his own forgotten first. Which keys share
 * a set nobody can tell from outside.
 *
 * What a request has to give back stands in a lease, chained to its counter.
 * A lease ends when it is settled, when its time is over, or when its child
 * dies. Time is CLOCK_MONOTONIC, in milliseconds.
 */
#include "chat_limit_local_int.h"

#include <http_main.h>
#include <mpm_common.h>

#include "chat_crypto.h"
#include "chat_log.h"

/* Between two warnings that counters were forgotten. */
#define TELL_EVERY_MS (60 * 1000)

/* What is lost with a counter: nothing, what only a log would tell, or else a
 * share of its limit in thousandths above that. */
#define WORTH_NOTHING (-1)
#define WORTH_SHADOW 0

table_t *chat_limit_table;

static apr_int64_t now_ms(void)
{
    return chat_clock_now() / 1000;
}

/* ---- counters ---- */

static void clear(cell_t *cell)
{
    chat_limit_lease_forget(cell);
    memset(cell, 0, sizeof(*cell));
    cell->leases = -1;
}

static void digest(apr_uint64_t out[2], const char *text)
{
    unsigned char sum[CHAT_SHA256_LEN] = {0};

    chat_crypto_sha256(sum, text, strlen(text));
    memcpy(out, sum, 2 * sizeof(*out));
    out[0] |= 1; /* never the free cell's */
}

static int worth_now(const cell_t *cell, apr_int64_t now)
{
    int over =
        cell->window_end == NO_END ? cell->leases < 0 : cell->window_end <= now;

    return over || (cell->used <= 0 && cell->leases < 0) ? WORTH_NOTHING
                                                         : cell->worth;
}

static void appraise(cell_t *cell, const chat_limit_conf_t *policy)
{
    double share = policy->points > 0
                       ? 1000.0 * (double)cell->used / (double)policy->points
                       : 1000;

    cell->worth = policy->shadow  ? WORTH_SHADOW
                  : share <= 0    ? WORTH_SHADOW + 1
                  : share >= 1000 ? WORTH_SHADOW + 1001
                                  : WORTH_SHADOW + 1 + (int)share;
}

/* The top bits of the product: without the seed nobody finds keys of one
 * set. */
static cell_t *set_of(const apr_uint64_t key[2])
{
    apr_uint64_t spread = (key[1] * chat_limit_table->seed) >> 32;

    return &chat_limit_cells()
        [((spread * (apr_uint64_t)chat_limit_table->nsets) >> 32) * WAYS];
}

static cell_t *find(const apr_uint64_t key[2])
{
    cell_t *set = set_of(key);
    int i;

    for (i = 0; i < WAYS; i++)
        if (set[i].key[0] == key[0] && set[i].key[1] == key[1])
            return &set[i];
    return NULL;
}

/* Of two that have used the same share, the one that took less to get there,
 * then the one that ends first. */
static int is_lesser(const cell_t *a, const cell_t *b, apr_int64_t now)
{
    int x = worth_now(a, now), y = worth_now(b, now);

    if (x != y)
        return x < y;
    return a->used != b->used ? a->used < b->used
                              : a->window_end < b->window_end;
}

static cell_t *make_room(const apr_uint64_t key[2], apr_int64_t now)
{
    cell_t *set = set_of(key), *victim = set;
    int i;

    for (i = 1; i < WAYS; i++)
        if (is_lesser(&set[i], victim, now))
            victim = &set[i];
    chat_limit_table->forgotten += worth_now(victim, now) > WORTH_SHADOW;
    clear(victim);
    return victim;
}

/* The counter as it stands now: expired windows and leases are gone. */
static cell_t *fetch(const chat_count_t *count, apr_int64_t now)
{
    const apr_uint64_t *key = count->digest;
    cell_t *cell = find(key);

    if (cell && cell->window_end <= now)
        clear(cell);
    if (!cell)
        cell = make_room(key, now);
    if (cell->key[0]) {
        chat_limit_lease_sweep(cell, now);
        return cell;
    }
    cell->key[0] = key[0];
    cell->key[1] = key[1];
    cell->window_end = count->policy->unit == CHAT_LIMIT_STREAMS
                           ? NO_END
                           : now + (apr_int64_t)count->policy->window * 1000;
    return cell;
}

static void look(chat_count_t *count, apr_int64_t now,
                 apr_interval_time_t lasts)
{
    cell_t *cell = fetch(count, now);
    apr_int64_t over = cell->used + count->amount - count->policy->points;
    int streams = cell->window_end == NO_END;
    apr_int64_t end = streams ? now + lasts / 1000 : cell->window_end;

    count->used = cell->used;
    count->window_end = cell->window_end;
    count->refused = over > 0;
    /* What is reserved comes back when its lease ends, if not before. */
    if (streams || (over > 0 && cell->leases >= 0))
        end = chat_limit_lease_frees(cell, over > 0 ? over : 1, end);
    count->reset_ms = end - now;
}

static void charge(chat_count_t *count, apr_uint64_t lease, apr_int64_t now,
                   apr_interval_time_t lasts)
{
    cell_t *cell = fetch(count, now);

    if (count->policy->unit != CHAT_LIMIT_REQUESTS)
        count->place = chat_limit_lease_add(cell, lease, count->amount,
                                            now + lasts / 1000);
    cell->used += count->amount;
    appraise(cell, count->policy);
    count->used = cell->used;
}

/* Whether every lease of the request finds a place. */
static int room_for(const chat_counts_t *counts)
{
    int i, n = 0;

    for (i = 0; i < counts->n; i++)
        n += counts->count[i].policy->unit != CHAT_LIMIT_REQUESTS;
    return n <= chat_limit_table->nfree;
}

static int forbids(const chat_counts_t *counts)
{
    int i;

    for (i = 0; i < counts->n; i++)
        if (counts->count[i].refused && !counts->count[i].policy->shadow)
            return 1;
    return 0;
}

/* ---- the counter's two functions ---- */

/* The lease that the request was given, if it is still that. */
static int is_ours(const chat_count_t *count, const cell_t *cell,
                   apr_uint64_t name)
{
    const lease_t *lease = chat_limit_lease(count->place);

    return lease->pid && lease->name == name &&
           lease->cell == cell - chat_limit_cells();
}

/* The reservation goes, what was used comes: if nobody knows that, the
 * reservation stays as the charge. A lease that has expired was given back
 * already, and of a window that is over nothing is left to correct. */
static void settle_one(const chat_count_t *count, apr_uint64_t name,
                       apr_int64_t tokens)
{
    int streams = count->policy->unit == CHAT_LIMIT_STREAMS;
    cell_t *cell = find(count->digest);

    if (!cell)
        return;
    if (is_ours(count, cell, name)) {
        if (!streams && tokens < 0)
            cell->used += count->amount; /* which is given back next */
        chat_limit_lease_give_back(cell, count->place);
    }
    if (!streams && tokens > 0 && cell->window_end == count->window_end)
        cell->used += tokens;
    appraise(cell, count->policy);
}

static apr_status_t settle(chat_counts_t *counts, apr_int64_t tokens,
                           request_rec *r)
{
    apr_uint64_t name[2];
    int i;

    digest(name, counts->lease);
    chat_limit_local_enter();
    for (i = 0; i < counts->n; i++)
        if (counts->count[i].policy->unit != CHAT_LIMIT_REQUESTS)
            settle_one(&counts->count[i], name[0], tokens);
    chat_limit_local_leave();
    return APR_SUCCESS;
}

/* In the lock: how many live counters were forgotten, if it is time to say
 * so. */
static apr_uint64_t to_tell(apr_int64_t now)
{
    apr_uint64_t n =
        now >= chat_limit_table->tell_at ? chat_limit_table->forgotten : 0;

    if (n) {
        chat_limit_table->forgotten = 0;
        chat_limit_table->tell_at = now + TELL_EVERY_MS;
    }
    return n;
}

/* Before the lock: nobody waits for it. */
static void name_all(chat_counts_t *counts, apr_uint64_t lease[2])
{
    int i;

    for (i = 0; i < counts->n; i++)
        digest(counts->count[i].digest, counts->count[i].key);
    if (chat_limit_leases(counts))
        digest(lease, counts->lease);
}

static apr_status_t take(chat_counts_t *counts, request_rec *r)
{
    apr_int64_t now = now_ms();
    apr_status_t rv = APR_SUCCESS;
    apr_uint64_t name[2] = {0}, forgotten;
    int i;

    if (!chat_limit_table)
        return APR_ENOTIMPL;
    name_all(counts, name);
    chat_limit_local_enter();
    for (i = 0; i < counts->n; i++)
        look(&counts->count[i], now, counts->lasts);
    if (!forbids(counts) && !room_for(counts))
        rv = APR_ENOMEM;
    else if (!forbids(counts))
        for (i = 0; i < counts->n; i++)
            charge(&counts->count[i], name[0], now, counts->lasts);
    forgotten = to_tell(now);
    chat_limit_local_leave();
    if (forgotten)
        ap_log_rerror(
            APLOG_MARK, APLOG_WARNING, 0, r,
            CHATNO(1032) "ChatLimitTable is too small: %" APR_UINT64_T_FMT
                         " counters that were in use are forgotten",
            forgotten);
    if (rv != APR_SUCCESS && chat_limit_may_log() >= 0)
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r,
                      CHATNO(1030) "ChatLimitTable is too small for the "
                                   "streams that are open");
    return rv;
}

const chat_counter_t chat_limit_local = {
    .name = "local",
    .take = take,
    .settle = settle,
};

/* ---- start-up, and children that die ---- */

/* Half as many leases as counters: only some requests are open at a time. */
static int fill(apr_size_t size)
{
    apr_size_t unit = WAYS * sizeof(cell_t) + WAYS / 2 * sizeof(lease_t);

    if (!chat_shared_lock_init(&chat_limit_table->lock) ||
        chat_crypto_random(&chat_limit_table->seed,
                           sizeof(chat_limit_table->seed)) != APR_SUCCESS)
        return 0;
    chat_limit_table->seed |= 1;
    chat_limit_table->nsets = (size - sizeof(*chat_limit_table)) / unit;
    chat_limit_table->nleases = chat_limit_table->nsets * (WAYS / 2);
    chat_limit_lease_mend(); /* which makes all leases free */
    return 1;
}

apr_status_t chat_limit_local_post_config(apr_pool_t *pconf, server_rec *s)
{
    apr_size_t size = chat_config_server(s)->limit_table;
    int made;

    chat_limit_table = chat_shared_retain(&made, "mod_chat_limits_1", size);
    if (chat_limit_table && (!made || fill(size)))
        return APR_SUCCESS;
    ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                 CHATNO(1031) "ChatLimitTable: no %" APR_SIZE_T_FMT
                              " bytes of shared memory",
                 size);
    chat_limit_table = NULL;
    return APR_ENOMEM;
}

static void child_status(server_rec *s, pid_t pid, ap_generation_t gen,
                         int slot, mpm_child_status state)
{
    if (state != MPM_CHILD_EXITED || !chat_limit_table)
        return;
    chat_limit_local_enter();
    chat_limit_lease_bury(pid);
    chat_limit_local_leave();
}

void chat_limit_local_register_hooks(void)
{
    ap_hook_child_status(child_status, NULL, NULL, APR_HOOK_MIDDLE);
}
