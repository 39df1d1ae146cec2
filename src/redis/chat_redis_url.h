/* SPDX-License-Identifier: Apache-2.0 */
/* Where a Redis is, from ChatRedis's URL. Pure (chat_redis_url.c). */
#ifndef CHAT_REDIS_URL_H
#define CHAT_REDIS_URL_H

#include <apr_pools.h>

typedef struct chat_redis_url_t {
    const char *host; /* NULL: path */
    int port;         /* 6379 when none is written */
    const char *path; /* of a Unix socket */
    int db;           /* 0 when none is written */
    int tls;
} chat_redis_url_t;

/* NULL, or a sentence that says what is wrong with it. */
const char *chat_redis_url(chat_redis_url_t *url, const char *text,
                           apr_pool_t *p);

#endif
