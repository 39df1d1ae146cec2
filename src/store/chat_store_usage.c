/* SPDX-License-Identifier: Apache-2.0 */
/* What users have used. Neighbours: run/ and routes above; chat_store_tx.c
 * below. See chat_store_usage.h. */
#include "chat_store_usage_put.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "chat_json.h"

void chat_store_usage_day(char day[CHAT_STORE_USAGE_DAY], apr_time_t at)
{
    apr_time_exp_t tm;
    apr_size_t len;

    apr_time_exp_gmt(&tm, at);
    apr_strftime(day, &len, CHAT_STORE_USAGE_DAY, "%Y-%m-%d", &tm);
}

int chat_store_usage_compare(const chat_store_usage_t *a,
                             const chat_store_usage_t *b)
{
    int order = strcmp(a->owner, b->owner);

    if (!order)
        order = strcmp(a->day, b->day);
    if (!order)
        order = strcmp(a->model, b->model);
    if (!order)
        order = strcmp(a->provider, b->provider);
    return order ? order : a->own_key - b->own_key;
}

static int by_row(const void *a, const void *b)
{
    return chat_store_usage_compare(a, b);
}

/* ---- adding ---- */

static apr_status_t put_row(chat_store_tx_t *tx, const chat_store_usage_t *u)
{
    return chat_store_tx_exec(
        tx, NULL, CHAT_SQL_USAGE_ADD,
        CHAT_STORE_ARGS(u->owner, u->day, u->model, u->provider,
                        u->own_key ? "1" : "0",
                        chat_store_tx_number(tx, u->requests),
                        chat_store_tx_number(tx, u->input_tokens),
                        chat_store_tx_number(tx, u->output_tokens),
                        chat_store_tx_number(tx, u->cached_tokens),
                        chat_store_tx_number(tx, u->cost)));
}

apr_status_t chat_store_usage_put(int *padded, chat_store_tx_t *tx,
                                  chat_store_usage_t *rows, int n,
                                  const char *id)
{
    apr_status_t rv;
    int i;

    *padded = 0;
    if (!n)
        return APR_SUCCESS;
    rv = chat_store_tx_exec(
        tx, padded, CHAT_SQL_USAGE_BATCH,
        CHAT_STORE_ARGS(id, chat_store_tx_number(tx, chat_store_now())));
    if (rv != APR_SUCCESS || !*padded)
        return rv;
    qsort(rows, n, sizeof(*rows), by_row);
    for (i = 0; i < n && rv == APR_SUCCESS; i++)
        rv = put_row(tx, &rows[i]);
    return rv;
}

static chat_json_t *row_json(const chat_store_usage_t *u, apr_pool_t *p)
{
    chat_json_t *row = chat_json_object(p);

    chat_json_add_string(row, "user_id", u->owner);
    chat_json_add_string(row, "day", u->day);
    chat_json_add_string(row, "model", u->model);
    chat_json_add_string(row, "provider", u->provider);
    chat_json_add_boolean(row, "own_key", u->own_key);
    chat_json_add_integer(row, "requests", u->requests);
    chat_json_add_integer(row, "input", u->input_tokens);
    chat_json_add_integer(row, "output", u->output_tokens);
    chat_json_add_integer(row, "cached", u->cached_tokens);
    chat_json_add_integer(row, "cost", u->cost);
    return row;
}

const char *chat_store_usage_json(const chat_store_usage_t *rows, int n,
                                  apr_pool_t *p)
{
    chat_json_t *list;
    int i;

    if (!n)
        return "[]";
    list = chat_json_array(p);
    for (i = 0; i < n; i++)
        chat_json_push(list, row_json(&rows[i], p));
    return chat_json_text(list, NULL, p);
}

typedef struct add_t {
    chat_store_usage_t *rows;
    int n;
    const char *id;
    int added;
} add_t;

/* One whose commit seemed to fail may be there. */
static apr_status_t add(chat_store_tx_t *tx, void *work)
{
    add_t *a = work;
    int added;
    apr_status_t rv = chat_store_usage_put(&added, tx, a->rows, a->n, a->id);

    a->added |= added;
    return rv;
}

apr_status_t chat_store_usage_add(int *padded, chat_store_usage_t *rows, int n,
                                  const char *id, const chat_store_at_t *at,
                                  chat_err_t *err)
{
    add_t a = {.rows = rows, .n = n, .id = id};
    apr_status_t rv =
        chat_store_tx_run(at, CHAT_STORE_WRITE, "add usage", add, &a, err);

    *padded = a.added;
    return rv;
}

/* ---- reading ---- */

typedef struct list_t {
    const char *from, *to;
    apr_array_header_t *rows;
} list_t;

static void read_row(chat_store_usage_t *u, const chat_store_rows_t *rows,
                     const chat_store_tx_t *tx)
{
    const char *day = chat_store_db_text(rows, 0, tx->p);

    u->owner = tx->at->owner;
    apr_cpystrn(u->day, day ? day : "", sizeof(u->day));
    u->model = chat_store_db_text(rows, 1, tx->p);
    u->provider = chat_store_db_text(rows, 2, tx->p);
    u->own_key = (int)chat_store_db_integer(rows, 3, 0);
    u->requests = chat_store_db_integer(rows, 4, 0);
    u->input_tokens = chat_store_db_integer(rows, 5, 0);
    u->output_tokens = chat_store_db_integer(rows, 6, 0);
    u->cached_tokens = chat_store_db_integer(rows, 7, 0);
    u->cost = chat_store_db_integer(rows, 8, 0);
}

static apr_status_t list(chat_store_tx_t *tx, void *work)
{
    list_t *l = work;
    chat_store_rows_t rows;
    apr_status_t rv =
        chat_store_tx_select(tx, &rows, CHAT_SQL_USAGE_LIST,
                             CHAT_STORE_ARGS(tx->at->owner, l->from, l->to));

    l->rows = apr_array_make(tx->p, 31, sizeof(chat_store_usage_t));
    while (rv == APR_SUCCESS && chat_store_db_next(&rows) == APR_SUCCESS)
        read_row(apr_array_push(l->rows), &rows, tx);
    return rv;
}

apr_status_t chat_store_usage_list(apr_array_header_t **prows,
                                   const chat_store_at_t *at, const char *from,
                                   const char *to, chat_err_t *err)
{
    list_t l = {.from = from, .to = to};
    apr_status_t rv =
        chat_store_tx_run(at, CHAT_STORE_READ, "list usage", list, &l, err);

    *prows = l.rows;
    return rv;
}
