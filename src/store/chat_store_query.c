/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One query to the database through mod_dbd, and its rows. Neighbours:
 * chat_store_session.c above, mod_dbd's optional functions below. Request
 * thread: a connection belongs to one thread from open to close.
 *
 * Nothing is prepared on the server. apr_dbd's PostgreSQL driver, given no
 * label, sends text and parameter together (PQexecParams): that works after a
 * restart of the database, where a prepared statement would be gone, and with a
 * connection pooler. Its SQLite driver keeps every statement until the
 * connection ends, so each connection keeps ours and uses it again.
 */
#include "chat_store_int.h"

#include <string.h>

#include <http_log.h>
#include <apr_optional.h>
#include <apr_strings.h>

#include "chat_config.h"
#include "chat_log.h"
#include "chat_store.h"

/* Set in post_config, read-only afterwards. */
static APR_OPTIONAL_FN_TYPE(ap_dbd_open) * open_dbd;
static APR_OPTIONAL_FN_TYPE(ap_dbd_close) * close_dbd;

/* A statement as one connection has it; lives in that connection's pool. */
typedef struct statement_t {
    apr_dbd_prepared_t *prepared; /* NULL: to be made */
    int worked;
} statement_t;

/*
 * The database's own words: the first line, which has the reason. They are
 * withheld when they quote the parameter (a column of another type makes
 * PostgreSQL say which text is no such thing).
 */
static void note_error(chat_store_query_t *q, int error)
{
    const char *text = apr_dbd_error(q->dbd->driver, q->dbd->handle, error);
    const char *start = apr_pstrndup(q->pool, q->param, 8);

    if (!text || !*text)
        q->why = "no reason given";
    else if (strstr(text, start))
        q->why = "its reason quotes the token and is withheld";
    else
        q->why = apr_pstrndup(q->r->pool, text, strcspn(text, "\r\n"));
}

static statement_t *find_statement(chat_store_query_t *q)
{
    void *found = NULL;
    statement_t *st;

    apr_pool_userdata_get(&found, q->sql, q->dbd->pool);
    if (found)
        return found;
    st = apr_pcalloc(q->dbd->pool, sizeof(*st));
    apr_pool_userdata_set(st, q->sql, NULL, q->dbd->pool);
    return st;
}

/* Without a label: see the top. The connection's pool, since the drivers keep
 * pointers into it. */
static apr_status_t select_rows(chat_store_query_t *q, statement_t *st)
{
    const char *args[] = {q->param};
    int error = 0;

    if (!st->prepared)
        error = apr_dbd_prepare(q->dbd->driver, q->dbd->pool, q->dbd->handle,
                                q->sql, NULL, &st->prepared);
    if (!error)
        error = apr_dbd_pselect(q->dbd->driver, q->pool, q->dbd->handle,
                                &q->results, st->prepared, 1, 1, args);
    if (error) {
        note_error(q, error);
        return APR_EGENERAL;
    }
    st->worked = 1;
    q->why = NULL;
    return APR_SUCCESS;
}

static int is_alive(chat_store_query_t *q)
{
    apr_dbd_results_t *results = NULL;
    apr_dbd_row_t *row = NULL;

    if (apr_dbd_select(q->dbd->driver, q->pool, q->dbd->handle, &results,
                       "SELECT 1", 1))
        return 0;
    while (!apr_dbd_get_row(q->dbd->driver, q->pool, results, &row, -1))
        continue;
    return 1;
}

/*
 * 1 when the query may succeed if it is repeated. A connection that was idle
 * while the database restarted shows it only when it is used; it is opened
 * again in place. On one that works the database has refused, and would again.
 * But SQLite's driver compiles statements in a way that a change of the schema
 * makes void: one that has worked before is prepared anew.
 */
static int recover(chat_store_query_t *q, statement_t *st)
{
    int may_be_void =
        st->worked && !strcmp(apr_dbd_name(q->dbd->driver), "sqlite3");

    if (is_alive(q) ? !may_be_void
                    : apr_dbd_check_conn(q->dbd->driver, q->pool,
                                         q->dbd->handle) != APR_SUCCESS)
        return 0;
    memset(st, 0, sizeof(*st));
    return 1;
}

ap_dbd_t *chat_store_query_connect(apr_pool_t *p, server_rec *s,
                                   const char **pwhy)
{
    ap_dbd_t *dbd;

    if (!open_dbd) {
        *pwhy = "mod_dbd is not loaded: load it, and set DBDriver and "
                "DBDParams";
        return NULL;
    }
    dbd = open_dbd(p, s);
    if (!dbd)
        *pwhy = "mod_dbd has no connection: it has logged why; DBDriver and "
                "DBDParams must be set for this server";
    return dbd;
}

void chat_store_query_disconnect(server_rec *s, ap_dbd_t *dbd)
{
    close_dbd(s, dbd);
}

static apr_status_t open_connection(chat_store_query_t *q)
{
    apr_status_t rv = apr_pool_create(&q->pool, q->r->pool);

    if (rv != APR_SUCCESS) {
        q->why = "out of memory";
        return rv;
    }
    q->dbd = chat_store_query_connect(q->pool, q->r->server, &q->why);
    return q->dbd ? APR_SUCCESS : APR_EGENERAL;
}

apr_status_t chat_store_query_open(chat_store_query_t *q, request_rec *r,
                                   const char *sql, const char *param)
{
    statement_t *st;
    apr_status_t rv;

    memset(q, 0, sizeof(*q));
    q->r = r;
    q->sql = sql;
    q->param = param;

    rv = open_connection(q);
    if (rv != APR_SUCCESS)
        return rv;
    st = find_statement(q);
    rv = select_rows(q, st);
    if (rv != APR_SUCCESS && recover(q, st)) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                      CHATNO(0201) "asking the database again, after: %s",
                      q->why);
        rv = select_rows(q, st);
    }
    return rv;
}

apr_status_t chat_store_query_ping(chat_store_query_t *q, request_rec *r)
{
    apr_status_t rv;

    memset(q, 0, sizeof(*q));
    q->r = r;
    rv = open_connection(q);
    if (rv != APR_SUCCESS || is_alive(q))
        return rv;
    /* The database may have restarted while it was idle: open it again. */
    if (apr_dbd_check_conn(q->dbd->driver, q->pool, q->dbd->handle) ==
            APR_SUCCESS &&
        is_alive(q))
        return APR_SUCCESS;
    q->why = "the database does not answer";
    return APR_EGENERAL;
}

apr_status_t chat_store_query_next(chat_store_query_t *q)
{
    return apr_dbd_get_row(q->dbd->driver, q->pool, q->results, &q->row, -1)
               ? APR_EOF
               : APR_SUCCESS;
}

int chat_store_query_columns(const chat_store_query_t *q)
{
    return apr_dbd_num_cols(q->dbd->driver, q->results);
}

const char *chat_store_query_text(const chat_store_query_t *q, int column)
{
    const char *text = NULL;

    if (column >= chat_store_query_columns(q) ||
        apr_dbd_datum_get(q->dbd->driver, q->row, column, APR_DBD_TYPE_STRING,
                          &text) != APR_SUCCESS)
        return NULL;
    return apr_pstrdup(q->r->pool, text);
}

void chat_store_query_close(chat_store_query_t *q)
{
    if (q->dbd)
        chat_store_query_disconnect(q->r->server, q->dbd);
    if (q->pool)
        apr_pool_destroy(q->pool);
    q->dbd = NULL;
    q->pool = NULL;
}

/* A warning: a site may use its other routes meanwhile. */
static void check_database(server_rec *s)
{
    if (!APR_RETRIEVE_OPTIONAL_FN(ap_dbd_open))
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     CHATNO(0202) "ChatAuthSession needs mod_dbd, which is "
                                  "not loaded: nobody can sign in");
    else if (!chat_config_written("DBDriver"))
        ap_log_error(APLOG_MARK, CHAT_LOG_ADVICE(APLOG_WARNING), 0, s,
                     CHATNO(0219) "ChatAuthSession needs a database, but no "
                                  "DBDriver names one: nobody can sign in");
}

static void check_conversations(server_rec *s)
{
    if (!APR_RETRIEVE_OPTIONAL_FN(ap_dbd_open))
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     CHATNO(0225) "ChatStore needs mod_dbd, which is not "
                                  "loaded: no conversation can be kept");
    else if (!chat_config_written("DBDriver"))
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     CHATNO(0226) "ChatStore needs a database, but no DBDriver "
                                  "names one: no conversation can be kept");
}

/* The tables are an app's, and lie in PostgreSQL. */
static apr_status_t check_app(server_rec *s)
{
    if (!chat_config_written("DBDriver") ||
        chat_config_written_as("DBDriver", "pgsql"))
        return APR_SUCCESS;
    ap_log_error(APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, s,
                 CHATNO(0235) "ChatStore vercel needs \"DBDriver pgsql\": the "
                              "tables of the app are in PostgreSQL");
    return APR_EINVAL;
}

apr_status_t chat_store_check_config(apr_pool_t *p, server_rec *s)
{
    const server_rec *each;

    for (each = s; each && chat_config_signs_in(); each = each->next) {
        if (chat_config_server(each)->auth.session_sql) {
            check_database(s);
            break;
        }
    }
    for (each = s; each; each = each->next) {
        if (chat_config_server(each)->store.used ||
            chat_config_server(each)->store.vercel) {
            check_conversations(s);
            break;
        }
    }
    for (each = s; each; each = each->next) {
        if (chat_config_server(each)->store.vercel &&
            check_app(s) != APR_SUCCESS)
            return APR_EINVAL;
    }
    return chat_store_context_check_config(p, s);
}

void chat_store_query_post_config(server_rec *s)
{
    open_dbd = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_open);
    close_dbd = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_close);
}
