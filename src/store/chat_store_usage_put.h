/* SPDX-License-Identifier: Apache-2.0 */
/* Private to store/: usage as a part of a larger transaction. */
#ifndef CHAT_STORE_USAGE_PUT_H
#define CHAT_STORE_USAGE_PUT_H

#include "chat_store_tx.h"
#include "chat_store_usage.h"

/* Add n rows, once for each id (a UUID). *padded is 0 where they had been
 * added. Whoever locks several does so in one order. */
apr_status_t chat_store_usage_put(int *padded, chat_store_tx_t *tx,
                                  chat_store_usage_t *rows, int n,
                                  const char *id);

/* The same rows for a statement that adds them itself: JSON, in p. */
const char *chat_store_usage_json(const chat_store_usage_t *rows, int n,
                                  apr_pool_t *p);

#endif
