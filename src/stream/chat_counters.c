/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters of streams. Every child has a slot of its own in memory shared
 * with its parent and siblings; a reader adds them up. When a child is gone,
 * however it went, the parent adds what it counted to the totals and clears
 * its gauges: no crash leaves a stream "live".
 *
 * The memory outlives restarts, as the children of an old generation do.
 */
#include "chat_stream_int.h"

#include <http_config.h>
#include <http_log.h>
#include <mpm_common.h>

#include <unistd.h>

#include "chat_log.h"
#include "chat_shared.h"

#define GAUGES (CHAT_COUNT_FDS + 1) /* the first so many are gauges */

/* Aligned so that two children never write to one cache line. */
typedef struct slot_t {
    pid_t pid; /* 0: free */
    apr_int64_t count[CHAT_COUNT_MAX];
} __attribute__((aligned(64))) slot_t;

typedef struct table_t {
    int nslots;
    slot_t gone; /* sums of the children that are no more */
    slot_t slot[];
} table_t;

static table_t *table; /* the parent's and every child's */
static slot_t *mine;   /* a child's own */

static apr_int64_t load(const apr_int64_t *n)
{
    return __atomic_load_n(n, __ATOMIC_RELAXED);
}

void chat_counters_add(chat_count_id_e what, apr_int64_t n)
{
    if (mine)
        __atomic_add_fetch(&mine->count[what], n, __ATOMIC_RELAXED);
}

int chat_counters_admit(int max)
{
    if (!mine)
        return 1;
    if (__atomic_add_fetch(&mine->count[CHAT_COUNT_LIVE], 1,
                           __ATOMIC_RELAXED) <= max)
        return 1;
    chat_counters_add(CHAT_COUNT_LIVE, -1);
    return 0;
}

int chat_counters_has_place(int max)
{
    return !mine || load(&mine->count[CHAT_COUNT_LIVE]) < max;
}

void chat_counters_sum(apr_int64_t sum[CHAT_COUNT_MAX])
{
    int i, n;

    memset(sum, 0, CHAT_COUNT_MAX * sizeof(*sum));
    for (i = 0; table && i < table->nslots; i++)
        for (n = 0; n < CHAT_COUNT_MAX; n++)
            sum[n] += load(&table->slot[i].count[n]);
    for (n = GAUGES; table && n < CHAT_COUNT_MAX; n++)
        sum[n] += load(&table->gone.count[n]);
}

/* ---- the parent ---- */

apr_status_t chat_counters_post_config(server_rec *s)
{
    int daemons = 0, made;
    apr_size_t size;

    ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &daemons);
    if (daemons < 1)
        daemons = 1;
    size = sizeof(*table) + daemons * sizeof(slot_t);
    table = chat_shared_retain(&made, "mod_chat_counters_3", size);
    if (!table) {
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                     CHATNO(0510) "no %lu bytes of shared memory for counters",
                     (unsigned long)size);
        return APR_ENOMEM;
    }
    table->nslots = daemons;
    return APR_SUCCESS;
}

static void child_status(server_rec *s, pid_t pid, ap_generation_t gen,
                         int slot, mpm_child_status state)
{
    slot_t *was;
    int i, n;

    if (state != MPM_CHILD_EXITED || !table)
        return;
    for (i = 0; i < table->nslots && table->slot[i].pid != pid; i++)
        ;
    if (i == table->nslots)
        return;
    was = &table->slot[i];
    for (n = 0; n < CHAT_COUNT_MAX; n++) {
        table->gone.count[n] += n < GAUGES ? 0 : was->count[n];
        was->count[n] = 0;
    }
    __atomic_store_n(&was->pid, 0, __ATOMIC_RELEASE);
}

void chat_counters_register_hooks(void)
{
    ap_hook_child_status(child_status, NULL, NULL, APR_HOOK_MIDDLE);
}

/* ---- a child ---- */

void chat_counters_child_init(server_rec *s)
{
    pid_t me = getpid(), none;
    int i;

    for (i = 0; table && i < table->nslots; i++) {
        none = 0;
        if (__atomic_compare_exchange_n(&table->slot[i].pid, &none, me, 0,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            mine = &table->slot[i];
            return;
        }
    }
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                 CHATNO(0511) "no slot for counters: ChatStreamMax does not "
                              "hold in child %d",
                 (int)me);
}
