/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A conversation of our own export, read. It is taken for what it says: where
 * it says something else than we would have written, it is refused. Pure, any
 * thread.
 */
#include "chat_route_format.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_route_view.h"

#define WORD_MAX 256
#define COST_UNITS 1e10 /* of a dollar */

typedef chat_route_import_t import_t;

/* Where it is, for a sentence. */
typedef struct place_t {
    import_t *import;
    apr_pool_t *p;
    int message; /* from 1; 0: the conversation itself */
    const char *why;
} place_t;

static void refuse(place_t *at, const char *key, const char *what)
{
    if (at->why)
        return;
    at->why = at->message ? apr_psprintf(at->p, "\"%s\" of message %d %s", key,
                                         at->message, what)
                          : apr_psprintf(at->p, "its \"%s\" %s", key, what);
}

/* ---- members ---- */

static const char *word(place_t *at, const chat_json_t *v, const char *key,
                        apr_size_t max)
{
    const chat_json_t *member = chat_json_get(v, key);
    const char *text = chat_json_string(member);

    if (member && chat_json_kind(member) != CHAT_JSON_NULL && !text)
        refuse(at, key, "is neither a string nor null");
    if (text && strlen(text) > max)
        refuse(at, key, "is too long");
    return text ? apr_pstrdup(at->import->p, text) : NULL;
}

static apr_int64_t instant(place_t *at, const chat_json_t *v, const char *key,
                           apr_int64_t otherwise)
{
    const char *text = word(at, v, key, WORD_MAX);
    apr_int64_t ms = text ? chat_request_rest_time(text) : otherwise;

    if (ms < 0)
        refuse(at, key, "is no time as 2026-11-28T12:34:56.789Z");
    return ms;
}

static int flag(place_t *at, const chat_json_t *v, const char *key)
{
    const chat_json_t *member = chat_json_get(v, key);

    if (member && chat_json_boolean(member) < 0)
        refuse(at, key, "is neither true nor false");
    return chat_json_boolean(member) == 1;
}

static int one_of(place_t *at, const chat_json_t *v, const char *key,
                  const char *const *words)
{
    const char *text = chat_json_string(chat_json_get(v, key));
    int i;

    for (i = 0; text && words[i]; i++)
        if (!strcmp(text, words[i]))
            return i;
    refuse(at, key, "is none of the words that it can be");
    return 0;
}

static apr_int64_t count(place_t *at, const chat_json_t *v, const char *key)
{
    const chat_json_t *member = chat_json_get(v, key);
    apr_int64_t n = chat_json_integer(member, -1);

    if (member && chat_json_kind(member) != CHAT_JSON_NULL && n < 0)
        refuse(at, key, "is no count");
    return n;
}

/* ---- a message ---- */

static void read_usage(place_t *at, chat_store_message_t *m,
                       const chat_json_t *v)
{
    double cost = chat_json_number(chat_json_get(v, "costUsd"));

    m->input_tokens = count(at, v, "inputTokens");
    m->output_tokens = count(at, v, "outputTokens");
    if (cost >= 0 && cost < 1e6)
        m->cost = (apr_int64_t)(cost * COST_UNITS + 0.5);
}

static void read_parts(place_t *at, chat_store_message_t *m,
                       const chat_json_t *v)
{
    const char *parts, *text;
    chat_err_t err = {0};

    if (chat_request_rest_parts(&parts, &text, v, &at->import->bounds, &err,
                                at->p) != APR_SUCCESS) {
        refuse(at, "parts", "are not what parts are");
        return;
    }
    m->parts = apr_pstrdup(at->import->p, parts);
    m->text = apr_pstrdup(at->import->p, text);
}

static void read_feedback(place_t *at, chat_store_message_t *m,
                          const chat_json_t *v)
{
    static const char *const kinds[] = {"positive", "negative", NULL};

    if (chat_json_kind(v) != CHAT_JSON_OBJECT)
        return;
    m->feedback = kinds[one_of(at, v, "kind", kinds)];
    m->feedback_reason = word(at, v, "reason", 4 * WORD_MAX);
}

static chat_store_message_t *read_message(place_t *at, const chat_json_t *v)
{
    chat_store_message_t *m = chat_route_format_message(
        at->import, one_of(at, v, "role", chat_route_view_roles));

    m->status = one_of(at, v, "status", chat_route_view_statuses);
    if (m->status == CHAT_MESSAGE_STREAMING) /* nobody goes on with it */
        m->status = CHAT_MESSAGE_PARTIAL;
    read_parts(at, m, v);
    m->model = word(at, v, "model", WORD_MAX);
    m->provider = word(at, v, "provider", WORD_MAX);
    m->finish_reason = word(at, v, "finishReason", WORD_MAX);
    read_usage(at, m, chat_json_get(v, "usage"));
    m->error_code = word(at, chat_json_get(v, "error"), "code", WORD_MAX);
    read_feedback(at, m, chat_json_get(v, "feedback"));
    m->created = instant(at, v, "createdAt", at->import->now);
    m->updated = instant(at, v, "updatedAt", m->created);
    return m;
}

static const char *read_messages(place_t *at, chat_route_imported_t *one,
                                 const chat_json_t *item)
{
    const chat_json_t *list = chat_json_get(item, "messages"), *v;
    int i, n = chat_json_length(list);
    chat_route_node_t *nodes;

    if (chat_json_kind(list) != CHAT_JSON_ARRAY)
        return "its \"messages\" are no array";
    if (n > at->import->messages_max)
        return apr_psprintf(at->p, "it has more than %d messages",
                            at->import->messages_max);
    nodes = apr_pcalloc(at->p, (n + 1) * sizeof(*nodes));
    for (i = 0; i < n && !at->why; i++) {
        at->message = i + 1;
        v = chat_json_at(list, i);
        nodes[i].key = word(at, v, "id", WORD_MAX);
        nodes[i].parent = word(at, v, "parentId", WORD_MAX);
        nodes[i].m = read_message(at, v);
        if (!nodes[i].key)
            refuse(at, "id", "is missing");
    }
    if (at->why)
        return at->why;
    return chat_route_format_order(
        one, nodes, n,
        chat_json_string(chat_json_get(item, "currentMessageId")), NULL, at->p);
}

const char *chat_route_format_read_json(import_t *import,
                                        chat_route_imported_t *one,
                                        const chat_json_t *item, apr_pool_t *p)
{
    place_t at = {.import = import, .p = p};
    chat_request_conversation_t said;
    chat_conversation_t *c = &one->c;
    chat_json_t *checked = chat_json_object(p);
    chat_err_t err = {0};

    /* What can be set is held to what setting it would be. */
    chat_json_add(checked, "title", chat_json_get(item, "title"));
    chat_json_add(checked, "model", chat_json_get(item, "model"));
    chat_json_add(checked, "system", chat_json_get(item, "system"));
    chat_json_add(checked, "metadata", chat_json_get(item, "metadata"));
    if (chat_request_rest_conversation(&said, checked, &import->bounds, &err,
                                       p) != APR_SUCCESS)
        return "its title, model, system or metadata is not what it can be";
    c->title = apr_pstrdup(import->p, said.title);
    c->model = apr_pstrdup(import->p, said.model);
    c->system = apr_pstrdup(import->p, said.system);
    c->metadata = apr_pstrdup(import->p, said.metadata);
    c->pinned = flag(&at, item, "pinned");
    c->archived = flag(&at, item, "archived");
    c->created = instant(&at, item, "createdAt", import->now);
    c->updated = instant(&at, item, "updatedAt", 0);
    c->last_message = instant(&at, item, "lastMessageAt", 0);
    return at.why ? at.why : read_messages(&at, one, item);
}
