/* SPDX-License-Identifier: Apache-2.0 */
/* Private to store/: conversations inside a transaction. */
#ifndef CHAT_STORE_CONVERSATION_H
#define CHAT_STORE_CONVERSATION_H

#include "chat_store_tx.h"

/* Who gave the title: columns and words of chat_conversation.title_by. */
#define CHAT_STORE_BY_TEXT "text"
#define CHAT_STORE_BY_USER "user"

/* What a turn needs of a conversation whose row is locked. */
typedef struct chat_store_locked_t {
    const char *title, *title_by, *model, *system, *current;
    int archived, messages, revision;
    apr_int64_t bytes, last_message, created;
    int deleted;
} chat_store_locked_t;

/* So many columns it has. */
#define CHAT_STORE_LOCKED_COLUMNS 12

/* From a row that begins with them. */
void chat_store_conversation_locked(chat_store_locked_t *locked,
                                    const chat_store_rows_t *rows,
                                    apr_pool_t *p);

/* The row of at->owner, locked until the transaction ends; APR_NOTFOUND with
 * err. any 1: also one that was deleted and is still there. */
apr_status_t chat_store_conversation_lock(chat_store_locked_t *locked,
                                          chat_store_tx_t *tx, const char *id,
                                          int any);

/* A row of its own, unless the id is taken: *pcount is 0 then. Refuses when the
 * owner has as many as may be. */
apr_status_t chat_store_conversation_insert(int *pcount, chat_store_tx_t *tx,
                                            const chat_conversation_t *c);

/* As it is; APR_NOTFOUND with err. */
/* The row of a statement that has a conversation's columns. */
void chat_store_conversation_row(chat_conversation_t *c,
                                 const chat_store_rows_t *rows, apr_pool_t *p);

apr_status_t chat_store_conversation_read(chat_conversation_t **pc,
                                          chat_store_tx_t *tx, const char *id);

/* Ids of streams that a statement finds. */
apr_status_t chat_store_conversation_streams(apr_array_header_t **pstreams,
                                             chat_store_tx_t *tx,
                                             chat_store_sql_e id,
                                             const char **args, int nargs);

#endif
