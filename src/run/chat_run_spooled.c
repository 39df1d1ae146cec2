/* SPDX-License-Identifier: Apache-2.0 */
/* Usage that waits for the database. Threads as in chat_run_spooled.h. */
#include "chat_run_spooled.h"

#include <http_log.h>
#include <http_main.h>
#include <apr_file_info.h>
#include <apr_hash.h>
#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "chat_crypto.h"
#include "chat_log.h"
#include "chat_run_counted.h"
#include "chat_run_instance.h"
#include "chat_run_unsaved.h"

#define CLOSED ".usage"
#define GATHERING ".gathering"

/* A batch of an hour, at thousands of answers a second. */
#define FILE_MAX ((apr_size_t)1024 * 1024 * 1024)
#define LINE_MAX_BYTES ((apr_size_t)64 * 1024)

/* The file of this process. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int file_fd = -1; /* with the lock; -1: nothing is gathered */

/* ---- writing ---- */

static const char *as_line(const server_rec *s, const chat_store_usage_t *u,
                           apr_pool_t *p)
{
    chat_json_t *o = chat_run_counted_write(u, p);

    chat_json_add_string(o, "server", chat_run_unsaved_server(s, p));
    return apr_pstrcat(p, chat_json_text(o, NULL, p), "\n", NULL);
}

static const char *as_lines(const server_rec *s, const chat_store_usage_t *rows,
                            int n, apr_pool_t *p)
{
    const char *lines = "";
    int i;

    for (i = 0; i < n; i++)
        lines = apr_pstrcat(p, lines, as_line(s, &rows[i], p), NULL);
    return lines;
}

static const char *path_of(const char *name, const char *suffix, apr_pool_t *p)
{
    return chat_run_unsaved_path(apr_pstrcat(p, name, suffix, NULL), p);
}

/* With the lock. What a full disk took in part is taken back, so that each line
 * is whole. */
static int append(const char *lines, apr_pool_t *p)
{
    apr_size_t len = strlen(lines);
    ssize_t n;

    if (file_fd < 0)
        file_fd =
            open(path_of(chat_run_instance(), GATHERING, p),
                 O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file_fd < 0)
        return 0;
    n = write(file_fd, lines, len);
    if (n > 0 && (apr_size_t)n < len) {
        off_t end = lseek(file_fd, 0, SEEK_END);

        if (end < n || ftruncate(file_fd, end - n) != 0)
            return 0;
        errno = ENOSPC;
    }
    return n == (ssize_t)len;
}

int chat_run_spooled_gather(const server_rec *s, const chat_store_usage_t *rows,
                            int n, apr_pool_t *p)
{
    const char *lines = as_lines(s, rows, n, p);
    int fine;

    pthread_mutex_lock(&lock);
    fine = append(lines, p);
    pthread_mutex_unlock(&lock);
    if (!fine)
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                     CHATNO(0875) "usage could not be written to %s: it is "
                                  "lost",
                     path_of(chat_run_instance(), GATHERING, p));
    return fine;
}

void chat_run_spooled_keep(const server_rec *s, const chat_store_usage_t *rows,
                           int n, const char *id, apr_pool_t *p)
{
    const char *lines = as_lines(s, rows, n, p);
    const char *path = path_of(id, CLOSED, p);

    if (!chat_run_unsaved_write(path, lines, strlen(lines), p))
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                     CHATNO(0876) "the database did not take what an answer "
                                  "used, and neither did %s: it is lost",
                     path);
}

/* ---- closing ---- */

static void close_file(const char *instance, apr_pool_t *p)
{
    const char *path = path_of(instance, GATHERING, p);
    char id[37];

    chat_crypto_uuid7(id, apr_time_now());
    if (rename(path, path_of(id, CLOSED, p)) != 0 && errno != ENOENT)
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, ap_server_conf,
                     CHATNO(0877) "%s cannot be renamed: what it counts waits",
                     path);
}

void chat_run_spooled_close(apr_pool_t *p)
{
    pthread_mutex_lock(&lock);
    if (file_fd >= 0) {
        close(file_fd);
        file_fd = -1;
        close_file(chat_run_instance(), p);
    }
    pthread_mutex_unlock(&lock);
}

void chat_run_spooled_inherit(const char *instance, apr_pool_t *p)
{
    close_file(instance, p);
}

/* ---- telling ---- */

/* All rows of one server, those of one key added up. */
typedef struct told_t {
    const char *name;
    apr_hash_t *by_key; /* -> chat_store_usage_t */
} told_t;

static apr_int64_t sum(apr_int64_t a, apr_int64_t b)
{
    return __builtin_add_overflow(a, b, &a) ? APR_INT64_MAX : a;
}

static void add_row(told_t *told, const chat_store_usage_t *u, apr_pool_t *p)
{
    const char *key = apr_psprintf(p, "%s\n%s\n%s\n%d\n%s", u->day, u->model,
                                   u->provider, u->own_key, u->owner);
    chat_store_usage_t *all =
        apr_hash_get(told->by_key, key, APR_HASH_KEY_STRING);

    if (!all) {
        apr_hash_set(told->by_key, key, APR_HASH_KEY_STRING,
                     apr_pmemdup(p, u, sizeof(*u)));
        return;
    }
    all->requests = sum(all->requests, u->requests);
    all->input_tokens = sum(all->input_tokens, u->input_tokens);
    all->output_tokens = sum(all->output_tokens, u->output_tokens);
    all->cached_tokens = sum(all->cached_tokens, u->cached_tokens);
    all->cost = sum(all->cost, u->cost);
}

static told_t *told_of(apr_hash_t *all, const char *name, apr_pool_t *p)
{
    told_t *told = apr_hash_get(all, name, APR_HASH_KEY_STRING);

    if (!told) {
        told = apr_pcalloc(p, sizeof(*told));
        told->name = name;
        told->by_key = apr_hash_make(p);
        apr_hash_set(all, name, APR_HASH_KEY_STRING, told);
    }
    return told;
}

/* A line that is none of ours is told of, and passed over. */
static void read_line(apr_hash_t *all, const char *line, apr_size_t len,
                      const char *path, apr_pool_t *p)
{
    static const chat_json_limits_t limits = {LINE_MAX_BYTES, 2, 20};
    chat_store_usage_t u;
    chat_json_t *o;

    if (chat_json_parse(&o, line, len, &limits, p) == APR_SUCCESS &&
        chat_run_counted_read(&u, o)) {
        const char *name = chat_json_string(chat_json_get(o, "server"));

        add_row(told_of(all, name ? name : "", p), &u, p);
    }
    else
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
                     CHATNO(0878) "%s has a line that is no usage: it is not "
                                  "counted",
                     path);
}

/* NULL: it cannot be read. */
static apr_hash_t *read_file(const char *path, apr_pool_t *p)
{
    apr_hash_t *all = apr_hash_make(p);
    apr_size_t len;
    const char *at = chat_run_unsaved_read(path, FILE_MAX, &len, p), *end, *nl;

    if (!at)
        return NULL;
    for (end = at + len; at < end; at = nl + 1) {
        nl = memchr(at, '\n', end - at);
        if (!nl)
            nl = end;
        read_line(all, at, nl - at, path, p);
    }
    return all;
}

/* Of several servers in one file each has an id of its own, the same each time:
 * they may share a database. */
static const char *id_within(const char *id, const char *name, apr_pool_t *p)
{
    const char *text = apr_pstrcat(p, id, "\n", name, NULL);
    unsigned char digest[CHAT_SHA256_LEN];
    char hex[33];

    if (chat_crypto_sha256(digest, text, strlen(text)) != APR_SUCCESS)
        return NULL;
    chat_crypto_hex(hex, digest, 16);
    /* A UUID of version 8 (RFC 9562): of anybody's making. */
    return apr_psprintf(p, "%.8s-%.4s-8%.3s-8%.3s-%.12s", hex, hex + 8,
                        hex + 13, hex + 17, hex + 20);
}

static int tell_one(const told_t *told, const char *id, apr_pool_t *p)
{
    const chat_store_at_t at = {
        .s = chat_run_unsaved_find_server(told->name, p), .p = p};
    chat_store_usage_t *rows =
        apr_palloc(p, apr_hash_count(told->by_key) * sizeof(*rows));
    chat_err_t err = {0};
    apr_hash_index_t *hi;
    int n = 0, added;

    for (hi = apr_hash_first(p, told->by_key); hi; hi = apr_hash_next(hi))
        rows[n++] = *(const chat_store_usage_t *)apr_hash_this_val(hi);
    return id &&
           chat_store_usage_add(&added, rows, n, id, &at, &err) == APR_SUCCESS;
}

/* 0: a database does not take it yet. One that has taken it does not again. */
static int tell(const char *id, const char *path, apr_pool_t *p)
{
    apr_hash_t *all = read_file(path, p);
    apr_hash_index_t *hi;

    if (!all) {
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, ap_server_conf,
                     CHATNO(0879) "%s cannot be read: it stays where it is, as "
                                  "%s.bad",
                     path, path);
        rename(path, apr_pstrcat(p, path, ".bad", NULL));
        return 1;
    }
    for (hi = apr_hash_first(p, all); hi; hi = apr_hash_next(hi)) {
        const told_t *told = apr_hash_this_val(hi);

        if (!tell_one(
                told,
                apr_hash_count(all) > 1 ? id_within(id, told->name, p) : id, p))
            return 0;
    }
    unlink(path);
    return 1;
}

/* The id that a file is closed by, or NULL. */
static const char *id_of(const char *file, apr_pool_t *p)
{
    apr_size_t len = strlen(file), end = sizeof(CLOSED) - 1;
    const char *id =
        len == CHAT_STORE_ID_LEN + end && !strcmp(file + len - end, CLOSED)
            ? apr_pstrmemdup(p, file, len - end)
            : NULL;

    return id && chat_store_is_id(id) ? id : NULL;
}

static int take(const char *file, apr_pool_t *p)
{
    const char *id = id_of(file, p);

    return !id || tell(id, chat_run_unsaved_path(file, p), p);
}

int chat_run_spooled_replay(apr_pool_t *p)
{
    return chat_run_unsaved_each(take, p);
}
