/* SPDX-License-Identifier: Apache-2.0 */
/* Passing over the long texts of a JSON text that comes in pieces. */
#include "chat_sse_skim.h"

#include <string.h>

/* What is passed over at first, and what is kept in any case. */
#define LONG_FIRST (256 * 1024)
#define LONG_LAST (4 * 1024)

/* Behind the text whose inside data is, or len: where its quote is. */
static apr_size_t find_quote(chat_sse_skim_t *s, const char *data,
                             apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < len; i++) {
        if (s->is_escaped)
            s->is_escaped = 0;
        else if (data[i] == '\\')
            s->is_escaped = 1;
        else if (data[i] == '"')
            break;
    }
    return i;
}

apr_size_t chat_sse_skim_pass(chat_sse_skim_t *s, const char *data,
                              apr_size_t len)
{
    apr_size_t quote = find_quote(s, data, len);

    if (quote == len)
        return len;
    s->passing = 0;
    return quote + 1;
}

static apr_size_t put(char *data, apr_size_t to, const char *from,
                      apr_size_t len)
{
    memmove(data + to, from, len);
    return to + len;
}

/* Without the texts that are longer than s->longest, from which the last may
 * go on. */
static apr_size_t cut_texts(chat_sse_skim_t *s, char *data, apr_size_t len)
{
    static const char passed[] = CHAT_SSE_PASSED;
    apr_size_t at = 0, to = 0;

    while (at < len) {
        const char *quote = memchr(data + at, '"', len - at);
        apr_size_t text = quote ? (apr_size_t)(quote - data) + 1 : len, end;
        int is_open;

        to = put(data, to, data + at, text - at);
        s->is_escaped = 0;
        end = text + find_quote(s, data + text, len - text);
        is_open = end == len;
        if (end - text > s->longest) {
            to = put(data, to, passed, sizeof(passed) - 1);
            s->is_on = 1;
            s->passing = is_open;
        }
        else
            to = put(data, to, data + text, end - text);
        if (!is_open)
            data[to++] = '"';
        at = end + !is_open;
    }
    return to;
}

int chat_sse_skim_compact(chat_sse_skim_t *s, char *data, apr_size_t *plen,
                          apr_size_t most)
{
    if (!s->longest)
        s->longest = LONG_FIRST;
    for (;;) {
        *plen = cut_texts(s, data, *plen);
        if (*plen <= most / 2)
            return 1;
        if (s->longest == LONG_LAST)
            return 0;
        s->longest /= 4;
    }
}
