/* SPDX-License-Identifier: Apache-2.0 */
/* Some text around the words that were looked for. The same for both databases,
 * whatever their own functions would give. Private to store/ and its unit test.
 * Pure. */
#ifndef CHAT_STORE_SNIPPET_H
#define CHAT_STORE_SNIPPET_H

#include <apr_pools.h>
#include <apr_tables.h>

/* At most some 160 characters of text, from before the first of the words of q
 * on. *pranges: int pairs, start and end of each of the words in it, in UTF-16
 * units. None of the words is there: the beginning, and no ranges. */
const char *chat_store_snippet(apr_array_header_t **pranges, const char *text,
                               const char *q, apr_pool_t *p);

#endif
