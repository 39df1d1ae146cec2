/* SPDX-License-Identifier: Apache-2.0 */
/* See chat_store_words.h. */
#include "chat_store_words.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include "chat_crypto.h"

/* More are no search, and cost. */
#define WORDS_MAX 32

/* The bytes of a character, as far as they are there. */
static apr_size_t char_len(const char *text)
{
    apr_size_t len = 1;

    while (((unsigned char)text[len] & 0xc0) == 0x80)
        len++;
    return len;
}

/* A letter or digit of ASCII. Beyond, all but signs of U+00A0 to U+00BF, of
 * U+2000 to U+206F and of U+3000 to U+303F: databases know better, and split
 * what is in quotes again. */
static int is_word(const char *text, apr_size_t len)
{
    unsigned char c = (unsigned char)*text;

    if (c < 0x80)
        return apr_isalnum(c);
    if (len == 2 && c == 0xc2)
        return 0;
    if (len == 3 && c == 0xe2 &&
        ((unsigned char)text[1] == 0x80 || (unsigned char)text[1] == 0x81))
        return 0;
    return !(len == 3 && c == 0xe3 && (unsigned char)text[1] == 0x80);
}

static apr_array_header_t *split(const char *text, apr_pool_t *p)
{
    apr_array_header_t *words = apr_array_make(p, 4, sizeof(const char *));
    const char *start = NULL;
    apr_size_t len;

    for (; *text && words->nelts < WORDS_MAX; text += len) {
        len = char_len(text);
        if (is_word(text, len)) {
            start = start ? start : text;
        }
        else if (start) {
            APR_ARRAY_PUSH(words, const char *) =
                apr_pstrmemdup(p, start, (apr_size_t)(text - start));
            start = NULL;
        }
    }
    if (start && words->nelts < WORDS_MAX)
        APR_ARRAY_PUSH(words, const char *) =
            apr_pstrmemdup(p, start, (apr_size_t)(text - start));
    return words;
}

static char *hex(const char *text, apr_pool_t *p)
{
    apr_size_t len = strlen(text);
    char *out = apr_palloc(p, 2 * len + 1);

    chat_crypto_hex(out, text, len);
    return out;
}

const char *chat_store_words_query(int sqlite, const char *owner,
                                   const char *text, int start, apr_pool_t *p)
{
    apr_array_header_t *words = split(text, p);
    const char *between = start ? "\"* AND \"" : "\" AND \"";
    const char *all = NULL;
    int i;

    if (!words->nelts)
        return NULL;
    if (!sqlite)
        return text;
    for (i = 0; i < words->nelts; i++)
        all = apr_pstrcat(p, all ? all : "", all ? between : "",
                          APR_ARRAY_IDX(words, i, const char *), NULL);
    return apr_psprintf(p, "owner : \"%s\" AND body : (\"%s\"%s)",
                        hex(owner, p), all, start ? "*" : "");
}
