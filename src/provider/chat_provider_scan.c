/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON read in passing: one token of an answer is an event of some hundred
 * bytes, of which a few matter, and to build a tree of it costs several times
 * what everything else does. Strict where it could differ from the parse in
 * chat_json.c: what is not plainly the same is put off and left to that. Runs
 * on the stream's driver. Pure.
 */
#include "chat_provider_scan.h"

#include <string.h>

typedef unsigned char byte_t;

/* Nested deeper than that is unusual. */
#define DEPTH 64

/* So is so much of it, which could hold more values than a parse takes: each
 * has two bytes at least. Of members there may be more, which cost nothing
 * here. */
#define LONGEST 390000

/* Of a count: they fit, whichever they are. */
#define MOST_DIGITS 18

void chat_provider_scan_init(chat_scan_t *s, const char *data, apr_size_t len)
{
    s->at = data;
    s->end = data + len;
    s->fresh = 0;
    s->passing = 0;
    s->depth = 0;
    s->used = 0;
    s->off = len > LONGEST;
    if (s->off)
        s->at = s->end;
}

static void put_off(chat_scan_t *s)
{
    s->off = 1;
    s->at = s->end;
}

/* The next byte that is no white space; NUL, which no JSON has, at the end. */
static inline char peek(chat_scan_t *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' ||
                              *s->at == '\t' || *s->at == '\r'))
        s->at++;
    return s->at < s->end ? *s->at : '\0';
}

static int take(chat_scan_t *s, char c)
{
    if (peek(s) != c)
        return 0;
    s->at++;
    return 1;
}

/* ---- strings ---- */

int chat_provider_scan_utf8(const char *at, const char *end)
{
    const byte_t *c = (const byte_t *)at;
    int len = *c < 0x80   ? 1
              : *c < 0xc2 ? 0
              : *c < 0xe0 ? 2
              : *c < 0xf0 ? 3
              : *c < 0xf5 ? 4
                          : 0;
    int i;

    if (len > end - at)
        return 0;
    for (i = 1; i < len; i++) {
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    }
    /* Too long a form, a surrogate, past the last character. */
    if ((*c == 0xe0 && c[1] < 0xa0) || (*c == 0xed && c[1] > 0x9f) ||
        (*c == 0xf0 && c[1] < 0x90) || (*c == 0xf4 && c[1] > 0x8f))
        return 0;
    return len;
}

/* A run without quote and escape, up to s->at. */
static void run(chat_scan_t *s)
{
    int len;

    for (;;) {
        s->at += chat_json_plain(s->at, s->end - s->at);
        if (s->at == s->end || (byte_t)*s->at < 0x20)
            break;
        if (*s->at == '"' || *s->at == '\\')
            return;
        len = chat_provider_scan_utf8(s->at, s->end);
        if (!len)
            break;
        s->at += len;
    }
    put_off(s);
}

static void keep(chat_scan_t *s, const char *text, apr_size_t len)
{
    if (s->passing)
        return;
    if (len > sizeof(s->unescaped) - s->used) {
        put_off(s);
        return;
    }
    memcpy(s->unescaped + s->used, text, len);
    s->used += len;
}

/* The four digits behind \u, 0 when they are none, or make none. */
static unsigned int read_unit(chat_scan_t *s)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    unsigned int unit = 0;
    int i;

    for (i = 0; i < 4; i++) {
        char c = s->at < s->end ? *s->at : '\0';
        const char *digit = c ? strchr(digits, c) : NULL;

        if (!digit)
            return 0;
        unit = unit * 16 + (unsigned int)(digit - digits) % 16;
        s->at++;
    }
    return unit;
}

/* The escape of a character, which may need a second one; 0: it is none. */
static unsigned int read_units(chat_scan_t *s)
{
    unsigned int unit = read_unit(s), low;

    if (unit < 0xd800 || unit >= 0xe000)
        return unit;
    if (unit >= 0xdc00 || s->end - s->at < 2 || s->at[0] != '\\' ||
        s->at[1] != 'u')
        return 0;
    s->at += 2;
    low = read_unit(s);
    if (low < 0xdc00 || low >= 0xe000)
        return 0;
    return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

static void unescape_unit(chat_scan_t *s)
{
    unsigned int c = read_units(s);
    char utf8[4];
    int n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;

    if (!c) {
        put_off(s);
        return;
    }
    for (i = n - 1; i > 0; i--, c >>= 6)
        utf8[i] = (char)(0x80 | (c & 0x3f));
    /* As many ones lead as there are bytes. */
    utf8[0] = (char)(n == 1 ? c : (0xf00 >> n | c));
    keep(s, utf8, n);
}

/* The backslash is at. */
static void unescape(chat_scan_t *s)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = s->end - s->at > 1 ? s->at[1] : '\0';
    const char *known = c ? strchr(from, c) : NULL;

    s->at += c ? 2 : 1;
    if (c == 'u')
        unescape_unit(s);
    else if (known)
        keep(s, to + (known - from), 1);
    else
        put_off(s);
}

/* A string, from quote to quote. */
static void read_string(chat_scan_t *s, const char **ptext, apr_size_t *plen)
{
    const char *from;
    apr_size_t kept = s->used;

    *ptext = "";
    *plen = 0;
    if (!take(s, '"')) {
        put_off(s);
        return;
    }
    from = s->at;
    run(s);
    if (!s->off && *s->at == '"') { /* nearly always */
        *ptext = from;
        *plen = s->at++ - from;
        return;
    }
    while (!s->off && *s->at == '\\') {
        keep(s, from, s->at - from);
        unescape(s);
        from = s->at;
        run(s);
    }
    if (s->off)
        return;
    keep(s, from, s->at - from);
    s->at += !s->off;
    *ptext = s->unescaped + kept;
    *plen = s->used - kept;
}

/* The text is one that nobody wants to have; its quote is at. */
static void pass_string(chat_scan_t *s)
{
    s->passing = 1;
    s->at++;
    for (run(s); !s->off && *s->at == '\\'; run(s))
        unescape(s);
    s->at += !s->off;
    s->passing = 0;
}

/* ---- values ---- */

void chat_provider_scan_put_off(chat_scan_t *s)
{
    put_off(s);
}

char chat_provider_scan_peek(chat_scan_t *s)
{
    return peek(s);
}

void chat_provider_scan_open(chat_scan_t *s, char bracket)
{
    if (!take(s, bracket))
        put_off(s);
    s->fresh = 1;
}

/* Behind a value: on to the next one of the container, or out of it. */
static int next(chat_scan_t *s, char close)
{
    int fresh = s->fresh;

    s->fresh = 0;
    if (take(s, close))
        return 0;
    if (!fresh && !take(s, ','))
        put_off(s);
    return !s->off;
}

int chat_provider_scan_member(chat_scan_t *s, const char **pname,
                              apr_size_t *plen)
{
    if (!next(s, '}'))
        return 0;
    read_string(s, pname, plen);
    if (!take(s, ':'))
        put_off(s);
    return !s->off;
}

int chat_provider_scan_object(chat_scan_t *s)
{
    if (peek(s) != '{') {
        chat_provider_scan_skip(s);
        return 0;
    }
    chat_provider_scan_open(s, '{');
    return 1;
}

int chat_provider_scan_item(chat_scan_t *s)
{
    return next(s, ']');
}

void chat_provider_scan_only(chat_scan_t *s, const char *word)
{
    apr_size_t len = strlen(word);

    peek(s);
    if ((apr_size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0) {
        put_off(s);
        return;
    }
    s->at += len;
    /* What follows is looked at by next(): "00" is no 0. */
}

void chat_provider_scan_text(chat_scan_t *s, const char **ptext,
                             apr_size_t *plen)
{
    *ptext = NULL;
    *plen = 0;
    if (peek(s) == 'n')
        chat_provider_scan_only(s, "null");
    else
        read_string(s, ptext, plen);
}

void chat_provider_scan_piece(chat_scan_t *s, chat_piece_t *piece)
{
    chat_provider_scan_text(s, &piece->text, &piece->len);
}

static char here(const chat_scan_t *s)
{
    return s->at < s->end ? *s->at : '\0';
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void skip_digits(chat_scan_t *s)
{
    if (!is_digit(here(s)))
        put_off(s);
    while (is_digit(here(s)))
        s->at++;
}

static void skip_number(chat_scan_t *s)
{
    s->at += here(s) == '-';
    if (here(s) == '0')
        s->at++;
    else
        skip_digits(s);
    if (here(s) == '.') {
        s->at++;
        skip_digits(s);
    }
    if (here(s) == 'e' || here(s) == 'E') {
        s->at++;
        s->at += here(s) == '+' || here(s) == '-';
        skip_digits(s);
    }
}

void chat_provider_scan_count(chat_scan_t *s, apr_int64_t *pcount)
{
    char first = peek(s);
    const char *digit = s->at;

    *pcount = -1;
    if (first == '"')
        put_off(s);
    chat_provider_scan_skip(s);
    if (first != '-' && !is_digit(first))
        return;
    if (s->at - digit > MOST_DIGITS) {
        put_off(s);
        return;
    }
    for (*pcount = 0; digit < s->at && is_digit(*digit); digit++)
        *pcount = *pcount * 10 + (*digit - '0');
    if (digit < s->at) /* a sign, a point */
        put_off(s);
}

/* To the next member, whatever its name is. 0: the object is over. */
static int pass_name(chat_scan_t *s)
{
    if (!next(s, '}'))
        return 0;
    if (peek(s) == '"')
        pass_string(s);
    else
        put_off(s);
    if (!take(s, ':'))
        put_off(s);
    return !s->off;
}

static void skip_container(chat_scan_t *s, char bracket)
{
    if (++s->depth > DEPTH)
        put_off(s);
    chat_provider_scan_open(s, bracket);
    if (bracket == '{') {
        while (pass_name(s))
            chat_provider_scan_skip(s);
    }
    else {
        while (chat_provider_scan_item(s))
            chat_provider_scan_skip(s);
    }
    s->depth--;
}

void chat_provider_scan_skip(chat_scan_t *s)
{
    char c = peek(s);

    switch (c) {
    case '"':
        pass_string(s);
        break;
    case '{':
    case '[':
        skip_container(s, c);
        break;
    case 'n':
        chat_provider_scan_only(s, "null");
        break;
    case 't':
        chat_provider_scan_only(s, "true");
        break;
    case 'f':
        chat_provider_scan_only(s, "false");
        break;
    default:
        skip_number(s);
    }
}

int chat_provider_scan_done(chat_scan_t *s)
{
    peek(s);
    return !s->off && s->at == s->end;
}

int chat_provider_scan_is(const char *name, apr_size_t len, const char *want)
{
    return strlen(want) == len && memcmp(name, want, len) == 0;
}
