/* SPDX-License-Identifier: Apache-2.0 */
/* One allocator for the short-lived pools of all requests. Any thread. */
#include "chat_scratch.h"

#include <apr_allocator.h>
#include <apr_thread_mutex.h>

/* Bytes that are kept for the next requests. */
#define FREE_MAX (4 * 1024 * 1024)

static apr_pool_t *scratch;

/* Nobody's subpool: with httpd -X requests outlive pchild. */
void chat_scratch_init(apr_pool_t *pchild)
{
    apr_allocator_t *allocator;
    apr_thread_mutex_t *mutex;

    apr_allocator_create(&allocator);
    apr_allocator_max_free_set(allocator, FREE_MAX);
    apr_pool_create_unmanaged_ex(&scratch, apr_pool_abort_get(pchild),
                                 allocator);
    apr_allocator_owner_set(allocator, scratch);
    apr_thread_mutex_create(&mutex, APR_THREAD_MUTEX_DEFAULT, scratch);
    apr_allocator_mutex_set(allocator, mutex);
}

apr_pool_t *chat_scratch(void)
{
    return scratch;
}

apr_pool_t *chat_scratch_pool(apr_pool_t *parent)
{
    apr_pool_t *p;

    apr_pool_create_ex(&p, parent, NULL, apr_pool_allocator_get(scratch));
    return p;
}
