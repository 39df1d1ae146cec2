/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to store/: one query to the database and its rows. Request thread.
 * The parameter is a secret: no message holds it.
 */
#ifndef CHAT_STORE_INT_H
#define CHAT_STORE_INT_H

#include <httpd.h>
#include <apr_dbd.h>
#include <mod_dbd.h>

#include "chat_store_chats.h"

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
 * Open a connection and send the query. sql has one "%s", bound to param.
 * APR_SUCCESS: the rows are to be read. Otherwise q->why says what is wrong. In
 * either case chat_store_query_close() MUST follow.
 */
apr_status_t chat_store_query_open(chat_store_query_t *q, request_rec *r,
                                   const char *sql, const char *param);

/* The same for a query that only finds out whether a connection works. */
apr_status_t chat_store_query_ping(chat_store_query_t *q, request_rec *r);

/* The next row. APR_EOF: there is none. */
apr_status_t chat_store_query_next(chat_store_query_t *q);

int chat_store_query_columns(const chat_store_query_t *q);

/* A column of the row in r->pool; NULL for SQL's NULL and for a column that
 * the statement has not. */
const char *chat_store_query_text(const chat_store_query_t *q, int column);

/* Give the connection back and free the rows. */
void chat_store_query_close(chat_store_query_t *q);

/* ---- chat_store_context.c ---- */

/* Start-up: is the store of ChatContextStore one that can be opened? */
apr_status_t chat_store_context_check_config(apr_pool_t *p, server_rec *s);

/* ---- connections ---- */

/* A connection of mod_dbd to the database of s, until it is given back. NULL:
 * *pwhy is a sentence. */
ap_dbd_t *chat_store_query_connect(apr_pool_t *p, server_rec *s,
                                   const char **pwhy);
void chat_store_query_disconnect(server_rec *s, ap_dbd_t *dbd);

/* Start-up: fetches mod_dbd's functions. */
void chat_store_query_post_config(server_rec *s);

/* ---- how many look-ups run at a time (chat_store_limiter.c) ---- */

/*
 * A slot for a query at the database of this server, from open to close. Waits
 * so long at most (microseconds). APR_SUCCESS: chat_store_limiter_release()
 * MUST follow. APR_TIMEUP: none was free for so long. APR_EAGAIN: the database
 * hangs and is not asked. *pwhy is a sentence then, in at->p. A thread that may
 * wait.
 */
apr_status_t chat_store_limiter_acquire(int *pslot, const char **pwhy,
                                        const chat_store_at_t *at,
                                        apr_interval_time_t wait);

/* 1: the database hangs and is not asked. */
int chat_store_limiter_hangs(const chat_store_at_t *at);

/* A slot to find out whether the database answers; never waits. APR_EAGAIN: it
 * need not be asked, *panswers is 1 when it answers as far as is known. */
apr_status_t chat_store_limiter_probe(int *pslot, int *panswers,
                                      const chat_store_at_t *at);

/* The query is closed. answers: the database has answered it. */
void chat_store_limiter_release(int slot, int answers,
                                const chat_store_at_t *at);

/* 1 when this server has a database. */
int chat_store_limiter_has(const server_rec *s);

/* 1: nobody has been told that, of this database, since it last worked; the
 * caller does. NULL: it works. */
int chat_store_limiter_tell(const chat_store_at_t *at, const char *why);

/* Start-up; as the function of chat_store.h. */
apr_status_t chat_store_limiter_post_config(apr_pool_t *pconf, server_rec *s);

#endif
