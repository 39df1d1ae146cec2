/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A long list, read an element at a time. The text is cut where the elements
 * begin and end, which takes no more than to count brackets outside strings;
 * whether each piece is JSON is decided by a reader of its own, and whether the
 * rest is by another one, which sees a 0 for each. Any thread, one at a time.
 */
#include "chat_json.h"

#include <string.h>

#include <apr_strings.h>

#define MEMBER_MAX 32

struct chat_json_items_t {
    const char *member;
    const chat_json_limits_t *limits;
    chat_json_item_fn *take;
    void *ctx;
    apr_pool_t *pool;
    chat_json_reader_t *rest;
    chat_json_reader_t *item; /* of the element at hand, or NULL */
    apr_pool_t *item_pool;
    int in_string, escaped;  /* in the element or in the rest */
    int depth;               /* of the rest */
    int list;                /* depth of the elements' array; 0: not in it */
    int found;               /* it was seen */
    int item_depth;          /* inside the element */
    int count;               /* of elements, that at hand included */
    char name[MEMBER_MAX + 1]; /* the last string of the outermost object */
    apr_size_t name_len;
    apr_status_t status;
    const char *why;
};

chat_json_items_t *chat_json_items_create(const char *member,
                                          const chat_json_limits_t *limits,
                                          chat_json_item_fn *take, void *ctx,
                                          apr_pool_t *p)
{
    chat_json_items_t *items = apr_pcalloc(p, sizeof(*items));

    items->member = member;
    items->limits = limits;
    items->take = take;
    items->ctx = ctx;
    items->pool = p;
    items->rest = chat_json_reader_create(limits, p);
    return items;
}

const char *chat_json_items_why(const chat_json_items_t *items)
{
    return items->why;
}

static apr_status_t fail(chat_json_items_t *items, apr_status_t rv,
                         const char *why)
{
    items->status = rv;
    items->why = apr_psprintf(items->pool, "element %d of the list: %s",
                              items->count, why);
    return rv;
}

static apr_status_t feed_rest(chat_json_items_t *items, const char *data,
                              apr_size_t len)
{
    items->status = chat_json_reader_feed(items->rest, data, len);
    if (items->status != APR_SUCCESS)
        items->why =
            apr_pstrdup(items->pool, chat_json_reader_why(items->rest));
    return items->status;
}

static apr_status_t feed_item(chat_json_items_t *items, const char *data,
                              apr_size_t len)
{
    apr_status_t rv = chat_json_reader_feed(items->item, data, len);

    return rv == APR_SUCCESS
               ? rv
               : fail(items, rv, chat_json_reader_why(items->item));
}

/* ---- an element ---- */

static apr_status_t begin_item(chat_json_items_t *items)
{
    apr_pool_create(&items->item_pool, items->pool);
    items->item = chat_json_reader_create(items->limits, items->item_pool);
    items->item_depth = 0;
    items->count++;
    return feed_rest(items, "0", 1);
}

static apr_status_t end_item(chat_json_items_t *items)
{
    chat_json_t *item;
    apr_status_t rv = chat_json_reader_end(&item, items->item);
    const char *why;

    if (rv != APR_SUCCESS)
        fail(items, rv, chat_json_reader_why(items->item));
    else if ((why = items->take(items->ctx, item, items->item_pool)) != NULL)
        rv = fail(items, APR_EGENERAL, why);
    apr_pool_destroy(items->item_pool);
    items->item = NULL;
    return rv;
}

/* ---- where they are ---- */

/* A string's byte; 1: it was one. */
static int string_byte(chat_json_items_t *items, char c)
{
    if (!items->in_string)
        return 0;
    if (items->escaped)
        items->escaped = 0;
    else if (c == '\\')
        items->escaped = 1;
    else if (c == '"')
        items->in_string = 0;
    if (items->in_string && items->depth == 1 && !items->item &&
        items->name_len < MEMBER_MAX)
        items->name[items->name_len++] = c;
    return 1;
}

/* 1: the element ends with this byte. */
static int item_byte(chat_json_items_t *items, char c)
{
    if (string_byte(items, c))
        return 0;
    if (c == '"')
        items->in_string = 1;
    else if (c == '{' || c == '[')
        items->item_depth++;
    else if (c == '}' || c == ']')
        return --items->item_depth == 0;
    return 0;
}

static int begins_list(const chat_json_items_t *items)
{
    return !items->found &&
           (items->depth == 0 ||
            (items->depth == 1 && items->name_len == strlen(items->member) &&
             !memcmp(items->name, items->member, items->name_len)));
}

/* What stands beside the elements; nothing else may but commas and spaces. */
static apr_status_t list_byte(chat_json_items_t *items, char c)
{
    if (c == ']') {
        items->list = 0;
        items->depth--;
    }
    else if (!strchr(", \t\r\n", c) || !c) {
        items->count++;
        return fail(items, APR_EGENERAL, "it is not an object");
    }
    return APR_SUCCESS;
}

static apr_status_t rest_byte(chat_json_items_t *items, char c)
{
    if (string_byte(items, c))
        return APR_SUCCESS;
    if (items->list)
        return list_byte(items, c);
    if (c == '"') {
        items->in_string = 1;
        if (items->depth == 1)
            items->name_len = 0;
    }
    else if (c == '[' && begins_list(items)) {
        items->list = items->found = 1;
        items->depth++;
    }
    else if (c == '{' || c == '[')
        items->depth++;
    else if (c == '}' || c == ']')
        items->depth--;
    return APR_SUCCESS;
}

apr_status_t chat_json_items_feed(chat_json_items_t *items, const char *data,
                                  apr_size_t len)
{
    const char *from = data, *end = data + len;
    apr_status_t rv = items->status;

    for (; rv == APR_SUCCESS && data < end; data++) {
        if (!items->item && items->list && *data == '{') {
            rv = feed_rest(items, from, data - from);
            if (rv == APR_SUCCESS)
                rv = begin_item(items);
            from = data;
        }
        if (rv != APR_SUCCESS)
            break;
        if (!items->item)
            rv = rest_byte(items, *data);
        else if (item_byte(items, *data)) {
            rv = feed_item(items, from, data + 1 - from);
            if (rv == APR_SUCCESS)
                rv = end_item(items);
            from = data + 1;
        }
    }
    if (rv != APR_SUCCESS)
        return rv;
    return items->item ? feed_item(items, from, end - from)
                       : feed_rest(items, from, end - from);
}

apr_status_t chat_json_items_end(chat_json_t **prest, chat_json_items_t *items)
{
    *prest = NULL;
    if (items->status != APR_SUCCESS)
        return items->status;
    if (items->item)
        return fail(items, APR_EINVAL, "it ends too early");
    items->status = chat_json_reader_end(prest, items->rest);
    if (items->status != APR_SUCCESS)
        items->why = chat_json_reader_why(items->rest);
    return items->status;
}
