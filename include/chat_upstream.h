/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which upstreams and keys may be asked now, by what became of earlier calls:
 * a breaker for each <ChatProvider>, and which of its keys are suspended. In
 * shared memory: all children of a server see the same. Survives a graceful
 * restart no more than it has to: a fresh start asks everybody again.
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
    CHAT_PERMIT_HALF_OPEN /* yes, and by this call it is seen whether the
                             upstream works again: CHAT_VERDICT_BEGAN may be
                             reported before the call is over */
} chat_permit_e;

/*
 * May it be called? With a permit chat_upstream_report() must follow once,
 * whatever happens. CHAT_PERMIT_NO: *pwait is how long the breaker still is
 * open. After that time one call is let through as a probe; the others get
 * none until that one has succeeded.
 */
chat_permit_e chat_upstream_allow(const chat_provider_conf_t *conf,
                                  apr_interval_time_t *pwait);

/* What became of a call. Logs each change of the breaker's state, once. */
void chat_upstream_report(const chat_provider_conf_t *conf,
                          chat_verdict_e verdict, request_rec *r);

/* The key to use: its index in conf->keys, in turn, without those that are
 * suspended. -1 when there is none, or all are. */
int chat_upstream_key(const chat_provider_conf_t *conf);

/*
 * The provider did not accept this key (401, 403): leave it alone for a while.
 * 1 when that was done. Not sure: it may have been about what was asked, so the
 * last key that is left stays. Logged by its place in the configuration, never
 * by what it is.
 */
int chat_upstream_suspend(const chat_provider_conf_t *conf, int key, int sure,
                          request_rec *r);

typedef struct chat_upstream_stats_t {
    const char *name;             /* of the provider */
    const char *state;            /* "closed", "open" or "half-open" */
    apr_uint64_t calls, failures; /* let through, CHAT_VERDICT_FAILED; since the
                                     server was (re)started */
    apr_uint64_t opened;          /* times that the breaker opened; probes
                                     that failed do not count */
    int keys, suspended;          /* now */
} chat_upstream_stats_t;

/* Up to max rows, by name; how many there are. */
int chat_upstream_stats(chat_upstream_stats_t *rows, int max);

/* Start-up, called by mod_chat.c. */
apr_status_t chat_upstream_post_config(apr_pool_t *pconf, server_rec *s);

#endif
