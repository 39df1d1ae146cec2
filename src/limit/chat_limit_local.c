/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counter without Redis: a table in shared memory, bounded, with one lock.
 * It outlives restarts, because children of the old generation still count in
 * it.
 *
 * The table is set-associative: a digest of its key gives each counter a set of
 * WAYS cells. When all are in use one is evicted: one whose window is over,
 * else one of a shadow policy, else the one that has used the smallest share of
 * its limit. So a client that invents keys to evict other counters evicts its
 * own first; and the seed keeps secret which keys share a set.
 *
 * What a request has to settle is a lease, chained to its counter. A lease ends
 * when it is settled, when its time is over, or when its child dies. Times are
 * monotonic milliseconds.
 */
#include "chat_limit_local_int.h"

#include <http_main.h>
#include <mpm_common.h>

#include "chat_crypto.h"
#include "chat_log.h"

/* Between two warnings that counters were evicted. */
#define WARN_EVERY_MS (60 * 1000)

/* What is lost when a counter is evicted: nothing, a line in the log, or above
 * that the used share of its limit in thousandths. */
#define WORTH_NOTHING (-1)
#define WORTH_SHADOW 0

chat_limit_local_table_t *chat_limit_local_table;

static apr_int64_t now_ms(void)
{
    return chat_clock_now() / 1000;
}

/* ---- counters ---- */

static void clear(chat_limit_local_cell_t *cell)
{
    chat_limit_local_lease_forget(cell);
    memset(cell, 0, sizeof(*cell));
    cell->leases = -1;
}

static void digest(apr_uint64_t out[2], const char *text)
{
    unsigned char sum[CHAT_SHA256_LEN] = {0};

    chat_crypto_sha256(sum, text, strlen(text));
    memcpy(out, sum, 2 * sizeof(*out));
    out[0] |= 1; /* not that of a free cell */
}

static int worth_now(const chat_limit_local_cell_t *cell, apr_int64_t now)
{
    int over =
        cell->window_end == NO_END ? cell->leases < 0 : cell->window_end <= now;

    return over || (cell->used <= 0 && cell->leases < 0) ? WORTH_NOTHING
                                                         : cell->worth;
}

static void set_worth(chat_limit_local_cell_t *cell,
                      const chat_limit_conf_t *policy)
{
    double share = policy->points > 0
                       ? 1000.0 * (double)cell->used / (double)policy->points
                       : 1000;

    cell->worth = policy->shadow  ? WORTH_SHADOW
                  : share <= 0    ? WORTH_SHADOW + 1
                  : share >= 1000 ? WORTH_SHADOW + 1001
                                  : WORTH_SHADOW + 1 + (int)share;
}

/* The top bits of the product: keys of one set cannot be found without the
 * seed. */
static chat_limit_local_cell_t *set_of(const apr_uint64_t key[2])
{
    apr_uint64_t spread = (key[1] * chat_limit_local_table->seed) >> 32;

    return &chat_limit_local_cells()
        [((spread * (apr_uint64_t)chat_limit_local_table->nsets) >> 32) * WAYS];
}

static chat_limit_local_cell_t *find_cell(const apr_uint64_t key[2])
{
    chat_limit_local_cell_t *set = set_of(key);
    int i;

    for (i = 0; i < WAYS; i++)
        if (set[i].key[0] == key[0] && set[i].key[1] == key[1])
            return &set[i];
    return NULL;
}

/* Of two counters with the same share used, the one with the lower number is
 * worth less, then the one whose window ends first. */
static int is_lesser(const chat_limit_local_cell_t *a,
                     const chat_limit_local_cell_t *b, apr_int64_t now)
{
    int x = worth_now(a, now), y = worth_now(b, now);

    if (x != y)
        return x < y;
    return a->used != b->used ? a->used < b->used
                              : a->window_end < b->window_end;
}

static chat_limit_local_cell_t *evict(const apr_uint64_t key[2],
                                      apr_int64_t now)
{
    chat_limit_local_cell_t *set = set_of(key), *victim = set;
    int i;

    for (i = 1; i < WAYS; i++)
        if (is_lesser(&set[i], victim, now))
            victim = &set[i];
    chat_limit_local_table->forgotten += worth_now(victim, now) > WORTH_SHADOW;
    clear(victim);
    return victim;
}

/* The counter of a count, without a window and leases that have expired. */
static chat_limit_local_cell_t *fetch_cell(const chat_limit_count_t *count,
                                           apr_int64_t now)
{
    const apr_uint64_t *key = count->digest;
    chat_limit_local_cell_t *cell = find_cell(key);

    if (cell && cell->window_end <= now)
        clear(cell);
    if (!cell)
        cell = evict(key, now);
    if (cell->key[0]) {
        chat_limit_local_lease_sweep(cell, now);
        return cell;
    }
    cell->key[0] = key[0];
    cell->key[1] = key[1];
    cell->window_end = count->policy->unit == CHAT_LIMIT_STREAMS
                           ? NO_END
                           : now + (apr_int64_t)count->window * 1000;
    return cell;
}

/* A counter of blocks is begun by the first of them. */
static void check_blocks(chat_limit_count_t *count, apr_int64_t now)
{
    const chat_limit_local_cell_t *cell = find_cell(count->digest);
    apr_int64_t end = now + (apr_int64_t)count->window * 1000;

    count->used = 0;
    if (cell && cell->window_end > now) {
        count->used = cell->used;
        end = cell->window_end;
    }
    count->refused = count->used + count->amount > count->policy->points;
    count->reset_ms = end - now;
}

static void check(chat_limit_count_t *count, apr_int64_t now,
                  apr_interval_time_t lasts)
{
    chat_limit_local_cell_t *cell;
    apr_int64_t over, end;
    int streams;

    if (count->policy->unit == CHAT_LIMIT_BLOCKS) {
        check_blocks(count, now);
        return;
    }
    cell = fetch_cell(count, now);
    over = cell->used + count->amount - count->policy->points;
    streams = cell->window_end == NO_END;
    end = streams ? now + lasts / 1000 : cell->window_end;
    count->used = cell->used;
    count->window_end = cell->window_end;
    count->refused = over > 0;
    /* A reservation is given back when its lease ends at the latest. */
    if (streams || (over > 0 && cell->leases >= 0))
        end = chat_limit_local_lease_frees(cell, over > 0 ? over : 1, end);
    count->reset_ms = end - now;
}

static void charge(chat_limit_count_t *count, apr_uint64_t lease,
                   apr_int64_t now, apr_interval_time_t lasts)
{
    chat_limit_local_cell_t *cell;

    if (count->policy->unit == CHAT_LIMIT_BLOCKS)
        return;
    cell = fetch_cell(count, now);
    if (chat_limit_is_leased(count->policy))
        count->local_lease = chat_limit_local_lease_add(
            cell, lease, count->amount, now + lasts / 1000);
    cell->used += count->amount;
    set_worth(cell, count->policy);
    count->used = cell->used;
}

/* 1 when there is a free lease for each count that needs one. */
static int has_free_leases(const chat_limit_counts_t *counts)
{
    int i, n = 0;

    for (i = 0; i < counts->n; i++)
        n += chat_limit_is_leased(counts->count[i].policy);
    return n <= chat_limit_local_table->nfree;
}

static int refuses(const chat_limit_counts_t *counts)
{
    int i;

    for (i = 0; i < counts->n; i++)
        if (counts->count[i].refused && !counts->count[i].policy->shadow)
            return 1;
    return 0;
}

/* ---- chat_limit_counter_t ---- */

/* 1 when the lease of the count is still that of this request. */
static int is_leased(const chat_limit_count_t *count,
                     const chat_limit_local_cell_t *cell, apr_uint64_t name)
{
    const chat_limit_local_lease_t *lease =
        chat_limit_local_lease(count->local_lease);

    return lease->pid && lease->name == name &&
           lease->cell == cell - chat_limit_local_cells();
}

/* Charge what was used in place of the reservation, which stays when that is
 * unknown (-1). A lease that has expired was given back then, and a window that
 * is over has nothing to correct. */
static void settle_one(const chat_limit_count_t *count, apr_uint64_t name,
                       apr_int64_t used)
{
    int streams = count->policy->unit == CHAT_LIMIT_STREAMS;
    chat_limit_local_cell_t *cell = find_cell(count->digest);

    if (!cell)
        return;
    if (is_leased(count, cell, name)) {
        if (!streams && used < 0)
            cell->used += count->amount; /* which the release takes off */
        chat_limit_local_lease_release(cell, count->local_lease);
    }
    if (!streams && used > 0 && cell->window_end == count->window_end)
        cell->used += used;
    set_worth(cell, count->policy);
}

static apr_status_t settle(chat_limit_counts_t *counts,
                           const chat_limit_spent_t *spent, request_rec *r)
{
    apr_uint64_t name[2];
    int i;

    digest(name, counts->lease);
    chat_limit_local_lock();
    for (i = 0; i < counts->n; i++)
        if (chat_limit_is_leased(counts->count[i].policy))
            settle_one(&counts->count[i], name[0],
                       chat_limit_used(&counts->count[i], spent));
    chat_limit_local_unlock();
    return APR_SUCCESS;
}

/* With the lock: how many counters in use were evicted, if a warning is due. */
static apr_uint64_t to_warn(apr_int64_t now)
{
    apr_uint64_t n = now >= chat_limit_local_table->warn_at
                         ? chat_limit_local_table->forgotten
                         : 0;

    if (n) {
        chat_limit_local_table->forgotten = 0;
        chat_limit_local_table->warn_at = now + WARN_EVERY_MS;
    }
    return n;
}

/* The digests are made without the lock, so that no other child waits for them.
 */
static void make_digests(chat_limit_counts_t *counts, apr_uint64_t lease[2])
{
    int i;

    for (i = 0; i < counts->n; i++)
        digest(counts->count[i].digest, counts->count[i].key);
    if (chat_limit_leases(counts))
        digest(lease, counts->lease);
}

static apr_status_t reserve(chat_limit_counts_t *counts, request_rec *r)
{
    apr_int64_t now = now_ms();
    apr_status_t rv = APR_SUCCESS;
    apr_uint64_t name[2] = {0}, forgotten;
    int i;

    if (!chat_limit_local_table)
        return APR_ENOTIMPL;
    make_digests(counts, name);
    chat_limit_local_lock();
    for (i = 0; i < counts->n; i++)
        check(&counts->count[i], now, counts->lasts);
    if (!refuses(counts) && !has_free_leases(counts))
        rv = APR_ENOMEM;
    else if (!refuses(counts))
        for (i = 0; i < counts->n; i++)
            charge(&counts->count[i], name[0], now, counts->lasts);
    forgotten = to_warn(now);
    chat_limit_local_unlock();
    if (forgotten)
        ap_log_rerror(
            APLOG_MARK, APLOG_WARNING, 0, r,
            CHATNO(1032) "ChatLimitTable is too small: %" APR_UINT64_T_FMT
                         " counters that were in use are forgotten",
            forgotten);
    if (rv != APR_SUCCESS && chat_limit_may_log() >= 0)
        ap_log_rerror(APLOG_MARK, APLOG_ERR, CHAT_LOG_STATUS(rv), r,
                      CHATNO(1030) "ChatLimitTable is too small for the "
                                   "streams that are open");
    return rv;
}

static void look_at(chat_limit_count_t *count, apr_int64_t now)
{
    chat_limit_local_cell_t *cell = find_cell(count->digest);

    if (!cell || cell->window_end <= now)
        return;
    chat_limit_local_lease_sweep(cell, now);
    count->used = cell->used;
    if (cell->window_end != NO_END)
        count->reset_ms = cell->window_end - now;
}

static void mark_one(chat_limit_count_t *count, apr_int64_t now)
{
    chat_limit_local_cell_t *cell = fetch_cell(count, now);

    if (++cell->used == count->policy->points)
        cell->window_end = now + (apr_int64_t)count->policy->ban * 1000;
    set_worth(cell, count->policy);
}

/* Nothing is reserved, so it cannot be refused. */
static apr_status_t each(chat_limit_counts_t *counts,
                         void (*one)(chat_limit_count_t *, apr_int64_t))
{
    apr_int64_t now = now_ms();
    apr_uint64_t unused[2];
    int i;

    if (!chat_limit_local_table)
        return APR_ENOTIMPL;
    make_digests(counts, unused);
    chat_limit_local_lock();
    for (i = 0; i < counts->n; i++)
        one(&counts->count[i], now);
    chat_limit_local_unlock();
    return APR_SUCCESS;
}

static apr_status_t look(chat_limit_counts_t *counts, request_rec *r)
{
    return each(counts, look_at);
}

static apr_status_t mark(chat_limit_counts_t *counts, request_rec *r)
{
    return each(counts, mark_one);
}

const chat_limit_counter_t chat_limit_local = {
    .name = "local",
    .reserve = reserve,
    .settle = settle,
    .look = look,
    .mark = mark,
};

/* ---- start-up, and children that die ---- */

/* Half as many leases as counters, since not all requests are open at a time.
 */
static int set_up(apr_size_t size)
{
    apr_size_t unit = WAYS * sizeof(chat_limit_local_cell_t) +
                      WAYS / 2 * sizeof(chat_limit_local_lease_t);

    if (!chat_shared_lock_init(&chat_limit_local_table->lock) ||
        chat_crypto_random(&chat_limit_local_table->seed,
                           sizeof(chat_limit_local_table->seed)) != APR_SUCCESS)
        return 0;
    chat_limit_local_table->seed |= 1;
    chat_limit_local_table->nsets =
        (size - sizeof(*chat_limit_local_table)) / unit;
    chat_limit_local_table->nleases =
        chat_limit_local_table->nsets * (WAYS / 2);
    chat_limit_local_lease_repair(); /* makes all leases free */
    return 1;
}

apr_status_t chat_limit_local_post_config(apr_pool_t *pconf, server_rec *s)
{
    apr_size_t size = chat_config_server(s)->limit.table;
    int made;

    chat_limit_local_table =
        chat_shared_retain(&made, "mod_chat_limits_1", size);
    if (chat_limit_local_table && (!made || set_up(size)))
        return APR_SUCCESS;
    ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                 CHATNO(1031) "ChatLimitTable: no %" APR_SIZE_T_FMT
                              " bytes of shared memory",
                 size);
    chat_limit_local_table = NULL;
    return APR_ENOMEM;
}

static void child_status(server_rec *s, pid_t pid, ap_generation_t gen,
                         int slot, mpm_child_status state)
{
    if (state != MPM_CHILD_EXITED || !chat_limit_local_table)
        return;
    chat_limit_local_lock();
    chat_limit_local_lease_free_dead(pid);
    chat_limit_local_unlock();
}

void chat_limit_local_register_hooks(void)
{
    ap_hook_child_status(child_status, NULL, NULL, APR_HOOK_MIDDLE);
}
