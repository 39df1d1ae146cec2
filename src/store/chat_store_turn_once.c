/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question that begins a turn, in the one statement that most of them need.
 * Neighbours: chat_store_turn.c above, which knows all that can be refused;
 * chat_store_tx.c below. See 006_turns.sql.
 */
#include "chat_store_turn.h"

#include <string.h>

#include "chat_store_conversation.h"
#include "chat_store_message.h"

enum {
    TITLE,
    TITLE_BY,
    SYSTEM,
    CURRENT,
    PARENT,
    ID,
    ID_PARENT,
    ROLE,
    STATUS,
    PARTS,
    TEXT,
    PROVIDER,
    ERROR_CODE,
    MADE,
    NOW
};

static apr_status_t ask(chat_store_rows_t *rows, chat_store_tx_t *tx,
                        const chat_store_turn_t *turn, apr_int64_t bytes)
{
    return chat_store_tx_row(
        tx, rows, CHAT_SQL_TURN_BEGIN,
        CHAT_STORE_ARGS(turn->conversation, tx->at->owner, turn->question,
                        turn->parts, turn->text,
                        chat_store_tx_number(tx, bytes), turn->answer,
                        turn->stream, turn->instance, turn->model, turn->title,
                        chat_store_tx_number(tx, chat_store_now()),
                        turn->has_parent ? "1" : "0", turn->parent,
                        chat_store_tx_number(tx, tx->limits->messages),
                        chat_store_tx_number(tx, tx->limits->bytes),
                        chat_store_tx_number(tx, CHAT_STORE_PATH_MAX)));
}

static void tell(chat_store_turn_t *turn, const chat_store_rows_t *rows,
                 apr_pool_t *p)
{
    const char *by = chat_store_db_text(rows, TITLE_BY, p);

    turn->titled = chat_store_db_text(rows, TITLE, p);
    if (!turn->titled) {
        turn->titled = turn->title;
        turn->named = turn->title != NULL;
        by = turn->title ? CHAT_STORE_BY_TEXT : NULL;
    }
    turn->wants_title = !by || !strcmp(by, CHAT_STORE_BY_TEXT);
    turn->context_system = chat_store_db_text(rows, SYSTEM, p);
    turn->before = chat_store_db_text(rows, CURRENT, p);
    turn->made = chat_store_db_integer(rows, MADE, 0);
    turn->asked = chat_store_db_integer(rows, NOW, 0);
    turn->answered = turn->asked + 1;
}

static void push_said(chat_store_turn_t *turn, const chat_store_rows_t *rows,
                      apr_pool_t *p)
{
    chat_store_message_t *m = apr_array_push(turn->path);

    m->id = chat_store_db_text(rows, ID, p);
    m->conversation = turn->conversation;
    m->parent = chat_store_db_text(rows, ID_PARENT, p);
    m->role = chat_store_message_role(chat_store_db_text(rows, ROLE, p));
    m->status = chat_store_message_status(chat_store_db_text(rows, STATUS, p));
    m->parts = chat_store_db_text(rows, PARTS, p);
    m->text = chat_store_db_text(rows, TEXT, p);
    m->provider = chat_store_db_text(rows, PROVIDER, p);
    m->error_code = chat_store_db_text(rows, ERROR_CODE, p);
}

/* The statement does not see what it inserts. */
static void push_question(chat_store_turn_t *turn, const char *parent)
{
    chat_store_message_t *m = apr_array_push(turn->path);

    m->id = turn->question;
    m->conversation = turn->conversation;
    m->parent = parent;
    m->role = turn->role;
    m->status = CHAT_MESSAGE_COMPLETE;
    m->parts = turn->parts;
    m->text = turn->text;
    m->created = m->updated = turn->asked;
}

apr_status_t chat_store_turn_once(chat_store_tx_t *tx, chat_store_turn_t *turn)
{
    apr_int64_t bytes;
    chat_store_rows_t rows;
    const char *parent;
    apr_status_t rv;

    if (turn->regenerate || turn->role != CHAT_ROLE_USER)
        return APR_INCOMPLETE;
    bytes = chat_store_message_bytes(turn->parts, turn->text);
    rv = ask(&rows, tx, turn, bytes);
    if (rv != APR_SUCCESS)
        return rv == APR_NOTFOUND ? APR_INCOMPLETE : rv;
    tell(turn, &rows, tx->p);
    turn->created = 0;
    turn->bytes = bytes + (apr_int64_t)strlen("[]");
    turn->path = apr_array_make(tx->p, 8, sizeof(chat_store_message_t));
    parent = chat_store_db_text(&rows, PARENT, tx->p);
    do {
        if (parent)
            push_said(turn, &rows, tx->p);
    } while (chat_store_db_next(&rows) == APR_SUCCESS);
    push_question(turn, parent);
    return APR_SUCCESS;
}
