/* SPDX-License-Identifier: Apache-2.0 */
/* Shares: what whoever has the id may read. Neighbours: routes above;
 * chat_store_conversation.c below. See chat_store_chats.h. */
#include "chat_store_conversation.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_crypto.h"
#include "chat_store_cursor.h"

#define ID_BYTES 16

enum {
    ID,
    CONVERSATION,
    OWNER,
    MODE,
    LEAF,
    TITLE,
    SHOW_MODEL,
    CREATED,
    EXPIRES,
    REVOKED,
    SNAPSHOT
};

static void read_row(chat_store_share_t *s, const chat_store_rows_t *rows,
                     apr_pool_t *p)
{
    const char *mode = chat_store_db_text(rows, MODE, p);

    memset(s, 0, sizeof(*s));
    s->id = chat_store_db_text(rows, ID, p);
    s->conversation = chat_store_db_text(rows, CONVERSATION, p);
    s->live = mode && !strcmp(mode, "live");
    s->leaf = chat_store_db_text(rows, LEAF, p);
    s->title = chat_store_db_text(rows, TITLE, p);
    s->show_model = (int)chat_store_db_integer(rows, SHOW_MODEL, 1);
    s->created = chat_store_db_integer(rows, CREATED, 0);
    s->expires = chat_store_db_integer(rows, EXPIRES, 0);
    s->snapshot = chat_store_db_text(rows, SNAPSHOT, p);
}

/* ---- create ---- */

static apr_status_t check_leaf(chat_store_tx_t *tx,
                               const chat_store_share_t *share)
{
    chat_store_rows_t rows;
    apr_status_t rv = APR_SUCCESS;

    if (share->leaf)
        rv = chat_store_tx_row(
            tx, &rows, CHAT_SQL_MESSAGE_FIND,
            CHAT_STORE_ARGS(share->leaf, share->conversation));
    if (rv == APR_NOTFOUND)
        return chat_store_tx_invalid(
            tx->err, "leafMessageId",
            "This is no message of this conversation.");
    return rv;
}

static apr_status_t create(chat_store_tx_t *tx, void *work)
{
    chat_store_share_t *share = work;
    chat_store_locked_t locked;
    apr_status_t rv =
        chat_store_conversation_lock(&locked, tx, share->conversation, 0);

    if (rv == APR_SUCCESS)
        rv = check_leaf(tx, share);
    if (rv != APR_SUCCESS)
        return rv;
    if (!share->leaf)
        share->leaf = locked.current;
    if (!share->title)
        share->title = locked.title;
    return chat_store_tx_exec(
        tx, NULL, CHAT_SQL_SHARE_INSERT,
        CHAT_STORE_ARGS(
            share->id, share->conversation, tx->at->owner,
            share->live ? "live" : "snapshot", share->leaf, share->title,
            share->live ? NULL : share->snapshot, share->show_model ? "1" : "0",
            chat_store_tx_number(tx, share->created),
            share->expires ? chat_store_tx_number(tx, share->expires) : NULL));
}

apr_status_t chat_store_share_create(chat_store_share_t *share,
                                     const chat_store_at_t *at, chat_err_t *err)
{
    unsigned char id[ID_BYTES];

    if (chat_crypto_random(id, sizeof(id)) != APR_SUCCESS)
        return chat_err_set(err, APR_EGENERAL, HTTP_SERVICE_UNAVAILABLE,
                            "store_unavailable",
                            "This server has no random bytes right now.");
    share->id = chat_store_cursor_encode(id, sizeof(id), at->p);
    share->created = chat_store_now();
    return chat_store_tx_run(at, CHAT_STORE_WRITE, "share a conversation",
                             create, share, err);
}

/* ---- list, revoke ---- */

typedef struct share_t {
    const char *conversation, *id;
    int count;
    apr_array_header_t *rows;
    chat_store_share_t *found;
    const char *owner;
} share_t;

static apr_status_t list(chat_store_tx_t *tx, void *work)
{
    share_t *w = work;
    chat_conversation_t *c;
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_conversation_read(&c, tx, w->conversation);

    w->rows = apr_array_make(tx->p, 4, sizeof(chat_store_share_t));
    if (rv == APR_SUCCESS)
        rv = chat_store_tx_select(
            tx, &rows, CHAT_SQL_SHARE_LIST,
            CHAT_STORE_ARGS(w->conversation, tx->at->owner));
    if (rv != APR_SUCCESS)
        return rv;
    while (chat_store_db_next(&rows) == APR_SUCCESS)
        read_row(apr_array_push(w->rows), &rows, tx->p);
    return APR_SUCCESS;
}

apr_status_t chat_store_share_list(apr_array_header_t **prows,
                                   const chat_store_at_t *at,
                                   const char *conversation, chat_err_t *err)
{
    share_t w = {.conversation = conversation};
    apr_status_t rv =
        chat_store_tx_run(at, CHAT_STORE_READ, "list shares", list, &w, err);

    *prows = w.rows;
    return rv;
}

static apr_status_t revoke_one(chat_store_tx_t *tx, void *work)
{
    share_t *w = work;
    const char *now = chat_store_tx_number(tx, chat_store_now());
    apr_status_t rv = chat_store_tx_exec(
        tx, &w->count, CHAT_SQL_SHARE_REVOKE,
        CHAT_STORE_ARGS(now, w->id, w->conversation, tx->at->owner));

    return rv == APR_SUCCESS && !w->count ? chat_store_tx_not_found(tx->err)
                                          : rv;
}

apr_status_t chat_store_share_revoke(const chat_store_at_t *at,
                                     const char *conversation, const char *id,
                                     chat_err_t *err)
{
    share_t w = {.conversation = conversation, .id = id};

    return chat_store_tx_run(at, CHAT_STORE_ONE, "revoke a share", revoke_one,
                             &w, err);
}

static apr_status_t revoke_all(chat_store_tx_t *tx, void *work)
{
    share_t *w = work;
    const char *now = chat_store_tx_number(tx, chat_store_now());

    return chat_store_tx_exec(tx, &w->count, CHAT_SQL_SHARE_REVOKE_ALL,
                              CHAT_STORE_ARGS(now, tx->at->owner));
}

apr_status_t chat_store_share_revoke_all(int *prevoked,
                                         const chat_store_at_t *at,
                                         chat_err_t *err)
{
    share_t w = {0};
    apr_status_t rv = chat_store_tx_run(at, CHAT_STORE_ONE, "revoke shares",
                                        revoke_all, &w, err);

    *prevoked = w.count;
    return rv;
}

/* ---- get ---- */

static apr_status_t get(chat_store_tx_t *tx, void *work)
{
    share_t *w = work;
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_tx_row(tx, &rows, CHAT_SQL_SHARE_GET,
                                        CHAT_STORE_ARGS(w->id));

    if (rv == APR_NOTFOUND)
        return chat_store_tx_not_found(tx->err);
    if (rv != APR_SUCCESS)
        return rv;
    w->found = apr_palloc(tx->p, sizeof(*w->found));
    read_row(w->found, &rows, tx->p);
    w->owner = chat_store_db_text(&rows, OWNER, tx->p);
    if (chat_store_db_integer(&rows, REVOKED, 0) ||
        (w->found->expires && w->found->expires <= chat_store_now()))
        return chat_err_set(tx->err, APR_EOF, HTTP_GONE, "gone",
                            "This is not shared any more.");
    return APR_SUCCESS;
}

apr_status_t chat_store_share_get(chat_store_share_t **ps, const char **powner,
                                  const chat_store_at_t *at, const char *id,
                                  chat_err_t *err)
{
    share_t w = {.id = id};
    apr_status_t rv =
        chat_store_tx_run(at, CHAT_STORE_READ, "read a share", get, &w, err);

    *ps = rv == APR_SUCCESS ? w.found : NULL;
    *powner = rv == APR_SUCCESS ? w.owner : NULL;
    return rv;
}
