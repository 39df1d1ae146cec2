/* SPDX-License-Identifier: Apache-2.0 */
/* See chat_route_chatkit_error.h. */
#include "chat_route_chatkit_error.h"

#include <httpd.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "chat_json.h"

const char *chat_route_chatkit_error(const chat_err_t *err, apr_pool_t *p)
{
    chat_json_t *json = chat_json_object(p);
    char *code = apr_pstrdup(p, err->code), *c;

    if (err->status == HTTP_TOO_MANY_REQUESTS)
        return "{\"error\":\"Rate limit exceeded\",\"code\":\"RATE_LIMITED\"}";
    for (c = code; *c; c++)
        *c = (char)apr_toupper(*c);
    chat_json_add_string(json, "error", err->message);
    chat_json_add_string(json, "code", code);
    return chat_json_text(json, NULL, p);
}
