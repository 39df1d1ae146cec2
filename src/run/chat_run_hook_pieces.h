/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces of an answer that are to be looked at: what follows on one another in
 * one text is one piece. Whoever owns the run.
 */
#ifndef CHAT_RUN_HOOK_PIECES_H
#define CHAT_RUN_HOOK_PIECES_H

#include "chat_delta.h"
#include "chat_run_hook_format.h"

typedef struct chat_run_hook_pieces_t chat_run_hook_pieces_t;

/* None yet; with a pool of its own, below p. */
chat_run_hook_pieces_t *chat_run_hook_pieces_create(apr_pool_t *p);
void chat_run_hook_pieces_destroy(chat_run_hook_pieces_t *pieces);

void chat_run_hook_pieces_add(chat_run_hook_pieces_t *pieces,
                              const chat_delta_t *delta);
/* Bytes of texts, and of all that is kept. */
apr_size_t chat_run_hook_pieces_text(const chat_run_hook_pieces_t *pieces);

/* Their texts, which end with a NUL from now on: how many. */
int chat_run_hook_pieces_texts(const chat_run_hook_text_t **ptexts,
                               chat_run_hook_pieces_t *pieces);

/* Each of them, in its order; texts: what stands in the place of theirs, or
 * NULL. */
void chat_run_hook_pieces_each(const chat_run_hook_pieces_t *pieces,
                               const char *const *texts, chat_delta_cb *take,
                               void *ctx);

#endif
