/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Titles of conversations: the beginning of what was asked, and what a model
 * makes of the first answer (ChatTitleModel). The model is asked when the
 * client has its answer (chat_run_later.h), so that nobody waits for it.
 */
#ifndef CHAT_RUN_TITLE_H
#define CHAT_RUN_TITLE_H

#include "chat_run_int.h"
#include "chat_run_title_text.h"

typedef struct chat_run_title_job_t chat_run_title_job_t;

/* [request thread] A title is wanted of the turn that has begun: what it is to
 * be made of, in the request's pool; NULL: none is. */
chat_run_title_job_t *chat_run_title_prepare(const chat_run_t *run,
                                             const chat_store_turn_t *turn);
/* [request thread] The same of a new chat in an app's tables, whose title is
 * that of text now. */
chat_run_title_job_t *chat_run_title_of(const chat_run_t *run, const char *text,
                                        const char *title);
/* [whoever owns the request] The answer. */
void chat_run_title_answer(chat_run_title_job_t *job, const char *text);
/* [whoever owns the request] From now on it needs no request. */
void chat_run_title_later(const chat_run_title_job_t *job);

#endif
