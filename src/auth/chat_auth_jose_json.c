/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of jansson's in pools. Pure: any thread.
 *
 * json-c has functions of the names json_object_get and json_object_iter_next
 * as well, and this module is linked with both libraries: nothing may call
 * these two, nor a macro of jansson's that does.
 */
#include "chat_auth_jose_int.h"

static apr_status_t decref(void *json)
{
    json_decref(json);
    return APR_SUCCESS;
}

json_t *chat_auth_jose_own(json_t *json, apr_pool_t *p)
{
    if (json)
        apr_pool_cleanup_register(p, json, decref, apr_pool_cleanup_null);
    return json;
}

const char *chat_auth_jose_text(json_t *object, const char *name)
{
    const char *text = NULL;

    return json_unpack(object, "{s:s}", name, &text) ? NULL : text;
}

int chat_auth_jose_has(json_t *object, const char *name)
{
    json_t *value = NULL;

    return !json_unpack(object, "{s:o}", name, &value);
}

json_t *chat_auth_jose_object(const char *text, apr_size_t len, apr_pool_t *p)
{
    json_t *json = chat_auth_jose_own(
        json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL), p);

    return json_is_object(json) ? json : NULL;
}
