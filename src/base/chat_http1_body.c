/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies of answers of HTTP/1.1: of a length, of chunks, or all that comes.
 * Chunks are strict: every line ends with CR LF, and no line feed alone ends
 * anything, for of that there are two opinions.
 */
#include "chat_http1_body.h"

#include <string.h>

#define SIZE_MAX_SHIFTED (APR_UINT64_MAX >> 8)

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A byte of the line that has the size of a chunk, or of one of the trailers;
 * 0: there were too many. */
static int count_line(chat_http1_t *h)
{
    if (++h->line <= CHAT_HTTP1_CHUNK_LINE_MAX)
        return 1;
    chat_http1_bad(h, "the size of a chunk of the upstream's is too long");
    return 0;
}

static void read_size(chat_http1_t *h, char c)
{
    int digit = digit_of(c);

    if (!count_line(h))
        return;
    if (digit >= 0 && h->left <= SIZE_MAX_SHIFTED)
        h->left = h->left * 16 + digit;
    else if (digit >= 0 || h->line == 1)
        chat_http1_bad(h, "the size of a chunk of the upstream's is no number");
    else if (c == '\r')
        h->phase = CHAT_HTTP1_SIZE_LF;
    else if (c == ';' || c == ' ' || c == '\t')
        h->phase = CHAT_HTTP1_EXTENSION;
    else
        chat_http1_bad(h, "the size of a chunk of the upstream's is no number");
}

static void read_extension(chat_http1_t *h, char c)
{
    if (!count_line(h))
        return;
    if (c == '\r')
        h->phase = CHAT_HTTP1_SIZE_LF;
    else if (c == '\n' || !c)
        chat_http1_bad(h, "the line of a chunk of the upstream's ends wrongly");
}

static void expect(chat_http1_t *h, char c, char wanted,
                   chat_http1_phase_e next)
{
    if (c != wanted)
        chat_http1_bad(h, "a chunk of the upstream's ends wrongly");
    else
        h->phase = next;
}

/* Of trailers nothing is read but where they end. */
static void read_trailer(chat_http1_t *h, char c)
{
    if (++h->head > CHAT_HTTP1_TRAILERS_MAX) {
        chat_http1_bad(h, "more than 64 KiB of headers after the answer");
        return;
    }
    if (h->phase == CHAT_HTTP1_TRAILER && c == '\r')
        h->phase = CHAT_HTTP1_LAST_LF;
    else if (c == '\r')
        h->phase = CHAT_HTTP1_TRAILER_LF;
    else if (c == '\n')
        chat_http1_bad(h, "a header after the answer ends wrongly");
    else
        h->phase = CHAT_HTTP1_TRAILER_LINE;
}

/* A byte of the framing. */
static void read_byte(chat_http1_t *h, char c)
{
    switch (h->phase) {
    case CHAT_HTTP1_SIZE:
        read_size(h, c);
        break;
    case CHAT_HTTP1_EXTENSION:
        read_extension(h, c);
        break;
    case CHAT_HTTP1_SIZE_LF:
        expect(h, c, '\n', h->left ? CHAT_HTTP1_CHUNK : CHAT_HTTP1_TRAILER);
        h->line = 0;
        break;
    case CHAT_HTTP1_CHUNK_CR:
        expect(h, c, '\r', CHAT_HTTP1_CHUNK_LF);
        break;
    case CHAT_HTTP1_CHUNK_LF:
        expect(h, c, '\n', CHAT_HTTP1_SIZE);
        break;
    case CHAT_HTTP1_TRAILER_LF:
        h->head++;
        expect(h, c, '\n', CHAT_HTTP1_TRAILER);
        break;
    case CHAT_HTTP1_LAST_LF:
        expect(h, c, '\n', CHAT_HTTP1_END);
        break;
    default:
        read_trailer(h, c);
        break;
    }
}

/* Bytes of the body at data; how many they are. */
static apr_size_t take(chat_http1_t *h, apr_size_t len)
{
    if (h->phase == CHAT_HTTP1_REST)
        return len;
    if (len > h->left)
        len = (apr_size_t)h->left;
    h->left -= len;
    if (!h->left)
        h->phase = h->phase == CHAT_HTTP1_LENGTH ? CHAT_HTTP1_END
                                                 : CHAT_HTTP1_CHUNK_CR;
    return len;
}

apr_size_t chat_http1_body(chat_http1_t *h, char *data, apr_size_t len,
                           char **pbody)
{
    char *at = data, *end = data + len;
    apr_size_t found = 0, n;

    while (at < end && h->phase < CHAT_HTTP1_END) {
        if (h->phase != CHAT_HTTP1_LENGTH && h->phase != CHAT_HTTP1_REST &&
            h->phase != CHAT_HTTP1_CHUNK) {
            read_byte(h, *at++);
            continue;
        }
        n = take(h, end - at);
        if (!found)
            *pbody = at;
        else if (*pbody + found != at)
            memmove(*pbody + found, at, n);
        found += n;
        at += n;
    }
    if (at < end)
        h->persistent = 0;
    return found;
}
