/* SPDX-License-Identifier: Apache-2.0 */
/* A conversation that begins as another one did. Neighbours: routes above;
 * chat_store_conversation.c and chat_store_message.c below. See
 * chat_store_chats.h. */
#include "chat_store_conversation.h"
#include "chat_store_message.h"

#include <apr_strings.h>

typedef struct fork_t {
    const char *id, *message;
    const char *fork; /* id of the new one */
    chat_conversation_t *is;
} fork_t;

static apr_status_t read_path(chat_store_tx_t *tx, const fork_t *f,
                              apr_array_header_t **ppath)
{
    apr_status_t rv = chat_store_message_rows(
        ppath, tx, CHAT_SQL_MESSAGE_TURN_PATH,
        CHAT_STORE_ARGS(tx->at->owner, f->message, f->id,
                        chat_store_tx_number(tx, CHAT_STORE_PATH_MAX)));
    int last = (*ppath)->nelts - 1;

    if (rv != APR_SUCCESS)
        return rv;
    if (last < 0)
        return chat_store_tx_not_found(tx->err);
    if (APR_ARRAY_IDX(*ppath, last, chat_store_message_t).status ==
        CHAT_MESSAGE_STREAMING)
        return chat_store_tx_busy(tx->err);
    return APR_SUCCESS;
}

static apr_status_t copy_path(chat_store_tx_t *tx, const fork_t *f,
                              const apr_array_header_t *path,
                              const char **pleaf, apr_int64_t *pbytes)
{
    const char *parent = NULL;
    apr_status_t rv = APR_SUCCESS;
    int i;

    *pbytes = 0;
    for (i = 0; rv == APR_SUCCESS && i < path->nelts; i++) {
        const chat_store_message_t *m =
            &APR_ARRAY_IDX(path, i, chat_store_message_t);
        const char *id = chat_store_new_id(tx->p);

        rv = chat_store_tx_exec(tx, NULL, CHAT_SQL_MESSAGE_COPY,
                                CHAT_STORE_ARGS(id, f->fork, parent, m->id));
        *pbytes += chat_store_message_bytes(m->parts, m->text);
        parent = id;
    }
    *pleaf = parent;
    return rv;
}

static apr_status_t insert(chat_store_tx_t *tx, const fork_t *f,
                           const chat_conversation_t *of)
{
    chat_conversation_t c = *of;
    int count = 0;
    apr_status_t rv;

    c.id = f->fork;
    c.pinned = c.archived = 0;
    c.created = c.updated = c.last_message = chat_store_now();
    rv = chat_store_conversation_insert(&count, tx, &c);
    return rv == APR_SUCCESS && !count ? chat_store_tx_exists(tx->err) : rv;
}

static apr_status_t fork_path(chat_store_tx_t *tx, void *work)
{
    fork_t *f = work;
    chat_store_locked_t locked;
    chat_conversation_t *of = NULL;
    apr_array_header_t *path;
    const char *leaf = NULL, *by = NULL;
    apr_int64_t bytes = 0;
    apr_status_t rv;

    /* The first try may have been committed, though its answer was lost. */
    if (tx->again &&
        chat_store_conversation_read(&f->is, tx, f->fork) != APR_NOTFOUND)
        return tx->failed ? APR_EGENERAL : APR_SUCCESS;
    /* No message of the path goes, or becomes longer, before it is copied. */
    rv = chat_store_conversation_lock(&locked, tx, f->id, 0);
    if (rv == APR_SUCCESS)
        rv = chat_store_conversation_read(&of, tx, f->id);
    if (rv == APR_SUCCESS)
        rv = read_path(tx, f, &path);
    if (rv == APR_SUCCESS)
        rv = insert(tx, f, of);
    if (rv == APR_SUCCESS)
        rv = copy_path(tx, f, path, &leaf, &bytes);
    if (rv == APR_SUCCESS)
        rv = chat_store_tx_exec(tx, NULL, CHAT_SQL_UPLOAD_FORK,
                                CHAT_STORE_ARGS(f->fork, f->id));
    if (rv != APR_SUCCESS)
        return rv;
    if (of->title)
        by = of->titled ? CHAT_STORE_BY_USER : CHAT_STORE_BY_TEXT;
    rv = chat_store_tx_exec(
        tx, NULL, CHAT_SQL_CONVERSATION_ADD,
        CHAT_STORE_ARGS(chat_store_tx_number(tx, path->nelts),
                        chat_store_tx_number(tx, bytes), leaf, of->title, by,
                        chat_store_tx_number(tx, chat_store_now()), f->fork));
    return rv == APR_SUCCESS ? chat_store_conversation_read(&f->is, tx, f->fork)
                             : rv;
}

apr_status_t chat_store_conversation_fork(chat_conversation_t **pc,
                                          const chat_store_at_t *at,
                                          const char *id, const char *message,
                                          chat_err_t *err)
{
    fork_t f = {.id = id, .message = message, .fork = chat_store_new_id(at->p)};
    apr_status_t rv = chat_store_tx_run(
        at, CHAT_STORE_WRITE, "fork a conversation", fork_path, &f, err);

    *pc = f.is;
    return rv;
}
