/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer with a read position, and the clock, for the test
 * tools. Out of memory ends the tool.
 */
#ifndef TOOLS_BUF_H
#define TOOLS_BUF_H

#include <stddef.h>
#include <stdint.h>

typedef struct buf_t {
    char *data;
    size_t off; /* taken so far */
    size_t len; /* end of what is there; data[len] may be written as NUL */
    size_t cap;
} buf_t;

size_t buf_left(const buf_t *b);
char *buf_at(const buf_t *b);
/* Room for n more bytes, and where they go. */
char *buf_room(buf_t *b, size_t n);
void buf_put(buf_t *b, const void *data, size_t n);
void buf_puts(buf_t *b, const char *text);
void buf_printf(buf_t *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A JSON string, quotes included; bytes outside ASCII pass as they are. */
void buf_json(buf_t *b, const char *text, size_t n);
void buf_take(buf_t *b, size_t n);
void buf_clear(buf_t *b);
void buf_free(buf_t *b);

void *tool_alloc(size_t n);
int64_t mono_ns(void);

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

#endif
