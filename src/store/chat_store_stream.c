/* SPDX-License-Identifier: Apache-2.0 */
/* Streams as the database knows them. Neighbours: run/ and routes above;
 * chat_store_tx.c below. See chat_store_chats.h. */
#include "chat_store_stream_row.h"

#include <string.h>

enum {
    ID,
    CONVERSATION,
    MESSAGE,
    OWNER,
    INSTANCE,
    STATUS,
    LAST_EVENT,
    STARTED,
    HEARTBEAT
};

void chat_store_stream_row(chat_store_stream_t *s,
                           const chat_store_rows_t *rows, apr_pool_t *p)
{
    memset(s, 0, sizeof(*s));
    s->id = chat_store_db_text(rows, ID, p);
    s->conversation = chat_store_db_text(rows, CONVERSATION, p);
    s->message = chat_store_db_text(rows, MESSAGE, p);
    s->owner = chat_store_db_text(rows, OWNER, p);
    s->instance = chat_store_db_text(rows, INSTANCE, p);
    s->status = chat_store_db_text(rows, STATUS, p);
    s->last_event = chat_store_db_integer(rows, LAST_EVENT, 0);
    s->started = chat_store_db_integer(rows, STARTED, 0);
    s->heartbeat = chat_store_db_integer(rows, HEARTBEAT, 0);
}

/* ---- get ---- */

typedef struct get_t {
    const char *id;
    chat_store_stream_t *found;
} get_t;

static apr_status_t get(chat_store_tx_t *tx, void *work)
{
    get_t *g = work;
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_tx_row(tx, &rows, CHAT_SQL_STREAM_GET,
                                        CHAT_STORE_ARGS(g->id, tx->at->owner));

    if (rv == APR_NOTFOUND)
        return chat_store_tx_not_found(tx->err);
    if (rv != APR_SUCCESS)
        return rv;
    g->found = apr_palloc(tx->p, sizeof(*g->found));
    chat_store_stream_row(g->found, &rows, tx->p);
    return APR_SUCCESS;
}

apr_status_t chat_store_stream_get(chat_store_stream_t **ps,
                                   const chat_store_at_t *at, const char *id,
                                   chat_err_t *err)
{
    get_t g = {.id = id};
    apr_status_t rv =
        chat_store_tx_run(at, CHAT_STORE_READ, "read a stream", get, &g, err);

    *ps = g.found;
    return rv;
}

/* ---- whose streams they are ---- */

typedef struct adopt_t {
    const char *instance; /* NULL: whichever was silent since before */
    apr_int64_t before;
    int limit;
    apr_array_header_t *rows;
} adopt_t;

static apr_status_t heartbeat(chat_store_tx_t *tx, void *work)
{
    const adopt_t *a = work;

    return chat_store_tx_exec(
        tx, NULL, CHAT_SQL_STREAM_HEARTBEAT,
        CHAT_STORE_ARGS(chat_store_tx_number(tx, chat_store_now()),
                        a->instance));
}

apr_status_t chat_store_stream_heartbeat(const chat_store_at_t *at,
                                         const char *instance, chat_err_t *err)
{
    adopt_t a = {.instance = instance};

    return chat_store_tx_run(at, CHAT_STORE_ONE, "keep streams alive",
                             heartbeat, &a, err);
}

static apr_status_t adopt(chat_store_tx_t *tx, void *work)
{
    adopt_t *a = work;
    const char *now = chat_store_tx_number(tx, chat_store_now());
    chat_store_rows_t rows;
    apr_status_t rv;

    a->rows = apr_array_make(tx->p, 4, sizeof(chat_store_stream_t));
    if (a->instance)
        rv = chat_store_tx_select(tx, &rows, CHAT_SQL_STREAM_INHERIT,
                                  CHAT_STORE_ARGS(now, a->instance));
    else
        rv = chat_store_tx_select(
            tx, &rows, CHAT_SQL_STREAM_ADOPT,
            CHAT_STORE_ARGS(chat_store_tx_number(tx, a->before),
                            chat_store_tx_number(tx, a->limit), now));
    if (rv != APR_SUCCESS)
        return rv;
    while (chat_store_db_next(&rows) == APR_SUCCESS)
        chat_store_stream_row(apr_array_push(a->rows), &rows, tx->p);
    return APR_SUCCESS;
}

apr_status_t chat_store_stream_adopt(apr_array_header_t **prows,
                                     const chat_store_at_t *at,
                                     apr_int64_t before, int limit,
                                     chat_err_t *err)
{
    adopt_t a = {.before = before, .limit = limit};
    apr_status_t rv =
        chat_store_tx_run(at, CHAT_STORE_ONE, "adopt streams", adopt, &a, err);

    *prows = a.rows;
    return rv;
}

apr_status_t chat_store_stream_inherit(apr_array_header_t **prows,
                                       const chat_store_at_t *at,
                                       const char *instance, chat_err_t *err)
{
    adopt_t a = {.instance = instance};
    apr_status_t rv = chat_store_tx_run(at, CHAT_STORE_ONE, "inherit streams",
                                        adopt, &a, err);

    *prows = a.rows;
    return rv;
}
