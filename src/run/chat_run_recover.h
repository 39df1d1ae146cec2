/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers whose process is gone: what the log of their stream holds is kept as
 * a part of an answer. By one process of all, on a thread that may wait.
 */
#ifndef CHAT_RUN_RECOVER_H
#define CHAT_RUN_RECOVER_H

#include <httpd.h>

/* Those of a process of this machine that is gone. 0: the database could not be
 * asked for all of them. */
int chat_run_recover_gone(server_rec *s, const char *instance, apr_pool_t *p);

/* Those of which nobody has said for a minute that they run, wherever. 0: the
 * database could not be asked. */
int chat_run_recover_stale(server_rec *s, apr_pool_t *p);

#endif
