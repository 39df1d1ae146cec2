/* SPDX-License-Identifier: Apache-2.0 */
/* A text that grows as the pieces of it come. One thread at a time. */
#include "chat_json_gather.h"

#include <stdlib.h>
#include <string.h>

void chat_json_gather_init(chat_json_gather_t *g)
{
    g->text = g->small;
    g->len = 0;
    g->capacity = sizeof(g->small);
}

void chat_json_gather_free(chat_json_gather_t *g)
{
    if (g->text != g->small)
        free(g->text);
    chat_json_gather_init(g);
}

static int grow(chat_json_gather_t *g, apr_size_t least)
{
    apr_size_t capacity = 2 * g->capacity > least ? 2 * g->capacity : least;
    char *text = realloc(g->text == g->small ? NULL : g->text, capacity);

    if (!text)
        return 0;
    if (g->text == g->small)
        memcpy(text, g->small, g->len);
    g->text = text;
    g->capacity = capacity;
    return 1;
}

int chat_json_gather_put(chat_json_gather_t *g, const void *text,
                         apr_size_t len)
{
    if (len > g->capacity - g->len && !grow(g, g->len + len))
        return 0;
    memcpy(g->text + g->len, text, len);
    g->len += len;
    return 1;
}
