/* SPDX-License-Identifier: Apache-2.0 */
/* All of a user's goes, in small steps. Neighbours: routes above;
 * chat_store_conversation.c below. See chat_store_chats.h. */
#include "chat_store_conversation.h"

/* A conversation has thousands of messages, each with its words. */
#define AT_ONCE "4"

typedef struct forget_t {
    int count;
    apr_array_header_t *streams;
} forget_t;

/* Streams that run are stopped by whoever called; their rows go with the
 * conversations. */
static apr_status_t begin(chat_store_tx_t *tx, void *work)
{
    forget_t *f = work;
    apr_status_t rv = chat_store_conversation_streams(
        &f->streams, tx, CHAT_SQL_STREAM_RUNNING_ALL,
        CHAT_STORE_ARGS(tx->at->owner, "0"));

    if (rv == APR_SUCCESS)
        rv = chat_store_tx_exec(tx, NULL, CHAT_SQL_KEY_REMOVE_ALL,
                                CHAT_STORE_ARGS(tx->at->owner));
    if (rv == APR_SUCCESS)
        rv = chat_store_tx_exec(
            tx, NULL, CHAT_SQL_UPLOAD_FORGET,
            CHAT_STORE_ARGS(chat_store_tx_number(tx, chat_store_now()),
                            chat_store_new_id(tx->p), tx->at->owner));
    if (rv == APR_SUCCESS)
        rv = chat_store_tx_exec(tx, NULL, CHAT_SQL_REPEAT_REMOVE_ALL,
                                CHAT_STORE_ARGS(tx->at->owner));
    return rv;
}

/* Money stays countable. The last step: answers that ran may have ended. */
static apr_status_t unname(chat_store_tx_t *tx, void *work)
{
    return chat_store_tx_exec(
        tx, NULL, CHAT_SQL_USAGE_FORGET,
        CHAT_STORE_ARGS(chat_store_new_id(tx->p), tx->at->owner));
}

static apr_status_t step(chat_store_tx_t *tx, void *work)
{
    forget_t *f = work;

    return chat_store_tx_exec(tx, &f->count, CHAT_SQL_CONVERSATION_FORGET,
                              CHAT_STORE_ARGS(tx->at->owner, AT_ONCE));
}

apr_status_t chat_store_forget(int *pconversations,
                               apr_array_header_t **pstreams,
                               const chat_store_at_t *at, chat_err_t *err)
{
    forget_t f = {0};
    apr_status_t rv = chat_store_tx_run(at, CHAT_STORE_WRITE, "forget a user",
                                        begin, &f, err);

    *pconversations = 0;
    *pstreams = f.streams;
    do {
        f.count = 0;
        if (rv == APR_SUCCESS)
            rv = chat_store_tx_run(at, CHAT_STORE_ONE, "forget a user", step,
                                   &f, err);
        *pconversations += f.count;
    } while (rv == APR_SUCCESS && f.count);
    return rv == APR_SUCCESS
               ? chat_store_tx_run(at, CHAT_STORE_ONE, "forget a user", unname,
                                   &f, err)
               : rv;
}
