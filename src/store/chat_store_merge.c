/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite's indexes of words become one part again. New words go into parts of
 * their own, which SQLite puts together a few at a time; the more parts there
 * are, the longer a search takes, for it looks into each. Neighbours: run/
 * above; chat_store_tx.c below. See chat_store_chats.h.
 */
#include "chat_store_tx.h"

#include <stdlib.h>

/* So many are left alone. */
#define PARTS_MAX 8

/* All of the index is written anew: only when what lies beside its largest part
 * has grown to this part of it. So what a word costs does not grow with the
 * index: it is written anew three or four times while the index doubles. */
#define GROWN 4

/* Pages that a step writes: some milliseconds, for which other writers wait. A
 * word is never left half written: one that is in each of a million messages
 * takes 0.2 s. */
#define PAGES 16

/* So many steps at a time, and between them longer than a writer that waits
 * sleeps at most. */
#define STEPS 8
#define PAUSE apr_time_from_msec(10)

/* FTS5 changes two rows at least when it has put something together. */
#define CHANGED 2

static const struct {
    chat_store_sql_e parts, merge;
} indexes[] = {
    {CHAT_SQL_WORDS_PARTS, CHAT_SQL_WORDS_MERGE},
    {CHAT_SQL_TITLES_PARTS, CHAT_SQL_TITLES_MERGE},
};

#define INDEXES (int)(sizeof(indexes) / sizeof(indexes[0]))

/* ---- whether ---- */

typedef struct look_t {
    chat_store_sql_e id;
    int is_torn;
} look_t;

static apr_status_t look(chat_store_tx_t *tx, void *work)
{
    look_t *l = work;
    chat_store_rows_t rows;
    apr_int64_t parts, largest, others;
    apr_status_t rv;

    l->is_torn = 0;
    if (!tx->db->sqlite)
        return APR_SUCCESS;
    rv = chat_store_tx_row(tx, &rows, l->id, NULL, 0);
    if (rv != APR_SUCCESS)
        return rv;
    parts = chat_store_db_integer(&rows, 0, 0);
    largest = chat_store_db_integer(&rows, 1, 0);
    others = chat_store_db_integer(&rows, 2, 0);
    l->is_torn = parts > PARTS_MAX && others * GROWN >= largest;
    /* The driver frees the result after the last row. */
    while (chat_store_db_next(&rows) == APR_SUCCESS)
        continue;
    return rv;
}

/* ---- a step ---- */

typedef struct step_t {
    chat_store_sql_e id;
    int pages;
    int changed;
} step_t;

static apr_status_t count_changes(chat_store_tx_t *tx, int *pcount)
{
    chat_store_rows_t rows;
    apr_status_t rv =
        chat_store_tx_row(tx, &rows, CHAT_SQL_WORDS_CHANGES, NULL, 0);

    if (rv != APR_SUCCESS)
        return rv;
    *pcount = (int)chat_store_db_integer(&rows, 0, 0);
    while (chat_store_db_next(&rows) == APR_SUCCESS)
        continue;
    return rv;
}

static apr_status_t step(chat_store_tx_t *tx, void *work)
{
    step_t *s = work;
    int before = 0, after = 0;
    apr_status_t rv = count_changes(tx, &before);

    if (rv == APR_SUCCESS)
        rv = chat_store_tx_exec(
            tx, NULL, s->id,
            CHAT_STORE_ARGS(chat_store_tx_number(tx, s->pages)));
    if (rv == APR_SUCCESS)
        rv = count_changes(tx, &after);
    s->changed = after - before;
    return rv;
}

/* ---- a few of them ---- */

static void go_on(chat_store_merge_t *m)
{
    m->begun = 0;
    m->over = ++m->index == INDEXES;
}

/* A negative number begins it with all parts. */
static apr_status_t steps(chat_store_merge_t *m, const chat_store_at_t *at,
                          chat_err_t *err)
{
    step_t s = {.id = indexes[m->index].merge, .changed = CHANGED};
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < STEPS && rv == APR_SUCCESS && s.changed >= CHANGED; i++) {
        if (i)
            apr_sleep(PAUSE);
        s.pages = m->begun ? PAGES : -PAGES;
        rv = chat_store_tx_run(at, CHAT_STORE_WRITE, "merge indexes of words",
                               step, &s, err);
        m->begun = 1;
    }
    if (s.changed < CHANGED)
        go_on(m);
    return rv;
}

apr_status_t chat_store_merge(chat_store_merge_t *m, const chat_store_at_t *at,
                              chat_err_t *err)
{
    look_t l = {.id = indexes[m->index].parts};
    apr_status_t rv;

    m->over |= chat_store_link_is(at, 0);
    if (m->over)
        return APR_SUCCESS;
    if (m->begun) {
        rv = steps(m, at, err);
    }
    else {
        rv = chat_store_tx_run(at, CHAT_STORE_READ, "look for parts of words",
                               look, &l, err);
        if (rv == APR_SUCCESS && l.is_torn)
            rv = steps(m, at, err);
        else
            go_on(m);
    }
    m->over |= rv != APR_SUCCESS;
    return rv;
}
