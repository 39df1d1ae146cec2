/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dull part of texts, which is most of them: bytes that stand for
 * themselves in a JSON string. Read and written by the eight, wherever they
 * lie. Pure, any thread.
 */
#include "chat_json.h"

#include "chat_json_int.h"
#include "chat_swar.h"

/* Which of the eight bytes at text have to be looked at. */
static apr_uint64_t find(const char *text, int ascii)
{
    apr_uint64_t word = chat_swar_load(text);
    apr_uint64_t found = chat_swar_below(word, 0x20) |
                         chat_swar_equal(word, '"') |
                         chat_swar_equal(word, '\\');

    return ascii ? found | (word & CHAT_SWAR_EACH(0x80)) : found;
}

static int is_plain(unsigned char c, int ascii)
{
    return c >= 0x20 && !(ascii && c >= 0x80) && c != '"' && c != '\\';
}

static inline apr_size_t skip(const char *text, apr_size_t len, int ascii)
{
    apr_uint64_t found;
    apr_size_t n;

    for (n = 0; len - n >= 8; n += 8) {
        found = find(text + n, ascii);
        if (found)
            return n + chat_swar_first(found);
    }
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
