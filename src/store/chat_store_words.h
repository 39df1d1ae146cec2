/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of a search. What a user wrote is text: no character of it is an
 * operator. Private to store/ and its unit test. Pure.
 */
#ifndef CHAT_STORE_WORDS_H
#define CHAT_STORE_WORDS_H

#include <apr_pools.h>

/*
 * A parameter that asks for all words of text: for SQLite a query of FTS5 among
 * the words of owner, for PostgreSQL the text, which its statement takes apart.
 * start 1: words that begin so. NULL: there is no word in it.
 */
const char *chat_store_words_query(int sqlite, const char *owner,
                                   const char *text, int start, apr_pool_t *p);

/* More are no search, and cost. */
#define CHAT_STORE_WORDS_MAX 32

typedef struct chat_store_word_t {
    const char *text; /* in the text that it was found in */
    apr_size_t len;
} chat_store_word_t;

/* The next word of a text up to end; *ptext moves behind it. 0: there is none.
 */
int chat_store_words_next(const char **ptext, const char *end,
                          chat_store_word_t *word);

/* The characters of a word without case and marks, at most max, and how many;
 * -1: there are more. */
int chat_store_words_fold(unsigned *out, int max,
                          const chat_store_word_t *word);

#endif
