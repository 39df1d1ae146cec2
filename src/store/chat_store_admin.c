/* SPDX-License-Identifier: Apache-2.0 */
/* What an administrator sees of all users: the record of changes, streams that
 * run, users. Neighbours: routes above; chat_store_tx.c below. See
 * chat_store_admin.h. */
#include "chat_store_admin.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_base64.h"
#include "chat_json.h"
#include "chat_store_cursor.h"
#include "chat_store_stream_row.h"
#include "chat_store_tx.h"

#define AUDIT "audit"
#define STREAMS "streams"

/* A subject may have any length; a header line has not. */
#define USER_MAX 1024

typedef struct list_t {
    chat_store_page_t *page;
    chat_store_cursor_t cursor; /* of times */
    const char *user, *q, *home;
    apr_array_header_t *rows;
} list_t;

/* One row more than the page has tells that there are more. */
static const char *limit_of(chat_store_tx_t *tx, const list_t *l)
{
    return chat_store_tx_number(tx, l->page->limit + 1);
}

/* 1: there is a page behind this one, and this one is not longer than it may
 * be. */
static int cut(list_t *l)
{
    if (l->rows->nelts <= l->page->limit)
        return 0;
    l->rows->nelts = l->page->limit;
    return 1;
}

static apr_status_t refuse_cursor(chat_err_t *err)
{
    return chat_store_tx_invalid(err, "after",
                                 "\"after\" is no cursor of this list.");
}

/* ---- the record ---- */

static void read_audit(chat_store_audit_t *a, const chat_store_rows_t *rows,
                       apr_pool_t *p)
{
    enum { ID, AT, ACTOR, ACTION, TARGET, BEFORE, AFTER, REQUEST, ADDRESS };

    a->id = chat_store_db_text(rows, ID, p);
    a->at = chat_store_db_integer(rows, AT, 0);
    a->actor = chat_store_db_text(rows, ACTOR, p);
    a->action = chat_store_db_text(rows, ACTION, p);
    a->target = chat_store_db_text(rows, TARGET, p);
    a->before = chat_store_db_text(rows, BEFORE, p);
    a->after = chat_store_db_text(rows, AFTER, p);
    a->request_id = chat_store_db_text(rows, REQUEST, p);
    a->address = chat_store_db_text(rows, ADDRESS, p);
}

static apr_status_t list_audit(chat_store_tx_t *tx, void *work)
{
    list_t *l = work;
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_tx_select(
        tx, &rows, CHAT_SQL_AUDIT_LIST,
        CHAT_STORE_ARGS(chat_store_tx_number(tx, l->cursor.time), l->cursor.id,
                        limit_of(tx, l)));

    l->rows = apr_array_make(tx->p, 20, sizeof(chat_store_audit_t));
    while (rv == APR_SUCCESS && chat_store_db_next(&rows) == APR_SUCCESS)
        read_audit(apr_array_push(l->rows), &rows, tx->p);
    return rv;
}

apr_status_t chat_store_admin_audit(apr_array_header_t **prows,
                                    const chat_store_at_t *at,
                                    chat_store_page_t *page, chat_err_t *err)
{
    list_t l = {.page = page};
    const chat_store_audit_t *last;
    apr_status_t rv;

    page->next = NULL;
    if (!chat_store_cursor_read(&l.cursor, AUDIT, page->after, at->p))
        return refuse_cursor(err);
    rv = chat_store_tx_run(at, CHAT_STORE_READ, "list what administrators did",
                           list_audit, &l, err);
    if (rv != APR_SUCCESS)
        return rv;
    *prows = l.rows;
    if (cut(&l)) {
        last = &APR_ARRAY_IDX(l.rows, l.rows->nelts - 1, chat_store_audit_t);
        page->next = chat_store_cursor_write(AUDIT, last->at, last->id, at->p);
    }
    return APR_SUCCESS;
}

/* ---- streams ---- */

static apr_status_t list_streams(chat_store_tx_t *tx, void *work)
{
    list_t *l = work;
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_tx_select(
        tx, &rows, CHAT_SQL_STREAM_LIST,
        CHAT_STORE_ARGS(chat_store_tx_number(tx, l->cursor.time), l->cursor.id,
                        l->user, l->user, limit_of(tx, l)));

    l->rows = apr_array_make(tx->p, 20, sizeof(chat_store_stream_t));
    while (rv == APR_SUCCESS && chat_store_db_next(&rows) == APR_SUCCESS)
        chat_store_stream_row(apr_array_push(l->rows), &rows, tx->p);
    return rv;
}

apr_status_t chat_store_admin_streams(apr_array_header_t **prows,
                                      const chat_store_at_t *at,
                                      const char *user, chat_store_page_t *page,
                                      chat_err_t *err)
{
    list_t l = {.page = page, .user = user};
    const chat_store_stream_t *last;
    apr_status_t rv;

    page->next = NULL;
    if (!chat_store_cursor_read(&l.cursor, STREAMS, page->after, at->p))
        return refuse_cursor(err);
    rv = chat_store_tx_run(at, CHAT_STORE_READ, "list streams", list_streams,
                           &l, err);
    if (rv != APR_SUCCESS)
        return rv;
    *prows = l.rows;
    if (cut(&l)) {
        last = &APR_ARRAY_IDX(l.rows, l.rows->nelts - 1, chat_store_stream_t);
        page->next =
            chat_store_cursor_write(STREAMS, last->started, last->id, at->p);
    }
    return APR_SUCCESS;
}

/* ---- users ---- */

static void read_user(chat_store_user_t *user, const chat_store_rows_t *rows,
                      apr_pool_t *p)
{
    user->id = chat_store_db_text(rows, 0, p);
    user->setting.name = apr_pstrcat(p, "user:", user->id, NULL);
    user->setting.value = chat_store_db_text(rows, 1, p);
    user->setting.revision =
        (int)chat_store_db_integer(rows, 2, CHAT_STORE_SETTING_FIRST);
}

static apr_status_t list_users(chat_store_tx_t *tx, void *work)
{
    list_t *l = work;
    const char *limit = limit_of(tx, l), *after = l->user, *q = l->q;
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_tx_select(
        tx, &rows, CHAT_SQL_USER_LIST,
        CHAT_STORE_ARGS(after, q, limit, after, q, limit, after, q, limit,
                        l->home, after, q, limit));

    l->rows = apr_array_make(tx->p, 20, sizeof(chat_store_user_t));
    while (rv == APR_SUCCESS && chat_store_db_next(&rows) == APR_SUCCESS)
        read_user(apr_array_push(l->rows), &rows, tx->p);
    return rv;
}

/* UTF-8 without NUL, as every id in the database. */
static int is_text(const char *text, apr_pool_t *p)
{
    const char *json = chat_json_quote(text, p);
    const chat_json_limits_t limits = {strlen(json), 1, 1};
    chat_json_t *v;

    return chat_json_parse(&v, json, limits.bytes, &limits, p) == APR_SUCCESS;
}

/* The cursor is the last id itself, in base64url. "": before all. */
static const char *decode(const char *after, apr_pool_t *p)
{
    apr_size_t len = 0, size = after ? strlen(after) : 0;
    char *id = apr_palloc(p, size + 1);

    if (size > USER_MAX * 4 / 3 + 4 ||
        (size && !chat_base64_decode((unsigned char *)id, &len, after, size,
                                     CHAT_BASE64_URL)))
        return NULL;
    id[len] = '\0';
    return strlen(id) == len && is_text(id, p) ? id : NULL;
}

apr_status_t chat_store_admin_users(apr_array_header_t **prows,
                                    const chat_store_at_t *at, const char *q,
                                    const char *home, chat_store_page_t *page,
                                    chat_err_t *err)
{
    list_t l = {
        .page = page, .user = decode(page->after, at->p), .q = q, .home = home};
    const char *last;
    apr_status_t rv;

    page->next = NULL;
    if (!l.user)
        return refuse_cursor(err);
    rv = chat_store_tx_run(at, CHAT_STORE_READ, "list users", list_users, &l,
                           err);
    if (rv != APR_SUCCESS)
        return rv;
    *prows = l.rows;
    if (cut(&l)) {
        last = APR_ARRAY_IDX(l.rows, l.rows->nelts - 1, chat_store_user_t).id;
        page->next = chat_store_cursor_encode(last, strlen(last), at->p);
    }
    return APR_SUCCESS;
}
