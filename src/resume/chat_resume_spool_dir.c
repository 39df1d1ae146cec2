/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory of the spool, and in it the one of stops. Both belong to the
 * User of the children, and nobody else may write there: who could would choose
 * what clients are sent.
 */
#include "chat_resume_spool.h"

#include <http_log.h>
#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "chat_log.h"
#include "chat_private.h"

static const char *logs_path, *stops_path; /* in pconf */
static int logs_fd = -1, stops_fd = -1;    /* a child's */
static int logs_are_memory;                /* a child's */

static void find_paths(apr_pool_t *pconf, const server_rec *s)
{
    logs_path = chat_private_place(s, pconf);
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
                 CHATNO(1203) "streams cannot be logged in %s: %s. "
                              "ChatStreamResume names another directory, or "
                              "off",
                 logs_path, why);
    return APR_EGENERAL;
}

apr_status_t chat_resume_spool_dir_check_config(apr_pool_t *pconf,
                                                server_rec *s)
{
    find_paths(pconf, s);
    return each(chat_private_check, pconf, s);
}

apr_status_t chat_resume_spool_dir_post_config(apr_pool_t *pconf, server_rec *s)
{
    return each(chat_private_make, pconf, s);
}

static int is_memory(int fd)
{
    struct statfs fs;

    return fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

static int open_dir(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

void chat_resume_spool_dir_child_init(apr_pool_t *pchild, server_rec *s)
{
    logs_fd = open_dir(logs_path);
    stops_fd = open_dir(stops_path);
    logs_are_memory = is_memory(logs_fd);
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

int chat_resume_spool_dir_is_memory(void)
{
    return logs_are_memory;
}

const char *chat_resume_spool_dir_path(const char *stream, apr_pool_t *p)
{
    return apr_pstrcat(p, logs_path, "/", stream, NULL);
}
