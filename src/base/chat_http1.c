/* SPDX-License-Identifier: Apache-2.0 */
/* See chat_http1.h: heads, and how the body is framed that follows. */
#include "chat_http1.h"

#include <stdlib.h>
#include <string.h>

#include <apr_lib.h>

#include "chat_http1_body.h"
#include "chat_swar.h"

#define CODED_NOT 0
#define CODED_CHUNKED 1
#define CODED_OTHERWISE 2

void chat_http1_begin(chat_http1_t *h, const chat_http1_cb_t *cb)
{
    memset(h, 0, sizeof(*h));
    h->cb = cb;
    h->phase = CHAT_HTTP1_STATUS;
}

void chat_http1_clear(chat_http1_t *h)
{
    free(h->partial);
    h->partial = NULL;
    h->partial_len = h->partial_size = 0;
}

void chat_http1_bad(chat_http1_t *h, const char *why)
{
    h->phase = CHAT_HTTP1_BAD;
    h->persistent = 0;
    h->why = why;
}

/* ---- lists ---- */

static int is_space(char c)
{
    return c == ' ' || c == '\t';
}

static void trim(const char **ptext, apr_size_t *plen)
{
    while (*plen && is_space(**ptext)) {
        ++*ptext;
        --*plen;
    }
    while (*plen && is_space((*ptext)[*plen - 1]))
        --*plen;
}

/* The next element between commas, without spaces; 0: there is none. */
static int next_element(const char **prest, apr_size_t *prest_len,
                        const char **pelement, apr_size_t *plen)
{
    const char *comma;

    while (*prest_len) {
        comma = memchr(*prest, ',', *prest_len);
        *pelement = *prest;
        *plen = comma ? (apr_size_t)(comma - *prest) : *prest_len;
        *prest_len -= *plen + (comma ? 1 : 0);
        *prest += *plen + (comma ? 1 : 0);
        trim(pelement, plen);
        if (*plen)
            return 1;
    }
    return 0;
}

static int is(const char *text, apr_size_t len, const char *word)
{
    return len == strlen(word) && !strncasecmp(text, word, len);
}

/* ---- fields that say how long the body is ---- */

/* Twice the same is once. */
static void read_length(chat_http1_t *h, const char *value, apr_size_t len)
{
    const char *element;
    apr_size_t n, i;
    int some = 0;

    while (next_element(&value, &len, &element, &n)) {
        apr_uint64_t length = 0;

        for (i = 0; i < n && apr_isdigit(element[i]); i++)
            length = length * 10 + (element[i] - '0');
        if (i < n || n > 18) {
            chat_http1_bad(h, "the upstream's Content-Length is no number");
            return;
        }
        if (h->has_length && h->left != length) {
            chat_http1_bad(h, "the upstream gave two lengths");
            return;
        }
        h->left = length;
        h->has_length = some = 1;
    }
    if (!some)
        chat_http1_bad(h, "the upstream's Content-Length is no number");
}

static void read_coding(chat_http1_t *h, const char *value, apr_size_t len)
{
    const char *element;
    apr_size_t n;

    while (next_element(&value, &len, &element, &n))
        h->coding = h->coding == CODED_NOT && is(element, n, "chunked")
                        ? CODED_CHUNKED
                        : CODED_OTHERWISE;
    if (h->coding == CODED_NOT)
        h->coding = CODED_OTHERWISE;
}

static void read_connection(chat_http1_t *h, const char *value, apr_size_t len)
{
    const char *element;
    apr_size_t n;

    while (next_element(&value, &len, &element, &n)) {
        if (is(element, n, "close"))
            h->persistent = -1;
        else if (is(element, n, "keep-alive") && h->persistent == 0)
            h->persistent = 1;
    }
}

/* ---- lines of a head ---- */

static void read_status(chat_http1_t *h, const char *line, apr_size_t len)
{
    if (len < 12 || memcmp(line, "HTTP/1.", 7) || !apr_isdigit(line[7]) ||
        line[8] != ' ' || line[9] < '1' || line[9] > '9' ||
        !apr_isdigit(line[10]) || !apr_isdigit(line[11]) ||
        (len > 12 && line[12] != ' ')) {
        chat_http1_bad(h, "what the upstream says is not HTTP/1.1");
        return;
    }
    h->minor = line[7] - '0';
    h->status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + line[11] - '0';
    h->persistent = h->minor > 0;
    h->coding = CODED_NOT;
    h->has_length = 0;
    h->left = 0;
    h->phase = CHAT_HTTP1_FIELDS;
    h->cb->status(h->cb->ctx, h->status);
}

/* RFC 9110, 5.6.2. */
static int is_token(const char *text, apr_size_t len)
{
    static const char in_token[256] = {
        ['!'] = 1,         ['#'] = 1,         ['$'] = 1, ['%'] = 1,
        ['&'] = 1,         ['\''] = 1,        ['*'] = 1, ['+'] = 1,
        ['-'] = 1,         ['.'] = 1,         ['^'] = 1, ['_'] = 1,
        ['`'] = 1,         ['|'] = 1,         ['~'] = 1, ['0' ... '9'] = 1,
        ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1,
    };
    apr_size_t i;

    for (i = 0; i < len; i++)
        if (!in_token[(unsigned char)text[i]])
            return 0;
    return len > 0;
}

int chat_http1_is_value(const char *text, apr_size_t len)
{
    apr_uint64_t word;
    apr_size_t i;

    for (i = 0; len - i >= sizeof(word); i += sizeof(word)) {
        word = chat_swar_load(text + i);
        if (chat_swar_below(word, ' ') | chat_swar_equal(word, 127))
            break;
    }
    while (i < len && (text[i] == '\t' || (unsigned char)text[i] >= ' ') &&
           text[i] != 127)
        i++;
    return i == len;
}

/* A line that goes on the one before is refused, as that may be read. */
static void read_field(chat_http1_t *h, const char *line, apr_size_t len)
{
    const char *colon = memchr(line, ':', len), *value;
    apr_size_t name_len, value_len;

    if (!colon || is_space(*line)) {
        chat_http1_bad(h, "a line of the upstream's head is no field");
        return;
    }
    value = colon + 1;
    value_len = len - (value - line);
    trim(&value, &value_len);
    for (name_len = colon - line; name_len && is_space(line[name_len - 1]);)
        name_len--;
    if (!is_token(line, name_len)) {
        chat_http1_bad(h, "a field of the upstream's head has no proper name");
        return;
    }
    if (is(line, name_len, "content-length"))
        read_length(h, value, value_len);
    else if (is(line, name_len, "transfer-encoding"))
        read_coding(h, value, value_len);
    else if (is(line, name_len, "connection"))
        read_connection(h, value, value_len);
    h->cb->field(h->cb->ctx, line, name_len, value, value_len);
}

/* RFC 9112, 6.3. Where both are said, the chunks count, and whoever said so is
 * not believed any further. */
static void frame(chat_http1_t *h)
{
    h->complete = 1;
    h->head = h->line = 0;
    h->persistent = h->persistent > 0;
    if (h->status == 204 || h->status == 304) {
        h->phase = CHAT_HTTP1_END;
        return;
    }
    if (h->coding == CODED_OTHERWISE) {
        chat_http1_bad(h, "the upstream's answer is coded in another way than "
                          "in chunks");
    }
    else if (h->coding == CODED_CHUNKED) {
        if (h->has_length || h->minor == 0)
            h->persistent = 0;
        h->left = 0;
        h->phase = CHAT_HTTP1_SIZE;
    }
    else if (h->has_length) {
        h->phase = h->left ? CHAT_HTTP1_LENGTH : CHAT_HTTP1_END;
    }
    else {
        h->persistent = 0;
        h->phase = CHAT_HTTP1_REST;
    }
}

static void end_head(chat_http1_t *h)
{
    if (h->status == 101)
        chat_http1_bad(h, "the upstream speaks another protocol now");
    else if (h->status < 200)
        h->phase = CHAT_HTTP1_STATUS;
    else
        frame(h);
}

/* Without its end. */
static void read_line(chat_http1_t *h, const char *line, apr_size_t len)
{
    if (len && line[len - 1] == '\r')
        len--;
    if (memchr(line, '\r', len) || memchr(line, '\0', len))
        chat_http1_bad(h, "a line of the upstream's head has an end within");
    else if (h->phase == CHAT_HTTP1_STATUS)
        read_status(h, line, len);
    else if (len)
        read_field(h, line, len);
    else
        end_head(h);
}

/* ---- bytes of a head ---- */

static int keep(chat_http1_t *h, const char *data, apr_size_t len)
{
    if (h->partial_len + len > h->partial_size) {
        apr_size_t size = (h->partial_len + len + 255) * 2;
        char *longer = realloc(h->partial, size);

        if (!longer) {
            chat_http1_bad(h, "out of memory");
            return 0;
        }
        h->partial = longer;
        h->partial_size = size;
    }
    memcpy(h->partial + h->partial_len, data, len);
    h->partial_len += len;
    return 1;
}

/* One line, or what there is of it; how many bytes that was. */
static apr_size_t feed_line(chat_http1_t *h, const char *data, apr_size_t len)
{
    const char *end = memchr(data, '\n', len);
    apr_size_t n = end ? (apr_size_t)(end - data) + 1 : len;

    h->head += n;
    if (h->head > CHAT_HTTP1_HEAD_MAX) {
        chat_http1_bad(h, "the head of the upstream's answer is too long");
        return n;
    }
    if (end && !h->partial_len) {
        read_line(h, data, n - 1);
        return n;
    }
    if (!keep(h, data, end ? n - 1 : n) || !end)
        return n;
    read_line(h, h->partial, h->partial_len);
    h->partial_len = 0;
    return n;
}

apr_size_t chat_http1_feed(chat_http1_t *h, char *data, apr_size_t len,
                           char **pbody)
{
    apr_size_t at = 0;

    *pbody = data;
    h->begun |= len > 0;
    while (at < len &&
           (h->phase == CHAT_HTTP1_STATUS || h->phase == CHAT_HTTP1_FIELDS))
        at += feed_line(h, data + at, len - at);
    if (h->complete && h->partial)
        chat_http1_clear(h);
    return chat_http1_body(h, data + at, len - at, pbody);
}

int chat_http1_closed(chat_http1_t *h)
{
    if (h->phase == CHAT_HTTP1_REST)
        h->phase = CHAT_HTTP1_END;
    h->persistent = 0;
    return h->phase == CHAT_HTTP1_END;
}
