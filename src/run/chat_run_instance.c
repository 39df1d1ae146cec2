/* SPDX-License-Identifier: Apache-2.0 */
/* Processes and their locks. Threads as in chat_run_instance.h. */
#include "chat_run_instance.h"

#include <httpd.h>
#include <http_log.h>
#include <apr_file_info.h>
#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "chat_crypto.h"
#include "chat_log.h"
#include "chat_run_unsaved.h"

#define SUFFIX ".alive"
#define LEADER "maintenance.lock"

static char name[37];
static int lock_fd = -1, leader_fd = -1; /* open as long as the process lives */
static int running;                      /* atomic */

const char *chat_run_instance(void)
{
    return name;
}

void chat_run_instance_add(int n)
{
    __atomic_add_fetch(&running, n, __ATOMIC_RELAXED);
}

int chat_run_instance_running(void)
{
    return __atomic_load_n(&running, __ATOMIC_RELAXED);
}

static const char *file_of(const char *instance, const char *more,
                           apr_pool_t *p)
{
    return chat_run_unsaved_path(apr_pstrcat(p, instance, more, NULL), p);
}

/* An open file that is locked, or -1: another process has the lock, or there is
 * no such file. */
static int lock_file(const char *path, int flags)
{
    int fd = open(path, flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    close(fd);
    errno = EWOULDBLOCK;
    return -1;
}

/* Nobody sees the file before it is locked. */
void chat_run_instance_start(server_rec *s, apr_pool_t *pchild)
{
    const char *made;

    chat_crypto_uuid7(name, apr_time_now());
    made = file_of(name, ".new", pchild);
    lock_fd = lock_file(made, O_CREAT | O_EXCL);
    if (lock_fd >= 0 && rename(made, file_of(name, SUFFIX, pchild)) == 0)
        return;
    ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                 CHATNO(0830) "%s: if this process is killed, its answers are "
                              "looked after a minute later only",
                 made);
}

void chat_run_instance_stop(int leaves)
{
    apr_pool_t *p;

    if (leaves || chat_run_instance_running() > 0 ||
        apr_pool_create(&p, NULL) != APR_SUCCESS)
        return;
    unlink(file_of(name, SUFFIX, p));
    apr_pool_destroy(p);
}

/* The name that a file is of, or NULL. */
static const char *name_of(const char *file, apr_pool_t *p)
{
    apr_size_t len = strlen(file), end = sizeof(SUFFIX) - 1;

    return len == sizeof(name) - 1 + end && !strcmp(file + len - end, SUFFIX)
               ? apr_pstrmemdup(p, file, len - end)
               : NULL;
}

static int is_gone(const char *instance, apr_pool_t *p)
{
    int fd;

    if (!strcmp(instance, name))
        return 0;
    fd = lock_file(file_of(instance, SUFFIX, p), 0);
    if (fd < 0)
        return 0;
    close(fd);
    return 1;
}

apr_array_header_t *chat_run_instance_gone(apr_pool_t *p)
{
    apr_array_header_t *gone = apr_array_make(p, 4, sizeof(const char *));
    apr_finfo_t info;
    apr_dir_t *dir;

    if (apr_dir_open(&dir, chat_run_unsaved_path(NULL, p), p) != APR_SUCCESS)
        return gone;
    while (apr_dir_read(&info, APR_FINFO_NAME, dir) == APR_SUCCESS) {
        const char *instance = name_of(info.name, p);

        if (instance && is_gone(instance, p))
            APR_ARRAY_PUSH(gone, const char *) = instance;
    }
    apr_dir_close(dir);
    return gone;
}

void chat_run_instance_forget(const char *instance, apr_pool_t *p)
{
    unlink(file_of(instance, SUFFIX, p));
}

int chat_run_instance_leads(void)
{
    apr_pool_t *p;

    if (leader_fd >= 0)
        return 1;
    if (apr_pool_create(&p, NULL) != APR_SUCCESS)
        return 0;
    leader_fd = lock_file(chat_run_unsaved_path(LEADER, p), O_CREAT);
    apr_pool_destroy(p);
    return leader_fd >= 0;
}
