/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared memory and its locks, see chat_shared.h. Used by limit/, store/,
 * stream/ and upstream/. Start-up on the main thread; locks on any.
 */
#include "chat_shared.h"

#include <httpd.h>
#include <http_config.h>

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- memory ---- */

static void *map(apr_size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

typedef struct mapping_t {
    void *memory;
    apr_size_t size;
    pid_t owner; /* the parent */
} mapping_t;

/* In a child that ends, some thread may still use the memory. */
static apr_status_t unmap(void *baton)
{
    const mapping_t *mapping = baton;

    if (getpid() == mapping->owner)
        munmap(mapping->memory, mapping->size);
    return APR_SUCCESS;
}

void *chat_shared_create(apr_size_t size, apr_pool_t *pconf)
{
    mapping_t *mapping = apr_palloc(pconf, sizeof(*mapping));

    mapping->memory = map(size);
    if (!mapping->memory)
        return NULL;
    mapping->size = size;
    mapping->owner = getpid();
    apr_pool_cleanup_register(pconf, mapping, unmap, apr_pool_cleanup_null);
    return mapping->memory;
}

void *chat_shared_retain(int *pnew, const char *key, apr_size_t size)
{
    mapping_t *mapping = ap_retained_data_get(key);
    void *memory;

    *pnew = 0;
    if (!mapping)
        mapping = ap_retained_data_create(key, sizeof(*mapping));
    if (mapping->memory && mapping->size == size)
        return mapping->memory;
    memory = map(size);
    if (!memory)
        return NULL;
    *pnew = 1;
    mapping->memory = memory;
    mapping->size = size;
    return memory;
}

/* ---- locks ---- */

int chat_shared_lock_init(chat_shared_lock_t *lock)
{
    pthread_mutexattr_t attr;
    int rv;

    pthread_mutexattr_init(&attr);
    rv = pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    if (!rv)
        rv = pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    if (!rv)
        rv = pthread_mutex_init(lock, &attr);
    pthread_mutexattr_destroy(&attr);
    errno = rv;
    return !rv;
}

int chat_shared_lock(chat_shared_lock_t *lock)
{
    if (pthread_mutex_lock(lock) != EOWNERDEAD)
        return 0;
    pthread_mutex_consistent(lock);
    return 1;
}

int chat_shared_trylock(chat_shared_lock_t *lock, int *pdied)
{
    int rv = pthread_mutex_trylock(lock);

    if (pdied)
        *pdied = rv == EOWNERDEAD;
    if (rv == EOWNERDEAD)
        pthread_mutex_consistent(lock);
    return rv == 0 || rv == EOWNERDEAD;
}

void chat_shared_unlock(chat_shared_lock_t *lock)
{
    pthread_mutex_unlock(lock);
}
