/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: read and listed. Neighbours: routes and chat_store_turn.c above;
 * chat_store_tx.c below. See chat_store_chats.h. */
#include "chat_store_message.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_store_cursor.h"

/* ---- rows ---- */

enum {
    ID,
    CONVERSATION,
    PARENT,
    ROLE,
    STATUS,
    PARTS,
    TEXT,
    MODEL,
    PROVIDER,
    FINISH_REASON,
    ERROR_CODE,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    COST,
    FEEDBACK,
    FEEDBACK_REASON,
    CREATED,
    UPDATED,
    SIBLINGS,
    SIBLING
};

static const char *const roles[] = {
    [CHAT_ROLE_USER] = "user",
    [CHAT_ROLE_ASSISTANT] = "assistant",
    [CHAT_ROLE_SYSTEM] = "system",
    [CHAT_ROLE_TOOL] = "tool",
};

/* The tables hold no other word. */
chat_role_e chat_store_message_role(const char *word)
{
    int role = CHAT_ROLE_TOOL;

    while (role > 0 && strcmp(roles[role], word))
        role--;
    return (chat_role_e)role;
}

chat_message_status_e chat_store_message_status(const char *word)
{
    int status = CHAT_MESSAGE_FAILED;

    while (status > 0 &&
           strcmp(chat_store_status_name((chat_message_status_e)status), word))
        status--;
    return (chat_message_status_e)status;
}

static void read_row(chat_store_message_t *m, const chat_store_rows_t *rows,
                     apr_pool_t *p)
{
    memset(m, 0, sizeof(*m));
    m->id = chat_store_db_text(rows, ID, p);
    m->conversation = chat_store_db_text(rows, CONVERSATION, p);
    m->parent = chat_store_db_text(rows, PARENT, p);
    m->role = chat_store_message_role(chat_store_db_text(rows, ROLE, p));
    m->status = chat_store_message_status(chat_store_db_text(rows, STATUS, p));
    m->parts = chat_store_db_text(rows, PARTS, p);
    m->text = chat_store_db_text(rows, TEXT, p);
    m->model = chat_store_db_text(rows, MODEL, p);
    m->provider = chat_store_db_text(rows, PROVIDER, p);
    m->finish_reason = chat_store_db_text(rows, FINISH_REASON, p);
    m->error_code = chat_store_db_text(rows, ERROR_CODE, p);
    m->input_tokens = chat_store_db_integer(rows, INPUT_TOKENS, -1);
    m->output_tokens = chat_store_db_integer(rows, OUTPUT_TOKENS, -1);
    m->cost = chat_store_db_integer(rows, COST, -1);
    m->feedback = chat_store_db_text(rows, FEEDBACK, p);
    m->feedback_reason = chat_store_db_text(rows, FEEDBACK_REASON, p);
    m->created = chat_store_db_integer(rows, CREATED, 0);
    m->updated = chat_store_db_integer(rows, UPDATED, 0);
    m->siblings = (int)chat_store_db_integer(rows, SIBLINGS, 1);
    m->sibling = (int)chat_store_db_integer(rows, SIBLING, 1);
}

apr_status_t chat_store_message_rows(apr_array_header_t **prows,
                                     chat_store_tx_t *tx, chat_store_sql_e id,
                                     const char **args, int nargs)
{
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_tx_select(tx, &rows, id, args, nargs);

    *prows = apr_array_make(tx->p, 8, sizeof(chat_store_message_t));
    if (rv != APR_SUCCESS)
        return rv;
    while (chat_store_db_next(&rows) == APR_SUCCESS)
        read_row(apr_array_push(*prows), &rows, tx->p);
    return APR_SUCCESS;
}

apr_int64_t chat_store_message_bytes(const char *parts, const char *text)
{
    return (apr_int64_t)(strlen(parts) + strlen(text));
}

apr_status_t chat_store_message_insert(int *pcount, chat_store_tx_t *tx,
                                       const chat_store_message_t *m)
{
    return chat_store_tx_exec(
        tx, pcount, CHAT_SQL_MESSAGE_INSERT,
        CHAT_STORE_ARGS(
            m->id, m->conversation, m->parent, tx->at->owner, roles[m->role],
            chat_store_status_name(m->status), m->parts, m->text,
            chat_store_tx_number(tx,
                                 chat_store_message_bytes(m->parts, m->text)),
            m->model, m->provider, m->finish_reason, m->error_code,
            chat_store_tx_optional(tx, m->input_tokens),
            chat_store_tx_optional(tx, m->output_tokens),
            chat_store_tx_optional(tx, m->cost), m->feedback,
            m->feedback_reason, chat_store_tx_number(tx, m->created),
            chat_store_tx_number(tx, m->updated)));
}

apr_status_t chat_store_message_read(chat_store_message_t **pm,
                                     chat_store_tx_t *tx,
                                     const char *conversation, const char *id)
{
    apr_array_header_t *rows;
    apr_status_t rv = chat_store_message_rows(
        &rows, tx, CHAT_SQL_MESSAGE_GET,
        CHAT_STORE_ARGS(tx->at->owner, id, conversation));

    if (rv != APR_SUCCESS)
        return rv;
    if (!rows->nelts)
        return chat_store_tx_not_found(tx->err);
    *pm = &APR_ARRAY_IDX(rows, 0, chat_store_message_t);
    return APR_SUCCESS;
}

/* ---- get ---- */

typedef struct get_t {
    const char *conversation, *id;
    chat_store_message_t *found;
} get_t;

static apr_status_t get(chat_store_tx_t *tx, void *work)
{
    get_t *g = work;

    return chat_store_message_read(&g->found, tx, g->conversation, g->id);
}

apr_status_t chat_store_message_get(chat_store_message_t **pm,
                                    const chat_store_at_t *at,
                                    const char *conversation, const char *id,
                                    chat_err_t *err)
{
    get_t g = {.conversation = conversation, .id = id};
    apr_status_t rv =
        chat_store_tx_run(at, CHAT_STORE_READ, "read a message", get, &g, err);

    *pm = g.found;
    return rv;
}

/* ---- list ---- */

typedef struct list_t {
    const char *conversation;
    int all;
    chat_store_page_t *page;
    chat_store_cursor_t from;
    const char *name; /* of the list, in cursors */
    apr_array_header_t *rows;
} list_t;

/* One row more than the page shows whether there is another. */
static void cut(list_t *l, apr_pool_t *p)
{
    const chat_store_message_t *oldest;

    l->page->next = NULL;
    if (l->rows->nelts <= l->page->limit)
        return;
    l->rows->elts += l->rows->elt_size;
    l->rows->nalloc--;
    l->rows->nelts--;
    oldest = &APR_ARRAY_IDX(l->rows, 0, chat_store_message_t);
    l->page->next =
        chat_store_cursor_write(l->name, l->all ? oldest->created : 0,
                                l->all ? oldest->id : oldest->parent, p);
}

static void reverse(apr_array_header_t *rows)
{
    int i, j;

    for (i = 0, j = rows->nelts - 1; i < j; i++, j--) {
        chat_store_message_t m = APR_ARRAY_IDX(rows, i, chat_store_message_t);

        APR_ARRAY_IDX(rows, i, chat_store_message_t) =
            APR_ARRAY_IDX(rows, j, chat_store_message_t);
        APR_ARRAY_IDX(rows, j, chat_store_message_t) = m;
    }
}

static apr_status_t select_all(chat_store_tx_t *tx, list_t *l)
{
    apr_status_t rv = chat_store_message_rows(
        &l->rows, tx, CHAT_SQL_MESSAGE_ALL,
        CHAT_STORE_ARGS(tx->at->owner, l->conversation,
                        chat_store_tx_number(tx, l->from.time), l->from.id,
                        chat_store_tx_number(tx, l->page->limit + 1)));

    reverse(l->rows);
    return rv;
}

static apr_status_t select_path(chat_store_tx_t *tx, list_t *l,
                                const char *leaf)
{
    return chat_store_message_rows(
        &l->rows, tx, CHAT_SQL_MESSAGE_PATH,
        CHAT_STORE_ARGS(tx->at->owner, leaf, l->conversation,
                        chat_store_tx_number(tx, l->page->limit + 1)));
}

static apr_status_t list(chat_store_tx_t *tx, void *work)
{
    list_t *l = work;
    chat_store_rows_t rows;
    const char *leaf;
    apr_status_t rv =
        chat_store_tx_row(tx, &rows, CHAT_SQL_CONVERSATION_CURRENT,
                          CHAT_STORE_ARGS(l->conversation, tx->at->owner));

    if (rv == APR_NOTFOUND)
        return chat_store_tx_not_found(tx->err);
    if (rv != APR_SUCCESS)
        return rv;
    leaf = chat_store_db_text(&rows, 0, tx->db->p);
    if (l->all)
        rv = select_all(tx, l);
    else
        rv = select_path(tx, l, l->page->after ? l->from.id : leaf);
    if (rv == APR_SUCCESS)
        cut(l, tx->p);
    return rv;
}

apr_status_t chat_store_message_list(apr_array_header_t **prows,
                                     const chat_store_at_t *at,
                                     const char *conversation, int all,
                                     chat_store_page_t *page, chat_err_t *err)
{
    list_t l = {.conversation = conversation, .all = all, .page = page};
    apr_status_t rv;

    l.name = apr_pstrcat(at->p, all ? "all " : "path ", conversation, NULL);
    if (!chat_store_cursor_read(&l.from, l.name, page->after, at->p))
        return chat_store_tx_invalid(err, "before",
                                     "This cursor is none of this list.");
    rv = chat_store_tx_run(at, CHAT_STORE_READ, "list messages", list, &l, err);
    *prows = l.rows;
    return rv;
}

/* ---- walk ---- */

typedef struct walk_t {
    const char *conversation, *from;
    int down, limit;
    apr_array_header_t *rows;
} walk_t;

static apr_status_t walk_path(chat_store_tx_t *tx, walk_t *w, const char *leaf)
{
    const char *limit = chat_store_tx_number(tx, w->limit);

    if (w->down)
        return chat_store_message_rows(
            &w->rows, tx, CHAT_SQL_MESSAGE_PATH_DOWN,
            CHAT_STORE_ARGS(tx->at->owner, leaf, w->conversation,
                            chat_store_tx_number(tx, CHAT_STORE_PATH_MAX),
                            w->from, limit));
    return chat_store_message_rows(&w->rows, tx, CHAT_SQL_MESSAGE_TURN_PATH,
                                   CHAT_STORE_ARGS(tx->at->owner,
                                                   w->from ? w->from : leaf,
                                                   w->conversation, limit));
}

static apr_status_t walk(chat_store_tx_t *tx, void *work)
{
    walk_t *w = work;
    chat_store_rows_t rows;
    apr_status_t rv =
        chat_store_tx_row(tx, &rows, CHAT_SQL_CONVERSATION_CURRENT,
                          CHAT_STORE_ARGS(w->conversation, tx->at->owner));

    if (rv == APR_NOTFOUND)
        return chat_store_tx_not_found(tx->err);
    if (rv == APR_SUCCESS)
        rv = walk_path(tx, w, chat_store_db_text(&rows, 0, tx->db->p));
    if (rv == APR_SUCCESS && !w->down)
        reverse(w->rows);
    return rv;
}

apr_status_t chat_store_message_walk(apr_array_header_t **prows,
                                     const chat_store_at_t *at,
                                     const char *conversation, const char *from,
                                     int down, int limit, chat_err_t *err)
{
    walk_t w = {.conversation = conversation,
                .from = from,
                .down = down,
                .limit = limit};
    apr_status_t rv =
        chat_store_tx_run(at, CHAT_STORE_READ, "walk messages", walk, &w, err);

    *prows = w.rows;
    return rv;
}

/* ---- feedback ---- */

typedef struct feedback_t {
    const char *conversation, *id, *kind, *reason;
} feedback_t;

static apr_status_t feedback(chat_store_tx_t *tx, void *work)
{
    const feedback_t *f = work;
    chat_store_message_t *m;
    apr_status_t rv = chat_store_message_read(&m, tx, f->conversation, f->id);

    if (rv == APR_SUCCESS && m->role != CHAT_ROLE_ASSISTANT)
        return chat_store_tx_invalid(tx->err, NULL,
                                     "Only an answer can be judged.");
    if (rv != APR_SUCCESS)
        return rv;
    return chat_store_tx_exec(tx, NULL, CHAT_SQL_MESSAGE_FEEDBACK,
                              CHAT_STORE_ARGS(f->kind,
                                              f->kind ? f->reason : NULL, f->id,
                                              f->conversation));
}

apr_status_t chat_store_message_feedback(const chat_store_at_t *at,
                                         const char *conversation,
                                         const char *id, const char *kind,
                                         const char *reason, chat_err_t *err)
{
    feedback_t f = {
        .conversation = conversation, .id = id, .kind = kind, .reason = reason};

    return chat_store_tx_run(at, CHAT_STORE_WRITE, "judge a message", feedback,
                             &f, err);
}
