/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the processes of a server know of its services of moderation: whether
 * they answer, and what they have said lately. In memory that they share, of
 * one reading of the configuration. Any thread; nothing here waits but for a
 * lock that is held for a few instructions, and an engine not even for that.
 */
#ifndef CHAT_RUN_HOOK_STATE_H
#define CHAT_RUN_HOOK_STATE_H

#include <httpd.h>

#include "chat_config.h"
#include "chat_run_hook_format.h"

/* Digest of a query. */
typedef struct chat_run_hook_key_t {
    unsigned char digest[32];
} chat_run_hook_key_t;

/* 0: it fails, and is not asked now. */
int chat_run_hook_state_allow(const chat_hook_conf_t *hook);

/* A call is over. why: NULL where it has answered, else a sentence without a
 * word of what was asked or answered. Logged where that has changed. */
void chat_run_hook_state_report(const chat_hook_conf_t *hook, const char *why,
                                request_rec *r);
/* Nobody has waited for the end of a call. */
void chat_run_hook_state_left(const chat_hook_conf_t *hook);

/* What that service is asked about, and how. 0: there is no digest. */
int chat_run_hook_state_key(chat_run_hook_key_t *key,
                            const chat_hook_conf_t *hook,
                            const chat_run_hook_query_t *query);

/* 1: *answer is what it has said to that; in p. */
int chat_run_hook_state_find(chat_run_hook_answer_t *answer,
                             const chat_run_hook_key_t *key, apr_pool_t *p);
/* Remember that; but for replacements, which are not. */
void chat_run_hook_state_keep(const chat_run_hook_key_t *key,
                              const chat_hook_conf_t *hook,
                              const chat_run_hook_answer_t *answer);

/* Start-up, called by mod_chat.c. */
apr_status_t chat_run_hook_state_post_config(apr_pool_t *pconf, server_rec *s);

#endif
