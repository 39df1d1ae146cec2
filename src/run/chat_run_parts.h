/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer as parts, gathered from its deltas: as it is kept. Pure (APR and
 * chat_buf); whoever owns it.
 */
#ifndef CHAT_RUN_PARTS_H
#define CHAT_RUN_PARTS_H

#include <apr_pools.h>

#include "chat_delta.h"

/* What is gathered of one answer, in bytes of its texts. */
#define CHAT_RUN_PARTS_BYTES (16 * 1024 * 1024)

typedef struct chat_run_parts_t chat_run_parts_t;

/* Its memory is freed with p, which is not touched by another thread
 * meanwhile. */
chat_run_parts_t *chat_run_parts_create(apr_pool_t *p);

/* Forget all of it. */
void chat_run_parts_clear(chat_run_parts_t *parts);

void chat_run_parts_add(chat_run_parts_t *parts, const chat_delta_t *delta);

/* 1: nothing was said. */
int chat_run_parts_empty(const chat_run_parts_t *parts);

/* 1: the answer was longer, and its end is missing. */
int chat_run_parts_overflow(const chat_run_parts_t *parts);

/* A JSON array of {"type": "text", "text"}, "reasoning", "refusal", and
 * {"type": "tool-call", "callId", "name", "extra"?, "arguments"}, in the order
 * in which they began, and what is private (chat_store_chats.h) behind them;
 * and all that is text, joined. In p. */
const char *chat_run_parts_json(const chat_run_parts_t *parts, apr_pool_t *p);
const char *chat_run_parts_text(const chat_run_parts_t *parts, apr_pool_t *p);

#endif
