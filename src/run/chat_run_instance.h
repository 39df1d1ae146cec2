/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who writes a stream: this process, by a name that no other process ever has.
 * While it lives it holds a lock on a file of that name in the spool directory,
 * so that whoever sees the file without its lock knows that the process is
 * gone, in whatever way it went.
 */
#ifndef CHAT_RUN_INSTANCE_H
#define CHAT_RUN_INSTANCE_H

#include <apr_pools.h>
#include <apr_tables.h>

struct server_rec;

/* [any thread] Its name, a UUID. */
const char *chat_run_instance(void);

/* [any thread] So many more of its streams run, or fewer. */
void chat_run_instance_add(int n);
int chat_run_instance_running(void);

/* [child_init] A name, and its file. */
void chat_run_instance_start(struct server_rec *s, apr_pool_t *pchild);
/* [one thread] The process ends in order: unless streams are left behind, or it
 * says that it may leave something, there is nothing to look after. */
void chat_run_instance_stop(int leaves);

/* [one process at a time] The names of those of this machine that are gone:
 * const char *, in p. */
apr_array_header_t *chat_run_instance_gone(apr_pool_t *p);
/* All that it left behind was looked after. */
void chat_run_instance_forget(const char *name, apr_pool_t *p);

/* [one thread] 1: this process does what one process does for all of the
 * machine, until it ends. */
int chat_run_instance_leads(void);

#endif
