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
#include "chat_store_tool.h"

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

/* ---- what is to be done ---- */

static void tell(void *baton, const char *name)
{
    printf("applied %s\n", name);
}

static int status(chat_store_db_t *db, int quiet)
{
    chat_store_migrate_t m;

    if (chat_store_migrate_check(&m, db) != APR_SUCCESS)
        return chat_store_tool_fail("%s", db->why);
    if (!quiet)
        printf("%s\nversion %d, known %d\n",
               m.why ? m.why : "the tables are right", m.found, m.known);
    return m.is == CHAT_STORE_TABLES_OK ? CHAT_STORE_TOOL_DONE
                                        : CHAT_STORE_TOOL_NOT_RIGHT;
}

static int up(chat_store_db_t *db)
{
    chat_store_migrate_t m;
    apr_status_t rv;

    do
        rv = chat_store_migrate_up(&m, db, tell, NULL);
    while (rv != APR_SUCCESS && rv != APR_EINVAL &&
           chat_store_tool_is_locked(db));
    if (rv == APR_EINVAL) {
        chat_store_tool_fail("%s", m.why);
        return CHAT_STORE_TOOL_NOT_RIGHT;
    }
    if (rv != APR_SUCCESS)
        return chat_store_tool_fail("%s", db->why);
    printf("the tables are right, version %d\n", m.found);
    return CHAT_STORE_TOOL_DONE;
}

static int act(const char *word, const char *file, apr_pool_t *p)
{
    chat_store_db_t db;
    int result = chat_store_tool_open(&db, file, p);

    if (result != CHAT_STORE_TOOL_DONE)
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

    chat_store_tool_name = "chat-migrate";
    if (apr_app_initialize(&argc, &argv, NULL) != APR_SUCCESS ||
        apr_pool_create(&p, NULL) != APR_SUCCESS)
        return CHAT_STORE_TOOL_FAILED;
    if (parse(&file, &word, argc, argv, p)) {
        result = act(word, file, p);
    }
    else {
        fputs(usage, *word ? stderr : stdout);
        result = CHAT_STORE_TOOL_FAILED;
    }
    apr_terminate();
    return result;
}
