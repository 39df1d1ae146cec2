/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From store/'s work to httpd: the database of a server, what the
 * configuration says, the log. Private to store/; unit tests have a link of
 * their own instead. A thread that may wait.
 */
#ifndef CHAT_STORE_LINK_H
#define CHAT_STORE_LINK_H

#include "chat_store_chats.h"
#include "chat_store_db.h"
#include "chat_store_group.h"

typedef struct chat_store_limits_t {
    int conversations;      /* of a user */
    int messages;           /* of a conversation */
    apr_int64_t bytes;      /* of a conversation */
    apr_int64_t deleted_ms; /* what was deleted stays so long, 0: it does not */
    apr_int64_t idle_ms;    /* what nobody touches stays so long, 0: ever */
} chat_store_limits_t;

typedef struct chat_store_link_t {
    chat_store_db_t db;
    int slot;
    void *dbd;     /* ap_dbd_t */
    int writer;    /* 1: no other writes until it is closed */
    apr_pool_t *p; /* of this use */
} chat_store_link_t;

/* A slot and a connection; where writes is 1 one that may write to SQLite.
 * Otherwise *pwhy is a sentence, and the link is closed. */
apr_status_t chat_store_link_open(chat_store_link_t *link,
                                  const chat_store_at_t *at, int writes,
                                  const char **pwhy);
/* answered: the database has said something, whatever it was. */
void chat_store_link_close(chat_store_link_t *link, const chat_store_at_t *at,
                           int answered);

/* 1: this process has had a connection to this database, and it is SQLite; or,
 * where sqlite is 0, PostgreSQL. */
int chat_store_link_is(const chat_store_at_t *at, int sqlite);

/* Who writes to it with others of this process; NULL: it has many writers, or
 * nobody knows yet. */
chat_store_group_t *chat_store_link_group(const chat_store_at_t *at);

void chat_store_link_limits(chat_store_limits_t *limits,
                            const chat_store_at_t *at);

/* The database failed at what. error 0: somebody has said so already, or it is
 * asked once more. */
void chat_store_link_log(const chat_store_at_t *at, int error, const char *what,
                         const char *why);

#endif
