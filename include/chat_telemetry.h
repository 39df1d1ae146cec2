/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is told about a request: one INFO line, environment variables for
 * LogFormat ("%{CHAT_MODEL}e"), the mod_status section. Never prompts,
 * answers, cookies or keys.
 */
#ifndef CHAT_TELEMETRY_H
#define CHAT_TELEMETRY_H

#include <httpd.h>

#include "chat_buf.h"
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

/* Zeroed means unknown, but for times, cost, usage and outcome. */
typedef struct chat_record_t {
    const char *request_id;
    /* Of the span of this request, in lower-case hex; NULL: it has no trace. */
    const char *trace_id, *span_id;
    int sampled;      /* 1: that trace is recorded, and can be looked at */
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
    const char *upstream_model; /* the name that it was asked for, or NULL */
    const char *code;           /* of the error that it ended with, or NULL */
    const char *limit; /* name of the ChatLimit that refused, or NULL */
    apr_int64_t cost;  /* 1e-10 USD of the house's, -1: unknown */
    apr_interval_time_t overhead; /* up to the first call, without the time in
                                     which the body was read; -1: none was
                                     made */
    apr_interval_time_t ttft;     /* -1 unknown */
    apr_interval_time_t duration;
    chat_usage_t usage;
    chat_outcome_e outcome;
    int own_key;        /* 1: with a key of the user's own */
    const char *detail; /* why it did not end well, or NULL */
    chat_moderation_told_t moderation;
} chat_record_t;

/* A record of a request of which nothing is known yet but its id. */
void chat_telemetry_record(chat_record_t *record, const char *request_id);

/* "complete" and so on. */
const char *chat_telemetry_outcome(chat_outcome_e outcome);

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

/* [any thread, an engine too] What a provider counted of one call; cost in
 * 1e-10 USD, 0 where the house pays nothing. */
void chat_telemetry_count_usage(const server_rec *s, const char *provider,
                                const char *model, const chat_usage_t *usage,
                                apr_int64_t cost);

/* [any thread, an engine too] One call of a provider is over. */
void chat_telemetry_count_attempt(const char *provider, const char *result);

/* [any thread, an engine too] One verdict of moderation: hook is the name that
 * the configuration gave a list or a hook, verdict one of a few words. */
void chat_telemetry_count_moderation(const char *hook, const char *verdict);

/* [request thread] All numbers of the server to out, in the format that accept
 * (the header's value, or NULL) weighs most; returns its media type. */
const char *chat_telemetry_metrics(chat_buf_t *out, const char *accept);

/* What kind of provider that section is, as OpenTelemetry names them; NULL: s
 * has none of that name. */
const char *chat_telemetry_provider(const server_rec *s, const char *name);

/* [post_config] Opens what each ChatLog names, as the user who started httpd;
 * at a graceful restart anew. Not APR_SUCCESS: it has been logged why. */
apr_status_t chat_telemetry_post_config(apr_pool_t *pconf, server_rec *s);
/* [child_init] Before whatever ends requests when a child stops: what is told
 * then is still written. */
void chat_telemetry_child_init(apr_pool_t *pchild, server_rec *s);

/* mod_status: registers the section when mod_status is there. */
void chat_telemetry_register_hooks(apr_pool_t *p);

#endif
