/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which upstreams and keys may be asked now, by what became of earlier calls:
 * a breaker for each <ChatProvider>, a bench for each of its keys. In shared
 * memory: all children of a server see the same. Survives a graceful restart
 * no more than it has to: a fresh start asks everybody again.
 *
 * Any thread; nothing here waits.
 */
#ifndef CHAT_UPSTREAM_H
#define CHAT_UPSTREAM_H

#include <httpd.h>

#include "chat_config.h"

/*
 * May it be asked? 1: yes, and chat_upstream_tell() must follow once, whatever
 * happens. 2: the same, and it is a trial: CHAT_CALL_BEGAN may be told before
 * that. 0: its breaker is open; *pwait is how long it still will be. After
 * that time one call is let through to try; the others are told 0 until that
 * one has succeeded.
 */
int chat_upstream_may(const chat_provider_conf_t *conf,
                      apr_interval_time_t *pwait);

typedef enum {
    CHAT_CALL_FINE,    /* it works: any answer that is not its own failure */
    CHAT_CALL_FAILED,  /* not reached, timed out, broke off, 5xx */
    CHAT_CALL_UNKNOWN, /* the client left before anything could be known */
    CHAT_CALL_BEGAN    /* the trial is being answered: others need not wait
                          until it is over */
} chat_call_verdict_e;

/* What became of a call. Logs each change of the breaker's state, once. */
void chat_upstream_tell(const chat_provider_conf_t *conf,
                        chat_call_verdict_e verdict, request_rec *r);

/* The key to use: its index in conf->keys, in turn, without those that are
 * benched. -1 when there is none, or all are benched. */
int chat_upstream_key(const chat_provider_conf_t *conf);

/*
 * The provider did not accept this key (401, 403): leave it alone for a while.
 * 1 when that was done. Not sure: it may have been about what was asked, so the
 * last key that is left stays. Logged by its place in the configuration, never
 * by what it is.
 */
int chat_upstream_bench(const chat_provider_conf_t *conf, int key, int sure,
                        request_rec *r);

typedef struct chat_upstream_stats_t {
    const char *name;             /* of the provider */
    const char *state;            /* "closed", "open" or "trying" */
    apr_uint64_t calls, failures; /* let through, CHAT_CALL_FAILED; since the
                                     server was (re)started */
    apr_uint64_t opened;          /* times that the breaker opened; trials
                                     that failed do not count */
    int keys, benched;            /* now */
} chat_upstream_stats_t;

/* Up to max rows, by name; how many there are. */
int chat_upstream_stats(chat_upstream_stats_t *rows, int max);

/* Start-up, called by mod_chat.c. */
apr_status_t chat_upstream_post_config(apr_pool_t *pconf, server_rec *s);

#endif
