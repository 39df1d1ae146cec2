/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs as files, for those that write them. Each has one writer, the process
 * that made it, which alone knows where it ends: what a write that failed has
 * left behind is no whole frame, and no reader takes it for one.
 *
 * On a file system in memory, as /run is, no write waits for a disk, and the
 * file of an answer that goes on is mapped: then an event is copied, and the
 * system is not asked at all unless somebody follows. Bytes of the file are
 * there before they are mapped memory, so that one that does not fit is an
 * error and no signal; nobody makes a file shorter.
 */
#include "chat_resume_spool.h"

#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

/* To map a file costs what five writes do. */
#define APPENDS_BEFORE_MAP 5
/* What is behind that is written. */
#define MAP_BYTES (256 * 1024)
/* A file gets so many bytes at a time, or the size of a page. */
#define STEP_BYTES 4096

/* 0: not all of it was written, errno says why. */
static int write_at(int fd, const void *data, apr_size_t len, apr_off_t at)
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
    write_at(w->fd, &state, 1, CHAT_RESUME_SPOOL_STATE_AT);
}

/* ---- begin and end ---- */

static apr_status_t close_file(void *baton)
{
    chat_resume_writer_t *w = baton;

    if (w->head)
        munmap(w->head, MAP_BYTES);
    w->head = NULL;
    close(w->fd);
    w->fd = -1;
    return APR_SUCCESS;
}

/* The line is written when the lock is there: a file without one is new. What
 * is before it is 0. */
static int begin_file(chat_resume_writer_t *w, const char *line)
{
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    w->at = CHAT_RESUME_SPOOL_LINE_AT + strlen(line);
    return fcntl(w->fd, F_OFD_SETLK, &l) == 0 &&
           write_at(w->fd, line, strlen(line), CHAT_RESUME_SPOOL_LINE_AT);
}

apr_status_t chat_resume_spool_write_create(chat_resume_writer_t *w,
                                            const char *owner,
                                            const char *route,
                                            const char **pwhy)
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

void chat_resume_spool_write_give_up(chat_resume_writer_t *w)
{
    set_state(w, CHAT_RESUME_BROKEN);
}

/* Of a broken one nothing more can be had: those who read it by now have it. */
void chat_resume_spool_write_end(chat_resume_writer_t *w)
{
    if (w->broken)
        unlinkat(chat_resume_spool_dir_logs(), w->stream, 0);
    else
        set_state(w, CHAT_RESUME_ENDED);
    apr_pool_cleanup_run(w->r->pool, w, close_file);
}

/* ---- events ---- */

/* From here on the end of the log is not that of its file. Where no map is left
 * the file is written as it was. */
static void map_file(chat_resume_writer_t *w)
{
    void *map =
        mmap(NULL, MAP_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, w->fd, 0);

    if (map == MAP_FAILED)
        return;
    w->head = map;
    w->there = w->at;
    __atomic_exchange_n(&w->head->len, w->at, __ATOMIC_ACQ_REL);
}

/* 0: there is no room for it, errno says why. */
static int make_room(chat_resume_writer_t *w, apr_off_t end)
{
    int failed = 0;

    if (end <= w->there)
        return 1;
    end = (end + STEP_BYTES - 1) & ~(apr_off_t)(STEP_BYTES - 1);
    do
        failed = fallocate(w->fd, 0, w->there, end - w->there);
    while (failed && errno == EINTR);
    if (!failed)
        w->there = end;
    return !failed;
}

static int put(chat_resume_writer_t *w, const char *frames, apr_size_t len)
{
    if (!w->head || w->at + (apr_off_t)len > MAP_BYTES)
        return write_at(w->fd, frames, len, w->at);
    if (!make_room(w, w->at + len))
        return 0;
    memcpy((char *)w->head + w->at, frames, len);
    return 1;
}

/* A follower says that it is there before it reads len: either it sees what is
 * new, or it is seen here. */
static void tell(const chat_resume_writer_t *w)
{
    static const uint32_t one = 1;

    __atomic_store_n(&w->head->len, w->at, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&w->head->followed, __ATOMIC_SEQ_CST))
        write_at(w->fd, &one, sizeof(one),
                 offsetof(chat_resume_spool_head_t, bell));
}

int chat_resume_spool_write_append(chat_resume_writer_t *w, apr_int64_t first,
                                   apr_int64_t last, const char *frames,
                                   apr_size_t len, const char **pwhy)
{
    int written;

    if (w->appends < APPENDS_BEFORE_MAP && ++w->appends == APPENDS_BEFORE_MAP &&
        chat_resume_spool_dir_is_memory())
        map_file(w);
    written = put(w, frames, len);
    if (!written)
        *pwhy = strerror(errno);
    w->at += len;
    if (written && w->head)
        tell(w);
    return written;
}
