/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lists of ChatModerationList that look at one direction of a run, and what
 * follows when one of them finds something. Whoever owns the run.
 */
#ifndef CHAT_RUN_LISTS_H
#define CHAT_RUN_LISTS_H

#include "chat_moderation.h"
#include "chat_run_verdict.h"

typedef struct chat_run_lists_t {
    chat_run_t *run;
    int output; /* 0: what is asked, 1: the answer */
    const chat_moderation_list_t **lists;
    const chat_moderation_conf_t **confs; /* of the same index */
    int n;                                /* 0: nothing is looked for */
    apr_uint64_t found, failed; /* bits: of which lists that was told */
    int rigid;   /* 1: nothing can stand in the place of what is found */
    int quiet;   /* 1: nothing is told of it */
    int stopped; /* 1: nothing goes on, as verdict says */
    chat_run_verdict_t verdict;
} chat_run_lists_t;

/* In run->r->pool. */
void chat_run_lists_init(chat_run_lists_t *lists, chat_run_t *run, int output);

/* As chat_moderation_sink_t.hit. Of each list the first is told. */
chat_moderation_e chat_run_lists_hit(chat_run_lists_t *lists,
                                     const chat_moderation_hit_t *hit);

/* All has been looked at: lists that found nothing let it pass. */
void chat_run_lists_end(chat_run_lists_t *lists);

/* ---- chat_run_lists_input.c: request thread ---- */

/* Look at all that is asked, and take out of it what has to be. Fails as
 * chat_run_verdict_refuse(). */
apr_status_t chat_run_lists_input(chat_run_lists_t *lists, chat_err_t *err);

/* What is in a file that a model has as a text, by lists of what is asked.
 * Fails as chat_run_verdict_refuse(), and if told: it counts. */
apr_status_t chat_run_lists_file(chat_run_t *run, const char *text,
                                 apr_size_t len, int told, chat_err_t *err);

/* ---- chat_run_lists_title.c: any thread that may wait ---- */

/* Those that look at titles: const chat_moderation_conf_t *, in p. They live as
 * long as the configuration. */
apr_array_header_t *chat_run_lists_of_titles(const chat_dir_conf_t *conf,
                                             apr_pool_t *p);

/* 0: one of them does not let it through. */
int chat_run_lists_allow_title(const apr_array_header_t *confs,
                               const char *text, apr_pool_t *p);

/* ---- chat_run_lists_wire.c: the driver ---- */

/* The strings of an event, or of a body, whose bytes pass unchanged, as deltas
 * for the taps. Those of one place, whichever event they come in, have one
 * index. */
void chat_run_lists_wire(chat_run_t *run, const char *json, apr_size_t len);

#endif
