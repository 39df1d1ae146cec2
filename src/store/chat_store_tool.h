/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs of this room share: which database, how to open it, how to
 * say that something is wrong. Private to chat-migrate and chat-keys. APR only.
 */
#ifndef CHAT_STORE_TOOL_H
#define CHAT_STORE_TOOL_H

#include "chat_store_db.h"

/* Exit statuses. */
enum {
    CHAT_STORE_TOOL_DONE,
    CHAT_STORE_TOOL_NOT_RIGHT,
    CHAT_STORE_TOOL_FAILED
};

/* Set by main(). */
extern const char *chat_store_tool_name;

/* Say it on standard error, format having one "%s" for what. Returns
 * CHAT_STORE_TOOL_FAILED. */
int chat_store_tool_fail(const char *format, const char *what);

/* 1: others are writing, and after a moment of its own another try is worth
 * it. */
int chat_store_tool_is_locked(const chat_store_db_t *db);

/* The database that file names by DBDriver and DBDParams ("-": standard input),
 * or the environment (NULL). */
int chat_store_tool_open(chat_store_db_t *db, const char *file, apr_pool_t *p);

#endif
