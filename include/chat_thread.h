/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of a child beside those of the MPM. */
#ifndef CHAT_THREAD_H
#define CHAT_THREAD_H

#include <apr_pools.h>

#include <pthread.h>

/* [child_init] Start one; signals are for the MPM's threads, except those of a
 * crash. 0: it could not be. */
int chat_thread_start(pthread_t *thread, void *(*work)(void *), void *baton);

/* [child_init] A pool that shares nothing with others; NULL: there is no memory
 * for it. */
apr_pool_t *chat_thread_pool(apr_pool_t *pchild);

#endif
