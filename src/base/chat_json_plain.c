/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dull part of texts, which is most of them: bytes that stand for
 * themselves in a JSON string. Read and written by the eight, wherever they
 * lie. Pure, any thread.
 */
#include "chat_json.h"

#include <string.h>

#include "chat_json_int.h"

#define EACH(byte) ((byte) * (apr_uint64_t)0x0101010101010101)

/*
 * The top bits of bytes below n, as these alone get theirs when n is taken away
 * (but for the bytes behind one, which it borrows from: they may be found, too,
 * and cost a second look).
 */
static apr_uint64_t below(apr_uint64_t word, unsigned int n)
{
    return (word - EACH(n)) & ~word & EACH(0x80);
}

/* Of the eight bytes at text none has to be looked at. */
static int is_dull(const char *text, int ascii)
{
    apr_uint64_t word, found;

    memcpy(&word, text, sizeof(word));
    found = below(word, 0x20) | below(word ^ EACH('"'), 1) |
            below(word ^ EACH('\\'), 1);
    if (ascii)
        found |= word & EACH(0x80);
    return !found;
}

static int is_plain(unsigned char c, int ascii)
{
    return c >= 0x20 && !(ascii && c >= 0x80) && c != '"' && c != '\\';
}

static inline apr_size_t skip(const char *text, apr_size_t len, int ascii)
{
    apr_size_t n = 0;

    while (len - n >= 8 && is_dull(text + n, ascii))
        n += 8;
    while (n < len && is_plain(text[n], ascii))
        n++;
    return n;
}

apr_size_t chat_json_plain(const char *text, apr_size_t len)
{
    return skip(text, len, 1);
}

apr_size_t chat_json_unescaped(const char *text, apr_size_t len)
{
    return skip(text, len, 0);
}
