/* SPDX-License-Identifier: Apache-2.0 */
/* What administrators set at run time. Neighbours: run/ and routes above;
 * chat_store_tx.c below. See chat_store_admin.h. */
#include "chat_store_admin.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_store_tx.h"

/* Who has not heard of a stop by now has none of the streams. */
#define STOP_KEPT_MS 600000

typedef chat_store_setting_t setting_t;

static void read_row(setting_t *s, const chat_store_rows_t *rows, apr_pool_t *p)
{
    s->name = chat_store_db_text(rows, 0, p);
    s->value = chat_store_db_text(rows, 1, p);
    s->revision = (int)chat_store_db_integer(rows, 2, CHAT_STORE_SETTING_FIRST);
}

/* ---- all of them ---- */

typedef struct list_t {
    int known, revision;
    apr_array_header_t *rows;
} list_t;

/* The rows are of one statement, and so of one moment. */
static apr_status_t list(chat_store_tx_t *tx, void *work)
{
    list_t *l = work;
    chat_store_rows_t rows;
    setting_t row;
    apr_status_t rv = chat_store_tx_select(
        tx, &rows, CHAT_SQL_SETTING_LIST,
        CHAT_STORE_ARGS(chat_store_tx_number(tx, l->known)));

    l->revision = l->known;
    l->rows = NULL;
    while (rv == APR_SUCCESS && chat_store_db_next(&rows) == APR_SUCCESS) {
        if (!l->rows)
            l->rows = apr_array_make(tx->p, 16, sizeof(setting_t));
        read_row(&row, &rows, tx->p);
        if (*row.name)
            APR_ARRAY_PUSH(l->rows, setting_t) = row;
        else
            l->revision = row.revision;
    }
    return rv;
}

apr_status_t chat_store_setting_list(apr_array_header_t **prows, int *prevision,
                                     const chat_store_at_t *at, chat_err_t *err)
{
    list_t l = {.known = *prevision};
    apr_status_t rv =
        chat_store_tx_run(at, CHAT_STORE_READ, "read settings", list, &l, err);

    *prows = l.rows;
    if (rv == APR_SUCCESS)
        *prevision = l.revision;
    return rv;
}

/* ---- one ---- */

static apr_status_t find(setting_t *s, chat_store_tx_t *tx)
{
    const char *name = s->name;
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_tx_select(tx, &rows, CHAT_SQL_SETTING_GET,
                                           CHAT_STORE_ARGS(name));

    s->value = NULL;
    s->revision = CHAT_STORE_SETTING_FIRST;
    while (rv == APR_SUCCESS && chat_store_db_next(&rows) == APR_SUCCESS)
        read_row(s, &rows, tx->p);
    s->name = name;
    return rv;
}

static apr_status_t get(chat_store_tx_t *tx, void *work)
{
    return find(work, tx);
}

apr_status_t chat_store_setting_get(setting_t *s, const chat_store_at_t *at,
                                    chat_err_t *err)
{
    return chat_store_tx_run(at, CHAT_STORE_READ, "read a setting", get, s,
                             err);
}

/* ---- changes ---- */

/* From here on no other change begins before this one is over. */
static apr_status_t next_revision(int *prevision, chat_store_tx_t *tx)
{
    setting_t newest = {.name = ""};
    apr_status_t rv = chat_store_tx_exec(
        tx, NULL, CHAT_SQL_SETTING_NEXT,
        CHAT_STORE_ARGS(chat_store_tx_number(tx, chat_store_now())));

    if (rv == APR_SUCCESS)
        rv = find(&newest, tx);
    *prevision = newest.revision;
    return rv;
}

static apr_status_t put(chat_store_tx_t *tx, const char *name,
                        const char *value, int revision)
{
    return value ? chat_store_tx_exec(
                       tx, NULL, CHAT_SQL_SETTING_PUT,
                       CHAT_STORE_ARGS(
                           name, value, chat_store_tx_number(tx, revision),
                           chat_store_tx_number(tx, chat_store_now())))
                 : chat_store_tx_exec(tx, NULL, CHAT_SQL_SETTING_REMOVE,
                                      CHAT_STORE_ARGS(name));
}

static apr_status_t record(chat_store_tx_t *tx, const chat_store_audit_t *a)
{
    return chat_store_tx_exec(
        tx, NULL, CHAT_SQL_AUDIT_INSERT,
        CHAT_STORE_ARGS(chat_store_new_id(tx->p),
                        chat_store_tx_number(tx, chat_store_now()), a->actor,
                        a->action, a->target, a->before, a->after,
                        a->request_id, a->address));
}

static apr_status_t forget_stops(chat_store_tx_t *tx)
{
    return chat_store_tx_exec(tx, NULL, CHAT_SQL_SETTING_STOPPED,
                              CHAT_STORE_ARGS(chat_store_tx_number(
                                  tx, chat_store_now() - STOP_KEPT_MS)));
}

static apr_status_t stop_all(chat_store_tx_t *tx, const char *user,
                             int revision)
{
    apr_status_t rv = user ? forget_stops(tx) : APR_SUCCESS;

    return rv == APR_SUCCESS && user
               ? chat_store_tx_exec(
                     tx, NULL, CHAT_SQL_SETTING_STOP,
                     CHAT_STORE_ARGS(chat_store_tx_number(tx, revision),
                                     chat_store_tx_number(tx, chat_store_now()),
                                     user))
               : rv;
}

static int is_same(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static apr_status_t carry_out(chat_store_tx_t *tx, chat_store_change_t *c,
                              const char *after, int revision)
{
    apr_status_t rv = put(tx, c->is.name, after, revision);

    c->audit.before = c->is.value;
    c->audit.after = after;
    if (rv == APR_SUCCESS)
        rv = record(tx, &c->audit);
    if (rv == APR_SUCCESS)
        rv = stop_all(tx, c->stops, revision);
    if (rv != APR_SUCCESS)
        return rv;
    c->is.value = after;
    c->is.revision = after ? revision : CHAT_STORE_SETTING_FIRST;
    return APR_SUCCESS;
}

/* APR_EEXIST: it is so already. Also when the first try was committed and
 * nobody heard of it: then it is not stale. */
static apr_status_t change(chat_store_tx_t *tx, void *work)
{
    chat_store_change_t *c = work;
    const char *after = NULL;
    int revision, stale;
    apr_status_t rv = next_revision(&revision, tx);

    if (rv == APR_SUCCESS)
        rv = find(&c->is, tx);
    if (rv == APR_SUCCESS)
        rv = c->to(c, c->is.value, &after, tx->err, tx->p);
    if (rv != APR_SUCCESS)
        return rv;
    stale = c->revision > 0 && c->revision != c->is.revision;
    if (is_same(c->is.value, after) && (tx->again || !stale))
        return APR_EEXIST;
    if (stale)
        return chat_err_set(tx->err, APR_EMISMATCH, HTTP_PRECONDITION_FAILED,
                            "precondition_failed",
                            "The setting was changed meanwhile.");
    return carry_out(tx, c, after, revision);
}

apr_status_t chat_store_setting_change(chat_store_change_t *c,
                                       const chat_store_at_t *at,
                                       chat_err_t *err)
{
    apr_status_t rv = chat_store_tx_run(at, CHAT_STORE_WRITE,
                                        "change a setting", change, c, err);

    return rv == APR_EEXIST ? APR_SUCCESS : rv;
}

/* ---- a stream that is to end ---- */

typedef struct stop_t {
    const char *stream;
    const chat_store_audit_t *audit;
} stop_t;

static apr_status_t stop(chat_store_tx_t *tx, void *work)
{
    const stop_t *s = work;
    chat_store_rows_t rows;
    int revision;
    apr_status_t rv = next_revision(&revision, tx);

    if (rv == APR_SUCCESS)
        rv = chat_store_tx_row(tx, &rows, CHAT_SQL_STREAM_RUNS,
                               CHAT_STORE_ARGS(s->stream));
    if (rv == APR_NOTFOUND)
        return chat_store_tx_not_found(tx->err);
    while (rv == APR_SUCCESS && chat_store_db_next(&rows) == APR_SUCCESS)
        continue;
    if (rv == APR_SUCCESS)
        rv = forget_stops(tx);
    if (rv == APR_SUCCESS)
        rv = put(tx, apr_pstrcat(tx->p, "stop:", s->stream, NULL), "{}",
                 revision);
    return rv == APR_SUCCESS ? record(tx, s->audit) : rv;
}

apr_status_t chat_store_setting_stop(const char *stream,
                                     const chat_store_audit_t *audit,
                                     const chat_store_at_t *at, chat_err_t *err)
{
    stop_t s = {.stream = stream, .audit = audit};

    return chat_store_tx_run(at, CHAT_STORE_WRITE, "stop a stream", stop, &s,
                             err);
}
