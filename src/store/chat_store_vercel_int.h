/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about the tables of an app share. Private to store/. */
#ifndef CHAT_STORE_VERCEL_INT_H
#define CHAT_STORE_VERCEL_INT_H

#include "chat_store_tx.h"
#include "chat_store_vercel.h"

/* 403 forbidden */
apr_status_t chat_store_vercel_foreign(chat_err_t *err);

/* A row of CHAT_SQL_VERCEL_MESSAGE_LIST, in p. */
void chat_store_vercel_read_message(chat_vercel_message_t *m,
                                    const chat_store_rows_t *rows,
                                    apr_pool_t *p);

/* A row of CHAT_SQL_VERCEL_CHAT_GET: is there a column for the context? */
int chat_store_vercel_has_context(const chat_store_rows_t *rows);

#endif
