/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside store/ only: what is kept of a session, as the bytes of one entry of
 * a cache. APR only, no httpd. Any thread.
 *
 * An entry is: "CHx" and the byte of the version; 8 bytes of an HMAC of all
 * that follows, under the entry's own key; the time of the last message; then
 * for each exchange the lengths of the question and of the answer, and both.
 * Numbers are little-endian, so that machines of any kind may share a cache.
 */
#ifndef CHAT_STORE_CONTEXT_ENTRY_H
#define CHAT_STORE_CONTEXT_ENTRY_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

/* A question and its answer: UTF-8, not NUL-terminated, neither empty. */
typedef struct chat_store_exchange_t {
    const char *question, *answer;
    apr_size_t question_len, answer_len;
} chat_store_exchange_t;

typedef struct chat_store_history_t {
    apr_time_t last;               /* message */
    apr_array_header_t *exchanges; /* chat_store_exchange_t, oldest first */
} chat_store_history_t;

/* What a location keeps. */
typedef struct chat_store_bounds_t {
    int messages;            /* two make an exchange */
    apr_size_t bytes;        /* of text */
    apr_interval_time_t age; /* since the last message */
} chat_store_bounds_t;

/* Nothing was said yet. */
void chat_store_context_entry_none(chat_store_history_t *history,
                                   apr_pool_t *p);

/* The history in an entry; its texts are those in data. APR_EINVAL: it is none
 * of this version, or not as it was written; history is none then. */
apr_status_t chat_store_context_entry_read(chat_store_history_t *history,
                                           const unsigned char *key,
                                           const unsigned char *data,
                                           apr_size_t len, apr_pool_t *p);

/* Leave out what is over the bounds now, the oldest first. */
void chat_store_context_entry_bound(chat_store_history_t *history,
                                    const chat_store_bounds_t *bounds,
                                    apr_time_t now);

/* Add an exchange within the bounds, at the expense of the oldest. 0: it is
 * not kept, because it is empty or larger than they are. */
int chat_store_context_entry_append(chat_store_history_t *history,
                                    const chat_store_exchange_t *exchange,
                                    const chat_store_bounds_t *bounds,
                                    apr_time_t now);

/* Leave out the older half, but the last one; 0: nothing is left to drop. */
int chat_store_context_entry_halve(chat_store_history_t *history);

/* The entry, in p. */
apr_status_t chat_store_context_entry_write(const unsigned char **pdata,
                                            apr_size_t *plen,
                                            const unsigned char *key,
                                            const chat_store_history_t *history,
                                            apr_pool_t *p);

#endif
