/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the spool, for those that read them. Any thread. */
#include "chat_resume_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

apr_ssize_t chat_resume_spool_file_read(void *ctx, char *data, apr_size_t len,
                                        apr_off_t at)
{
    const int *fd = ctx;
    ssize_t n;

    do
        n = pread(*fd, data, len, at);
    while (n < 0 && errno == EINTR);
    return n;
}

int chat_resume_spool_file_open(chat_resume_line_t *line, const char *stream,
                                apr_pool_t *p)
{
    int fd = openat(chat_resume_spool_dir_logs(), stream,
                    O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    char data[CHAT_RESUME_LINE_MAX];
    struct stat st;
    apr_ssize_t n;

    if (fd < 0)
        return -1;
    if (!fstat(fd, &st) && S_ISREG(st.st_mode) &&
        (n = chat_resume_spool_file_read(&fd, data, sizeof(data), 0)) >= 0 &&
        chat_resume_frames_parse_line(line, data, n, p) == APR_SUCCESS)
        return fd;
    close(fd);
    errno = EINVAL;
    return -1;
}

char chat_resume_spool_file_state(int fd)
{
    char state = 0;

    return chat_resume_spool_file_read(&fd, &state, 1, CHAT_RESUME_STATE_AT) ==
                   1
               ? state
               : 0;
}

int chat_resume_spool_file_is_written(int fd)
{
    struct flock l = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

    return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}
