/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Search by words: in messages and in titles, the newest first. Two questions,
 * whose rows are put together here. Neighbours: routes above; chat_store_tx.c
 * below. See chat_store_chats.h.
 */
#include "chat_store_tx.h"

#include <stdlib.h>
#include <string.h>

#include "chat_store_cursor.h"
#include "chat_store_snippet.h"
#include "chat_store_words.h"

#define LIST "search"

enum { CONVERSATION, TITLE, MESSAGE, TEXT, CREATED, NUMBER };

/* A hit, and where it stands: for PostgreSQL a time and an id, for SQLite the
 * number of its row, which is in the order of times. */
typedef struct found_t {
    chat_store_hit_t hit;
    apr_int64_t at;
    const char *id;
} found_t;

typedef struct search_t {
    const char *q;
    chat_store_page_t *page;
    chat_store_cursor_t from;
    apr_array_header_t *hits;
} search_t;

static void read_row(found_t *f, const chat_store_rows_t *rows,
                     const chat_store_tx_t *tx, const char *q)
{
    chat_store_hit_t *hit = &f->hit;
    const char *text = chat_store_db_text(rows, TEXT, tx->db->p);

    hit->conversation = chat_store_db_text(rows, CONVERSATION, tx->p);
    hit->title = chat_store_db_text(rows, TITLE, tx->p);
    hit->message = chat_store_db_text(rows, MESSAGE, tx->p);
    hit->created = chat_store_db_integer(rows, CREATED, 0);
    hit->snippet = chat_store_snippet(&hit->ranges, text, q, tx->p);
    f->id = hit->message ? hit->message : hit->conversation;
    f->at =
        tx->db->sqlite ? chat_store_db_integer(rows, NUMBER, 0) : hit->created;
}

static apr_status_t select_hits(chat_store_tx_t *tx, chat_store_sql_e id,
                                const search_t *s, apr_array_header_t *found)
{
    const char *owner = tx->at->owner;
    const char *time = chat_store_tx_number(tx, s->from.time);
    const char *limit = chat_store_tx_number(tx, s->page->limit + 1);
    const char *words =
        chat_store_words_query(tx->db->sqlite, owner, s->q, 0, tx->db->p);
    chat_store_rows_t rows;
    apr_status_t rv;

    if (tx->db->sqlite)
        rv = chat_store_tx_select(tx, &rows, id,
                                  CHAT_STORE_ARGS(words, time, owner, limit));
    else
        rv = chat_store_tx_select(
            tx, &rows, id,
            CHAT_STORE_ARGS(owner, words, owner, time, s->from.id, limit));
    while (rv == APR_SUCCESS && chat_store_db_next(&rows) == APR_SUCCESS)
        read_row(apr_array_push(found), &rows, tx, s->q);
    return rv;
}

static int newest_first(const void *av, const void *bv)
{
    const found_t *a = av, *b = bv;

    if (a->at != b->at)
        return a->at > b->at ? -1 : 1;
    return strcmp(b->id, a->id);
}

static apr_status_t search(chat_store_tx_t *tx, void *work)
{
    search_t *s = work;
    apr_array_header_t *found = apr_array_make(tx->p, 20, sizeof(found_t));
    apr_status_t rv = select_hits(tx, CHAT_SQL_SEARCH_MESSAGES, s, found);
    int i;

    s->hits = apr_array_make(tx->p, 20, sizeof(chat_store_hit_t));
    s->page->next = NULL;
    if (rv == APR_SUCCESS)
        rv = select_hits(tx, CHAT_SQL_SEARCH_TITLES, s, found);
    if (rv != APR_SUCCESS)
        return rv;
    qsort(found->elts, (size_t)found->nelts, sizeof(found_t), newest_first);
    for (i = 0; i < found->nelts && i < s->page->limit; i++) {
        const found_t *f = &APR_ARRAY_IDX(found, i, found_t);

        APR_ARRAY_PUSH(s->hits, chat_store_hit_t) = f->hit;
        if (i + 1 == s->page->limit && i + 1 < found->nelts)
            s->page->next = chat_store_cursor_write(LIST, f->at, f->id, tx->p);
    }
    return APR_SUCCESS;
}

apr_status_t chat_store_search(apr_array_header_t **phits,
                               const chat_store_at_t *at, const char *q,
                               chat_store_page_t *page, chat_err_t *err)
{
    search_t s = {.q = q, .page = page};
    apr_status_t rv;

    *phits = apr_array_make(at->p, 1, sizeof(chat_store_hit_t));
    page->next = NULL;
    if (!chat_store_cursor_read(&s.from, LIST, page->after, at->p))
        return chat_store_tx_invalid(err, "after",
                                     "This cursor is none of this list.");
    if (!chat_store_words_query(0, at->owner, q, 0, at->p))
        return APR_SUCCESS;
    rv = chat_store_tx_run(at, CHAT_STORE_READ, "search", search, &s, err);
    if (rv == APR_SUCCESS)
        *phits = s.hits;
    return rv;
}
