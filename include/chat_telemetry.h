/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is told about a request: one INFO line, environment variables for
 * LogFormat ("%{CHAT_MODEL}e"), the mod_status section. Never prompts,
 * answers, cookies or keys.
 */
#ifndef CHAT_TELEMETRY_H
#define CHAT_TELEMETRY_H

#include <httpd.h>

#include "chat_err.h"
#include "chat_types.h"

/* Zeroed means unknown, but for the two times, usage and outcome. */
typedef struct chat_record_t {
    const char *request_id;
    const char *user; /* id, or NULL: guest or nobody */
    const char *model;
    const char *provider;
    int status;                 /* what the client was told */
    int upstream_status;        /* what the provider said, 0: nothing */
    const char *upstream_id;    /* the provider's own request id */
    const char *upstream_url;   /* of the call, without its query */
    const chat_refusal_t *told; /* what the provider said of its failure, or
                                   NULL */
    const char *said;           /* its sentence, fit for a log, or NULL */
    apr_interval_time_t ttft;   /* -1 unknown */
    apr_interval_time_t duration;
    chat_usage_t usage;
    chat_outcome_e outcome;
    int own_key;        /* 1: with a key of the user's own */
    const char *detail; /* why it did not end well, or NULL */
} chat_record_t;

/* A record of a request of which nothing is known yet but its id. */
void chat_telemetry_record(chat_record_t *record, const char *request_id);

/* The line and the variables. Once per request, before it is logged. Any
 * thread that owns r. An outcome that an operator must look at is logged as
 * an error too. */
void chat_telemetry_write(request_rec *r, const chat_record_t *record);

/* mod_status: registers the section when mod_status is there. */
void chat_telemetry_register_hooks(apr_pool_t *p);

#endif
