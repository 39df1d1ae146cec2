/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queues of spans and of records, and their counters. See chat_export.h.
 * The counters lie in memory that outlives restarts; the queues are each
 * child's own, behind one lock that is held for a few instructions.
 */
#include "chat_export.h"

#include <http_log.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "chat_config.h"
#include "chat_log.h"
#include "chat_shared.h"

/* A request may have 64 MiB. A queue whose spans hold questions could be far
 * larger than its number of spans says. */
#define BYTES_MAX (4 * 1024 * 1024)
#define QUEUE_BYTES_MAX (32 * 1024 * 1024)

typedef struct item_t {
    STAILQ_ENTRY(item_t) link;
    int n;
    apr_size_t len;
    char bytes[];
} item_t;

typedef struct queue_t {
    STAILQ_HEAD(, item_t) items;
    int n;           /* spans, or records */
    apr_size_t size; /* bytes */
} queue_t;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static queue_t queues[CHAT_OTLP_SIGNALS]; /* with the lock, as is_open */
static int is_open;
static void (*wake_sender)(void);

static apr_uint64_t *counters; /* shared; NULL: nothing is exported */

void chat_export_count(chat_export_fate_e fate, int n)
{
    if (counters && n)
        __atomic_add_fetch(&counters[fate], (apr_uint64_t)n, __ATOMIC_RELAXED);
}

/* ---- putting ---- */

/* With the lock. */
static int append(queue_t *queue, item_t *item)
{
    const chat_trace_setup_t *setup = chat_config_trace();

    if (!is_open || queue->n + item->n > setup->queue ||
        queue->size + item->len > QUEUE_BYTES_MAX)
        return 0;
    STAILQ_INSERT_TAIL(&queue->items, item, link);
    queue->n += item->n;
    queue->size += item->len;
    return 1;
}

static int is_full(const queue_t *queue)
{
    return queue->n >= chat_config_trace()->batch || queue->size >= BYTES_MAX;
}

static int is_sent(chat_otlp_signal_e signal)
{
    const chat_trace_setup_t *setup = chat_config_trace();

    return counters && (signal == CHAT_OTLP_LOGS ? setup->logs : setup->traces);
}

void chat_export_put(chat_otlp_signal_e signal, const char *bytes,
                     apr_size_t len, int n)
{
    item_t *item;
    int taken, wakes;

    if (!is_sent(signal))
        return;
    item = malloc(sizeof(*item) + len);
    if (!item) {
        chat_export_count(CHAT_EXPORT_DROPPED, n);
        return;
    }
    item->n = n;
    item->len = len;
    memcpy(item->bytes, bytes, len);
    pthread_mutex_lock(&lock);
    wakes = !is_full(&queues[signal]);
    taken = append(&queues[signal], item);
    wakes = taken && wakes && is_full(&queues[signal]);
    pthread_mutex_unlock(&lock);
    if (!taken) {
        free(item);
        chat_export_count(CHAT_EXPORT_DROPPED, n);
    }
    if (wakes)
        wake_sender();
}

/* ---- taking ---- */

static item_t *remove_first(queue_t *queue)
{
    item_t *item = STAILQ_FIRST(&queue->items);

    STAILQ_REMOVE_HEAD(&queue->items, link);
    queue->n -= item->n;
    queue->size -= item->len;
    return item;
}

/* With the lock: those of one request; the first in any case. */
static int remove_batch(queue_t *batch, queue_t *queue)
{
    const item_t *next;

    STAILQ_INIT(&batch->items);
    batch->n = 0;
    batch->size = 0;
    while ((next = STAILQ_FIRST(&queue->items)) != NULL) {
        item_t *item;

        if (batch->n && (batch->n + next->n > chat_config_trace()->batch ||
                         batch->size + next->len > BYTES_MAX))
            break;
        item = remove_first(queue);
        STAILQ_INSERT_TAIL(&batch->items, item, link);
        batch->n += item->n;
        batch->size += item->len;
    }
    return batch->n;
}

int chat_export_take(chat_otlp_signal_e signal, const char **pbytes,
                     apr_size_t *plen, apr_pool_t *p)
{
    queue_t batch;
    int n;
    char *to;

    pthread_mutex_lock(&lock);
    n = remove_batch(&batch, &queues[signal]);
    pthread_mutex_unlock(&lock);
    if (!n)
        return 0;
    *plen = batch.size;
    *pbytes = to = apr_palloc(p, batch.size);
    while (!STAILQ_EMPTY(&batch.items)) {
        item_t *item = remove_first(&batch);

        memcpy(to, item->bytes, item->len);
        to += item->len;
        free(item);
    }
    return n;
}

/* ---- life ---- */

void chat_export_open(void (*wake)(void))
{
    int i;

    for (i = 0; i < CHAT_OTLP_SIGNALS; i++)
        STAILQ_INIT(&queues[i].items);
    wake_sender = wake;
    is_open = 1;
}

void chat_export_close(void)
{
    int i, n = 0;

    pthread_mutex_lock(&lock);
    is_open = 0;
    for (i = 0; i < CHAT_OTLP_SIGNALS; i++) {
        while (!STAILQ_EMPTY(&queues[i].items)) {
            item_t *item = remove_first(&queues[i]);

            n += item->n;
            free(item);
        }
    }
    pthread_mutex_unlock(&lock);
    chat_export_count(CHAT_EXPORT_DROPPED, n);
}

int chat_export_stats(chat_export_stats_t *stats)
{
    if (!counters)
        return 0;
    stats->sent =
        __atomic_load_n(&counters[CHAT_EXPORT_SENT], __ATOMIC_RELAXED);
    stats->dropped =
        __atomic_load_n(&counters[CHAT_EXPORT_DROPPED], __ATOMIC_RELAXED);
    stats->retried =
        __atomic_load_n(&counters[CHAT_EXPORT_RETRIED], __ATOMIC_RELAXED);
    return 1;
}

apr_status_t chat_export_post_config(apr_pool_t *pconf, server_rec *s)
{
    const chat_trace_setup_t *setup = chat_config_trace();
    apr_size_t size = CHAT_EXPORT_COUNTERS * sizeof(*counters);
    int is_new;

    counters = NULL;
    if (!setup || (!setup->traces && !setup->logs))
        return APR_SUCCESS;
    counters = chat_shared_retain(&is_new, "mod_chat_export_1", size);
    if (counters)
        return APR_SUCCESS;
    ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                 CHATNO(0920) "no %lu bytes of shared memory to count what is "
                              "exported",
                 (unsigned long)size);
    return errno;
}
