/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a text is, and whether it is a word: for every reader of requests.
 * Pure, any thread.
 */
#include <string.h>

#include <apr_lib.h>

#include "chat_request_int.h"

/* How many of a word's bytes have their lowest bit set; no other bit may be. */
static int sum_bytes(apr_uint64_t bytes)
{
    return bytes * 0x0101010101010101 >> 56;
}

/* Eight bytes at once: of each, its top bits say what it is in UTF-8. */
void chat_request_count(const char *text, apr_int64_t *points,
                        apr_int64_t *units)
{
    static const apr_uint64_t lowest = 0x0101010101010101;
    apr_size_t len = strlen(text);
    apr_int64_t tails = 0, pairs = 0;
    apr_size_t i;

    for (i = 0; i < len; i += 8) {
        apr_uint64_t w = 0;

        memcpy(&w, text + i, len - i < 8 ? len - i : 8);
        tails += sum_bytes(w >> 7 & ~(w >> 6) & lowest);
        pairs += sum_bytes(w >> 7 & w >> 6 & w >> 5 & w >> 4 & lowest);
    }
    *points = len - tails;
    *units = *points + pairs;
}

apr_int64_t chat_request_length(const char *text,
                                const chat_request_clamps_t *clamps)
{
    apr_int64_t points, units;

    chat_request_count(text, &points, &units);
    return clamps->count_utf16 ? units : points;
}

int chat_request_longest(const chat_request_clamps_t *clamps, chat_role_e role)
{
    int answers = role == CHAT_ROLE_ASSISTANT || role == CHAT_ROLE_TOOL;

    return answers && clamps->answer_length ? clamps->answer_length
                                            : clamps->message_length;
}

static int is_alnum(char c)
{
    return apr_isascii(c) && apr_isalnum(c);
}

int chat_request_is_word(const char *text, apr_size_t max, const char *more)
{
    apr_size_t i;

    for (i = 0; text[i]; i++)
        if (i == max || (!is_alnum(text[i]) && !strchr(more, text[i])))
            return 0;
    return i > 0;
}
