/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New words go into SQLite's index of words, many at once: see its schema.
 * Neighbours: run/ and chat_store_search.c above; chat_store_tx.c below. See
 * chat_store_chats.h.
 */
#include "chat_store_tx.h"

/* In one transaction, for which other writers wait: some milliseconds. */
#define ROWS 200

/* So many steps at a time, and between them longer than a writer that waits
 * sleeps at most: others write, too. */
#define STEPS 8
#define PAUSE apr_time_from_msec(10)

typedef struct index_t {
    int waits;
    int count; /* of the last step */
} index_t;

static apr_status_t look(chat_store_tx_t *tx, void *work)
{
    index_t *index = work;
    chat_store_rows_t rows;
    apr_status_t rv;

    if (!tx->db->sqlite)
        return APR_SUCCESS;
    rv = chat_store_tx_row(tx, &rows, CHAT_SQL_WORDS_WAIT, NULL, 0);
    index->waits = rv == APR_SUCCESS;
    /* The driver frees the result after the last row. */
    while (index->waits && chat_store_db_next(&rows) == APR_SUCCESS)
        continue;
    return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
}

static apr_status_t step(chat_store_tx_t *tx, void *work)
{
    index_t *index = work;
    const char *limit = chat_store_tx_number(tx, ROWS);
    apr_status_t rv = chat_store_tx_exec(tx, NULL, CHAT_SQL_WORDS_INDEX,
                                         CHAT_STORE_ARGS(limit));

    return rv == APR_SUCCESS
               ? chat_store_tx_exec(tx, &index->count, CHAT_SQL_WORDS_INDEXED,
                                    CHAT_STORE_ARGS(limit))
               : rv;
}

apr_status_t chat_store_index(const chat_store_at_t *at, chat_err_t *err)
{
    index_t index = {.count = ROWS};
    apr_status_t rv;
    int i;

    if (chat_store_link_is(at, 0) || (!at->owner && !chat_store_link_is(at, 1)))
        return APR_SUCCESS;
    rv = chat_store_tx_run(at, CHAT_STORE_READ, "look for new words", look,
                           &index, err);
    if (!index.waits)
        return rv;
    for (i = 0; i < STEPS && rv == APR_SUCCESS && index.count >= ROWS; i++) {
        if (i)
            apr_sleep(PAUSE);
        rv = chat_store_tx_run(at, CHAT_STORE_WRITE, "index new words", step,
                               &index, err);
    }
    return rv;
}
