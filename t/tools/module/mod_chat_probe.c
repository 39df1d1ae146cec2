/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second module in a copy of mod_chat's object, for tests of what lies below
 * the routes: logs of streams, followers, stops, and streams that go on when
 * their client has left. The handler "chat-probe"; the last two words of the
 * path are what to do and the stream's id, and the query says how:
 *
 *   write   a stream of n= events, every ms= milliseconds, which is logged. An
 *           event's data are its id and size= letters. kill=N: the process
 *           dies when it has logged so many. log=0: it is not logged.
 *   call    a stream that passes on what http://127.0.0.1:port=/path= answers
 *           to the question say=, with wait=MS before each call but the first.
 *           logged=1: each piece of it is logged, with an id before it.
 *   follow  what is behind after=
 *   stop, find, load, remove, orphans, sweep: those functions
 */
#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <apr_strings.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chat_config.h"
#include "chat_ctx.h"
#include "chat_reply.h"
#include "chat_resume.h"

module AP_MODULE_DECLARE_DATA chat_probe_module;
APLOG_USE_MODULE(chat_probe);

#define EVENT_MAX (1024 * 1024)
#define OWNER "user one:\n100 %2f"

typedef struct probe_t {
    request_rec *r;
    const char *what, *id;
    chat_resume_writer_t *writer;
    int sent;
    apr_int64_t n, at, size, kill;
    apr_interval_time_t pause;
    apr_off_t bytes;
    chat_script_t script;
    chat_call_t call;
    apr_interval_time_t wait;
    char *event;
} probe_t;

static apr_int64_t number(request_rec *r, const char *name, apr_int64_t usual)
{
    const char *at = r->args ? strstr(r->args, name) : NULL;

    return at ? apr_atoi64(at + strlen(name)) : usual;
}

/* Up to the next "&". */
static const char *word(request_rec *r, const char *name)
{
    const char *at = r->args ? strstr(r->args, name) : NULL;

    if (!at)
        return "";
    at += strlen(name);
    return apr_pstrmemdup(r->pool, at, strcspn(at, "&"));
}

/* ---- what every stream does ---- */

static apr_status_t send_bytes(probe_t *p, const char *data, apr_size_t len)
{
    if (!p->sent)
        chat_reply_stream_head(p->r);
    p->sent = 1;
    return chat_reply_stream_write(p->r, data, len);
}

static void log_piece(probe_t *p, const char *data, apr_size_t len)
{
    char frame[40000];
    int head = apr_snprintf(frame, 40, "id: %" APR_INT64_T_FMT "\n", ++p->at);

    if (len > sizeof(frame) - 40)
        return;
    memcpy(frame + head, data, len);
    chat_resume_append(p->writer, p->at, p->at, frame, head + len);
}

static apr_status_t on_data(void *ctx, const char *data, apr_size_t len)
{
    probe_t *p = ctx;

    p->bytes += len;
    if (p->writer && p->call.url) {
        log_piece(p, data, len);
    }
    else if (p->writer) {
        chat_resume_append(p->writer, p->at, p->at, data, len);
        if (p->kill == p->at)
            kill(getpid(), SIGKILL);
    }
    return send_bytes(p, data, len);
}

static apr_status_t on_silence(void *ctx)
{
    return send_bytes(ctx, ": ping\n\n", 8);
}

static int on_again(void *ctx, const chat_end_t *end, const chat_call_t **pcall,
                    apr_interval_time_t *pwait)
{
    probe_t *p = ctx;

    *pcall = &p->call;
    *pwait = p->wait;
    return p->wait > 0;
}

static void on_complete(void *ctx, const chat_end_t *end)
{
    probe_t *p = ctx;

    if (p->writer)
        chat_resume_end(p->writer);
    ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, p->r,
                  "probe %s %s: why=%d left=%d bytes=%" APR_OFF_T_FMT " ms=%d",
                  p->what, p->id, end->why, end->left, p->bytes,
                  (int)apr_time_as_msec(end->total));
    if (p->r->connection->aborted || end->why == CHAT_END_SHUTDOWN)
        return;
    if (!p->sent)
        chat_reply_json(p->r, 200, "{}");
    else if (end->why == CHAT_END_BROKEN)
        chat_reply_break(p->r);
    else if (end->why == CHAT_END_CANCELLED)
        send_bytes(p, "event: cancelled\ndata: {}\n\n", 27);
}

static const chat_stream_cb_t callbacks = {
    .data = on_data,
    .silence = on_silence,
    .again = on_again,
    .complete = on_complete,
};

static int start(probe_t *p, chat_stream_spec_t *spec)
{
    const chat_dir_conf_t *dir = chat_ctx(p->r)->dir;
    chat_err_t err = {0};
    int rc = OK;

    spec->cb = &callbacks;
    spec->ctx = p;
    spec->heartbeat = dir->stream.heartbeat;
    spec->stall = dir->stream.stall;
    return chat_stream_start(&rc, p->r, spec, &err) == APR_SUCCESS ? rc
                                                                   : err.status;
}

/* ---- write ---- */

static apr_status_t next(void *ctx, const char **pdata, apr_size_t *plen,
                         apr_interval_time_t *pdelay)
{
    probe_t *p = ctx;
    int head;

    if (p->at >= p->n)
        return APR_EOF;
    p->at++;
    head = apr_snprintf(p->event, 100,
                        "id: %" APR_INT64_T_FMT
                        "\nevent: delta\ndata: %" APR_INT64_T_FMT " ",
                        p->at, p->at);
    memset(p->event + head, 'x', p->size);
    memcpy(p->event + head + p->size, "\n\n", 2);
    *pdata = p->event;
    *plen = head + p->size + 2;
    *pdelay = p->pause;
    return APR_SUCCESS;
}

static int write_stream(probe_t *p)
{
    const chat_dir_conf_t *dir = chat_ctx(p->r)->dir;
    chat_stream_spec_t spec = {.script = &p->script,
                               .id = p->id,
                               .finish = dir->resume.finish,
                               .alone = dir->resume.alone};
    chat_err_t err = {0};

    p->script.next = next;
    p->script.ctx = p;
    p->event = apr_palloc(p->r->pool, p->size + 128);
    if (number(p->r, "log=", 1) &&
        chat_resume_create(&p->writer, p->r, p->id, OWNER, "stream", &err) !=
            APR_SUCCESS)
        return err.status;
    return start(p, &spec);
}

static int call_upstream(probe_t *p)
{
    const chat_dir_conf_t *dir = chat_ctx(p->r)->dir;
    chat_stream_spec_t spec = {.call = &p->call,
                               .id = p->id,
                               .finish = dir->resume.finish,
                               .alone = dir->resume.alone};
    chat_err_t err = {0};
    request_rec *r = p->r;

    if (number(r, "logged=", 0) &&
        chat_resume_create(&p->writer, r, p->id, OWNER, "stream", &err) !=
            APR_SUCCESS)
        return err.status;
    p->wait = apr_time_from_msec(number(p->r, "wait=", 0));
    p->call.url = apr_psprintf(r->pool, "http://127.0.0.1:%d/%s",
                               (int)number(r, "port=", 80), word(r, "path="));
    p->call.headers = apr_array_make(p->r->pool, 1, sizeof(char *));
    APR_ARRAY_PUSH(p->call.headers, const char *) =
        "Content-Type: application/json";
    p->call.body = apr_psprintf(r->pool,
                                "{\"model\":\"m\",\"stream\":true,\"messages\":"
                                "[{\"role\":\"user\",\"content\":\"%s\"}]}",
                                word(r, "say="));
    p->call.body_len = strlen(p->call.body);
    p->call.timeouts.total = apr_time_from_sec(60);
    return start(p, &spec);
}

/* ---- the others ---- */

static int follow(probe_t *p)
{
    chat_stream_spec_t spec = {.early = (int)number(p->r, "early=", 0)};
    chat_err_t err = {0};
    apr_status_t rv =
        chat_resume_follow(&spec, p->r, p->id, number(p->r, "after=", 0), &err);

    if (rv == APR_NOTFOUND)
        return HTTP_NOT_FOUND;
    if (rv == APR_EOF)
        return HTTP_NO_CONTENT;
    return rv == APR_SUCCESS ? start(p, &spec) : err.status;
}

static void print_log(request_rec *r, const chat_resume_log_t *log)
{
    ap_rprintf(r, "%s owner=%s route=%s ended=%d broken=%d\n", log->stream,
               strcmp(log->owner, OWNER) ? "another" : "the same", log->route,
               log->ended, log->broken);
}

static int look(probe_t *p, const char *what)
{
    server_rec *s = p->r->server;
    apr_array_header_t *logs;
    chat_resume_log_t log;
    const char *frames;
    apr_size_t len;
    apr_int64_t last;
    chat_err_t err = {0};
    int i, ended;

    ap_set_content_type(p->r, "text/plain");
    if (!strcmp(what, "stop"))
        return chat_resume_stop(s, p->id, &err) == APR_SUCCESS ? OK
                                                               : err.status;
    if (!strcmp(what, "find")) {
        if (chat_resume_find(&log, s, p->id, p->r->pool) != APR_SUCCESS)
            return HTTP_NOT_FOUND;
        print_log(p->r, &log);
    }
    else if (!strcmp(what, "load")) {
        if (chat_resume_load(&frames, &len, &last, &ended, s, p->id,
                             p->r->pool) != APR_SUCCESS)
            return HTTP_NOT_FOUND;
        ap_rprintf(p->r, "last=%" APR_INT64_T_FMT " ended=%d\n", last, ended);
        ap_rwrite(frames, len, p->r);
    }
    else if (!strcmp(what, "remove"))
        chat_resume_remove(s, p->id);
    else if (!strcmp(what, "sweep"))
        chat_resume_sweep(s);
    else if (!strcmp(what, "orphans")) {
        chat_resume_orphans(&logs, s, p->r->pool);
        for (i = 0; i < logs->nelts; i++)
            print_log(p->r, &APR_ARRAY_IDX(logs, i, chat_resume_log_t));
    }
    else
        return HTTP_NOT_IMPLEMENTED;
    return OK;
}

static int handler(request_rec *r)
{
    char *path = apr_pstrdup(r->pool, r->uri), *id = strrchr(path, '/'), *what;
    probe_t *p = apr_pcalloc(r->pool, sizeof(*p));

    if (!r->handler || strcmp(r->handler, "chat-probe") != 0)
        return DECLINED;
    *id++ = '\0';
    what = strrchr(path, '/') + 1;
    p->r = r;
    p->what = what;
    p->id = id;
    p->n = number(r, "n=", 10);
    p->size = number(r, "size=", 0);
    p->kill = number(r, "kill=", -1);
    p->pause = apr_time_from_msec(number(r, "ms=", 0));
    if (p->size > EVENT_MAX)
        return HTTP_BAD_REQUEST;
    if (!strcmp(what, "write"))
        return write_stream(p);
    if (!strcmp(what, "call"))
        return call_upstream(p);
    return strcmp(what, "follow") ? look(p, what) : follow(p);
}

static void register_hooks(apr_pool_t *pool)
{
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA chat_probe_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks,
#if defined(AP_MODULE_FLAG_NONE)
    AP_MODULE_FLAG_NONE,
#endif
};
