/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations go. Neighbours: routes above;
 * chat_store_conversation.c and chat_store_tx.c below. */
#include "chat_store_conversation.h"

/* A conversation has thousands of messages, each with its words: few at a time,
 * so that nobody else waits long. */
#define AT_ONCE "4"

typedef struct delete_t {
    const char *id; /* NULL: all */
    int archived;   /* of all: 1: only archived ones */
    int revision;
    int count;
    apr_array_header_t *streams;
} delete_t;

/* Files that only what was removed had. */
static apr_status_t drop_files(chat_store_tx_t *tx)
{
    return chat_store_tx_exec(
        tx, NULL, CHAT_SQL_UPLOAD_ORPHANS_OF,
        CHAT_STORE_ARGS(chat_store_tx_number(tx, chat_store_now()),
                        tx->at->owner));
}

static apr_status_t hide(chat_store_tx_t *tx, const delete_t *d)
{
    const char *now = chat_store_tx_number(tx, chat_store_now());
    apr_status_t rv;

    if (tx->limits->deleted_ms)
        return chat_store_tx_exec(tx, NULL, CHAT_SQL_CONVERSATION_HIDE,
                                  CHAT_STORE_ARGS(now, d->id, tx->at->owner));
    rv = chat_store_tx_exec(tx, NULL, CHAT_SQL_CONVERSATION_REMOVE,
                            CHAT_STORE_ARGS(d->id, tx->at->owner));
    return rv == APR_SUCCESS ? drop_files(tx) : rv;
}

static apr_status_t delete_one(chat_store_tx_t *tx, void *work)
{
    delete_t *d = work;
    chat_store_locked_t locked;
    apr_status_t rv = chat_store_conversation_lock(&locked, tx, d->id, 1);

    d->streams = apr_array_make(tx->p, 1, sizeof(const char *));
    if (rv != APR_SUCCESS || locked.deleted)
        return rv;
    if (d->revision > 0 && d->revision != locked.revision)
        return chat_err_set(tx->err, APR_EMISMATCH, HTTP_PRECONDITION_FAILED,
                            "precondition_failed",
                            "The conversation has been changed meanwhile.");
    rv = chat_store_conversation_streams(
        &d->streams, tx, CHAT_SQL_STREAM_RUNNING, CHAT_STORE_ARGS(d->id));
    return rv == APR_SUCCESS ? hide(tx, d) : rv;
}

apr_status_t chat_store_conversation_delete(apr_array_header_t **pstreams,
                                            const chat_store_at_t *at,
                                            const char *id, int revision,
                                            chat_err_t *err)
{
    delete_t d = {.id = id, .revision = revision};
    apr_status_t rv = chat_store_tx_run(
        at, CHAT_STORE_WRITE, "delete a conversation", delete_one, &d, err);

    *pstreams = d.streams;
    return rv;
}

static apr_status_t hide_all(chat_store_tx_t *tx, void *work)
{
    delete_t *d = work;
    const char *archived = d->archived ? "1" : "0";
    const char *now = chat_store_tx_number(tx, chat_store_now());
    apr_status_t rv = chat_store_conversation_streams(
        &d->streams, tx, CHAT_SQL_STREAM_RUNNING_ALL,
        CHAT_STORE_ARGS(tx->at->owner, archived));

    if (rv != APR_SUCCESS)
        return rv;
    return chat_store_tx_exec(tx, &d->count, CHAT_SQL_CONVERSATION_HIDE_ALL,
                              CHAT_STORE_ARGS(now, tx->at->owner, archived));
}

/* Where they are not kept. What is left when this is broken off the next purge
 * takes. */
static apr_status_t remove_some(chat_store_tx_t *tx, void *work)
{
    int *pcount = work;
    apr_status_t rv;

    *pcount = 0;
    if (tx->limits->deleted_ms)
        return APR_SUCCESS;
    rv = chat_store_tx_exec(tx, pcount, CHAT_SQL_CONVERSATION_REMOVE_HIDDEN,
                            CHAT_STORE_ARGS(tx->at->owner, AT_ONCE));
    return rv == APR_SUCCESS && *pcount ? drop_files(tx) : rv;
}

apr_status_t chat_store_conversation_delete_all(int *pdeleted,
                                                apr_array_header_t **pstreams,
                                                const chat_store_at_t *at,
                                                int archived, chat_err_t *err)
{
    delete_t d = {.archived = archived};
    apr_status_t rv = chat_store_tx_run(
        at, CHAT_STORE_WRITE, "delete conversations", hide_all, &d, err);
    int removed = 1;

    while (rv == APR_SUCCESS && removed)
        rv = chat_store_tx_run(at, CHAT_STORE_WRITE, "delete conversations",
                               remove_some, &removed, err);
    *pdeleted = d.count;
    *pstreams = d.streams;
    return rv;
}
