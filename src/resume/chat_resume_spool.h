/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool from the inside: a file per stream in a private directory. It has
 * a head, a line, and frames behind that.
 *
 * The byte of a file's line that changes is its state. Its writer holds a
 * lock on it, which goes with the process however that ends: a file that has
 * not ended and is not locked was left behind. No process id could say that,
 * for others get the same one later.
 */
#ifndef CHAT_RESUME_SPOOL_H
#define CHAT_RESUME_SPOOL_H

#include <stdint.h>

#include "chat_resume_frames.h"
#include "chat_resume_int.h"

/*
 * What writer and followers say to each other, in memory that they share where
 * the directory is on a file system in memory. Whole words, atomic; nobody else
 * reads a file, so they are in the order of bytes of the machine.
 *
 * A writer that has mapped its file makes it longer before there is anything to
 * write: from then on len says where the log ends.
 */
typedef struct chat_resume_spool_head_t {
    uint64_t len;      /* 0: the file's size says it */
    uint32_t followed; /* 1: memory that changes wakes nobody, the bell does */
    uint32_t bell;     /* written, and not read: inotify hears of that */
} chat_resume_spool_head_t;

#define CHAT_RESUME_SPOOL_LINE_AT ((apr_off_t)sizeof(chat_resume_spool_head_t))
#define CHAT_RESUME_SPOOL_STATE_AT                                             \
    (CHAT_RESUME_SPOOL_LINE_AT + CHAT_RESUME_STATE_AT)

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
/* 1: logs are memory. Elsewhere none is mapped: a disk that fails, or is slow,
 * would show in memory, where nothing can be done about it. */
int chat_resume_spool_dir_is_memory(void);

/* ---- the writer (chat_resume_spool_write.c), as chat_resume_way_t says ----
 */

apr_status_t chat_resume_spool_write_create(chat_resume_writer_t *w,
                                            const char *owner,
                                            const char *route,
                                            const char **pwhy);
int chat_resume_spool_write_append(chat_resume_writer_t *w, apr_int64_t first,
                                   apr_int64_t last, const char *frames,
                                   apr_size_t len, const char **pwhy);
void chat_resume_spool_write_give_up(chat_resume_writer_t *w);
void chat_resume_spool_write_end(chat_resume_writer_t *w);

/* ---- one file, for its readers (chat_resume_spool_file.c) ---- */

typedef struct chat_resume_spool_file_t {
    int fd;
    apr_off_t begin; /* the first frame is there */
    apr_off_t len;   /* what head->len said when the file was opened */
    chat_resume_spool_head_t *head; /* mapped for a follower, or NULL */
} chat_resume_spool_file_t;

/* A log to be read, with O_RDWR to be followed. APR_NOTFOUND: there is none of
 * that name. Otherwise it cannot be read. */
apr_status_t chat_resume_spool_file_open(chat_resume_spool_file_t *file,
                                         chat_resume_line_t *line, int mode,
                                         const char *stream, apr_pool_t *p);
void chat_resume_spool_file_close(chat_resume_spool_file_t *file);
/* Its state now; 0 when it cannot be read. */
char chat_resume_spool_file_state(const chat_resume_spool_file_t *file);
/* 1 when its writer is there. */
int chat_resume_spool_file_is_written(const chat_resume_spool_file_t *file);
/* ctx is the file. */
chat_resume_read_fn chat_resume_spool_file_read;

/* ---- a follower (chat_resume_spool_follow.c) ---- */

apr_status_t chat_resume_spool_follow(chat_feed_t *feed, request_rec *r,
                                      const char *stream, apr_int64_t after);

#endif
