/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that grow, for text that is made again and again while a stream lasts:
 * a pool would keep every piece. APR only, no httpd. A buffer belongs to one
 * thread at a time.
 */
#ifndef CHAT_BUF_H
#define CHAT_BUF_H

#include <apr_pools.h>

typedef struct chat_buf_t {
    char *data; /* NULL until something was put; not NUL-terminated */
    apr_size_t len;
    apr_size_t size; /* private */
} chat_buf_t;

/* An empty one, whose bytes are freed with p: buf stays where it is until then.
 * Out of memory aborts, as it does everywhere in httpd. */
void chat_buf_init(chat_buf_t *buf, apr_pool_t *p);

/* Forget the bytes, keep a little memory for the next. */
void chat_buf_clear(chat_buf_t *buf);

void chat_buf_put(chat_buf_t *buf, const char *data, apr_size_t len);
void chat_buf_puts(chat_buf_t *buf, const char *text);
void chat_buf_integer(chat_buf_t *buf, apr_int64_t n);

/* The text as it stands inside the quotes of a JSON string: '"', '\\' and the
 * control characters escaped. UTF-8 stays as it is. */
void chat_buf_escape(chat_buf_t *buf, const char *text, apr_size_t len);

/* A JSON string: the escaped text in quotes. */
void chat_buf_quote(chat_buf_t *buf, const char *text);

#endif
