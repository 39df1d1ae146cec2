/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of conversations, read: a conversation at a time, each looked at as a
 * whole before any of it is kept. Pure, any thread.
 */
#include "chat_route_format.h"

#include <string.h>

#include <apr_strings.h>

static const char *check_size(const chat_route_import_t *import,
                              const chat_route_imported_t *one)
{
    apr_int64_t bytes = 0;
    int i;

    for (i = 0; i < one->messages->nelts; i++) {
        const chat_store_message_t *m =
            &APR_ARRAY_IDX(one->messages, i, chat_store_message_t);

        bytes += strlen(m->parts) + strlen(m->text); /* as the store counts */
    }
    if (one->messages->nelts > import->messages_max)
        return apr_psprintf(import->p, "it has more than %d messages",
                            import->messages_max);
    if (bytes > import->bytes_max)
        return apr_psprintf(
            import->p, "its messages have more than %" APR_INT64_T_FMT " bytes",
            import->bytes_max);
    return NULL;
}

/* What is written when the file does not say it. */
static void complete(chat_route_imported_t *one)
{
    chat_conversation_t *c = &one->c;
    int i;

    for (i = 0; i < one->messages->nelts; i++) {
        chat_store_message_t *m =
            &APR_ARRAY_IDX(one->messages, i, chat_store_message_t);

        m->conversation = c->id;
        if (m->created > c->last_message)
            c->last_message = m->created;
    }
    c->messages = one->messages->nelts;
    c->titled = c->title != NULL;
    if (!c->last_message)
        c->last_message = c->created;
    if (!c->updated)
        c->updated = c->last_message;
    if (!c->metadata)
        c->metadata = "{}";
}

const char *chat_route_format_take(void *ctx, const chat_json_t *item,
                                   apr_pool_t *p)
{
    chat_route_import_t *import = ctx;
    chat_route_imported_t one = {0};
    const char *why;

    one.c.id = chat_route_format_id(import);
    one.messages = apr_array_make(import->p, 8, sizeof(chat_store_message_t));
    if (chat_json_get(item, "mapping"))
        why = chat_route_format_read_chatgpt(import, &one, item, p);
    else if (chat_json_get(item, "messages"))
        why = chat_route_format_read_json(import, &one, item, p);
    else
        why = "it is no conversation: it has neither \"mapping\" nor "
              "\"messages\"";
    if (!why)
        why = check_size(import, &one);
    if (why)
        return apr_pstrdup(import->p, why);
    complete(&one);
    import->messages += one.messages->nelts;
    APR_ARRAY_PUSH(import->list, chat_route_imported_t) = one;
    return NULL;
}
