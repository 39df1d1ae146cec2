/* SPDX-License-Identifier: Apache-2.0 */
/* Threads and items of ChatKit. See chat_route_chatkit_view.h. Pure. */
#include "chat_route_chatkit_view.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_dialect_chatkit.h"
#include "chat_request_chatkit.h"

/* All parts of a message, as they are stored. */
static const chat_json_limits_t limits = {64 * 1024 * 1024, 128, 1000000};

static chat_json_t *parse(const char *text, apr_pool_t *p)
{
    chat_json_t *v = NULL;

    if (!text ||
        chat_json_parse(&v, text, strlen(text), &limits, p) != APR_SUCCESS)
        return NULL;
    return v;
}

static const char *member(const chat_json_t *part, const char *name)
{
    const char *text = chat_json_string(chat_json_get(part, name));

    return text ? text : "";
}

static int is_type(const chat_json_t *part, const char *type)
{
    return !strcmp(member(part, "type"), type);
}

/* ---- what a user said ---- */

static chat_json_t *said_of(const chat_json_t *parts, apr_pool_t *p)
{
    int i;

    for (i = 0; i < chat_json_length(parts); i++)
        if (is_type(chat_json_at(parts, i), "chatkit"))
            return parse(member(chat_json_at(parts, i), "said"), p);
    return NULL;
}

chat_json_t *chat_route_chatkit_view_said(const chat_store_message_t *m,
                                          apr_pool_t *p)
{
    return said_of(parse(m->parts, p), p);
}

/* A member that is there and not null. */
static void copy(chat_json_t *to, const chat_json_t *from, const char *name)
{
    chat_json_t *v = chat_json_get(from, name);

    if (v && chat_json_kind(v) != CHAT_JSON_NULL)
        chat_json_add(to, name, v);
}

static chat_json_t *content_part(const chat_json_t *part, apr_pool_t *p)
{
    chat_json_t *out = chat_json_object(p);

    copy(out, part, "type");
    copy(out, part, "id");
    copy(out, part, "text");
    copy(out, part, "data");
    copy(out, part, "group");
    if (is_type(part, "input_tag"))
        chat_json_add_boolean(
            out, "interactive",
            chat_json_boolean(chat_json_get(part, "interactive")) == 1);
    return out;
}

static chat_json_t *content_of(const chat_json_t *said, apr_pool_t *p)
{
    const chat_json_t *list = chat_json_get(said, "content");
    chat_json_t *content = chat_json_array(p);
    int i;

    for (i = 0; i < chat_json_length(list); i++)
        chat_json_push(content, content_part(chat_json_at(list, i), p));
    return content;
}

/* Of a message that was asked elsewhere, or whose text says all. */
static chat_json_t *plain_content(const char *text, apr_pool_t *p)
{
    chat_json_t *content = chat_json_array(p);
    chat_json_t *part = chat_json_object(p);

    chat_json_add_string(part, "type", "input_text");
    chat_json_add_string(part, "text", text);
    chat_json_push(content, part);
    return content;
}

static chat_json_t *options_of(const chat_json_t *said, apr_pool_t *p)
{
    const chat_json_t *options = chat_json_get(said, "inference_options");
    const chat_json_t *choice = chat_json_get(options, "tool_choice");
    chat_json_t *out = chat_json_object(p), *tool;

    if (chat_json_kind(choice) == CHAT_JSON_OBJECT) {
        tool = chat_json_object(p);
        copy(tool, choice, "id");
        chat_json_add(out, "tool_choice", tool);
    }
    copy(out, options, "model");
    return out;
}

/* An attachment; what is not there any more still has its name. */
static chat_json_t *attachment_of(const chat_json_t *part,
                                  const chat_route_chatkit_look_t *look,
                                  apr_pool_t *p)
{
    chat_json_t *out = chat_json_object(p);
    const char *preview = look->preview(look->ctx, member(part, "uploadId"), p);

    chat_json_add_string(out, "id", member(part, "uploadId"));
    chat_json_add_string(out, "name", member(part, "name"));
    chat_json_add_string(out, "mime_type", member(part, "mediaType"));
    chat_json_add_string(out, "type", preview ? "image" : "file");
    if (preview)
        chat_json_add_string(out, "preview_url", preview);
    return out;
}

static chat_json_t *attachments_of(const chat_json_t *parts,
                                   const chat_route_chatkit_look_t *look,
                                   apr_pool_t *p)
{
    chat_json_t *list = chat_json_array(p);
    int i;

    for (i = 0; look && i < chat_json_length(parts); i++)
        if (is_type(chat_json_at(parts, i), "file"))
            chat_json_push(list,
                           attachment_of(chat_json_at(parts, i), look, p));
    return list;
}

/* What was kept may have been imported: it is told only if it could have been
 * said. */
static const char *user_item(const chat_dialect_chatkit_item_t *item,
                             const chat_store_message_t *m,
                             const chat_json_t *parts,
                             const chat_route_chatkit_look_t *look,
                             apr_pool_t *p)
{
    chat_request_chatkit_message_t message;
    chat_json_t *said = said_of(parts, p), *rest = chat_json_object(p);
    chat_buf_t *out = apr_palloc(p, sizeof(*out));
    const char *text;

    if (said && !chat_request_chatkit_again(&message, said, p))
        said = NULL;
    chat_json_add(rest, "content",
                  said ? content_of(said, p) : plain_content(m->text, p));
    chat_json_add(rest, "attachments", attachments_of(parts, look, p));
    copy(rest, said, "quoted_text");
    chat_json_add(rest, "inference_options", options_of(said, p));
    text = chat_json_text(rest, NULL, p);
    if (!text)
        return NULL;
    chat_buf_init(out, p);
    chat_dialect_chatkit_open(out, item, CHAT_DIALECT_CHATKIT_USER, p);
    chat_buf_puts(out, ",");
    chat_buf_put(out, text + 1, strlen(text)); /* with its NUL */
    return out->data;
}

/* ---- what the assistant said ---- */

/* What the client's tool gave, as JSON; NULL: nothing yet. */
static const char *output_of(const chat_store_message_t *next, const char *call,
                             apr_pool_t *p)
{
    const chat_json_t *parts =
        next && next->role == CHAT_ROLE_TOOL ? parse(next->parts, p) : NULL;
    int i;

    for (i = 0; i < chat_json_length(parts); i++) {
        const chat_json_t *part = chat_json_at(parts, i);
        const char *content = member(part, "content");

        if (!is_type(part, "tool-result") ||
            strcmp(member(part, "callId"), call) != 0)
            continue;
        return parse(content, p) ? content : chat_json_quote(content, p);
    }
    return NULL;
}

static const char *quoted(const chat_json_t *part, apr_size_t *plen,
                          apr_pool_t *p)
{
    const char *text = chat_json_quote(member(part, "text"), p);

    *plen = strlen(text) - 2;
    return text + 1;
}

static const char *answer_item(const chat_dialect_chatkit_item_t *item,
                               chat_dialect_chatkit_kind_e kind,
                               const chat_json_t *part,
                               const chat_store_message_t *next, apr_pool_t *p)
{
    chat_buf_t *out = apr_palloc(p, sizeof(*out));
    const char *text;
    apr_size_t len;

    chat_buf_init(out, p);
    if (kind == CHAT_DIALECT_CHATKIT_CALL) {
        text = member(part, "arguments");
        chat_dialect_chatkit_call(
            out, item, member(part, "callId"), member(part, "name"), text,
            strlen(text), output_of(next, member(part, "callId"), p), p);
    }
    else {
        text = quoted(part, &len, p);
        if (kind == CHAT_DIALECT_CHATKIT_TEXT)
            chat_dialect_chatkit_text(out, item, text, len, p);
        else
            chat_dialect_chatkit_thought(out, item, text, len, p);
    }
    chat_buf_put(out, "", 1);
    return out->data;
}

/* 0: it is no item. Of the calls of an answer that is whole the first is one.
 */
static int kind_of(chat_dialect_chatkit_kind_e *pkind, const chat_json_t *part,
                   const chat_store_message_t *m, int *pcalls)
{
    if (is_type(part, "text") || is_type(part, "refusal"))
        *pkind = CHAT_DIALECT_CHATKIT_TEXT;
    else if (is_type(part, "reasoning"))
        *pkind = CHAT_DIALECT_CHATKIT_WORKFLOW;
    else if (is_type(part, "tool-call") && m->status == CHAT_MESSAGE_COMPLETE &&
             !(*pcalls)++)
        *pkind = CHAT_DIALECT_CHATKIT_CALL;
    else
        return 0;
    return 1;
}

static void push(apr_array_header_t *items, const char *id, int part,
                 const char *json)
{
    const chat_route_chatkit_item_t item = {id, part, json};

    if (json)
        APR_ARRAY_PUSH(items, chat_route_chatkit_item_t) = item;
}

static void answer_items(apr_array_header_t *items,
                         chat_dialect_chatkit_item_t *item,
                         const chat_store_message_t *m,
                         const chat_store_message_t *next,
                         const chat_json_t *parts, apr_pool_t *p)
{
    chat_dialect_chatkit_kind_e kind;
    int calls = 0;

    for (item->part = 0; item->part < chat_json_length(parts); item->part++) {
        const chat_json_t *part = chat_json_at(parts, item->part);

        if (kind_of(&kind, part, m, &calls))
            push(items, chat_dialect_chatkit_id(item, kind, p), item->part,
                 answer_item(item, kind, part, next, p));
    }
}

void chat_route_chatkit_view_items(apr_array_header_t *items,
                                   const chat_store_message_t *m,
                                   const chat_store_message_t *next,
                                   const chat_route_chatkit_look_t *look,
                                   apr_pool_t *p)
{
    chat_dialect_chatkit_item_t item = {
        .thread = chat_dialect_chatkit_thread(m->conversation, p),
        .message = m->id,
        .created = chat_dialect_chatkit_time(m->created, p),
    };
    const chat_json_t *parts = parse(m->parts, p);

    if (m->role == CHAT_ROLE_USER)
        push(items,
             chat_dialect_chatkit_id(&item, CHAT_DIALECT_CHATKIT_USER, p), 0,
             user_item(&item, m, parts, look, p));
    else if (m->role == CHAT_ROLE_ASSISTANT)
        answer_items(items, &item, m, next, parts, p);
}

const char *chat_route_chatkit_view_call(const chat_store_message_t *m,
                                         apr_pool_t *p)
{
    const chat_json_t *parts = parse(m->parts, p);
    int i;

    if (m->role != CHAT_ROLE_ASSISTANT || m->status != CHAT_MESSAGE_COMPLETE)
        return NULL;
    for (i = 0; i < chat_json_length(parts); i++)
        if (is_type(chat_json_at(parts, i), "tool-call"))
            return member(chat_json_at(parts, i), "callId");
    return NULL;
}

/* ---- pages and threads ---- */

void chat_route_chatkit_view_page(chat_buf_t *out,
                                  const apr_array_header_t *items, int more)
{
    int i, n = items ? items->nelts : 0;

    chat_buf_puts(out, "{\"data\":[");
    for (i = 0; i < n; i++) {
        chat_buf_puts(out, i ? "," : "");
        chat_buf_puts(out,
                      APR_ARRAY_IDX(items, i, chat_route_chatkit_item_t).json);
    }
    chat_buf_puts(out, more ? "],\"has_more\":true" : "],\"has_more\":false");
    if (more && n) {
        chat_buf_puts(out, ",\"after\":");
        chat_buf_quote(
            out, APR_ARRAY_IDX(items, n - 1, chat_route_chatkit_item_t).id);
    }
    chat_buf_puts(out, "}");
}

/* An archived conversation takes no more questions. */
#define LOCKED                                                                 \
    ",\"status\":{\"type\":\"locked\",\"reason\":\"This conversation is "      \
    "archived.\"}"

void chat_route_chatkit_view_thread(chat_buf_t *out,
                                    const chat_conversation_t *c,
                                    const apr_array_header_t *items, int more,
                                    apr_pool_t *p)
{
    chat_buf_puts(out, "{");
    if (c->title) {
        chat_buf_puts(out, "\"title\":");
        chat_buf_quote(out, c->title);
        chat_buf_puts(out, ",");
    }
    chat_buf_puts(out, "\"id\":");
    chat_buf_quote(out, chat_dialect_chatkit_thread(c->id, p));
    chat_buf_puts(out, ",\"created_at\":");
    chat_buf_quote(out, chat_dialect_chatkit_time(c->created, p));
    chat_buf_puts(out,
                  c->archived ? LOCKED : ",\"status\":{\"type\":\"active\"}");
    chat_buf_puts(out, ",\"metadata\":{},\"items\":");
    chat_route_chatkit_view_page(out, items, more);
    chat_buf_puts(out, "}");
}
