/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counter in Redis from the inside, from the bottom up: what it may reply
 * (_reader), connections (_pool), the breaker (_breaker), the scripts
 * (_script), the list of what is leased (_lease), the counter itself, the
 * channel of an engine (_channel) and the thread that settles what was left
 * (_settler).
 */
#ifndef CHAT_LIMIT_REDIS_INT_H
#define CHAT_LIMIT_REDIS_INT_H

#include "chat_limit_int.h"
#include "chat_redis.h"

/* ---- how much Redis may reply (chat_limit_redis_reader.c) ---- */

/* [post_config] 0: no memory. */
int chat_limit_redis_reader_init(void);

/* Of a new connection: nested arrays, and those of more elements than any reply
 * to us has, are refused. */
void chat_limit_redis_reader_bound(redisContext *c);

/* The next reply of what was read; NULL when none is whole yet. REDIS_ERR: it
 * is none of ours, c->errstr says why. Any thread, the connection's user. */
int chat_limit_redis_reader_next(redisContext *c, void **preply);

/* 0: some of a reply has been read that is still to be looked at. */
int chat_limit_redis_reader_is_empty(const redisContext *c);

/* ---- connections (chat_limit_redis_pool.c) ---- */

/* A connection in use. An idle one keeps the time-out of a command that was set
 * when it became idle, which saves a system call per command. */
typedef struct chat_limit_redis_t {
    redisContext *c;
    int shared;           /* several commands have one deadline */
    apr_int64_t deadline; /* monotonic us */
} chat_limit_redis_t;

/*
 * A connection that stands: an idle one, else a new one, authenticated and with
 * its database selected. Not APR_SUCCESS: *pwhy says why, in words that hold no
 * secret. Blocks at most for both deadlines.
 */
apr_status_t chat_limit_redis_open(chat_limit_redis_t *redis, const char **pwhy,
                                   apr_pool_t *p);

/* Another command follows: both together have the time of one. */
void chat_limit_redis_share_deadline(chat_limit_redis_t *redis);

/* The connection becomes idle, when every reply has been read; one that has
 * read more is closed. */
void chat_limit_redis_keep(chat_limit_redis_t *redis);

/* The connection is closed: a reply that may still come would be taken for that
 * to another command. */
void chat_limit_redis_drop(chat_limit_redis_t *redis);

/* Send a command and read its reply within the deadline. NULL: *pwhy. */
redisReply *chat_limit_redis_exec(chat_limit_redis_t *redis, int argc,
                                  const char **argv, const char **pwhy,
                                  apr_pool_t *p);

/* The command as it goes over the wire, in p: its length. */
apr_size_t chat_limit_redis_format(char **pcommand, int argc, const char **argv,
                                   apr_pool_t *p);

void chat_limit_redis_pool_child_init(apr_pool_t *pchild);

/* ---- the breaker (chat_limit_redis_breaker.c) ---- */

/* 1 when Redis may be asked now. Then exactly one of the next two follows. */
int chat_limit_redis_breaker_allow(void);
void chat_limit_redis_breaker_success(void);
void chat_limit_redis_breaker_failure(const char *why);

/* [post_config] */
apr_status_t chat_limit_redis_breaker_post_config(server_rec *s);

/* ---- the scripts, with their SHA-1 in hex (chat_limit_redis_script.c) ---- */

typedef struct chat_limit_redis_script_t {
    const char *text;
    char sha1[41];
} chat_limit_redis_script_t;

extern chat_limit_redis_script_t chat_limit_redis_script_reserve;
extern chat_limit_redis_script_t chat_limit_redis_script_settle;
extern chat_limit_redis_script_t chat_limit_redis_script_look;
extern chat_limit_redis_script_t chat_limit_redis_script_mark;

/* [post_config] */
void chat_limit_redis_script_init(void);

/* ---- the list of leases in Redis (chat_limit_redis_lease.c) ---- */

/* In place of the end of a window: whether it was charged is not known. */
#define CHAT_LIMIT_REDIS_UNCONFIRMED (-1)

/* All that it takes to settle one. */
typedef struct chat_limit_redis_lease_t {
    char unit; /* 't', 's' or 'c', as the scripts have it */
    apr_int64_t amount, window_end, used;
    char name[64];
    char key[224];
} chat_limit_redis_lease_t;

/* [request thread] Before Redis is asked for them. */
void chat_limit_redis_lease_add(chat_limit_counts_t *counts, apr_pool_t *p);

/* [not an engine] They could not be settled now: they are pending. */
void chat_limit_redis_lease_defer(chat_limit_counts_t *counts,
                                  const chat_limit_spent_t *spent);

/* A pending lease, for the caller to settle: its number for one of the next
 * two functions, which has to follow. 0: none is due. */
int chat_limit_redis_lease_claim(chat_limit_redis_lease_t *lease);

/* Redis was asked to settle it. known: it had the lease, or never will. */
void chat_limit_redis_lease_settled(int claimed, int known);

/* Redis could not be asked: the lease is pending again. */
void chat_limit_redis_lease_unclaim(int claimed);

/* 1 when there may be a lease to claim, soon. Any thread. */
int chat_limit_redis_lease_is_pending(void);

/* [parent] All leases of a child that is gone are pending. */
void chat_limit_redis_lease_orphan(pid_t pid);

/* [post_config] */
apr_status_t chat_limit_redis_lease_post_config(server_rec *s);

/* ---- the thread that settles them (chat_limit_redis_settler.c) ---- */

/* Any thread. */
void chat_limit_redis_settler_wake(void);
void chat_limit_redis_settler_child_init(apr_pool_t *pchild, server_rec *s);

/* ---- commands and replies (chat_limit_redis.c) ---- */

/* EVALSHA, the script, the number of keys, the keys, the arguments. */
typedef struct chat_limit_redis_command_t {
    const char **argv;
    int argc;
} chat_limit_redis_command_t;

/* The command that reserves, without its script. */
chat_limit_redis_command_t
chat_limit_redis_reserve_command(const chat_limit_counts_t *counts,
                                 apr_pool_t *p);

/* The command that settles one lease, without its script: 10 words, in an argv
 * of the caller. */
void chat_limit_redis_lease_command(chat_limit_redis_command_t *command,
                                    const chat_limit_redis_lease_t *lease,
                                    apr_pool_t *p);

/* By its SHA-1, or with its text. */
void chat_limit_redis_set_script(chat_limit_redis_command_t *command,
                                 const chat_limit_redis_script_t *script,
                                 int with_text);

/* The reply to a command with that script, by its text when Redis has it not
 * yet. NULL: *pwhy. */
redisReply *chat_limit_redis_eval(chat_limit_redis_t *redis,
                                  chat_limit_redis_command_t *command,
                                  const chat_limit_redis_script_t *script,
                                  const char **pwhy, apr_pool_t *p);

/* 1: the command has to be sent once more, with the script's text. */
int chat_limit_redis_lacks_script(const redisReply *reply);

/* 1: Redis is well, but a key holds something that is no counter. */
int chat_limit_redis_is_wrong_type(const redisReply *reply);

/*
 * Report a reply, or NULL and why there is none, to the breaker and the log.
 * APR_SUCCESS: Redis has done as it was asked. APR_EINVAL: it has not, but is
 * well. Otherwise the connection is of no use any more.
 */
apr_status_t chat_limit_redis_report(const redisReply *reply, const char *why,
                                     request_rec *r);

/* Read the reply to a reservation into counts. Not APR_SUCCESS: it is none. */
apr_status_t chat_limit_redis_parse_reserve(chat_limit_counts_t *counts,
                                            const redisReply *reply);

/* "r", "t", "s", or "c": what a count is to the scripts. */
const char *chat_limit_redis_unit(const chat_limit_counts_t *counts,
                                  const chat_limit_count_t *count);

/* 1 when Redis keeps something for the count that can be given back. */
int chat_limit_redis_has_lease(const chat_limit_counts_t *counts,
                               const chat_limit_count_t *count);

#endif
