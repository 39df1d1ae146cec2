/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chat-migrate: makes and changes the tables, or says how they are. A program
 * of its own, so that httpd's role in the database needs no right to do so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_getopt.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "chat_store_migrate.h"

static const char usage[] =
    "usage: chat-migrate [-f FILE] status|up|check\n"
    "\n"
    "  status   say which tables there are\n"
    "  up       make them, or change them to what this mod_chat needs\n"
    "  check    nothing but an exit status: 0, or 1 when they are not right\n"
    "\n"
    "  -f FILE  where DBDriver and DBDParams stand, as in httpd's\n"
    "           configuration; \"-\" is standard input. Without it they are\n"
    "           the variables CHAT_DB_DRIVER and CHAT_DB_PARAMS.\n"
    "\n"
    "Exit status: 0 done, 1 the tables are not right, 2 it could not be "
    "done.\n";

enum { DONE, NOT_RIGHT, FAILED };

/* From the first look at the database on. */
#define LOCKED_MAX apr_time_from_sec(60)

typedef struct database_t {
    const char *driver, *params;
} database_t;

static int fail(const char *format, const char *what)
{
    fputs("chat-migrate: ", stderr);
    fprintf(stderr, format, what);
    fputc('\n', stderr);
    return FAILED;
}

/* ---- which database ---- */

/* A directive of one value, which may stand in quotes. 0: another one has been
 * read before. */
static int read_value(const char **pvalue, const char *rest, apr_pool_t *p)
{
    char **words;

    if (apr_tokenize_to_argv(rest, &words, p) != APR_SUCCESS || !words[0])
        return 1;
    if (*pvalue && strcmp(*pvalue, words[0]))
        return 0;
    *pvalue = words[0];
    return 1;
}

static int read_line(database_t *db, char *line, apr_pool_t *p)
{
    while (apr_isspace(*line))
        line++;
    line[strcspn(line, "\r\n")] = '\0';
    if (!strncasecmp(line, "DBDriver", 8) && apr_isspace(line[8]))
        return read_value(&db->driver, line + 9, p);
    if (!strncasecmp(line, "DBDParams", 9) && apr_isspace(line[9]))
        return read_value(&db->params, line + 10, p);
    return 1;
}

static int read_file(database_t *db, const char *path, apr_pool_t *p)
{
    FILE *file = strcmp(path, "-") ? fopen(path, "r") : stdin;
    char line[8192];
    int one = 1;

    if (!file)
        return fail("%s cannot be read", path);
    while (one && fgets(line, sizeof(line), file))
        one = read_line(db, line, p);
    if (file != stdin)
        fclose(file);
    if (!one)
        return fail("%s names several databases: write the one that is meant "
                    "into a file of its own, which httpd can Include",
                    path);
    if (!db->driver || !db->params)
        return fail("%s has not both of DBDriver and DBDParams; what it "
                    "includes is not read",
                    path);
    return DONE;
}

static int read_environment(database_t *db)
{
    db->driver = getenv("CHAT_DB_DRIVER");
    db->params = getenv("CHAT_DB_PARAMS");
    if (!db->driver || !db->params)
        return fail("%s", "which database? See -f, or set CHAT_DB_DRIVER and "
                          "CHAT_DB_PARAMS");
    return DONE;
}

/* SQLite's driver gives up after 1.6 s, and several that try at the same
 * moments do so for longer. 1: after a moment of its own, it is worth another
 * try. A migration that another one makes may take its time. */
static int is_locked(const chat_store_db_t *db)
{
    static apr_time_t until;
    apr_time_t now = apr_time_now();

    if (!until)
        until = now + LOCKED_MAX;
    if (!db->sqlite || !db->why || !strstr(db->why, "locked") || now > until)
        return 0;
    apr_sleep((10 + getpid() % 97) * 1000);
    return 1;
}

/* Drivers' words may repeat what they were told to connect with. */
static int open_database(chat_store_db_t *db, const database_t *which,
                         apr_pool_t *p)
{
    const apr_dbd_driver_t *driver;
    const char *why = NULL;
    apr_dbd_t *handle;

    if (apr_dbd_init(p) != APR_SUCCESS ||
        apr_dbd_get_driver(p, which->driver, &driver) != APR_SUCCESS)
        return fail("there is no driver %s: DBDriver is pgsql or sqlite3, and "
                    "Debian has them as libaprutil1-dbd-*",
                    which->driver);
    if (apr_dbd_open_ex(driver, p, which->params, &handle, &why) != APR_SUCCESS)
        return fail("the database cannot be opened: %s",
                    why ? apr_pstrndup(p, why, strcspn(why, "\r\n"))
                        : "no reason given");
    while (chat_store_db_use(db, driver, handle, p, p) != APR_SUCCESS) {
        if (!is_locked(db))
            return fail("%s", db->why);
    }
    return DONE;
}

/* ---- what is to be done ---- */

static void tell(void *baton, const char *name)
{
    printf("applied %s\n", name);
}

static int status(chat_store_db_t *db, int quiet)
{
    chat_store_migrate_t m;

    if (chat_store_migrate_check(&m, db) != APR_SUCCESS)
        return fail("%s", db->why);
    if (!quiet)
        printf("%s\nversion %d, known %d\n",
               m.why ? m.why : "the tables are right", m.found, m.known);
    return m.is == CHAT_STORE_TABLES_OK ? DONE : NOT_RIGHT;
}

static int up(chat_store_db_t *db)
{
    chat_store_migrate_t m;
    apr_status_t rv;

    do
        rv = chat_store_migrate_up(&m, db, tell, NULL);
    while (rv != APR_SUCCESS && rv != APR_EINVAL && is_locked(db));
    if (rv == APR_EINVAL) {
        fail("%s", m.why);
        return NOT_RIGHT;
    }
    if (rv != APR_SUCCESS)
        return fail("%s", db->why);
    printf("the tables are right, version %d\n", m.found);
    return DONE;
}

static int act(const char *word, const char *file, apr_pool_t *p)
{
    database_t which = {0};
    chat_store_db_t db;
    int result = file ? read_file(&which, file, p) : read_environment(&which);

    if (result == DONE)
        result = open_database(&db, &which, p);
    if (result != DONE)
        return result;
    result = !strcmp(word, "up") ? up(&db) : status(&db, *word == 'c');
    apr_dbd_close(db.driver, db.handle);
    return result;
}

static int parse(const char **pfile, const char **pword, int argc,
                 const char *const *argv, apr_pool_t *p)
{
    apr_getopt_t *options;
    const char *value;
    char option;
    apr_status_t rv = apr_getopt_init(&options, p, argc, argv);

    while (rv == APR_SUCCESS) {
        rv = apr_getopt(options, "f:h", &option, &value);
        if (rv == APR_SUCCESS && option == 'h')
            return 0;
        if (rv == APR_SUCCESS)
            *pfile = value;
    }
    *pword = options->ind == argc - 1 ? argv[options->ind] : "";
    return rv == APR_EOF && (!strcmp(*pword, "status") ||
                             !strcmp(*pword, "up") || !strcmp(*pword, "check"));
}

int main(int argc, const char *const *argv)
{
    const char *file = NULL, *word = "";
    apr_pool_t *p;
    int result;

    if (apr_app_initialize(&argc, &argv, NULL) != APR_SUCCESS ||
        apr_pool_create(&p, NULL) != APR_SUCCESS)
        return FAILED;
    if (parse(&file, &word, argc, argv, p)) {
        result = act(word, file, p);
    }
    else {
        fputs(usage, *word ? stderr : stdout);
        result = FAILED;
    }
    apr_terminate();
    return result;
}
