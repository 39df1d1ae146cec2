/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counter without Redis: a table in memory that all children of this
 * server share, bounded, with one lock. It survives restarts, for the
 * children of the old generation still count in it.
 *
 * A counter is found by a digest of its key in a set of WAYS places; when
 * those are full the one that is over, or will be first, makes room. What a
 * request has to give back stands in a lease, chained to its counter. A lease
 * ends when it is settled, when its time is over, or when its child dies.
 *
 * Time is CLOCK_MONOTONIC, in milliseconds.
 */
#include "chat_limit_int.h"

#include <http_main.h>
#include <mpm_common.h>

#include <pthread.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "chat_crypto.h"
#include "chat_log.h"

#define WAYS 8
/* A counter that may go only when nothing else may: it has open leases. */
#define NO_END APR_INT64_MAX

typedef struct cell_t {
    apr_uint64_t key[2]; /* of SHA-256; 0,0: free */
    apr_int64_t used;
    apr_int64_t window_end; /* NO_END: it has none (open streams) */
    int leases;             /* first of its chain, -1 none */
} cell_t;

typedef struct lease_t {
    apr_uint64_t name; /* of SHA-256 of the request's lease */
    apr_int64_t amount;
    apr_int64_t expires;
    pid_t pid; /* the child it belongs to, 0: free */
    int cell;
    int next; /* in the chain, or in the free list */
} lease_t;

typedef struct table_t {
    apr_size_t size;
    pthread_mutex_t lock;
    int ncells, nleases;
    int free_lease;
} table_t;

/* Survives reloading the module on a restart. */
typedef struct retained_t {
    table_t *table;
} retained_t;

static table_t *table;

static cell_t *cells(void)
{
    return (cell_t *)(table + 1);
}

static lease_t *leases(void)
{
    return (lease_t *)(cells() + table->ncells);
}

apr_int64_t chat_limit_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (apr_int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static apr_int64_t now_ms(void)
{
    return chat_limit_now() / 1000;
}

/* A child that was killed in here leaves the lock behind, and at worst one
 * counter off by one request. */
static void enter(void)
{
    if (pthread_mutex_lock(&table->lock) == EOWNERDEAD)
        pthread_mutex_consistent(&table->lock);
}

static void leave(void)
{
    pthread_mutex_unlock(&table->lock);
}

/* ---- leases ---- */

static void unchain(cell_t *cell, int which)
{
    int *at = &cell->leases;

    while (*at >= 0 && *at != which)
        at = &leases()[*at].next;
    if (*at == which)
        *at = leases()[which].next;
}

static void free_lease(int which)
{
    leases()[which].pid = 0;
    leases()[which].next = table->free_lease;
    table->free_lease = which;
}

static void give_back(cell_t *cell, int which)
{
    cell->used -= leases()[which].amount;
    unchain(cell, which);
    free_lease(which);
}

static void sweep(cell_t *cell, apr_int64_t now)
{
    int which, next;

    for (which = cell->leases; which >= 0; which = next) {
        next = leases()[which].next;
        if (leases()[which].expires <= now)
            give_back(cell, which);
    }
}

static int add_lease(cell_t *cell, apr_uint64_t name, apr_int64_t amount,
                     apr_int64_t expires)
{
    int which = table->free_lease;
    lease_t *lease;

    if (which < 0)
        return 0;
    lease = &leases()[which];
    table->free_lease = lease->next;
    lease->name = name;
    lease->amount = amount;
    lease->expires = expires;
    lease->pid = getpid();
    lease->cell = cell - cells();
    lease->next = cell->leases;
    cell->leases = which;
    return 1;
}

/* ---- counters ---- */

static void clear(cell_t *cell)
{
    while (cell->leases >= 0) {
        int which = cell->leases;

        unchain(cell, which);
        free_lease(which);
    }
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

/* Whose end comes first; a free cell's is long past. */
static cell_t *lookup(const apr_uint64_t key[2], int make)
{
    cell_t *set = &cells()[key[0] % (table->ncells / WAYS) * WAYS];
    cell_t *victim = set;
    int i;

    for (i = 0; i < WAYS; i++) {
        if (set[i].key[0] == key[0] && set[i].key[1] == key[1])
            return &set[i];
        if (set[i].window_end < victim->window_end)
            victim = &set[i];
    }
    if (!make)
        return NULL;
    clear(victim);
    victim->key[0] = key[0];
    victim->key[1] = key[1];
    return victim;
}

/* The counter as it stands now: expired windows and leases are gone. */
static cell_t *fetch(const chat_count_t *count, apr_int64_t now)
{
    apr_uint64_t key[2];
    cell_t *cell;

    digest(key, count->key);
    cell = lookup(key, 1);
    sweep(cell, now);
    if (count->policy->unit == CHAT_LIMIT_STREAMS) {
        cell->window_end = NO_END;
    }
    else if (cell->window_end <= now) {
        clear(cell);
        cell->key[0] = key[0];
        cell->key[1] = key[1];
        cell->window_end = now + (apr_int64_t)count->policy->window * 1000;
    }
    return cell;
}

static void look(chat_count_t *count, apr_int64_t now)
{
    cell_t *cell = fetch(count, now);

    count->used = cell->used;
    count->window_end = cell->window_end;
    count->reset_ms =
        cell->window_end == NO_END ? 1000 : cell->window_end - now;
    count->refused = cell->used + count->amount > count->policy->points;
}

static apr_status_t charge(chat_count_t *count, apr_uint64_t lease,
                           apr_int64_t now, apr_interval_time_t lasts)
{
    cell_t *cell = fetch(count, now);

    if (count->policy->unit != CHAT_LIMIT_REQUESTS &&
        !add_lease(cell, lease, count->amount, now + lasts / 1000))
        return APR_ENOMEM;
    cell->used += count->amount;
    count->used = cell->used;
    return APR_SUCCESS;
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

static int find_lease(const cell_t *cell, apr_uint64_t name)
{
    int which = cell->leases;

    while (which >= 0 && leases()[which].name != name)
        which = leases()[which].next;
    return which;
}

/* The reservation goes, what was used comes: if nobody knows that, the
 * reservation stays as the charge. A lease that has expired was given back
 * already, and of a window that is over nothing is left to correct. */
static void settle_one(const chat_count_t *count, apr_uint64_t name,
                       apr_int64_t tokens)
{
    int streams = count->policy->unit == CHAT_LIMIT_STREAMS;
    apr_uint64_t key[2];
    cell_t *cell;
    int which;

    digest(key, count->key);
    cell = lookup(key, 0);
    if (!cell)
        return;
    which = find_lease(cell, name);
    if (which >= 0 && (streams || tokens >= 0)) {
        give_back(cell, which);
    }
    else if (which >= 0) {
        unchain(cell, which);
        free_lease(which);
    }
    if (!streams && tokens > 0 && cell->window_end == count->window_end)
        cell->used += tokens;
}

static apr_status_t settle(chat_counts_t *counts, apr_int64_t tokens,
                           request_rec *r)
{
    apr_uint64_t name[2];
    int i;

    digest(name, counts->lease);
    enter();
    for (i = 0; i < counts->n; i++)
        if (counts->count[i].policy->unit != CHAT_LIMIT_REQUESTS)
            settle_one(&counts->count[i], name[0], tokens);
    leave();
    return APR_SUCCESS;
}

static apr_status_t take(chat_counts_t *counts, request_rec *r)
{
    apr_int64_t now = now_ms();
    apr_status_t rv = APR_SUCCESS;
    apr_uint64_t name[2];
    int i;

    if (!table)
        return APR_ENOTIMPL;
    digest(name, counts->lease);
    enter();
    for (i = 0; i < counts->n; i++)
        look(&counts->count[i], now);
    for (i = 0; !forbids(counts) && i < counts->n && rv == APR_SUCCESS; i++)
        rv = charge(&counts->count[i], name[0], now, counts->lasts);
    leave();
    if (rv != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r,
                      CHATNO(1030) "ChatLimitTable is too small for the "
                                   "streams that are open");
        counts->n = i - 1; /* charged so far */
        settle(counts, 0, r);
    }
    return rv;
}

const chat_counter_t chat_limit_local = {
    .name = "local",
    .take = take,
    .settle = settle,
};

/* ---- start-up, and children that die ---- */

static int init_lock(pthread_mutex_t *lock)
{
    pthread_mutexattr_t attr;
    int failed;

    pthread_mutexattr_init(&attr);
    failed = pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) ||
             pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) ||
             pthread_mutex_init(lock, &attr);
    pthread_mutexattr_destroy(&attr);
    return !failed;
}

/* Half as many leases as counters: only some requests are open at a time. */
static table_t *table_create(apr_size_t size)
{
    table_t *t = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    apr_size_t unit = 2 * sizeof(cell_t) + sizeof(lease_t);
    int i;

    if (t == MAP_FAILED || !init_lock(&t->lock))
        return NULL;
    t->size = size;
    t->nleases = (size - sizeof(*t)) / unit;
    t->ncells = 2 * t->nleases / WAYS * WAYS;
    table = t;
    for (i = 0; i < t->ncells; i++)
        cells()[i].leases = -1;
    for (t->free_lease = -1, i = t->nleases - 1; i >= 0; i--)
        free_lease(i);
    return t;
}

apr_status_t chat_limit_local_post_config(apr_pool_t *pconf, server_rec *s)
{
    static const char key[] = "mod_chat_limits";
    apr_size_t size = chat_config_server(s)->limit_table;
    retained_t *retained = ap_retained_data_get(key);

    if (!retained)
        retained = ap_retained_data_create(key, sizeof(*retained));
    table = retained->table;
    if (table && table->size == size)
        return APR_SUCCESS;
    retained->table = table = table_create(size);
    if (table)
        return APR_SUCCESS;
    ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                 CHATNO(1031) "ChatLimitTable: no %" APR_SIZE_T_FMT
                              " bytes of shared memory",
                 size);
    return APR_ENOMEM;
}

static void child_status(server_rec *s, pid_t pid, ap_generation_t gen,
                         int slot, mpm_child_status state)
{
    int i;

    if (state != MPM_CHILD_EXITED || !table)
        return;
    enter();
    for (i = 0; i < table->nleases; i++)
        if (leases()[i].pid == pid)
            give_back(&cells()[leases()[i].cell], i);
    leave();
}

void chat_limit_local_register_hooks(void)
{
    ap_hook_child_status(child_status, NULL, NULL, APR_HOOK_MIDDLE);
}
