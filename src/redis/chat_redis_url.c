/* SPDX-License-Identifier: Apache-2.0 */
/* The parser of the URL of ChatRedis, see chat_redis_url.h. Any thread.
 */
#include "chat_redis_url.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_uri.h>

#define DB_MAX 1000000

static const char *parse_db(int *pdb, const char *text)
{
    char *end;
    long n = strtol(text, &end, 10);

    if (*text < '0' || *text > '9' || *end || n > DB_MAX)
        return "the database is a number, as in redis://127.0.0.1:6379/0";
    *pdb = (int)n;
    return NULL;
}

static const char *parse_unix(chat_redis_url_t *url, const char *rest,
                              apr_pool_t *p)
{
    const char *query = strchr(rest, '?');

    url->path = query ? apr_pstrmemdup(p, rest, query - rest) : rest;
    if (url->path[0] != '/' || !url->path[1])
        return "a Unix socket is written unix:///PATH?db=N";
    if (!query)
        return NULL;
    if (strncmp(query, "?db=", 4) != 0)
        return "a Unix socket knows only ?db=N";
    return parse_db(&url->db, query + 4);
}

static const char *parse_tcp(chat_redis_url_t *url, const char *text,
                             apr_pool_t *p)
{
    apr_uri_t uri;

    if (apr_uri_parse(p, text, &uri) != APR_SUCCESS || !uri.hostname ||
        !*uri.hostname || uri.user || uri.query || uri.fragment)
        return "it is written redis://HOST:PORT/DB";
    url->host = uri.hostname;
    url->port = 6379;
    if (uri.port_str && *uri.port_str) {
        char *end;
        long port = strtol(uri.port_str, &end, 10);

        if (*end || port < 1 || port > 65535)
            return "the port is a number from 1 to 65535";
        url->port = (int)port;
    }
    if (!uri.path || !uri.path[0] || !uri.path[1])
        return NULL;
    return parse_db(&url->db, uri.path + 1);
}

const char *chat_redis_url(chat_redis_url_t *url, const char *text,
                           apr_pool_t *p)
{
    memset(url, 0, sizeof(*url));
    if (!strncmp(text, "unix://", 7))
        return parse_unix(url, text + 7, p);
    url->tls = !strncmp(text, "rediss://", 9);
    if (!url->tls && strncmp(text, "redis://", 8) != 0)
        return "it begins with redis://, rediss:// or unix://";
    return parse_tcp(url, text, p);
}
