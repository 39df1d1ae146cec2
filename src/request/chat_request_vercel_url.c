/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Would JavaScript's URL() take it? As the WHATWG's standard has it, but for
 * what only a resolver of names can know of a host (IDNA, odd spellings of an
 * IPv4 address): nobody fetches it here. Pure, any thread.
 */
#include "chat_request_int.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#define PORT_MAX 65535

/* Which always have a host. */
static int is_special(const char *scheme, apr_size_t len)
{
    static const char *const special[] = {"http", "https", "ws", "wss", "ftp"};
    apr_size_t i;

    for (i = 0; i < sizeof(special) / sizeof(*special); i++)
        if (strlen(special[i]) == len && !strncasecmp(special[i], scheme, len))
            return 1;
    return 0;
}

/* The length of the scheme, without its colon; 0: there is none. */
static apr_size_t find_scheme(const char *url)
{
    apr_size_t len = 0;

    if (!apr_isalpha(*url) || !apr_isascii(*url))
        return 0;
    while (apr_isascii(url[len]) &&
           (apr_isalnum(url[len]) || (url[len] && strchr("+-.", url[len]))))
        len++;
    return url[len] == ':' ? len : 0;
}

static int is_port(const char *at, const char *end)
{
    int port = 0;

    for (; at < end; at++) {
        if (!apr_isdigit(*at))
            return 0;
        port = port * 10 + (*at - '0');
        if (port > PORT_MAX)
            return 0;
    }
    return 1;
}

/* No byte that cuts a URL or has no business in a name; "%" would have to be
 * decoded to know. */
static int is_name(const char *at, const char *end, int special)
{
    for (; at < end; at++) {
        unsigned char c = (unsigned char)*at;

        if (c <= ' ' || c == 0x7f || strchr("#/<>?@[\\]^|", c) ||
            (c == ':' || (special && c == '%')))
            return 0;
    }
    return 1;
}

/* "[", an IPv6 address, "]" */
static const char *end_of_literal(const char *at, const char *end)
{
    const char *close = memchr(at, ']', end - at);

    if (!close || close == at + 1 ||
        strspn(at + 1, "0123456789abcdefABCDEF:.") !=
            (apr_size_t)(close - at - 1))
        return NULL;
    return close + 1;
}

static int is_authority(const char *at, const char *end, int special)
{
    const char *host = at, *stop, *c;

    for (c = at; c < end; c++)
        if (*c == '@')
            host = c + 1;
    if (host < end && *host == '[') {
        stop = end_of_literal(host, end);
        return stop &&
               (stop == end || (*stop == ':' && is_port(stop + 1, end)));
    }
    stop = memchr(host, ':', end - host);
    if (!stop)
        stop = end;
    if (stop == host)
        return !special && stop == end && host == at;
    return is_name(host, stop, special) &&
           (stop == end || is_port(stop + 1, end));
}

/* Spaces around it do not count, nor line feeds and tabs within. */
static const char *strip(const char *text, apr_pool_t *p)
{
    apr_size_t len = strlen(text);
    char *out, *to;

    while (len && (unsigned char)text[len - 1] <= ' ')
        len--;
    while (len && (unsigned char)*text <= ' ') {
        text++;
        len--;
    }
    out = to = apr_palloc(p, len + 1);
    for (; len; len--, text++)
        if (!strchr("\t\n\r", *text))
            *to++ = *text;
    *to = '\0';
    return out;
}

int chat_request_is_url(const char *text, apr_pool_t *p)
{
    const char *url = strip(text, p);
    apr_size_t len = find_scheme(url);
    int special = is_special(url, len);
    const char *rest = url + len + 1;

    if (!len)
        return 0;
    if (special) {
        rest += strspn(rest, "/\\");
        return is_authority(rest, rest + strcspn(rest, "/\\?#"), 1);
    }
    if (strncmp(rest, "//", 2) || !strncasecmp(url, "file:", 5))
        return 1;
    rest += 2;
    return is_authority(rest, rest + strcspn(rest, "/?#"), 0);
}
