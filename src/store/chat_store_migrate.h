/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables, and how they come to be: the files of conf/sql, each in a
 * transaction of its own, in order, under a lock. What was applied stands in
 * chat_migration. Private to store/, chat-migrate and unit tests. APR only.
 */
#ifndef CHAT_STORE_MIGRATE_H
#define CHAT_STORE_MIGRATE_H

#include "chat_store_db.h"

typedef enum {
    CHAT_STORE_TABLES_OK,    /* as this program knows them */
    CHAT_STORE_TABLES_NONE,  /* there are none */
    CHAT_STORE_TABLES_OLDER, /* migrations are missing */
    CHAT_STORE_TABLES_NEWER, /* a later program has changed them */
    CHAT_STORE_TABLES_DIRTY  /* nobody's: the record and the tables disagree */
} chat_store_tables_e;

typedef struct chat_store_migrate_t {
    chat_store_tables_e is;
    int found, known; /* versions; found 0: none */
    const char *why;  /* a sentence; NULL: they are as they should be */
} chat_store_migrate_t;

/* Needs no right but to read chat_migration. Fails: db->why. */
apr_status_t chat_store_migrate_check(chat_store_migrate_t *m,
                                      chat_store_db_t *db);

/* Told of each migration when it is applied. */
typedef void chat_store_migrate_cb(void *baton, const char *name);

/* Apply what is missing. Whoever else does so at the same time waits, and finds
 * nothing left to do. APR_EINVAL: they are newer or nobody's, m->why says so,
 * and nothing was changed. Otherwise: db->why; what was applied before stays.
 */
apr_status_t chat_store_migrate_up(chat_store_migrate_t *m, chat_store_db_t *db,
                                   chat_store_migrate_cb *tell, void *baton);

#endif
