/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the words of a search (the first line) and as a text: no byte of
 * the words is an operator of FTS5, and what is marked lies in the snippet. */
#include "fuzz.h"

#include <ctype.h>
#include <string.h>

#include "../../src/store/chat_store_snippet.h"
#include "../../src/store/chat_store_words.h"

#define BEFORE "owner : \"6164612231\" AND body : ("

/* "w1" AND "w2"*) and so on; a word has no ASCII but letters and digits. */
static void check_query(const char *query, int start)
{
    MUST(strncmp(query, BEFORE, strlen(BEFORE)) == 0);
    query += strlen(BEFORE);
    for (;;) {
        MUST(*query++ == '"');
        MUST(*query != '"');
        for (; *query != '"'; query++)
            MUST((unsigned char)*query >= 0x80 ||
                 isalnum((unsigned char)*query));
        query++;
        MUST(!start || *query++ == '*');
        if (strcmp(query, ")") == 0)
            return;
        MUST(strncmp(query, " AND ", 5) == 0);
        query += 5;
    }
}

static int units(const char *text)
{
    int n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80 ? 1 : 0,
            n += (unsigned char)*text >= 0xf0;
    return n;
}

static void check_ranges(const char *snippet, const apr_array_header_t *ranges)
{
    int i, last = 0;

    MUST(ranges->nelts % 2 == 0);
    for (i = 0; i < ranges->nelts; i += 2) {
        int start = APR_ARRAY_IDX(ranges, i, int);
        int end = APR_ARRAY_IDX(ranges, i + 1, int);

        MUST(start >= last);
        MUST(end >= start);
        last = end;
    }
    MUST(last <= units(snippet));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    char *q = malloc(size + 1), *text;
    apr_array_header_t *ranges;
    const char *query;
    int start;

    memcpy(q, data, size);
    q[size] = '\0';
    text = strchr(q, '\n');
    if (text)
        *text++ = '\0';
    for (start = 0; start < 2; start++) {
        query = chat_store_words_query(1, "ada\"1", q, start, p);
        if (query)
            check_query(query, start);
    }
    query = chat_store_snippet(&ranges, text ? text : q, q, p);
    check_ranges(query, ranges);
    free(q);
    apr_pool_destroy(p);
    return 0;
}
