/* SPDX-License-Identifier: Apache-2.0 */
/* Locks between processes, see chat_lock.h. */
#include "chat_lock.h"

#include <errno.h>

int chat_lock_init(pthread_mutex_t *lock)
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

int chat_lock_enter(pthread_mutex_t *lock)
{
    if (pthread_mutex_lock(lock) != EOWNERDEAD)
        return 0;
    pthread_mutex_consistent(lock);
    return 1;
}

void chat_lock_leave(pthread_mutex_t *lock)
{
    pthread_mutex_unlock(lock);
}
