/* SPDX-License-Identifier: Apache-2.0 */
/*
 * curl's memory, overwritten when curl frees it: a key that somebody has
 * entrusted to this server was in it, in the text of a request. Only where
 * users have keys; [main thread, before there are others].
 */
#include "chat_xfer_int.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <http_log.h>

#include "chat_log.h"

/* Whether something is freed; NULL: nobody asks, once there are threads. */
static int *freed;

static void free_clean(void *data)
{
    if (freed)
        *freed = 1;
    if (data)
        explicit_bzero(data, malloc_usable_size(data));
    free(data);
}

/* Never in place: what is left behind would not be overwritten. */
static void *realloc_clean(void *data, size_t size)
{
    size_t had = data ? malloc_usable_size(data) : 0;
    void *moved = malloc(size);

    if (moved && data) {
        memcpy(moved, data, had < size ? had : size);
        free_clean(data);
    }
    return moved;
}

/* Whoever had initialised libcurl before has its memory, too. */
static int is_ours(void)
{
    struct curl_slist *line = curl_slist_append(NULL, "x");
    int ours = 0;

    freed = &ours;
    curl_slist_free_all(line);
    freed = NULL;
    return ours;
}

/* Another module may keep libcurl when this one is loaded anew: it must not
 * call what is not there any more. Children end as they are. */
static apr_status_t clean_up(void *pid)
{
    if ((pid_t)(intptr_t)pid == getpid())
        curl_global_cleanup();
    return APR_SUCCESS;
}

void chat_memory_init(int clean, server_rec *s, apr_pool_t *pconf)
{
    if (clean)
        curl_global_init_mem(CURL_GLOBAL_ALL, malloc, free_clean, realloc_clean,
                             strdup, calloc);
    else
        curl_global_init(CURL_GLOBAL_ALL);
    apr_pool_cleanup_register(pconf, (void *)(intptr_t)getpid(), clean_up,
                              apr_pool_cleanup_null);
    if (clean && !is_ours())
        ap_log_error(
            APLOG_MARK, APLOG_WARNING | APLOG_STARTUP, 0, s,
            CHATNO(0531) "another module has initialised libcurl: what "
                         "curl had of users' keys is not overwritten "
                         "in memory");
}
