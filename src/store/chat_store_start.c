/* SPDX-License-Identifier: Apache-2.0 */
/* The start of store/, called by mod_chat.c. */
#include "chat_store.h"

#include "chat_config.h"
#include "chat_seal.h"
#include "chat_store_int.h"
#include "chat_store_tables.h"
#include "chat_store_writer.h"

apr_status_t chat_store_post_config(apr_pool_t *pconf, server_rec *s)
{
    chat_store_query_post_config(s);
    chat_store_tables_post_config(pconf, s);
    if (chat_store_writer_post_config(pconf, s) != APR_SUCCESS)
        return APR_ENOMEM;
    return chat_store_limiter_post_config(pconf, s);
}

/* What users' keys are sealed with is not swapped out of a child either. */
static void lock_keys(const server_rec *s)
{
    for (; s; s = s->next) {
        const chat_seal_keys_t *master = chat_config_server(s)->keys.master;

        if (master)
            chat_seal_keys_lock(master);
    }
}

void chat_store_child_init(apr_pool_t *pchild, server_rec *s)
{
    lock_keys(s);
    chat_store_tables_child_init(pchild, s);
}
