/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Services of moderation (ChatModerationURL): asked by a call beside those of
 * the stream (chat_aside_t), so that no thread waits for them. Threads as in
 * chat_stream.h.
 */
#ifndef CHAT_RUN_HOOK_H
#define CHAT_RUN_HOOK_H

#include "chat_run_int.h"

/* [request thread] The turn is whole: services are asked about its question,
 * which may have been there before (regenerate). Fails as
 * chat_run_verdict_refuse(), where it is known what they say. */
apr_status_t chat_run_hook_start(chat_run_t *run, chat_err_t *err);

/* 1: the first call waits for what a service says of the question. */
int chat_run_hook_is_first(const chat_run_t *run);

/* 1: the turn may change before the first call is made. */
int chat_run_hook_may_change(const chat_run_t *run);

/* [driver] chat_stream_cb_t.ask. */
int chat_run_hook_ask(void *ctx, chat_aside_t *aside);
/* [driver] What a service has said is taken: what was held goes to the next
 * tap, or the answer is stopped. */
void chat_run_hook_heard(chat_run_t *run, const chat_aside_end_t *end);
/* [driver] What stands in the place of the question from now on, once; NULL:
 * nothing. */
const char *chat_run_hook_replaced(chat_run_t *run);

/* Of bytes that pass: all of those up to there have been seen whole, counted
 * from the first of the answer. */
void chat_run_hook_reached(chat_run_t *run, apr_off_t offset);
/* Those up to there may be shown, whatever is held. */
apr_off_t chat_run_hook_judged(const chat_run_t *run);

/* [driver] 1: it holds so much that no more is to come for now. */
int chat_run_hook_is_full(const chat_run_t *run);

/* [driver] The last call is over. 1: its answer waits for a service; asked
 * again when that has said something. */
int chat_run_hook_lingers(chat_run_t *run);
/* The stream is over and nobody can be asked any more: of a whole answer what
 * no service has looked at is what it could not look at. */
void chat_run_hook_settle(chat_run_t *run);

/* [request thread] What the user says now, in p; NULL: nothing. */
const char *chat_run_hook_question(const chat_run_t *run, apr_pool_t *p);
/* [request thread] Who asks, for one that is to know the same user again and no
 * more: a digest, in p; NULL: a guest. */
const char *chat_run_hook_user(const chat_run_t *run, apr_pool_t *p);

#endif
