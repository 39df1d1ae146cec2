/* SPDX-License-Identifier: Apache-2.0 */
/* Private to store/: the begin of a turn in few statements. */
#ifndef CHAT_STORE_TURN_H
#define CHAT_STORE_TURN_H

#include "chat_store_conversation.h"
#include "chat_store_tx.h"

/* As chat_store_turn_begin(). APR_INCOMPLETE: nothing is done, and it needs
 * more than one statement, or is to be refused. PostgreSQL alone. */
apr_status_t chat_store_turn_once(chat_store_tx_t *tx, chat_store_turn_t *turn);

/* What a new question needs to know, locked as by
 * chat_store_conversation_lock(): its parent, and that nothing is wrong.
 * APR_INCOMPLETE: something is, or it is no new question. SQLite alone. */
apr_status_t chat_store_turn_look(chat_store_locked_t *locked,
                                  const char **pparent, chat_store_tx_t *tx,
                                  const chat_store_turn_t *turn);

/* From the root to the leaf, of a conversation of at->owner with so many
 * messages: chat_store_message_t. */
apr_status_t chat_store_turn_path(apr_array_header_t **ppath,
                                  chat_store_tx_t *tx, const char *conversation,
                                  const char *leaf, int messages);

#endif
