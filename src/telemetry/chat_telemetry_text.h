/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as the text of Prometheus (0.0.4) or of OpenMetrics (1.0.0): a family
 * is begun, then its samples follow. Knows no number of ours. Any thread.
 */
#ifndef CHAT_TELEMETRY_TEXT_H
#define CHAT_TELEMETRY_TEXT_H

#include "chat_buf.h"
#include "chat_metric.h"

typedef struct chat_telemetry_text_t {
    chat_buf_t *out;
    int openmetrics; /* 1: that, with the traces of exemplars */
} chat_telemetry_text_t;

typedef enum {
    CHAT_TELEMETRY_COUNTER,
    CHAT_TELEMETRY_GAUGE,
    CHAT_TELEMETRY_HISTOGRAM,
    CHAT_TELEMETRY_INFO
} chat_telemetry_kind_e;

/* The lines before its samples. name is without _total and _info. */
void chat_telemetry_text_family(chat_telemetry_text_t *t, const char *name,
                                chat_telemetry_kind_e kind, const char *unit,
                                const char *help);

/* One sample: suffix is what follows the name, labels are names with commas
 * between them, values as many. n / scale is its value: scale 1, or a power of
 * ten. */
void chat_telemetry_text_sample(chat_telemetry_text_t *t, const char *name,
                                const char *suffix, const char *labels,
                                const char *const *values, apr_uint64_t n,
                                apr_uint64_t scale);

/* All of a family that was counted. scale as above, of a counter. */
void chat_telemetry_text_counted(chat_telemetry_text_t *t, chat_metric_e id,
                                 apr_uint64_t scale);

/* The last line. */
void chat_telemetry_text_end(chat_telemetry_text_t *t);

#endif
