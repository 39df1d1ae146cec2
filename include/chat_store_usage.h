/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What users have used, in the database: a row for each day, model and
 * provider. Results and threads as in chat_store_chats.h.
 */
#ifndef CHAT_STORE_USAGE_H
#define CHAT_STORE_USAGE_H

#include "chat_store_chats.h"

/* The user of what guests have used. No subject is called so. */
#define CHAT_STORE_USAGE_GUEST "guest"

#define CHAT_STORE_USAGE_DAY 11 /* "2026-11-29" and its NUL */

typedef struct chat_store_usage_t {
    const char *owner;              /* a subject, or CHAT_STORE_USAGE_GUEST */
    char day[CHAT_STORE_USAGE_DAY]; /* UTC */
    const char *model, *provider;
    int own_key; /* 1: of calls that the user pays the provider for */
    apr_int64_t requests, input_tokens, output_tokens, cached_tokens;
    apr_int64_t cost; /* 1e-10 USD */
} chat_store_usage_t;

/* The day of that time. */
void chat_store_usage_day(char day[CHAT_STORE_USAGE_DAY], apr_time_t at);

/* Which row they are of: as strcmp(). */
int chat_store_usage_compare(const chat_store_usage_t *a,
                             const chat_store_usage_t *b);

/* Add n rows to what is there, once for each id (a UUID): APR_SUCCESS, and
 * *padded is 0, for one that was added before. They are sorted. at->owner is
 * not looked at. */
apr_status_t chat_store_usage_add(int *padded, chat_store_usage_t *rows, int n,
                                  const char *id, const chat_store_at_t *at,
                                  chat_err_t *err);

/* *prows: chat_store_usage_t of the owner, of the days from..to, by day, model
 * and provider. */
apr_status_t chat_store_usage_list(apr_array_header_t **prows,
                                   const chat_store_at_t *at, const char *from,
                                   const char *to, chat_err_t *err);

#endif
