/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of chat_limit_local.c as it lies in shared memory: counters, which
 * belong to that file, and leases, which belong to chat_limit_local_lease.c.
 * All of it is used with the lock only.
 */
#ifndef CHAT_LIMIT_LOCAL_INT_H
#define CHAT_LIMIT_LOCAL_INT_H

#include "chat_limit_int.h"

#define WAYS 8
#define NO_END APR_INT64_MAX

/* A counter. Times are monotonic ms. */
typedef struct chat_limit_local_cell_t {
    apr_uint64_t key[2]; /* of SHA-256; 0,0: free */
    apr_int64_t used;
    apr_int64_t window_end; /* NO_END: it has none (open streams) */
    apr_int64_t sweep_at;   /* none of its leases expires sooner */
    int leases;             /* first of its chain, -1 none */
    int worth;              /* while it is in use */
} chat_limit_local_cell_t;

/* What a request has to settle at one counter. */
typedef struct chat_limit_local_lease_t {
    apr_uint64_t name; /* of SHA-256 of the request's lease */
    apr_int64_t amount;
    apr_int64_t expires;
    pid_t pid; /* the child it belongs to, 0: free */
    int cell;
    int prev, next; /* in the chain, or in the free list */
} chat_limit_local_lease_t;

typedef struct chat_limit_local_table_t {
    chat_shared_lock_t lock;
    apr_uint64_t seed;      /* odd: spreads the keys over the sets */
    apr_uint64_t forgotten; /* counters in use, since the last warning */
    apr_int64_t warn_at;
    int nsets, nleases;
    int free_lease, nfree;
} chat_limit_local_table_t;

extern chat_limit_local_table_t *chat_limit_local_table;

static inline chat_limit_local_cell_t *chat_limit_local_cells(void)
{
    return (chat_limit_local_cell_t *)(chat_limit_local_table + 1);
}

static inline chat_limit_local_lease_t *chat_limit_local_lease(int which)
{
    chat_limit_local_cell_t *end =
        chat_limit_local_cells() +
        (apr_size_t)chat_limit_local_table->nsets * WAYS;

    return (chat_limit_local_lease_t *)end + which;
}

/* A child that was killed with the lock may have left the chains in pieces:
 * then they are made anew. */
void chat_limit_local_lock(void);
void chat_limit_local_unlock(void);

/* Make the chains anew of what each lease says; of zeros: all leases are free.
 * At worst one counter is off by one request. */
void chat_limit_local_lease_repair(void);

/* There is a free one, as nfree says. */
int chat_limit_local_lease_add(chat_limit_local_cell_t *cell, apr_uint64_t name,
                               apr_int64_t amount, apr_int64_t expires);

/* The amount goes back to the counter. */
void chat_limit_local_lease_release(chat_limit_local_cell_t *cell, int which);

/* Release those that have expired. */
void chat_limit_local_lease_sweep(chat_limit_local_cell_t *cell,
                                  apr_int64_t now);

/* When so much is given back by leases that end, or end if that is sooner. */
apr_int64_t chat_limit_local_lease_frees(const chat_limit_local_cell_t *cell,
                                         apr_int64_t amount, apr_int64_t end);

/* Drop all leases of a counter that is forgotten. */
void chat_limit_local_lease_forget(chat_limit_local_cell_t *cell);

/* Release those of a child that has died. */
void chat_limit_local_lease_free_dead(pid_t pid);

#endif
