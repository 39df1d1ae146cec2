/* SPDX-License-Identifier: Apache-2.0 */
/* Private to store/: messages inside a transaction. */
#ifndef CHAT_STORE_MESSAGE_H
#define CHAT_STORE_MESSAGE_H

#include "chat_store_tx.h"

/* A path is never longer, whatever ChatStoreLimit says: so deep a query goes.
 */
#define CHAT_STORE_PATH_MAX 2000

/* The messages of a statement that has all columns: chat_store_message_t. */
apr_status_t chat_store_message_rows(apr_array_header_t **prows,
                                     chat_store_tx_t *tx, chat_store_sql_e id,
                                     const char **args, int nargs);

/* Words of a column. */
chat_role_e chat_store_message_role(const char *word);
chat_message_status_e chat_store_message_status(const char *word);

/* One, as it is; APR_NOTFOUND with err. */
apr_status_t chat_store_message_read(chat_store_message_t **pm,
                                     chat_store_tx_t *tx,
                                     const char *conversation, const char *id);

/* A row of its own, complete or streaming; *pcount is 0 when its id is taken.
 */
apr_status_t chat_store_message_insert(int *pcount, chat_store_tx_t *tx,
                                       const chat_store_message_t *m);

/* So many bytes count against ChatStoreLimit. */
apr_int64_t chat_store_message_bytes(const char *parts, const char *text);

#endif
