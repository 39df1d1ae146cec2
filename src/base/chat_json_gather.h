/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text that grows as the pieces of it come. Unlike chat_buf_t it begins
 * without an allocation, and tells when there is no memory: what a client sends
 * must not end the process. One thread at a time.
 */
#ifndef CHAT_JSON_GATHER_H
#define CHAT_JSON_GATHER_H

#include <apr.h>

typedef struct chat_json_gather_t {
    char *text; /* capacity bytes, len of them in use */
    apr_size_t len, capacity;
    char small[120]; /* where it is while it fits */
} chat_json_gather_t;

void chat_json_gather_init(chat_json_gather_t *g);
/* 0: no memory. */
int chat_json_gather_put(chat_json_gather_t *g, const void *text,
                         apr_size_t len);
void chat_json_gather_free(chat_json_gather_t *g);

#endif
