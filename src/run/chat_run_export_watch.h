/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no request tells an operator, but its records shall: processes that have
 * died, found by those that live; limits that were counted without Redis.
 */
#ifndef CHAT_RUN_EXPORT_WATCH_H
#define CHAT_RUN_EXPORT_WATCH_H

#include <httpd.h>

/* [post_config] In memory that outlives restarts. */
apr_status_t chat_run_export_watch_post_config(server_rec *s);

/* [child_init] This process lives. */
void chat_run_export_watch_start(void);
/* [at its end] It ends as it should. */
void chat_run_export_watch_stop(void);

/* [the thread that sends] Look, and put what is new to chat_export.h; p is for
 * what is needed meanwhile. */
void chat_run_export_watch(apr_pool_t *p);

#endif
