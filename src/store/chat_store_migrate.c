/* SPDX-License-Identifier: Apache-2.0 */
/* See chat_store_migrate.h. Above: chat_store_tables.c, and chat-migrate. */
#include "chat_store_migrate.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "chat_store_schema.h"

/* Any number that nobody else locks in the same database: "chat". */
#define LOCK_PGSQL "select pg_advisory_xact_lock(1667785076)"
#define LOCK_SQLITE "begin exclusive"

#define RECORD_PGSQL                                                           \
    "create table if not exists chat_migration ("                              \
    "version integer not null primary key, name text not null, "               \
    "applied_at bigint not null)"
#define RECORD_SQLITE                                                          \
    "create table if not exists chat_migration ("                              \
    "version integer not null primary key, name text not null, "               \
    "applied_at integer not null) strict"

/* The migration behind that one, or NULL. */
static const chat_store_schema_t *next(const chat_store_db_t *db,
                                       const chat_store_schema_t *after)
{
    const char *database = db->sqlite ? "sqlite" : "postgresql";
    const chat_store_schema_t *s = after ? after + 1 : chat_store_schema;

    while (s->database && strcmp(s->database, database))
        s++;
    return s->database ? s : NULL;
}

static int newest(const chat_store_db_t *db)
{
    const chat_store_schema_t *s;
    int version = 0;

    for (s = next(db, NULL); s; s = next(db, s))
        version = s->version;
    return version;
}

/* ---- how they are ---- */

static apr_status_t exists(int *pexists, chat_store_db_t *db,
                           chat_store_sql_e id)
{
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_db_select(db, &rows, id, NULL, 0);

    *pexists = rv == APR_SUCCESS && chat_store_db_next(&rows) == APR_SUCCESS;
    return rv;
}

static void set(chat_store_migrate_t *m, chat_store_tables_e is,
                const char *why)
{
    m->is = is;
    m->why = why;
}

static void compare(chat_store_migrate_t *m, chat_store_db_t *db,
                    chat_store_rows_t *rows)
{
    const chat_store_schema_t *s = next(db, NULL);

    while (chat_store_db_next(rows) == APR_SUCCESS) {
        int version = (int)chat_store_db_integer(rows, 0, 0);
        const char *name = chat_store_db_text(rows, 1, db->p);

        m->found = version;
        if (m->is == CHAT_STORE_TABLES_DIRTY)
            continue; /* the driver frees the result after the last row */
        if (version > m->known)
            set(m, CHAT_STORE_TABLES_NEWER,
                apr_psprintf(db->p,
                             "the tables are newer (%d, \"%s\") than this "
                             "mod_chat, which knows them up to %d",
                             version, name, m->known));
        else if (!s || s->version != version || strcmp(s->name, name))
            set(m, CHAT_STORE_TABLES_DIRTY,
                apr_psprintf(db->p,
                             "chat_migration has %d, \"%s\", where \"%s\" "
                             "belongs: these are not the tables of mod_chat",
                             version, name, s ? s->name : "nothing"));
        s = s ? next(db, s) : NULL;
    }
    if (m->is == CHAT_STORE_TABLES_OK && m->found == 0)
        set(m, CHAT_STORE_TABLES_NONE, "there are no tables yet");
    else if (m->is == CHAT_STORE_TABLES_OK && m->found < m->known)
        set(m, CHAT_STORE_TABLES_OLDER,
            apr_psprintf(db->p,
                         "the tables are older (%d) than this mod_chat, which "
                         "needs %d",
                         m->found, m->known));
}

/* The record may be empty where a first migration failed between two programs
 * of old; tables without it are nobody's. */
static apr_status_t check(chat_store_migrate_t *m, chat_store_db_t *db)
{
    chat_store_rows_t rows;
    int recorded, tables;
    apr_status_t rv = exists(&recorded, db, CHAT_SQL_MIGRATION_EXISTS);

    if (rv == APR_SUCCESS)
        rv = exists(&tables, db, CHAT_SQL_TABLES_EXIST);
    if (rv != APR_SUCCESS)
        return rv;
    if (recorded) {
        rv = chat_store_db_select(db, &rows, CHAT_SQL_MIGRATION_LIST, NULL, 0);
        if (rv == APR_SUCCESS)
            compare(m, db, &rows);
    }
    else {
        set(m, CHAT_STORE_TABLES_NONE, "there are no tables yet");
    }
    if (m->is == CHAT_STORE_TABLES_NONE && tables)
        set(m, CHAT_STORE_TABLES_DIRTY,
            "there is a table chat_conversation, but chat_migration does not "
            "say that mod_chat has made it");
    return rv;
}

apr_status_t chat_store_migrate_check(chat_store_migrate_t *m,
                                      chat_store_db_t *db)
{
    memset(m, 0, sizeof(*m));
    m->known = newest(db);
    return check(m, db);
}

/* ---- how they come to be ---- */

static apr_status_t lock(chat_store_db_t *db)
{
    apr_dbd_results_t *results = NULL;

    if (db->sqlite)
        return chat_store_db_run(db, LOCK_SQLITE);
    if (chat_store_db_begin(db) != APR_SUCCESS)
        return APR_EGENERAL;
    if (!apr_dbd_select(db->driver, db->p, db->handle, &results, LOCK_PGSQL, 1))
        return APR_SUCCESS;
    db->why = "the lock of migrations cannot be had";
    return APR_EGENERAL;
}

/* The end of a statement: a semicolon and an empty line, or the end. */
static const char *statement_end(const char *sql)
{
    const char *end = strstr(sql, ";\n\n");

    if (end)
        return end + 1;
    end = sql + strlen(sql);
    while (end > sql && apr_isspace(end[-1]))
        end--;
    return end;
}

static apr_status_t run_file(chat_store_db_t *db, const char *sql)
{
    const char *end;
    apr_status_t rv = APR_SUCCESS;

    for (; rv == APR_SUCCESS && *sql; sql = end) {
        while (apr_isspace(*sql))
            sql++;
        end = statement_end(sql);
        if (end > sql)
            rv = chat_store_db_run(
                db, apr_pstrmemdup(db->p, sql, (apr_size_t)(end - sql)));
    }
    return rv;
}

static apr_status_t apply(const chat_store_schema_t *s, chat_store_db_t *db)
{
    const char *version = apr_itoa(db->p, s->version);
    const char *now = apr_psprintf(db->p, "%" APR_INT64_T_FMT,
                                   apr_time_as_msec(apr_time_now()));
    apr_status_t rv =
        chat_store_db_run(db, db->sqlite ? RECORD_SQLITE : RECORD_PGSQL);

    if (rv == APR_SUCCESS)
        rv = run_file(db, s->sql);
    if (rv == APR_SUCCESS)
        rv = chat_store_db_exec(db, NULL, CHAT_SQL_MIGRATION_INSERT,
                                CHAT_STORE_ARGS(version, s->name, now));
    if (rv == APR_SUCCESS)
        rv = chat_store_db_commit(db);
    chat_store_db_forget(db);
    if (rv != APR_SUCCESS)
        db->why = apr_pstrcat(db->p, s->name, ": ", db->why, NULL);
    return rv;
}

/* The first that is missing. */
static const chat_store_schema_t *missing(const chat_store_migrate_t *m,
                                          const chat_store_db_t *db)
{
    const chat_store_schema_t *s = next(db, NULL);

    while (s && s->version <= m->found)
        s = next(db, s);
    return s;
}

/* Under the lock. *papplied: what was, or NULL: nothing is left to do. */
static apr_status_t step(chat_store_migrate_t *m, chat_store_db_t *db,
                         const chat_store_schema_t **papplied)
{
    apr_status_t rv = chat_store_migrate_check(m, db);

    *papplied = NULL;
    if (rv != APR_SUCCESS)
        return rv;
    if (m->is == CHAT_STORE_TABLES_NEWER || m->is == CHAT_STORE_TABLES_DIRTY)
        return APR_EINVAL;
    if (m->is == CHAT_STORE_TABLES_OK)
        return APR_SUCCESS;
    *papplied = missing(m, db);
    return apply(*papplied, db);
}

apr_status_t chat_store_migrate_up(chat_store_migrate_t *m, chat_store_db_t *db,
                                   chat_store_migrate_cb *tell, void *baton)
{
    const chat_store_schema_t *applied;
    apr_status_t rv;

    do {
        rv = lock(db);
        if (rv != APR_SUCCESS)
            return rv;
        rv = step(m, db, &applied);
        if (rv != APR_SUCCESS || !applied)
            chat_store_db_rollback(db);
        else if (tell)
            tell(baton, applied->name);
    } while (rv == APR_SUCCESS && applied);
    return rv;
}
