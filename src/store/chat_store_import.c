/* SPDX-License-Identifier: Apache-2.0 */
/* A conversation that comes from elsewhere, as a whole. Neighbours: routes
 * above; chat_store_conversation.c and chat_store_message.c below. See
 * chat_store_chats.h. */
#include "chat_store_conversation.h"
#include "chat_store_message.h"

#include <string.h>

typedef struct import_t {
    const chat_conversation_t *c;
    const apr_array_header_t *messages;
    apr_int64_t bytes;
} import_t;

static const chat_store_message_t *message_at(const import_t *i, int n)
{
    return &APR_ARRAY_IDX(i->messages, n, chat_store_message_t);
}

static apr_status_t check_room(chat_store_tx_t *tx, import_t *i)
{
    int n;

    i->bytes = 0;
    for (n = 0; n < i->messages->nelts; n++)
        i->bytes += chat_store_message_bytes(message_at(i, n)->parts,
                                             message_at(i, n)->text);
    if (i->messages->nelts > tx->limits->messages ||
        i->bytes > tx->limits->bytes)
        return chat_store_tx_too_long(tx->err);
    return APR_SUCCESS;
}

static apr_status_t insert_messages(chat_store_tx_t *tx, const import_t *i)
{
    apr_status_t rv = APR_SUCCESS;
    int n, count = 1;

    for (n = 0; rv == APR_SUCCESS && count && n < i->messages->nelts; n++)
        rv = chat_store_message_insert(&count, tx, message_at(i, n));
    return rv == APR_SUCCESS && !count ? chat_store_tx_exists(tx->err) : rv;
}

/* The current leaf is the one that c names, else the last message. */
static apr_status_t import(chat_store_tx_t *tx, void *work)
{
    import_t *i = work;
    const chat_conversation_t *c = i->c;
    const char *leaf = c->current, *by = NULL;
    int n = i->messages->nelts, count = 0;
    apr_status_t rv = check_room(tx, i);

    if (!leaf && n)
        leaf = message_at(i, n - 1)->id;
    if (c->title)
        by = c->titled ? CHAT_STORE_BY_USER : CHAT_STORE_BY_TEXT;
    if (rv == APR_SUCCESS)
        rv = chat_store_conversation_insert(&count, tx, c);
    if (rv == APR_SUCCESS && !count)
        return chat_store_tx_exists(tx->err);
    if (rv == APR_SUCCESS)
        rv = insert_messages(tx, i);
    if (rv != APR_SUCCESS)
        return rv;
    return chat_store_tx_exec(
        tx, NULL, CHAT_SQL_CONVERSATION_ADD,
        CHAT_STORE_ARGS(chat_store_tx_number(tx, n),
                        chat_store_tx_number(tx, i->bytes), leaf, c->title, by,
                        chat_store_tx_number(tx, c->last_message), c->id));
}

apr_status_t chat_store_import(const chat_conversation_t *c,
                               const apr_array_header_t *messages,
                               const chat_store_at_t *at, chat_err_t *err)
{
    import_t i = {.c = c, .messages = messages};

    return chat_store_tx_run(at, CHAT_STORE_WRITE, "import a conversation",
                             import, &i, err);
}
