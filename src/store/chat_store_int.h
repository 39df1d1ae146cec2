/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside store/ only: one question to the database and its rows. Request
 * thread. The parameter is a secret: no message holds it.
 */
#ifndef CHAT_STORE_INT_H
#define CHAT_STORE_INT_H

#include <httpd.h>
#include <apr_dbd.h>
#include <mod_dbd.h>

typedef struct chat_store_query_t {
    request_rec *r;
    const char *sql;
    const char *param;
    apr_pool_t *pool; /* of the connection in use and of the rows */
    ap_dbd_t *dbd;
    apr_dbd_results_t *results;
    apr_dbd_row_t *row;
    const char *why; /* what went wrong, in r->pool; NULL: nothing */
} chat_store_query_t;

/*
 * Take a connection and ask. sql has one "%s", bound to param. APR_SUCCESS:
 * the rows are to be read. Otherwise q->why says what is wrong. In either case
 * chat_store_query_close() MUST follow.
 */
apr_status_t chat_store_query_open(chat_store_query_t *q, request_rec *r,
                                   const char *sql, const char *param);

/* Is there a connection that works? As above. */
apr_status_t chat_store_query_ping(chat_store_query_t *q, request_rec *r);

/* The next row. APR_EOF: there is none. */
apr_status_t chat_store_query_next(chat_store_query_t *q);

int chat_store_query_columns(const chat_store_query_t *q);

/* A column of the row in r->pool; NULL for SQL's NULL and for a column that
 * the statement has not. */
const char *chat_store_query_text(const chat_store_query_t *q, int column);

/* Give the connection back and free the rows. */
void chat_store_query_close(chat_store_query_t *q);

#endif
