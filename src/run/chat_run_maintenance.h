/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread of each child for what no request does: it says that the streams of
 * its process run, writes what waits for the database, looks after answers
 * whose process is gone, asks models for titles, and has what is old taken
 * away. What one process does for all is done by the one that has the lock of
 * the spool directory. There is no thread where no location has ChatStore.
 */
#ifndef CHAT_RUN_MAINTENANCE_H
#define CHAT_RUN_MAINTENANCE_H

#include <httpd.h>

/* [any thread] 1: there is one, in this process. */
int chat_run_maintenance_runs(void);
/* [any thread] Something is to be done now. */
void chat_run_maintenance_wake(void);

#endif
