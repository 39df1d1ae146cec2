/* SPDX-License-Identifier: Apache-2.0 */
/* An answer is corrected. Neighbours: routes above; chat_store_conversation.c
 * and chat_store_message.c below. See chat_store_chats.h. */
#include "chat_store_conversation.h"
#include "chat_store_message.h"

#include <string.h>

typedef struct correct_t {
    const char *conversation, *id, *parts, *text;
    chat_store_message_t *found;
} correct_t;

/* *pbytes: what it had. */
static apr_status_t check(chat_store_tx_t *tx, const correct_t *c,
                          apr_int64_t *pbytes)
{
    chat_store_rows_t rows;
    const char *role, *status;
    apr_status_t rv =
        chat_store_tx_row(tx, &rows, CHAT_SQL_MESSAGE_FIND,
                          CHAT_STORE_ARGS(c->id, c->conversation));

    if (rv == APR_NOTFOUND)
        return chat_store_tx_not_found(tx->err);
    if (rv != APR_SUCCESS)
        return rv;
    role = chat_store_db_text(&rows, 0, tx->db->p);
    status = chat_store_db_text(&rows, 1, tx->db->p);
    *pbytes = chat_store_db_integer(&rows, 3, 0);
    if (strcmp(role, "assistant"))
        return chat_store_tx_invalid(tx->err, NULL,
                                     "Only an answer can be corrected.");
    return strcmp(status, "streaming") ? rv : chat_store_tx_busy(tx->err);
}

static apr_status_t write_parts(chat_store_tx_t *tx, const correct_t *c,
                                apr_int64_t bytes)
{
    const char *now = chat_store_tx_number(tx, chat_store_now());

    return chat_store_tx_exec(tx, NULL, CHAT_SQL_MESSAGE_CORRECT,
                              CHAT_STORE_ARGS(c->parts, c->text,
                                              chat_store_tx_number(tx, bytes),
                                              now, c->id, c->conversation));
}

static apr_status_t correct(chat_store_tx_t *tx, void *work)
{
    correct_t *c = work;
    chat_store_locked_t locked;
    apr_int64_t had = 0, bytes = chat_store_message_bytes(c->parts, c->text);
    apr_status_t rv =
        chat_store_conversation_lock(&locked, tx, c->conversation, 0);

    if (rv == APR_SUCCESS)
        rv = check(tx, c, &had);
    if (rv == APR_SUCCESS && locked.bytes + bytes - had > tx->limits->bytes)
        return chat_store_tx_too_long(tx->err);
    if (rv == APR_SUCCESS)
        rv = write_parts(tx, c, bytes);
    if (rv == APR_SUCCESS)
        rv = chat_store_tx_exec(
            tx, NULL, CHAT_SQL_CONVERSATION_TOUCH,
            CHAT_STORE_ARGS(chat_store_tx_number(tx, bytes - had), "0", "0",
                            c->conversation));
    return rv == APR_SUCCESS
               ? chat_store_message_read(&c->found, tx, c->conversation, c->id)
               : rv;
}

apr_status_t chat_store_message_correct(chat_store_message_t **pm,
                                        const chat_store_at_t *at,
                                        const char *conversation,
                                        const char *id, const char *parts,
                                        const char *text, chat_err_t *err)
{
    correct_t c = {
        .conversation = conversation, .id = id, .parts = parts, .text = text};
    apr_status_t rv = chat_store_tx_run(at, CHAT_STORE_WRITE,
                                        "correct a message", correct, &c, err);

    *pm = c.found;
    return rv;
}
