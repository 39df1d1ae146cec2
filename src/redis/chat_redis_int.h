/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a connection to Redis: its URL and its TLS. */
#ifndef CHAT_REDIS_INT_H
#define CHAT_REDIS_INT_H

#include "chat_redis.h"

/* [check_config] ca: a file with the certificate authorities to trust, NULL:
 * those of the system. NULL, or why there is no TLS. */
const char *chat_redis_tls_init(const char *ca, apr_pool_t *pconf);

/* The handshake, on a connection that stands and has its time-out set, with a
 * server that proves to be host. */
apr_status_t chat_redis_tls_start(redisContext *c, const char *host,
                                  const char **pwhy, apr_pool_t *p);

#endif
