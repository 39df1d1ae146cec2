/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The corridor: which route a request takes, and the walk along the rooms.
 */
#ifndef CHAT_HANDLER_H
#define CHAT_HANDLER_H

#include <httpd.h>

/* handler hook: serves locations with "SetHandler chat". */
int chat_handler(request_rec *r);

/* Start-up, called by mod_chat.c. */
void chat_handler_child_init(void);

#endif
