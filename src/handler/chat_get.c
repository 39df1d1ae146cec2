/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the routes have in common that only tell something: the methods they
 * know, and what is asked for below their location. Request thread.
 */
#include "chat_get.h"

#include <string.h>

#include "chat_handler_int.h"

const char *chat_get_rest(const request_rec *r, const chat_dir_conf_t *conf)
{
    apr_size_t len = conf->location ? strlen(conf->location) : 0;

    while (len > 0 && conf->location[len - 1] == '/')
        len--;
    if (!conf->location || strncmp(r->uri, conf->location, len) != 0 ||
        (r->uri[len] && r->uri[len] != '/'))
        return NULL;
    return strcmp(r->uri + len, "/") ? r->uri + len : "";
}

int chat_get_refused(request_rec *r, const chat_dir_conf_t *conf)
{
    chat_err_t err = {.allow = "GET, HEAD"};

    if (r->method_number == M_GET)
        return 0;
    chat_err_set(&err, APR_ENOTIMPL, HTTP_METHOD_NOT_ALLOWED,
                 "method_not_allowed", "Only GET is accepted here.");
    chat_handler_error(r, conf, &err);
    return 1;
}
