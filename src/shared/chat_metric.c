/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See chat_metric.h. Each family is a hash table of fixed size, its series are
 * found by their labels. A series is never removed, and its labels never change
 * once it is ready: so looking one up needs no lock, and only making one does.
 * A process that dies while it makes one leaves a place that is still free.
 *
 * An exemplar is written without a lock, too: two writers, or one that dies,
 * may leave a mixture, which its check then tells apart from what was meant.
 */
#include "chat_metric.h"

#include <httpd.h>
#include <http_log.h>
#include <apr_strings.h>

#include <errno.h>
#include <string.h>

#include "chat_log.h"
#include "chat_shared.h"

/* With the number of the layout below: see chat_shared_retain(). */
#define KEY "mod_chat_metrics_1"

#define LABEL_BYTES (CHAT_METRIC_LABELS_MAX * (CHAT_METRIC_VALUE_MAX + 1))
#define TRACE_DIGITS 32

const chat_metric_family_t chat_metric_families[CHAT_METRIC_COUNT] = {
#define CHAT_METRIC(id, family, of, most, names, limits, about)                \
    [CHAT_METRIC_##id] = {.name = family,                                      \
                          .unit = of,                                          \
                          .labels = names,                                     \
                          .help = about,                                       \
                          .series = most,                                      \
                          .bounds = {CHAT_METRIC_BOUNDS_##limits}},
#include "chat_metric_list.h"
#undef CHAT_METRIC
};

typedef struct exemplar_t {
    apr_uint64_t trace[2], value, at;
    apr_uint64_t check; /* of the four; 0 with all of them: there is none */
} exemplar_t;

typedef struct bucket_t {
    apr_uint64_t count;
    exemplar_t exemplar;
} bucket_t;

typedef struct place_t {
    apr_uint32_t ready; /* 1: labels and hash hold, for ever */
    apr_uint32_t hash;
    char labels[LABEL_BYTES]; /* values, each with its NUL */
    apr_uint64_t value;
    bucket_t bucket[]; /* of a histogram */
} place_t;

typedef struct table_t {
    chat_shared_lock_t lock; /* making a series */
    apr_time_t since;
    int used[CHAT_METRIC_COUNT]; /* in the lock */
} __attribute__((aligned(64))) table_t;

static table_t *table;
/* Of each family, made before there are children. */
static struct {
    char *places;
    apr_size_t size; /* of a place */
    int nplaces, nlabels, nbuckets;
} tables[CHAT_METRIC_COUNT];

/* ---- labels ---- */

typedef struct labels_t {
    char text[LABEL_BYTES];
    apr_size_t len;
    apr_uint32_t hash;
} labels_t;

static void add_value(labels_t *labels, const char *value)
{
    apr_size_t len;

    if (!value || !*value)
        value = CHAT_METRIC_NONE;
    len = strnlen(value, CHAT_METRIC_VALUE_MAX);
    while (value[len] && len && (value[len] & 0xc0) == 0x80)
        len--; /* not in the middle of a character */
    memcpy(labels->text + labels->len, value, len);
    labels->len += len;
    labels->text[labels->len++] = '\0';
}

/* FNV-1a */
static apr_uint32_t hash_of(const char *text, apr_size_t len)
{
    apr_uint32_t hash = 2166136261u;

    for (; len; text++, len--)
        hash = (hash ^ (unsigned char)*text) * 16777619u;
    return hash;
}

static void fill_labels(labels_t *labels, chat_metric_e id,
                        const char *const *values)
{
    int i;

    labels->len = 0;
    for (i = 0; i < tables[id].nlabels; i++)
        add_value(labels, values[i]);
    labels->hash = hash_of(labels->text, labels->len);
}

/* ---- places ---- */

static place_t *place_at(chat_metric_e id, int i)
{
    return (place_t *)(tables[id].places + i * tables[id].size);
}

static int is_ready(const place_t *place)
{
    return __atomic_load_n(&place->ready, __ATOMIC_ACQUIRE);
}

/* The place of these labels, or the free one where they belong. The tables have
 * more places than are ever used. */
static place_t *look_up(chat_metric_e id, const labels_t *labels)
{
    int i = labels->hash % tables[id].nplaces;
    place_t *place = place_at(id, i);

    while (is_ready(place) &&
           (place->hash != labels->hash ||
            memcmp(place->labels, labels->text, labels->len)))
        place = place_at(id, i = (i + 1) % tables[id].nplaces);
    return place;
}

static place_t *make(chat_metric_e id, const labels_t *labels)
{
    place_t *place = look_up(id, labels);

    if (is_ready(place))
        return place;
    if (table->used[id] >= chat_metric_families[id].series)
        return NULL;
    table->used[id]++;
    place->hash = labels->hash;
    memcpy(place->labels, labels->text, labels->len);
    __atomic_store_n(&place->ready, 1, __ATOMIC_RELEASE);
    return place;
}

/* The one for all whose own there is no place for: it lies behind the others.
 */
static place_t *other(chat_metric_e id)
{
    static const char *const values[CHAT_METRIC_LABELS_MAX] = {
        CHAT_METRIC_OTHER, CHAT_METRIC_OTHER, CHAT_METRIC_OTHER,
        CHAT_METRIC_OTHER};
    place_t *place = place_at(id, tables[id].nplaces);
    labels_t labels;

    if (is_ready(place))
        return place;
    fill_labels(&labels, id, values);
    memcpy(place->labels, labels.text, labels.len);
    __atomic_store_n(&place->ready, 1, __ATOMIC_RELEASE);
    return place;
}

static place_t *find(chat_metric_e id, const char *const *values)
{
    labels_t labels;
    place_t *place;

    fill_labels(&labels, id, values);
    place = look_up(id, &labels);
    if (is_ready(place))
        return place;
    chat_shared_lock(&table->lock);
    place = make(id, &labels);
    if (!place)
        place = other(id);
    chat_shared_unlock(&table->lock);
    return place;
}

/* ---- counting ---- */

static void add(apr_uint64_t *number, apr_uint64_t n)
{
    __atomic_add_fetch(number, n, __ATOMIC_RELAXED);
}

static apr_uint64_t load(const apr_uint64_t *number)
{
    return __atomic_load_n(number, __ATOMIC_RELAXED);
}

static void store(apr_uint64_t *number, apr_uint64_t n)
{
    __atomic_store_n(number, n, __ATOMIC_RELAXED);
}

void chat_metric_add(chat_metric_e id, const char *const *values, apr_int64_t n)
{
    if (table && n >= 0)
        add(&find(id, values)->value, n);
}

static apr_uint64_t check_of(apr_uint64_t a, apr_uint64_t b, apr_uint64_t value,
                             apr_uint64_t at)
{
    const apr_uint64_t odd = APR_UINT64_C(0x9e3779b97f4a7c15);

    return (((a * odd ^ b) * odd ^ value) * odd ^ at) * odd | 1;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* 0: it is not one. */
static int read_trace(apr_uint64_t id[2], const char *trace)
{
    int i;

    id[0] = id[1] = 0;
    for (i = 0; i < TRACE_DIGITS; i++) {
        int digit = hex_digit(trace[i]);

        if (digit < 0)
            return 0;
        id[i / 16] = id[i / 16] << 4 | digit;
    }
    return trace[i] == '\0';
}

static void keep_exemplar(exemplar_t *exemplar, const char *trace,
                          apr_interval_time_t value)
{
    apr_uint64_t id[2], at = apr_time_now();

    if (!read_trace(id, trace))
        return;
    store(&exemplar->trace[0], id[0]);
    store(&exemplar->trace[1], id[1]);
    store(&exemplar->value, value);
    store(&exemplar->at, at);
    store(&exemplar->check, check_of(id[0], id[1], value, at));
}

void chat_metric_observe(chat_metric_e id, const char *const *values,
                         apr_interval_time_t time, const char *trace)
{
    const chat_metric_family_t *family = &chat_metric_families[id];
    place_t *place;
    int i = 0;

    if (!table || time < 0)
        return;
    place = find(id, values);
    while (i < tables[id].nbuckets - 1 && time > family->bounds[i])
        i++;
    add(&place->value, time);
    add(&place->bucket[i].count, 1);
    if (trace)
        keep_exemplar(&place->bucket[i].exemplar, trace, time);
}

/* ---- reading ---- */

static void show_exemplar(chat_metric_exemplar_t *shown,
                          const exemplar_t *exemplar)
{
    const apr_uint64_t a = load(&exemplar->trace[0]),
                       b = load(&exemplar->trace[1]),
                       value = load(&exemplar->value), at = load(&exemplar->at);

    shown->trace[0] = '\0';
    if (load(&exemplar->check) != check_of(a, b, value, at))
        return;
    apr_snprintf(shown->trace, sizeof(shown->trace),
                 "%016" APR_UINT64_T_HEX_FMT "%016" APR_UINT64_T_HEX_FMT, a, b);
    shown->value = value;
    shown->at = at;
}

static void show(chat_metric_series_t *series, chat_metric_e id,
                 const place_t *place)
{
    const char *value = place->labels;
    int i;

    series->nvalues = tables[id].nlabels;
    series->nbuckets = tables[id].nbuckets;
    for (i = 0; i < tables[id].nlabels; i++, value += strlen(value) + 1)
        series->values[i] = value;
    series->value = load(&place->value);
    for (i = 0; i < tables[id].nbuckets; i++) {
        series->buckets[i] = load(&place->bucket[i].count);
        show_exemplar(&series->exemplars[i], &place->bucket[i].exemplar);
    }
}

int chat_metric_next(chat_metric_series_t *series, chat_metric_e id, int *pat)
{
    while (table && *pat <= tables[id].nplaces) {
        const place_t *place = place_at(id, (*pat)++);

        if (is_ready(place)) {
            show(series, id, place);
            return 1;
        }
    }
    return 0;
}

apr_time_t chat_metric_since(void)
{
    return table ? table->since : 0;
}

/* ---- start-up ---- */

static int count_labels(const char *names)
{
    int n = *names != '\0';

    for (; *names; names++)
        n += *names == ',';
    return n;
}

static int count_bounds(const apr_int64_t *bounds)
{
    int n = 0;

    while (n < CHAT_METRIC_BUCKETS_MAX && bounds[n])
        n++;
    return n;
}

/* Twice as many places as series, so that look-ups are short, and one. */
static apr_size_t lay_out(chat_metric_e id, apr_size_t at)
{
    const chat_metric_family_t *family = &chat_metric_families[id];
    int nbounds = count_bounds(family->bounds);

    tables[id].nlabels = count_labels(family->labels);
    tables[id].nbuckets = nbounds ? nbounds + 1 : 0;
    tables[id].nplaces = 2 * family->series;
    tables[id].size = sizeof(place_t) + tables[id].nbuckets * sizeof(bucket_t);
    tables[id].places = (char *)table + at;
    return at + (tables[id].nplaces + 1) * tables[id].size;
}

static apr_size_t lay_out_all(void)
{
    apr_size_t at = sizeof(table_t);
    int i;

    for (i = 0; i < CHAT_METRIC_COUNT; i++)
        at = lay_out(i, at);
    return at;
}

apr_status_t chat_metric_post_config(server_rec *s)
{
    apr_size_t size;
    int made;

    table = NULL;
    size = lay_out_all();
    table = chat_shared_retain(&made, KEY, size);
    if (table && made) {
        table->since = apr_time_now();
        if (!chat_shared_lock_init(&table->lock))
            table = NULL;
    }
    if (table) {
        lay_out_all();
        return APR_SUCCESS;
    }
    ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                 CHATNO(1401) "no %lu bytes of shared memory for metrics",
                 (unsigned long)size);
    return APR_ENOMEM;
}
