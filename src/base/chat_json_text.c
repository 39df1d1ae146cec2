/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON values as text. Not json-c's own writer: that one keeps its buffer in
 * the value, for as long as the value lives, and so writes to what others may
 * be reading. Here a text that is short, as most are, is written to the stack
 * and copied into the pool; of a longer one that tells the length, and it is
 * written once more.
 */
#include "chat_json.h"

#include <string.h>

#include <apr_strings.h>
#include <json-c/json.h>

#include "chat_json_int.h"

#define SHORT 2048

typedef struct out_t {
    char *to;
    apr_size_t capacity; /* what does not fit is counted alone */
    apr_size_t len;
    int broken; /* something has no text, for want of memory */
} out_t;

static void put(out_t *out, const char *text, apr_size_t len)
{
    if (out->len + len <= out->capacity)
        memcpy(out->to + out->len, text, len);
    out->len += len;
}

static void put_escape(out_t *out, unsigned char c)
{
    static const char names[] = "\b\f\n\r\t\"\\";
    static const char letters[] = "bfnrt\"\\";
    const char *name = strchr(names, c);
    char code[7];

    if (name) {
        code[0] = '\\';
        code[1] = letters[name - names];
        put(out, code, 2);
    }
    else {
        apr_snprintf(code, sizeof(code), "\\u%04x", c);
        put(out, code, 6);
    }
}

static void put_string(out_t *out, const char *text, apr_size_t len)
{
    const char *end = text + len;

    put(out, "\"", 1);
    while (text < end) {
        const char *plain = text;

        text += chat_json_unescaped(text, end - text);
        put(out, plain, text - plain);
        if (text < end)
            put_escape(out, *text++);
    }
    put(out, "\"", 1);
}

static void put_integer(out_t *out, struct json_object *raw)
{
    apr_int64_t n = json_object_get_int64(raw);
    char digits[24];
    int len;

    if (n < 0)
        len = apr_snprintf(digits, sizeof(digits), "%" APR_INT64_T_FMT, n);
    else /* json-c clamps what only fits unsigned */
        len = apr_snprintf(digits, sizeof(digits), "%" APR_UINT64_T_FMT,
                           (apr_uint64_t)json_object_get_uint64(raw));
    put(out, digits, len);
}

/* Every double here was made with its digits (json_object_new_double_s),
 * which json-c documents to be the object's user data. */
static void put_double(out_t *out, struct json_object *raw)
{
    const char *digits = json_object_get_userdata(raw);

    put(out, digits, strlen(digits));
}

static void put_value(out_t *out, struct json_object *raw);

static void put_object(out_t *out, struct json_object *raw)
{
    int comma = 0;

    put(out, "{", 1);
    json_object_object_foreach(raw, key, member)
    {
        put(out, ",", comma);
        put_string(out, key, strlen(key));
        put(out, ":", 1);
        put_value(out, member);
        comma = 1;
    }
    put(out, "}", 1);
}

static void put_array(out_t *out, struct json_object *raw)
{
    size_t n = json_object_array_length(raw);
    size_t i;

    put(out, "[", 1);
    for (i = 0; i < n; i++) {
        put(out, ",", i > 0);
        put_value(out, json_object_array_get_idx(raw, i));
    }
    put(out, "]", 1);
}

static void put_value(out_t *out, struct json_object *raw)
{
    out->broken |= chat_json_is_broken(chat_json_wrap(raw));
    switch (json_object_get_type(raw)) {
    case json_type_object:
        put_object(out, raw);
        break;
    case json_type_array:
        put_array(out, raw);
        break;
    case json_type_string:
        put_string(out, json_object_get_string(raw),
                   json_object_get_string_len(raw));
        break;
    case json_type_int:
        put_integer(out, raw);
        break;
    case json_type_double:
        put_double(out, raw);
        break;
    case json_type_boolean:
        if (json_object_get_boolean(raw))
            put(out, "true", 4);
        else
            put(out, "false", 5);
        break;
    default:
        put(out, "null", 4);
    }
}

/* The text is in the buffer on the stack, or has to be written where it is. */
static char *take(out_t *out, apr_pool_t *p)
{
    char *text = apr_palloc(p, out->len + 1);

    text[out->len] = '\0';
    if (out->len <= out->capacity) {
        memcpy(text, out->to, out->len);
        return text;
    }
    out->to = text;
    out->capacity = out->len;
    out->len = 0;
    return NULL;
}

const char *chat_json_text(const chat_json_t *v, apr_size_t *plen,
                           apr_pool_t *p)
{
    char buffer[SHORT];
    out_t out = {buffer, sizeof(buffer), 0, 0};
    const char *text;

    if (v == chat_json_broken())
        return NULL;
    put_value(&out, chat_json_raw(v));
    if (out.broken)
        return NULL;
    text = take(&out, p);
    if (!text) {
        put_value(&out, chat_json_raw(v));
        text = out.to;
    }
    if (plen)
        *plen = out.len;
    return text;
}

const char *chat_json_quote(const char *text, apr_pool_t *p)
{
    char buffer[SHORT];
    out_t out = {buffer, sizeof(buffer), 0, 0};
    apr_size_t len = strlen(text);
    const char *quoted;

    put_string(&out, text, len);
    quoted = take(&out, p);
    if (!quoted) {
        put_string(&out, text, len);
        quoted = out.to;
    }
    return quoted;
}
