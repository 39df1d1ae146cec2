/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool from the inside: a file per stream in a private directory.
 *
 * The first byte of a file's line that changes is its state. Its writer holds a
 * lock on it, which goes with the process however that ends: a file that has
 * not ended and is not locked was left behind. No process id could say that,
 * for others get the same one later.
 */
#ifndef CHAT_RESUME_SPOOL_H
#define CHAT_RESUME_SPOOL_H

#include "chat_resume_frames.h"
#include "chat_resume_int.h"

/* [check_config] Refuse directories that are there. */
apr_status_t chat_resume_spool_dir_check_config(apr_pool_t *pconf,
                                                server_rec *s);
/* [post_config] Make them. */
apr_status_t chat_resume_spool_dir_post_config(apr_pool_t *pconf,
                                               server_rec *s);
/* [child_init] Open them. */
void chat_resume_spool_dir_child_init(apr_pool_t *pchild, server_rec *s);

/* A descriptor of the directory of logs, or of stops. */
int chat_resume_spool_dir_logs(void);
int chat_resume_spool_dir_stops(void);
/* The path of a log, in p. */
const char *chat_resume_spool_dir_path(const char *stream, apr_pool_t *p);

/* ---- one file (chat_resume_spool_file.c) ---- */

/* A log to be read: its descriptor, or -1 with errno. EINVAL: it is none. */
int chat_resume_spool_file_open(chat_resume_line_t *line, const char *stream,
                                apr_pool_t *p);
/* Its state now; 0 when it cannot be read. */
char chat_resume_spool_file_state(int fd);
/* 1 when its writer is there. */
int chat_resume_spool_file_is_written(int fd);
/* chat_resume_read_fn of *(int *)ctx. */
chat_resume_read_fn chat_resume_spool_file_read;

/* ---- a follower (chat_resume_spool_follow.c) ---- */

apr_status_t chat_resume_spool_follow(chat_feed_t *feed, request_rec *r,
                                      const char *stream, apr_int64_t after);

#endif
