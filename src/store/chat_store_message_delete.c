/* SPDX-License-Identifier: Apache-2.0 */
/* A message goes, with all below it. Neighbours: routes above;
 * chat_store_conversation.c below. See chat_store_chats.h. */
#include "chat_store_conversation.h"
#include "chat_store_message.h"

typedef struct delete_t {
    const char *conversation, *id;
    const char *parent;
    apr_int64_t messages, bytes; /* that go */
    apr_array_header_t *streams;
} delete_t;

static apr_status_t look(chat_store_tx_t *tx, delete_t *d)
{
    chat_store_rows_t rows;
    apr_status_t rv =
        chat_store_tx_row(tx, &rows, CHAT_SQL_MESSAGE_FIND,
                          CHAT_STORE_ARGS(d->id, d->conversation));

    if (rv == APR_NOTFOUND)
        return chat_store_tx_not_found(tx->err);
    if (rv != APR_SUCCESS)
        return rv;
    d->parent = chat_store_db_text(&rows, 2, tx->p);
    rv = chat_store_tx_row(
        tx, &rows, CHAT_SQL_MESSAGE_SUBTREE,
        CHAT_STORE_ARGS(d->id, d->conversation, d->conversation));
    if (rv != APR_SUCCESS)
        return rv;
    d->messages = chat_store_db_integer(&rows, 0, 0);
    d->bytes = chat_store_db_integer(&rows, 1, 0);
    return APR_SUCCESS;
}

/* What is written into them ends as cancelled: nothing runs then. */
static apr_status_t end_streams(chat_store_tx_t *tx, delete_t *d)
{
    const char *now = chat_store_tx_number(tx, chat_store_now());
    int i;
    apr_status_t rv = chat_store_conversation_streams(
        &d->streams, tx, CHAT_SQL_STREAM_RUNNING_BELOW,
        CHAT_STORE_ARGS(d->id, d->conversation, d->conversation));

    for (i = 0; rv == APR_SUCCESS && i < d->streams->nelts; i++)
        rv = chat_store_tx_exec(
            tx, NULL, CHAT_SQL_STREAM_END,
            CHAT_STORE_ARGS("cancelled", "0", now,
                            APR_ARRAY_IDX(d->streams, i, const char *)));
    return rv;
}

/* Where the current leaf was is still there, or else the newest leaf below the
 * nearest that is. */
static apr_status_t find_leaf(chat_store_tx_t *tx, const delete_t *d,
                              const char *was, const char **pleaf)
{
    chat_store_rows_t rows;
    apr_status_t rv;

    *pleaf = was;
    if (!was)
        return APR_SUCCESS;
    rv = chat_store_tx_row(tx, &rows, CHAT_SQL_MESSAGE_FIND,
                           CHAT_STORE_ARGS(was, d->conversation));
    if (rv != APR_NOTFOUND)
        return rv;
    if (d->parent)
        rv = chat_store_tx_row(
            tx, &rows, CHAT_SQL_MESSAGE_NEWEST_BELOW,
            CHAT_STORE_ARGS(d->parent, d->conversation, d->conversation));
    else
        rv = chat_store_tx_row(tx, &rows, CHAT_SQL_MESSAGE_NEWEST,
                               CHAT_STORE_ARGS(d->conversation));
    *pleaf = rv == APR_SUCCESS ? chat_store_db_text(&rows, 0, tx->p) : NULL;
    return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
}

static apr_status_t take_away(chat_store_tx_t *tx, const delete_t *d,
                              const chat_store_locked_t *locked)
{
    const char *leaf;
    apr_status_t rv = find_leaf(tx, d, locked->current, &leaf);

    if (rv != APR_SUCCESS)
        return rv;
    return chat_store_tx_exec(
        tx, NULL, CHAT_SQL_CONVERSATION_ADD,
        CHAT_STORE_ARGS(chat_store_tx_number(tx, -d->messages),
                        chat_store_tx_number(tx, -d->bytes), leaf,
                        locked->title, locked->title_by,
                        chat_store_tx_number(tx, locked->last_message),
                        d->conversation));
}

static apr_status_t delete_below(chat_store_tx_t *tx, void *work)
{
    delete_t *d = work;
    chat_store_locked_t locked;
    apr_status_t rv =
        chat_store_conversation_lock(&locked, tx, d->conversation, 0);

    if (rv == APR_SUCCESS)
        rv = look(tx, d);
    if (rv == APR_SUCCESS)
        rv = end_streams(tx, d);
    if (rv == APR_SUCCESS)
        rv = chat_store_tx_exec(
            tx, NULL, CHAT_SQL_MESSAGE_REMOVE_SUBTREE,
            CHAT_STORE_ARGS(d->id, d->conversation, d->conversation));
    return rv == APR_SUCCESS ? take_away(tx, d, &locked) : rv;
}

apr_status_t chat_store_message_delete(apr_array_header_t **pstreams,
                                       const chat_store_at_t *at,
                                       const char *conversation, const char *id,
                                       chat_err_t *err)
{
    delete_t d = {.conversation = conversation, .id = id};
    apr_status_t rv = chat_store_tx_run(
        at, CHAT_STORE_WRITE, "delete a message", delete_below, &d, err);

    *pstreams = d.streams;
    return rv;
}
