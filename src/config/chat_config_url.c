/* SPDX-License-Identifier: Apache-2.0 */
/* URLs that this server calls: providers, sets of keys. Config time. */
#include "chat_config_int.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_uri.h>

#define HOST_CHARS "abcdefghijklmnopqrstuvwxyz0123456789-._:"

/* What is wrong with it, or NULL. Scheme and host become lower case. */
static const char *fault_of(const char *value, const apr_uri_t *uri,
                            apr_status_t rv)
{
    const char *c;

    for (c = value; *c; c++) {
        if (!apr_isgraph(*c) || strchr("\"<>\\^`{|}", *c))
            return "a character in it must be percent-encoded";
    }
    if (rv != APR_SUCCESS || !uri->scheme || !uri->hostname || !*uri->hostname)
        return "it is no URL";
    ap_str_tolower(uri->scheme);
    ap_str_tolower(uri->hostname);
    if (strcmp(uri->scheme, "https") != 0 && strcmp(uri->scheme, "http") != 0)
        return "it is neither http:// nor https://";
    if (uri->user)
        return "a user or a password stands in it";
    if (uri->query || uri->fragment)
        return "a query or a fragment stands in it";
    if (uri->hostname[strspn(uri->hostname, HOST_CHARS)])
        return "its host name is none";
    return NULL;
}

/* The port, the scheme's own when it names none; 0: no port. */
static apr_port_t port_of(const apr_uri_t *uri, apr_pool_t *p)
{
    int port;

    if (!uri->port_str)
        return apr_uri_port_of_scheme(uri->scheme);
    if (chat_config_parse_int(&port, "", uri->port_str, 1, 65535, p) != NULL)
        return 0;
    return (apr_port_t)port;
}

/* Where there is an @ or a ?, people have put passwords and keys. */
static const char *refuse(const char *what, const char *value,
                          const char *fault, const char *example, apr_pool_t *p)
{
    const char *shown = strpbrk(value, "@?#") ? "(not shown)" : value;

    return apr_psprintf(p,
                        "%s does not accept \"%.100s\", for %s: write "
                        "https://HOST[:PORT][/PATH] or the same with http, "
                        "as in %s",
                        what, shown, fault, example);
}

/* hostname[:port] as it stands in the URL again, brackets and all. */
static const char *authority(const apr_uri_t *uri, apr_pool_t *p)
{
    int v6 = strchr(uri->hostname, ':') != NULL;

    return apr_pstrcat(p, v6 ? "[" : "", uri->hostname, v6 ? "]" : "",
                       uri->port_str ? ":" : "",
                       uri->port_str ? uri->port_str : "", NULL);
}

const char *chat_config_parse_url(chat_config_url_t *url, const char *what,
                                  const char *value, const char *example,
                                  apr_pool_t *p)
{
    apr_uri_t uri = {0};
    const char *fault = fault_of(value, &uri, apr_uri_parse(p, value, &uri));

    if (!fault && (url->port = port_of(&uri, p)) == 0)
        fault = "its port is not 1 to 65535";
    if (fault)
        return refuse(what, value, fault, example, p);
    url->base = apr_pstrcat(p, uri.scheme, "://", authority(&uri, p), NULL);
    url->path = uri.path ? uri.path : "";
    url->host = uri.hostname;
    url->tls = !strcmp(uri.scheme, "https");
    return NULL;
}

int chat_config_url_is_local(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           (strncmp(host, "127.", 4) == 0 &&
            host[strspn(host, "0123456789.")] == '\0');
}
