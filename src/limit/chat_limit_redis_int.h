/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Redis counter from the inside: connections (_pool), whether it is worth
 * asking (_breaker), the scripts (_script), the counter itself, and the line
 * by which an engine asks it (_line).
 */
#ifndef CHAT_LIMIT_REDIS_INT_H
#define CHAT_LIMIT_REDIS_INT_H

#include <hiredis/hiredis.h>

#include "chat_limit_int.h"

/* ---- connections ---- */

/* One exchange with Redis. An idle connection waits for the command's deadline
 * as it was set when it was kept: one system call less per question. */
typedef struct chat_redis_t {
    redisContext *c;
    int shared;           /* several commands, one deadline */
    apr_int64_t deadline; /* monotonic us */
} chat_redis_t;

/*
 * A connection that is known to stand: an idle one, else a new one, signed in
 * and with its database chosen. Not APR_SUCCESS: *pwhy says why, in words
 * that hold no secret. Blocks at most for both deadlines.
 */
apr_status_t chat_redis_open(chat_redis_t *redis, const char **pwhy,
                             apr_pool_t *p);
/* Another command comes: both together have the time of one. */
void chat_redis_share_deadline(chat_redis_t *redis);
/* Keep it for the next: only after every reply has been read. */
void chat_redis_keep(chat_redis_t *redis);
/* Whatever may still come on it would answer another's question: away. */
void chat_redis_drop(chat_redis_t *redis);

/* Send a command and read its reply within the deadline. NULL: *pwhy. */
redisReply *chat_redis_ask(chat_redis_t *redis, int argc, const char **argv,
                           const char **pwhy, apr_pool_t *p);
/* As it goes over the wire, in p: its length. */
apr_size_t chat_redis_format(char **pcommand, int argc, const char **argv,
                             apr_pool_t *p);

apr_status_t chat_redis_pool_post_config(apr_pool_t *pconf, server_rec *s);
void chat_redis_pool_child_init(apr_pool_t *pchild);

/* ---- TLS, for rediss:// ---- */

/* [post_config] ca: a file with the CAs to trust, NULL: the system's. NULL, or
 * why there is none. */
const char *chat_redis_tls_init(const char *ca, apr_pool_t *pconf);

/* On a connection that stands, with its time-out set: the handshake with a
 * server that proves to be host. */
apr_status_t chat_redis_tls_start(redisContext *c, const char *host,
                                  const char **pwhy, apr_pool_t *p);

/* ---- is it worth asking? ---- */

/* 1 when Redis may be asked now. Answered by exactly one of the others. */
int chat_redis_breaker_allow(void);
void chat_redis_breaker_success(void);
void chat_redis_breaker_failure(const char *why);
/* [post_config] */
apr_status_t chat_redis_breaker_post_config(server_rec *s);

/* ---- the scripts, with their SHA-1 in hex ---- */

typedef struct chat_redis_script_t {
    const char *text;
    char sha1[41];
} chat_redis_script_t;

extern chat_redis_script_t chat_redis_take;
extern chat_redis_script_t chat_redis_settle;

/* [post_config] */
void chat_redis_scripts_init(void);

/* ---- what Redis has on lease (chat_limit_redis_lease.c) ---- */

/* In place of the end of a window: it was not heard whether it is charged. */
#define CHAT_REDIS_UNHEARD (-1)

/* All that it takes to settle one. */
typedef struct chat_redis_lease_t {
    char unit; /* 't', 's' or 'c', as the scripts have it */
    apr_int64_t amount, window_end, tokens;
    char name[64];
    char key[224];
} chat_redis_lease_t;

/* [request thread] Before Redis is asked for them. */
void chat_redis_lease_note(chat_counts_t *counts, apr_pool_t *p);
/* [not an engine] They could not be settled. */
void chat_redis_lease_owe(chat_counts_t *counts, apr_int64_t tokens);
/* Some thread has to settle it: another number than 0, that one says what came
 * of it; none: 0. */
int chat_redis_lease_claim(chat_redis_lease_t *lease);
/* Redis was asked. Known: it had it, or never will. */
void chat_redis_lease_settled(int claimed, int known);
/* It could not be asked. */
void chat_redis_lease_unclaim(int claimed);
/* 1 when there may be something to claim, soon. Any thread. */
int chat_redis_lease_is_owed(void);
/* [parent] All that a child had. */
void chat_redis_lease_bury(pid_t pid);
/* [post_config] */
apr_status_t chat_redis_lease_post_config(server_rec *s);

/* ---- ... and is owed (chat_limit_redis_settler.c) ---- */

/* Any thread. */
void chat_redis_settler_wake(void);
void chat_redis_settler_child_init(apr_pool_t *pchild, server_rec *s);

/* ---- what is said and heard (chat_limit_redis.c) ---- */

/* A command: EVALSHA, its script, the number of keys ... */
typedef struct chat_redis_words_t {
    const char **word;
    int n;
} chat_redis_words_t;

/* All of it but the script. */
chat_redis_words_t chat_redis_take_words(const chat_counts_t *counts,
                                         apr_pool_t *p);
void chat_redis_name_script(chat_redis_words_t *w,
                            const chat_redis_script_t *script, int whole);
/* 1: it has to be asked once more, with the whole script. */
int chat_redis_lacks_script(const redisReply *reply);
/* 1: Redis is well, but under a key stands what is no counter. */
int chat_redis_is_about_key(const redisReply *reply);

/* "r", "t", "s", or "c": what a count is to the scripts. */
const char *chat_redis_unit(const chat_counts_t *counts,
                            const chat_count_t *count);
/* 1 when Redis keeps something for it that can be given back. */
int chat_redis_leased(const chat_counts_t *counts, const chat_count_t *count);

/* All that settles it but the script: 10 words. */
void chat_redis_lease_words(chat_redis_words_t *w,
                            const chat_redis_lease_t *lease, apr_pool_t *p);
/* The reply, or NULL and why; with the whole script where Redis lacks it. */
redisReply *chat_redis_call(chat_redis_t *redis, chat_redis_words_t *w,
                            const chat_redis_script_t *script,
                            const char **pwhy, apr_pool_t *p);

/*
 * A reply, or NULL and why there is none: the breaker and the log are told.
 * APR_SUCCESS: it answers. APR_EINVAL: it does not, but Redis is well. Else the
 * connection is of no use any more.
 */
apr_status_t chat_redis_hear(const redisReply *reply, const char *why,
                             request_rec *r);
/* Read it into counts. Not APR_SUCCESS: it is none of ours. */
apr_status_t chat_redis_take_read(chat_counts_t *counts,
                                  const redisReply *reply);

#endif
