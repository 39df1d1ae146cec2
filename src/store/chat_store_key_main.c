/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chat-keys: seals users' keys anew with the newest master key, or says with
 * which ones they are sealed. Servers may serve meanwhile: a row that has
 * changed is left as it is.
 */
#include <stdio.h>
#include <string.h>

#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_getopt.h>
#include <apr_strings.h>

#include "chat_seal.h"
#include "chat_store_tool.h"

static const char usage[] =
    "usage: chat-keys [-f FILE] -k KEYS status|reseal\n"
    "\n"
    "  status   how many keys are sealed with which master key\n"
    "  reseal   seal all of them with the first line of KEYS\n"
    "\n"
    "  -f FILE  where DBDriver and DBDParams stand, as for chat-migrate.\n"
    "           Without it they are the variables CHAT_DB_DRIVER and\n"
    "           CHAT_DB_PARAMS.\n"
    "  -k KEYS  the file of ChatKeySecret\n"
    "\n"
    "Exit status: 0 done, 1 some keys cannot be opened, 2 it could not be "
    "done.\n";

#define KEYS_SIZE_MAX (64 * 1024)
#define ROWS "100"

enum { USER, PROVIDER, BLOB, KEY_ID };

typedef struct row_t {
    const char *user, *provider, *key_id;
    unsigned char *blob;
    apr_size_t len;
} row_t;

typedef struct work_t {
    chat_store_db_t *db;
    const chat_seal_keys_t *keys;
    const char *newest;
    int resealed, unknown, damaged;
} work_t;

/* ---- the file of master keys ---- */

static int read_keys(chat_seal_keys_t **pkeys, const char *path, apr_pool_t *p)
{
    char *text = chat_seal_alloc(KEYS_SIZE_MAX, p);
    apr_size_t len = 0;
    apr_file_t *file;
    const char *why;
    apr_status_t rv = text ? apr_file_open(&file, path, APR_FOPEN_READ,
                                           APR_FPROT_OS_DEFAULT, p)
                           : APR_ENOMEM;

    if (rv != APR_SUCCESS)
        return chat_store_tool_fail("%s cannot be read", path);
    rv = apr_file_read_full(file, text, KEYS_SIZE_MAX, &len);
    apr_file_close(file);
    if (rv != APR_EOF)
        return chat_store_tool_fail("%s is no file of keys", path);
    why = chat_seal_keys_parse(pkeys, text, len, p);
    chat_seal_free(text, p);
    return why ? chat_store_tool_fail("the file of keys: %s", why)
               : CHAT_STORE_TOOL_DONE;
}

/* ---- rows ---- */

static int digit(char c)
{
    return c >= 'a' ? c - 'a' + 10 : c - '0';
}

static void read_row(row_t *row, const chat_store_rows_t *rows, apr_pool_t *p)
{
    const char *hex = chat_store_db_text(rows, BLOB, p);
    apr_size_t i;

    row->user = chat_store_db_text(rows, USER, p);
    row->provider = chat_store_db_text(rows, PROVIDER, p);
    row->key_id = chat_store_db_text(rows, KEY_ID, p);
    row->len = strlen(hex) / 2;
    row->blob = apr_pcalloc(p, row->len + 1);
    for (i = 0; i < row->len; i++)
        row->blob[i] =
            (unsigned char)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
}

/* Those behind that row which are not sealed with the newest key. */
static apr_status_t next_rows(apr_array_header_t **prows, work_t *w,
                              const row_t *after, apr_pool_t *p)
{
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_db_select(
        w->db, &rows, CHAT_SQL_KEY_OLD,
        CHAT_STORE_ARGS(w->newest, after->user, after->provider, ROWS));

    *prows = apr_array_make(p, 100, sizeof(row_t));
    while (rv == APR_SUCCESS && chat_store_db_next(&rows) == APR_SUCCESS)
        read_row(apr_array_push(*prows), &rows, p);
    return rv;
}

static const char *number(apr_size_t n, apr_pool_t *p)
{
    return apr_psprintf(p, "%" APR_SIZE_T_FMT, n);
}

static apr_status_t write_row(int *pcount, work_t *w, const row_t *row,
                              const unsigned char *blob, apr_size_t len,
                              apr_pool_t *p)
{
    apr_status_t rv;

    do
        rv = chat_store_db_exec(
            w->db, pcount, CHAT_SQL_KEY_RESEAL,
            CHAT_STORE_ARGS((const char *)blob, number(len, p), NULL, NULL,
                            w->newest, row->user, row->provider,
                            (const char *)row->blob, number(row->len, p), NULL,
                            NULL));
    while (rv != APR_SUCCESS && chat_store_tool_is_locked(w->db));
    return rv;
}

static apr_status_t reseal_row(work_t *w, const row_t *row, apr_pool_t *p)
{
    const unsigned char *blob;
    apr_size_t len;
    char *secret;
    int count = 0;
    apr_status_t rv = chat_seal_open(&secret, w->keys, row->user, row->provider,
                                     row->blob, row->len, p);

    if (rv != APR_SUCCESS) {
        w->unknown += rv == APR_NOTFOUND;
        w->damaged += rv != APR_NOTFOUND;
        return APR_SUCCESS;
    }
    rv = chat_seal_close(&blob, &len, w->keys, row->user, row->provider, secret,
                         p);
    chat_seal_free(secret, p);
    if (rv == APR_SUCCESS)
        rv = write_row(&count, w, row, blob, len, p);
    w->resealed += count;
    return rv;
}

static apr_status_t reseal_all(work_t *w, apr_pool_t *p)
{
    row_t last = {.user = "", .provider = ""};
    apr_array_header_t *rows;
    apr_status_t rv;
    int i;

    do {
        rv = next_rows(&rows, w, &last, p);
        for (i = 0; rv == APR_SUCCESS && i < rows->nelts; i++) {
            last = APR_ARRAY_IDX(rows, i, row_t);
            rv = reseal_row(w, &last, p);
        }
    } while (rv == APR_SUCCESS && rows->nelts);
    return rv;
}

/* ---- what is to be done ---- */

static int reseal(chat_store_db_t *db, const chat_seal_keys_t *keys,
                  apr_pool_t *p)
{
    work_t w = {.db = db, .keys = keys};

    w.newest = chat_seal_keys_newest(keys, p);
    if (reseal_all(&w, p) != APR_SUCCESS)
        return chat_store_tool_fail("%s", db->why);
    printf("resealed %d\n", w.resealed);
    if (w.unknown)
        printf("%d were sealed with a master key that is not in the file\n",
               w.unknown);
    if (w.damaged)
        printf("%d are not what was sealed for their user\n", w.damaged);
    return w.unknown || w.damaged ? CHAT_STORE_TOOL_NOT_RIGHT
                                  : CHAT_STORE_TOOL_DONE;
}

static int status(chat_store_db_t *db, const chat_seal_keys_t *keys,
                  apr_pool_t *p)
{
    chat_store_rows_t rows;

    if (chat_store_db_select(db, &rows, CHAT_SQL_KEY_COUNT, NULL, 0) !=
        APR_SUCCESS)
        return chat_store_tool_fail("%s", db->why);
    printf("the newest master key is %s\n", chat_seal_keys_newest(keys, p));
    while (chat_store_db_next(&rows) == APR_SUCCESS)
        printf("%s %s\n", chat_store_db_text(&rows, 0, p),
               chat_store_db_text(&rows, 1, p));
    return CHAT_STORE_TOOL_DONE;
}

static int act(const char *word, const char *file, const char *path,
               apr_pool_t *p)
{
    chat_seal_keys_t *keys;
    chat_store_db_t db;
    int result = read_keys(&keys, path, p);

    if (result == CHAT_STORE_TOOL_DONE)
        result = chat_store_tool_open(&db, file, p);
    if (result != CHAT_STORE_TOOL_DONE)
        return result;
    result = *word == 's' ? status(&db, keys, p) : reseal(&db, keys, p);
    apr_dbd_close(db.driver, db.handle);
    return result;
}

static int parse(const char **pfile, const char **ppath, const char **pword,
                 int argc, const char *const *argv, apr_pool_t *p)
{
    apr_getopt_t *options;
    const char *value;
    char option;
    apr_status_t rv = apr_getopt_init(&options, p, argc, argv);

    while (rv == APR_SUCCESS) {
        rv = apr_getopt(options, "f:k:h", &option, &value);
        if (rv == APR_SUCCESS && option == 'h')
            return 0;
        if (rv == APR_SUCCESS)
            *(option == 'f' ? pfile : ppath) = value;
    }
    *pword = options->ind == argc - 1 ? argv[options->ind] : "";
    return rv == APR_EOF && *ppath &&
           (!strcmp(*pword, "status") || !strcmp(*pword, "reseal"));
}

int main(int argc, const char *const *argv)
{
    const char *file = NULL, *path = NULL, *word = "";
    apr_pool_t *p;
    int result;

    chat_store_tool_name = "chat-keys";
    if (apr_app_initialize(&argc, &argv, NULL) != APR_SUCCESS ||
        apr_pool_create(&p, NULL) != APR_SUCCESS)
        return CHAT_STORE_TOOL_FAILED;
    if (parse(&file, &path, &word, argc, argv, p)) {
        result = act(word, file, path, p);
    }
    else {
        fputs(usage, *word ? stderr : stdout);
        result = CHAT_STORE_TOOL_FAILED;
    }
    apr_terminate();
    return result;
}
