/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings of administrators, on their way from the database to every process.
 * Each child has a thread that asks twice a second for the newest revision, by
 * one statement that has rows only where it is another one: so a change is
 * known in time where there is no Redis, and where that has lost a message.
 *
 * What was read last is a file of the spool directory, too: a child that starts
 * while the database is away goes by that.
 */
#include "chat_run_settings.h"

#include <http_log.h>
#include <http_main.h>
#include <apr_strings.h>

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "chat_json.h"
#include "chat_log.h"
#include "chat_override.h"
#include "chat_run.h"
#include "chat_run_unsaved.h"
#include "chat_store_admin.h"
#include "chat_stream.h"
#include "chat_thread.h"

#define TICK_MS 500
/* While the database is away. */
#define REST_MS 2000

#define FILE_MAX (64 * 1024 * 1024)
#define STOP "stop:"

static pthread_t thread;
static int wake_fd = -1, stop_fd = -1; /* eventfds */
static int runs;                       /* atomic */
static apr_pool_t *pool;               /* the thread's, cleared each time */

static int is_stopping(void)
{
    return !__atomic_load_n(&runs, __ATOMIC_ACQUIRE);
}

/* ---- the file ---- */

/* Several children may write it at a time. */
static int write_whole(const char *path, const char *text, apr_size_t len)
{
    const char *made = apr_psprintf(pool, "%s.%d", path, (int)getpid());

    return chat_run_unsaved_write(made, text, len, pool) &&
           rename(made, path) == 0;
}

static const char *path_of(int home, apr_pool_t *p)
{
    return chat_run_unsaved_path(apr_psprintf(p, "settings.%d", home), p);
}

static void write_file(int home, int revision, const apr_array_header_t *rows)
{
    chat_json_t *root = chat_json_object(pool), *list = chat_json_array(pool);
    const char *text;
    apr_size_t len;
    int i;

    for (i = 0; i < rows->nelts; i++) {
        const chat_override_row_t *row =
            &APR_ARRAY_IDX(rows, i, chat_override_row_t);
        chat_json_t *pair = chat_json_array(pool);

        chat_json_push_string(pair, row->name);
        chat_json_push_string(pair, row->value);
        chat_json_push(list, pair);
    }
    chat_json_add_string(
        root, "server",
        chat_run_unsaved_server(chat_override_home(home), pool));
    chat_json_add_integer(root, "revision", revision);
    chat_json_add(root, "settings", list);
    text = chat_json_text(root, &len, pool);
    if (text && write_whole(path_of(home, pool), text, len))
        return;
    ap_log_error(APLOG_MARK, APLOG_WARNING, errno, chat_override_home(home),
                 CHATNO(0804) "%s cannot be written: a child that starts while "
                              "the database is away knows no settings",
                 path_of(home, pool));
}

/* NULL: it is of no use. */
static const chat_json_t *parse_file(int home, apr_pool_t *p)
{
    static const chat_json_limits_t limits = {FILE_MAX, 8, 4 * 1024 * 1024};
    const char *server = chat_run_unsaved_server(chat_override_home(home), p);
    const char *text, *said;
    chat_json_t *root;
    apr_size_t len;

    text = chat_run_unsaved_read(path_of(home, p), FILE_MAX, &len, p);
    if (!text || chat_json_parse(&root, text, len, &limits, p) != APR_SUCCESS)
        return NULL;
    said = chat_json_string(chat_json_get(root, "server"));
    return said && !strcmp(said, server) ? root : NULL;
}

static void read_file(int home, apr_pool_t *p)
{
    const chat_json_t *root = parse_file(home, p);
    const chat_json_t *list = chat_json_get(root, "settings");
    apr_array_header_t *rows;
    int i,
        revision = (int)chat_json_integer(chat_json_get(root, "revision"), 0);

    if (revision < 1)
        return;
    rows = apr_array_make(p, 16, sizeof(chat_override_row_t));
    for (i = 0; i < chat_json_length(list); i++) {
        const chat_json_t *pair = chat_json_at(list, i);
        chat_override_row_t row = {chat_json_string(chat_json_at(pair, 0)),
                                   chat_json_string(chat_json_at(pair, 1))};

        if (row.name && row.value)
            APR_ARRAY_PUSH(rows, chat_override_row_t) = row;
    }
    chat_override_take(home, revision, rows);
}

/* ---- the database ---- */

/* Those that were not known before; of streams that run elsewhere nobody here
 * knows. */
static void stop_streams(const apr_array_header_t *settings, int known)
{
    int i;

    for (i = 0; i < settings->nelts; i++) {
        const chat_store_setting_t *s =
            &APR_ARRAY_IDX(settings, i, chat_store_setting_t);

        if (s->revision > known && !strncmp(s->name, STOP, sizeof(STOP) - 1))
            chat_stream_cancel(s->name + sizeof(STOP) - 1);
    }
}

static void take(int home, int revision, const apr_array_header_t *settings)
{
    apr_array_header_t *rows =
        apr_array_make(pool, settings->nelts + 1, sizeof(chat_override_row_t));
    int i, known = chat_override_revision(home);

    for (i = 0; i < settings->nelts; i++) {
        const chat_store_setting_t *s =
            &APR_ARRAY_IDX(settings, i, chat_store_setting_t);

        APR_ARRAY_PUSH(rows, chat_override_row_t) =
            (chat_override_row_t){s->name, s->value};
    }
    chat_override_take(home, revision, rows);
    stop_streams(settings, known);
    write_file(home, revision, rows);
}

/* A database that is away changes nothing; what it says then is logged once. */
static int ask(int home, int away)
{
    const chat_store_at_t at = {
        .s = chat_override_home(home), .p = pool, .quiet = away};
    int revision = chat_override_revision(home);
    apr_array_header_t *settings;
    chat_err_t err = {0};

    if (chat_store_setting_list(&settings, &revision, &at, &err) != APR_SUCCESS)
        return 0;
    if (settings)
        take(home, revision, settings);
    chat_override_confirm(home);
    return 1;
}

/* 0: some database is away. */
static int ask_all(int away)
{
    int i, fine = 1;

    for (i = 0; i < chat_override_homes() && !is_stopping(); i++) {
        fine &= ask(i, away);
        apr_pool_clear(pool);
    }
    return fine;
}

/* ---- the thread ---- */

static void *work(void *unused)
{
    struct pollfd fds[] = {{.fd = wake_fd, .events = POLLIN},
                           {.fd = stop_fd, .events = POLLIN}};
    uint64_t n;
    int fine = 1;

    while (!is_stopping()) {
        fine = ask_all(!fine);
        poll(fds, 2, fine ? TICK_MS : REST_MS);
        if (fds[0].revents && read(wake_fd, &n, sizeof(n)) < 0)
            n = 0; /* it was woken once more */
    }
    return NULL;
}

static void write_to(int fd)
{
    uint64_t one = 1;

    if (write(fd, &one, sizeof(one)) < 0)
        one = 0; /* it is readable already */
}

void chat_run_settings_changed(void)
{
    write_to(wake_fd);
}

/* A pre_cleanup of pchild: what it uses is still there. */
static apr_status_t stop(void *unused)
{
    __atomic_store_n(&runs, 0, __ATOMIC_RELEASE);
    write_to(stop_fd);
    pthread_join(thread, NULL);
    return APR_SUCCESS;
}

static int start(apr_pool_t *pchild)
{
    wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake_fd < 0 || stop_fd < 0)
        return 0;
    __atomic_store_n(&runs, 1, __ATOMIC_RELEASE);
    if (!chat_thread_start(&thread, work, NULL))
        return 0;
    apr_pool_pre_cleanup_register(pchild, NULL, stop);
    return 1;
}

void chat_run_settings_child_init(apr_pool_t *pchild, server_rec *s)
{
    int i;

    if (!chat_override_homes())
        return;
    pool = chat_thread_pool(pchild);
    for (i = 0; pool && i < chat_override_homes(); i++) {
        read_file(i, pool);
        apr_pool_clear(pool);
    }
    if (!pool || !start(pchild))
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                     CHATNO(0805) "no thread to read settings of "
                                  "administrators: child %d keeps those that "
                                  "it knows",
                     (int)getpid());
}
