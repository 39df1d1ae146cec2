/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard before json-c (see chat_json_scan.h): a state machine over bytes,
 * one small function per state. A step takes what it can of the piece and
 * returns where it stopped; it always takes a byte, changes the state, or
 * fails. Called by chat_json.c alone, on whichever thread that is.
 */
#include "chat_json_scan.h"

#include <string.h>

#include <apr_strings.h>

enum {
    VALUE,     /* a value must come */
    FIRST,     /* after '[': a value or ']' */
    FIRST_KEY, /* after '{': a name or '}' */
    KEY,       /* a name must come */
    COLON,
    NEXT, /* after a value: ',' or the closing bracket */
    DONE, /* after the root: nothing but white space */
    STRING,
    TAIL, /* inside a UTF-8 sequence */
    WORD,
    MINUS,
    ZERO,
    INTEGER,
    POINT,
    FRACTION,
    E,
    E_SIGN,
    EXPONENT,
    /* from here on what is read is not copied, but written when it ends */
    BACKSLASH,
    ESCAPE, /* after it */
    HEX,
    LOW,   /* after a high surrogate: '\' */
    LOW_U, /* and 'u' */
    FIRST_NOT_COPIED = BACKSLASH
};

typedef const unsigned char *
step_fn(chat_json_scan_t *s, const unsigned char *at, const unsigned char *end);

/* ---- refusals ---- */

/* Each returns the byte that it is about, see tell_where(). */
static const unsigned char *refuse(chat_json_scan_t *s, const unsigned char *at,
                                   const char *what)
{
    s->status = APR_EINVAL;
    apr_cpystrn(s->why, what, sizeof(s->why));
    return at;
}

static const unsigned char *unexpected(chat_json_scan_t *s,
                                       const unsigned char *at)
{
    return refuse(s, at, "unexpected character");
}

static const unsigned char *exceed(chat_json_scan_t *s, const unsigned char *at,
                                   const char *format, apr_size_t limit)
{
    s->status = APR_ENOSPC;
    apr_snprintf(s->why, sizeof(s->why), format, limit);
    return at;
}

/* ---- what json-c sees ---- */

static void put(chat_json_scan_t *s, const void *text, apr_size_t len)
{
    memcpy(s->out->text + s->out->len, text, len);
    s->out->len += len;
}

/* A character that was escaped. ASCII stays so: it may be a quote. */
static void put_character(chat_json_scan_t *s, unsigned int c)
{
    char text[8];
    int len = 0;

    if (c < 0x80) {
        put(s, text, apr_snprintf(text, sizeof(text), "\\u%04x", c));
        return;
    }
    if (c < 0x800)
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
    text[len++] = 0x80 | (c & 0x3f);
    put(s, text, len);
}

/* ---- values ---- */

static int is_space(unsigned char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static int is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static const unsigned char *skip(const unsigned char *at,
                                 const unsigned char *end)
{
    while (at < end && is_space(*at))
        at++;
    return at;
}

static int in_object(const chat_json_scan_t *s)
{
    int level = s->depth - 1;

    return s->kinds[level / 8] >> (level % 8) & 1;
}

static void finish_value(chat_json_scan_t *s)
{
    s->state = s->depth ? NEXT : DONE;
}

static const unsigned char *open_container(chat_json_scan_t *s,
                                           const unsigned char *at)
{
    int object = *at == '{';
    int level = s->depth;

    if (level >= s->limits.depth)
        return exceed(s, at, "nesting deeper than %" APR_SIZE_T_FMT,
                      s->limits.depth);
    s->kinds[level / 8] &= ~(1 << (level % 8));
    s->kinds[level / 8] |= object << (level % 8);
    s->depth++;
    s->state = object ? FIRST_KEY : FIRST;
    return at + 1;
}

static const unsigned char *close_container(chat_json_scan_t *s,
                                            const unsigned char *at)
{
    if (*at != (in_object(s) ? '}' : ']'))
        return unexpected(s, at);
    s->depth--;
    finish_value(s);
    return at + 1;
}

static const unsigned char *open_string(chat_json_scan_t *s,
                                        const unsigned char *at, int in_key)
{
    s->in_key = in_key;
    s->state = STRING;
    return at + 1;
}

static const unsigned char *open_number(chat_json_scan_t *s,
                                        const unsigned char *at)
{
    s->negative = *at == '-';
    s->huge = 0;
    s->magnitude = s->negative ? 0 : *at - '0';
    s->state = s->negative ? MINUS : *at == '0' ? ZERO : INTEGER;
    return at + 1;
}

static const unsigned char *open_word(chat_json_scan_t *s,
                                      const unsigned char *at, const char *word)
{
    s->word = word + 1;
    s->state = WORD;
    return at + 1;
}

static const unsigned char *open_value(chat_json_scan_t *s,
                                       const unsigned char *at)
{
    switch (*at) {
    case '{':
    case '[':
        return open_container(s, at);
    case '"':
        return open_string(s, at, 0);
    case 't':
        return open_word(s, at, "true");
    case 'f':
        return open_word(s, at, "false");
    case 'n':
        return open_word(s, at, "null");
    default:
        return *at == '-' || is_digit(*at) ? open_number(s, at)
                                           : unexpected(s, at);
    }
}

static const unsigned char *step_value(chat_json_scan_t *s,
                                       const unsigned char *at,
                                       const unsigned char *end)
{
    at = skip(at, end);
    if (at == end)
        return at;
    if (s->state == FIRST && *at == ']')
        return close_container(s, at);
    at = open_value(s, at);
    /* Counted when it begins: what is one too many is never built. */
    if (s->status == APR_SUCCESS && ++s->values > s->limits.values)
        exceed(s, at, "more than %" APR_SIZE_T_FMT " values", s->limits.values);
    return at;
}

static const unsigned char *
step_key(chat_json_scan_t *s, const unsigned char *at, const unsigned char *end)
{
    at = skip(at, end);
    if (at == end)
        return at;
    if (s->state == FIRST_KEY && *at == '}')
        return close_container(s, at);
    return *at == '"' ? open_string(s, at, 1) : unexpected(s, at);
}

static const unsigned char *step_colon(chat_json_scan_t *s,
                                       const unsigned char *at,
                                       const unsigned char *end)
{
    at = skip(at, end);
    if (at == end)
        return at;
    if (*at != ':')
        return unexpected(s, at);
    s->state = VALUE;
    return at + 1;
}

static const unsigned char *step_next(chat_json_scan_t *s,
                                      const unsigned char *at,
                                      const unsigned char *end)
{
    at = skip(at, end);
    if (at == end)
        return at;
    if (*at != ',')
        return close_container(s, at);
    s->state = in_object(s) ? KEY : VALUE;
    return at + 1;
}

static const unsigned char *step_done(chat_json_scan_t *s,
                                      const unsigned char *at,
                                      const unsigned char *end)
{
    at = skip(at, end);
    return at == end ? at : unexpected(s, at);
}

static const unsigned char *step_word(chat_json_scan_t *s,
                                      const unsigned char *at,
                                      const unsigned char *end)
{
    if (*at != (unsigned char)*s->word)
        return unexpected(s, at);
    if (!*++s->word)
        finish_value(s);
    return at + 1;
}

/* ---- strings ---- */

/* The rules of UTF-8 that a lead byte sets for its sequence: no overlong
 * form, no surrogate, nothing past U+10FFFF. */
static const unsigned char *open_tail(chat_json_scan_t *s,
                                      const unsigned char *at)
{
    unsigned char c = *at;

    if (c < 0xc2 || c > 0xf4)
        return refuse(s, at, "invalid UTF-8");
    s->tail_left = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    s->tail_min = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    s->tail_max = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    s->state = TAIL;
    return at + 1;
}

static const unsigned char *step_tail(chat_json_scan_t *s,
                                      const unsigned char *at,
                                      const unsigned char *end)
{
    for (; at < end && s->tail_left; at++, s->tail_left--) {
        if (*at < s->tail_min || *at > s->tail_max)
            return refuse(s, at, "invalid UTF-8");
        s->tail_min = 0x80;
        s->tail_max = 0xbf;
    }
    if (!s->tail_left)
        s->state = STRING;
    return at;
}

static int is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static const unsigned char *step_string(chat_json_scan_t *s,
                                        const unsigned char *at,
                                        const unsigned char *end)
{
    while (at < end && is_plain(*at))
        at++;
    if (at == end)
        return at;
    if (*at >= 0x80)
        return open_tail(s, at);
    if (*at < 0x20)
        return refuse(s, at, "control character in a string");
    if (*at == '\\') {
        s->state = BACKSLASH;
        return at;
    }
    if (s->in_key)
        s->state = COLON;
    else
        finish_value(s);
    return at + 1;
}

static const unsigned char *step_backslash(chat_json_scan_t *s,
                                           const unsigned char *at,
                                           const unsigned char *end)
{
    s->state = ESCAPE;
    return at + 1;
}

static const unsigned char *open_hex(chat_json_scan_t *s,
                                     const unsigned char *at)
{
    s->hex_left = 4;
    s->unit = 0;
    s->state = HEX;
    return at + 1;
}

static const unsigned char *step_escape(chat_json_scan_t *s,
                                        const unsigned char *at,
                                        const unsigned char *end)
{
    if (*at == 'u')
        return open_hex(s, at);
    if (!*at || !strchr("\"\\/bfnrt", *at))
        return refuse(s, at, "unknown escape");
    put(s, "\\", 1);
    put(s, at, 1);
    s->state = STRING;
    return at + 1;
}

/* Four digits make a unit; a high surrogate asks for a low one. */
static const unsigned char *finish_unit(chat_json_scan_t *s,
                                        const unsigned char *at)
{
    unsigned int c = s->unit;
    int low = c >= 0xdc00 && c < 0xe000;

    if (c == 0)
        return refuse(s, at, "\\u0000");
    if (low != (s->high != 0))
        return refuse(s, at, "lone surrogate");
    if (c >= 0xd800 && c < 0xdc00) {
        s->high = c;
        s->state = LOW;
        return at + 1;
    }
    if (low)
        c = 0x10000 + ((s->high - 0xd800) << 10) + (c - 0xdc00);
    put_character(s, c);
    s->high = 0;
    s->state = STRING;
    return at + 1;
}

static const unsigned char *
step_hex(chat_json_scan_t *s, const unsigned char *at, const unsigned char *end)
{
    for (; at < end; at++) {
        unsigned char c = *at | 0x20;

        if (is_digit(*at))
            s->unit = s->unit << 4 | (*at - '0');
        else if (c >= 'a' && c <= 'f')
            s->unit = s->unit << 4 | (c - 'a' + 10);
        else
            return refuse(s, at, "unknown escape");
        if (--s->hex_left == 0)
            return finish_unit(s, at);
    }
    return at;
}

static const unsigned char *
step_low(chat_json_scan_t *s, const unsigned char *at, const unsigned char *end)
{
    if (*at != '\\')
        return refuse(s, at, "lone surrogate");
    s->state = LOW_U;
    return at + 1;
}

static const unsigned char *step_low_u(chat_json_scan_t *s,
                                       const unsigned char *at,
                                       const unsigned char *end)
{
    return *at == 'u' ? open_hex(s, at) : refuse(s, at, "lone surrogate");
}

/* ---- numbers ---- */

static void add_digit(chat_json_scan_t *s, unsigned int digit)
{
    if (s->magnitude > (APR_UINT64_MAX - digit) / 10)
        s->huge = 1;
    else
        s->magnitude = s->magnitude * 10 + digit;
}

/* json-c holds 64 bits and no -0; as a double the number is as it should. */
static void finish_integer(chat_json_scan_t *s)
{
    int too_low = s->negative && s->magnitude > (apr_uint64_t)1 << 63;
    int minus_zero = s->negative && s->magnitude == 0;

    if (s->huge || too_low || minus_zero)
        put(s, ".0", 2);
}

/* After "-", ".", "e" or the exponent's sign: a digit must come. */
static const unsigned char *step_first_digit(chat_json_scan_t *s,
                                             const unsigned char *at,
                                             const unsigned char *end)
{
    if (s->state == E && (*at == '+' || *at == '-')) {
        s->state = E_SIGN;
        return at + 1;
    }
    if (!is_digit(*at))
        return unexpected(s, at);
    if (s->state == MINUS) {
        s->magnitude = *at - '0';
        s->state = *at == '0' ? ZERO : INTEGER;
    }
    else
        s->state = s->state == POINT ? FRACTION : EXPONENT;
    return at + 1;
}

static const unsigned char *step_digits(chat_json_scan_t *s,
                                        const unsigned char *at,
                                        const unsigned char *end)
{
    while (at < end && is_digit(*at))
        add_digit(s, *at++ - '0');
    return at;
}

static const unsigned char *step_integer(chat_json_scan_t *s,
                                         const unsigned char *at,
                                         const unsigned char *end)
{
    if (s->state == INTEGER && is_digit(*at))
        return step_digits(s, at, end);
    if (*at == '.')
        s->state = POINT;
    else if (*at == 'e' || *at == 'E')
        s->state = E;
    else {
        finish_integer(s);
        finish_value(s);
        return at;
    }
    return at + 1;
}

static const unsigned char *step_fraction(chat_json_scan_t *s,
                                          const unsigned char *at,
                                          const unsigned char *end)
{
    while (at < end && is_digit(*at))
        at++;
    if (at == end)
        return at;
    if (s->state == FRACTION && (*at == 'e' || *at == 'E')) {
        s->state = E;
        return at + 1;
    }
    finish_value(s);
    return at;
}

static step_fn *const steps[] = {
    [VALUE] = step_value,
    [FIRST] = step_value,
    [FIRST_KEY] = step_key,
    [KEY] = step_key,
    [COLON] = step_colon,
    [NEXT] = step_next,
    [DONE] = step_done,
    [STRING] = step_string,
    [TAIL] = step_tail,
    [WORD] = step_word,
    [MINUS] = step_first_digit,
    [ZERO] = step_integer,
    [INTEGER] = step_integer,
    [POINT] = step_first_digit,
    [FRACTION] = step_fraction,
    [E] = step_first_digit,
    [E_SIGN] = step_first_digit,
    [EXPONENT] = step_fraction,
    [BACKSLASH] = step_backslash,
    [ESCAPE] = step_escape,
    [HEX] = step_hex,
    [LOW] = step_low,
    [LOW_U] = step_low_u,
};

/* ---- the text ---- */

void chat_json_scan_init(chat_json_scan_t *scan,
                         const chat_json_limits_t *limits, apr_pool_t *p)
{
    memset(scan, 0, sizeof(*scan));
    scan->limits = *limits;
    scan->kinds = apr_pcalloc(p, limits->depth / 8 + 1);
    scan->state = VALUE;
}

/* Positions count from 0, as those of JSON.parse do. */
static void tell_where(chat_json_scan_t *s)
{
    apr_size_t used = strlen(s->why);

    apr_snprintf(s->why + used, sizeof(s->why) - used,
                 " at byte %" APR_SIZE_T_FMT, s->seen);
}

static const unsigned char *step(chat_json_scan_t *s, const unsigned char *at,
                                 const unsigned char *end)
{
    int copied = s->state < FIRST_NOT_COPIED;
    const unsigned char *after = steps[s->state](s, at, end);

    if (copied)
        put(s, at, after - at);
    return after;
}

apr_status_t chat_json_scan_feed(chat_json_scan_t *scan, const char *data,
                                 apr_size_t len, chat_json_out_t *out)
{
    const unsigned char *start = (const unsigned char *)data;
    const unsigned char *at = start;
    apr_size_t room = scan->limits.bytes - scan->seen;
    const unsigned char *end = start + (len < room ? len : room);

    out->len = 0;
    scan->out = out;
    while (at < end && scan->status == APR_SUCCESS)
        at = step(scan, at, end);
    scan->seen += at - start;
    if (scan->status == APR_EINVAL)
        tell_where(scan);
    else if (scan->status == APR_SUCCESS && len > room)
        exceed(scan, at, "longer than %" APR_SIZE_T_FMT " bytes",
               scan->limits.bytes);
    return scan->status;
}

apr_status_t chat_json_scan_end(chat_json_scan_t *scan, chat_json_out_t *out)
{
    out->len = 0;
    scan->out = out;
    if (scan->status != APR_SUCCESS)
        return scan->status;
    switch (scan->depth ? VALUE : scan->state) {
    case ZERO:
    case INTEGER:
        finish_integer(scan);
        break;
    case FRACTION:
    case EXPONENT:
    case DONE:
        break;
    default:
        refuse(scan, NULL, "unexpected end");
        tell_where(scan);
        return scan->status;
    }
    /* A number or a word at the root ends where something else begins. */
    put(scan, " ", 1);
    scan->state = DONE;
    return APR_SUCCESS;
}

apr_status_t chat_json_scan_fail(chat_json_scan_t *scan)
{
    refuse(scan, NULL, "cannot be kept in memory");
    return scan->status;
}
