/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See chat_telemetry_writer.h. Two buffers: one is filled by any thread, in the
 * lock, the other is written by the writer's own. They change places when that
 * has written its. The descriptor is the parent's, and all children share it.
 */
#include "chat_telemetry_writer.h"

#include <http_main.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_portable.h>
#include <apr_strings.h>

#include "chat_clock.h"
#include "chat_log.h"
#include "chat_metric.h"
#include "chat_thread.h"

/* Of each of the two. */
#define BUFFER_BYTES (512 * 1024)
/* What a file gets at once. */
#define CHUNK_BYTES (64 * 1024)
/* Lines of so long a time are written together. */
#define GATHER_US 20000
/* A pipe that is full is looked at as often, or when it has room. */
#define LOOK_MS 100
/* What is there when a child ends may take so long. */
#define LAST_US apr_time_from_sec(1)
/* One message of what was dropped in so long a time. */
#define TELL_US apr_time_from_sec(60)

struct chat_telemetry_writer_t {
    const char *target;
    int fd;
    int is_file; /* 1: takes any amount at once */
    pthread_t thread;
    pthread_mutex_t lock;  /* over what follows */
    pthread_cond_t filled; /* len is not 0 any more, or it has to stop */
    char *filling;         /* NULL: no thread writes */
    apr_size_t len;
    apr_int64_t until; /* it has to stop, at this time at the latest; 0: not */
    apr_uint64_t dropped; /* lines that were not told yet */
    /* The writer's own. */
    char *writing;
    int torn;         /* 1: the end of the last line is missing in the file */
    int broken;       /* 1: it was told that nothing can be written */
    apr_int64_t told; /* when of lines that were dropped */
};

/* ---- opening: the parent ---- */

/* As CustomLog has it: "|" and "||" run the program itself, "|$" a shell. */
static apr_file_t *open_program(const char *target, apr_pool_t *pconf)
{
    const char *command = target + 1;
    apr_cmdtype_e kind = APR_PROGRAM_ENV;
    piped_log *pipe;

    if (*command == '$')
        kind = APR_SHELLCMD_ENV;
    if (*command == '$' || *command == '|')
        command++;
    pipe = ap_open_piped_log_ex(pconf, command, kind);
    return pipe ? ap_piped_log_write_fd(pipe) : NULL;
}

static apr_file_t *open_target(const char *target, apr_status_t *prv,
                               apr_pool_t *pconf)
{
    apr_file_t *file = NULL;

    *prv = APR_SUCCESS;
    if (*target == '|')
        return open_program(target, pconf);
    *prv = apr_file_open(&file, target,
                         APR_FOPEN_WRITE | APR_FOPEN_APPEND | APR_FOPEN_CREATE |
                             APR_FOPEN_LARGEFILE,
                         APR_OS_DEFAULT, pconf);
    return *prv == APR_SUCCESS ? file : NULL;
}

chat_telemetry_writer_t *
chat_telemetry_writer_open(const char *target, server_rec *s, apr_pool_t *pconf)
{
    chat_telemetry_writer_t *w = apr_pcalloc(pconf, sizeof(*w));
    apr_status_t rv;
    apr_file_t *file = open_target(target, &rv, pconf);
    struct stat is;

    if (!file || apr_os_file_get(&w->fd, file) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s,
                     CHATNO(0903) "ChatLog \"%s\" cannot be opened", target);
        return NULL;
    }
    w->target = target;
    w->is_file = fstat(w->fd, &is) == 0 && S_ISREG(is.st_mode);
    fcntl(w->fd, F_SETFL, fcntl(w->fd, F_GETFL) | O_NONBLOCK);
    return w;
}

/* ---- lines ---- */

static apr_size_t count_lines(const char *text, apr_size_t len)
{
    const char *end = text + len;
    apr_size_t n = 0;

    while ((text = memchr(text, '\n', end - text))) {
        text++;
        n++;
    }
    return n;
}

static void count(const char *result, apr_size_t lines)
{
    chat_metric_add(CHAT_METRIC_LOG_LINES, &result, lines);
}

void chat_telemetry_writer_put(chat_telemetry_writer_t *w, const char *line,
                               apr_size_t len)
{
    int fits;

    pthread_mutex_lock(&w->lock);
    fits = w->filling && len <= BUFFER_BYTES - w->len;
    if (fits) {
        memcpy(w->filling + w->len, line, len);
        if (!w->len)
            pthread_cond_signal(&w->filled);
        w->len += len;
    }
    else
        w->dropped++;
    pthread_mutex_unlock(&w->lock);
    if (!fits)
        count("dropped", 1);
}

/* ---- writing: the thread ---- */

static apr_int64_t until(chat_telemetry_writer_t *w)
{
    apr_int64_t time;

    pthread_mutex_lock(&w->lock);
    time = w->until;
    pthread_mutex_unlock(&w->lock);
    return time;
}

static void tell_dropped(chat_telemetry_writer_t *w)
{
    apr_int64_t now = chat_clock_now();
    apr_uint64_t n;

    if (w->told && now - w->told < TELL_US)
        return;
    pthread_mutex_lock(&w->lock);
    n = w->dropped;
    w->dropped = 0;
    pthread_mutex_unlock(&w->lock);
    if (!n)
        return;
    w->told = now;
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                 CHATNO(0904) "ChatLog \"%s\" does not take its lines fast "
                              "enough: %" APR_UINT64_T_FMT " were dropped",
                 w->target, n);
}

/* 0: it has had all the time that there is. */
static int wait_for_room(chat_telemetry_writer_t *w)
{
    struct pollfd pipe = {.fd = w->fd, .events = POLLOUT};
    apr_int64_t end = until(w);

    if (end && chat_clock_now() >= end)
        return 0;
    poll(&pipe, 1, LOOK_MS);
    tell_dropped(w);
    return 1;
}

static void tell_broken(chat_telemetry_writer_t *w, int error)
{
    if (!w->broken)
        ap_log_error(APLOG_MARK, APLOG_ERR, error, ap_server_conf,
                     CHATNO(0905) "ChatLog \"%s\" cannot be written: its lines "
                                  "are dropped",
                     w->target);
    w->broken = 1;
}

/* 1: once more, after a write() that failed. */
static int may_go_on(chat_telemetry_writer_t *w, int error)
{
    if (error == EINTR)
        return 1;
    if (error == EAGAIN)
        return wait_for_room(w);
    tell_broken(w, error);
    return 0;
}

/* All of it, or as much as it takes: how much that was. */
static apr_size_t write_some(chat_telemetry_writer_t *w, const char *text,
                             apr_size_t len)
{
    apr_size_t done = 0;

    while (done < len) {
        ssize_t n = write(w->fd, text + done, len - done);

        if (n > 0)
            done += n;
        else if (!may_go_on(w, n < 0 ? errno : EIO))
            return done;
    }
    w->broken = 0;
    return done;
}

/* Whole lines. A line that a full disk has cut is ended first, so that it is
 * the only one that is none. */
static void write_chunk(chat_telemetry_writer_t *w, const char *text,
                        apr_size_t len)
{
    apr_size_t done = 0, lines = count_lines(text, len), written;

    if (!w->torn || write_some(w, "\n", 1)) {
        done = write_some(w, text, len);
        w->torn = done && text[done - 1] != '\n';
    }
    written = count_lines(text, done);
    count("written", written);
    if (written < lines)
        count("dropped", lines - written);
}

/* In one write() what the target takes at once, or a part of a line could come
 * between those of another child. */
static void write_all(chat_telemetry_writer_t *w, const char *text,
                      apr_size_t len)
{
    const apr_size_t most = w->is_file ? CHUNK_BYTES : PIPE_BUF;

    while (len) {
        apr_size_t chunk = len;

        if (len > most)
            chunk = (const char *)memrchr(text, '\n', most) + 1 - text;
        write_chunk(w, text, chunk);
        text += chunk;
        len -= chunk;
    }
}

/* The bytes that are there to be written; 0: it has to stop. */
static apr_size_t take(chat_telemetry_writer_t *w)
{
    apr_size_t len;
    char *filled;

    pthread_mutex_lock(&w->lock);
    while (!w->len && !w->until)
        pthread_cond_wait(&w->filled, &w->lock);
    if (!w->until) {
        pthread_mutex_unlock(&w->lock);
        usleep(GATHER_US);
        pthread_mutex_lock(&w->lock);
    }
    len = w->len;
    filled = w->filling;
    w->filling = w->writing;
    w->writing = filled;
    w->len = 0;
    pthread_mutex_unlock(&w->lock);
    return len;
}

static void *work(void *baton)
{
    chat_telemetry_writer_t *w = baton;
    apr_size_t len;

    while ((len = take(w))) {
        write_all(w, w->writing, len);
        tell_dropped(w);
    }
    return NULL;
}

/* ---- a child ---- */

/* A disk may not answer: the child ends all the same, and its memory with it.
 */
static apr_status_t stop(void *baton)
{
    chat_telemetry_writer_t *w = baton;
    struct timespec end;

    pthread_mutex_lock(&w->lock);
    w->until = chat_clock_now() + LAST_US;
    pthread_cond_signal(&w->filled);
    pthread_mutex_unlock(&w->lock);
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 2 * apr_time_sec(LAST_US);
    if (pthread_timedjoin_np(w->thread, NULL, &end))
        return APR_SUCCESS;
    pthread_mutex_lock(&w->lock);
    free(w->filling);
    free(w->writing);
    w->filling = w->writing = NULL;
    pthread_mutex_unlock(&w->lock);
    return APR_SUCCESS;
}

void chat_telemetry_writer_start(chat_telemetry_writer_t *w, server_rec *s,
                                 apr_pool_t *pchild)
{
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->filled, NULL);
    w->filling = malloc(BUFFER_BYTES);
    w->writing = malloc(BUFFER_BYTES);
    if (w->filling && w->writing && chat_thread_start(&w->thread, work, w)) {
        apr_pool_cleanup_register(pchild, w, stop, apr_pool_cleanup_null);
        return;
    }
    free(w->filling);
    free(w->writing);
    w->filling = w->writing = NULL;
    ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                 CHATNO(0906) "no thread that writes ChatLog \"%s\": the lines "
                              "of this process are dropped",
                 w->target);
}
