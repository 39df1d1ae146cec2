/* SPDX-License-Identifier: Apache-2.0 */
/* Files of conversations, written. Pure, any thread. */
#include "chat_route_format.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "chat_route_view.h"

#define NAME_MAX_BYTES 120

typedef chat_store_message_t message_t;

const char *const chat_route_format_names[] = {"markdown", "json", "chatgpt",
                                               NULL};

/* ---- branches ---- */

apr_array_header_t *chat_route_format_path(const apr_array_header_t *rows,
                                           const char *leaf, apr_pool_t *p)
{
    apr_hash_t *by_id = apr_hash_make(p);
    const message_t *m;
    apr_array_header_t *path;
    int i, depth = 0;

    for (i = 0; i < rows->nelts; i++) {
        m = &APR_ARRAY_IDX(rows, i, message_t);
        apr_hash_set(by_id, m->id, APR_HASH_KEY_STRING, m);
    }
    for (m = apr_hash_get(by_id, leaf, APR_HASH_KEY_STRING);
         m && depth < rows->nelts; depth++)
        m = m->parent ? apr_hash_get(by_id, m->parent, APR_HASH_KEY_STRING)
                      : NULL;
    if (!depth)
        return NULL;
    path = apr_array_make(p, depth, sizeof(const message_t *));
    path->nelts = depth;
    m = apr_hash_get(by_id, leaf, APR_HASH_KEY_STRING);
    for (i = depth - 1; i >= 0; i--) {
        APR_ARRAY_IDX(path, i, const message_t *) = m;
        m = m->parent ? apr_hash_get(by_id, m->parent, APR_HASH_KEY_STRING)
                      : NULL;
    }
    return path;
}

/* Its parts, as JSON. */
static chat_json_t *parts_of(const message_t *m, apr_pool_t *p)
{
    const char *text = m->parts ? m->parts : "[]";
    const chat_json_limits_t limits = {strlen(text), 64, 1000000};
    chat_json_t *parts;

    return chat_json_parse(&parts, text, limits.bytes, &limits, p) ==
                   APR_SUCCESS
               ? parts
               : NULL;
}

static const char *member(const chat_json_t *part, const char *key)
{
    return chat_json_string(chat_json_get(part, key));
}

static int is_type(const chat_json_t *part, const char *type)
{
    const char *is = member(part, "type");

    return is && !strcmp(is, type);
}

/* ---- markdown ---- */

static void put_markdown_part(chat_buf_t *out, const chat_json_t *part)
{
    const char *name = member(part, "name");

    if (is_type(part, "text")) {
        chat_buf_puts(out, member(part, "text"));
        chat_buf_puts(out, "\n\n");
    }
    else if (is_type(part, "file")) {
        chat_buf_puts(out, "[file: ");
        chat_buf_puts(out, name ? name : "without a name");
        chat_buf_puts(out, "]\n\n");
    }
}

static void put_markdown_message(chat_buf_t *out, const message_t *m,
                                 apr_pool_t *p)
{
    const chat_json_t *parts = parts_of(m, p);
    int i;

    if (m->role != CHAT_ROLE_USER && m->role != CHAT_ROLE_ASSISTANT)
        return;
    chat_buf_puts(out, m->role == CHAT_ROLE_USER ? "## User" : "## Assistant");
    if (m->role == CHAT_ROLE_ASSISTANT && m->model) {
        chat_buf_puts(out, " (");
        chat_buf_puts(out, m->model);
        chat_buf_puts(out, ")");
    }
    chat_buf_puts(out, "\n\n");
    for (i = 0; i < chat_json_length(parts); i++)
        put_markdown_part(out, chat_json_at(parts, i));
}

/* A heading is one line. */
static void put_heading(chat_buf_t *out, const char *title, apr_pool_t *p)
{
    char *line = apr_pstrdup(p, title ? title : "Conversation"), *c;

    for (c = line; *c; c++)
        if (*c == '\n' || *c == '\r')
            *c = ' ';
    chat_buf_puts(out, "# ");
    chat_buf_puts(out, line);
    chat_buf_puts(out, "\n\n");
}

static void write_markdown(chat_buf_t *out, const chat_conversation_t *c,
                           const apr_array_header_t *rows, apr_pool_t *p)
{
    const apr_array_header_t *path =
        c->current ? chat_route_format_path(rows, c->current, p) : NULL;
    int i;

    put_heading(out, c->title, p);
    for (i = 0; path && i < path->nelts; i++)
        put_markdown_message(out, APR_ARRAY_IDX(path, i, const message_t *), p);
}

/* ---- json ---- */

static void write_json(chat_buf_t *out, const chat_conversation_t *c,
                       const apr_array_header_t *rows, const char *more,
                       apr_pool_t *p)
{
    int i;

    chat_buf_puts(out, "{");
    chat_route_view_kept(out, c, p);
    chat_route_view_json(out, "messages", "[");
    for (i = 0; i < rows->nelts; i++) {
        chat_route_view_comma(out, i);
        chat_route_view_message(out, &APR_ARRAY_IDX(rows, i, message_t), p);
    }
    chat_buf_puts(out, "]");
    chat_buf_puts(out, more ? more : "");
    chat_buf_puts(out, "}");
}

/* ---- chatgpt ---- */

/* Seconds, with what there is of a fraction. */
static void put_seconds(chat_buf_t *out, const char *name, apr_int64_t ms,
                        apr_pool_t *p)
{
    chat_route_view_json(out, name,
                         apr_psprintf(p, "%" APR_INT64_T_FMT ".%03d", ms / 1000,
                                      (int)(ms % 1000)));
}

/* Nothing is said there of what tools were asked and gave. */
static int is_shown(const message_t *m)
{
    return m->role == CHAT_ROLE_USER || m->role == CHAT_ROLE_ASSISTANT;
}

static void put_texts(chat_buf_t *out, const message_t *m, apr_pool_t *p)
{
    const chat_json_t *parts = parts_of(m, p), *part;
    int i, n = 0;

    chat_route_view_json(out, "parts", "[");
    for (i = 0; i < chat_json_length(parts); i++) {
        part = chat_json_at(parts, i);
        if (is_type(part, "text")) {
            chat_route_view_comma(out, n++);
            chat_buf_quote(out, member(part, "text"));
        }
    }
    chat_buf_puts(out, "]");
}

static void put_chatgpt_message(chat_buf_t *out, const message_t *m,
                                apr_pool_t *p)
{
    chat_route_view_json(out, "message", "{");
    chat_route_view_string(out, "id", m->id);
    chat_route_view_json(out, "author",
                         m->role == CHAT_ROLE_USER
                             ? "{\"role\":\"user\",\"name\":null,"
                               "\"metadata\":{}}"
                             : "{\"role\":\"assistant\",\"name\":null,"
                               "\"metadata\":{}}");
    put_seconds(out, "create_time", m->created, p);
    chat_route_view_json(out, "update_time", NULL);
    chat_route_view_json(out, "content", "{\"content_type\":\"text\"");
    put_texts(out, m, p);
    chat_buf_puts(out, "}");
    chat_route_view_string(out, "status",
                           m->status == CHAT_MESSAGE_COMPLETE
                               ? "finished_successfully"
                               : "finished_partial_completion");
    chat_route_view_json(out, "metadata", "{");
    if (m->model)
        chat_route_view_string(out, "model_slug", m->model);
    chat_buf_puts(out, "},\"recipient\":\"all\"}");
}

#define ROOT "client-created-root"

/* The nearest ancestor that is shown; ROOT. */
static const char *shown_parent(apr_hash_t *by_id, const message_t *m)
{
    while (m->parent) {
        m = apr_hash_get(by_id, m->parent, APR_HASH_KEY_STRING);
        if (!m)
            break;
        if (is_shown(m))
            return m->id;
    }
    return ROOT;
}

static void put_node(chat_buf_t *out, const char *id, const message_t *m,
                     const char *parent, const apr_array_header_t *children,
                     apr_pool_t *p)
{
    int i;

    chat_route_view_json(out, id, "{");
    chat_route_view_string(out, "id", id);
    if (m)
        put_chatgpt_message(out, m, p);
    else
        chat_route_view_json(out, "message", NULL);
    chat_route_view_string(out, "parent", parent);
    chat_route_view_json(out, "children", "[");
    for (i = 0; children && i < children->nelts; i++) {
        chat_route_view_comma(out, i);
        chat_buf_quote(out, APR_ARRAY_IDX(children, i, const char *));
    }
    chat_buf_puts(out, "]}");
}

static void add_child(apr_hash_t *children, const char *parent, const char *id,
                      apr_pool_t *p)
{
    apr_array_header_t *list =
        apr_hash_get(children, parent, APR_HASH_KEY_STRING);

    if (!list) {
        list = apr_array_make(p, 2, sizeof(const char *));
        apr_hash_set(children, parent, APR_HASH_KEY_STRING, list);
    }
    APR_ARRAY_PUSH(list, const char *) = id;
}

static const char *put_mapping(chat_buf_t *out, const chat_conversation_t *c,
                               const apr_array_header_t *rows, apr_pool_t *p)
{
    apr_hash_t *by_id = apr_hash_make(p), *children = apr_hash_make(p);
    const message_t *m;
    int i;

    for (i = 0; i < rows->nelts; i++) {
        m = &APR_ARRAY_IDX(rows, i, message_t);
        apr_hash_set(by_id, m->id, APR_HASH_KEY_STRING, m);
        if (is_shown(m))
            add_child(children, shown_parent(by_id, m), m->id, p);
    }
    put_node(out, ROOT, NULL, NULL,
             apr_hash_get(children, ROOT, APR_HASH_KEY_STRING), p);
    for (i = 0; i < rows->nelts; i++) {
        m = &APR_ARRAY_IDX(rows, i, message_t);
        if (is_shown(m))
            put_node(out, m->id, m, shown_parent(by_id, m),
                     apr_hash_get(children, m->id, APR_HASH_KEY_STRING), p);
    }
    m = c->current ? apr_hash_get(by_id, c->current, APR_HASH_KEY_STRING)
                   : NULL;
    return !m ? ROOT : is_shown(m) ? m->id : shown_parent(by_id, m);
}

static void write_chatgpt(chat_buf_t *out, const chat_conversation_t *c,
                          const apr_array_header_t *rows, apr_pool_t *p)
{
    const char *current;

    chat_buf_puts(out, "{");
    chat_route_view_string(out, "title", c->title);
    put_seconds(out, "create_time", c->created, p);
    put_seconds(out, "update_time", c->last_message, p);
    chat_route_view_json(out, "mapping", "{");
    current = put_mapping(out, c, rows, p);
    chat_buf_puts(out, "}");
    chat_route_view_string(out, "current_node", current);
    chat_route_view_string(out, "conversation_id", c->id);
    chat_route_view_string(out, "id", c->id);
    chat_route_view_string(out, "default_model_slug", c->model);
    chat_route_view_boolean(out, "is_archived", c->archived);
    chat_route_view_boolean(out, "is_starred", c->pinned);
    chat_buf_puts(out, "}");
}

/* ---- a file ---- */

void chat_route_format_write(chat_buf_t *out, chat_route_format_e format,
                             const chat_conversation_t *c,
                             const apr_array_header_t *rows, const char *more,
                             apr_pool_t *p)
{
    if (format == CHAT_ROUTE_MARKDOWN)
        write_markdown(out, c, rows, p);
    else if (format == CHAT_ROUTE_JSON)
        write_json(out, c, rows, more, p);
    else
        write_chatgpt(out, c, rows, p);
}

void chat_route_format_open(chat_buf_t *out, chat_route_format_e format,
                            apr_int64_t exported, const char *more,
                            apr_pool_t *p)
{
    if (format == CHAT_ROUTE_CHATGPT)
        chat_buf_puts(out, "[");
    if (format != CHAT_ROUTE_JSON)
        return;
    chat_buf_puts(out, "{\"version\":1");
    chat_route_view_at(out, "exportedAt", exported, p);
    chat_buf_puts(out, more ? more : "");
    chat_route_view_json(out, "conversations", "[");
}

void chat_route_format_between(chat_buf_t *out, chat_route_format_e format)
{
    chat_buf_puts(out, format == CHAT_ROUTE_MARKDOWN ? "---\n\n" : ",");
}

void chat_route_format_close(chat_buf_t *out, chat_route_format_e format)
{
    if (format == CHAT_ROUTE_JSON)
        chat_buf_puts(out, "]}");
    else if (format == CHAT_ROUTE_CHATGPT)
        chat_buf_puts(out, "]");
}

/* ---- its name ---- */

/* What may stand in a quoted string, and in no path. */
static const char *plain_name(const char *title, apr_pool_t *p)
{
    char *name = apr_pstrdup(p, title), *to = name;

    for (; *title; title++)
        if (((unsigned char)*title & 0xc0) != 0x80) /* once a character */
            *to++ = (unsigned char)*title < 0x80 &&
                            (apr_isalnum(*title) || strchr(" ._-", *title))
                        ? *title
                        : '_';
    *to = '\0';
    return name;
}

/* As RFC 8187 has it. */
static const char *encoded_name(const char *title, apr_pool_t *p)
{
    char *name = apr_palloc(p, 3 * strlen(title) + 1), *to = name;

    for (; *title; title++) {
        unsigned char c = *title == '/' || *title == '\\' ? '_' : *title;

        if (c < 0x80 && (apr_isalnum(c) || strchr("._-", c)))
            *to++ = c;
        else
            to += apr_snprintf(to, 4, "%%%02X", c < ' ' ? '_' : c);
    }
    *to = '\0';
    return name;
}

const char *chat_route_format_disposition(const char *title,
                                          chat_route_format_e format,
                                          apr_pool_t *p)
{
    const char *ending = format == CHAT_ROUTE_MARKDOWN ? ".md" : ".json";
    char *cut = apr_pstrdup(p, title && *title ? title : "conversation");
    apr_size_t len = strlen(cut);

    if (len > NAME_MAX_BYTES) {
        len = NAME_MAX_BYTES;
        while (((unsigned char)cut[len] & 0xc0) == 0x80)
            len--;
        cut[len] = '\0';
    }
    return apr_pstrcat(p, "attachment; filename=\"", plain_name(cut, p), ending,
                       "\"; filename*=UTF-8''", encoded_name(cut, p), ending,
                       NULL);
}
