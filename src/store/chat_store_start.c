/* SPDX-License-Identifier: Apache-2.0 */
/* The start of store/, called by mod_chat.c. */
#include "chat_store.h"

#include "chat_store_int.h"
#include "chat_store_tables.h"

apr_status_t chat_store_post_config(apr_pool_t *pconf, server_rec *s)
{
    chat_store_query_post_config(s);
    chat_store_tables_post_config(pconf, s);
    return chat_store_limiter_post_config(pconf, s);
}

void chat_store_child_init(apr_pool_t *pchild, server_rec *s)
{
    chat_store_tables_child_init(pchild, s);
}
