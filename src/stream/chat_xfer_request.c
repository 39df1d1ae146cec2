/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of HTTP/1.1, written: the line, the fields, and as much of the body
 * as goes out with them. What a field or a URL may not hold would be another
 * request, and is refused. Pure, but for malloc().
 */
#include "chat_xfer_int.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

/* A head, and so much of the body behind it. */
#define BODY_BYTES ((apr_size_t)16 * 1024)
#define LENGTH_LINE "Content-Length: 18446744073709551615\r\n\r\n"

apr_size_t chat_xfer_request_origin(const char *url)
{
    const char *host = strstr(url, "://");

    if (!host)
        return strlen(url);
    host += 3;
    return host + strcspn(host, "/?#") - url;
}

/* "Name:" asks for what would not be sent anyway. */
static int is_empty(const char *line)
{
    const char *colon = strchr(line, ':');

    return !colon || !colon[1 + strspn(colon + 1, " ")];
}

/* The port is left out where it is the usual one. */
static apr_size_t host_len(const char *host, apr_size_t len, int tls)
{
    const char *usual = tls ? ":443" : ":80";
    apr_size_t n = strlen(usual);

    return len > n && !memcmp(host + len - n, usual, n) ? len - n : len;
}

static apr_size_t head_size(const chat_call_t *call)
{
    apr_size_t size = 2 * strlen(call->url) + sizeof(LENGTH_LINE) + 64;
    int i;

    for (i = 0; i < call->headers->nelts; i++)
        size += strlen(APR_ARRAY_IDX(call->headers, i, const char *)) + 2;
    return size;
}

static int is_fit_call(const chat_call_t *call)
{
    int i;

    if (strpbrk(call->url, " \t") || !strstr(call->url, "://") ||
        !chat_http1_is_value(call->url, strlen(call->url)))
        return 0;
    for (i = 0; i < call->headers->nelts; i++) {
        const char *line = APR_ARRAY_IDX(call->headers, i, const char *);

        if (!chat_http1_is_value(line, strlen(line)))
            return 0;
    }
    return 1;
}

static char *put(char *at, const char *text, apr_size_t len)
{
    memcpy(at, text, len);
    return at + len;
}

static char *put_head(char *at, const chat_call_t *call)
{
    apr_size_t origin = chat_xfer_request_origin(call->url);
    const char *host = strstr(call->url, "://") + 3;
    const char *path = call->url + origin;
    int i;

    at = put(at, "POST ", 5);
    if (*path != '/')
        *at++ = '/';
    at = put(at, path, strcspn(path, "#"));
    at = put(at, " HTTP/1.1\r\nHost: ", 17);
    at = put(at, host,
             host_len(host, path - host, !strncasecmp(call->url, "https:", 6)));
    at = put(at, "\r\n", 2);
    for (i = 0; i < call->headers->nelts; i++) {
        const char *line = APR_ARRAY_IDX(call->headers, i, const char *);

        if (is_empty(line))
            continue;
        at = put(at, line, strlen(line));
        at = put(at, "\r\n", 2);
    }
    return at + apr_snprintf(at, sizeof(LENGTH_LINE),
                             "Content-Length: %" APR_SIZE_T_FMT "\r\n\r\n",
                             call->body_len);
}

int chat_xfer_request_make(char **prequest, apr_size_t *plen, apr_size_t *pbody,
                           const chat_call_t *call)
{
    apr_size_t size;
    char *at;

    *prequest = NULL;
    if (!is_fit_call(call))
        return 0;
    size = head_size(call);
    *pbody = call->body_len < BODY_BYTES ? call->body_len : BODY_BYTES;
    *prequest = malloc(size + *pbody);
    if (!*prequest)
        return 0;
    at = put_head(*prequest, call);
    if (*pbody)
        at = put(at, call->body, *pbody);
    *plen = at - *prequest;
    return 1;
}
