/* SPDX-License-Identifier: Apache-2.0 */
/* The strings of a JSON text as they read, while it comes piece by piece. What
 * is no JSON is taken as it is. Pure. */
#include "chat_moderation_watch.h"

#include <string.h>

#define IS_HIGH(c) ((c) >= 0xd800 && (c) < 0xdc00)
#define IS_LOW(c) ((c) >= 0xdc00 && (c) < 0xe000)
#define UNKNOWN 0xfffd
#define ESCAPE_BYTES (sizeof("\\u0000") - 1)

static int digit_of(apr_int32_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* All bytes of the escapes so far are this character's. */
static void put(chat_moderation_watch_t *watch, apr_int32_t c)
{
    apr_size_t raw = watch->json.held;

    watch->json.held = 0;
    watch->json.escape = 0;
    watch->json.high = 0;
    chat_moderation_watch_put(watch, c, raw, 0);
}

/* Four digits are there. */
static void put_digits(chat_moderation_watch_t *watch)
{
    chat_moderation_json_t *json = &watch->json;

    if (json->high && IS_LOW(json->c)) {
        put(watch,
            0x10000 + ((json->high - 0xd800) << 10) + (json->c - 0xdc00));
        return;
    }
    if (json->high) { /* of a pair that has no second half */
        json->held -= ESCAPE_BYTES;
        put(watch, UNKNOWN);
        json->held = ESCAPE_BYTES;
    }
    if (IS_HIGH(json->c)) {
        json->high = json->c;
        json->escape = 0;
    }
    else
        put(watch, IS_LOW(json->c) ? UNKNOWN : json->c);
}

static void take_digit(chat_moderation_watch_t *watch, apr_int32_t c)
{
    chat_moderation_json_t *json = &watch->json;
    int digit = digit_of(c);

    if (digit < 0) {
        put(watch, UNKNOWN);
        return;
    }
    json->c = json->c << 4 | digit;
    if (++json->escape == 6)
        put_digits(watch);
}

static void take_escaped(chat_moderation_watch_t *watch, apr_int32_t c)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    chat_moderation_json_t *json = &watch->json;
    const char *at = c && c < 0x80 ? strchr(from, c) : NULL;

    if (c != 'u') {
        put(watch, at ? to[at - from] : c);
        return;
    }
    json->escape = 2;
    json->c = 0;
}

static void note_structure(chat_moderation_json_t *json, apr_int32_t c)
{
    if (c == '"') {
        json->in_string = !json->in_string;
        return;
    }
    if (json->in_string)
        return;
    if (c == '{' || c == '[')
        json->depth++;
    else if ((c == '}' || c == ']') && json->depth)
        json->value = --json->depth == 0;
}

int chat_moderation_watch_is_value(const chat_moderation_watch_t *watch)
{
    return watch->json.value;
}

void chat_moderation_watch_json(chat_moderation_watch_t *watch, apr_int32_t c,
                                apr_size_t raw)
{
    chat_moderation_json_t *json = &watch->json;

    if (json->high && !json->escape && c != '\\')
        put(watch, UNKNOWN); /* of a pair that has no second half */
    if (json->escape || (json->in_string && c == '\\')) {
        json->held += raw;
        if (json->escape == 0)
            json->escape = 1;
        else if (json->escape == 1)
            take_escaped(watch, c);
        else
            take_digit(watch, c);
        return;
    }
    chat_moderation_watch_put(watch, c, raw, c == '"' || !json->in_string);
    note_structure(json, c);
}

/* It ends within an escape. */
void chat_moderation_watch_json_end(chat_moderation_watch_t *watch)
{
    if (watch->json.held)
        put(watch, UNKNOWN);
}
