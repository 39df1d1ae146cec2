/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that wait for the database. Threads as in chat_run_unsaved.h. */
#include "chat_run_unsaved.h"

#include <http_log.h>
#include <http_main.h>
#include <apr_file_info.h>
#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "chat_config.h"
#include "chat_json.h"
#include "chat_log.h"
#include "chat_private.h"
#include "chat_run_counted.h"

#define SUFFIX ".unsaved"

/* An answer as it is gathered, with all its escapes. */
#define FILE_MAX ((apr_size_t)256 * 1024 * 1024)

static const char *directory; /* in pconf */

const char *chat_run_unsaved_path(const char *name, apr_pool_t *p)
{
    return name ? apr_pstrcat(p, directory, "/", name, NULL) : directory;
}

/* ---- the directory ---- */

/* Who names one has said whose it is: servers may share it that share their
 * database. */
static const char *prepare(const char *place, apr_pool_t *pconf,
                           const server_rec *s)
{
    const char *why = chat_private_make(place, pconf);

    if (!why && !chat_config_server(s)->resume.directory)
        why = chat_private_claim(place, s, pconf);
    return why ? why : chat_private_make(directory, pconf);
}

apr_status_t chat_run_unsaved_post_config(apr_pool_t *pconf, server_rec *s)
{
    const char *place = chat_private_place(s, pconf), *why;

    directory = apr_pstrcat(pconf, place, "/unsaved", NULL);
    why = prepare(place, pconf, s);
    if (!why)
        return APR_SUCCESS;
    ap_log_error(APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, s,
                 CHATNO(0839) "ChatStore needs a directory of this server's "
                              "own for answers that the database cannot take. "
                              "%s: %s. DefaultRuntimeDir, or ChatStreamResume "
                              "spool=DIRECTORY, names another",
                 place, why);
    return APR_EGENERAL;
}

/* ---- as a file has it ---- */

const char *chat_run_unsaved_server(const server_rec *s, apr_pool_t *p)
{
    return apr_psprintf(p, "%s:%u",
                        s->server_hostname ? s->server_hostname : "",
                        (unsigned)s->port);
}

static void add_text(chat_json_t *o, const char *key, const char *text)
{
    if (text)
        chat_json_add_string(o, key, text);
}

static const char *as_json(const server_rec *s, const chat_store_ending_t *e,
                           apr_size_t *plen, apr_pool_t *p)
{
    chat_json_t *o = chat_json_object(p);

    add_text(o, "server", chat_run_unsaved_server(s, p));
    add_text(o, "answer", e->answer);
    add_text(o, "stream", e->stream);
    chat_json_add_integer(o, "status", e->status);
    add_text(o, "parts", e->parts);
    add_text(o, "text", e->text);
    add_text(o, "model", e->model);
    add_text(o, "provider", e->provider);
    add_text(o, "finishReason", e->finish_reason);
    add_text(o, "errorCode", e->error_code);
    chat_json_add_integer(o, "inputTokens", e->input_tokens);
    chat_json_add_integer(o, "outputTokens", e->output_tokens);
    chat_json_add_integer(o, "cost", e->cost);
    chat_json_add_integer(o, "lastEvent", e->last_event);
    chat_run_counted_put(o, e->usage, e->nusage, p);
    return chat_json_text(o, plen, p);
}

/* One in an app's tables says which chat it is of. */
static const char *app_as_json(const server_rec *s,
                               const chat_vercel_ending_t *e, apr_size_t *plen,
                               apr_pool_t *p)
{
    chat_json_t *o = chat_json_object(p);

    add_text(o, "server", chat_run_unsaved_server(s, p));
    add_text(o, "chat", e->chat);
    add_text(o, "message", e->message);
    add_text(o, "parts", e->parts);
    add_text(o, "context", e->context);
    return chat_json_text(o, plen, p);
}

static const char *text_of(const chat_json_t *o, const char *key)
{
    return chat_json_string(chat_json_get(o, key));
}

static apr_int64_t number_of(const chat_json_t *o, const char *key)
{
    return chat_json_integer(chat_json_get(o, key), -1);
}

/* 1 when it is a whole one of ours. */
static int from_json(chat_store_ending_t *e, const chat_json_t *o,
                     apr_pool_t *p)
{
    apr_int64_t status = number_of(o, "status");

    *e = (chat_store_ending_t){
        .answer = text_of(o, "answer"),
        .stream = text_of(o, "stream"),
        .status = (chat_message_status_e)status,
        .parts = text_of(o, "parts"),
        .text = text_of(o, "text"),
        .model = text_of(o, "model"),
        .provider = text_of(o, "provider"),
        .finish_reason = text_of(o, "finishReason"),
        .error_code = text_of(o, "errorCode"),
        .input_tokens = number_of(o, "inputTokens"),
        .output_tokens = number_of(o, "outputTokens"),
        .cost = number_of(o, "cost"),
        .last_event = number_of(o, "lastEvent"),
    };
    e->nusage = chat_run_counted_get(&e->usage, o, p);
    return e->answer && e->stream && e->parts && e->text &&
           chat_store_is_id(e->answer) && chat_store_is_id(e->stream) &&
           status >= CHAT_MESSAGE_COMPLETE && status <= CHAT_MESSAGE_FAILED &&
           status != CHAT_MESSAGE_STREAMING;
}

static int app_from_json(chat_vercel_ending_t *e, const chat_json_t *o)
{
    *e = (chat_vercel_ending_t){
        .chat = text_of(o, "chat"),
        .message = text_of(o, "message"),
        .parts = text_of(o, "parts"),
        .context = text_of(o, "context"),
    };
    return e->chat && e->message && (e->parts || e->context) &&
           chat_store_is_id(e->chat) && chat_store_is_id(e->message);
}

/* ---- putting down ---- */

static int write_all(int fd, const char *data, apr_size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        data += n;
        len -= n;
    }
    return fsync(fd) == 0;
}

int chat_run_unsaved_write(const char *path, const char *data, apr_size_t len,
                           apr_pool_t *p)
{
    const char *made = apr_pstrcat(p, path, ".new", NULL);
    int fd =
        open(made, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int fine = fd >= 0 && write_all(fd, data, len);

    if (fd >= 0 && close(fd) != 0)
        fine = 0;
    return fine && rename(made, path) == 0;
}

/* An outage makes many of them: one is told of. */
#define TELL_AGAIN apr_time_from_sec(60)

static int may_tell(void)
{
    static apr_time_t told; /* atomic */
    apr_time_t last = __atomic_load_n(&told, __ATOMIC_RELAXED);
    apr_time_t now = apr_time_now();

    return now - last >= TELL_AGAIN &&
           __atomic_compare_exchange_n(&told, &last, now, 0, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED);
}

static void keep(request_rec *r, const char *answer, const char *json,
                 apr_size_t len, apr_pool_t *p)
{
    const char *path =
        chat_run_unsaved_path(apr_pstrcat(p, answer, SUFFIX, NULL), p);

    if (!chat_run_unsaved_write(path, json, len, p))
        ap_log_rerror(APLOG_MARK, APLOG_ERR, errno, r,
                      CHATNO(0831) "the database did not take an answer, and "
                                   "neither did %s: it is lost",
                      path);
    else if (may_tell())
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      CHATNO(0832) "the database did not take an answer: it is "
                                   "in %s until it does, as are those that "
                                   "follow",
                      path);
}

void chat_run_unsaved_keep(server_rec *s, request_rec *r,
                           const chat_store_ending_t *ending, apr_pool_t *p)
{
    apr_size_t len;
    const char *json = as_json(s, ending, &len, p);

    keep(r, ending->answer, json, len, p);
}

void chat_run_unsaved_keep_app(server_rec *s, request_rec *r,
                               const chat_vercel_ending_t *ending,
                               apr_pool_t *p)
{
    apr_size_t len;
    const char *json = app_as_json(s, ending, &len, p);

    keep(r, ending->message, json, len, p);
}

/* ---- writing what waits ---- */

server_rec *chat_run_unsaved_find_server(const char *name, apr_pool_t *p)
{
    server_rec *s;

    for (s = ap_server_conf; s; s = s->next)
        if (name && !strcmp(chat_run_unsaved_server(s, p), name))
            return s;
    return ap_server_conf;
}

const char *chat_run_unsaved_read(const char *path, apr_size_t most,
                                  apr_size_t *plen, apr_pool_t *p)
{
    apr_file_t *file;
    apr_finfo_t info;
    char *data = NULL;

    if (apr_file_open(&file, path, APR_FOPEN_READ, 0, p) != APR_SUCCESS)
        return NULL;
    if (apr_file_info_get(&info, APR_FINFO_SIZE, file) == APR_SUCCESS &&
        info.size > 0 && (apr_size_t)info.size <= most) {
        *plen = (apr_size_t)info.size;
        data = apr_palloc(p, *plen);
        if (apr_file_read_full(file, data, *plen, NULL) != APR_SUCCESS)
            data = NULL;
    }
    apr_file_close(file);
    return data;
}

static chat_json_t *read_file(const char *path, apr_pool_t *p)
{
    static const chat_json_limits_t limits = {FILE_MAX, 6, 1000};
    apr_size_t len;
    const char *data = chat_run_unsaved_read(path, FILE_MAX, &len, p);
    chat_json_t *o;

    return data && chat_json_parse(&o, data, len, &limits, p) == APR_SUCCESS
               ? o
               : NULL;
}

/* *panswer is the id of the message; NULL: it is none of ours. */
static apr_status_t write_answer(const char **panswer, const chat_json_t *o,
                                 const chat_store_at_t *at)
{
    chat_store_ending_t ending;
    chat_vercel_ending_t app;
    chat_err_t err = {0};
    apr_status_t rv;
    int written = 0, added;

    *panswer = NULL;
    if (o && app_from_json(&app, o)) {
        *panswer = app.message;
        return chat_store_vercel_end(&app, at, &err);
    }
    if (!o || !from_json(&ending, o, at->p))
        return APR_EINVAL;
    *panswer = ending.answer;
    rv = chat_store_turn_end(&written, &ending, at, &err);
    /* Somebody else wrote it, or it is deleted: that is billed all the same. */
    if ((rv == APR_SUCCESS || rv == APR_NOTFOUND) && !written && ending.nusage)
        rv = chat_store_usage_add(&added, ending.usage, ending.nusage,
                                  ending.answer, at, &err);
    return rv;
}

/* 0: the database does not take it yet. */
static int replay(const char *path, apr_pool_t *p)
{
    const chat_json_t *o = read_file(path, p);
    const chat_store_at_t at = {
        .s = o ? chat_run_unsaved_find_server(text_of(o, "server"), p)
               : ap_server_conf,
        .p = p};
    const char *answer;
    apr_status_t rv = write_answer(&answer, o, &at);

    if (!answer) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
                     CHATNO(0833) "%s is not an answer that waits: it stays "
                                  "where it is, as %s.bad",
                     path, path);
        rename(path, apr_pstrcat(p, path, ".bad", NULL));
        return 1;
    }
    if (rv != APR_SUCCESS && rv != APR_NOTFOUND)
        return 0;
    unlink(path);
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, at.s,
                 CHATNO(0834) "the database has taken the answer of %s.unsaved",
                 answer);
    return 1;
}

/* ---- all files ---- */

int chat_run_unsaved_each(chat_run_unsaved_fn *take, apr_pool_t *p)
{
    apr_pool_t *each;
    apr_finfo_t info;
    apr_dir_t *dir;
    int fine = 1;

    if (apr_dir_open(&dir, chat_run_unsaved_path(NULL, p), p) != APR_SUCCESS)
        return 1;
    apr_pool_create(&each, p);
    while (fine && apr_dir_read(&info, APR_FINFO_NAME, dir) == APR_SUCCESS) {
        fine = take(info.name, each);
        apr_pool_clear(each);
    }
    apr_dir_close(dir);
    apr_pool_destroy(each);
    return fine;
}

static int take(const char *file, apr_pool_t *p)
{
    apr_size_t len = strlen(file), end = sizeof(SUFFIX) - 1;

    return len <= end || strcmp(file + len - end, SUFFIX) ||
           replay(chat_run_unsaved_path(file, p), p);
}

int chat_run_unsaved_replay(apr_pool_t *p)
{
    return chat_run_unsaved_each(take, p);
}
