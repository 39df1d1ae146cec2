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

#endif
