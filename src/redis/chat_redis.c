/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to ChatRedis, as far as they are the same for all who speak to
 * it. Any thread; the address is made at start and only read then. */
#include "chat_redis_int.h"

#include <http_log.h>
#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>

#include "chat_clock.h"
#include "chat_config.h"
#include "chat_log.h"
#include "chat_redis_url.h"

static chat_redis_url_t address;

apr_status_t chat_redis_check_config(apr_pool_t *pconf, server_rec *s)
{
    const chat_server_redis_t *conf = &chat_config_server(s)->redis;
    const char *why;

    memset(&address, 0, sizeof(address));
    if (!conf->url)
        return APR_SUCCESS;
    why = chat_redis_url(&address, conf->url, pconf);
    if (!why && address.tls)
        why = chat_redis_tls_init(conf->ca, pconf);
    if (!why)
        return APR_SUCCESS;
    ap_log_error(APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, s,
                 CHATNO(1301) "ChatRedis \"%s\": %s", conf->url, why);
    return APR_EINVAL;
}

int chat_redis_db(void)
{
    return address.db;
}

const char *chat_redis_error(const redisContext *c, apr_pool_t *p)
{
    if (c->err == REDIS_ERR_IO && (errno == EAGAIN || errno == ETIMEDOUT))
        return "no answer in time";
    return apr_pstrdup(p, c->errstr);
}

/* The handshake shares the deadline of connecting. */
static apr_status_t start_tls(redisContext *c, apr_int64_t until,
                              const char **pwhy, apr_pool_t *p)
{
    apr_int64_t left = until - chat_clock_now();
    struct timeval tv;

    if (left < 1000)
        left = 1000;
    tv.tv_sec = left / 1000000;
    tv.tv_usec = left % 1000000;
    redisSetTimeout(c, tv);
    return chat_redis_tls_start(c, address.host, pwhy, p);
}

apr_status_t chat_redis_dial(redisContext **pc, apr_interval_time_t wait,
                             const char **pwhy, apr_pool_t *p)
{
    struct timeval tv = {wait / 1000000, wait % 1000000};
    apr_int64_t until = chat_clock_now() + wait;
    redisContext *c =
        address.path ? redisConnectUnixWithTimeout(address.path, tv)
                     : redisConnectWithTimeout(address.host, address.port, tv);

    *pc = c;
    if (!c || c->err) {
        *pwhy = c ? chat_redis_error(c, p) : "out of memory";
        return APR_EGENERAL;
    }
    fcntl(c->fd, F_SETFD, FD_CLOEXEC);
    if (!address.path)
        redisEnableKeepAlive(c);
    return address.tls ? start_tls(c, until, pwhy, p) : APR_SUCCESS;
}
