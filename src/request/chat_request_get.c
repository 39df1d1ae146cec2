/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What routes have in common that only show something: the methods they know,
 * and what is asked for below their location. Request thread.
 */
#include <string.h>

#include <httpd.h>

#include "chat_request.h"

const char *chat_request_rest(const request_rec *r, const char *location)
{
    apr_size_t len = location ? strlen(location) : 0;

    while (len > 0 && location[len - 1] == '/')
        len--;
    if (!location || strncmp(r->uri, location, len) != 0 ||
        (r->uri[len] && r->uri[len] != '/'))
        return NULL;
    return strcmp(r->uri + len, "/") ? r->uri + len : "";
}

apr_status_t chat_request_check_get(const request_rec *r, chat_err_t *err)
{
    if (r->method_number == M_GET)
        return APR_SUCCESS;
    err->allow = "GET, HEAD";
    return chat_err_set(err, APR_ENOTIMPL, HTTP_METHOD_NOT_ALLOWED,
                        "method_not_allowed", "Only GET is accepted here.");
}

int chat_request_is_absent(const request_rec *r)
{
    const char *len = apr_table_get(r->headers_in, "Content-Length");

    return !apr_table_get(r->headers_in, "Transfer-Encoding") &&
           (!len || !strcmp(len, "0"));
}
