/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who writes to a SQLite database. It has one writer at a time, and apr_dbd's
 * driver looks every 100 ms whether it may be: children that write often would
 * mostly sleep, and those who are unlucky fail. So writers of all children
 * queue here, which takes a moment for each. Other programs may write, too:
 * then the driver's way is left. Private to store/. A thread that may wait.
 */
#ifndef CHAT_STORE_WRITER_H
#define CHAT_STORE_WRITER_H

#include <httpd.h>

#include "chat_store_group.h"

/* [post_config] APR_ENOMEM: no shared memory. */
apr_status_t chat_store_writer_post_config(apr_pool_t *pconf, server_rec *s);

/* What this process knows of the database of a server. */
typedef enum {
    CHAT_STORE_WRITER_UNKNOWN,
    CHAT_STORE_WRITER_ONE, /* SQLite: it has one writer at a time */
    CHAT_STORE_WRITER_MANY
} chat_store_writer_e;

chat_store_writer_e chat_store_writer_is(const server_rec *s);
void chat_store_writer_note(const server_rec *s, int sqlite);

/* Of those threads of this process that write to it. */
chat_store_group_t *chat_store_writer_group(const server_rec *s);

/* 1: this thread is the writer until it unlocks. 0: somebody else was for so
 * long (microseconds). */
int chat_store_writer_lock(const server_rec *s, apr_interval_time_t wait);
void chat_store_writer_unlock(const server_rec *s);

#endif
