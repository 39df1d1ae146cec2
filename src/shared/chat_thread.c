/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of a child. See chat_thread.h. */
#include "chat_thread.h"

#include <apr_allocator.h>

#include <signal.h>

int chat_thread_start(pthread_t *thread, void *(*work)(void *), void *baton)
{
    sigset_t quiet, old;
    int failed;

    sigfillset(&quiet);
    sigdelset(&quiet, SIGSEGV);
    sigdelset(&quiet, SIGBUS);
    sigdelset(&quiet, SIGFPE);
    sigdelset(&quiet, SIGILL);
    sigdelset(&quiet, SIGABRT);
    pthread_sigmask(SIG_BLOCK, &quiet, &old);
    failed = pthread_create(thread, NULL, work, baton);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return !failed;
}

apr_pool_t *chat_thread_pool(apr_pool_t *pchild)
{
    apr_allocator_t *allocator;
    apr_pool_t *pool;

    if (apr_allocator_create(&allocator) != APR_SUCCESS ||
        apr_pool_create_ex(&pool, pchild, NULL, allocator) != APR_SUCCESS)
        return NULL;
    apr_allocator_owner_set(allocator, pool);
    return pool;
}
