/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Search by words: in messages and in titles, the newest first, whose rows are
 * put together here. Neighbours: routes above; chat_store_tx.c
 * below. See chat_store_chats.h.
 */
#include "chat_store_tx.h"

#include <stdlib.h>
#include <string.h>

#include "chat_store_cursor.h"
#include "chat_store_snippet.h"
#include "chat_store_words.h"

#define LIST "search"
#define FIRST_ID "00000000-0000-0000-0000-000000000000"

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

/* One question, and its rows. */
static apr_status_t ask(chat_store_tx_t *tx, chat_store_sql_e id,
                        const char **args, int nargs, const search_t *s,
                        apr_array_header_t *found)
{
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_tx_select(tx, &rows, id, args, nargs);

    while (rv == APR_SUCCESS && chat_store_db_next(&rows) == APR_SUCCESS)
        read_row(apr_array_push(found), &rows, tx, s->q);
    return rv;
}

/* SQLite reads its index of words from the newest row on, and stops. */
static apr_status_t search_sqlite(chat_store_tx_t *tx, const search_t *s,
                                  apr_array_header_t *found)
{
    const char *owner = tx->at->owner;
    const char *words = chat_store_words_query(1, owner, s->q, 0, tx->db->p);
    const char *number = chat_store_tx_number(tx, s->from.time);
    const char *limit = chat_store_tx_number(tx, s->page->limit + 1);
    apr_status_t rv =
        ask(tx, CHAT_SQL_SEARCH_MESSAGES,
            CHAT_STORE_ARGS(words, number, owner, limit), s, found);

    if (rv != APR_SUCCESS)
        return rv;
    return ask(tx, CHAT_SQL_SEARCH_TITLES,
               CHAT_STORE_ARGS(words, number, owner, limit), s, found);
}

/* Where the newest messages begin; "0": there are not so many. */
static apr_status_t find_since(chat_store_tx_t *tx, const search_t *s,
                               const char **psince)
{
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_tx_row(
        tx, &rows, CHAT_SQL_SEARCH_SINCE,
        CHAT_STORE_ARGS(tx->at->owner, chat_store_tx_number(tx, s->from.time),
                        s->from.id));

    *psince = rv == APR_SUCCESS ? chat_store_db_text(&rows, 0, tx->p) : "0";
    return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
}

/*
 * PostgreSQL's index of words is in no order: all rows of the user that have a
 * word are fetched and sorted. So it is asked about the newest messages first.
 * When these have less than a page, the word is rare, and all the others can be
 * asked about.
 */
static apr_status_t search_pgsql(chat_store_tx_t *tx, const search_t *s,
                                 apr_array_header_t *found)
{
    const char *owner = tx->at->owner;
    const char *time = chat_store_tx_number(tx, s->from.time), *since;
    const char *limit = chat_store_tx_number(tx, s->page->limit + 1);
    apr_status_t rv = find_since(tx, s, &since);

    if (rv == APR_SUCCESS)
        rv = ask(
            tx, CHAT_SQL_SEARCH_MESSAGES,
            CHAT_STORE_ARGS(owner, owner, s->q, time, s->from.id, since, limit),
            s, found);
    if (rv == APR_SUCCESS && found->nelts <= s->page->limit &&
        strcmp(since, "0"))
        rv = ask(tx, CHAT_SQL_SEARCH_OLDER,
                 CHAT_STORE_ARGS(owner, owner, s->q, since, FIRST_ID, limit), s,
                 found);
    if (rv != APR_SUCCESS)
        return rv;
    return ask(tx, CHAT_SQL_SEARCH_TITLES,
               CHAT_STORE_ARGS(owner, owner, s->q, time, s->from.id, limit), s,
               found);
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
    apr_status_t rv = tx->db->sqlite ? search_sqlite(tx, s, found)
                                     : search_pgsql(tx, s, found);
    int i;

    s->hits = apr_array_make(tx->p, 20, sizeof(chat_store_hit_t));
    s->page->next = NULL;
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
    chat_err_t ignored = {0};
    apr_status_t rv;

    *phits = apr_array_make(at->p, 1, sizeof(chat_store_hit_t));
    page->next = NULL;
    if (!chat_store_cursor_read(&s.from, LIST, page->after, at->p))
        return chat_store_tx_invalid(err, "after",
                                     "This cursor is none of this list.");
    if (!chat_store_words_query(0, at->owner, q, 0, at->p))
        return APR_SUCCESS;
    /* What cannot be indexed now is found later. */
    chat_store_index(at, &ignored);
    rv = chat_store_tx_run(at, CHAT_STORE_READ, "search", search, &s, err);
    if (rv == APR_SUCCESS)
        *phits = s.hits;
    return rv;
}
