/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs in Redis from the inside, from the bottom up: a thread with two
 * connections (_link), those who write (_write), those who read (_read), and
 * what a request asks for (chat_resume_redis.c).
 *
 *   chat:{ID}:log      "INSTANCE LINE": its first line, as of a spool's file,
 *                      and the process that writes it
 *   chat:{ID}:events   a Redis stream. The entry 0-N holds in "f" the frames up
 *                      to the id N. The last one is 1-0: with "end" the log has
 *                      ended, with "gap" not all of the stream is in it
 *   chat:{ID}:stop     the stream is to stop
 *   chat:alive:INSTANCE   that process lives
 *
 * and two kinds of channels: chat:stop, whose messages are ids, and
 * chat:{ID}:more, when there are new entries.
 */
#ifndef CHAT_RESUME_REDIS_H
#define CHAT_RESUME_REDIS_H

#include "chat_redis.h"
#include "chat_resume_frames.h"
#include "chat_resume_int.h"

#define CHAT_RESUME_REDIS_STOPS "chat:stop"
/* Of any key or channel with an id in it. */
#define CHAT_RESUME_REDIS_KEY_MAX 80

/* A key of that kind. */
void chat_resume_redis_link_key(char key[CHAT_RESUME_REDIS_KEY_MAX],
                                const char *stream, const char *kind);

/* ---- the thread (chat_resume_redis_link.c) ---- */

/* [thread] The reply to a command; NULL: there will be none. 1: it is kept by
 * whom it was for, and not freed. */
typedef int chat_resume_redis_reply_fn(void *ctx, redisReply *reply);

/* What the thread does for others. All [thread]. */
typedef struct chat_resume_redis_user_t {
    /* Send what is due; *pdue becomes when there is something next. up: there
     * is a connection. down_for: how long there has been none. */
    void (*round)(apr_int64_t now, int up, apr_int64_t down_for,
                  apr_int64_t *pdue);
    /* The connection of channels is new. NULL: no matter. */
    void (*connected)(void);
    /* A message on a channel, or (NULL) that its subscription holds now. NULL:
     * no matter. */
    void (*heard)(const char *channel, const char *message);
} chat_resume_redis_user_t;

/* The lock of all that the thread shares with others. It is held for some
 * instructions only, and while streams are woken. */
void chat_resume_redis_link_lock(void);
void chat_resume_redis_link_unlock(void);
/* [any thread] Have the thread begin a round. */
void chat_resume_redis_link_wake(void);

/* [thread, up] The words of a command; those of lens[i] bytes may hold any,
 * lens NULL: none does. */
void chat_resume_redis_link_send(chat_resume_redis_reply_fn *fn, void *ctx,
                                 int argc, const char **argv,
                                 const size_t *lens);
/* [thread, up] */
void chat_resume_redis_link_subscribe(const char *channel, int on);

/* [a thread that may wait] One command and its reply, which is the caller's.
 * NULL: *pwhy. */
redisReply *chat_resume_redis_link_ask(int argc, const char **argv,
                                       const char **pwhy);

/* What this process is called. */
const char *chat_resume_redis_link_instance(void);

/* users ends with NULL. */
void chat_resume_redis_link_child_init(
    apr_pool_t *pchild, server_rec *s,
    const chat_resume_redis_user_t *const *users);

/* ---- writers (chat_resume_redis_write.c) ---- */

extern const chat_resume_redis_user_t chat_resume_redis_writers;

/* [request thread] Its log is there. NULL: no memory. */
struct chat_resume_redis_log_t *
chat_resume_redis_write_open(const char *stream);
/* [driver] 0: *pwhy. */
int chat_resume_redis_write_append(struct chat_resume_redis_log_t *log,
                                   apr_int64_t last, const char *frames,
                                   apr_size_t len, const char **pwhy);
/* [driver] Not all of the stream is in it. */
void chat_resume_redis_write_break(struct chat_resume_redis_log_t *log);
/* [a worker] ended 0: its process gives it up. */
void chat_resume_redis_write_close(struct chat_resume_redis_log_t *log,
                                   int ended);

/* ---- readers (chat_resume_redis_read.c) ---- */

extern const chat_resume_redis_user_t chat_resume_redis_readers;

/* [request thread] A feed of what is behind after, in the log of a process of
 * that name, of which last is the id of the last event, 0 none. 0: no memory.
 */
int chat_resume_redis_read_feed(chat_feed_t *feed, request_rec *r,
                                const char *stream, const char *instance,
                                apr_int64_t after, apr_int64_t last);

#endif
