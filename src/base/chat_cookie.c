/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cookies as better-call's parseCookies() and JavaScript's
 * decodeURIComponent() read them, quirk for quirk: what the app accepts must
 * be accepted here and nothing else. Used by auth/. Pure: any thread.
 *
 * JavaScript sees a header as ISO-8859-1, so a raw byte above 0x7f is one
 * character; here it becomes that character's two bytes of UTF-8.
 */
#include "chat_cookie.h"

#include <string.h>

/* String.prototype.trim() on ISO-8859-1: 0xa0 is the no-break space. */
static int is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == '\xa0';
}

static void trim(const char **pstart, const char **pend)
{
    while (*pstart < *pend && is_space(**pstart))
        (*pstart)++;
    while (*pend > *pstart && is_space((*pend)[-1]))
        (*pend)--;
}

static char *put_latin1(char *out, unsigned char c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    }
    else {
        *out++ = (char)(0xc0 | (c >> 6));
        *out++ = (char)(0x80 | (c & 0x3f));
    }
    return out;
}

static const char *copy_raw(const char *text, apr_size_t len, apr_pool_t *p)
{
    char *start = apr_palloc(p, 2 * len + 1), *out = start;

    while (len--)
        out = put_latin1(out, (unsigned char)*text++);
    *out = '\0';
    return start;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* The byte of "%XX" at text, or -1. */
static int octet(const char *text, const char *end)
{
    if (end - text < 3 || text[0] != '%' || hex(text[1]) < 0 ||
        hex(text[2]) < 0)
        return -1;
    return hex(text[1]) << 4 | hex(text[2]);
}

/* How many bytes the UTF-8 character that starts with this one has, with the
 * range of its second byte (RFC 3629, the table of section 4); 0: none does. */
static int utf8_len(int lead, int *plow, int *phigh)
{
    *plow = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    *phigh = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf)
        return 2;
    if (lead >= 0xe0 && lead <= 0xef)
        return 3;
    if (lead >= 0xf0 && lead <= 0xf4)
        return 4;
    return 0;
}

/* One percent-encoded character: its bytes go to *pout. 0 when it is none.
 * A NUL is refused too: a C string cannot hold it and no token has one. */
static int put_encoded(char **pout, const char **ptext, const char *end)
{
    int i, low = 0, high = 0, byte = octet(*ptext, end);
    int len = byte > 0 ? utf8_len(byte, &low, &high) : 0;

    for (i = 0; i < len; i++) {
        if (i > 0) {
            byte = octet(*ptext, end);
            if (byte < low || byte > high)
                return 0;
            low = 0x80;
            high = 0xbf;
        }
        *(*pout)++ = (char)byte;
        *ptext += 3;
    }
    return len > 0;
}

const char *chat_cookie_decode(const char *text, apr_size_t len, apr_pool_t *p)
{
    const char *end = text + len;
    char *start = apr_palloc(p, 2 * len + 1), *out = start;

    while (text < end) {
        if (*text != '%')
            out = put_latin1(out, (unsigned char)*text++);
        else if (!put_encoded(&out, &text, end))
            return NULL;
    }
    *out = '\0';
    return start;
}

static const char *read_value(const char *start, const char *end, apr_pool_t *p)
{
    const char *value;

    trim(&start, &end);
    /* slice(1, -1): whatever the last character is. */
    if (start < end && *start == '"') {
        start++;
        if (end > start)
            end--;
    }
    value = chat_cookie_decode(start, (apr_size_t)(end - start), p);
    return value ? value : copy_raw(start, (apr_size_t)(end - start), p);
}

const char *chat_cookie_get(const char *header, const char *name, apr_pool_t *p)
{
    apr_size_t name_len = strlen(name);

    while (*header) {
        const char *end = header + strcspn(header, ";");
        const char *equals = memchr(header, '=', (apr_size_t)(end - header));

        if (equals) {
            const char *start = header, *stop = equals;

            trim(&start, &stop);
            if ((apr_size_t)(stop - start) == name_len &&
                !memcmp(start, name, name_len))
                return read_value(equals + 1, end, p);
        }
        header = *end ? end + 1 : end;
    }
    return NULL;
}
