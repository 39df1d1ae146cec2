/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Halves of characters: servers cut texts between the two units of a UTF-16
 * pair, or inside a UTF-8 sequence, and no JSON text may hold such a half. An
 * event that cannot be read is repaired: a unit without its other half becomes
 * a placeholder, a character of the last 2,048 of the private planes, and what
 * is no UTF-8 and no character at all becomes U+FFFD. When the texts are handed
 * on two placeholders that belong together become their character, and every
 * other one U+FFFD. Hardly any event needs that. Runs on the stream's driver.
 * Pure.
 */
#include "chat_provider_scan.h"

#include <string.h>

typedef unsigned char byte_t;

/* A unit, 0xd800 to 0xdfff, and its placeholder, in UTF-8: f4 8f a0 80 to f4 8f
 * bf bf. */
#define FIRST_UNIT 0xd800
#define FIRST_PLACE 0x10f800

static const char unknown[] = "\xef\xbf\xbd";

/* The longest that a byte of the text can become. */
#define MOST_GROWTH 3

/* ---- an event, repaired ---- */

/* The four digits at, -1: there are none. */
static int read_unit(const char *at, const char *end)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    int i, unit = 0;

    for (i = 0; i < 4; i++) {
        const char *digit =
            at + i < end && at[i] ? strchr(digits, at[i]) : NULL;

        if (!digit)
            return -1;
        unit = unit * 16 + (int)(digit - digits) % 16;
    }
    return unit;
}

static int is_high(int unit)
{
    return unit >= 0xd800 && unit < 0xdc00;
}

static int is_low(int unit)
{
    return unit >= 0xdc00 && unit < 0xe000;
}

static char *put(char *to, const char *text, apr_size_t len)
{
    memcpy(to, text, len);
    return to + len;
}

static char *put_place(char *to, int unit)
{
    char place[4] = {(char)0xf4, (char)0x8f, 0, 0};

    place[2] = (char)(0x80 | ((FIRST_PLACE + unit - FIRST_UNIT) >> 6 & 0x3f));
    place[3] = (char)(0x80 | (unit & 0x3f));
    return put(to, place, sizeof(place));
}

/* The escape at; what it became is put. */
static const char *repair_escape(char **pto, const char *at, const char *end,
                                 const char *nul)
{
    int unit = at + 1 < end && at[1] == 'u' ? read_unit(at + 2, end) : -1;
    int next = at + 7 < end && at[6] == '\\' && at[7] == 'u'
                   ? read_unit(at + 8, end)
                   : -1;
    apr_size_t len = unit < 0 ? 2 : 6;

    if (is_high(unit) && is_low(next))
        len = 12;
    else if (is_high(unit) || is_low(unit)) {
        *pto = put_place(*pto, unit);
        return at + len;
    }
    else if (unit == 0) {
        *pto = put(*pto, nul, strlen(nul));
        return at + len;
    }
    if (len > (apr_size_t)(end - at))
        len = end - at;
    *pto = put(*pto, at, len);
    return at + len;
}

/* The character at, which is none of ASCII; its bytes, or those that are none.
 */
static const char *repair_bytes(char **pto, const char *at, const char *end)
{
    int len = chat_provider_scan_utf8(at, end);

    if (len > 0) {
        *pto = put(*pto, at, len);
        return at + len;
    }
    *pto = put(*pto, unknown, 3);
    for (at++; at < end && ((byte_t)*at & 0xc0) == 0x80; at++)
        continue;
    return at;
}

const char *chat_provider_half_repair(const char *data, apr_size_t len,
                                      const char *nul, apr_size_t *plen,
                                      apr_pool_t *p)
{
    const char *at = data, *end = data + len;
    char *fixed = apr_palloc(p, len * MOST_GROWTH + 1), *to = fixed;

    while (at < end) {
        if (*at == '\\')
            at = repair_escape(&to, at, end, nul);
        else if ((byte_t)*at >= 0x80)
            at = repair_bytes(&to, at, end);
        else
            *to++ = *at++;
    }
    *plen = to - fixed;
    return *plen == len && memcmp(fixed, data, len) == 0 ? NULL : fixed;
}

/* ---- texts, joined ---- */

/* The unit whose placeholder is at, 0: none is. */
static int read_place(const char *at, const char *end)
{
    const byte_t *c = (const byte_t *)at;

    if (end - at < 4 || c[0] != 0xf4 || c[1] != 0x8f || c[2] < 0xa0)
        return 0;
    return FIRST_UNIT + ((c[2] - 0xa0) << 6 | (c[3] & 0x3f));
}

static void pass(chat_parse_t *parse, const chat_delta_t *like,
                 const char *text, apr_size_t len)
{
    chat_delta_t delta = *like;

    delta.text = text;
    delta.len = len;
    if (len)
        chat_provider_parse_pass(parse, &delta);
}

/* Their character, of four bytes. */
static void join(char *utf8, int high, int low)
{
    int c = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);

    utf8[0] = (char)(0xf0 | c >> 18);
    utf8[1] = (char)(0x80 | (c >> 12 & 0x3f));
    utf8[2] = (char)(0x80 | (c >> 6 & 0x3f));
    utf8[3] = (char)(0x80 | (c & 0x3f));
}

void chat_provider_half_flush(chat_parse_t *parse)
{
    const chat_delta_t like = {
        .kind = parse->half_kind,
        .index = parse->half_index,
    };
    int half = parse->half;

    parse->half = 0;
    if (half && !parse->seen.failed)
        pass(parse, &like, unknown, 3);
}

/* The unit at, of which the text before has been passed on. */
static void take_unit(chat_parse_t *parse, const chat_delta_t *delta, int unit)
{
    char utf8[4];

    if (is_low(unit) && parse->half) {
        join(utf8, parse->half, unit);
        pass(parse, delta, utf8, sizeof(utf8));
        parse->half = 0;
        return;
    }
    chat_provider_half_flush(parse);
    if (is_low(unit))
        pass(parse, delta, unknown, 3);
    else {
        parse->half = unit;
        parse->half_kind = delta->kind;
        parse->half_index = delta->index;
    }
}

void chat_provider_half_join(chat_parse_t *parse, const chat_delta_t *delta)
{
    const char *at = delta->text, *end = at + delta->len, *from = at;

    if (parse->half && ((chat_delta_e)parse->half_kind != delta->kind ||
                        parse->half_index != delta->index))
        chat_provider_half_flush(parse);
    while (at < end) {
        int unit = parse->seen.repaired ? read_place(at, end) : 0;

        if (!unit && parse->half)
            chat_provider_half_flush(parse);
        if (!unit) {
            at++;
            continue;
        }
        pass(parse, delta, from, at - from);
        take_unit(parse, delta, unit);
        at += 4;
        from = at;
    }
    pass(parse, delta, from, at - from);
}

/* ---- the same of a text whose bytes pass ---- */

const char *chat_provider_half_text(int *phalf, const char *text, apr_pool_t *p)
{
    apr_size_t len = strlen(text);
    const char *at = text, *end = text + len;
    char *whole = apr_palloc(p, len + sizeof(unknown)), *to = whole;

    while (at < end) {
        int unit = read_place(at, end), half = *phalf;

        *phalf = is_high(unit) ? unit : 0;
        if (half && is_low(unit)) {
            join(to, half, unit);
            to += 4;
        }
        else if (half || is_low(unit))
            to = put(to, unknown, 3);
        if (unit)
            at += 4;
        else
            *to++ = *at++;
    }
    *to = '\0';
    return whole;
}
