/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a service of moderation is asked, and what its answer means. Pure: any
 * thread.
 */
#ifndef CHAT_RUN_HOOK_FORMAT_H
#define CHAT_RUN_HOOK_FORMAT_H

#include <apr_pools.h>

#include "chat_config_hook.h"
#include "chat_types.h"

/* A text to be looked at. */
typedef struct chat_run_hook_text_t {
    const char *role; /* "user", "assistant", "reasoning", "tool" */
    const char *content;
} chat_run_hook_text_t;

/* What is known of the request. Any of it may be NULL. */
typedef struct chat_run_hook_about_t {
    const char *request_id, *conversation;
    const char *user; /* a digest: no service learns who somebody is */
    const char *tier, *route, *model, *provider;
} chat_run_hook_about_t;

typedef enum {
    CHAT_RUN_HOOK_ASKED,   /* what is asked */
    CHAT_RUN_HOOK_PARTIAL, /* a piece of the answer */
    CHAT_RUN_HOOK_WHOLE    /* all of the answer, or its last piece */
} chat_run_hook_phase_e;

typedef struct chat_run_hook_query_t {
    chat_run_hook_phase_e phase;
    const chat_run_hook_about_t *about;
    const char *before; /* what stands before the texts and was looked at: the
                           question, or the piece before; or NULL */
    const chat_run_hook_text_t *texts;
    int ntexts;
} chat_run_hook_query_t;

/* Bytes of an answer of that service to so many bytes of texts. */
apr_size_t chat_run_hook_format_most(apr_size_t texts);

/* The JSON of the call, in p; NULL: there was no memory. */
const char *chat_run_hook_format_body(apr_size_t *plen,
                                      const chat_hook_conf_t *hook,
                                      const chat_run_hook_query_t *query,
                                      apr_pool_t *p);

typedef struct chat_run_hook_answer_t {
    chat_moderation_e action; /* PASS, FLAG, REPLACE or BLOCK */
    const char *category;     /* of letters, digits and / _ . -; or NULL */
    const char *reason;       /* a sentence, or NULL */
    double score;             /* 0..1; -1: none */
    const char **texts;       /* of REPLACE: as many as were asked about */
} chat_run_hook_answer_t;

/* NULL, or why it is no answer: a sentence without a word of it. All in p. */
const char *chat_run_hook_format_read(chat_run_hook_answer_t *answer,
                                      const chat_hook_conf_t *hook, int status,
                                      const char *data, apr_size_t len,
                                      int ntexts, apr_pool_t *p);

#endif
