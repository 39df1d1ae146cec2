/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection of apr_dbd, the statements of chat_store_statements.h on it, and
 * transactions. Private to store/, chat-migrate and unit tests. APR only.
 *
 * What is known of apr_dbd's drivers (1.6):
 * - Its own transactions are not used. PostgreSQL's driver follows a null
 *   pointer when BEGIN is refused, as it is on a connection that has died.
 * - Results are asked for with "random": without it an SQL error looks like no
 *   rows.
 * - On PostgreSQL nothing is prepared on the server: text and parameters go
 *   together (PQexecParams), the server infers their types. That works after a
 *   restart of the database and with a pooler.
 * - SQLite's driver compiles a statement once for each connection, in a way
 *   that a change of the schema makes void. While another connection writes, it
 *   tries again for 1.6 s, every 100 ms. It has one lock for all connections of
 *   a process, which it gives back while it sleeps, but SQLite's own
 *   busy_timeout would sleep with it: so that is not set.
 *
 * A connection belongs to one thread from open to close.
 */
#ifndef CHAT_STORE_DB_H
#define CHAT_STORE_DB_H

#include <apr_dbd.h>
#include <apr_pools.h>

#include "chat_store_statements.h"

typedef struct chat_store_db_t {
    const apr_dbd_driver_t *driver;
    apr_dbd_t *handle;
    apr_pool_t *keep; /* of the connection */
    apr_pool_t *p;    /* of this use of it: rows, why */
    int sqlite;       /* 1: SQLite, 0: PostgreSQL */
    const char *why;  /* after a failure: the database's words, without what a
                         parameter holds */
    struct chat_store_db_kept_t *kept;
} chat_store_db_t;

typedef struct chat_store_rows_t {
    const chat_store_db_t *db;
    apr_dbd_results_t *results;
    apr_dbd_row_t *row;
} chat_store_rows_t;

/* Parameters of a statement: their texts, NULL for SQL's NULL, and how many. */
#define CHAT_STORE_ARGS(...)                                                   \
    ((const char *[]){__VA_ARGS__}),                                           \
        (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *))

/* Use an open connection; p is for this use, keep lives as long as it. The
 * first use makes SQLite check foreign keys. APR_ENOTIMPL: neither PostgreSQL
 * nor SQLite. */
apr_status_t chat_store_db_use(chat_store_db_t *db,
                               const apr_dbd_driver_t *driver,
                               apr_dbd_t *handle, apr_pool_t *keep,
                               apr_pool_t *p);
/* Its last failure: another process has the file of SQLite for itself. */
int chat_store_db_is_locked(const chat_store_db_t *db);

/* A statement without rows; *pcount (or NULL) is how many rows it changed. */
apr_status_t chat_store_db_exec(chat_store_db_t *db, int *pcount,
                                chat_store_sql_e id, const char **args,
                                int nargs);

/* A statement with rows. All are read until chat_store_db_next() says
 * APR_EOF. */
apr_status_t chat_store_db_select(chat_store_db_t *db, chat_store_rows_t *rows,
                                  chat_store_sql_e id, const char **args,
                                  int nargs);
apr_status_t chat_store_db_next(chat_store_rows_t *rows);
/* A column of the row, in p; NULL for SQL's NULL. */
const char *chat_store_db_text(const chat_store_rows_t *rows, int column,
                               apr_pool_t *p);
/* The same as a number, or otherwise. */
apr_int64_t chat_store_db_integer(const chat_store_rows_t *rows, int column,
                                  apr_int64_t otherwise);

/* Text without parameters, of one statement. */
apr_status_t chat_store_db_run(chat_store_db_t *db, const char *sql);

/* Since SQLite has one writer at a time, a transaction is one from its begin:
 * it never reads what it then may not change. */
apr_status_t chat_store_db_begin(chat_store_db_t *db);
apr_status_t chat_store_db_commit(chat_store_db_t *db);
void chat_store_db_rollback(chat_store_db_t *db);

/* The schema has been changed through this connection. */
void chat_store_db_forget(chat_store_db_t *db);

/* After a failure, and outside a transaction. 1: what failed may succeed when
 * it is repeated: the connection works, or works again. */
int chat_store_db_recover(chat_store_db_t *db);

#endif
