/* SPDX-License-Identifier: Apache-2.0 */
/* See chat_store_cursor.h. */
#include "chat_store_cursor.h"

#include <stdlib.h>
#include <string.h>

#include <apr_base64.h>
#include <apr_strings.h>

#include "chat_base64.h"
#include "chat_store_chats.h"

/* The longest has two ids and a time. */
#define CURSOR_MAX 160

#define LAST_ID "ffffffff-ffff-ffff-ffff-ffffffffffff"

static int is_time(const char *text)
{
    apr_size_t len = strspn(text, "0123456789");

    return len > 0 && len <= 19 && !text[len];
}

static char *decode(const char *after, apr_pool_t *p)
{
    apr_size_t len = strlen(after), out_len = 0;
    char *out;

    if (len > CURSOR_MAX)
        return NULL;
    out = apr_palloc(p, len + 1);
    if (!chat_base64_decode((unsigned char *)out, &out_len, after, len,
                            CHAT_BASE64_URL))
        return NULL;
    out[out_len] = '\0';
    return strlen(out) == out_len ? out : NULL;
}

int chat_store_cursor_read(chat_store_cursor_t *cursor, const char *list,
                           const char *after, apr_pool_t *p)
{
    char *name, *time, *id;

    cursor->time = APR_INT64_MAX;
    cursor->id = LAST_ID;
    if (!after)
        return 1;
    name = decode(after, p);
    if (!name || !(time = strchr(name, ':')))
        return 0;
    *time++ = '\0';
    id = strchr(time, ':');
    if (!id || strcmp(name, list))
        return 0;
    *id++ = '\0';
    if (!is_time(time) || !chat_store_is_id(id))
        return 0;
    cursor->time = apr_strtoi64(time, NULL, 10);
    cursor->id = id;
    return 1;
}

const char *chat_store_cursor_encode(const void *bytes, apr_size_t len,
                                     apr_pool_t *p)
{
    char *out = apr_palloc(p, (apr_size_t)apr_base64_encode_len((int)len)), *c;

    apr_base64_encode_binary(out, bytes, (int)len);
    for (c = out; *c && *c != '='; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    *c = '\0';
    return out;
}

const char *chat_store_cursor_write(const char *list, apr_int64_t time,
                                    const char *id, apr_pool_t *p)
{
    const char *text =
        apr_psprintf(p, "%s:%" APR_INT64_T_FMT ":%s", list, time, id);

    return chat_store_cursor_encode(text, strlen(text), p);
}
