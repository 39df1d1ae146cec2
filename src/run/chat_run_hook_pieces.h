/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces of an answer that are to be looked at: what follows on one another in
 * one text is one piece. Whoever owns the run.
 */
#ifndef CHAT_RUN_HOOK_PIECES_H
#define CHAT_RUN_HOOK_PIECES_H

#include "chat_delta.h"
#include "chat_run_hook_format.h"

/* A text that is cut is told with so many bytes before the cut twice: nothing
 * that is as short is seen by halves. */
#define CHAT_RUN_HOOK_PIECES_OVERLAP 64

typedef struct chat_run_hook_pieces_t chat_run_hook_pieces_t;

/* None yet; with a pool of its own, below p. loose: 1: their order is of no
 * matter, for they are looked at and no more; each text is one piece. */
chat_run_hook_pieces_t *chat_run_hook_pieces_create(int loose, apr_pool_t *p);
void chat_run_hook_pieces_destroy(chat_run_hook_pieces_t *pieces);

void chat_run_hook_pieces_add(chat_run_hook_pieces_t *pieces,
                              const chat_delta_t *delta);
/* Bytes of texts, but for those which a split has put there. */
apr_size_t chat_run_hook_pieces_bytes(const chat_run_hook_pieces_t *pieces);

/* 1: it has a text, be it one that a split has put there. */
int chat_run_hook_pieces_has_text(const chat_run_hook_pieces_t *pieces);

/* More is to come: it goes to what is returned, as create() does. The end of
 * the last text, or where they are loose of each, belongs to both. */
chat_run_hook_pieces_t *
chat_run_hook_pieces_split(chat_run_hook_pieces_t *pieces, apr_pool_t *p);

/* How much of the last text is such an end. */
apr_size_t chat_run_hook_pieces_overlap(const chat_run_hook_pieces_t *pieces);

/* What a split has put there is not looked at any more. */
void chat_run_hook_pieces_drop_lead(chat_run_hook_pieces_t *pieces);

/* Their texts, which end with a NUL from now on: how many. */
int chat_run_hook_pieces_texts(const chat_run_hook_text_t **ptexts,
                               chat_run_hook_pieces_t *pieces);

/* Each of them, in its order, without what belongs to the next as well; or,
 * with texts, those in the place of theirs. */
void chat_run_hook_pieces_each(const chat_run_hook_pieces_t *pieces,
                               const char *const *texts, chat_delta_cb *take,
                               void *ctx);

#endif
