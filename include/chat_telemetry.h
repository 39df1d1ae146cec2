/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is told about a request: one INFO line, environment variables for
 * LogFormat ("%{CHAT_MODEL}e"), the mod_status section. Never prompts,
 * answers, cookies or keys.
 */
#ifndef CHAT_TELEMETRY_H
#define CHAT_TELEMETRY_H

#include <httpd.h>

#include "chat_config.h"
#include "chat_err.h"
#include "chat_types.h"

/* The verdict of moderation that counts. No text, term or pattern is in it. */
typedef struct chat_moderation_told_t {
    chat_moderation_e action;
    int output;                  /* 0: on what is asked, 1: on the answer */
    const char *by;              /* name of the list or the service, or NULL */
    const char *rule;            /* the line of the list, or NULL */
    const char *category;        /* or NULL */
    double score;                /* 0..1, or -1: there is none */
    apr_interval_time_t latency; /* of the service, or -1 */
} chat_moderation_told_t;

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
    chat_moderation_told_t moderation;
} chat_record_t;

/* A record of a request of which nothing is known yet but its id. */
void chat_telemetry_record(chat_record_t *record, const char *request_id);

/* The line and the variables. Once per request, before it is logged. Any
 * thread that owns r. An outcome that an operator must look at is logged as
 * an error too. */
void chat_telemetry_write(request_rec *r, const chat_record_t *record);

/* "pass", "flag" and so on; NULL: nothing was to look at it. */
const char *chat_telemetry_moderation_name(chat_moderation_e action);

/* [post_config] Memory for the counters of moderation. */
apr_status_t chat_telemetry_moderation_create(apr_pool_t *pconf);
/* [any thread] One verdict more of that slot (chat_config_moderation_slot()) on
 * what is asked, or on answers. Never waits. */
void chat_telemetry_moderation_count(int slot, int output,
                                     chat_moderation_e action);
/* [any thread] How many there were since the configuration was read. */
apr_uint64_t chat_telemetry_moderation_counted(int slot, int output,
                                               chat_moderation_e action);

/* mod_status: registers the section when mod_status is there. */
void chat_telemetry_register_hooks(apr_pool_t *p);

#endif
