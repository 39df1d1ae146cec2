/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that all children of a server share, those of the generation before
 * a restart too, and the lock over it. Start-up; enter and leave any thread.
 */
#include "chat_limit_int.h"

#include <http_main.h>

#include <errno.h>
#include <sys/mman.h>

typedef struct retained_t {
    void *memory;
    apr_size_t size;
} retained_t;

/* A child that is killed while it holds the lock takes nobody with it. */
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

void *chat_limit_shared(int *pnew, const char *key, apr_size_t size)
{
    retained_t *retained = ap_retained_data_get(key);
    void *memory;

    *pnew = 0;
    if (!retained)
        retained = ap_retained_data_create(key, sizeof(*retained));
    if (retained->memory && retained->size == size)
        return retained->memory;
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || !init_lock(memory))
        return NULL;
    *pnew = 1;
    retained->memory = memory;
    retained->size = size;
    return memory;
}

int chat_limit_enter(pthread_mutex_t *lock)
{
    if (pthread_mutex_lock(lock) != EOWNERDEAD)
        return 0;
    pthread_mutex_consistent(lock);
    return 1;
}

int chat_limit_try(pthread_mutex_t *lock)
{
    int rv = pthread_mutex_trylock(lock);

    if (rv == EOWNERDEAD)
        pthread_mutex_consistent(lock);
    return rv == 0 || rv == EOWNERDEAD;
}

void chat_limit_leave(pthread_mutex_t *lock)
{
    pthread_mutex_unlock(lock);
}
