/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A conversation of ChatGPT's export, read. What such files are is known from
 * many of them, not from a page: so what is unknown is passed over, and said in
 * numbers, where nothing is lost but what is not shown there either. System
 * messages and what is hidden are left out, and their children hang on what is
 * above them. Code and its output become blocks, pictures and the like a word
 * in their place. Pure, any thread.
 */
#include "chat_route_format.h"

#include <string.h>

#include <apr_strings.h>

#define NODES_MAX 100000
#define WORD_MAX 128

typedef chat_route_import_t import_t;

static const char *text(const chat_json_t *v, const char *key)
{
    return chat_json_string(chat_json_get(v, key));
}

/* Seconds, with a fraction; there may be none. */
static apr_int64_t instant(const chat_json_t *v, const char *key,
                           apr_int64_t otherwise)
{
    double s = chat_json_number(chat_json_get(v, key));

    return s > 0 && s < 1e11 ? (apr_int64_t)(s * 1000 + 0.5) : otherwise;
}

static const char *short_word(const import_t *import, const char *word)
{
    return word && strlen(word) <= WORD_MAX ? apr_pstrdup(import->p, word)
                                            : NULL;
}

/* ---- what was said ---- */

/* Parts, as they are gathered. */
typedef struct said_t {
    import_t *import;
    apr_pool_t *p;
    chat_json_t *parts;
} said_t;

static void say(said_t *said, const char *words)
{
    chat_json_t *part;

    if (!words || !*words)
        return;
    part = chat_json_object(said->p);
    chat_json_add_string(part, "type", "text");
    chat_json_add_string(part, "text", words);
    chat_json_push(said->parts, part);
}

/* In a fence that is longer than all that is in it. */
static void say_block(said_t *said, const char *language, const char *words)
{
    int run = 0, longest = 2;
    const char *c;
    char *fence;

    if (!words || !*words)
        return;
    for (c = words; *c; c++) {
        run = *c == '`' ? run + 1 : 0;
        if (run > longest)
            longest = run;
    }
    if (longest > 20)
        longest = 20;
    fence = apr_palloc(said->p, longest + 2);
    memset(fence, '`', longest + 1);
    fence[longest + 1] = '\0';
    if (!language || !strcmp(language, "unknown") || strlen(language) > 20 ||
        strpbrk(language, "`\r\n"))
        language = "";
    say(said,
        apr_pstrcat(said->p, fence, language, "\n", words, "\n", fence, NULL));
}

static void say_instead(said_t *said, const char *type)
{
    const char *word = "file";

    if (type && strstr(type, "image"))
        word = "image";
    else if (type && strstr(type, "audio"))
        word = "audio";
    else if (type && strstr(type, "video"))
        word = "video";
    said->import->placeholders++;
    say(said, apr_pstrcat(said->p, "[", word, "]", NULL));
}

static void say_part(said_t *said, const chat_json_t *part)
{
    const char *type = text(part, "content_type");

    if (chat_json_string(part))
        say(said, chat_json_string(part));
    else if (type && !strcmp(type, "audio_transcription"))
        say(said, text(part, "text"));
    else if (chat_json_kind(part) == CHAT_JSON_OBJECT)
        say_instead(said, type);
}

/* 0: of a kind that is not shown there either, as thoughts. */
static int say_content(said_t *said, const chat_json_t *content)
{
    const char *type = text(content, "content_type");
    const chat_json_t *parts = chat_json_get(content, "parts");
    int i;

    if (!type)
        return 0;
    if (!strcmp(type, "code"))
        say_block(said, text(content, "language"), text(content, "text"));
    else if (!strcmp(type, "execution_output"))
        say_block(said, NULL, text(content, "text"));
    else if (!strcmp(type, "text") || !strcmp(type, "multimodal_text"))
        for (i = 0; i < chat_json_length(parts); i++)
            say_part(said, chat_json_at(parts, i));
    else
        return 0;
    return 1;
}

/* ---- a node ---- */

static int is_hidden(const chat_json_t *message, const char *role)
{
    const chat_json_t *hidden = chat_json_path(
        message, "metadata", "is_visually_hidden_from_conversation", NULL);

    return (strcmp(role, "user") && strcmp(role, "assistant") &&
            strcmp(role, "tool")) ||
           chat_json_boolean(hidden) == 1;
}

/* What they have in parts is more than a message of ours may have. */
static const char *keep(said_t *said, chat_store_message_t *m)
{
    chat_json_t *body = chat_json_object(said->p);
    const char *parts, *words;
    chat_err_t err = {0};

    chat_json_add(body, "parts", said->parts);
    if (chat_request_rest_parts(&parts, &words, body, &said->import->bounds,
                                &err, said->p) != APR_SUCCESS)
        return "a message has too many parts";
    m->parts = apr_pstrdup(said->import->p, parts);
    m->text = apr_pstrdup(said->import->p, words);
    return NULL;
}

/* *pm is NULL where it is left out. */
static const char *read_message(chat_store_message_t **pm, import_t *import,
                                const chat_json_t *message, apr_int64_t created,
                                apr_pool_t *p)
{
    const char *role = text(chat_json_get(message, "author"), "role");
    const char *status = text(message, "status");
    said_t said = {import, p, chat_json_array(p)};
    chat_store_message_t *m;

    *pm = NULL;
    if (!role)
        return "a message has no author with a role";
    if (is_hidden(message, role) ||
        !say_content(&said, chat_json_get(message, "content"))) {
        import->left_out++;
        return NULL;
    }
    m = chat_route_format_message(
        import, strcmp(role, "user") ? CHAT_ROLE_ASSISTANT : CHAT_ROLE_USER);
    m->status = !status || !strcmp(status, "finished_successfully")
                    ? CHAT_MESSAGE_COMPLETE
                    : CHAT_MESSAGE_PARTIAL;
    m->model =
        short_word(import, chat_json_string(chat_json_path(
                               message, "metadata", "model_slug", NULL)));
    m->created = instant(message, "create_time", created);
    m->updated = m->created;
    *pm = m;
    return keep(&said, m);
}

static const char *read_node(chat_route_node_t *node, import_t *import,
                             const chat_json_t *v, apr_int64_t created,
                             apr_pool_t *p)
{
    const chat_json_t *message = chat_json_get(v, "message");
    const chat_json_t *parent = chat_json_get(v, "parent");

    node->parent = chat_json_string(parent);
    if (chat_json_kind(v) != CHAT_JSON_OBJECT ||
        (parent && chat_json_kind(parent) != CHAT_JSON_NULL && !node->parent))
        return "a node of its \"mapping\" is not what nodes are";
    if (!message || chat_json_kind(message) == CHAT_JSON_NULL)
        return NULL;
    return read_message(&node->m, import, message, created, p);
}

/* ---- a conversation ---- */

/* Titles there have no limit. */
static const char *cut_title(const import_t *import, const char *title)
{
    char *cut = apr_pstrdup(import->p, title && *title ? title : NULL), *c;
    int n = 0;

    for (c = cut; c && *c; c++)
        if (((unsigned char)*c & 0xc0) != 0x80 && n++ == import->bounds.title) {
            *c = '\0';
            break;
        }
    return cut;
}

static const char *read_mapping(import_t *import, chat_route_imported_t *one,
                                const chat_json_t *item, apr_pool_t *p)
{
    const chat_json_t *mapping = chat_json_get(item, "mapping");
    apr_array_header_t *nodes =
        apr_array_make(p, 16, sizeof(chat_route_node_t));
    const char *key = NULL, *why = NULL;

    if (chat_json_kind(mapping) != CHAT_JSON_OBJECT)
        return "its \"mapping\" is no object";
    while (!why && (key = chat_json_next(mapping, key)) != NULL) {
        chat_route_node_t *node = apr_array_push(nodes);

        *node = (chat_route_node_t){.key = key};
        why = read_node(node, import, chat_json_get(mapping, key),
                        one->c.created, p);
        if (nodes->nelts > NODES_MAX)
            why = "its \"mapping\" has too many nodes";
    }
    if (why)
        return why;
    return chat_route_format_order(one, (chat_route_node_t *)nodes->elts,
                                   nodes->nelts, text(item, "current_node"),
                                   &import->repaired, p);
}

const char *chat_route_format_read_chatgpt(import_t *import,
                                           chat_route_imported_t *one,
                                           const chat_json_t *item,
                                           apr_pool_t *p)
{
    chat_conversation_t *c = &one->c;

    c->title = cut_title(import, text(item, "title"));
    c->model = short_word(import, text(item, "default_model_slug"));
    c->created = instant(item, "create_time", import->now);
    c->last_message = instant(item, "update_time", 0);
    c->archived = chat_json_boolean(chat_json_get(item, "is_archived")) == 1;
    c->pinned = chat_json_boolean(chat_json_get(item, "is_starred")) == 1;
    return read_mapping(import, one, item, p);
}
