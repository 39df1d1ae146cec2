/* SPDX-License-Identifier: Apache-2.0 */
/* Private to store/: are the tables as this module knows them? */
#ifndef CHAT_STORE_TABLES_H
#define CHAT_STORE_TABLES_H

#include <httpd.h>

#include "chat_store_chats.h"

/* Start-up. Before there are threads. */
void chat_store_tables_post_config(apr_pool_t *pconf, server_rec *s);

/* With ChatStoreMigrate on they are made now; each child asks, the first to get
 * the lock does it. [child_init, behind mod_dbd's] */
void chat_store_tables_child_init(apr_pool_t *pchild, server_rec *s);

#endif
