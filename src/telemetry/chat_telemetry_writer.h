/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and pipes that get whole lines from all children. Whoever has a line
 * leaves it in memory, and never waits: a thread of each child writes it. What
 * that has not been able to write is bounded, and more than that is dropped.
 */
#ifndef CHAT_TELEMETRY_WRITER_H
#define CHAT_TELEMETRY_WRITER_H

#include <httpd.h>

typedef struct chat_telemetry_writer_t chat_telemetry_writer_t;

/* [post_config] target as in chat_server_log_t. It is closed with pconf. NULL:
 * it cannot be opened, which has been logged. */
chat_telemetry_writer_t *chat_telemetry_writer_open(const char *target,
                                                    server_rec *s,
                                                    apr_pool_t *pconf);

/* [child_init] From now on lines are written, until the child ends: what is
 * there then is still written, for a second at most. */
void chat_telemetry_writer_start(chat_telemetry_writer_t *w, server_rec *s,
                                 apr_pool_t *pchild);

/* [any thread of a child] A line with its line feed, PIPE_BUF bytes at most,
 * so that none is ever mixed with another one. Never waits. */
void chat_telemetry_writer_put(chat_telemetry_writer_t *w, const char *line,
                               apr_size_t len);

#endif
