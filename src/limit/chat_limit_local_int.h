/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of chat_limit_local.c as it lies in shared memory: counters, which
 * are that file's, and leases, which are chat_limit_local_lease.c's. All of it
 * is touched in the lock alone.
 */
#ifndef CHAT_LIMIT_LOCAL_INT_H
#define CHAT_LIMIT_LOCAL_INT_H

#include "chat_limit_int.h"

#define WAYS 8
#define NO_END APR_INT64_MAX

typedef struct cell_t {
    apr_uint64_t key[2]; /* of SHA-256; 0,0: free */
    apr_int64_t used;
    apr_int64_t window_end; /* NO_END: it has none (open streams) */
    apr_int64_t sweep_at;   /* none of its leases expires sooner */
    int leases;             /* first of its chain, -1 none */
    int worth;              /* as long as it is alive */
} cell_t;

typedef struct lease_t {
    apr_uint64_t name; /* of SHA-256 of the request's lease */
    apr_int64_t amount;
    apr_int64_t expires;
    pid_t pid; /* the child it belongs to, 0: free */
    int cell;
    int prev, next; /* in the chain, or in the free list */
} lease_t;

typedef struct table_t {
    chat_shared_lock_t lock;
    apr_uint64_t seed;      /* odd: spreads the keys over the sets */
    apr_uint64_t forgotten; /* live counters, since the last warning */
    apr_int64_t tell_at;
    int nsets, nleases;
    int free_lease, nfree;
} table_t;

extern table_t *chat_limit_table;

static inline cell_t *chat_limit_cells(void)
{
    return (cell_t *)(chat_limit_table + 1);
}

static inline lease_t *chat_limit_lease(int which)
{
    cell_t *end =
        chat_limit_cells() + (apr_size_t)chat_limit_table->nsets * WAYS;

    return (lease_t *)end + which;
}

/* The lock. A child that was killed in it may have left the chains in pieces:
 * then they are made anew. */
void chat_limit_local_enter(void);
void chat_limit_local_leave(void);

/* Chains made anew of what each lease says; of zeros: all leases free. At worst
 * one counter is off by one request. */
void chat_limit_lease_mend(void);

/* There is a free one, as nfree says. */
int chat_limit_lease_add(cell_t *cell, apr_uint64_t name, apr_int64_t amount,
                         apr_int64_t expires);
void chat_limit_lease_give_back(cell_t *cell, int which);
/* Those that have expired. */
void chat_limit_lease_sweep(cell_t *cell, apr_int64_t now);
/* When so much is given back by leases that end, or end if that is sooner. */
apr_int64_t chat_limit_lease_frees(const cell_t *cell, apr_int64_t amount,
                                   apr_int64_t end);
/* All of a counter that is forgotten. */
void chat_limit_lease_forget(cell_t *cell);
/* Those of a child that has died. */
void chat_limit_lease_bury(pid_t pid);

#endif
