/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a request with a browser's own credentials comes from: Origin, or
 * Sec-Fetch-Site where there is none. Asked by chat_auth.c for schemes whose
 * credentials a browser adds by itself. Request thread.
 */
#include "chat_auth_int.h"

#include <string.h>

#include <http_protocol.h>
#include <apr_strings.h>
#include <apr_uri.h>

#include "chat_log.h"

int chat_auth_origin_safe(const request_rec *r)
{
    return r->method_number == M_GET || r->method_number == M_OPTIONS ||
           r->method_number == M_TRACE;
}

int chat_auth_origin_listed(const chat_dir_conf_t *conf, const char *origin)
{
    return ap_array_str_contains(conf->auth.origins, origin);
}

/* A scheme, a host, perhaps a port, and nothing else. */
static int parse_origin(apr_uri_t *uri, const char *text, apr_pool_t *p)
{
    return apr_uri_parse(p, text, uri) == APR_SUCCESS && uri->scheme &&
           uri->hostname && !uri->user && !uri->path && !uri->query &&
           !uri->fragment;
}

static apr_port_t port_of(const apr_uri_t *uri)
{
    return uri->port_str ? uri->port : apr_uri_port_of_scheme(uri->scheme);
}

/*
 * The origin of a page of the host that was asked, by its Host field. One
 * without a port means the scheme's own, in both. The schemes are the same,
 * or the page came by https to somebody who unwraps TLS in front of us; a
 * page that came in the clear says nothing for a request over TLS.
 */
static int is_own(request_rec *r, const char *origin)
{
    const char *host = apr_table_get(r->headers_in, "Host");
    apr_uri_t page, own;

    if (!host || !parse_origin(&page, origin, r->pool) ||
        (strcmp(page.scheme, "https") &&
         strcmp(page.scheme, ap_http_scheme(r))))
        return 0;
    host = apr_pstrcat(r->pool, page.scheme, "://", host, NULL);
    return parse_origin(&own, host, r->pool) &&
           !ap_cstr_casecmp(page.hostname, own.hostname) &&
           port_of(&page) == port_of(&own);
}

/* What a browser says of a request to which it gave no Origin; other clients
 * say nothing. */
static int is_same_site_fetch(request_rec *r)
{
    const char *site = apr_table_get(r->headers_in, "Sec-Fetch-Site");

    return !site || !ap_cstr_casecmp(site, "same-origin") ||
           !ap_cstr_casecmp(site, "none");
}

/* For whoever set up a proxy that asks with a Host of its own. */
static void tell(request_rec *r, const char *origin)
{
    const char *host = apr_table_get(r->headers_in, "Host");
    const char *site = apr_table_get(r->headers_in, "Sec-Fetch-Site");
    int level = chat_auth_tell_level(r, origin ? CHAT_AUTH_TELL_ORIGIN
                                               : CHAT_AUTH_TELL_SITE);

    if (origin)
        ap_log_rerror(APLOG_MARK, level, 0, r,
                      CHATNO(0307) "request from %.200s refused: "
                                   "ChatOrigin does not list it, and it "
                                   "is not this site, which by Host is "
                                   "%s://%.200s: a proxy in front has to pass "
                                   "the client's Host on",
                      origin, ap_http_scheme(r), host ? host : "(none)");
    else
        ap_log_rerror(APLOG_MARK, level, 0, r,
                      CHATNO(0325) "request without Origin refused: "
                                   "Sec-Fetch-Site says %.50s; its Host is "
                                   "%s://%.200s",
                      site ? site : "(nothing)", ap_http_scheme(r),
                      host ? host : "(none)");
}

apr_status_t chat_auth_origin_check(request_rec *r, const chat_dir_conf_t *conf,
                                    chat_err_t *err)
{
    const char *origin = apr_table_get(r->headers_in, "Origin");

    if (chat_auth_origin_safe(r))
        return APR_SUCCESS;
    if (origin ? chat_auth_origin_listed(conf, origin) || is_own(r, origin)
               : is_same_site_fetch(r))
        return APR_SUCCESS;

    tell(r, origin);
    return chat_err_set(err, APR_EACCES, HTTP_FORBIDDEN, "forbidden_origin",
                        "This origin may not use the session.");
}
