/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs as files: who looks at them, those that nobody writes any more, and what
 * goes when it is old. They are written in chat_resume_spool_write.c and
 * followed in chat_resume_spool_follow.c.
 */
#include "chat_resume_spool.h"

#include <apr_strings.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "chat_config.h"

/* What a process that died has left, and nobody has asked for, is kept. */
#define ORPHAN_AGE apr_time_from_sec(86400)
/* Where less than a quarter of the file system is free, which others may need,
 * what has ended stays so long: whoever has lost a connection is back by then.
 */
#define FULL_AGE apr_time_from_sec(60)
#define FREE_PART 4
/* A request to stop a stream is heard at once, or never. */
#define STOP_AGE apr_time_from_sec(60)

/* ---- looking ---- */

static void describe(chat_resume_log_t *log, const chat_resume_line_t *line,
                     const char *stream)
{
    log->stream = stream;
    log->owner = line->owner;
    log->route = line->route;
    log->created = line->created;
    log->ended = line->state == CHAT_RESUME_ENDED;
    log->broken = line->state == CHAT_RESUME_BROKEN;
}

static apr_status_t find(chat_resume_log_t *log, const char *stream,
                         apr_pool_t *p)
{
    chat_resume_spool_file_t file;
    chat_resume_line_t line;
    apr_status_t rv;

    rv = chat_resume_spool_file_open(&file, &line, O_RDONLY, stream, p);
    if (rv != APR_SUCCESS)
        return rv;
    chat_resume_spool_file_close(&file);
    describe(log, &line, stream);
    return APR_SUCCESS;
}

/* All from there on, *plen bytes of it. */
static apr_status_t read_rest(char **pdata, apr_size_t *plen,
                              chat_resume_spool_file_t *file, apr_pool_t *p)
{
    apr_off_t from = file->begin;
    struct stat st;
    apr_ssize_t n;

    *plen = 0;
    if (fstat(file->fd, &st))
        return errno;
    *pdata = apr_palloc(p, st.st_size > from ? st.st_size - from + 1 : 1);
    while (from + (apr_off_t)*plen < st.st_size) {
        n = chat_resume_spool_file_read(
            file, *pdata + *plen, st.st_size - from - *plen, from + *plen);
        if (n < 0)
            return errno;
        if (n == 0)
            break;
        *plen += n;
    }
    return APR_SUCCESS;
}

static apr_status_t load(const char **pframes, apr_size_t *plen,
                         apr_int64_t *plast, int *pended, const char *stream,
                         apr_pool_t *p)
{
    chat_resume_spool_file_t file;
    chat_resume_line_t line;
    apr_status_t rv;
    apr_size_t whole;
    apr_off_t at;
    char *data = NULL;

    rv = chat_resume_spool_file_open(&file, &line, O_RDONLY, stream, p);
    if (rv != APR_SUCCESS)
        return rv;
    at = file.begin;
    rv = chat_resume_frames_seek(&at, plast, chat_resume_spool_file_read, &file,
                                 APR_INT64_MAX);
    if (rv == APR_SUCCESS)
        rv = read_rest(&data, plen, &file, p);
    chat_resume_spool_file_close(&file);
    if (rv != APR_SUCCESS)
        return rv;
    whole = at - file.begin;
    if (*plen > whole) /* some came in between, or is no frame */
        *plen = whole;
    *pframes = data;
    *pended = line.state == CHAT_RESUME_ENDED;
    return APR_SUCCESS;
}

static void remove_log(const char *stream)
{
    unlinkat(chat_resume_spool_dir_logs(), stream, 0);
}

/* ---- all of them ---- */

typedef void each_fn(void *ctx, int dir_fd, const char *name,
                     const struct stat *st);

static apr_status_t for_each(int dir_fd, each_fn *each, void *ctx)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    struct stat st;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return errno;
    }
    while ((entry = readdir(dir)))
        if (strlen(entry->d_name) == CHAT_RESUME_ID_LEN &&
            !fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
            S_ISREG(st.st_mode))
            each(ctx, dir_fd, entry->d_name, &st);
    closedir(dir);
    return APR_SUCCESS;
}

/* 1: it has not ended, and its writer is gone. */
static int is_orphan(const chat_resume_line_t *line,
                     const chat_resume_spool_file_t *file)
{
    return line->state != CHAT_RESUME_ENDED &&
           !chat_resume_spool_file_is_written(file) &&
           /* it may have ended just now */
           chat_resume_spool_file_state(file) != CHAT_RESUME_ENDED;
}

static void add_orphan(void *ctx, int dir_fd, const char *name,
                       const struct stat *st)
{
    apr_array_header_t *logs = ctx;
    chat_resume_spool_file_t file;
    chat_resume_line_t line;

    if (chat_resume_spool_file_open(&file, &line, O_RDONLY, name, logs->pool) !=
        APR_SUCCESS)
        return;
    if (is_orphan(&line, &file))
        describe(apr_array_push(logs), &line, apr_pstrdup(logs->pool, name));
    chat_resume_spool_file_close(&file);
}

static apr_status_t orphans(apr_array_header_t *logs, apr_pool_t *p)
{
    return for_each(chat_resume_spool_dir_logs(), add_orphan, logs);
}

typedef struct sweep_t {
    apr_time_t now;
    apr_interval_time_t age;
    apr_pool_t *pool;
} sweep_t;

static apr_interval_time_t idle_for(const sweep_t *sweep, const struct stat *st)
{
    return sweep->now -
           (apr_time_from_sec(st->st_mtim.tv_sec) + st->st_mtim.tv_nsec / 1000);
}

/* What is no log at all goes, too, when it is old. */
static void sweep_log(void *ctx, int dir_fd, const char *name,
                      const struct stat *st)
{
    const sweep_t *sweep = ctx;
    apr_interval_time_t idle = idle_for(sweep, st);
    chat_resume_spool_file_t file;
    chat_resume_line_t line;
    int keep = 0;

    if (idle < sweep->age)
        return;
    if (chat_resume_spool_file_open(&file, &line, O_RDONLY, name,
                                    sweep->pool) == APR_SUCCESS) {
        keep = chat_resume_spool_file_is_written(&file) ||
               (is_orphan(&line, &file) && idle < ORPHAN_AGE);
        chat_resume_spool_file_close(&file);
    }
    apr_pool_clear(sweep->pool);
    if (!keep)
        unlinkat(dir_fd, name, 0);
}

static void sweep_stop(void *ctx, int dir_fd, const char *name,
                       const struct stat *st)
{
    if (idle_for(ctx, st) > STOP_AGE)
        unlinkat(dir_fd, name, 0);
}

static apr_interval_time_t age_now(const server_rec *s)
{
    apr_interval_time_t age = chat_config_server(s)->resume.age;
    struct statvfs fs;

    return age > FULL_AGE && fstatvfs(chat_resume_spool_dir_logs(), &fs) == 0 &&
                   fs.f_bavail < fs.f_blocks / FREE_PART
               ? FULL_AGE
               : age;
}

static void sweep(server_rec *s)
{
    sweep_t job = {.now = apr_time_now(), .age = age_now(s)};

    apr_pool_create(&job.pool, NULL);
    for_each(chat_resume_spool_dir_logs(), sweep_log, &job);
    for_each(chat_resume_spool_dir_stops(), sweep_stop, &job);
    apr_pool_destroy(job.pool);
}

/* ---- stopping ---- */

static apr_status_t stop(const char *stream)
{
    int fd = openat(chat_resume_spool_dir_stops(), stream,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return errno == EEXIST ? APR_SUCCESS : errno;
    close(fd);
    return APR_SUCCESS;
}

const chat_resume_way_t chat_resume_spool = {
    .create = chat_resume_spool_write_create,
    .append = chat_resume_spool_write_append,
    .give_up = chat_resume_spool_write_give_up,
    .end = chat_resume_spool_write_end,
    .find = find,
    .load = load,
    .remove = remove_log,
    .orphans = orphans,
    .sweep = sweep,
    .follow = chat_resume_spool_follow,
    .stop = stop,
    .check_config = chat_resume_spool_dir_check_config,
    .post_config = chat_resume_spool_dir_post_config,
    .child_init = chat_resume_spool_dir_child_init,
};
