/* SPDX-License-Identifier: Apache-2.0 */
/* See chat_run_files_room.h. */
#include "chat_run_files_room.h"

static apr_int64_t held; /* bytes; atomic */

static apr_status_t give_back(void *len)
{
    __atomic_sub_fetch(&held, (apr_int64_t)(apr_uintptr_t)len,
                       __ATOMIC_RELAXED);
    return APR_SUCCESS;
}

static void hold_until(apr_size_t len, apr_pool_t *p)
{
    apr_pool_cleanup_register(p, (void *)(apr_uintptr_t)len, give_back,
                              apr_pool_cleanup_null);
}

int chat_run_files_room_take(apr_size_t len, apr_int64_t most, apr_pool_t *p)
{
    const apr_int64_t n = (apr_int64_t)len;
    apr_int64_t had = __atomic_fetch_add(&held, n, __ATOMIC_RELAXED);

    if (had && had + 2 * n > most) {
        __atomic_sub_fetch(&held, n, __ATOMIC_RELAXED);
        return 0;
    }
    hold_until(len, p);
    return 1;
}

void chat_run_files_room_copied(apr_size_t len, apr_pool_t *p)
{
    __atomic_add_fetch(&held, (apr_int64_t)len, __ATOMIC_RELAXED);
    hold_until(len, p);
}
