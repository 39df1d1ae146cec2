/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One piece of work at the database: a slot, a connection, a transaction
 * around it, and once more when the database is why it failed. Private to
 * store/. A thread that may wait.
 */
#ifndef CHAT_STORE_TX_H
#define CHAT_STORE_TX_H

#include <httpd.h>

#include "chat_store_chats.h"
#include "chat_store_db.h"
#include "chat_store_group.h"
#include "chat_store_link.h"

typedef enum {
    CHAT_STORE_READ,  /* one statement, or several that need not agree */
    CHAT_STORE_ONE,   /* one statement that writes */
    CHAT_STORE_WRITE, /* a transaction */
} chat_store_use_e;

typedef struct chat_store_tx_t {
    const chat_store_at_t *at;
    const chat_store_limits_t *limits;
    chat_err_t *err;
    chat_store_db_t *db;
    apr_pool_t *p; /* at->p: results */
    int again;     /* 1: the first try failed, perhaps after it was committed */
    int failed;    /* a statement failed */
    int wrote;     /* a statement of this try has changed rows */
} chat_store_tx_t;

/*
 * APR_SUCCESS: what was done is committed. APR_EGENERAL with tx->failed: the
 * database failed; all is undone, and the work is done again, or err becomes a
 * 503. Anything else: it refuses, and has filled tx->err; all is undone. May
 * run twice: it must set its results anew.
 */
typedef apr_status_t chat_store_work_cb(chat_store_tx_t *tx, void *work);

/* what is for the log: "list conversations". */
apr_status_t chat_store_tx_run(const chat_store_at_t *at, chat_store_use_e use,
                               const char *what, chat_store_work_cb *work,
                               void *baton, chat_err_t *err);

/*
 * The same for what there is much of. PostgreSQL does it in one statement: once
 * is tried before work, without a begin and a commit. APR_INCOMPLETE: it has
 * done nothing, and work does it, or says why not. After a failure work alone
 * is tried. SQLite does what several threads want in one transaction, see
 * chat_store_group.h: work runs on the thread of one of them then.
 */
apr_status_t chat_store_tx_run_once(const chat_store_at_t *at, const char *what,
                                    chat_store_work_cb *once,
                                    chat_store_work_cb *work, void *baton,
                                    chat_err_t *err);

/* The same in the tables of an app. */
apr_status_t chat_store_tx_run_app(const chat_store_at_t *at,
                                   chat_store_use_e use, const char *what,
                                   chat_store_work_cb *work, void *baton,
                                   chat_err_t *err);

/* As chat_store_db_exec() and chat_store_db_select(). */
apr_status_t chat_store_tx_exec(chat_store_tx_t *tx, int *pcount,
                                chat_store_sql_e id, const char **args,
                                int nargs);
apr_status_t chat_store_tx_select(chat_store_tx_t *tx, chat_store_rows_t *rows,
                                  chat_store_sql_e id, const char **args,
                                  int nargs);
/* The one row of a statement. APR_NOTFOUND: it has none; err is not filled. */
apr_status_t chat_store_tx_row(chat_store_tx_t *tx, chat_store_rows_t *rows,
                               chat_store_sql_e id, const char **args,
                               int nargs);

/* A number as a parameter. */
const char *chat_store_tx_number(chat_store_tx_t *tx, apr_int64_t n);
/* The same, NULL for -1. */
const char *chat_store_tx_optional(chat_store_tx_t *tx, apr_int64_t n);

/* ---- refusals, each as this room's functions have it ---- */

apr_status_t chat_store_tx_not_found(chat_err_t *err);
apr_status_t chat_store_tx_exists(chat_err_t *err);
apr_status_t chat_store_tx_busy(chat_err_t *err);
apr_status_t chat_store_tx_too_long(chat_err_t *err);
apr_status_t chat_store_tx_invalid(chat_err_t *err, const char *param,
                                   const char *message);

#endif
