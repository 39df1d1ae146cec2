/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the chat_dialect_ui_message*.c files share.
 */
#ifndef CHAT_DIALECT_UI_MESSAGE_INT_H
#define CHAT_DIALECT_UI_MESSAGE_INT_H

#include "chat_dialect_int.h"

/* Why an answer is over, in the SDK's words. */
const char *chat_dialect_ui_message_reason(chat_finish_e why);

/* chat_dialect_t.decode */
void chat_dialect_ui_message_told(chat_told_t *told,
                                  const chat_sse_event_t *event);

#endif
