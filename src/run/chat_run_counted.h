/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of usage as JSON, for files that wait for a database. Pure, any thread.
 */
#ifndef CHAT_RUN_COUNTED_H
#define CHAT_RUN_COUNTED_H

#include "chat_json.h"
#include "chat_store_usage.h"

/* A row as an object in p, and read from one: 1 when it is a whole one of ours;
 * its texts are those of o. */
chat_json_t *chat_run_counted_write(const chat_store_usage_t *row,
                                    apr_pool_t *p);
int chat_run_counted_read(chat_store_usage_t *row, const chat_json_t *o);

/* n rows as a member of a larger object, and read from it: how many. */
void chat_run_counted_put(chat_json_t *o, const chat_store_usage_t *rows, int n,
                          apr_pool_t *p);
int chat_run_counted_get(chat_store_usage_t **prows, const chat_json_t *o,
                         apr_pool_t *p);

#endif
