/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage that the database has not been told yet, in files of the spool
 * directory: what is written there survives the process. A process gathers in a
 * file of its own, which is closed now and then and has a name of its own from
 * then on; by that name the database knows what it was told already.
 */
#ifndef CHAT_RUN_SPOOLED_H
#define CHAT_RUN_SPOOLED_H

#include <httpd.h>

#include "chat_store_usage.h"

/* [a thread that may wait] n rows go to the file of this process. 0: they could
 * not be written; logged. */
int chat_run_spooled_gather(const server_rec *s, const chat_store_usage_t *rows,
                            int n, apr_pool_t *p);

/* [a thread that may wait] n rows that the database did not take: a file of
 * their own, by that id. */
void chat_run_spooled_keep(const server_rec *s, const chat_store_usage_t *rows,
                           int n, const char *id, apr_pool_t *p);

/* [the maintenance thread] What this process has gathered is to be told. */
void chat_run_spooled_close(apr_pool_t *p);

/* [one process at a time] The same for a process that is gone. */
void chat_run_spooled_inherit(const char *instance, apr_pool_t *p);

/* [one process at a time] Tell the databases what is closed. 0: one of them
 * does not take it yet. */
int chat_run_spooled_replay(apr_pool_t *p);

#endif
