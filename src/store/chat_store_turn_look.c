/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a turn needs to know of its conversation on SQLite, in as little as may
 * be: a statement costs there what its own tables cost, and how often it is
 * asked. Neighbours: chat_store_turn.c above, which knows all that can be
 * refused; chat_store_tx.c below.
 */
#include "chat_store_turn.h"

#include <string.h>

#include "chat_store_message.h"

/* The column behind those of a locked conversation. */
#define PARENT CHAT_STORE_LOCKED_COLUMNS

/* So many messages are read by their age rather than by their parents: a
 * question that calls itself costs tables of its own. */
#define BY_AGE_MAX 64

apr_status_t chat_store_turn_look(chat_store_locked_t *locked,
                                  const char **pparent, chat_store_tx_t *tx,
                                  const chat_store_turn_t *turn)
{
    chat_store_rows_t rows;
    apr_status_t rv;

    if (turn->regenerate || turn->role != CHAT_ROLE_USER)
        return APR_INCOMPLETE;
    rv = chat_store_tx_row(tx, &rows, CHAT_SQL_TURN_LOOK,
                           CHAT_STORE_ARGS(turn->has_parent ? "1" : "0",
                                           turn->parent, turn->conversation,
                                           tx->at->owner, turn->question));
    if (rv != APR_SUCCESS)
        return rv == APR_NOTFOUND ? APR_INCOMPLETE : rv;
    chat_store_conversation_locked(locked, &rows, tx->p);
    *pparent = chat_store_db_text(&rows, PARENT, tx->p);
    /* One that is named is there. */
    return *pparent || !(turn->has_parent ? turn->parent : locked->current)
               ? APR_SUCCESS
               : APR_INCOMPLETE;
}

/* Those of the rows, newest first, that lead from the leaf to its root. 0: not
 * all of them are there, in this order. */
static int follow(apr_array_header_t *path, const apr_array_header_t *rows,
                  const char *leaf, apr_pool_t *p)
{
    apr_array_header_t *found = apr_array_make(p, 8, sizeof(int));
    const char *next = leaf;
    int i;

    for (i = 0; next && i < rows->nelts; i++) {
        const chat_store_message_t *m =
            &APR_ARRAY_IDX(rows, i, chat_store_message_t);

        if (strcmp(m->id, next))
            continue;
        APR_ARRAY_PUSH(found, int) = i;
        next = m->parent;
    }
    while (found->nelts)
        APR_ARRAY_PUSH(path, chat_store_message_t) = APR_ARRAY_IDX(
            rows, *(int *)apr_array_pop(found), chat_store_message_t);
    return !next;
}

apr_status_t chat_store_turn_path(apr_array_header_t **ppath,
                                  chat_store_tx_t *tx, const char *conversation,
                                  const char *leaf, int messages)
{
    apr_array_header_t *rows;
    apr_status_t rv = APR_INCOMPLETE;

    if (tx->db->sqlite && messages <= BY_AGE_MAX)
        rv = chat_store_message_rows(
            &rows, tx, CHAT_SQL_MESSAGE_TURN_ALL,
            CHAT_STORE_ARGS(conversation,
                            chat_store_tx_number(tx, BY_AGE_MAX)));
    *ppath = apr_array_make(tx->p, 8, sizeof(chat_store_message_t));
    if (rv == APR_SUCCESS && follow(*ppath, rows, leaf, tx->p))
        return rv;
    if (rv != APR_SUCCESS && rv != APR_INCOMPLETE)
        return rv;
    return chat_store_message_rows(
        ppath, tx, CHAT_SQL_MESSAGE_TURN_PATH,
        CHAT_STORE_ARGS(tx->at->owner, leaf, conversation,
                        chat_store_tx_number(tx, CHAT_STORE_PATH_MAX)));
}
