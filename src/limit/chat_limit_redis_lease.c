/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The leases in Redis that the requests of this server have, in shared memory
 * that outlives restarts. An entry is added before Redis is asked for the
 * lease, and freed when the lease is known to be settled, or to be none. Other
 * entries become pending: Redis did not get or did not answer what was to
 * settle them, or may have counted a query late, or their child has died, in
 * whatever way. chat_limit_redis_settler.c settles them as soon as Redis
 * answers.
 *
 * A lease may be settled repeatedly (chat_limit_redis_script.c), and is while
 * Redis does not know it: a query that was delayed may still arrive and be
 * counted after the command that was to give it back.
 *
 * The list is bounded. When it is full the first pending entry is replaced, and
 * when none is pending the new lease gets no entry: either ends by itself when
 * its time is over, as do all leases of a server that dies as a whole.
 */
#include "chat_limit_redis_int.h"

#include <http_main.h>
#include <apr_strings.h>

#include <unistd.h>

#include "chat_crypto.h"
#include "chat_log.h"

/* Pages of it that were never used take no memory. */
#define ENTRIES_MAX 32768
#define NONE (-1)

/* How often Redis is asked about a lease that it does not know: after 1, 4, 16
 * and 64 seconds, as long as a packet may be on its way. */
#define TRIES_MAX 5
#define FIRST_TRY_US ((apr_int64_t)1000000)

typedef enum { FREE, HELD, PENDING } state_e;

typedef struct entry_t {
    state_e state;
    pid_t pid; /* of who holds it */
    int next;  /* of the free ones, or of the pending ones */
    int tries;
    apr_int64_t due;     /* pending: not before, monotonic us */
    apr_uint64_t server; /* which Redis */
    chat_limit_redis_lease_t lease;
} entry_t;

typedef struct list_t {
    chat_shared_lock_t lock;
    int nused;       /* those after it were never used */
    int free;        /* last in, first out */
    int first, last; /* pending */
    int npending;    /* atomic */
    entry_t entry[ENTRIES_MAX];
} list_t;

static list_t *list;
static apr_uint64_t server; /* of the configuration, read-only */

/* ---- the list, with the lock ---- */

static void add_pending(int i, apr_int64_t due)
{
    entry_t *e = &list->entry[i];

    e->due = due;
    e->next = NONE;
    e->state = PENDING;
    if (list->first == NONE)
        list->first = i;
    else
        list->entry[list->last].next = i;
    list->last = i;
    __atomic_add_fetch(&list->npending, 1, __ATOMIC_RELAXED);
}

/* before: the pending entry before it, or NONE. */
static void unlink_pending(int i, int before)
{
    if (before == NONE)
        list->first = list->entry[i].next;
    else
        list->entry[before].next = list->entry[i].next;
    if (list->last == i)
        list->last = before;
    __atomic_sub_fetch(&list->npending, 1, __ATOMIC_RELAXED);
}

static void free_entry(int i)
{
    list->entry[i].state = FREE;
    list->entry[i].next = list->free;
    list->free = i;
}

/* A child that was killed with the lock may have left the chains in pieces. */
static void repair(void)
{
    int i;

    list->free = list->first = list->last = NONE;
    __atomic_store_n(&list->npending, 0, __ATOMIC_RELAXED);
    for (i = 0; i < list->nused; i++) {
        if (list->entry[i].state == FREE)
            free_entry(i);
        else if (list->entry[i].state == PENDING)
            add_pending(i, list->entry[i].due);
    }
}

static void lock(void)
{
    if (chat_shared_lock(&list->lock))
        repair();
}

/* 1 when the lock is held. */
static int try_lock(void)
{
    int died, held = chat_shared_trylock(&list->lock, &died);

    if (died)
        repair();
    return held;
}

static void unlock(void)
{
    chat_shared_unlock(&list->lock);
}

/* An entry for a new lease, or NONE. *plost counts the leases that lose theirs,
 * or get none. */
static int get_entry(int *plost)
{
    int i = list->free;

    if (i != NONE)
        list->free = list->entry[i].next;
    else if (list->nused < ENTRIES_MAX)
        i = list->nused++;
    else if (list->first != NONE)
        unlink_pending(i = list->first, NONE);
    *plost += i == NONE || list->entry[i].state == PENDING;
    return i;
}

/* ---- leases of a request ---- */

static int add_entry(const chat_limit_counts_t *counts,
                     const chat_limit_count_t *count, int *plost)
{
    int i = get_entry(plost);
    entry_t *e;

    if (i == NONE)
        return 0;
    e = &list->entry[i];
    e->pid = getpid();
    e->tries = 0;
    e->server = server;
    e->lease.unit = *chat_limit_redis_unit(counts, count);
    e->lease.amount = count->amount;
    e->lease.window_end = CHAT_LIMIT_REDIS_UNCONFIRMED;
    e->lease.used = 0;
    apr_cpystrn(e->lease.name, counts->lease, sizeof(e->lease.name));
    apr_cpystrn(e->lease.key, count->key, sizeof(e->lease.key));
    e->state = HELD;
    return i + 1;
}

/* A longer key can only be one of an application, with compat=. */
static int fits(const chat_limit_counts_t *counts,
                const chat_limit_count_t *count)
{
    return chat_limit_redis_has_lease(counts, count) &&
           strlen(count->key) < sizeof(list->entry->lease.key);
}

void chat_limit_redis_lease_add(chat_limit_counts_t *counts, apr_pool_t *p)
{
    int i, lost = 0;

    if (!*counts->lease)
        return;
    lock();
    for (i = 0; i < counts->n; i++)
        if (fits(counts, &counts->count[i]))
            counts->count[i].entry =
                add_entry(counts, &counts->count[i], &lost);
    unlock();
    if (lost && chat_limit_may_log() >= 0)
        ap_log_perror(APLOG_MARK, APLOG_WARNING, 0, p,
                      CHATNO(1016) "too much has to be given back to Redis: "
                                   "some of it comes back when its lease "
                                   "ends");
}

static int has_entries(const chat_limit_counts_t *counts)
{
    int i;

    for (i = 0; i < counts->n; i++)
        if (counts->count[i].entry)
            return 1;
    return 0;
}

void chat_limit_redis_lease_remove(chat_limit_counts_t *counts)
{
    int i;

    if (!has_entries(counts))
        return;
    lock();
    for (i = 0; i < counts->n; i++) {
        if (counts->count[i].entry)
            free_entry(counts->count[i].entry - 1);
        counts->count[i].entry = 0;
    }
    unlock();
}

/* With the lock, which it gives back. confirmed: Redis has replied that it has
 * reserved; then a count of requests has nothing to settle. */
static void defer(chat_limit_counts_t *counts, const chat_limit_spent_t *spent,
                  int confirmed)
{
    int n, i;

    for (n = 0; n < counts->n; n++) {
        chat_limit_redis_lease_t *lease;

        i = counts->count[n].entry - 1;
        if (i < 0)
            continue;
        lease = &list->entry[i].lease;
        lease->used = chat_limit_used(&counts->count[n], spent);
        if (confirmed)
            lease->window_end = counts->count[n].window_end;
        if (confirmed && lease->unit == 'c')
            free_entry(i);
        else
            add_pending(i, 0);
        counts->count[n].entry = 0;
    }
    unlock();
    chat_limit_redis_settler_wake();
}

void chat_limit_redis_lease_defer(chat_limit_counts_t *counts,
                                  const chat_limit_spent_t *spent)
{
    if (!has_entries(counts))
        return;
    lock();
    defer(counts, spent, 1);
}

int chat_limit_redis_lease_revoke(chat_limit_counts_t *counts, int wait)
{
    static const chat_limit_spent_t nothing = {0, 0, 0};

    if (!has_entries(counts))
        return 1;
    if (wait)
        lock();
    else if (!try_lock())
        return 0;
    defer(counts, &nothing, 0);
    return 1;
}

/* ---- pending leases ---- */

int chat_limit_redis_lease_is_pending(void)
{
    return list && __atomic_load_n(&list->npending, __ATOMIC_RELAXED) > 0;
}

int chat_limit_redis_lease_claim(chat_limit_redis_lease_t *lease)
{
    apr_int64_t now = chat_clock_now();
    int i, before = NONE;

    lock();
    for (i = list->first; i != NONE; before = i, i = list->entry[i].next)
        if (list->entry[i].due <= now && list->entry[i].server == server)
            break;
    if (i != NONE) {
        unlink_pending(i, before);
        list->entry[i].state = HELD;
        list->entry[i].pid = getpid();
        *lease = list->entry[i].lease;
    }
    unlock();
    return i + 1;
}

void chat_limit_redis_lease_settled(int claimed, int known)
{
    entry_t *e = &list->entry[claimed - 1];

    lock();
    if (known || ++e->tries == TRIES_MAX)
        free_entry(claimed - 1);
    else
        add_pending(claimed - 1,
                    chat_clock_now() + (FIRST_TRY_US << (2 * (e->tries - 1))));
    unlock();
}

void chat_limit_redis_lease_unclaim(int claimed)
{
    lock();
    add_pending(claimed - 1, 0);
    unlock();
}

void chat_limit_redis_lease_orphan(pid_t pid)
{
    int i;

    if (!list)
        return;
    lock();
    for (i = 0; i < list->nused; i++)
        if (list->entry[i].state == HELD && list->entry[i].pid == pid)
            add_pending(i, 0);
    unlock();
}

/* ---- start-up ---- */

apr_status_t chat_limit_redis_lease_post_config(server_rec *s)
{
    const char *url = chat_config_server(s)->redis.url;
    unsigned char sum[CHAT_SHA256_LEN];
    int made;

    list = chat_shared_retain(&made, "mod_chat_leases_2", sizeof(*list));
    if (!list || (made && !chat_shared_lock_init(&list->lock)) ||
        chat_crypto_sha256(sum, url, strlen(url)) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                     CHATNO(1017) "no shared memory for the leases in Redis");
        return APR_ENOMEM;
    }
    memcpy(&server, sum, sizeof(server));
    if (made)
        repair(); /* makes empty chains */
    return APR_SUCCESS;
}
