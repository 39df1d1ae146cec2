/* SPDX-License-Identifier: Apache-2.0 */
/* See store_link.h. */
#include "store_link.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <apr_strings.h>

#include "../../../src/store/chat_store_migrate.h"
#include "chat_metric.h"
#include "chat_store_vercel.h"

chat_store_limits_t store_link_limits;
int store_link_failures;
const char *store_link_why;
chat_store_group_t *store_link_group;

static apr_pool_t *pool;
static const apr_dbd_driver_t *driver;
static apr_dbd_t *handle;
static char file[] = "/tmp/chat-store-XXXXXX";
static int is_sqlite, is_ours;
static int writing; /* the descriptor that holds the lock */

static void die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why ? why : "no reason given");
    exit(2);
}

static void make_file(void)
{
    int fd;

    memcpy(file + strlen(file) - 6, "XXXXXX", 6);
    if ((fd = mkstemp(file)) < 0)
        die("no file", NULL);
    close(fd);
}

void store_link_join(apr_pool_t *p)
{
    const char *name = getenv("CHAT_TEST_DB_DRIVER"), *why = NULL;
    const char *params = name ? getenv("CHAT_TEST_DB_PARAMS") : file;

    /* What is kept of a connection is kept in a pool of its own. */
    apr_pool_create(&pool, p);
    is_sqlite = !name || !strcmp(name, "sqlite3");
    if (apr_dbd_init(p) != APR_SUCCESS ||
        apr_dbd_get_driver(p, name ? name : "sqlite3", &driver) != APR_SUCCESS)
        die("no driver", name);
    if (apr_dbd_open_ex(driver, pool, params, &handle, &why) != APR_SUCCESS)
        die("not opened", why);
}

void store_link_leave(void)
{
    if (handle)
        apr_dbd_close(driver, handle);
    handle = NULL;
}

void store_link_open(apr_pool_t *p)
{
    chat_store_migrate_t m;
    chat_store_db_t db;

    is_ours = !getenv("CHAT_TEST_DB_DRIVER");
    if (is_ours)
        make_file();
    store_link_join(p);
    if (chat_store_db_use(&db, driver, handle, pool, pool) != APR_SUCCESS)
        die("not used", db.why);
    if (chat_store_migrate_up(&m, &db, NULL, NULL) != APR_SUCCESS)
        die("no tables", m.why ? m.why : db.why);
    store_link_sql("delete from chat_idempotency");
    store_link_sql("delete from chat_conversation");
    store_link_failures = 0;
}

void store_link_close(void)
{
    store_link_leave();
    if (is_ours) {
        unlink(file);
        unlink(apr_pstrcat(pool, file, "-wal", NULL));
        unlink(apr_pstrcat(pool, file, "-shm", NULL));
    }
}

int store_link_is_sqlite(void)
{
    return is_sqlite;
}

const char *store_link_sql(const char *sql, ...)
{
    apr_dbd_results_t *results = NULL;
    apr_dbd_row_t *row = NULL;
    const char *text = NULL;
    va_list args;

    va_start(args, sql);
    sql = apr_pvsprintf(pool, sql, args);
    va_end(args);
    if (apr_dbd_select(driver, pool, handle, &results, sql, 1))
        die(sql, apr_dbd_error(driver, handle, 0));
    if (!apr_dbd_get_row(driver, pool, results, &row, -1))
        text = apr_pstrdup(pool, apr_dbd_get_entry(driver, row, 0));
    while (row && !apr_dbd_get_row(driver, pool, results, &row, -1))
        continue;
    return text;
}

const char *store_link_all(const char *sql, int column)
{
    apr_dbd_results_t *results = NULL;
    apr_dbd_row_t *row = NULL;
    const char *all = "";

    if (apr_dbd_select(driver, pool, handle, &results, sql, 1))
        die(sql, apr_dbd_error(driver, handle, 0));
    while (!apr_dbd_get_row(driver, pool, results, &row, -1))
        all = apr_pstrcat(pool, all, apr_dbd_get_entry(driver, row, column),
                          "\n", NULL);
    return all;
}

void store_link_disturb(void)
{
    const char *pid =
        is_sqlite ? "" : store_link_sql("select pg_backend_pid()");
    const char *params = getenv("CHAT_TEST_DB_PARAMS");
    apr_dbd_t *other, *ours = handle;

    if (apr_dbd_open(driver, pool, is_sqlite ? file : params, &other) !=
        APR_SUCCESS)
        die("not opened", "disturb");
    handle = other;
    if (is_sqlite)
        store_link_sql("create table disturbance (x integer)");
    else
        store_link_sql("select pg_terminate_backend(%s)", pid);
    apr_dbd_close(driver, other);
    handle = ours;
}

/* ---- the link ---- */

/* SQLite's own locks are of another kind. */
static int be_writer(chat_store_link_t *link)
{
    writing = open(file, O_RDONLY | O_CLOEXEC);
    link->writer = writing >= 0 && !flock(writing, LOCK_EX);
    return link->writer;
}

apr_status_t chat_store_link_open(chat_store_link_t *link,
                                  const chat_store_at_t *at, int writes,
                                  const char **pwhy)
{
    memset(link, 0, sizeof(*link));
    apr_pool_create(&link->p, at->p);
    *pwhy = NULL;
    if (writes && is_sqlite && !be_writer(link))
        return APR_TIMEUP;
    return chat_store_db_use(&link->db, driver, handle, pool, link->p);
}

void chat_store_link_close(chat_store_link_t *link, const chat_store_at_t *at,
                           int answered)
{
    apr_pool_destroy(link->p);
    if (link->writer)
        close(writing);
}

int chat_store_link_is(const chat_store_at_t *at, int sqlite)
{
    return is_sqlite == sqlite;
}

chat_store_group_t *chat_store_link_group(const chat_store_at_t *at)
{
    return is_sqlite ? store_link_group : NULL;
}

void chat_store_link_limits(chat_store_limits_t *limits,
                            const chat_store_at_t *at)
{
    *limits = store_link_limits;
}

void chat_store_link_log(const chat_store_at_t *at, int error, const char *what,
                         const char *why)
{
    store_link_failures++;
    store_link_why = apr_pstrcat(pool, what, ": ", why, NULL);
    if (getenv("CHAT_TEST_VERBOSE"))
        fprintf(stderr, "# cannot %s: %s\n", what, why);
}

apr_status_t chat_store_tables_app(const char **pwhy, const chat_store_at_t *at)
{
    return chat_store_tables(pwhy, at);
}

apr_status_t chat_store_tables(const char **pwhy, const chat_store_at_t *at)
{
    *pwhy = NULL;
    return APR_SUCCESS;
}

/* ---- the part of the metrics: nobody looks at them ---- */

void chat_metric_add(chat_metric_e id, const char *const *values, apr_int64_t n)
{
}
