/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the tables of an app, and whose they are. See
 * chat_store_vercel_int.h. */
#include <httpd.h>

#include "chat_store_vercel_int.h"

apr_status_t chat_store_vercel_foreign(chat_err_t *err)
{
    return chat_err_set(err, APR_EACCES, HTTP_FORBIDDEN, "forbidden",
                        "This chat is another user's.");
}

void chat_store_vercel_read_message(chat_vercel_message_t *m,
                                    const chat_store_rows_t *rows,
                                    apr_pool_t *p)
{
    *m = (chat_vercel_message_t){
        .id = chat_store_db_text(rows, 0, p),
        .chat = chat_store_db_text(rows, 1, p),
        .role = chat_store_db_text(rows, 2, p),
        .parts = chat_store_db_text(rows, 3, p),
        .attachments = chat_store_db_text(rows, 4, p),
        .created = chat_store_db_text(rows, 5, p),
        .age = chat_store_db_integer(rows, 6, 0),
    };
}

int chat_store_vercel_has_context(const chat_store_rows_t *rows)
{
    return (int)chat_store_db_integer(rows, 6, 0);
}
