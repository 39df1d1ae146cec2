/* SPDX-License-Identifier: Apache-2.0 */
/* A turn that never began goes, as if it had not been asked for. Neighbours:
 * run/ above; chat_store_conversation.c below. See chat_store_chats.h. */
#include "chat_store_conversation.h"
#include "chat_store_message.h"

#include <string.h>

static apr_status_t take_away(chat_store_tx_t *tx,
                              const chat_store_turn_t *turn,
                              const chat_store_locked_t *locked)
{
    int first = turn->created || locked->messages <= 2;
    int added = turn->regenerate ? 1 : 2;
    const char *by = locked->title_by;

    if (first && by && !strcmp(by, CHAT_STORE_BY_TEXT))
        by = NULL;
    return chat_store_tx_exec(
        tx, NULL, CHAT_SQL_CONVERSATION_ADD,
        CHAT_STORE_ARGS(chat_store_tx_number(tx, -added),
                        chat_store_tx_number(tx, -turn->bytes), turn->before,
                        by ? locked->title : NULL, by,
                        chat_store_tx_number(tx, locked->last_message),
                        turn->conversation));
}

static apr_status_t undo(chat_store_tx_t *tx, void *work)
{
    const chat_store_turn_t *turn = work;
    chat_store_locked_t locked;
    int count = 0;
    apr_status_t rv =
        chat_store_conversation_lock(&locked, tx, turn->conversation, 1);

    if (rv == APR_SUCCESS && turn->created && locked.messages <= 2)
        return chat_store_tx_exec(
            tx, NULL, CHAT_SQL_CONVERSATION_REMOVE,
            CHAT_STORE_ARGS(turn->conversation, tx->at->owner));
    if (rv == APR_SUCCESS)
        rv = chat_store_tx_exec(
            tx, &count, CHAT_SQL_STREAM_REMOVE,
            CHAT_STORE_ARGS(turn->stream, turn->conversation));
    if (rv != APR_SUCCESS || !count)
        return rv;
    rv = chat_store_tx_exec(tx, NULL, CHAT_SQL_MESSAGE_REMOVE,
                            CHAT_STORE_ARGS(turn->answer, turn->conversation));
    if (rv == APR_SUCCESS && !turn->regenerate)
        rv = chat_store_tx_exec(
            tx, NULL, CHAT_SQL_MESSAGE_REMOVE,
            CHAT_STORE_ARGS(turn->question, turn->conversation));
    return rv == APR_SUCCESS ? take_away(tx, turn, &locked) : rv;
}

apr_status_t chat_store_turn_undo(const chat_store_turn_t *turn,
                                  const chat_store_at_t *at, chat_err_t *err)
{
    return chat_store_tx_run(at, CHAT_STORE_WRITE, "undo a turn", undo,
                             (void *)turn, err);
}
