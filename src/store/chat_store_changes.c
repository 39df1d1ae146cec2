/* SPDX-License-Identifier: Apache-2.0 */
/* What has become of somebody's conversations since a time. Neighbours: routes
 * above; chat_store_tx.c below. See chat_store_chats.h. */
#include "chat_store_conversation.h"
#include "chat_store_cursor.h"

/* More than so many are not told one by one. */
#define MOST 100

/* A change is seen once it is committed, up to so many ms behind its time;
 * clocks of servers differ by less. */
#define OVERLAP 10000

#define NAME "changes"
#define NO_ID "00000000-0000-0000-0000-000000000000"

typedef struct look_t {
    chat_store_changes_t *changes;
    apr_int64_t now;
    chat_store_cursor_t from;
} look_t;

static apr_status_t find_changed(chat_store_tx_t *tx, look_t *l,
                                 const char *since, const char *limit)
{
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_tx_select(
        tx, &rows, CHAT_SQL_CONVERSATION_CHANGED,
        CHAT_STORE_ARGS(tx->at->owner, since, since, limit));

    if (rv != APR_SUCCESS)
        return rv;
    while (chat_store_db_next(&rows) == APR_SUCCESS)
        chat_store_conversation_row(apr_array_push(l->changes->changed), &rows,
                                    tx->p);
    return APR_SUCCESS;
}

static apr_status_t find_deleted(chat_store_tx_t *tx, look_t *l,
                                 const char *since, const char *limit)
{
    return chat_store_conversation_streams(
        &l->changes->deleted, tx, CHAT_SQL_CONVERSATION_DELETED,
        CHAT_STORE_ARGS(since, tx->at->owner, limit));
}

static void forget_all(chat_store_changes_t *changes, apr_pool_t *p)
{
    changes->reset = 1;
    changes->changed = apr_array_make(p, 1, sizeof(chat_conversation_t));
    changes->deleted = apr_array_make(p, 1, sizeof(const char *));
}

static apr_status_t look(chat_store_tx_t *tx, void *work)
{
    look_t *l = work;
    chat_store_changes_t *changes = l->changes;
    const char *since = chat_store_tx_number(tx, l->from.time);
    const char *limit = chat_store_tx_number(tx, MOST + 1);
    apr_status_t rv;

    forget_all(changes, tx->p);
    /* What was deleted before that may be gone without a trace. */
    if (l->now - l->from.time >= tx->limits->deleted_ms)
        return APR_SUCCESS;
    rv = find_changed(tx, l, since, limit);
    if (rv == APR_SUCCESS)
        rv = find_deleted(tx, l, since, limit);
    if (rv != APR_SUCCESS)
        return rv;
    changes->reset = 0;
    if (changes->changed->nelts > MOST || changes->deleted->nelts > MOST)
        forget_all(changes, tx->p);
    return APR_SUCCESS;
}

apr_status_t chat_store_changes_since(chat_store_changes_t *changes,
                                      const chat_store_at_t *at,
                                      const char *since, chat_err_t *err)
{
    look_t l = {.changes = changes, .now = chat_store_now()};

    if (!chat_store_cursor_read(&l.from, NAME, since, at->p))
        return chat_store_tx_invalid(err, "since",
                                     "This is no cursor of changes.");
    if (!since)
        l.from.time = 0;
    changes->cursor =
        chat_store_cursor_write(NAME, l.now - OVERLAP, NO_ID, at->p);
    return chat_store_tx_run(at, CHAT_STORE_READ, "look for changes", look, &l,
                             err);
}
