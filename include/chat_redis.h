/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How ChatRedis is reached: its URL, TLS, and a new connection. What is said on
 * a connection, and who has it, is its user's. The only header of include/ that
 * shows a library: for those who speak to Redis.
 */
#ifndef CHAT_REDIS_H
#define CHAT_REDIS_H

#include <httpd.h>
#include <apr_pools.h>

#include <hiredis/hiredis.h>

/* [check_config] Of ChatRedis, if there is one: a URL that is none, or TLS that
 * there is none for, ends the start, and is said by configtest. What it needs
 * lives in pconf. */
apr_status_t chat_redis_check_config(apr_pool_t *pconf, server_rec *s);

/* The database to select, 0 where none has to be. */
int chat_redis_db(void);

/* [a thread that may wait] Connect, with the handshake of TLS, within wait: the
 * connection is nobody's yet, and in no database. Not APR_SUCCESS: *pwhy says
 * why, in words that hold no secret, and *pc may still have to be freed. */
apr_status_t chat_redis_dial(redisContext **pc, apr_interval_time_t wait,
                             const char **pwhy, apr_pool_t *p);

/* What is wrong with a connection, in p. [its user, before errno changes] */
const char *chat_redis_error(const redisContext *c, apr_pool_t *p);

#endif
