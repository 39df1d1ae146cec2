/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs as files. Each has one writer, the process that made it, which alone
 * knows where it ends: what a write that failed has left behind is no whole
 * frame, and no reader takes it for one. On a file system in memory, as /run
 * is, a write never waits for a disk.
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

/* ---- writing ---- */

/* 0: not all of it was written, errno says why. */
static int write_at(int fd, const char *data, apr_size_t len, apr_off_t at)
{
    ssize_t n;

    do
        n = pwrite(fd, data, len, at);
    while (n < 0 && errno == EINTR);
    if (n >= 0 && (apr_size_t)n < len)
        errno = ENOSPC;
    return n == (ssize_t)len;
}

static void set_state(const chat_resume_writer_t *w, char state)
{
    write_at(w->fd, &state, 1, CHAT_RESUME_STATE_AT);
}

static apr_status_t close_file(void *baton)
{
    chat_resume_writer_t *w = baton;

    close(w->fd);
    w->fd = -1;
    return APR_SUCCESS;
}

/* The line is written when the lock is there: a file without one is new. */
static int begin_file(chat_resume_writer_t *w, const char *line)
{
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    w->at = strlen(line);
    return fcntl(w->fd, F_OFD_SETLK, &l) == 0 &&
           write_at(w->fd, line, w->at, 0);
}

static apr_status_t create(chat_resume_writer_t *w, const char *owner,
                           const char *route, const char **pwhy)
{
    const chat_resume_line_t line = {.state = CHAT_RESUME_OPEN,
                                     .created = apr_time_now(),
                                     .owner = owner,
                                     .route = route};
    const char *text = chat_resume_frames_make_line(&line, w->r->pool);
    int failed;

    *pwhy = "its owner has too long a name";
    if (!text)
        return APR_EINVAL;
    w->fd = openat(chat_resume_spool_dir_logs(), w->stream,
                   O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    failed = w->fd < 0 ? errno : 0;
    if (!failed && !begin_file(w, text)) {
        failed = errno;
        close_file(w);
        unlinkat(chat_resume_spool_dir_logs(), w->stream, 0);
    }
    if (failed) {
        *pwhy = failed == ENOENT ? "its directory is gone: restart the server, "
                                   "which makes it"
                                 : strerror(failed);
        return failed;
    }
    apr_pool_cleanup_register(w->r->pool, w, close_file, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

static int append(chat_resume_writer_t *w, apr_int64_t first, apr_int64_t last,
                  const char *frames, apr_size_t len, const char **pwhy)
{
    int written = write_at(w->fd, frames, len, w->at);

    if (!written)
        *pwhy = strerror(errno);
    w->at += len;
    return written;
}

static void give_up(chat_resume_writer_t *w)
{
    set_state(w, CHAT_RESUME_BROKEN);
}

/* Of a broken one nothing more can be had: those who read it by now have it. */
static void end(chat_resume_writer_t *w)
{
    if (w->broken)
        unlinkat(chat_resume_spool_dir_logs(), w->stream, 0);
    else
        set_state(w, CHAT_RESUME_ENDED);
    apr_pool_cleanup_run(w->r->pool, w, close_file);
}

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

/* A descriptor, or the status of there being none. */
static apr_status_t open_log(int *pfd, chat_resume_line_t *line,
                             const char *stream, apr_pool_t *p)
{
    *pfd = chat_resume_spool_file_open(line, stream, p);
    if (*pfd >= 0)
        return APR_SUCCESS;
    return errno == ENOENT || errno == EINVAL ? APR_NOTFOUND : errno;
}

static apr_status_t find(chat_resume_log_t *log, const char *stream,
                         apr_pool_t *p)
{
    chat_resume_line_t line;
    apr_status_t rv;
    int fd;

    rv = open_log(&fd, &line, stream, p);
    if (rv != APR_SUCCESS)
        return rv;
    close(fd);
    describe(log, &line, stream);
    return APR_SUCCESS;
}

/* All from there on, *plen bytes of it. */
static apr_status_t read_rest(char **pdata, apr_size_t *plen, int fd,
                              apr_off_t from, apr_pool_t *p)
{
    struct stat st;
    apr_ssize_t n;

    *plen = 0;
    if (fstat(fd, &st))
        return errno;
    *pdata = apr_palloc(p, st.st_size > from ? st.st_size - from + 1 : 1);
    while (from + (apr_off_t)*plen < st.st_size) {
        n = chat_resume_spool_file_read(
            &fd, *pdata + *plen, st.st_size - from - *plen, from + *plen);
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
    chat_resume_line_t line;
    apr_status_t rv;
    apr_off_t at;
    char *data = NULL;
    int fd;

    rv = open_log(&fd, &line, stream, p);
    if (rv != APR_SUCCESS)
        return rv;
    at = line.len;
    rv = chat_resume_frames_seek(&at, plast, chat_resume_spool_file_read, &fd,
                                 APR_INT64_MAX);
    if (rv == APR_SUCCESS)
        rv = read_rest(&data, plen, fd, line.len, p);
    close(fd);
    if (rv != APR_SUCCESS)
        return rv;
    if (*plen > at - line.len) /* some came in between, or is no frame */
        *plen = at - line.len;
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
static int is_orphan(const chat_resume_line_t *line, int fd)
{
    return line->state != CHAT_RESUME_ENDED &&
           !chat_resume_spool_file_is_written(fd) &&
           /* it may have ended just now */
           chat_resume_spool_file_state(fd) != CHAT_RESUME_ENDED;
}

static void add_orphan(void *ctx, int dir_fd, const char *name,
                       const struct stat *st)
{
    apr_array_header_t *logs = ctx;
    chat_resume_line_t line;
    int fd = chat_resume_spool_file_open(&line, name, logs->pool);

    if (fd < 0)
        return;
    if (is_orphan(&line, fd))
        describe(apr_array_push(logs), &line, apr_pstrdup(logs->pool, name));
    close(fd);
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
    chat_resume_line_t line;
    int fd, keep = 0;

    if (idle < sweep->age)
        return;
    fd = chat_resume_spool_file_open(&line, name, sweep->pool);
    if (fd >= 0) {
        keep = chat_resume_spool_file_is_written(fd) ||
               (is_orphan(&line, fd) && idle < ORPHAN_AGE);
        close(fd);
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
    .create = create,
    .append = append,
    .give_up = give_up,
    .end = end,
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
