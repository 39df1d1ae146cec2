/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations: read, listed, made and changed. Neighbours: routes above;
 * chat_store_tx.c below. See chat_store_chats.h. */
#include "chat_store_conversation.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_store_cursor.h"
#include "chat_store_words.h"

#define FIRST_ID "00000000-0000-0000-0000-000000000000"

/* ---- rows ---- */

enum {
    ID,
    TITLE,
    TITLE_BY,
    MODEL,
    SYSTEM,
    METADATA,
    CURRENT,
    PINNED,
    ARCHIVED,
    MESSAGES,
    REVISION,
    CREATED,
    UPDATED,
    LAST_MESSAGE,
    STREAM,
    STREAM_MESSAGE
};

static int is_user(const char *by)
{
    return by && strcmp(by, CHAT_STORE_BY_USER) == 0;
}

void chat_store_conversation_row(chat_conversation_t *c,
                                 const chat_store_rows_t *rows, apr_pool_t *p)
{
    memset(c, 0, sizeof(*c));
    c->id = chat_store_db_text(rows, ID, p);
    c->title = chat_store_db_text(rows, TITLE, p);
    c->titled = is_user(chat_store_db_text(rows, TITLE_BY, p));
    c->model = chat_store_db_text(rows, MODEL, p);
    c->system = chat_store_db_text(rows, SYSTEM, p);
    c->metadata = chat_store_db_text(rows, METADATA, p);
    c->current = chat_store_db_text(rows, CURRENT, p);
    c->pinned = (int)chat_store_db_integer(rows, PINNED, 0);
    c->archived = (int)chat_store_db_integer(rows, ARCHIVED, 0);
    c->messages = (int)chat_store_db_integer(rows, MESSAGES, 0);
    c->revision = (int)chat_store_db_integer(rows, REVISION, 0);
    c->created = chat_store_db_integer(rows, CREATED, 0);
    c->updated = chat_store_db_integer(rows, UPDATED, 0);
    c->last_message = chat_store_db_integer(rows, LAST_MESSAGE, 0);
    c->stream = chat_store_db_text(rows, STREAM, p);
    c->stream_message = chat_store_db_text(rows, STREAM_MESSAGE, p);
}

apr_status_t chat_store_conversation_read(chat_conversation_t **pc,
                                          chat_store_tx_t *tx, const char *id)
{
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_tx_row(tx, &rows, CHAT_SQL_CONVERSATION_GET,
                                        CHAT_STORE_ARGS(id, tx->at->owner));

    if (rv == APR_NOTFOUND)
        return chat_store_tx_not_found(tx->err);
    if (rv != APR_SUCCESS)
        return rv;
    *pc = apr_palloc(tx->p, sizeof(**pc));
    chat_store_conversation_row(*pc, &rows, tx->p);
    return APR_SUCCESS;
}

void chat_store_conversation_locked(chat_store_locked_t *locked,
                                    const chat_store_rows_t *rows,
                                    apr_pool_t *p)
{
    locked->title = chat_store_db_text(rows, 0, p);
    locked->title_by = chat_store_db_text(rows, 1, p);
    locked->model = chat_store_db_text(rows, 2, p);
    locked->system = chat_store_db_text(rows, 3, p);
    locked->current = chat_store_db_text(rows, 4, p);
    locked->archived = (int)chat_store_db_integer(rows, 5, 0);
    locked->messages = (int)chat_store_db_integer(rows, 6, 0);
    locked->bytes = chat_store_db_integer(rows, 7, 0);
    locked->revision = (int)chat_store_db_integer(rows, 8, 0);
    locked->deleted = chat_store_db_integer(rows, 9, 0) != 0;
    locked->last_message = chat_store_db_integer(rows, 10, 0);
    locked->created = chat_store_db_integer(rows, 11, 0);
}

apr_status_t chat_store_conversation_lock(chat_store_locked_t *locked,
                                          chat_store_tx_t *tx, const char *id,
                                          int any)
{
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_tx_row(tx, &rows,
                                        any ? CHAT_SQL_CONVERSATION_LOCK_ANY
                                            : CHAT_SQL_CONVERSATION_LOCK,
                                        CHAT_STORE_ARGS(id, tx->at->owner));

    if (rv == APR_NOTFOUND)
        return chat_store_tx_not_found(tx->err);
    if (rv != APR_SUCCESS)
        return rv;
    chat_store_conversation_locked(locked, &rows, tx->p);
    return APR_SUCCESS;
}

apr_status_t chat_store_conversation_streams(apr_array_header_t **pstreams,
                                             chat_store_tx_t *tx,
                                             chat_store_sql_e id,
                                             const char **args, int nargs)
{
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_tx_select(tx, &rows, id, args, nargs);

    *pstreams = apr_array_make(tx->p, 1, sizeof(const char *));
    if (rv != APR_SUCCESS)
        return rv;
    while (chat_store_db_next(&rows) == APR_SUCCESS)
        APR_ARRAY_PUSH(*pstreams, const char *) =
            chat_store_db_text(&rows, 0, tx->p);
    return APR_SUCCESS;
}

/* ---- get ---- */

typedef struct get_t {
    const char *id;
    chat_conversation_t *found;
} get_t;

static apr_status_t get(chat_store_tx_t *tx, void *work)
{
    get_t *g = work;

    return chat_store_conversation_read(&g->found, tx, g->id);
}

apr_status_t chat_store_conversation_get(chat_conversation_t **pc,
                                         const chat_store_at_t *at,
                                         const char *id, chat_err_t *err)
{
    get_t g = {.id = id};
    apr_status_t rv = chat_store_tx_run(at, CHAT_STORE_READ,
                                        "read a conversation", get, &g, err);

    *pc = g.found;
    return rv;
}

typedef struct model_t {
    const char *id;
    const char *found;
} model_t;

static apr_status_t get_model(chat_store_tx_t *tx, void *work)
{
    model_t *m = work;
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_tx_row(tx, &rows, CHAT_SQL_CONVERSATION_MODEL,
                                        CHAT_STORE_ARGS(m->id, tx->at->owner));

    if (rv == APR_NOTFOUND)
        return chat_store_tx_not_found(tx->err);
    if (rv == APR_SUCCESS)
        m->found = chat_store_db_text(&rows, 0, tx->p);
    return rv;
}

apr_status_t chat_store_conversation_model(const char **pmodel,
                                           const chat_store_at_t *at,
                                           const char *id, chat_err_t *err)
{
    model_t m = {.id = id};
    apr_status_t rv = chat_store_tx_run(
        at, CHAT_STORE_READ, "read a conversation's model", get_model, &m, err);

    *pmodel = m.found;
    return rv;
}

/* ---- list ---- */

typedef struct list_t {
    const chat_conversation_filter_t *filter;
    const char *words; /* of filter->contains, in the database's form */
    chat_store_page_t *page;
    chat_store_cursor_t from;
    const char *name; /* of the list, in cursors */
    apr_array_header_t *rows;
} list_t;

static apr_status_t select_page(chat_store_tx_t *tx, chat_store_rows_t *rows,
                                const list_t *l)
{
    const char *archived = l->filter->archived ? "1" : "0";
    const char *pinned = l->filter->pinned ? "1" : "0";
    const char *time = chat_store_tx_number(tx, l->from.time);
    const char *limit = chat_store_tx_number(tx, l->page->limit + 1);

    if (l->filter->oldest)
        return chat_store_tx_select(tx, rows, CHAT_SQL_CONVERSATION_LIST_OLDEST,
                                    CHAT_STORE_ARGS(tx->at->owner, archived,
                                                    pinned, time, l->from.id,
                                                    limit));
    if (l->filter->contains && tx->db->sqlite)
        return chat_store_tx_select(tx, rows, CHAT_SQL_CONVERSATION_LIST_TITLED,
                                    CHAT_STORE_ARGS(tx->at->owner, archived,
                                                    pinned, time, l->from.id,
                                                    l->words, limit));
    if (l->filter->contains)
        return chat_store_tx_select(
            tx, rows, CHAT_SQL_CONVERSATION_LIST_TITLED,
            CHAT_STORE_ARGS(tx->at->owner, archived, pinned, time, l->from.id,
                            tx->at->owner, l->words, limit));
    return chat_store_tx_select(tx, rows, CHAT_SQL_CONVERSATION_LIST,
                                CHAT_STORE_ARGS(tx->at->owner, archived, pinned,
                                                time, l->from.id, limit));
}

static apr_status_t list(chat_store_tx_t *tx, void *work)
{
    list_t *l = work;
    const chat_conversation_t *last;
    chat_store_rows_t rows;
    apr_status_t rv;

    l->rows = apr_array_make(tx->p, 20, sizeof(chat_conversation_t));
    l->page->next = NULL;
    if (l->filter->contains) {
        l->words = chat_store_words_query(tx->db->sqlite, tx->at->owner,
                                          l->filter->contains, 1, tx->db->p);
        if (!l->words)
            return APR_SUCCESS;
    }
    rv = select_page(tx, &rows, l);
    if (rv != APR_SUCCESS)
        return rv;
    while (chat_store_db_next(&rows) == APR_SUCCESS) {
        if (l->rows->nelts == l->page->limit) {
            last = &APR_ARRAY_IDX(l->rows, l->rows->nelts - 1,
                                  chat_conversation_t);
            l->page->next = chat_store_cursor_write(l->name, last->last_message,
                                                    last->id, tx->p);
            continue; /* the driver frees the result after the last row */
        }
        chat_store_conversation_row(apr_array_push(l->rows), &rows, tx->p);
    }
    return APR_SUCCESS;
}

/* Each order has cursors of its own. */
static const char *name_of(const chat_conversation_filter_t *filter)
{
    if (filter->oldest)
        return filter->archived ? "archived oldest" : "oldest";
    return filter->archived ? "archived" : "list";
}

apr_status_t
chat_store_conversation_list(apr_array_header_t **prows,
                             const chat_store_at_t *at,
                             const chat_conversation_filter_t *filter,
                             chat_store_page_t *page, chat_err_t *err)
{
    list_t l = {.filter = filter, .page = page, .name = name_of(filter)};
    apr_status_t rv;

    if (!chat_store_cursor_read(&l.from, l.name, page->after, at->p))
        return chat_store_tx_invalid(err, "after",
                                     "This cursor is none of this list.");
    if (filter->oldest && !page->after) {
        l.from.time = -1;
        l.from.id = FIRST_ID;
    }
    rv = chat_store_tx_run(at, CHAT_STORE_READ, "list conversations", list, &l,
                           err);
    *prows = l.rows;
    return rv;
}

/* ---- create ---- */

static apr_status_t check_room(chat_store_tx_t *tx)
{
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_tx_row(tx, &rows, CHAT_SQL_CONVERSATION_COUNT,
                                        CHAT_STORE_ARGS(tx->at->owner));

    if (rv != APR_SUCCESS)
        return rv;
    if (chat_store_db_integer(&rows, 0, 0) < tx->limits->conversations)
        return APR_SUCCESS;
    return chat_err_set(tx->err, APR_ENOSPC, HTTP_CONFLICT,
                        "too_many_conversations",
                        apr_psprintf(tx->p,
                                     "There are %d conversations, as many as "
                                     "may be: delete one first.",
                                     tx->limits->conversations));
}

apr_status_t chat_store_conversation_insert(int *pcount, chat_store_tx_t *tx,
                                            const chat_conversation_t *c)
{
    apr_status_t rv = check_room(tx);
    const char *by = !c->title   ? NULL
                     : c->titled ? CHAT_STORE_BY_USER
                                 : CHAT_STORE_BY_TEXT;

    if (rv != APR_SUCCESS)
        return rv;
    return chat_store_tx_exec(
        tx, pcount, CHAT_SQL_CONVERSATION_INSERT,
        CHAT_STORE_ARGS(c->id, tx->at->owner, c->title, by, c->model, c->system,
                        c->pinned ? "1" : "0", c->archived ? "1" : "0",
                        c->metadata ? c->metadata : "{}",
                        chat_store_tx_number(tx, c->created),
                        chat_store_tx_number(tx, c->updated),
                        chat_store_tx_number(tx, c->last_message)));
}

static apr_status_t create(chat_store_tx_t *tx, void *work)
{
    chat_conversation_t *c = work, *found = NULL;
    int count = 0;
    apr_status_t rv = chat_store_conversation_insert(&count, tx, c);

    if (rv != APR_SUCCESS || count)
        return rv;
    /* The first try was committed, but its answer was lost. */
    if (tx->again &&
        chat_store_conversation_read(&found, tx, c->id) == APR_SUCCESS &&
        found->created == c->created)
        return APR_SUCCESS;
    return tx->failed ? APR_EGENERAL : chat_store_tx_exists(tx->err);
}

apr_status_t chat_store_conversation_create(chat_conversation_t *c,
                                            const chat_store_at_t *at,
                                            chat_err_t *err)
{
    c->created = c->updated = c->last_message = chat_store_now();
    c->revision = 1;
    c->titled = c->title != NULL;
    return chat_store_tx_run(at, CHAT_STORE_WRITE, "create a conversation",
                             create, c, err);
}

/* ---- change ---- */

typedef struct change_t {
    const char *id;
    const chat_conversation_t *to;
    unsigned set;
    int revision;
    chat_conversation_t *is;
} change_t;

static apr_status_t check_current(chat_store_tx_t *tx, const change_t *c)
{
    chat_store_rows_t rows;
    apr_status_t rv = APR_SUCCESS;

    if ((c->set & CHAT_SET_CURRENT) && c->to->current)
        rv = chat_store_tx_row(tx, &rows, CHAT_SQL_MESSAGE_FIND,
                               CHAT_STORE_ARGS(c->to->current, c->id));
    if (rv == APR_NOTFOUND || ((c->set & CHAT_SET_CURRENT) && !c->to->current))
        return chat_store_tx_invalid(
            tx->err, "currentMessageId",
            "This is no message of this conversation.");
    return rv;
}

static void merge(chat_conversation_t *is, const chat_conversation_t *to,
                  unsigned set)
{
    if (set & CHAT_SET_TITLE) {
        is->title = to->title;
        is->titled = to->title != NULL;
    }
    if (set & CHAT_SET_PINNED)
        is->pinned = to->pinned;
    if (set & CHAT_SET_ARCHIVED)
        is->archived = to->archived;
    if (set & CHAT_SET_MODEL)
        is->model = to->model;
    if (set & CHAT_SET_SYSTEM)
        is->system = to->system;
    if (set & CHAT_SET_METADATA)
        is->metadata = to->metadata ? to->metadata : "{}";
    if (set & CHAT_SET_CURRENT)
        is->current = to->current;
    is->updated = chat_store_now();
    is->revision++;
}

static apr_status_t change(chat_store_tx_t *tx, void *work)
{
    change_t *c = work;
    chat_store_locked_t locked;
    const char *by;
    apr_status_t rv = chat_store_conversation_lock(&locked, tx, c->id, 0);

    if (rv == APR_SUCCESS)
        rv = chat_store_conversation_read(&c->is, tx, c->id);
    if (rv != APR_SUCCESS)
        return rv;
    if (c->revision > 0 && c->revision != c->is->revision)
        return chat_err_set(tx->err, APR_EMISMATCH, HTTP_PRECONDITION_FAILED,
                            "precondition_failed",
                            "The conversation has been changed meanwhile.");
    rv = check_current(tx, c);
    if (rv != APR_SUCCESS)
        return rv;
    merge(c->is, c->to, c->set);
    by = c->set & CHAT_SET_TITLE ? (c->is->title ? CHAT_STORE_BY_USER : NULL)
                                 : locked.title_by;
    return chat_store_tx_exec(
        tx, NULL, CHAT_SQL_CONVERSATION_UPDATE,
        CHAT_STORE_ARGS(c->is->title, by, c->is->model, c->is->system,
                        c->is->metadata, c->is->current,
                        c->is->pinned ? "1" : "0", c->is->archived ? "1" : "0",
                        chat_store_tx_number(tx, c->is->updated), c->id,
                        tx->at->owner));
}

apr_status_t chat_store_conversation_update(
    chat_conversation_t **pc, const chat_store_at_t *at, const char *id,
    const chat_conversation_t *to, unsigned set, int revision, chat_err_t *err)
{
    change_t c = {.id = id, .to = to, .set = set, .revision = revision};
    apr_status_t rv = chat_store_tx_run(
        at, CHAT_STORE_WRITE, "change a conversation", change, &c, err);

    *pc = c.is;
    return rv;
}

typedef struct name_t {
    const char *id, *title;
} name_t;

static apr_status_t name(chat_store_tx_t *tx, void *work)
{
    const name_t *n = work;

    return chat_store_tx_exec(
        tx, NULL, CHAT_SQL_CONVERSATION_NAME,
        CHAT_STORE_ARGS(n->title, chat_store_tx_number(tx, chat_store_now()),
                        n->id, tx->at->owner));
}

apr_status_t chat_store_conversation_name(const chat_store_at_t *at,
                                          const char *id, const char *title,
                                          chat_err_t *err)
{
    name_t n = {.id = id, .title = title};

    return chat_store_tx_run(at, CHAT_STORE_ONE, "name a conversation", name,
                             &n, err);
}

/* ---- come back ---- */

static apr_status_t restore(chat_store_tx_t *tx, void *work)
{
    get_t *g = work;
    apr_status_t rv = chat_store_tx_exec(
        tx, NULL, CHAT_SQL_CONVERSATION_RESTORE,
        CHAT_STORE_ARGS(chat_store_tx_number(tx, chat_store_now()), g->id,
                        tx->at->owner));

    return rv == APR_SUCCESS
               ? chat_store_conversation_read(&g->found, tx, g->id)
               : rv;
}

apr_status_t chat_store_conversation_restore(chat_conversation_t **pc,
                                             const chat_store_at_t *at,
                                             const char *id, chat_err_t *err)
{
    get_t g = {.id = id};
    apr_status_t rv = chat_store_tx_run(
        at, CHAT_STORE_WRITE, "restore a conversation", restore, &g, err);

    *pc = g.found;
    return rv;
}
