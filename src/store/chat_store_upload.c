/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of users' files. Neighbours: route/ and run/ above;
 * chat_store_tx.c below. See chat_accounts.h. */
#include "chat_accounts.h"

#include <string.h>

#include "chat_store_tx.h"

#define DAY_MS ((apr_int64_t)24 * 3600 * 1000)

/* Of what is to be deleted, at a time. */
#define STEP 100

enum {
    ID,
    OWNER,
    STATUS,
    KEY,
    SEAL,
    FILENAME,
    MEDIA_TYPE,
    SIZE,
    SHA256,
    WIDTH,
    HEIGHT,
    CREATED,
    EXPIRES
};

typedef chat_store_upload_t upload_t;

/* ---- one that is there ---- */

static void read_row(upload_t *u, const chat_store_rows_t *rows, apr_pool_t *p)
{
    u->id = chat_store_db_text(rows, ID, p);
    u->owner = chat_store_db_text(rows, OWNER, p);
    u->ready = !strcmp(chat_store_db_text(rows, STATUS, p), "ready");
    u->key = chat_store_db_text(rows, KEY, p);
    u->seal = chat_store_db_text(rows, SEAL, p);
    u->filename = chat_store_db_text(rows, FILENAME, p);
    u->media_type = chat_store_db_text(rows, MEDIA_TYPE, p);
    u->size = chat_store_db_integer(rows, SIZE, 0);
    u->sha256 = chat_store_db_text(rows, SHA256, p);
    u->width = chat_store_db_integer(rows, WIDTH, 0);
    u->height = chat_store_db_integer(rows, HEIGHT, 0);
    u->created = chat_store_db_integer(rows, CREATED, 0);
    u->expires = chat_store_db_integer(rows, EXPIRES, 0);
}

typedef struct find_t {
    const char *id;
    upload_t *found;
} find_t;

static apr_status_t find(chat_store_tx_t *tx, void *work)
{
    find_t *f = work;
    const char *owner = tx->at->owner;
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_tx_row(
        tx, &rows, owner ? CHAT_SQL_UPLOAD_GET : CHAT_SQL_UPLOAD_FIND,
        (const char *[]){f->id, owner}, owner ? 2 : 1);

    if (rv == APR_NOTFOUND)
        return chat_store_tx_not_found(tx->err);
    if (rv != APR_SUCCESS)
        return rv;
    f->found = apr_pcalloc(tx->p, sizeof(*f->found));
    read_row(f->found, &rows, tx->p);
    return APR_SUCCESS;
}

apr_status_t chat_store_upload_get(chat_store_upload_t **pu,
                                   const chat_store_at_t *at, const char *id,
                                   chat_err_t *err)
{
    find_t f = {.id = id};
    apr_status_t rv =
        chat_store_tx_run(at, CHAT_STORE_READ, "find an upload", find, &f, err);

    *pu = f.found;
    return rv;
}

/* ---- a new one ---- */

typedef struct create_t {
    const upload_t *u;
    int files;
    apr_int64_t bytes;
} create_t;

static apr_status_t check_quota(chat_store_tx_t *tx, const create_t *c)
{
    chat_store_rows_t rows;
    apr_int64_t files, bytes;
    apr_status_t rv = chat_store_tx_row(
        tx, &rows, CHAT_SQL_UPLOAD_COUNT,
        CHAT_STORE_ARGS(tx->at->owner,
                        chat_store_tx_number(tx, c->u->created - DAY_MS)));

    if (rv != APR_SUCCESS)
        return rv;
    files = chat_store_db_integer(&rows, 0, 0);
    bytes = chat_store_db_integer(&rows, 1, 0);
    if (files < c->files && bytes + c->u->size <= c->bytes)
        return APR_SUCCESS;
    return chat_err_set(tx->err, APR_ENOSPC, HTTP_FORBIDDEN, "upload_quota",
                        files < c->files
                            ? "This would be more bytes than you may upload in "
                              "a day."
                            : "You have uploaded as many files as you may in a "
                              "day.");
}

static apr_status_t create(chat_store_tx_t *tx, void *work)
{
    const create_t *c = work;
    const upload_t *u = c->u;
    chat_store_rows_t rows;
    find_t before = {.id = u->id};
    apr_status_t rv;

    if (tx->again && find(tx, &before) == APR_SUCCESS)
        return APR_SUCCESS;
    memset(tx->err, 0, sizeof(*tx->err));
    rv = chat_store_tx_row(tx, &rows, CHAT_SQL_UPLOAD_LOCK,
                           CHAT_STORE_ARGS(tx->at->owner));
    if (rv == APR_SUCCESS)
        rv = check_quota(tx, c);
    if (rv != APR_SUCCESS)
        return rv;
    return chat_store_tx_exec(
        tx, NULL, CHAT_SQL_UPLOAD_INSERT,
        CHAT_STORE_ARGS(u->id, tx->at->owner, u->key, u->seal, u->filename,
                        u->media_type, chat_store_tx_number(tx, u->size),
                        u->sha256, chat_store_tx_number(tx, u->created),
                        chat_store_tx_number(tx, u->expires)));
}

apr_status_t chat_store_upload_create(const chat_store_upload_t *u, int files,
                                      apr_int64_t bytes,
                                      const chat_store_at_t *at,
                                      chat_err_t *err)
{
    create_t c = {.u = u, .files = files, .bytes = bytes};

    return chat_store_tx_run(at, CHAT_STORE_WRITE, "note an upload", create, &c,
                             err);
}

/* ---- what becomes of it ---- */

static apr_status_t make_ready(chat_store_tx_t *tx, void *work)
{
    const upload_t *u = work;
    int count;
    apr_status_t rv = chat_store_tx_exec(
        tx, &count, CHAT_SQL_UPLOAD_READY,
        CHAT_STORE_ARGS(chat_store_tx_number(tx, u->width),
                        chat_store_tx_number(tx, u->height),
                        chat_store_tx_number(tx, chat_store_now()), u->id,
                        tx->at->owner));

    return rv == APR_SUCCESS && !count && !tx->again
               ? chat_store_tx_not_found(tx->err)
               : rv;
}

apr_status_t chat_store_upload_ready(const chat_store_upload_t *u,
                                     const chat_store_at_t *at, chat_err_t *err)
{
    return chat_store_tx_run(at, CHAT_STORE_ONE, "note that a file is there",
                             make_ready, (void *)u, err);
}

static apr_status_t remove_one(chat_store_tx_t *tx, void *work)
{
    int count;
    apr_status_t rv = chat_store_tx_exec(
        tx, &count, CHAT_SQL_UPLOAD_REMOVE,
        CHAT_STORE_ARGS(chat_store_tx_number(tx, chat_store_now()), work,
                        tx->at->owner));

    return rv == APR_SUCCESS && !count && !tx->again
               ? chat_store_tx_not_found(tx->err)
               : rv;
}

apr_status_t chat_store_upload_remove(const chat_store_at_t *at, const char *id,
                                      chat_err_t *err)
{
    return chat_store_tx_run(at, CHAT_STORE_ONE, "delete an upload", remove_one,
                             (void *)id, err);
}

typedef struct use_t {
    const apr_array_header_t *ids;
    const char *conversation, *chat;
} use_t;

static apr_status_t use(chat_store_tx_t *tx, void *work)
{
    const use_t *u = work;
    const char *now = chat_store_tx_number(tx, chat_store_now());
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; rv == APR_SUCCESS && i < u->ids->nelts; i++) {
        const char *id = APR_ARRAY_IDX(u->ids, i, const char *);

        rv = chat_store_tx_exec(
            tx, NULL, CHAT_SQL_UPLOAD_USE,
            CHAT_STORE_ARGS(u->conversation, u->chat, id, tx->at->owner));
        if (rv == APR_SUCCESS)
            rv = chat_store_tx_exec(tx, NULL, CHAT_SQL_UPLOAD_TOUCH,
                                    CHAT_STORE_ARGS(now, id, tx->at->owner));
    }
    return rv;
}

apr_status_t chat_store_upload_use(const apr_array_header_t *ids,
                                   const chat_store_at_t *at,
                                   const char *conversation, const char *chat,
                                   chat_err_t *err)
{
    use_t u = {.ids = ids, .conversation = conversation, .chat = chat};

    return chat_store_tx_run(at, CHAT_STORE_WRITE,
                             "note which files a conversation has", use, &u,
                             err);
}

static apr_status_t leave(chat_store_tx_t *tx, void *work)
{
    const char *now = chat_store_tx_number(tx, chat_store_now());
    apr_status_t rv = chat_store_tx_exec(tx, NULL, CHAT_SQL_UPLOAD_LEAVE,
                                         CHAT_STORE_ARGS((const char *)work));

    return rv == APR_SUCCESS
               ? chat_store_tx_exec(tx, NULL, CHAT_SQL_UPLOAD_ORPHANS_OF,
                                    CHAT_STORE_ARGS(now, tx->at->owner))
               : rv;
}

apr_status_t chat_store_upload_leave(const chat_store_at_t *at,
                                     const char *chat, chat_err_t *err)
{
    return chat_store_tx_run(at, CHAT_STORE_WRITE, "delete a chat's files",
                             leave, (void *)chat, err);
}

/* ---- what goes ---- */

typedef struct step_t {
    chat_store_sql_e id;
    apr_int64_t before;
} step_t;

static apr_status_t step(chat_store_tx_t *tx, void *work)
{
    const step_t *s = work;

    return chat_store_tx_exec(
        tx, NULL, s->id,
        CHAT_STORE_ARGS(chat_store_tx_number(tx, chat_store_now()),
                        chat_store_tx_number(tx, s->before),
                        chat_store_tx_number(tx, STEP)));
}

apr_status_t chat_store_upload_expire(const chat_store_at_t *at,
                                      apr_int64_t put_ms, apr_int64_t unused_ms,
                                      chat_err_t *err)
{
    const apr_int64_t now = chat_store_now();
    step_t pending = {CHAT_SQL_UPLOAD_PENDING, now - put_ms};
    step_t unused = {CHAT_SQL_UPLOAD_UNUSED, now - unused_ms};
    apr_status_t rv = chat_store_tx_run(at, CHAT_STORE_ONE, "expire uploads",
                                        step, &pending, err);

    return rv == APR_SUCCESS
               ? chat_store_tx_run(at, CHAT_STORE_ONE, "expire unused files",
                                   step, &unused, err)
               : rv;
}

static apr_status_t doomed(chat_store_tx_t *tx, void *work)
{
    apr_array_header_t **prows = work;
    chat_store_rows_t rows;
    apr_status_t rv =
        chat_store_tx_select(tx, &rows, CHAT_SQL_UPLOAD_DOOMED,
                             CHAT_STORE_ARGS(chat_store_tx_number(tx, STEP)));

    *prows = apr_array_make(tx->p, 4, sizeof(upload_t));
    while (rv == APR_SUCCESS && chat_store_db_next(&rows) == APR_SUCCESS) {
        upload_t *u = apr_array_push(*prows);

        memset(u, 0, sizeof(*u));
        u->id = chat_store_db_text(&rows, 0, tx->p);
        u->key = chat_store_db_text(&rows, 1, tx->p);
    }
    return rv;
}

apr_status_t chat_store_upload_doomed(apr_array_header_t **prows,
                                      const chat_store_at_t *at,
                                      chat_err_t *err)
{
    return chat_store_tx_run(at, CHAT_STORE_READ, "list files to delete",
                             doomed, prows, err);
}

typedef struct gone_t {
    const char *id;
    int gone;
} gone_t;

static apr_status_t mark_gone(chat_store_tx_t *tx, void *work)
{
    const gone_t *g = work;

    return chat_store_tx_exec(
        tx, NULL, g->gone ? CHAT_SQL_UPLOAD_GONE : CHAT_SQL_UPLOAD_LATER,
        CHAT_STORE_ARGS(chat_store_tx_number(tx, chat_store_now()), g->id));
}

apr_status_t chat_store_upload_gone(const chat_store_at_t *at, const char *id,
                                    int gone, chat_err_t *err)
{
    gone_t g = {id, gone};

    return chat_store_tx_run(at, CHAT_STORE_ONE, "note that a file is gone",
                             mark_gone, &g, err);
}
