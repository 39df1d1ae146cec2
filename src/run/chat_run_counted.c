/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of usage as JSON. See chat_run_counted.h. Pure, any thread. */
#include "chat_run_counted.h"

#include <string.h>

#include <apr_strings.h>

#define MEMBER "usage"

chat_json_t *chat_run_counted_write(const chat_store_usage_t *row,
                                    apr_pool_t *p)
{
    chat_json_t *o = chat_json_object(p);

    chat_json_add_string(o, "user", row->owner);
    chat_json_add_string(o, "day", row->day);
    chat_json_add_string(o, "model", row->model);
    chat_json_add_string(o, "provider", row->provider);
    chat_json_add_integer(o, "ownKey", row->own_key);
    chat_json_add_integer(o, "requests", row->requests);
    chat_json_add_integer(o, "inputTokens", row->input_tokens);
    chat_json_add_integer(o, "outputTokens", row->output_tokens);
    chat_json_add_integer(o, "cachedTokens", row->cached_tokens);
    chat_json_add_integer(o, "cost", row->cost);
    return o;
}

static const char *text_of(const chat_json_t *o, const char *key)
{
    return chat_json_string(chat_json_get(o, key));
}

static apr_int64_t number_of(const chat_json_t *o, const char *key)
{
    return chat_json_integer(chat_json_get(o, key), -1);
}

int chat_run_counted_read(chat_store_usage_t *row, const chat_json_t *o)
{
    const char *day = text_of(o, "day");

    *row = (chat_store_usage_t){
        .owner = text_of(o, "user"),
        .model = text_of(o, "model"),
        .provider = text_of(o, "provider"),
        .own_key = number_of(o, "ownKey") > 0,
        .requests = number_of(o, "requests"),
        .input_tokens = number_of(o, "inputTokens"),
        .output_tokens = number_of(o, "outputTokens"),
        .cached_tokens = number_of(o, "cachedTokens"),
        .cost = number_of(o, "cost"),
    };
    apr_cpystrn(row->day, day ? day : "", sizeof(row->day));
    return row->owner && row->model && row->provider &&
           strlen(row->day) == sizeof(row->day) - 1 && row->requests >= 0 &&
           row->input_tokens >= 0 && row->output_tokens >= 0 &&
           row->cached_tokens >= 0 && row->cost >= 0;
}

void chat_run_counted_put(chat_json_t *o, const chat_store_usage_t *rows, int n,
                          apr_pool_t *p)
{
    chat_json_t *list = chat_json_array(p);
    int i;

    for (i = 0; i < n; i++)
        chat_json_push(list, chat_run_counted_write(&rows[i], p));
    chat_json_add(o, MEMBER, list);
}

int chat_run_counted_get(chat_store_usage_t **prows, const chat_json_t *o,
                         apr_pool_t *p)
{
    const chat_json_t *list = chat_json_get(o, MEMBER);
    int i, n = 0;

    *prows = apr_pcalloc(p, (chat_json_length(list) + 1) * sizeof(**prows));
    for (i = 0; i < chat_json_length(list); i++)
        n += chat_run_counted_read(&(*prows)[n], chat_json_at(list, i));
    return n;
}
