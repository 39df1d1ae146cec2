/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cursors of pages: where a list goes on. Base64url of which list it is, a time
 * and an id, which are those of the last row. A client may make one up: it only
 * leads to rows that it could see anyway. Private to store/. Any
 * thread.
 */
#ifndef CHAT_STORE_CURSOR_H
#define CHAT_STORE_CURSOR_H

#include <apr_pools.h>

typedef struct chat_store_cursor_t {
    apr_int64_t time;
    const char *id;
} chat_store_cursor_t;

/* after NULL: before all rows of a list that begins with the newest. 0: it is
 * no cursor, or one of another list. A list's name has no colon. */
int chat_store_cursor_read(chat_store_cursor_t *cursor, const char *list,
                           const char *after, apr_pool_t *p);

const char *chat_store_cursor_write(const char *list, apr_int64_t time,
                                    const char *id, apr_pool_t *p);

/* Base64url without padding. */
const char *chat_store_cursor_encode(const void *bytes, apr_size_t len,
                                     apr_pool_t *p);

#endif
