/* SPDX-License-Identifier: Apache-2.0 */
/* Files of users that nobody wants any more. The thread of
 * chat_run_maintenance.c, of one process for all. */
#ifndef CHAT_RUN_REAP_H
#define CHAT_RUN_REAP_H

#include <httpd.h>

/* Of a server that keeps files: which are to be deleted, if expire is 1; and
 * some of those that are. 0: the place or the database cannot be reached. p:
 * for this time. */
int chat_run_reap(server_rec *s, int expire, apr_pool_t *p);

#endif
