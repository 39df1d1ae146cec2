/* SPDX-License-Identifier: Apache-2.0 */
/* See chat_store_words.h. */
#include "chat_store_words.h"

#include <stdlib.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "chat_crypto.h"

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

int chat_store_words_next(const char **ptext, const char *end,
                          chat_store_word_t *word)
{
    const char *text = *ptext;
    apr_size_t len;

    word->text = NULL;
    for (; text < end && *text; text += len) {
        len = char_len(text);
        if (is_word(text, len))
            word->text = word->text ? word->text : text;
        else if (word->text)
            break;
    }
    word->len = word->text ? (apr_size_t)(text - word->text) : 0;
    *ptext = text;
    return word->text != NULL;
}

/* ---- the same word, written otherwise ---- */

typedef struct fold_t {
    unsigned first, last, to, step;
} fold_t;

#define FOLD(first, last, to, step) {first, last, to, step},
static const fold_t folds[] = {
#include "chat_store_fold_list.h"
};
#undef FOLD

static int before(const void *key, const void *elem)
{
    unsigned c = *(const unsigned *)key;
    const fold_t *fold = elem;

    return c < fold->first ? -1 : c > fold->last;
}

/* 0: a mark alone, which is left out. */
static unsigned fold_char(unsigned c)
{
    const fold_t *fold;

    if (c < 0x80)
        return (unsigned)apr_tolower(c);
    if (c >= 0x300 && c < 0x370)
        return 0;
    fold = bsearch(&c, folds, sizeof(folds) / sizeof(folds[0]), sizeof(fold_t),
                   before);
    if (!fold)
        return c;
    if (fold->step == 2)
        return (c - fold->first) % 2 ? c : c + 1;
    return fold->to + fold->step * (c - fold->first);
}

static unsigned decode(const char *text, apr_size_t len)
{
    static const unsigned char masks[] = {0x7f, 0x7f, 0x1f, 0x0f, 0x07};
    unsigned c = (unsigned char)*text & masks[len < 5 ? len : 0];
    apr_size_t i;

    for (i = 1; i < len; i++)
        c = c << 6 | ((unsigned char)text[i] & 0x3f);
    return c;
}

int chat_store_words_fold(unsigned *out, int max, const chat_store_word_t *word)
{
    apr_size_t at, len;
    int n = 0;

    for (at = 0; at < word->len; at += len) {
        unsigned c;

        len = char_len(word->text + at);
        c = fold_char(decode(word->text + at, len));
        if (c && n == max)
            return -1;
        if (c)
            out[n++] = c;
    }
    return n;
}

/* ---- a query ---- */

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
    const char *between = start ? "\"* AND \"" : "\" AND \"";
    const char *all = NULL, *rest = text, *end = text + strlen(text);
    chat_store_word_t word;
    int n;

    for (n = 0;
         n < CHAT_STORE_WORDS_MAX && chat_store_words_next(&rest, end, &word);
         n++)
        all = apr_pstrcat(p, all ? all : "", all ? between : "",
                          apr_pstrmemdup(p, word.text, word.len), NULL);
    if (!all)
        return NULL;
    if (!sqlite)
        return text;
    return apr_psprintf(p, "owner : \"%s\" AND body : (\"%s\"%s)",
                        hex(owner, p), all, start ? "*" : "");
}
