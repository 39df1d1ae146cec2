/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters and histograms of all children of a server, in memory that they
 * share and that outlives restarts: no number ever falls before the server
 * stops. Any room counts; telemetry/ shows them.
 *
 * Nothing here waits, but for the first time that a set of labels is seen: then
 * a lock is held for a few instructions. Any thread, an engine as well. Before
 * chat_metric_post_config(), and where there was no memory, nothing is counted.
 */
#ifndef CHAT_METRIC_H
#define CHAT_METRIC_H

#include <apr_pools.h>
#include <apr_time.h>

struct server_rec;

#define CHAT_METRIC_LABELS_MAX 4
/* A longer value of a label is cut. */
#define CHAT_METRIC_VALUE_MAX 63
#define CHAT_METRIC_BUCKETS_MAX 14
/* The label of what has none, and of all that is more than can be told apart.
 */
#define CHAT_METRIC_NONE "none"
#define CHAT_METRIC_OTHER "other"

/* Upper bounds of buckets in microseconds, in ascending order. */
#define CHAT_METRIC_BOUNDS_NONE 0
#define CHAT_METRIC_BOUNDS_DURATION                                            \
    100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000,     \
        60000000, 120000000, 300000000, 600000000
#define CHAT_METRIC_BOUNDS_FIRST_CHUNK                                         \
    50000, 100000, 250000, 500000, 750000, 1000000, 1500000, 2500000, 5000000, \
        10000000, 20000000, 40000000
#define CHAT_METRIC_BOUNDS_OVERHEAD                                            \
    500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 500000

typedef enum {
#define CHAT_METRIC(id, ...) CHAT_METRIC_##id,
#include "chat_metric_list.h"
#undef CHAT_METRIC
    CHAT_METRIC_COUNT
} chat_metric_e;

typedef struct chat_metric_family_t {
    const char *name, *unit, *labels, *help;
    int series;                                  /* that are told apart */
    apr_int64_t bounds[CHAT_METRIC_BUCKETS_MAX]; /* up to a 0; none: it is a
                                                    counter */
} chat_metric_family_t;

extern const chat_metric_family_t chat_metric_families[CHAT_METRIC_COUNT];

/*
 * Add n >= 0 to a counter. values are those of its labels, as many as it has
 * names: NULL or "" counts as CHAT_METRIC_NONE. Whoever calls has them from the
 * configuration, and says CHAT_METRIC_OTHER of what a client could choose.
 */
void chat_metric_add(chat_metric_e id, const char *const *values,
                     apr_int64_t n);

/* A time for a histogram, < 0 is none. trace: the id, 32 hex digits, by which
 * this one is found among traces; NULL: it is in none. */
void chat_metric_observe(chat_metric_e id, const char *const *values,
                         apr_interval_time_t time, const char *trace);

/* One that went into a bucket, the latest; trace "": there is none. */
typedef struct chat_metric_exemplar_t {
    char trace[33];
    apr_interval_time_t value;
    apr_time_t at;
} chat_metric_exemplar_t;

typedef struct chat_metric_series_t {
    const char *values[CHAT_METRIC_LABELS_MAX]; /* in shared memory */
    int nvalues, nbuckets; /* of values; of buckets and exemplars */
    apr_uint64_t value;    /* of a counter; the sum of a histogram's times */
    /* Of a histogram: what is in each bucket alone, the last one has no bound.
     */
    apr_uint64_t buckets[CHAT_METRIC_BUCKETS_MAX + 1];
    chat_metric_exemplar_t exemplars[CHAT_METRIC_BUCKETS_MAX + 1];
} chat_metric_series_t;

/* The next series of a family, *pat being 0 at first: 0 when there is none. */
int chat_metric_next(chat_metric_series_t *series, chat_metric_e id, int *pat);

/* When counting began: with the start of the server. 0: nothing is counted. */
apr_time_t chat_metric_since(void);

/* Start-up, called by mod_chat.c. */
apr_status_t chat_metric_post_config(struct server_rec *s);

#endif
