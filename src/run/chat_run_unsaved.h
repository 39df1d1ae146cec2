/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that the database could not take when they ended: each is a file in
 * the spool directory until it has. What is in it is as secret as the database,
 * and nobody but the server's user can read it.
 */
#ifndef CHAT_RUN_UNSAVED_H
#define CHAT_RUN_UNSAVED_H

#include <httpd.h>

#include "chat_store_chats.h"
#include "chat_store_vercel.h"

/* [post_config] Make the directory, or refuse the one that is there. */
apr_status_t chat_run_unsaved_post_config(apr_pool_t *pconf, server_rec *s);

/* A path in the spool directory; name NULL: the directory itself. In p. */
const char *chat_run_unsaved_path(const char *name, apr_pool_t *p);

/* Of any file there. Under its name it is whole, or it is not there: 0. */
int chat_run_unsaved_write(const char *path, const char *data, apr_size_t len,
                           apr_pool_t *p);
/* All of a file, in p; NULL: it cannot be read, or is larger than most. */
const char *chat_run_unsaved_read(const char *path, apr_size_t most,
                                  apr_size_t *plen, apr_pool_t *p);

/* Called with the name of a file, and a pool for it. 0: no further ones. */
typedef int chat_run_unsaved_fn(const char *file, apr_pool_t *p);
/* For all files there, whoever's they are: what the last call has returned. */
int chat_run_unsaved_each(chat_run_unsaved_fn *take, apr_pool_t *p);

/* Which of the servers of the configuration it is, by a name for files; and
 * back, the main server where there is none of that name. */
const char *chat_run_unsaved_server(const server_rec *s, apr_pool_t *p);
server_rec *chat_run_unsaved_find_server(const char *name, apr_pool_t *p);

/* [a thread that may wait] Put it down. Logged: once for each outage, or why it
 * is lost. */
void chat_run_unsaved_keep(server_rec *s, request_rec *r,
                           const chat_store_ending_t *ending, apr_pool_t *p);

/* The same of one in an app's tables. */
void chat_run_unsaved_keep_app(server_rec *s, request_rec *r,
                               const chat_vercel_ending_t *ending,
                               apr_pool_t *p);

/* [one process at a time] Write what there is, to the database of the server
 * that had it. 0: some could not be written yet. */
int chat_run_unsaved_replay(apr_pool_t *p);

#endif
