/* SPDX-License-Identifier: Apache-2.0 */
/* One allocator for the short-lived pools of all requests. Any thread. */
#include "chat_scratch.h"

#include <apr_allocator.h>
#include <apr_thread_mutex.h>

/* Bytes that are kept for the next requests. */
#define FREE_MAX (4 * 1024 * 1024)

/* Of a connection that has read a request and made an answer of it two are
 * free, rarely more. */
#define TRIM_BLOCKS 4

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

/* APR looks at what it may keep only when it gets something: so what it has is
 * taken first. */
void chat_scratch_trim(apr_pool_t *p, apr_size_t keeps)
{
    apr_allocator_t *allocator = apr_pool_allocator_get(p);
    apr_memnode_t *taken = NULL, *block;
    int i;

    for (i = 0; i < TRIM_BLOCKS; i++) {
        block = apr_allocator_alloc(allocator, 1);
        if (!block)
            break;
        block->next = taken;
        taken = block;
    }
    apr_allocator_max_free_set(allocator, 1);
    if (taken)
        apr_allocator_free(allocator, taken);
    apr_allocator_max_free_set(allocator, keeps);
}
