/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that grow. They come from malloc, not from the pool, so that they can
 * move and be given back while a stream lasts. Every token of an answer goes
 * through the escaping here: it looks at eight bytes at a time.
 */
#include "chat_buf.h"

#include <stdlib.h>
#include <string.h>

#include "chat_swar.h"

/* The first piece holds an event or two; what is kept by clear is as much as
 * one read from an upstream. */
#define ROOM_FIRST 1024
#define ROOM_KEPT (16 * 1024)

static void release(chat_buf_t *buf)
{
    free(buf->data);
    buf->data = NULL;
    buf->len = buf->size = 0;
}

static apr_status_t clean_up(void *data)
{
    release(data);
    return APR_SUCCESS;
}

void chat_buf_init(chat_buf_t *buf, apr_pool_t *p)
{
    buf->data = NULL;
    buf->len = buf->size = 0;
    apr_pool_cleanup_register(p, buf, clean_up, apr_pool_cleanup_null);
}

void chat_buf_clear(chat_buf_t *buf)
{
    if (buf->size > ROOM_KEPT)
        release(buf);
    buf->len = 0;
}

/* Not inlined: it is rare, and what it needs would weigh on every put. */
static __attribute__((noinline)) void grow(chat_buf_t *buf, apr_size_t more)
{
    apr_size_t need = buf->len + more;
    apr_size_t size = buf->size ? buf->size * 2 : ROOM_FIRST;

    if (need < more)
        abort();
    if (size < need)
        size = need;
    buf->data = realloc(buf->data, size);
    if (!buf->data)
        abort();
    buf->size = size;
}

static char *extend(chat_buf_t *buf, apr_size_t len)
{
    if (buf->size - buf->len < len)
        grow(buf, len);
    return buf->data + buf->len;
}

void chat_buf_put(chat_buf_t *buf, const char *data, apr_size_t len)
{
    if (!len)
        return;
    memcpy(extend(buf, len), data, len);
    buf->len += len;
}

void chat_buf_puts(chat_buf_t *buf, const char *text)
{
    chat_buf_put(buf, text, strlen(text));
}

void chat_buf_integer(chat_buf_t *buf, apr_int64_t n)
{
    char digits[20], *at = digits + sizeof(digits);
    apr_uint64_t rest = n < 0 ? 0 - (apr_uint64_t)n : (apr_uint64_t)n;

    do {
        *--at = '0' + rest % 10;
        rest /= 10;
    } while (rest);
    if (n < 0)
        *--at = '-';
    chat_buf_put(buf, at, digits + sizeof(digits) - at);
}

/* ---- escaping ---- */

static inline int is_clean(const char *text)
{
    apr_uint64_t word = chat_swar_load(text);

    return !(chat_swar_below(word, 0x20) | chat_swar_equal(word, '"') |
             chat_swar_equal(word, '\\'));
}

/* How many bytes from here on need no escape. */
static inline apr_size_t clean_run(const char *text, apr_size_t len)
{
    apr_size_t n = 0;

    while (len - n >= sizeof(apr_uint64_t) && is_clean(text + n))
        n += sizeof(apr_uint64_t);
    while (n < len && (unsigned char)text[n] >= 0x20 && text[n] != '"' &&
           text[n] != '\\')
        n++;
    return n;
}

static void put_escape(chat_buf_t *buf, unsigned char c)
{
    /* The letter behind the backslash; 'u' is followed by the number. */
    static const char letters[] = "uuuuuuuubtnufruuuuuuuuuuuuuuuuuu";
    static const char hex[] = "0123456789abcdef";
    char code[6] = {'\\', c, '0', '0', hex[c >> 4 & 15], hex[c & 15]};

    if (c < 0x20)
        code[1] = letters[c];
    chat_buf_put(buf, code, code[1] == 'u' ? 6 : 2);
}

void chat_buf_escape(chat_buf_t *buf, const char *text, apr_size_t len)
{
    while (len) {
        apr_size_t run = clean_run(text, len);

        chat_buf_put(buf, text, run);
        if (run == len)
            return;
        put_escape(buf, text[run]);
        text += run + 1;
        len -= run + 1;
    }
}

void chat_buf_quote(chat_buf_t *buf, const char *text)
{
    chat_buf_put(buf, "\"", 1);
    chat_buf_escape(buf, text, strlen(text));
    chat_buf_put(buf, "\"", 1);
}
