/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads of one process that have something to write to a database with one
 * writer: what waits is written by one of them, who leads, in one transaction.
 * A thread that comes alone leads at once. Where many come, the leader gives
 * them a moment first: a transaction costs about as much as what is done in
 * it. Pure: who leads what, not what is done. Private to store/ and unit tests.
 */
#ifndef CHAT_STORE_GROUP_H
#define CHAT_STORE_GROUP_H

#include <pthread.h>
#include <semaphore.h>

#include <apr_pools.h>
#include <apr_time.h>

/* So many in a transaction at most. */
#define CHAT_STORE_GROUP_MAX 64

/* Microseconds that a leader waits for others, when the last ones came more
 * often than that. */
#define CHAT_STORE_GROUP_MOMENT 2000

typedef struct chat_store_group_t chat_store_group_t;

/* What one thread wants to be done; on its stack, the first member of more. */
typedef struct chat_store_member_t {
    struct chat_store_member_t *next; /* NULL: the last */
    sem_t told;                       /* once, where it waits */
    int leads;                        /* or all is done */
} chat_store_member_t;

/* Lives as long as p. NULL: no memory. */
chat_store_group_t *chat_store_group_create(apr_pool_t *p);

/* The list of those that the caller is to lead, itself the first of them; then
 * it must leave. NULL: it has been led, all is done. What others wrote before
 * they joined the leader sees, and what the leader writes they see. */
chat_store_member_t *chat_store_group_join(chat_store_group_t *group,
                                           chat_store_member_t *member);
void chat_store_group_leave(chat_store_group_t *group,
                            chat_store_member_t *led);

#endif
