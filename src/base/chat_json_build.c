/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of json-c's out of what the scanner finds, see chat_json_build.h. Any
 * thread, but one at a time.
 */
#include "chat_json_build.h"

#include <json-c/json.h>

#include "chat_json_int.h"

void chat_json_build_init(chat_json_build_t *b, int depth, apr_pool_t *p)
{
    b->root = NULL;
    b->complete = 0;
    b->open = apr_palloc(p, (depth + 1) * sizeof(*b->open));
    b->depth = 0;
    chat_json_gather_init(&b->key);
}

void chat_json_build_free(chat_json_build_t *b)
{
    json_object_put(b->root);
    b->root = NULL;
    b->complete = 0;
    b->depth = 0;
    chat_json_gather_free(&b->key);
}

/* Of two equal keys the last one holds. */
static int add(chat_json_build_t *b, struct json_object *raw)
{
    struct json_object *in = b->depth ? b->open[b->depth - 1] : NULL;

    if (!in) {
        b->root = raw;
        b->complete = 1;
        return 1;
    }
    if ((json_object_is_type(in, json_type_array)
             ? json_object_array_add(in, raw)
             : json_object_object_add(in, b->key.text, raw)) == 0)
        return 1;
    json_object_put(raw);
    return 0;
}

static int open_container(chat_json_build_t *b, struct json_object *raw)
{
    if (!raw || !add(b, raw))
        return 0;
    b->open[b->depth++] = raw;
    return 1;
}

int chat_json_build_object(chat_json_build_t *b)
{
    return open_container(b, json_object_new_object());
}

int chat_json_build_array(chat_json_build_t *b)
{
    return open_container(b, json_object_new_array());
}

/* An array is made for 32, which most have not. */
void chat_json_build_close(chat_json_build_t *b)
{
    struct json_object *raw = b->open[--b->depth];

    if (json_object_is_type(raw, json_type_array))
        json_object_array_shrink(raw, 0);
}

int chat_json_build_key(chat_json_build_t *b, const char *text, apr_size_t len)
{
    b->key.len = 0;
    return chat_json_gather_put(&b->key, text, len) &&
           chat_json_gather_put(&b->key, "", 1);
}

static int add_value(chat_json_build_t *b, struct json_object *raw)
{
    return raw && add(b, raw);
}

int chat_json_build_string(chat_json_build_t *b, const char *text,
                           apr_size_t len)
{
    return add_value(b, json_object_new_string_len(text, (int)len));
}

/* What fits 64 bits with its sign, and is no -0. */
int chat_json_build_integer(chat_json_build_t *b, int negative,
                            apr_uint64_t magnitude)
{
    if (negative)
        return add_value(b,
                         json_object_new_int64((apr_int64_t)(0 - magnitude)));
    return add_value(b, magnitude > APR_INT64_MAX
                            ? json_object_new_uint64(magnitude)
                            : json_object_new_int64((apr_int64_t)magnitude));
}

int chat_json_build_double(chat_json_build_t *b, const char *digits)
{
    return add_value(
        b, json_object_new_double_s(chat_json_decimal(digits), digits));
}

int chat_json_build_boolean(chat_json_build_t *b, int yes)
{
    return add_value(b, json_object_new_boolean(yes));
}

int chat_json_build_null(chat_json_build_t *b)
{
    return add(b, NULL);
}
