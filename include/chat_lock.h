/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lock in memory that processes share. A process that dies while it holds
 * one takes nobody with it: the next to enter has the lock, and the memory as
 * the dead one left it. Any thread; held for a few instructions.
 */
#ifndef CHAT_LOCK_H
#define CHAT_LOCK_H

#include <pthread.h>

/* 1, or 0 when the system has no such locks. */
int chat_lock_init(pthread_mutex_t *lock);

/* 1 when who held it before has died in there. */
int chat_lock_enter(pthread_mutex_t *lock);
void chat_lock_leave(pthread_mutex_t *lock);

#endif
