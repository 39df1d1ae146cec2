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

/* ---- chat_store_turn.c: who may ask now ---- */

/*
 * A place at the database of this server, around a query from open to close.
 * Waits for one for half a second at most. APR_SUCCESS:
 * chat_store_turn_give() MUST follow. APR_TIMEUP: waited in vain. APR_EAGAIN:
 * the database stands still and is not asked. *pwhy is a sentence then, in
 * r->pool. Request thread.
 */
apr_status_t chat_store_turn_take(int *pplace, const char **pwhy,
                                  request_rec *r);

/* The same to see whether the database answers; never waits. APR_EAGAIN: it
 * need not be asked, *pgood is 1 when it answers as far as is known. */
apr_status_t chat_store_turn_probe(int *pplace, int *pgood, request_rec *r);

/* The query is closed. good: the database has answered it. */
void chat_store_turn_give(int place, int good, request_rec *r);

/* Start-up; as the function of chat_store.h. */
apr_status_t chat_store_turn_post_config(apr_pool_t *pconf, server_rec *s);

#endif
