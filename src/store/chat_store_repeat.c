/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that may be repeated: what the first of them was answered.
 * Neighbours: routes above; chat_store_tx.c below. See chat_store_chats.h. */
#include "chat_store_tx.h"

#include <string.h>

/* How long an answer is kept; and how long a request without one may run,
 * before its server is thought to have died. */
#define KEPT_MS (24 * 3600 * 1000)
#define RUNS_MS (5 * 60 * 1000)

enum { METHOD, PATH, BODY_HASH, STATUS, RESPONSE, CREATED };

static apr_status_t take(chat_store_tx_t *tx, const chat_store_repeat_t *r,
                         const char *now)
{
    return chat_store_tx_exec(tx, NULL, CHAT_SQL_REPEAT_TAKE,
                              CHAT_STORE_ARGS(r->method, r->path, r->body_hash,
                                              now, tx->at->owner, r->key));
}

static int differs(const chat_store_repeat_t *r, const chat_store_rows_t *rows,
                   apr_pool_t *p)
{
    return strcmp(r->method, chat_store_db_text(rows, METHOD, p)) ||
           strcmp(r->path, chat_store_db_text(rows, PATH, p)) ||
           strcmp(r->body_hash, chat_store_db_text(rows, BODY_HASH, p));
}

static apr_status_t compare(chat_store_tx_t *tx, chat_store_repeat_t *r,
                            apr_int64_t now)
{
    chat_store_rows_t rows;
    apr_int64_t age;
    apr_status_t rv = chat_store_tx_row(tx, &rows, CHAT_SQL_REPEAT_GET,
                                        CHAT_STORE_ARGS(tx->at->owner, r->key));

    if (rv != APR_SUCCESS)
        return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
    age = now - chat_store_db_integer(&rows, CREATED, 0);
    r->status = (int)chat_store_db_integer(&rows, STATUS, 0);
    if (age > KEPT_MS || (!r->status && age > RUNS_MS))
        return take(tx, r, chat_store_tx_number(tx, now));
    if (differs(r, &rows, tx->db->p))
        return chat_err_set(tx->err, APR_EINVAL, HTTP_UNPROCESSABLE_ENTITY,
                            "idempotency_mismatch",
                            "This Idempotency-Key was used for another "
                            "request.");
    r->response = chat_store_db_text(&rows, RESPONSE, tx->p);
    return chat_err_set(tx->err, APR_EEXIST, HTTP_CONFLICT,
                        "idempotency_in_progress",
                        "The first request with this Idempotency-Key is "
                        "still being answered.");
}

static apr_status_t begin(chat_store_tx_t *tx, void *work)
{
    chat_store_repeat_t *r = work;
    apr_int64_t now = chat_store_now();
    int count = 0;
    apr_status_t rv = chat_store_tx_exec(
        tx, &count, CHAT_SQL_REPEAT_INSERT,
        CHAT_STORE_ARGS(tx->at->owner, r->key, r->method, r->path, r->body_hash,
                        chat_store_tx_number(tx, now)));

    return rv == APR_SUCCESS && !count ? compare(tx, r, now) : rv;
}

apr_status_t chat_store_repeat_begin(chat_store_repeat_t *repeat,
                                     const chat_store_at_t *at, chat_err_t *err)
{
    repeat->status = 0;
    repeat->response = NULL;
    return chat_store_tx_run(at, CHAT_STORE_WRITE, "keep an Idempotency-Key",
                             begin, repeat, err);
}

static apr_status_t end(chat_store_tx_t *tx, void *work)
{
    const chat_store_repeat_t *r = work;

    if (!r->status)
        return chat_store_tx_exec(tx, NULL, CHAT_SQL_REPEAT_REMOVE,
                                  CHAT_STORE_ARGS(tx->at->owner, r->key));
    return chat_store_tx_exec(
        tx, NULL, CHAT_SQL_REPEAT_END,
        CHAT_STORE_ARGS(chat_store_tx_number(tx, r->status), r->response,
                        tx->at->owner, r->key));
}

apr_status_t chat_store_repeat_end(const chat_store_repeat_t *repeat,
                                   const chat_store_at_t *at, chat_err_t *err)
{
    return chat_store_tx_run(at, CHAT_STORE_ONE, "keep an answer", end,
                             (void *)repeat, err);
}
