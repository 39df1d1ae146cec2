/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the user says, for other modules (ChatRequestNote): the note CHAT_PROMPT
 * of a request is there once its body has been read, by whichever module was
 * the first to read it, until the handler takes the body over.
 */
#ifndef CHAT_REQUEST_NOTE_H
#define CHAT_REQUEST_NOTE_H

#include <apr_pools.h>

#define CHAT_REQUEST_NOTE "CHAT_PROMPT"

/* Called by mod_chat.c. */
void chat_request_note_register_hooks(apr_pool_t *p);

#endif
