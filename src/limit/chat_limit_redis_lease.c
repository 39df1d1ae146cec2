/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Redis has on lease for the requests of this server, in memory that all
 * children share and that outlives restarts. A lease is noted before Redis is
 * asked for it, and struck off when it is known to be settled, or to be none.
 * What is left is owed: Redis did not hear or did not answer when it was to be
 * settled, or counted a question late, or the child has died, in whatever way.
 * chat_limit_redis_settler.c settles that as soon as Redis answers.
 *
 * A settling may be repeated (chat_limit_redis_script.c), and is while Redis
 * does not know the lease: a question that stood in its way may still arrive
 * and be counted after what was to give it back.
 *
 * The list is bounded. When it is full the first that is owed makes room, and
 * if none is, the new lease is not noted: either ends by itself when its time
 * is over, as all do of a server that dies as a whole.
 */
#include "chat_limit_redis_int.h"

#include <http_main.h>
#include <apr_strings.h>

#include <unistd.h>

#include "chat_crypto.h"
#include "chat_log.h"

/* Memory that was never used takes none. */
#define ENTRIES_MAX 32768
#define NONE (-1)

/* How often Redis is asked about a lease that it does not know: after 1, 4, 16
 * and 64 seconds, as long as a packet may be on its way. */
#define TRIES_MAX 5
#define FIRST_TRY_US ((apr_int64_t)1000000)

typedef enum { FREE, HELD, OWED } state_e;

typedef struct entry_t {
    state_e state;
    pid_t pid; /* of who holds it */
    int next;  /* free or owed */
    int tries;
    apr_int64_t due;     /* owed: not before, monotonic us */
    apr_uint64_t server; /* which Redis */
    chat_redis_lease_t lease;
} entry_t;

typedef struct list_t {
    chat_shared_lock_t lock;
    int nused;     /* those after it were never used */
    int free;      /* last in, first out */
    int old, late; /* owed: first and last */
    int nowed;     /* atomic */
    entry_t entry[ENTRIES_MAX];
} list_t;

static list_t *list;
static apr_uint64_t server; /* of the configuration, read-only */

/* ---- the list, in the lock ---- */

static void owe(int i, apr_int64_t due)
{
    entry_t *e = &list->entry[i];

    e->due = due;
    e->next = NONE;
    e->state = OWED;
    if (list->old == NONE)
        list->old = i;
    else
        list->entry[list->late].next = i;
    list->late = i;
    __atomic_add_fetch(&list->nowed, 1, __ATOMIC_RELAXED);
}

/* Before it stands that one, or NONE. */
static void take_off(int i, int before)
{
    if (before == NONE)
        list->old = list->entry[i].next;
    else
        list->entry[before].next = list->entry[i].next;
    if (list->late == i)
        list->late = before;
    __atomic_sub_fetch(&list->nowed, 1, __ATOMIC_RELAXED);
}

static void let_go(int i)
{
    list->entry[i].state = FREE;
    list->entry[i].next = list->free;
    list->free = i;
}

/* Who was killed in here may have left the chains in pieces. */
static void mend(void)
{
    int i;

    list->free = list->old = list->late = NONE;
    __atomic_store_n(&list->nowed, 0, __ATOMIC_RELAXED);
    for (i = 0; i < list->nused; i++) {
        if (list->entry[i].state == FREE)
            let_go(i);
        else if (list->entry[i].state == OWED)
            owe(i, list->entry[i].due);
    }
}

static void enter(void)
{
    if (chat_shared_lock(&list->lock))
        mend();
}

static void leave(void)
{
    chat_shared_unlock(&list->lock);
}

/* One for a new lease, *plost when another had to go for it; or NONE. */
static int make_room(int *plost)
{
    int i = list->free;

    if (i != NONE)
        list->free = list->entry[i].next;
    else if (list->nused < ENTRIES_MAX)
        i = list->nused++;
    else if (list->old != NONE)
        take_off(i = list->old, NONE);
    *plost += i == NONE || list->entry[i].state == OWED;
    return i;
}

/* ---- leases of a request ---- */

static void tell_lost(int lost, apr_pool_t *p)
{
    if (lost && chat_limit_may_log() >= 0)
        ap_log_perror(APLOG_MARK, APLOG_WARNING, 0, p,
                      CHATNO(1016) "too much has to be given back to Redis: "
                                   "some of it comes back when its lease "
                                   "ends");
}

static int note(const chat_counts_t *counts, const chat_count_t *count,
                int *plost)
{
    int i = make_room(plost);
    entry_t *e;

    if (i == NONE)
        return 0;
    e = &list->entry[i];
    e->pid = getpid();
    e->tries = 0;
    e->server = server;
    e->lease.unit = *chat_redis_unit(counts, count);
    e->lease.amount = count->amount;
    e->lease.window_end = CHAT_REDIS_UNHEARD;
    e->lease.tokens = 0;
    apr_cpystrn(e->lease.name, counts->lease, sizeof(e->lease.name));
    apr_cpystrn(e->lease.key, count->key, sizeof(e->lease.key));
    e->state = HELD;
    return i + 1;
}

/* A longer key can only be the application's, with compat. */
static int has_room(const chat_counts_t *counts, const chat_count_t *count)
{
    return chat_redis_leased(counts, count) &&
           strlen(count->key) < sizeof(list->entry->lease.key);
}

void chat_redis_lease_note(chat_counts_t *counts, apr_pool_t *p)
{
    int i, lost = 0;

    if (!*counts->lease)
        return;
    enter();
    for (i = 0; i < counts->n; i++)
        if (has_room(counts, &counts->count[i]))
            counts->count[i].noted = note(counts, &counts->count[i], &lost);
    leave();
    tell_lost(lost, p);
}

static int is_noted(const chat_counts_t *counts)
{
    int i;

    for (i = 0; i < counts->n; i++)
        if (counts->count[i].noted)
            return 1;
    return 0;
}

void chat_redis_lease_strike(chat_counts_t *counts)
{
    int i;

    if (!is_noted(counts))
        return;
    enter();
    for (i = 0; i < counts->n; i++) {
        if (counts->count[i].noted)
            let_go(counts->count[i].noted - 1);
        counts->count[i].noted = 0;
    }
    leave();
}

/* In the lock. A trace is of use to a question alone that was not heard. */
static void owe_one(chat_count_t *count, apr_int64_t tokens, int heard)
{
    entry_t *e = &list->entry[count->noted - 1];

    if (heard && e->lease.unit == 'c') {
        let_go(count->noted - 1);
    }
    else {
        e->lease.tokens = tokens;
        if (heard)
            e->lease.window_end = count->window_end;
        owe(count->noted - 1, 0);
    }
    count->noted = 0;
}

static void owe_all(chat_counts_t *counts, apr_int64_t tokens, int heard)
{
    int i;

    for (i = 0; i < counts->n; i++)
        if (counts->count[i].noted)
            owe_one(&counts->count[i], tokens, heard);
    leave();
    chat_redis_settler_wake();
}

void chat_redis_lease_owe(chat_counts_t *counts, apr_int64_t tokens)
{
    if (!is_noted(counts))
        return;
    enter();
    owe_all(counts, tokens, 1);
}

int chat_redis_lease_unheard(chat_counts_t *counts, int wait)
{
    if (!is_noted(counts))
        return 1;
    if (wait)
        enter();
    else if (!chat_shared_trylock(&list->lock))
        return 0;
    owe_all(counts, 0, 0);
    return 1;
}

/* ---- what is owed ---- */

int chat_redis_lease_is_owed(void)
{
    return list && __atomic_load_n(&list->nowed, __ATOMIC_RELAXED) > 0;
}

int chat_redis_lease_claim(chat_redis_lease_t *lease)
{
    apr_int64_t now = chat_clock_now();
    int i, before = NONE;

    enter();
    for (i = list->old; i != NONE; before = i, i = list->entry[i].next)
        if (list->entry[i].due <= now && list->entry[i].server == server)
            break;
    if (i != NONE) {
        take_off(i, before);
        list->entry[i].state = HELD;
        list->entry[i].pid = getpid();
        *lease = list->entry[i].lease;
    }
    leave();
    return i + 1;
}

void chat_redis_lease_settled(int claimed, int known)
{
    entry_t *e = &list->entry[claimed - 1];

    enter();
    if (known || ++e->tries == TRIES_MAX)
        let_go(claimed - 1);
    else
        owe(claimed - 1,
            chat_clock_now() + (FIRST_TRY_US << (2 * (e->tries - 1))));
    leave();
}

void chat_redis_lease_unclaim(int claimed)
{
    enter();
    owe(claimed - 1, 0);
    leave();
}

void chat_redis_lease_bury(pid_t pid)
{
    int i;

    if (!list)
        return;
    enter();
    for (i = 0; i < list->nused; i++)
        if (list->entry[i].state == HELD && list->entry[i].pid == pid)
            owe(i, 0);
    leave();
}

/* ---- start-up ---- */

apr_status_t chat_redis_lease_post_config(server_rec *s)
{
    const char *url = chat_config_server(s)->redis_url;
    unsigned char sum[CHAT_SHA256_LEN];
    int made;

    list = chat_shared_retain(&made, "mod_chat_leases_1", sizeof(*list));
    if (!list || (made && !chat_shared_lock_init(&list->lock)) ||
        chat_crypto_sha256(sum, url, strlen(url)) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                     CHATNO(1017) "no shared memory for the leases in Redis");
        return APR_ENOMEM;
    }
    memcpy(&server, sum, sizeof(server));
    if (made)
        mend(); /* of none: the chains are empty */
    return APR_SUCCESS;
}
