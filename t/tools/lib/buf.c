/* SPDX-License-Identifier: Apache-2.0 */
/* The growing buffer and the clock of the test tools. One thread. */
#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void *tool_alloc(size_t n)
{
    void *p = calloc(1, n);

    if (!p) {
        fputs("out of memory\n", stderr);
        exit(70);
    }
    return p;
}

int64_t mono_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

size_t buf_left(const buf_t *b)
{
    return b->len - b->off;
}

char *buf_at(const buf_t *b)
{
    return b->data + b->off;
}

char *buf_room(buf_t *b, size_t n)
{
    if (b->off && b->off == b->len)
        b->off = b->len = 0;
    if (b->len + n + 1 > b->cap) {
        size_t cap = b->cap ? b->cap : 256;
        while (cap < b->len + n + 1)
            cap *= 2;
        b->data = realloc(b->data, cap);
        if (!b->data) {
            fputs("out of memory\n", stderr);
            exit(70);
        }
        b->cap = cap;
    }
    return b->data + b->len;
}

void buf_put(buf_t *b, const void *data, size_t n)
{
    memcpy(buf_room(b, n), data, n);
    b->len += n;
}

void buf_puts(buf_t *b, const char *text)
{
    buf_put(b, text, strlen(text));
}

void buf_printf(buf_t *b, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    va_start(ap, fmt);
    vsnprintf(buf_room(b, n), n + 1, fmt, ap);
    va_end(ap);
    b->len += n;
}

void buf_json(buf_t *b, const char *text, size_t n)
{
    size_t i;

    buf_puts(b, "\"");
    for (i = 0; i < n; i++) {
        unsigned char c = text[i];
        if (c == '"' || c == '\\')
            buf_printf(b, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            buf_printf(b, "\\u%04x", c);
        else
            buf_put(b, &text[i], 1);
    }
    buf_puts(b, "\"");
}

void buf_take(buf_t *b, size_t n)
{
    b->off += n;
    if (b->off == b->len)
        buf_clear(b);
}

/* A large buffer is given back: ten thousand idle ones add up. */
void buf_clear(buf_t *b)
{
    b->off = b->len = 0;
    if (b->cap > 65536)
        buf_free(b);
}

void buf_free(buf_t *b)
{
    free(b->data);
    memset(b, 0, sizeof(*b));
}
