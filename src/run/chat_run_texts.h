/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every text of a request that a model would read, one by one, for whoever has
 * to look at them before they are kept or sent. What is put in the place of one
 * is what is kept and sent. Request thread.
 */
#ifndef CHAT_RUN_TEXTS_H
#define CHAT_RUN_TEXTS_H

#include "chat_run_int.h"

typedef struct chat_run_texts_t {
    /* The text, or another in request_pool that takes its place. json: it is
     * JSON itself, arguments of a call. rigid: nothing can take its place. */
    const char *(*look)(void *ctx, const char *text, int json, int rigid);
    void *ctx;
} chat_run_texts_t;

void chat_run_texts(chat_run_t *run, const chat_run_texts_t *texts);

/* The same of the texts of a JSON value alone. 1: some are others now. */
int chat_run_texts_in(chat_json_t *v, const chat_run_texts_t *texts);

#endif
