/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the scanner finds becomes a value of json-c's, without a second reading:
 * each is hung into its container as soon as it is there, so that whatever has
 * been made is reached from the root. Only for the reader.
 */
#ifndef CHAT_JSON_BUILD_H
#define CHAT_JSON_BUILD_H

#include <apr_pools.h>

#include "chat_json_gather.h"

struct json_object;

typedef struct chat_json_build_t {
    struct json_object *root;
    int complete;              /* root is set; for null it is NULL, though */
    struct json_object **open; /* the containers that are not closed */
    int depth;                 /* of them */
    chat_json_gather_t key;    /* of the next member; its NUL is in it */
} chat_json_build_t;

void chat_json_build_init(chat_json_build_t *b, int depth, apr_pool_t *p);
void chat_json_build_free(chat_json_build_t *b);

/* Each 0: no memory. */
int chat_json_build_object(chat_json_build_t *b);
int chat_json_build_array(chat_json_build_t *b);
int chat_json_build_key(chat_json_build_t *b, const char *text, apr_size_t len);
int chat_json_build_string(chat_json_build_t *b, const char *text,
                           apr_size_t len);
int chat_json_build_integer(chat_json_build_t *b, int negative,
                            apr_uint64_t magnitude);
int chat_json_build_double(chat_json_build_t *b, const char *digits);
int chat_json_build_boolean(chat_json_build_t *b, int yes);
int chat_json_build_null(chat_json_build_t *b);

/* The innermost container is complete. */
void chat_json_build_close(chat_json_build_t *b);

#endif
