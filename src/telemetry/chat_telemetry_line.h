/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line of ChatLog: one JSON object and a line feed, whatever is in the facts.
 * What is no UTF-8 becomes U+FFFD; what is longer than its place is cut
 * between two characters. Pure, any thread.
 */
#ifndef CHAT_TELEMETRY_LINE_H
#define CHAT_TELEMETRY_LINE_H

#include <apr_time.h>

/* With the line feed: what a pipe takes at once or not at all. */
#define CHAT_TELEMETRY_LINE_MAX 4096

/* A text NULL, or a number -1, is left out. */
typedef struct chat_telemetry_line_t {
    apr_time_t at; /* when it ended */
    int failed;    /* 1: somebody has to look at it */
    const char *trace_id, *span_id;
    int sampled;
    const char *request_id, *method, *path, *client, *user, *route;
    const char *provider; /* the name of its section */
    const char *system;   /* what kind of provider that is */
    const char *model, *upstream_model;
    const char *outcome, *code, *limit, *upstream_id;
    int own_key;
    /* Of moderation, where it said more than that all may pass. */
    const char *verdict, *verdict_phase, *verdict_by, *verdict_category;
    apr_interval_time_t verdict_latency; /* of a service */
    apr_int64_t status, upstream_status;
    apr_int64_t input, output;
    apr_int64_t cost; /* 1e-10 USD */
    apr_interval_time_t ttft, duration;
} chat_telemetry_line_t;

/* Returns its length. */
apr_size_t chat_telemetry_line(char line[CHAT_TELEMETRY_LINE_MAX],
                               const chat_telemetry_line_t *facts, int ecs);

#endif
