/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of conversations, read: what both formats share. A conversation is
 * looked at as a whole before any of it is kept. Pure, any thread.
 */
#include "chat_route_format.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "chat_crypto.h"

typedef chat_route_node_t node_t;

const char *chat_route_format_id(chat_route_import_t *import)
{
    char uuid[37];

    chat_crypto_uuid7(uuid, apr_time_from_msec(import->now));
    return apr_pstrdup(import->p, uuid);
}

chat_store_message_t *chat_route_format_message(chat_route_import_t *import,
                                                chat_role_e role)
{
    chat_store_message_t *m = apr_pcalloc(import->p, sizeof(*m));

    m->id = chat_route_format_id(import);
    m->role = role;
    m->parts = "[]";
    m->text = "";
    m->input_tokens = m->output_tokens = m->cost = -1;
    return m;
}

/* ---- the tree ---- */

typedef struct tree_t {
    const node_t *nodes;
    int n;
    int *up;            /* of each its parent's place, -1: none */
    char *state;        /* 0: new, 1: on the way, 2: done */
    const char **shown; /* id of it, or of its nearest ancestor with one */
    int *way;
    chat_route_imported_t *one;
} tree_t;

static const char *link_up(tree_t *tree, int *repaired, apr_pool_t *p)
{
    apr_hash_t *places = apr_hash_make(p);
    const int *place;
    int *at = apr_palloc(p, (tree->n + 1) * sizeof(int)), i;

    for (i = 0; i < tree->n; i++) {
        at[i] = i;
        if (apr_hash_get(places, tree->nodes[i].key, APR_HASH_KEY_STRING))
            return "two messages have the same id";
        apr_hash_set(places, tree->nodes[i].key, APR_HASH_KEY_STRING, &at[i]);
    }
    for (i = 0; i < tree->n; i++) {
        const char *parent = tree->nodes[i].parent;

        place =
            parent ? apr_hash_get(places, parent, APR_HASH_KEY_STRING) : NULL;
        tree->up[i] = place ? *place : -1;
        if (parent && !place && !repaired)
            return apr_psprintf(p, "the parent of message %d is missing",
                                i + 1);
        if (parent && !place)
            ++*repaired;
    }
    return NULL;
}

static void emit(tree_t *tree, int i)
{
    chat_store_message_t *m = tree->nodes[i].m;
    const char *above = tree->up[i] < 0 ? NULL : tree->shown[tree->up[i]];

    tree->state[i] = 2;
    tree->shown[i] = m ? m->id : above;
    if (!m)
        return;
    m->parent = above;
    APR_ARRAY_PUSH(tree->one->messages, chat_store_message_t) = *m;
}

/* From a node up to what is done already, and down again. */
static int walk(tree_t *tree, int i)
{
    int n = 0;

    for (; i >= 0 && tree->state[i] != 2; i = tree->up[i]) {
        if (tree->state[i] == 1)
            return 0;
        tree->state[i] = 1;
        tree->way[n++] = i;
    }
    while (n > 0)
        emit(tree, tree->way[--n]);
    return 1;
}

static void find_current(tree_t *tree, const char *current)
{
    const apr_array_header_t *messages = tree->one->messages;
    int i;

    tree->one->c.current = NULL;
    for (i = 0; current && i < tree->n; i++)
        if (!strcmp(tree->nodes[i].key, current))
            tree->one->c.current = tree->shown[i];
    if (!tree->one->c.current && messages->nelts)
        tree->one->c.current =
            APR_ARRAY_IDX(messages, messages->nelts - 1, chat_store_message_t)
                .id;
}

const char *chat_route_format_order(chat_route_imported_t *one,
                                    const node_t *nodes, int n,
                                    const char *current, int *repaired,
                                    apr_pool_t *p)
{
    tree_t tree = {
        .nodes = nodes,
        .n = n,
        .up = apr_palloc(p, (n + 1) * sizeof(int)),
        .state = apr_pcalloc(p, n + 1),
        .shown = apr_pcalloc(p, (n + 1) * sizeof(char *)),
        .way = apr_palloc(p, (n + 1) * sizeof(int)),
        .one = one,
    };
    const char *why = link_up(&tree, repaired, p);
    int i;

    for (i = 0; !why && i < n; i++)
        if (!walk(&tree, i))
            why = apr_psprintf(p, "message %d is its own ancestor", i + 1);
    if (!why)
        find_current(&tree, current);
    return why;
}

/* ---- one conversation ---- */

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
