/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the spool, for those that read them. Any thread. */
#include "chat_resume_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- to open one ---- */

static apr_ssize_t read_at(int fd, char *data, apr_size_t len, apr_off_t at)
{
    ssize_t n;

    do
        n = pread(fd, data, len, at);
    while (n < 0 && errno == EINTR);
    return n;
}

/* 0: it is no log. */
static int read_line(chat_resume_spool_file_t *file, chat_resume_line_t *line,
                     apr_pool_t *p)
{
    char data[sizeof(chat_resume_spool_head_t) + CHAT_RESUME_LINE_MAX];
    chat_resume_spool_head_t head;
    struct stat st;
    apr_ssize_t n;

    if (fstat(file->fd, &st) || !S_ISREG(st.st_mode))
        return 0;
    n = read_at(file->fd, data, sizeof(data), 0);
    if (n < (apr_ssize_t)sizeof(head) ||
        chat_resume_frames_parse_line(line, data + sizeof(head),
                                      n - sizeof(head), p) != APR_SUCCESS)
        return 0;
    memcpy(&head, data, sizeof(head));
    file->len = head.len;
    file->begin = CHAT_RESUME_SPOOL_LINE_AT + line->len;
    return 1;
}

static int map_head(chat_resume_spool_file_t *file)
{
    void *head = mmap(NULL, sizeof(*file->head), PROT_READ | PROT_WRITE,
                      MAP_SHARED, file->fd, 0);

    if (head == MAP_FAILED)
        return errno;
    file->head = head;
    return APR_SUCCESS;
}

apr_status_t chat_resume_spool_file_open(chat_resume_spool_file_t *file,
                                         chat_resume_line_t *line, int mode,
                                         const char *stream, apr_pool_t *p)
{
    apr_status_t rv = APR_NOTFOUND;

    file->head = NULL;
    file->fd = openat(chat_resume_spool_dir_logs(), stream,
                      mode | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (file->fd < 0)
        return errno == ENOENT ? APR_NOTFOUND : errno;
    if (read_line(file, line, p))
        rv = mode == O_RDWR && chat_resume_spool_dir_is_memory()
                 ? map_head(file)
                 : APR_SUCCESS;
    if (rv != APR_SUCCESS)
        close(file->fd);
    return rv;
}

void chat_resume_spool_file_close(chat_resume_spool_file_t *file)
{
    if (file->head)
        munmap(file->head, sizeof(*file->head));
    close(file->fd);
}

/* ---- what it says ---- */

/* Where the log ends; 0: where the file does. */
static apr_off_t end_of(const chat_resume_spool_file_t *file)
{
    return file->head
               ? (apr_off_t)__atomic_load_n(&file->head->len, __ATOMIC_SEQ_CST)
               : file->len;
}

/* The same behind what was read before: either the writer, who exchanges this
 * word before it writes into memory, finds that it was looked at, or it is seen
 * here that there is a map. */
static apr_off_t end_after(const chat_resume_spool_file_t *file)
{
    return file->head ? (apr_off_t)__atomic_fetch_add(&file->head->len, 0,
                                                      __ATOMIC_ACQ_REL)
                      : file->len;
}

/* A file that is mapped meanwhile may get bytes of which only some are there:
 * what was read without knowing its end is read again. */
apr_ssize_t chat_resume_spool_file_read(void *ctx, char *data, apr_size_t len,
                                        apr_off_t at)
{
    const chat_resume_spool_file_t *file = ctx;
    apr_off_t end = end_of(file);
    apr_ssize_t n;

    if (!end) {
        n = read_at(file->fd, data, len, at);
        end = end_after(file);
        if (!end)
            return n;
    }
    if (at >= end)
        return 0;
    if (len > (apr_size_t)(end - at))
        len = end - at;
    return read_at(file->fd, data, len, at);
}

char chat_resume_spool_file_state(const chat_resume_spool_file_t *file)
{
    char state = 0;

    return read_at(file->fd, &state, 1, CHAT_RESUME_SPOOL_STATE_AT) == 1 ? state
                                                                         : 0;
}

int chat_resume_spool_file_is_written(const chat_resume_spool_file_t *file)
{
    struct flock l = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

    return fcntl(file->fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}
