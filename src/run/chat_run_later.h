/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that no client waits for: it is put down when a run is over, and done
 * one after another by the thread of chat_run_maintenance.c.
 */
#ifndef CHAT_RUN_LATER_H
#define CHAT_RUN_LATER_H

#include <apr_pools.h>

/* stop_fd is readable when the thread has to stop. */
typedef void chat_run_later_fn(void *ctx, int stop_fd);

/* [any thread] pool, which holds ctx, goes when it is done; or at once where
 * there is no such thread, or too much waits already. */
void chat_run_later(chat_run_later_fn *work, void *ctx, apr_pool_t *pool);

/* ---- the thread ---- */

/* [before it starts] From now on work is taken: a descriptor that is readable
 * when there is some, or -1. */
int chat_run_later_open(void);
/* [when it has ended] What was not done is not. */
void chat_run_later_close(void);
/* Do one of them. 0: there was none. */
int chat_run_later_work(int stop_fd);

#endif
