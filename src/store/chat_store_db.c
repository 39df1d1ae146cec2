/* SPDX-License-Identifier: Apache-2.0 */
/* See chat_store_db.h. Above: chat_store_tx.c, chat_store_migrate.c. */
#include "chat_store_db.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

/* Of one connection; lives in its pool. */
typedef struct chat_store_db_kept_t {
    int ready; /* SQLite has been told how we want it */
    apr_dbd_prepared_t *prepared[CHAT_SQL_COUNT];
    int nargs[CHAT_SQL_COUNT];
} chat_store_db_kept_t;

#define KEPT "chat_store_db"

/* Shorter parameters are numbers and words of ours. */
#define QUOTED_MIN 4
#define QUOTED_MAX 8

/* ---- what went wrong ---- */

static int quotes(const char *text, const char *const *args, int nargs,
                  apr_pool_t *p)
{
    int i;

    for (i = 0; i < nargs; i++) {
        if (args[i] && strlen(args[i]) >= QUOTED_MIN &&
            strstr(text, apr_pstrndup(p, args[i], QUOTED_MAX)))
            return 1;
    }
    return 0;
}

/* The first line alone: others have parameters, and the statement. */
static apr_status_t fail(chat_store_db_t *db, int error, const char **args,
                         int nargs)
{
    const char *text = apr_dbd_error(db->driver, db->handle, error);

    if (!text || !*text)
        db->why = "the database gives no reason";
    else if (quotes(text, args, nargs, db->p))
        db->why = "the database's reason quotes a parameter and is withheld";
    else
        db->why = apr_pstrndup(db->p, text, strcspn(text, "\r\n"));
    return APR_EGENERAL;
}

/* ---- the connection ---- */

/* A pragma may have rows. */
static apr_status_t set_pragma(chat_store_db_t *db, const char *sql)
{
    apr_dbd_results_t *results = NULL;
    int error = apr_dbd_select(db->driver, db->p, db->handle, &results, sql, 1);

    return error ? fail(db, error, NULL, 0) : APR_SUCCESS;
}

/*
 * In WAL mode who reads does not wait for who writes; a crash of the machine
 * may lose the last transactions then, but never damages the file. The log goes
 * into the file each 16 MB, where most of its pages have changed several times.
 * Words of columns are those of this program, of chat_store_message.c and of
 * chat_store_turn_end.c: their checks are there for whoever writes by other
 * means, as PostgreSQL's are, and not for each row of ours. SQLite makes a
 * table of the words for each "in" of each row, which is about a third of what
 * the two rows of a turn cost (102 to 120 us instead of 71 to 74 with all
 * indexes).
 */
static const char *const pragmas[] = {
    "pragma foreign_keys = on",    "pragma journal_mode = wal",
    "pragma synchronous = normal", "pragma wal_autocheckpoint = 4000",
    "pragma cache_size = -8000",   "pragma ignore_check_constraints = on",
};

static apr_status_t make_ready(chat_store_db_t *db)
{
    apr_status_t rv = APR_SUCCESS;
    apr_size_t i;

    for (i = 0; db->sqlite && i < sizeof(pragmas) / sizeof(*pragmas); i++) {
        rv = set_pragma(db, pragmas[i]);
        if (rv != APR_SUCCESS)
            return rv;
    }
    db->kept->ready = 1;
    return rv;
}

apr_status_t chat_store_db_use(chat_store_db_t *db,
                               const apr_dbd_driver_t *driver,
                               apr_dbd_t *handle, apr_pool_t *keep,
                               apr_pool_t *p)
{
    const char *name = apr_dbd_name(driver);
    void *kept = NULL;

    memset(db, 0, sizeof(*db));
    db->driver = driver;
    db->handle = handle;
    db->keep = keep;
    db->p = p;
    db->sqlite = strcmp(name, "sqlite3") == 0;
    if (!db->sqlite && strcmp(name, "pgsql") != 0) {
        db->why = apr_psprintf(p,
                               "conversations need DBDriver pgsql or sqlite3, "
                               "this is %s",
                               name);
        return APR_ENOTIMPL;
    }
    apr_pool_userdata_get(&kept, KEPT, keep);
    if (!kept) {
        kept = apr_pcalloc(keep, sizeof(*db->kept));
        apr_pool_userdata_setn(kept, KEPT, NULL, keep);
    }
    db->kept = kept;
    return db->kept->ready ? APR_SUCCESS : make_ready(db);
}

int chat_store_db_is_locked(const chat_store_db_t *db)
{
    return db->sqlite && db->why && strstr(db->why, "is locked");
}

static int is_alive(chat_store_db_t *db)
{
    apr_dbd_results_t *results = NULL;

    return !apr_dbd_select(db->driver, db->p, db->handle, &results, "select 1",
                           1);
}

/* What SQLite's driver has compiled it never frees before the connection ends:
 * so that is done anew only when it must be. Its words for a statement that a
 * change of the schema has made void are those. */
static int is_void(const char *why)
{
    return why && (strstr(why, "schema") || strstr(why, "not an error"));
}

void chat_store_db_forget(chat_store_db_t *db)
{
    int ready = db->kept->ready;

    memset(db->kept, 0, sizeof(*db->kept));
    db->kept->ready = ready;
}

int chat_store_db_recover(chat_store_db_t *db)
{
    if (is_alive(db)) {
        if (db->sqlite && is_void(db->why))
            chat_store_db_forget(db);
        return db->kept->ready || make_ready(db) == APR_SUCCESS;
    }
    if (apr_dbd_check_conn(db->driver, db->p, db->handle) != APR_SUCCESS)
        return 0;
    chat_store_db_forget(db);
    return make_ready(db) == APR_SUCCESS;
}

/* ---- statements ---- */

static int count_args(const char *sql)
{
    int n = 0;

    for (; (sql = strchr(sql, '%')); sql += 2)
        n += sql[1] == 's' ? 1 : sql[1] == 'p' ? 4 : 0;
    return n;
}

/* In the connection's pool, since the drivers keep pointers into it. */
static apr_status_t prepare(chat_store_db_t *db, chat_store_sql_e id, int nargs)
{
    chat_store_db_kept_t *kept = db->kept;
    const char *sql = chat_store_statements_text(id, db->sqlite);
    int error;

    if (!kept->prepared[id]) {
        kept->nargs[id] = count_args(sql);
        error = apr_dbd_prepare(db->driver, db->keep, db->handle, sql, NULL,
                                &kept->prepared[id]);
        if (error) {
            kept->prepared[id] = NULL;
            return fail(db, error, NULL, 0);
        }
    }
    if (kept->nargs[id] != nargs) {
        db->why = apr_psprintf(db->p, "statement %d wants %d parameters", id,
                               kept->nargs[id]);
        return APR_EGENERAL;
    }
    return APR_SUCCESS;
}

/* A void one has done nothing, also in a transaction: it is compiled anew. */
static int is_void_now(chat_store_db_t *db, chat_store_sql_e id, int error)
{
    if (!error || !db->sqlite ||
        !is_void(apr_dbd_error(db->driver, db->handle, error)))
        return 0;
    db->kept->prepared[id] = NULL;
    return 1;
}

static apr_status_t exec_once(chat_store_db_t *db, int *pcount, int *perror,
                              chat_store_sql_e id, const char **args, int nargs)
{
    apr_status_t rv = prepare(db, id, nargs);

    *perror = 0;
    if (rv != APR_SUCCESS)
        return rv;
    *perror = apr_dbd_pquery(db->driver, db->p, db->handle, pcount,
                             db->kept->prepared[id], nargs, args);
    return *perror ? fail(db, *perror, args, nargs) : APR_SUCCESS;
}

apr_status_t chat_store_db_exec(chat_store_db_t *db, int *pcount,
                                chat_store_sql_e id, const char **args,
                                int nargs)
{
    int error, count = 0;
    apr_status_t rv = exec_once(db, &count, &error, id, args, nargs);

    if (is_void_now(db, id, error))
        rv = exec_once(db, &count, &error, id, args, nargs);
    if (pcount && rv == APR_SUCCESS)
        *pcount = count;
    return rv;
}

static apr_status_t select_once(chat_store_db_t *db, chat_store_rows_t *rows,
                                int *perror, chat_store_sql_e id,
                                const char **args, int nargs)
{
    apr_status_t rv = prepare(db, id, nargs);

    memset(rows, 0, sizeof(*rows));
    rows->db = db;
    *perror = 0;
    if (rv != APR_SUCCESS)
        return rv;
    *perror = apr_dbd_pselect(db->driver, db->p, db->handle, &rows->results,
                              db->kept->prepared[id], 1, nargs, args);
    return *perror ? fail(db, *perror, args, nargs) : APR_SUCCESS;
}

apr_status_t chat_store_db_select(chat_store_db_t *db, chat_store_rows_t *rows,
                                  chat_store_sql_e id, const char **args,
                                  int nargs)
{
    int error;
    apr_status_t rv = select_once(db, rows, &error, id, args, nargs);

    if (is_void_now(db, id, error))
        rv = select_once(db, rows, &error, id, args, nargs);
    return rv;
}

apr_status_t chat_store_db_next(chat_store_rows_t *rows)
{
    return apr_dbd_get_row(rows->db->driver, rows->db->p, rows->results,
                           &rows->row, -1)
               ? APR_EOF
               : APR_SUCCESS;
}

static const char *column(const chat_store_rows_t *rows, int number)
{
    const char *text = NULL;

    if (apr_dbd_datum_get(rows->db->driver, rows->row, number,
                          APR_DBD_TYPE_STRING, &text) != APR_SUCCESS)
        return NULL;
    return text;
}

const char *chat_store_db_text(const chat_store_rows_t *rows, int number,
                               apr_pool_t *p)
{
    return apr_pstrdup(p, column(rows, number));
}

apr_int64_t chat_store_db_integer(const chat_store_rows_t *rows, int number,
                                  apr_int64_t otherwise)
{
    const char *text = column(rows, number);

    return text ? apr_strtoi64(text, NULL, 10) : otherwise;
}

/* ---- transactions ---- */

apr_status_t chat_store_db_run(chat_store_db_t *db, const char *sql)
{
    int count = 0;
    int error = apr_dbd_query(db->driver, db->handle, &count, sql);

    if (error && db->sqlite &&
        is_void(apr_dbd_error(db->driver, db->handle, error)))
        error = apr_dbd_query(db->driver, db->handle, &count, sql);
    return error ? fail(db, error, NULL, 0) : APR_SUCCESS;
}

apr_status_t chat_store_db_begin(chat_store_db_t *db)
{
    return db->sqlite ? chat_store_db_exec(db, NULL, CHAT_SQL_BEGIN, NULL, 0)
                      : chat_store_db_run(db, "begin");
}

apr_status_t chat_store_db_commit(chat_store_db_t *db)
{
    return db->sqlite ? chat_store_db_exec(db, NULL, CHAT_SQL_COMMIT, NULL, 0)
                      : chat_store_db_run(db, "commit");
}

/* It fails where there is nothing any more to be rolled back. */
void chat_store_db_rollback(chat_store_db_t *db)
{
    const char *why = db->why;

    chat_store_db_run(db, "rollback");
    db->why = why;
}
