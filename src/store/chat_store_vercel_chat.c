/* SPDX-License-Identifier: Apache-2.0 */
/* Chats in the tables of an app: what there is of one, its title, its end.
 * Neighbours: run/ and route/ above; chat_store_tx.c below. See
 * chat_store_vercel.h. */
#include <httpd.h>
#include <string.h>

#include "chat_store_vercel_int.h"

/* ---- a row ---- */

static chat_vercel_chat_t *read_chat(const chat_store_rows_t *rows,
                                     apr_pool_t *p)
{
    chat_vercel_chat_t *chat = apr_pcalloc(p, sizeof(*chat));

    chat->id = chat_store_db_text(rows, 0, p);
    chat->created = chat_store_db_text(rows, 1, p);
    chat->title = chat_store_db_text(rows, 2, p);
    chat->user = chat_store_db_text(rows, 3, p);
    chat->visibility = chat_store_db_text(rows, 4, p);
    chat->context = chat_store_db_text(rows, 5, p);
    chat->has_context = chat_store_vercel_has_context(rows);
    return chat;
}

/* ---- one ---- */

typedef struct get_t {
    const char *id;
    chat_vercel_chat_t *chat;
} get_t;

static apr_status_t get(chat_store_tx_t *tx, void *work)
{
    get_t *g = work;
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_tx_row(tx, &rows, CHAT_SQL_VERCEL_CHAT_GET,
                                        CHAT_STORE_ARGS(g->id));

    if (rv == APR_NOTFOUND)
        return chat_store_tx_not_found(tx->err);
    if (rv == APR_SUCCESS)
        g->chat = read_chat(&rows, tx->p);
    return rv;
}

apr_status_t chat_store_vercel_get(chat_vercel_chat_t **pchat,
                                   const chat_store_at_t *at, const char *id,
                                   chat_err_t *err)
{
    get_t g = {.id = id};
    apr_status_t rv =
        chat_store_tx_run_app(at, CHAT_STORE_READ, "get a chat", get, &g, err);

    *pchat = g.chat;
    return rv;
}

/* ---- its title ---- */

typedef struct name_t {
    const char *chat, *was, *title;
} name_t;

static apr_status_t name(chat_store_tx_t *tx, void *work)
{
    const name_t *n = work;

    return chat_store_tx_exec(
        tx, NULL, CHAT_SQL_VERCEL_CHAT_NAME,
        CHAT_STORE_ARGS(n->title, n->chat, tx->at->owner, n->was));
}

apr_status_t chat_store_vercel_name(const chat_store_at_t *at, const char *chat,
                                    const char *was, const char *title,
                                    chat_err_t *err)
{
    name_t n = {chat, was, title};

    return chat_store_tx_run_app(at, CHAT_STORE_ONE, "name a chat", name, &n,
                                 err);
}

/* ---- its end ---- */

typedef struct delete_t {
    const char *id;
    chat_vercel_chat_t *chat;
    const char *stream;
} delete_t;

/* One that is not there is nobody's, as the app has it. */
static apr_status_t lock(chat_store_tx_t *tx, const char *id)
{
    chat_store_rows_t rows;
    const char *user;
    apr_status_t rv = chat_store_tx_row(tx, &rows, CHAT_SQL_VERCEL_CHAT_LOCK,
                                        CHAT_STORE_ARGS(id));

    if (rv == APR_NOTFOUND)
        return chat_store_vercel_foreign(tx->err);
    if (rv != APR_SUCCESS)
        return rv;
    user = chat_store_db_text(&rows, 0, tx->p);
    return strcmp(user, tx->at->owner) ? chat_store_vercel_foreign(tx->err)
                                       : APR_SUCCESS;
}

static apr_status_t find_stream(const char **pstream, chat_store_tx_t *tx,
                                const char *chat)
{
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_tx_row(tx, &rows, CHAT_SQL_VERCEL_STREAM_LAST,
                                        CHAT_STORE_ARGS(chat));

    *pstream = rv == APR_SUCCESS ? chat_store_db_text(&rows, 0, tx->p) : NULL;
    return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
}

/* No key of these tables deletes by itself. */
static apr_status_t delete_rows(chat_store_tx_t *tx, delete_t *d)
{
    static const chat_store_sql_e all[] = {CHAT_SQL_VERCEL_VOTE_REMOVE_ALL,
                                           CHAT_SQL_VERCEL_MESSAGE_REMOVE_ALL,
                                           CHAT_SQL_VERCEL_STREAM_REMOVE_ALL};
    apr_status_t rv = APR_SUCCESS;
    chat_store_rows_t rows;
    apr_size_t i;

    for (i = 0; rv == APR_SUCCESS && i < sizeof(all) / sizeof(*all); i++)
        rv = chat_store_tx_exec(tx, NULL, all[i], CHAT_STORE_ARGS(d->id));
    if (rv == APR_SUCCESS)
        rv = chat_store_tx_row(tx, &rows, CHAT_SQL_VERCEL_CHAT_REMOVE,
                               CHAT_STORE_ARGS(d->id));
    if (rv == APR_SUCCESS)
        d->chat = read_chat(&rows, tx->p);
    return rv;
}

static apr_status_t delete (chat_store_tx_t *tx, void *work)
{
    delete_t *d = work;
    apr_status_t rv = lock(tx, d->id);

    if (rv == APR_SUCCESS)
        rv = find_stream(&d->stream, tx, d->id);
    return rv == APR_SUCCESS ? delete_rows(tx, d) : rv;
}

apr_status_t chat_store_vercel_delete(chat_vercel_chat_t **pchat,
                                      const char **pstream,
                                      const chat_store_at_t *at, const char *id,
                                      chat_err_t *err)
{
    delete_t d = {.id = id};
    apr_status_t rv = chat_store_tx_run_app(at, CHAT_STORE_WRITE,
                                            "delete a chat", delete, &d, err);

    *pchat = d.chat;
    *pstream = d.stream;
    return rv;
}

/* ---- what happened last ---- */

typedef struct last_t {
    const char *chat, *stream;
    chat_vercel_message_t *message;
} last_t;

static apr_status_t last(chat_store_tx_t *tx, void *work)
{
    last_t *l = work;
    chat_store_rows_t rows;
    apr_status_t rv = find_stream(&l->stream, tx, l->chat);

    l->message = NULL;
    if (rv != APR_SUCCESS)
        return rv;
    rv = chat_store_tx_row(tx, &rows, CHAT_SQL_VERCEL_MESSAGE_LIST,
                           CHAT_STORE_ARGS(l->chat, "1"));
    if (rv == APR_SUCCESS) {
        l->message = apr_palloc(tx->p, sizeof(*l->message));
        chat_store_vercel_read_message(l->message, &rows, tx->p);
    }
    return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
}

apr_status_t chat_store_vercel_last(const char **pstream,
                                    chat_vercel_message_t **pm,
                                    const chat_store_at_t *at, const char *chat,
                                    chat_err_t *err)
{
    last_t l = {.chat = chat};
    apr_status_t rv = chat_store_tx_run_app(
        at, CHAT_STORE_READ, "find the end of a chat", last, &l, err);

    *pstream = l.stream;
    *pm = l.message;
    return rv;
}
