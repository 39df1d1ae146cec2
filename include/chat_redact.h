/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that pass in pieces, without certain secrets: however the pieces are
 * cut, no secret is in what comes out. Costs one search for each piece and each
 * secret. Pure; belongs to one thread at a time.
 */
#ifndef CHAT_REDACT_H
#define CHAT_REDACT_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "chat_buf.h"

typedef struct chat_redact_secret_t {
    const char *text;
    apr_size_t len;
    apr_size_t rare; /* where its rarest byte is, which is looked for */
} chat_redact_secret_t;

typedef struct chat_redact_t {
    const chat_redact_secret_t *secrets; /* nsecrets of them */
    int nsecrets;
    const char *held; /* a secret whose first held_len bytes have come and have
                         not been handed on */
    apr_size_t held_len;
    chat_buf_t joined; /* those, and the piece behind them */
    apr_pool_t *p;
} chat_redact_t;

/* Where bytes go. What it returns ends the feeding, unless it is APR_SUCCESS.
 */
typedef apr_status_t chat_redact_put(void *ctx, const char *data,
                                     apr_size_t len);

/*
 * Before anything else. All it needs is of p, and redact stays where it is
 * until p is gone. There is no secret yet.
 */
void chat_redact_init(chat_redact_t *redact, apr_pool_t *p);

/* Before each stream. secrets: const char *, which outlive it. A word like
 * "ollama" or "none" is a placeholder and no secret: those have 16 bytes, or 8
 * with a digit. */
void chat_redact_reset(chat_redact_t *redact,
                       const apr_array_header_t *secrets);

/* 1: a secret is in these bytes. */
int chat_redact_finds(const chat_redact_t *redact, const char *data,
                      apr_size_t len);

/* A piece. What may be the beginning of a secret is held until more is known;
 * all else is put at once. */
apr_status_t chat_redact_feed(chat_redact_t *redact, const char *data,
                              apr_size_t len, chat_redact_put *put, void *ctx);

/* There is no more: what was held, unless it is much of a secret. */
apr_status_t chat_redact_end(chat_redact_t *redact, chat_redact_put *put,
                             void *ctx);

#endif
