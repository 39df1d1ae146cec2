/* SPDX-License-Identifier: Apache-2.0 */
/* Users' keys, sealed. Neighbours: route/ and run/ above; chat_store_tx.c
 * below. See chat_accounts.h. */
#include "chat_accounts.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_store_tx.h"

enum {
    PROVIDER,
    BLOB,
    KEY_ID,
    LAST4,
    BASE_URL,
    CREATED,
    UPDATED,
    CHECKED,
    LAST_USED,
    INVALID,
    EXPIRES
};

typedef chat_store_key_t key_row_t;

/* Bytes as a parameter, see chat_store_statements.h. */
#define BYTES(tx, data, len)                                                   \
    (const char *)(data), chat_store_tx_number(tx, (apr_int64_t)(len)), NULL,  \
        NULL

/* 0 is SQL's NULL. */
static const char *time_of(chat_store_tx_t *tx, apr_int64_t time)
{
    return time ? chat_store_tx_number(tx, time) : NULL;
}

/* ---- reading ---- */

static int digit(char c)
{
    return c >= 'a' ? c - 'a' + 10 : c - '0';
}

static void read_blob(key_row_t *key, const char *hex, apr_pool_t *p)
{
    apr_size_t i, len = hex ? strlen(hex) / 2 : 0;
    unsigned char *blob = apr_palloc(p, len + 1);

    for (i = 0; i < len; i++)
        blob[i] =
            (unsigned char)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    blob[len] = '\0';
    key->blob = blob;
    key->blob_len = len;
}

static void read_row(key_row_t *key, const chat_store_rows_t *rows,
                     apr_pool_t *p)
{
    key->provider = chat_store_db_text(rows, PROVIDER, p);
    read_blob(key, chat_store_db_text(rows, BLOB, p), p);
    key->key_id = chat_store_db_text(rows, KEY_ID, p);
    key->last4 = chat_store_db_text(rows, LAST4, p);
    key->base_url = chat_store_db_text(rows, BASE_URL, p);
    key->created = chat_store_db_integer(rows, CREATED, 0);
    key->updated = chat_store_db_integer(rows, UPDATED, 0);
    key->checked = chat_store_db_integer(rows, CHECKED, 0);
    key->last_used = chat_store_db_integer(rows, LAST_USED, 0);
    key->invalid = chat_store_db_integer(rows, INVALID, 0);
    key->expires = chat_store_db_integer(rows, EXPIRES, 0);
}

static apr_status_t list(chat_store_tx_t *tx, void *work)
{
    apr_array_header_t **prows = work;
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_tx_select(tx, &rows, CHAT_SQL_KEY_LIST,
                                           CHAT_STORE_ARGS(tx->at->owner));

    *prows = apr_array_make(tx->p, 2, sizeof(key_row_t));
    while (rv == APR_SUCCESS && chat_store_db_next(&rows) == APR_SUCCESS)
        read_row(apr_array_push(*prows), &rows, tx->p);
    return rv;
}

apr_status_t chat_store_key_list(apr_array_header_t **prows,
                                 const chat_store_at_t *at, chat_err_t *err)
{
    return chat_store_tx_run(at, CHAT_STORE_READ, "list a user's keys", list,
                             prows, err);
}

/* ---- writing ---- */

typedef struct put_t {
    key_row_t *key;
    int created;
} put_t;

static apr_status_t find_before(chat_store_tx_t *tx, put_t *put)
{
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_tx_select(tx, &rows, CHAT_SQL_KEY_LIST,
                                           CHAT_STORE_ARGS(tx->at->owner));

    put->created = 1;
    while (rv == APR_SUCCESS && chat_store_db_next(&rows) == APR_SUCCESS) {
        if (strcmp(chat_store_db_text(&rows, PROVIDER, tx->db->p),
                   put->key->provider))
            continue;
        put->created = 0;
        put->key->created = chat_store_db_integer(&rows, CREATED, 0);
    }
    return rv;
}

static apr_status_t put(chat_store_tx_t *tx, void *work)
{
    put_t *p = work;
    const key_row_t *key = p->key;
    apr_status_t rv = find_before(tx, p);

    if (rv != APR_SUCCESS)
        return rv;
    return chat_store_tx_exec(
        tx, NULL, CHAT_SQL_KEY_PUT,
        CHAT_STORE_ARGS(tx->at->owner, key->provider,
                        BYTES(tx, key->blob, key->blob_len), key->key_id,
                        key->last4, key->base_url, time_of(tx, key->created),
                        time_of(tx, key->updated), time_of(tx, key->checked),
                        time_of(tx, key->expires)));
}

apr_status_t chat_store_key_put(int *pcreated, chat_store_key_t *key,
                                const chat_store_at_t *at, chat_err_t *err)
{
    put_t p = {.key = key};
    apr_status_t rv;

    key->created = key->updated = chat_store_now();
    rv = chat_store_tx_run(at, CHAT_STORE_WRITE, "keep a user's key", put, &p,
                           err);
    *pcreated = p.created;
    return rv;
}

static apr_status_t remove_key(chat_store_tx_t *tx, void *work)
{
    const char *provider = work;

    if (!provider)
        return chat_store_tx_exec(tx, NULL, CHAT_SQL_KEY_REMOVE_ALL,
                                  CHAT_STORE_ARGS(tx->at->owner));
    return chat_store_tx_exec(tx, NULL, CHAT_SQL_KEY_REMOVE,
                              CHAT_STORE_ARGS(tx->at->owner, provider));
}

apr_status_t chat_store_key_remove(const chat_store_at_t *at,
                                   const char *provider, chat_err_t *err)
{
    return chat_store_tx_run(at, CHAT_STORE_ONE, "remove a user's key",
                             remove_key, (void *)provider, err);
}

/* ---- about one that is there ---- */

typedef struct change_t {
    const key_row_t *key;
    int invalid;
    const unsigned char *blob; /* the new one */
    apr_size_t len;
    const char *key_id;
} change_t;

static apr_status_t mark(chat_store_tx_t *tx, void *work)
{
    const change_t *c = work;
    const char *now = chat_store_tx_number(tx, chat_store_now());

    return chat_store_tx_exec(
        tx, NULL, CHAT_SQL_KEY_MARK,
        CHAT_STORE_ARGS(now, c->invalid ? now : NULL, tx->at->owner,
                        c->key->provider,
                        BYTES(tx, c->key->blob, c->key->blob_len)));
}

apr_status_t chat_store_key_mark(const chat_store_at_t *at,
                                 const chat_store_key_t *key, int invalid,
                                 chat_err_t *err)
{
    change_t c = {.key = key, .invalid = invalid};

    return chat_store_tx_run(at, CHAT_STORE_ONE, "note what a key is worth",
                             mark, &c, err);
}

static apr_status_t used(chat_store_tx_t *tx, void *work)
{
    const change_t *c = work;

    return chat_store_tx_exec(
        tx, NULL, CHAT_SQL_KEY_USED,
        CHAT_STORE_ARGS(chat_store_tx_number(tx, chat_store_now()),
                        tx->at->owner, c->key->provider,
                        BYTES(tx, c->key->blob, c->key->blob_len)));
}

apr_status_t chat_store_key_used(const chat_store_at_t *at,
                                 const chat_store_key_t *key, chat_err_t *err)
{
    change_t c = {.key = key};

    return chat_store_tx_run(at, CHAT_STORE_ONE, "note that a key is used",
                             used, &c, err);
}

static apr_status_t reseal(chat_store_tx_t *tx, void *work)
{
    const change_t *c = work;

    return chat_store_tx_exec(
        tx, NULL, CHAT_SQL_KEY_RESEAL,
        CHAT_STORE_ARGS(BYTES(tx, c->blob, c->len), c->key_id, tx->at->owner,
                        c->key->provider,
                        BYTES(tx, c->key->blob, c->key->blob_len)));
}

apr_status_t chat_store_key_reseal(const chat_store_at_t *at,
                                   const chat_store_key_t *key,
                                   const unsigned char *blob, apr_size_t len,
                                   const char *key_id, chat_err_t *err)
{
    change_t c = {.key = key, .blob = blob, .len = len, .key_id = key_id};

    return chat_store_tx_run(at, CHAT_STORE_ONE, "seal a user's key anew",
                             reseal, &c, err);
}
