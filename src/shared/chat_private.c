/* SPDX-License-Identifier: Apache-2.0 */
/* See chat_private.h. Above: resume/, run/; below: the system. */
#include "chat_private.h"

#include <http_config.h>
#include <mpm_common.h>
#include <unixd.h>
#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "chat_config.h"

#define CLAIM ".server"

const char *chat_private_place(const server_rec *s, apr_pool_t *p)
{
    const char *set = chat_config_server(s)->resume.directory;
    char *path = apr_pstrdup(p, set ? set : ap_runtime_dir_relative(p, "chat"));
    apr_size_t len = strlen(path);

    while (len > 1 && path[len - 1] == '/')
        path[--len] = '\0';
    return path;
}

/* As this process has it, which is in no ChrootDir. */
static const char *seen_here(const char *path, apr_pool_t *p)
{
    return ap_unixd_config.chroot_dir
               ? apr_pstrcat(p, ap_unixd_config.chroot_dir, path, NULL)
               : path;
}

static uid_t owner(void)
{
    return geteuid() ? geteuid() : ap_unixd_config.user_id;
}

/* ---- the directory itself ---- */

static const char *check_there(const char *path, apr_pool_t *p)
{
    struct statvfs fs;
    struct stat st;

    if (lstat(path, &st))
        return apr_pstrdup(p, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return "it is no directory";
    if (st.st_uid != owner())
        return apr_psprintf(p,
                            "it does not belong to the User of the server's "
                            "children but to another one: chown -R it to %lu",
                            (unsigned long)owner());
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return "others may write there: chmod 700 it";
    return statvfs(path, &fs) == 0 && (fs.f_flag & ST_RDONLY)
               ? "its file system is read-only"
               : NULL;
}

static const char *parent_of(const char *path, apr_pool_t *p)
{
    char *parent = apr_pstrdup(p, path), *slash = strrchr(parent, '/');

    slash[slash == parent] = '\0';
    return parent;
}

/* Whoever may rename the directory could put another in its place. */
static const char *check_parent(const char *path, apr_pool_t *p)
{
    const char *parent = parent_of(path, p);
    struct stat st;

    if (stat(parent, &st))
        return apr_psprintf(p, "%s, in which it lies: %s", parent,
                            strerror(errno));
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) && !(st.st_mode & S_ISVTX))
        return "others may write in the directory that it lies in";
    return NULL;
}

/* What does not exist may be made by whoever starts the server, before that. */
static const char *check_missing(const char *path, apr_pool_t *p)
{
    const char *parent = parent_of(path, p);
    struct statvfs fs;

    if (statvfs(parent, &fs))
        return errno == ENOENT ? NULL
                               : apr_psprintf(p, "%s, in which it lies: %s",
                                              parent, strerror(errno));
    if (fs.f_flag & ST_RDONLY)
        return "it is not there, and cannot be made: its file system is "
               "read-only";
    return NULL;
}

const char *chat_private_check(const char *path, apr_pool_t *p)
{
    struct stat st;

    path = seen_here(path, p);
    return lstat(path, &st) && errno == ENOENT ? check_missing(path, p)
                                               : check_there(path, p);
}

const char *chat_private_make(const char *path, apr_pool_t *p)
{
    const char *why;

    path = seen_here(path, p);
    why = check_parent(path, p);
    if (why)
        return why;
    if (mkdir(path, 0700) == 0) {
        if (!geteuid() && lchown(path, owner(), ap_unixd_config.group_id))
            return apr_pstrdup(p, strerror(errno));
    }
    else if (errno != EEXIST) {
        return apr_pstrdup(p, strerror(errno));
    }
    return check_there(path, p);
}

/* ---- whose it is ---- */

/* Beside the directory, where its User cannot put another. -1: errno. */
static int open_claim(const char *path, apr_pool_t *p)
{
    int fd = open(apr_pstrcat(p, seen_here(path, p), CLAIM, NULL),
                  O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat st;

    if (fd < 0 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
                   st.st_uid == geteuid() && st.st_nlink == 1))
        return fd;
    close(fd);
    errno = EPERM;
    return -1;
}

/* Who has it, as the file says. */
static const char *read_claim(int fd, apr_pool_t *p)
{
    char text[4096];
    ssize_t n = pread(fd, text, sizeof(text), 0);

    return apr_pstrmemdup(p, text, n > 0 ? n : 0);
}

/* Who has another's lock on it, or why there can be none. */
static const char *dispute(int fd, const char *name, int error, apr_pool_t *p)
{
    const char *other;

    if (error != EAGAIN && error != EACCES)
        return apr_pstrdup(p, strerror(error));
    other = read_claim(fd, p);
    return strcmp(other, name)
               ? apr_psprintf(p, "the server with the PidFile %s has it", other)
               : NULL;
}

/* 0: errno says why not. */
static int take_claim(int fd, const char *name)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    ssize_t len = (ssize_t)strlen(name);

    return fcntl(fd, F_SETLK, &lock) == 0 && ftruncate(fd, 0) == 0 &&
           pwrite(fd, name, len, 0) == len;
}

/* The lock is this process's, not that of its children, and goes when any
 * descriptor of the file is closed: so this one stays, over restarts, too. */
const char *chat_private_claim(const char *path, const server_rec *s,
                               apr_pool_t *p)
{
    apr_pool_t *global = s->process->pool;
    const char *key = apr_pstrcat(p, "chat-private ", path, NULL), *why;
    const char *name = ap_runtime_dir_relative(p, ap_pid_fname);
    void *claimed = NULL;
    int fd;

    apr_pool_userdata_get(&claimed, key, global);
    if (claimed)
        return NULL;
    fd = open_claim(path, p);
    if (fd < 0)
        return apr_psprintf(p, "%s" CLAIM ": %s", path, strerror(errno));
    if (take_claim(fd, name)) {
        apr_pool_userdata_set(apr_pstrdup(global, name), key, NULL, global);
        return NULL;
    }
    why = dispute(fd, name, errno, p);
    close(fd);
    return why;
}
