/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of moderation, in memory that all children of one configuration
 * share. */
#include "chat_telemetry.h"

#include <errno.h>

#include "chat_shared.h"

typedef struct counts_t {
    apr_uint64_t n[CHAT_MODERATION_SLOTS][2][CHAT_MODERATION_COUNT];
} counts_t;

static counts_t *counts; /* NULL: nothing is counted */

apr_status_t chat_telemetry_moderation_create(apr_pool_t *pconf)
{
    counts = NULL;
    if (!chat_config_moderation_name(0))
        return APR_SUCCESS;
    counts = chat_shared_create(sizeof(*counts), pconf);
    return counts ? APR_SUCCESS : errno;
}

void chat_telemetry_moderation_count(int slot, int output,
                                     chat_moderation_e action)
{
    if (counts)
        __atomic_add_fetch(&counts->n[slot][output][action], 1,
                           __ATOMIC_RELAXED);
}

apr_uint64_t chat_telemetry_moderation_counted(int slot, int output,
                                               chat_moderation_e action)
{
    return counts ? __atomic_load_n(&counts->n[slot][output][action],
                                    __ATOMIC_RELAXED)
                  : 0;
}
