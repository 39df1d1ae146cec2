/* SPDX-License-Identifier: Apache-2.0 */
/*
 * curl's memory, overwritten when curl frees it: a key that somebody has
 * entrusted to this server was in it, in the text of a request. Only where
 * users have keys; [main thread, before there are others].
 */
#include "chat_xfer_int.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static void free_clean(void *data)
{
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

void chat_memory_init(int clean)
{
    if (clean)
        curl_global_init_mem(CURL_GLOBAL_ALL, malloc, free_clean, realloc_clean,
                             strdup, calloc);
    else
        curl_global_init(CURL_GLOBAL_ALL);
}
