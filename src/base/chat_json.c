/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON values: the incremental reader (the scanner of chat_json_scan.c, which
 * has json-c's values built) and the look at what was read. Making values is in
 * chat_json_make.c, writing them in chat_json_text.c. Any thread, but a value
 * and its pool belong to one at a time.
 */
#include "chat_json.h"

#include <math.h>
#include <stdarg.h>

#include <json-c/json.h>

#include "chat_json_int.h"
#include "chat_json_scan.h"

struct chat_json_reader_t {
    chat_json_scan_t scan;
};

/* Its address is the JSON null. */
static const char null_value;

struct json_object *chat_json_raw(const chat_json_t *v)
{
    return (const void *)v == &null_value || v == chat_json_broken()
               ? NULL
               : (struct json_object *)v;
}

chat_json_t *chat_json_wrap(struct json_object *raw)
{
    return raw ? (chat_json_t *)raw : chat_json_null();
}

chat_json_t *chat_json_null(void)
{
    return (chat_json_t *)&null_value;
}

/* ---- reading ---- */

static apr_status_t destroy(void *data)
{
    chat_json_reader_t *reader = data;

    chat_json_scan_free(&reader->scan);
    return APR_SUCCESS;
}

chat_json_reader_t *chat_json_reader_create(const chat_json_limits_t *limits,
                                            apr_pool_t *p)
{
    chat_json_reader_t *reader = apr_palloc(p, sizeof(*reader));

    chat_json_scan_init(&reader->scan, limits, p);
    apr_pool_cleanup_register(p, reader, destroy, apr_pool_cleanup_null);
    return reader;
}

apr_status_t chat_json_reader_feed(chat_json_reader_t *reader, const char *data,
                                   apr_size_t len)
{
    return chat_json_scan_feed(&reader->scan, data, len);
}

apr_status_t chat_json_reader_end(chat_json_t **proot,
                                  chat_json_reader_t *reader)
{
    apr_status_t rv = chat_json_scan_end(&reader->scan);

    *proot = rv == APR_SUCCESS ? chat_json_wrap(reader->scan.build.root) : NULL;
    if (rv != APR_SUCCESS)
        chat_json_scan_free(&reader->scan);
    return rv;
}

const char *chat_json_reader_why(const chat_json_reader_t *reader)
{
    return reader->scan.why;
}

apr_status_t chat_json_parse(chat_json_t **proot, const char *text,
                             apr_size_t len, const chat_json_limits_t *limits,
                             apr_pool_t *p)
{
    chat_json_reader_t *reader = chat_json_reader_create(limits, p);

    chat_json_reader_feed(reader, text, len);
    return chat_json_reader_end(proot, reader);
}

/* ---- looking ---- */

chat_json_kind_e chat_json_kind(const chat_json_t *v)
{
    if (!v)
        return CHAT_JSON_UNDEFINED;
    switch (json_object_get_type(chat_json_raw(v))) {
    case json_type_boolean:
        return CHAT_JSON_BOOLEAN;
    case json_type_double:
    case json_type_int:
        return CHAT_JSON_NUMBER;
    case json_type_object:
        return CHAT_JSON_OBJECT;
    case json_type_array:
        return CHAT_JSON_ARRAY;
    case json_type_string:
        return CHAT_JSON_STRING;
    default:
        return CHAT_JSON_NULL;
    }
}

chat_json_t *chat_json_get(const chat_json_t *v, const char *key)
{
    struct json_object *member;

    if (chat_json_kind(v) != CHAT_JSON_OBJECT ||
        !json_object_object_get_ex(chat_json_raw(v), key, &member))
        return NULL;
    return chat_json_wrap(member);
}

const char *chat_json_next(const chat_json_t *object, const char *key)
{
    struct lh_entry *entry = NULL;
    struct lh_table *members;

    if (chat_json_kind(object) != CHAT_JSON_OBJECT)
        return NULL;
    members = json_object_get_object(chat_json_raw(object));
    if (key)
        entry = lh_table_lookup_entry(members, key);
    entry = key ? (entry ? entry->next : NULL) : members->head;
    return entry ? lh_entry_k(entry) : NULL;
}

chat_json_t *chat_json_path(const chat_json_t *v, ...)
{
    const char *key;
    va_list keys;

    va_start(keys, v);
    while (v && (key = va_arg(keys, const char *)) != NULL)
        v = chat_json_get(v, key);
    va_end(keys);
    return (chat_json_t *)v;
}

int chat_json_length(const chat_json_t *v)
{
    return chat_json_kind(v) == CHAT_JSON_ARRAY
               ? (int)json_object_array_length(chat_json_raw(v))
               : 0;
}

chat_json_t *chat_json_at(const chat_json_t *v, int index)
{
    if (index < 0 || index >= chat_json_length(v))
        return NULL;
    return chat_json_wrap(json_object_array_get_idx(chat_json_raw(v), index));
}

const char *chat_json_string(const chat_json_t *v)
{
    return chat_json_kind(v) == CHAT_JSON_STRING
               ? json_object_get_string(chat_json_raw(v))
               : NULL;
}

double chat_json_number(const chat_json_t *v)
{
    return chat_json_kind(v) == CHAT_JSON_NUMBER
               ? json_object_get_double(chat_json_raw(v))
               : NAN;
}

apr_int64_t chat_json_integer(const chat_json_t *v, apr_int64_t otherwise)
{
    struct json_object *raw = chat_json_raw(v);
    double n = chat_json_number(v);

    if (!(n >= -0x1p63 && n <= 0x1p63) || n != floor(n))
        return otherwise;
    if (json_object_is_type(raw, json_type_double))
        return n < 0x1p63 ? (apr_int64_t)n : otherwise;
    /* json-c clamps what only fits unsigned. */
    return json_object_get_uint64(raw) > APR_INT64_MAX
               ? otherwise
               : json_object_get_int64(raw);
}

int chat_json_boolean(const chat_json_t *v)
{
    return chat_json_kind(v) == CHAT_JSON_BOOLEAN
               ? json_object_get_boolean(chat_json_raw(v))
               : -1;
}
