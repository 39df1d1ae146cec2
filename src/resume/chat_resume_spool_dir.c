/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory of the spool, and in it the one of stops. Both belong to the
 * User of the children, and nobody else may write there: who could would choose
 * what clients are sent.
 */
#include "chat_resume_spool.h"

#include <http_config.h>
#include <http_log.h>
#include <unixd.h>
#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chat_config.h"
#include "chat_log.h"

static const char *logs_path, *stops_path; /* in pconf */
static int logs_fd = -1, stops_fd = -1;    /* a child's */

static uid_t owner(void)
{
    return geteuid() ? geteuid() : ap_unixd_config.user_id;
}

/* NULL, or why not. */
static const char *make(const char *path)
{
    if (mkdir(path, 0700))
        return errno == EEXIST ? NULL : strerror(errno);
    if (!geteuid() && lchown(path, owner(), ap_unixd_config.group_id))
        return strerror(errno);
    return NULL;
}

static const char *check(const char *path)
{
    struct stat st;

    if (lstat(path, &st))
        return strerror(errno);
    if (!S_ISDIR(st.st_mode))
        return "it is no directory";
    if (st.st_uid != owner())
        return "it does not belong to the User of the server's children";
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return "others may write there: chmod 700 it";
    return NULL;
}

/* Whoever may rename the directory could put another in its place. */
static const char *check_parent(const char *path, apr_pool_t *p)
{
    char *parent = apr_pstrdup(p, path), *slash = strrchr(parent, '/');
    struct stat st;

    slash[slash == parent] = '\0';
    if (stat(parent, &st))
        return strerror(errno);
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) && !(st.st_mode & S_ISVTX))
        return "others may write in the directory that it lies in";
    return NULL;
}

static const char *prepare(const char *path, apr_pool_t *p)
{
    const char *why = check_parent(path, p);

    if (!why)
        why = make(path);
    return why ? why : check(path);
}

static const char *check_if_there(const char *path, apr_pool_t *p)
{
    struct stat st;

    return lstat(path, &st) && errno == ENOENT ? NULL : check(path);
}

static void find_paths(apr_pool_t *pconf, server_rec *s)
{
    const char *path = chat_config_server(s)->resume.directory;
    apr_size_t len;

    logs_path = path ? apr_pstrdup(pconf, path)
                     : ap_runtime_dir_relative(pconf, "chat");
    for (len = strlen(logs_path); len > 1 && logs_path[len - 1] == '/'; len--)
        logs_path = apr_pstrmemdup(pconf, logs_path, len - 1);
    stops_path = apr_pstrcat(pconf, logs_path, "/stop", NULL);
}

/* Of both directories. */
static apr_status_t each(const char *(*look)(const char *path, apr_pool_t *p),
                         apr_pool_t *p, server_rec *s)
{
    const char *why = look(logs_path, p);

    if (!why)
        why = look(stops_path, p);
    if (!why)
        return APR_SUCCESS;
    ap_log_error(APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, s,
                 CHATNO(1203) "ChatStreamResume spool=%s: %s", logs_path, why);
    return APR_EGENERAL;
}

apr_status_t chat_resume_spool_dir_check_config(apr_pool_t *pconf,
                                                server_rec *s)
{
    find_paths(pconf, s);
    return each(check_if_there, pconf, s);
}

apr_status_t chat_resume_spool_dir_post_config(apr_pool_t *pconf, server_rec *s)
{
    return each(prepare, pconf, s);
}

static int open_dir(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

void chat_resume_spool_dir_child_init(apr_pool_t *pchild, server_rec *s)
{
    logs_fd = open_dir(logs_path);
    stops_fd = open_dir(stops_path);
    if (logs_fd < 0 || stops_fd < 0)
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                     CHATNO(1204) "%s cannot be opened: no stream of child %d "
                                  "can be resumed",
                     logs_path, (int)getpid());
    chat_resume_watch_child_init(pchild, s, stops_path);
}

int chat_resume_spool_dir_logs(void)
{
    return logs_fd;
}

int chat_resume_spool_dir_stops(void)
{
    return stops_fd;
}

const char *chat_resume_spool_dir_path(const char *stream, apr_pool_t *p)
{
    return apr_pstrcat(p, logs_path, "/", stream, NULL);
}
