/* SPDX-License-Identifier: Apache-2.0 */
/* Private to store/: the begin of a turn in one statement. */
#ifndef CHAT_STORE_TURN_H
#define CHAT_STORE_TURN_H

#include "chat_store_tx.h"

/* As chat_store_turn_begin(). APR_INCOMPLETE: nothing is done, and it needs
 * more than one statement, or is to be refused. PostgreSQL alone. */
apr_status_t chat_store_turn_once(chat_store_tx_t *tx, chat_store_turn_t *turn);

#endif
