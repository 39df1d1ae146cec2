/* SPDX-License-Identifier: Apache-2.0 */
/* See chat_store_tool.h. */
#include "chat_store_tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_lib.h>
#include <apr_strings.h>

/* From the first look at the database on. */
#define LOCKED_MAX apr_time_from_sec(60)

typedef struct database_t {
    const char *driver, *params;
} database_t;

const char *chat_store_tool_name;

int chat_store_tool_fail(const char *format, const char *what)
{
    fprintf(stderr, "%s: ", chat_store_tool_name);
    fprintf(stderr, format, what);
    fputc('\n', stderr);
    return CHAT_STORE_TOOL_FAILED;
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
        return chat_store_tool_fail("%s cannot be read", path);
    while (one && fgets(line, sizeof(line), file))
        one = read_line(db, line, p);
    if (file != stdin)
        fclose(file);
    if (!one)
        return chat_store_tool_fail(
            "%s names several databases: write the one that is meant "
            "into a file of its own, which httpd can Include",
            path);
    if (!db->driver || !db->params)
        return chat_store_tool_fail(
            "%s has not both of DBDriver and DBDParams; what it "
            "includes is not read",
            path);
    return CHAT_STORE_TOOL_DONE;
}

static int read_environment(database_t *db)
{
    db->driver = getenv("CHAT_DB_DRIVER");
    db->params = getenv("CHAT_DB_PARAMS");
    if (!db->driver || !db->params)
        return chat_store_tool_fail(
            "%s", "which database? See -f, or set CHAT_DB_DRIVER and "
                  "CHAT_DB_PARAMS");
    return CHAT_STORE_TOOL_DONE;
}

/* SQLite's driver gives up after 1.6 s, and several that try at the same
 * moments do so for longer. 1: after a moment of its own, it is worth another
 * try. A migration that another one makes may take its time. */
int chat_store_tool_is_locked(const chat_store_db_t *db)
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
        return chat_store_tool_fail(
            "there is no driver %s: DBDriver is pgsql or sqlite3, and "
            "Debian has them as libaprutil1-dbd-*",
            which->driver);
    if (apr_dbd_open_ex(driver, p, which->params, &handle, &why) != APR_SUCCESS)
        return chat_store_tool_fail(
            "the database cannot be opened: %s",
            why ? apr_pstrndup(p, why, strcspn(why, "\r\n"))
                : "no reason given");
    while (chat_store_db_use(db, driver, handle, p, p) != APR_SUCCESS) {
        if (!chat_store_tool_is_locked(db))
            return chat_store_tool_fail("%s", db->why);
    }
    return CHAT_STORE_TOOL_DONE;
}

int chat_store_tool_open(chat_store_db_t *db, const char *file, apr_pool_t *p)
{
    database_t which = {0};
    int result = file ? read_file(&which, file, p) : read_environment(&which);

    return result == CHAT_STORE_TOOL_DONE ? open_database(db, &which, p)
                                          : result;
}
