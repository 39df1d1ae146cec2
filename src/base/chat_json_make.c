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

/* ---- no memory ---- */

/*
 * json-c gives NULL when it has no memory, and takes NULL for null. So that no
 * null comes into a text by that, an array or object that lacks something has
 * this mark, and has no text, nor has what it is in.
 */
static char mark;

/* Its address is the value that could not be made. */
static const char broken_value;

chat_json_t *chat_json_broken(void)
{
    return (chat_json_t *)&broken_value;
}

int chat_json_is_broken(const chat_json_t *v)
{
    struct json_object *raw;

    if (v == chat_json_broken())
        return 1;
    raw = chat_json_raw(v);
    return (json_object_is_type(raw, json_type_object) ||
            json_object_is_type(raw, json_type_array)) &&
           json_object_get_userdata(raw) == &mark;
}

static void break_up(chat_json_t *container)
{
    if (container != chat_json_broken())
        json_object_set_userdata(chat_json_raw(container), &mark, NULL);
}

/* ---- values ---- */

static chat_json_t *own(struct json_object *raw, apr_pool_t *p)
{
    if (!raw)
        return chat_json_broken();
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

static void add_null(chat_json_t *object, const char *key)
{
    if (object != chat_json_broken() &&
        json_object_object_add(chat_json_raw(object), key, NULL) != 0)
        break_up(object);
}

/* raw is new, or NULL: it could not be made. */
static void add(chat_json_t *object, const char *key, struct json_object *raw)
{
    if (raw && object != chat_json_broken() &&
        json_object_object_add(chat_json_raw(object), key, raw) == 0)
        return;
    json_object_put(raw);
    break_up(object);
}

void chat_json_add(chat_json_t *object, const char *key, chat_json_t *v)
{
    if (!v)
        return;
    if (v == chat_json_broken())
        break_up(object);
    else if (v == chat_json_null())
        add_null(object, key);
    else
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
    if (isfinite(n))
        add(object, key, make_number(n));
    else
        add_null(object, key);
}

void chat_json_add_boolean(chat_json_t *object, const char *key, int yes)
{
    add(object, key, json_object_new_boolean(yes != 0));
}

void chat_json_add_null(chat_json_t *object, const char *key)
{
    add_null(object, key);
}

/* raw is new, or NULL: it could not be made. */
static void push(chat_json_t *array, struct json_object *raw)
{
    if (raw && array != chat_json_broken() &&
        json_object_array_add(chat_json_raw(array), raw) == 0)
        return;
    json_object_put(raw);
    break_up(array);
}

void chat_json_push(chat_json_t *array, chat_json_t *v)
{
    if (!v)
        return;
    if (v != chat_json_null() && v != chat_json_broken())
        push(array, json_object_get(chat_json_raw(v)));
    else if (v == chat_json_broken() ||
             (array != chat_json_broken() &&
              json_object_array_add(chat_json_raw(array), NULL) != 0))
        break_up(array);
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
