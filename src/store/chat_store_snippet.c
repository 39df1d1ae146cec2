/* SPDX-License-Identifier: Apache-2.0 */
/* See chat_store_snippet.h. */
#include "chat_store_snippet.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_store_words.h"

/* Characters. */
#define BEFORE 40
#define LENGTH 160

#define WORD_MAX 64
#define RANGES_MAX 32

#define ELLIPSIS "\xe2\x80\xa6"

typedef struct wanted_t {
    unsigned chars[WORD_MAX];
    int n;
} wanted_t;

typedef struct words_t {
    wanted_t wanted[CHAT_STORE_WORDS_MAX];
    int n;
} words_t;

static void read_words(words_t *words, const char *q)
{
    const char *end = q + strlen(q);
    chat_store_word_t word;

    words->n = 0;
    while (words->n < CHAT_STORE_WORDS_MAX &&
           chat_store_words_next(&q, end, &word)) {
        wanted_t *wanted = &words->wanted[words->n];

        wanted->n = chat_store_words_fold(wanted->chars, WORD_MAX, &word);
        words->n += wanted->n > 0;
    }
}

static int is_wanted(const words_t *words, const chat_store_word_t *word)
{
    unsigned chars[WORD_MAX];
    int i, n = chat_store_words_fold(chars, WORD_MAX, word);

    for (i = 0; n > 0 && i < words->n; i++) {
        if (words->wanted[i].n == n && !memcmp(words->wanted[i].chars, chars,
                                               (apr_size_t)n * sizeof(*chars)))
            return 1;
    }
    return 0;
}

static int is_middle(const char *text)
{
    return ((unsigned char)*text & 0xc0) == 0x80;
}

/* So many characters back, and on to where a word begins. */
static const char *back(const char *text, const char *at)
{
    const char *start = at;
    int n;

    for (n = 0; start > text && n < BEFORE; n++) {
        do
            start--;
        while (start > text && is_middle(start));
    }
    if (start == text)
        return text;
    while (start < at && (unsigned char)start[-1] > ' ')
        start++;
    return start;
}

/* So many characters on, and back to where a word ends. */
static const char *forward(const char *start)
{
    const char *end = start, *cut;
    int n;

    for (n = 0; *end && n < LENGTH; n++) {
        do
            end++;
        while (is_middle(end));
    }
    if (!*end)
        return end;
    for (cut = end; cut > start + (end - start) / 2; cut--) {
        if ((unsigned char)*cut <= ' ')
            return cut;
    }
    return end;
}

/* UTF-16 units of text: two for what takes four bytes. */
static int units(const char *text, const char *end)
{
    int n = 0;

    for (; text < end; text++)
        n += !is_middle(text) + ((unsigned char)*text >= 0xf0);
    return n;
}

static void mark(apr_array_header_t *ranges, const words_t *words,
                 const char *start, const char *end, int before)
{
    const char *rest = start, *counted = start;
    chat_store_word_t word;
    int at = before;

    while (ranges->nelts < 2 * RANGES_MAX &&
           chat_store_words_next(&rest, end, &word)) {
        if (!is_wanted(words, &word))
            continue;
        at += units(counted, word.text);
        APR_ARRAY_PUSH(ranges, int) = at;
        at += units(word.text, word.text + word.len);
        APR_ARRAY_PUSH(ranges, int) = at;
        counted = word.text + word.len;
    }
}

static const char *find(const words_t *words, const char *text)
{
    const char *rest = text, *end = text + strlen(text);
    chat_store_word_t word;

    while (chat_store_words_next(&rest, end, &word)) {
        if (is_wanted(words, &word))
            return word.text;
    }
    return text;
}

const char *chat_store_snippet(apr_array_header_t **pranges, const char *text,
                               const char *q, apr_pool_t *p)
{
    const char *start, *end;
    char *snippet, *c;
    words_t words;

    read_words(&words, q);
    start = back(text, find(&words, text));
    end = forward(start);
    snippet = apr_pstrcat(p, start > text ? ELLIPSIS : "",
                          apr_pstrmemdup(p, start, (apr_size_t)(end - start)),
                          *end ? ELLIPSIS : "", NULL);
    for (c = snippet; *c; c++)
        *c = (unsigned char)*c < ' ' ? ' ' : *c;
    *pranges = apr_array_make(p, 4, sizeof(int));
    mark(*pranges, &words, start, end, start > text);
    return snippet;
}
