/* SPDX-License-Identifier: Apache-2.0 */
/* See chat_telemetry_text.h. */
#include "chat_telemetry_text.h"

#include <string.h>

#include <apr_strings.h>

/* Histograms count microseconds, and show seconds. */
#define SECOND 1000000

#define PUT(t, text) chat_buf_put((t)->out, text, sizeof(text) - 1)

static void puts_(chat_telemetry_text_t *t, const char *text)
{
    chat_buf_puts(t->out, text);
}

/* ---- families ---- */

static void put_header(chat_telemetry_text_t *t, const char *what,
                       const char *name, const char *suffix, const char *text)
{
    PUT(t, "# ");
    puts_(t, what);
    PUT(t, " ");
    puts_(t, name);
    puts_(t, suffix);
    PUT(t, " ");
    puts_(t, text);
    PUT(t, "\n");
}

/* OpenMetrics names a family without the suffix of its samples. */
void chat_telemetry_text_family(chat_telemetry_text_t *t, const char *name,
                                chat_telemetry_kind_e kind, const char *unit,
                                const char *help)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram",
                                        "gauge"};
    static const char *const suffixes[] = {"_total", "", "", "_info"};
    const char *suffix = t->openmetrics ? "" : suffixes[kind];

    put_header(t, "HELP", name, suffix, help);
    put_header(t, "TYPE", name, suffix,
               t->openmetrics && kind == CHAT_TELEMETRY_INFO ? "info"
                                                             : kinds[kind]);
    if (t->openmetrics && *unit)
        put_header(t, "UNIT", name, suffix, unit);
}

/* ---- numbers ---- */

static void put_number(chat_telemetry_text_t *t, apr_uint64_t n)
{
    char text[24];

    apr_snprintf(text, sizeof(text), "%" APR_UINT64_T_FMT, n);
    puts_(t, text);
}

/* n / scale without a loss: as many digits behind the point as it needs, and
 * one at least. */
static void put_fraction(chat_telemetry_text_t *t, apr_uint64_t n,
                         apr_uint64_t scale)
{
    apr_uint64_t rest = n % scale;

    put_number(t, n / scale);
    PUT(t, ".");
    do {
        scale /= 10;
        chat_buf_put(t->out, &"0123456789"[rest / scale], 1);
        rest %= scale;
    } while (rest);
}

static void put_value(chat_telemetry_text_t *t, apr_uint64_t n,
                      apr_uint64_t scale)
{
    if (scale == 1)
        put_number(t, n);
    else
        put_fraction(t, n, scale);
}

/* ---- samples ---- */

static void put_escaped(chat_telemetry_text_t *t, const char *value)
{
    for (; *value; value++) {
        if (*value == '\n')
            PUT(t, "\\n");
        else if (*value == '"' || *value == '\\') {
            PUT(t, "\\");
            chat_buf_put(t->out, value, 1);
        }
        else
            chat_buf_put(t->out, value, 1);
    }
}

/* Up to '{label="value"' for each; how many there are. */
static int put_labels(chat_telemetry_text_t *t, const char *labels,
                      const char *const *values)
{
    int n = 0;

    while (*labels) {
        apr_size_t len = strcspn(labels, ",");

        chat_buf_put(t->out, n ? "," : "{", 1);
        chat_buf_put(t->out, labels, len);
        PUT(t, "=\"");
        put_escaped(t, values[n++]);
        PUT(t, "\"");
        labels += len + (labels[len] == ',');
    }
    return n;
}

void chat_telemetry_text_sample(chat_telemetry_text_t *t, const char *name,
                                const char *suffix, const char *labels,
                                const char *const *values, apr_uint64_t n,
                                apr_uint64_t scale)
{
    puts_(t, name);
    puts_(t, suffix);
    if (put_labels(t, labels, values))
        PUT(t, "}");
    PUT(t, " ");
    put_value(t, n, scale);
    PUT(t, "\n");
}

static void put_exemplar(chat_telemetry_text_t *t,
                         const chat_metric_exemplar_t *exemplar)
{
    PUT(t, " # {trace_id=\"");
    puts_(t, exemplar->trace);
    PUT(t, "\"} ");
    put_fraction(t, exemplar->value, SECOND);
    PUT(t, " ");
    put_fraction(t, exemplar->at, SECOND);
}

static void put_bucket(chat_telemetry_text_t *t,
                       const chat_metric_family_t *family,
                       const chat_metric_series_t *series, int i,
                       apr_uint64_t below)
{
    puts_(t, family->name);
    PUT(t, "_bucket");
    chat_buf_puts(t->out,
                  put_labels(t, family->labels, series->values) ? "," : "{");
    PUT(t, "le=\"");
    if (i == series->nbuckets - 1)
        PUT(t, "+Inf");
    else
        put_fraction(t, family->bounds[i], SECOND);
    PUT(t, "\"} ");
    put_number(t, below);
    if (t->openmetrics && series->exemplars[i].trace[0])
        put_exemplar(t, &series->exemplars[i]);
    PUT(t, "\n");
}

/* The buckets say how many there are: so their sum is always the count. */
static void put_histogram(chat_telemetry_text_t *t,
                          const chat_metric_family_t *family,
                          const chat_metric_series_t *series)
{
    apr_uint64_t below = 0;
    int i;

    for (i = 0; i < series->nbuckets; i++) {
        below += series->buckets[i];
        put_bucket(t, family, series, i, below);
    }
    chat_telemetry_text_sample(t, family->name, "_sum", family->labels,
                               series->values, series->value, SECOND);
    chat_telemetry_text_sample(t, family->name, "_count", family->labels,
                               series->values, below, 1);
}

void chat_telemetry_text_counted(chat_telemetry_text_t *t, chat_metric_e id,
                                 apr_uint64_t scale)
{
    const chat_metric_family_t *family = &chat_metric_families[id];
    int is_histogram = family->bounds[0] != 0, at = 0, n = 0;
    chat_metric_series_t series;

    chat_telemetry_text_family(t, family->name,
                               is_histogram ? CHAT_TELEMETRY_HISTOGRAM
                                            : CHAT_TELEMETRY_COUNTER,
                               family->unit, family->help);
    for (; chat_metric_next(&series, id, &at); n++)
        if (is_histogram)
            put_histogram(t, family, &series);
        else
            chat_telemetry_text_sample(t, family->name, "_total",
                                       family->labels, series.values,
                                       series.value, scale);
    if (!n && !*family->labels)
        chat_telemetry_text_sample(t, family->name, "_total", "", NULL, 0,
                                   scale);
}

void chat_telemetry_text_end(chat_telemetry_text_t *t)
{
    if (t->openmetrics)
        PUT(t, "# EOF\n");
}
