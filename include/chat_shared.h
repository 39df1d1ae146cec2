/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that all children of a server share, and locks in it. It is mapped
 * in the parent before there are children, so that all see it at the same
 * address: pointers in it hold.
 *
 * A lock is robust: when a process dies while it holds one, the next to lock
 * it has it, and the memory as the dead process left it.
 */
#ifndef CHAT_SHARED_H
#define CHAT_SHARED_H

#include <apr_pools.h>

#include <pthread.h>

/* Lies in shared memory. */
typedef pthread_mutex_t chat_shared_lock_t;

/*
 * [post_config] Zeroed memory of one reading of the configuration. It goes
 * with pconf in the parent; children of the generation before a restart keep
 * theirs. NULL: there is none, errno says why.
 */
void *chat_shared_create(apr_size_t size, apr_pool_t *pconf);

/*
 * [post_config] Memory that outlives restarts, and the reloading of the module
 * with them: children of two generations use the same. Its key is a constant
 * with a number, which changes with the layout, so that no layout is read as
 * another. *pnew: it has just been made and is zeroed; so is that of another
 * size than before, when children of the old generation keep the old one.
 * NULL: there is none, errno says why.
 */
void *chat_shared_retain(int *pnew, const char *key, apr_size_t size);

/* [post_config] In memory that is new. 1, or 0 when the system has no such
 * locks. */
int chat_shared_lock_init(chat_shared_lock_t *lock);

/* [any thread] Waits; to be held for a few instructions. 1 when who held the
 * lock has died with it: what was being changed may be half done. */
int chat_shared_lock(chat_shared_lock_t *lock);

/* [any thread] Never waits: for an engine. 1 when the lock is held now, 0 when
 * another has it. *pdied: 1 as chat_shared_lock() says it, 0 otherwise; NULL
 * where nothing can be half done. */
int chat_shared_trylock(chat_shared_lock_t *lock, int *pdied);

void chat_shared_unlock(chat_shared_lock_t *lock);

#endif
