/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which upstreams may be called and which keys used, by the results of earlier
 * calls: a breaker for each <ChatProvider>, and which of its keys are
 * suspended. In shared memory of one reading of the configuration: all children
 * see the same, and after a restart every breaker is closed.
 *
 * Any thread; nothing here waits.
 */
#ifndef CHAT_UPSTREAM_H
#define CHAT_UPSTREAM_H

#include <httpd.h>

#include "chat_config.h"

typedef enum {
    CHAT_PERMIT_NO, /* the breaker is open */
    CHAT_PERMIT_YES,
    CHAT_PERMIT_HALF_OPEN /* yes, as the probe that shows whether the upstream
                             works again: CHAT_VERDICT_BEGAN may be reported
                             before the call is over */
} chat_permit_e;

/* Whose key a call is made with. Each has a breaker of its own: what becomes of
 * calls with users' keys says nothing of those with the house's. */
typedef enum {
    CHAT_ORIGIN_HOUSE,
    CHAT_ORIGIN_USER,
    CHAT_ORIGIN_COUNT
} chat_origin_e;

/*
 * May it be called? With a permit chat_upstream_report() must follow once,
 * whatever happens. CHAT_PERMIT_NO: *pwait is how long the breaker still is
 * open. After that time one call is let through as a probe; the others get
 * none until that one has succeeded.
 */
chat_permit_e chat_upstream_allow(const chat_provider_conf_t *conf,
                                  chat_origin_e origin,
                                  apr_interval_time_t *pwait);

/* Report the result of a call. Logs each change of the breaker's state, once.
 */
void chat_upstream_report(const chat_provider_conf_t *conf,
                          chat_origin_e origin, chat_verdict_e verdict,
                          request_rec *r);

/* The key to use: the index in conf->keys of the next one that is not
 * suspended. -1 when there is none. */
int chat_upstream_key(const chat_provider_conf_t *conf);

/*
 * The provider did not accept this key (401, 403): suspend it for a while. 1
 * when that was done. sure: 0 when the refusal may have been about the request,
 * and so the last key that is left stays. Logged by its number in the
 * configuration, never by its text.
 */
int chat_upstream_suspend(const chat_provider_conf_t *conf, int key, int sure,
                          request_rec *r);

typedef struct chat_upstream_stats_t {
    const char *name;  /* of the provider */
    const char *state; /* "closed", "open" or "half-open" */
    apr_uint64_t calls,
        failures; /* with the house's keys: let through, CHAT_VERDICT_FAILED;
                     since the server was (re)started */
    apr_uint64_t opened; /* times that the breaker opened; probes
                            that failed do not count */
    int keys, suspended; /* now */
} chat_upstream_stats_t;

/* Up to max rows, by name; how many there are. */
int chat_upstream_stats(chat_upstream_stats_t *rows, int max);

/* Start-up, called by mod_chat.c. */
apr_status_t chat_upstream_post_config(apr_pool_t *pconf, server_rec *s);

#endif
