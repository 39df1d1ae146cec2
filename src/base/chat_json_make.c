/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON values made here. The pool holds one reference to every root that it
 * is asked for, and a container one to each of its members: whichever goes
 * last frees the value, so that sharing needs no copies and no order.
 */
#include "chat_json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "chat_json_int.h"

static apr_status_t put_root(void *raw)
{
    json_object_put(raw);
    return APR_SUCCESS;
}

static chat_json_t *own(struct json_object *raw, apr_pool_t *p)
{
    apr_pool_cleanup_register(p, raw, put_root, apr_pool_cleanup_null);
    return chat_json_wrap(raw);
}

chat_json_t *chat_json_object(apr_pool_t *p)
{
    return own(json_object_new_object(), p);
}

chat_json_t *chat_json_array(apr_pool_t *p)
{
    return own(json_object_new_array(), p);
}

static void add(chat_json_t *object, const char *key, struct json_object *raw)
{
    json_object_object_add(chat_json_raw(object), key, raw);
}

void chat_json_add(chat_json_t *object, const char *key, chat_json_t *v)
{
    if (v)
        add(object, key, json_object_get(chat_json_raw(v)));
}

void chat_json_add_string(chat_json_t *object, const char *key,
                          const char *text)
{
    if (text)
        add(object, key, json_object_new_string(text));
}

void chat_json_add_integer(chat_json_t *object, const char *key, apr_int64_t n)
{
    add(object, key, json_object_new_int64(n));
}

/* The shortest digits that read back as n: 0.7 is not to come out as
 * 0.69999999999999996. */
static struct json_object *make_number(double n)
{
    char digits[32];
    char *comma;
    int precision;

    if (!isfinite(n))
        return NULL;
    for (precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof(digits), "%.*g", precision, n);
        if (strtod(digits, NULL) == n)
            break;
    }
    /* Another module may have set a locale with a decimal comma. */
    if ((comma = strchr(digits, ',')) != NULL)
        *comma = '.';
    return json_object_new_double_s(n, digits);
}

void chat_json_add_number(chat_json_t *object, const char *key, double n)
{
    add(object, key, make_number(n));
}

void chat_json_add_boolean(chat_json_t *object, const char *key, int yes)
{
    add(object, key, json_object_new_boolean(yes != 0));
}

void chat_json_add_null(chat_json_t *object, const char *key)
{
    add(object, key, NULL);
}

static void push(chat_json_t *array, struct json_object *raw)
{
    json_object_array_add(chat_json_raw(array), raw);
}

void chat_json_push(chat_json_t *array, chat_json_t *v)
{
    if (v)
        push(array, json_object_get(chat_json_raw(v)));
}

void chat_json_push_string(chat_json_t *array, const char *text)
{
    if (text)
        push(array, json_object_new_string(text));
}

void chat_json_push_integer(chat_json_t *array, apr_int64_t n)
{
    push(array, json_object_new_int64(n));
}
