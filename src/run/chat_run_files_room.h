/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much memory of this child process holds files of users that are on their
 * way to providers: each request may have as much as ChatUploadsLimit inline=
 * says, but not all of them at once. Any thread.
 */
#ifndef CHAT_RUN_FILES_ROOM_H
#define CHAT_RUN_FILES_ROOM_H

#include <apr_pools.h>

/* 1: len bytes more may be read, and count until p is destroyed, and so do
 * those of the body that they will be copied to. 0: others have all of most.
 * Who comes alone is never refused. */
int chat_run_files_room_take(apr_size_t len, apr_int64_t most, apr_pool_t *p);

/* len bytes that room was taken for were copied, to what lives as long as p. */
void chat_run_files_room_copied(apr_size_t len, apr_pool_t *p);

#endif
