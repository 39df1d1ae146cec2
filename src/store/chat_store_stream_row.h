/* SPDX-License-Identifier: Apache-2.0 */
/* Private to store/: the row of a stream, for every statement that has the
 * columns of STREAM. */
#ifndef CHAT_STORE_STREAM_ROW_H
#define CHAT_STORE_STREAM_ROW_H

#include "chat_store_tx.h"

void chat_store_stream_row(chat_store_stream_t *s,
                           const chat_store_rows_t *rows, apr_pool_t *p);

#endif
