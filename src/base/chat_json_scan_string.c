/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scanner's part for strings: UTF-8, control characters, escapes. Only for
 * chat_json_scan.c.
 */
#include "chat_json_scan_int.h"

#include <string.h>

/* A character that was escaped; the text goes on. */
static void put_character(chat_json_scan_t *s, unsigned int c)
{
    char text[4];
    int len = 0;

    if (c < 0x80)
        text[len++] = c;
    else if (c < 0x800)
        text[len++] = 0xc0 | c >> 6;
    else {
        if (c < 0x10000)
            text[len++] = 0xe0 | c >> 12;
        else {
            text[len++] = 0xf0 | c >> 18;
            text[len++] = 0x80 | (c >> 12 & 0x3f);
        }
        text[len++] = 0x80 | (c >> 6 & 0x3f);
    }
    if (c >= 0x80)
        text[len++] = 0x80 | (c & 0x3f);
    chat_json_scan_put(s, text, len);
}

/* The escape has ended before at. */
static const byte_t *resume(chat_json_scan_t *s, const byte_t *at)
{
    s->from = at;
    s->state = AT_STRING;
    return at;
}

/* The quote is at. */
static const byte_t *finish_string(chat_json_scan_t *s, const byte_t *at)
{
    const char *text = (const char *)s->from;
    apr_size_t len = at - s->from;
    int built;

    if (s->gathered.len) {
        chat_json_scan_keep(s, at);
        text = s->gathered.text;
        len = s->gathered.len;
    }
    if (!s->in_key) {
        built = chat_json_build_string(&s->build, text, len);
        chat_json_scan_value_done(s, built);
        return at + 1;
    }
    s->state = AT_COLON;
    if (!chat_json_build_key(&s->build, text, len))
        chat_json_scan_starve(s);
    return at + 1;
}

const byte_t *chat_json_scan_open_string(chat_json_scan_t *s, const byte_t *at,
                                         int in_key)
{
    s->in_key = in_key;
    s->gathered.len = 0;
    return resume(s, at + 1);
}

/* The rules of UTF-8 that a lead byte sets for its sequence: no overlong
 * form, no surrogate, nothing past U+10FFFF. */
static const byte_t *open_tail(chat_json_scan_t *s, const byte_t *at)
{
    byte_t c = *at;

    if (c < 0xc2 || c > 0xf4)
        return chat_json_scan_refuse(s, at, "invalid UTF-8");
    s->tail_left = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    s->tail_min = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    s->tail_max = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    s->state = AT_TAIL;
    return at + 1;
}

static const byte_t *step_tail(chat_json_scan_t *s, const byte_t *at,
                               const byte_t *end)
{
    for (; at < end && s->tail_left; at++, s->tail_left--) {
        if (*at < s->tail_min || *at > s->tail_max)
            return chat_json_scan_refuse(s, at, "invalid UTF-8");
        s->tail_min = 0x80;
        s->tail_max = 0xbf;
    }
    if (!s->tail_left)
        s->state = AT_STRING;
    return at;
}

static const byte_t *step_string(chat_json_scan_t *s, const byte_t *at,
                                 const byte_t *end)
{
    at += chat_json_plain((const char *)at, end - at);
    while (at < end && *at >= 0x80) {
        at = open_tail(s, at);
        if (s->status == APR_SUCCESS)
            at = step_tail(s, at, end);
        if (s->status != APR_SUCCESS || s->state != AT_STRING)
            return at;
        at += chat_json_plain((const char *)at, end - at);
    }
    if (at == end)
        return at;
    if (*at < 0x20)
        return chat_json_scan_refuse(s, at, "control character in a string");
    if (*at == '"')
        return finish_string(s, at);
    chat_json_scan_keep(s, at);
    s->state = AT_ESCAPE;
    return at + 1;
}

static const byte_t *open_hex(chat_json_scan_t *s, const byte_t *at)
{
    s->hex_left = 4;
    s->unit = 0;
    s->state = AT_HEX;
    return at + 1;
}

static const byte_t *step_escape(chat_json_scan_t *s, const byte_t *at)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *known = *at ? strchr(from, *at) : NULL;

    if (*at == 'u')
        return open_hex(s, at);
    if (!known)
        return chat_json_scan_refuse(s, at, "unknown escape");
    chat_json_scan_put(s, to + (known - from), 1);
    return resume(s, at + 1);
}

/* Four digits make a unit; a high surrogate asks for a low one. */
static const byte_t *finish_unit(chat_json_scan_t *s, const byte_t *at)
{
    unsigned int c = s->unit;
    int low = c >= 0xdc00 && c < 0xe000;

    if (c == 0)
        return chat_json_scan_refuse(s, at, "\\u0000");
    if (low != (s->high != 0))
        return chat_json_scan_refuse(s, at, "lone surrogate");
    if (c >= 0xd800 && c < 0xdc00) {
        s->high = c;
        s->state = AT_LOW;
        return at + 1;
    }
    if (low)
        c = 0x10000 + ((s->high - 0xd800) << 10) + (c - 0xdc00);
    put_character(s, c);
    s->high = 0;
    return resume(s, at + 1);
}

static const byte_t *step_hex(chat_json_scan_t *s, const byte_t *at,
                              const byte_t *end)
{
    for (; at < end; at++) {
        byte_t c = *at | 0x20;

        if (chat_json_scan_is_digit(*at))
            s->unit = s->unit << 4 | (*at - '0');
        else if (c >= 'a' && c <= 'f')
            s->unit = s->unit << 4 | (c - 'a' + 10);
        else
            return chat_json_scan_refuse(s, at, "unknown escape");
        if (--s->hex_left == 0)
            return finish_unit(s, at);
    }
    return at;
}

static const byte_t *step_low(chat_json_scan_t *s, const byte_t *at)
{
    if (*at != '\\')
        return chat_json_scan_refuse(s, at, "lone surrogate");
    s->state = AT_LOW_U;
    return at + 1;
}

static const byte_t *step_low_u(chat_json_scan_t *s, const byte_t *at)
{
    return *at == 'u' ? open_hex(s, at)
                      : chat_json_scan_refuse(s, at, "lone surrogate");
}

const byte_t *chat_json_scan_string(chat_json_scan_t *s, const byte_t *at,
                                    const byte_t *end)
{
    switch (s->state) {
    case AT_STRING:
        return step_string(s, at, end);
    case AT_TAIL:
        return step_tail(s, at, end);
    case AT_ESCAPE:
        return step_escape(s, at);
    case AT_HEX:
        return step_hex(s, at, end);
    case AT_LOW:
        return step_low(s, at);
    default:
        return step_low_u(s, at);
    }
}
