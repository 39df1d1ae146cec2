/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is told about a request: one INFO line, environment variables for
 * LogFormat ("%{CHAT_MODEL}e"), the mod_status section. Never prompts,
 * answers, cookies or keys.
 */
#ifndef CHAT_FACTS_H
#define CHAT_FACTS_H

#include <httpd.h>

#include "chat_types.h"

typedef enum {
    CHAT_OUTCOME_COMPLETE,
    CHAT_OUTCOME_CANCELLED,
    CHAT_OUTCOME_UPSTREAM_ERROR,
    CHAT_OUTCOME_TRUNCATED,
    CHAT_OUTCOME_REFUSED,
    CHAT_OUTCOME_LIMITED,
    CHAT_OUTCOME_TIMEOUT
} chat_outcome_e;

/* Zeroed means unknown, but for the two times, usage and outcome. */
typedef struct chat_facts_t {
    const char *request_id;
    const char *user;      /* id, or NULL: guest or nobody */
    const char *model;
    const char *provider;
    int status;            /* what the client was told */
    int upstream_status;   /* what the provider said, 0: nothing */
    const char *upstream_id; /* the provider's own request id */
    apr_interval_time_t ttft;     /* -1 unknown */
    apr_interval_time_t duration;
    chat_usage_t usage;
    chat_outcome_e outcome;
    const char *detail;    /* why it did not end well, or NULL */
} chat_facts_t;

/* The line and the variables. Once per request, before it is logged. Any
 * thread that owns r. An outcome that an operator must look at is logged as
 * an error too. */
void chat_facts_tell(request_rec *r, const chat_facts_t *facts);

/* mod_status: registers the section when mod_status is there. */
void chat_facts_register_hooks(apr_pool_t *p);

#endif
