/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the chat_json*.c files share: how a chat_json_t relates to json-c.
 * Every value is json-c's own object behind a cast, but for null: json-c
 * has no object for it (it is a NULL pointer, which here means undefined).
 */
#ifndef CHAT_JSON_INT_H
#define CHAT_JSON_INT_H

#include <json-c/json.h>

#include "chat_json.h"

/* json-c's object for v; NULL for null (and for undefined). */
struct json_object *chat_json_raw(const chat_json_t *v);

/* What stands for a value that there was no memory for; and whether v is that,
 * or an array or object that lacks a member or an item for it. */
chat_json_t *chat_json_broken(void);
int chat_json_is_broken(const chat_json_t *v);

/* The value that json-c's object stands for. */
chat_json_t *chat_json_wrap(struct json_object *raw);

/* As chat_json_plain(), past ASCII as well. */
apr_size_t chat_json_unescaped(const char *text, apr_size_t len);

/* strtod(), whatever locale another module has set. */
double chat_json_decimal(const char *text);

#endif
