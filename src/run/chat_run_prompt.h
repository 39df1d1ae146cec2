/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the user says now, whatever form it was asked in: all of it since the
 * last answer, as whoever answers will read it. Request thread.
 */
#ifndef CHAT_RUN_PROMPT_H
#define CHAT_RUN_PROMPT_H

#include "chat_run_int.h"

typedef struct chat_run_prompt_t {
    const char *text;   /* NULL: nothing is said */
    const char *others; /* parts of it that are no text, as JSON */
    int ends; /* 1: the request ends with it; 0: something of the model or of a
                 tool follows */
} chat_run_prompt_t;

/* In p. */
void chat_run_prompt(chat_run_prompt_t *question, const chat_run_t *run,
                     apr_pool_t *p);

/* Messages of a turn: the first of a question and the one behind its last. */
int chat_run_prompt_find(const chat_turn_t *turn, int *pbehind);

#endif
