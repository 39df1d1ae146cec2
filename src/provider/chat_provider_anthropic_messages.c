/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anthropic: the messages of a turn, and its tools, in the blocks of the
 * Messages API. Pure, any thread.
 */
#include "chat_provider_anthropic_int.h"

#include <string.h>

#include <apr_strings.h>

#define LONGEST_ID 64

static chat_json_t *add_block(chat_json_t *blocks, const char *type,
                              apr_pool_t *p)
{
    chat_json_t *block = chat_json_object(p);

    chat_json_add_string(block, "type", type);
    chat_json_push(blocks, block);
    return block;
}

/* One without a word in it is refused: leaving it out changes nothing. part is
 * where it came from, or NULL. */
static void add_text(chat_json_t *blocks, const char *text,
                     const chat_json_t *part, apr_pool_t *p)
{
    chat_json_t *block;

    if (!text || chat_provider_call_blank(text))
        return;
    block = add_block(blocks, "text", p);
    chat_json_add_string(block, "text", text);
    chat_json_add(block, "cache_control", chat_json_get(part, "cache_control"));
}

chat_json_t *chat_provider_anthropic_system(const chat_turn_t *turn,
                                            const char *system, apr_pool_t *p)
{
    chat_json_t *blocks = chat_json_array(p);
    int i, k, found = 0;

    add_text(blocks, turn->system, NULL, p);
    for (i = 0; i < turn->nmessages; i++) {
        const chat_message_t *m = &turn->messages[i];

        if (m->role != CHAT_ROLE_SYSTEM)
            continue;
        if (!m->text_parts)
            add_text(blocks, m->content, NULL, p);
        for (k = 0; k < chat_json_length(m->text_parts); k++) {
            const chat_json_t *part = chat_json_at(m->text_parts, k);

            add_text(blocks, chat_provider_content_text(part), part, p);
            found = 1;
        }
    }
    add_text(blocks, system, NULL, p);
    return found && chat_json_length(blocks) > 0 ? blocks : NULL;
}

/* Bytes of the white space, of any script, that text begins with, or 0. */
static apr_size_t space_at(const char *text)
{
    static const char *const wide[] = {
        "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\xa8",
        "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};
    apr_size_t i;

    if (*text && strchr(" \t\r\n\f\v", *text))
        return 1;
    for (i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
        if (strncmp(text, wide[i], strlen(wide[i])) == 0)
            return strlen(wide[i]);
    }
    /* U+2000 to U+200A */
    return strncmp(text, "\xe2\x80", 2) == 0 && (text[2] & 0xff) >= 0x80 &&
                   (text[2] & 0xff) <= 0x8a
               ? 3
               : 0;
}

/* What the assistant is to go on from must not end with white space. */
static const char *trim(const char *text, apr_pool_t *p)
{
    const char *at = text, *end = text;

    while (at && *at) {
        apr_size_t len = space_at(at);

        at += len ? len : 1;
        if (!len)
            end = at;
    }
    return at != end ? apr_pstrmemdup(p, text, end - text) : text;
}

static int is_image_type(const char *type)
{
    static const char *const types[] = {"image/jpeg", "image/png", "image/gif",
                                        "image/webp"};
    apr_size_t i;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(type, types[i]) == 0)
            return 1;
    }
    return 0;
}

static chat_json_t *add_image(chat_json_t *blocks, const char *type,
                              const chat_image_t *image,
                              const chat_json_t *part, apr_pool_t *p)
{
    chat_json_t *source = chat_json_object(p);
    chat_json_t *block = add_block(blocks, type, p);

    chat_json_add_string(source, "type", image->url ? "url" : "base64");
    chat_json_add_string(source, "url", image->url);
    chat_json_add_string(source, "media_type", image->type);
    chat_json_add_string(source, "data", image->data);
    chat_json_add(block, "source", source);
    chat_json_add(block, "cache_control", chat_json_get(part, "cache_control"));
    return block;
}

static apr_status_t add_parts(chat_json_t *blocks, const chat_json_t *parts,
                              chat_err_t *err, apr_pool_t *p)
{
    int i;

    for (i = 0; i < chat_json_length(parts); i++) {
        const chat_json_t *part = chat_json_at(parts, i);
        const char *text = chat_provider_content_text(part), *name;
        chat_image_t image;

        if (text)
            add_text(blocks, text, part, p);
        else if (chat_provider_content_image(&image, part, p) &&
                 (image.url || is_image_type(image.type)))
            add_image(blocks, "image", &image, part, p);
        else if (chat_provider_content_document(&image, &name, part, p))
            chat_json_add_string(add_image(blocks, "document", &image, part, p),
                                 "title", name);
        else
            return chat_provider_call_refuse(
                err,
                "This provider takes parts of the types text, image_url and "
                "file alone: an image with an https: URL, or a data: URL "
                "of a JPEG, PNG, GIF or WebP image in base64, a file as a "
                "data: URL of a PDF.");
    }
    return APR_SUCCESS;
}

static apr_status_t add_call(chat_json_t *blocks, const chat_tool_call_t *call,
                             chat_err_t *err, apr_pool_t *p)
{
    chat_json_t *input = chat_provider_content_arguments(call, p);
    chat_json_t *block;

    if (!input)
        return chat_provider_call_refuse(
            err, "This provider wants the arguments of a call of a tool "
                 "to be a JSON object.");
    block = add_block(blocks, "tool_use", p);
    chat_json_add_string(block, "id",
                         chat_provider_call_id(call->id, "", LONGEST_ID, p));
    chat_json_add_string(block, "name", call->name);
    chat_json_add(block, "input", input);
    return APR_SUCCESS;
}

/* Its own thoughts, signed or encrypted; others it would refuse. */
static void add_thought(chat_json_t *blocks, const chat_detail_t *w,
                        apr_pool_t *p)
{
    chat_json_t *signature = chat_json_get(w->json, "signature");
    chat_json_t *data = chat_json_get(w->json, "data"), *block;
    const char *text = chat_json_string(chat_json_get(w->json, "text"));

    if (strcmp(w->type, "reasoning.encrypted") == 0 && chat_json_string(data)) {
        block = add_block(blocks, "redacted_thinking", p);
        chat_json_add(block, "data", data);
    }
    if (strcmp(w->type, "reasoning.text") == 0 && chat_json_string(signature)) {
        block = add_block(blocks, "thinking", p);
        chat_json_add_string(block, "thinking", text ? text : "");
        chat_json_add(block, "signature", signature);
    }
}

/* Of a message of the assistant: all but parts that say more than text. */
static apr_status_t add_said(chat_json_t *blocks, const chat_message_t *m,
                             chat_err_t *err, apr_pool_t *p)
{
    apr_status_t rv = APR_SUCCESS;
    chat_detail_e next;
    chat_detail_t w;

    chat_provider_detail_begin(&w, m, "anthropic");
    while (rv == APR_SUCCESS &&
           (next = chat_provider_detail_next(&w, p)) != CHAT_DETAIL_END) {
        if (next == CHAT_DETAIL_TEXT)
            add_text(blocks, w.text, NULL, p);
        else if (next == CHAT_DETAIL_CALL)
            rv = add_call(blocks, w.call, err, p);
        else
            add_thought(blocks, &w, p);
    }
    return rv;
}

/* The same, where its parts say more: they come behind the thoughts. */
static apr_status_t add_said_parts(chat_json_t *blocks, const chat_message_t *m,
                                   chat_err_t *err, apr_pool_t *p)
{
    chat_message_t rest = *m, thoughts = *m;
    apr_status_t rv;

    thoughts.content = rest.content = NULL;
    thoughts.ncalls = 0;
    rest.details = NULL;
    rv = add_said(blocks, &thoughts, err, p);
    if (rv == APR_SUCCESS)
        rv = add_parts(blocks, m->parts ? m->parts : m->text_parts, err, p);
    return rv == APR_SUCCESS ? add_said(blocks, &rest, err, p) : rv;
}

static apr_status_t add_result(chat_json_t *blocks, const chat_message_t *m,
                               chat_err_t *err, apr_pool_t *p)
{
    chat_json_t *block = add_block(blocks, "tool_result", p), *content;
    apr_status_t rv;

    chat_json_add_string(block, "tool_use_id",
                         chat_provider_call_id(m->call_id, "", LONGEST_ID, p));
    if (!m->parts && !m->text_parts) {
        if (m->content && !chat_provider_call_blank(m->content))
            chat_json_add_string(block, "content", m->content);
        return APR_SUCCESS;
    }
    content = chat_json_array(p);
    rv = add_parts(content, m->parts ? m->parts : m->text_parts, err, p);
    if (chat_json_length(content) > 0)
        chat_json_add(block, "content", content);
    return rv;
}

/* ---- messages ---- */

/* Its blocks, unless its text says it all, which is shorter. */
static apr_status_t add_message(chat_json_t *list, const chat_message_t *m,
                                chat_err_t *err, apr_pool_t *p)
{
    const char *role = m->role == CHAT_ROLE_USER ? "user" : "assistant";
    chat_json_t *blocks, *message;
    apr_status_t rv;

    if (!m->parts && !m->ncalls && !m->text_parts &&
        !chat_provider_detail_is_any(m, "anthropic")) {
        if (m->content && !chat_provider_call_blank(m->content))
            chat_json_push(list,
                           chat_provider_content_message(role, m->content, p));
        return APR_SUCCESS;
    }
    blocks = chat_json_array(p);
    rv = m->parts || m->text_parts ? add_said_parts(blocks, m, err, p)
                                   : add_said(blocks, m, err, p);
    if (rv != APR_SUCCESS || chat_json_length(blocks) == 0)
        return rv;
    message = chat_json_object(p);
    chat_json_add_string(message, "role", role);
    chat_json_add(message, "content", blocks);
    chat_json_push(list, message);
    return APR_SUCCESS;
}

/* What several calls gave must stand in one message, as blocks: *presults,
 * NULL before the first. */
static apr_status_t add_to_results(chat_json_t *list, chat_json_t **presults,
                                   const chat_message_t *m, chat_err_t *err,
                                   apr_pool_t *p)
{
    if (!*presults) {
        chat_json_t *message = chat_json_object(p);

        *presults = chat_json_array(p);
        chat_json_add_string(message, "role", "user");
        chat_json_add(message, "content", *presults);
        chat_json_push(list, message);
    }
    return add_result(*presults, m, err, p);
}

apr_status_t chat_provider_anthropic_messages(chat_json_t *list,
                                              const chat_turn_t *turn,
                                              chat_err_t *err, apr_pool_t *p)
{
    chat_json_t *results = NULL;
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; rv == APR_SUCCESS && i < turn->nmessages; i++) {
        const chat_message_t *m = &turn->messages[i];

        if (m->role == CHAT_ROLE_SYSTEM)
            continue;
        if (m->role == CHAT_ROLE_TOOL)
            rv = add_to_results(list, &results, m, err, p);
        else {
            chat_message_t last = *m;

            results = NULL;
            if (i == turn->nmessages - 1 && m->role == CHAT_ROLE_ASSISTANT) {
                last.content = trim(m->content, p);
                last.text_parts = NULL;
            }
            rv = add_message(list, &last, err, p);
        }
    }
    return rv;
}

/* ---- tools ---- */

/* Whatever the client says, unless it is to bind. */
static chat_json_t *make_schema(const chat_tool_t *tool, apr_pool_t *p)
{
    chat_json_t *schema = chat_provider_call_parameters(tool, p);

    return tool->strict == 1 ? chat_provider_anthropic_schema(schema, p)
                             : schema;
}

static chat_json_t *make_tools(const chat_turn_t *turn, apr_pool_t *p)
{
    chat_json_t *list = chat_json_array(p);
    int i;

    for (i = 0; i < turn->ntools; i++) {
        const chat_tool_t *t = &turn->tools[i];
        chat_json_t *tool = chat_json_object(p);

        chat_json_add_string(tool, "name", t->name);
        chat_json_add_string(tool, "description", t->description);
        chat_json_add(tool, "input_schema", make_schema(t, p));
        if (t->strict == 1)
            chat_json_add_boolean(tool, "strict", 1);
        chat_json_add(tool, "cache_control", t->cache_control);
        chat_json_push(list, tool);
    }
    return list;
}

void chat_provider_anthropic_messages_tools(chat_json_t *body,
                                            const chat_turn_t *turn,
                                            apr_pool_t *p)
{
    static const char *const types[] = {
        [CHAT_CHOICE_UNSAID] = "auto", [CHAT_CHOICE_AUTO] = "auto",
        [CHAT_CHOICE_NONE] = "none",   [CHAT_CHOICE_REQUIRED] = "any",
        [CHAT_CHOICE_TOOL] = "tool",
    };
    int one = turn->parallel == 0 && turn->choice != CHAT_CHOICE_NONE;
    chat_json_t *choice;

    if (turn->ntools == 0)
        return;
    chat_json_add(body, "tools", make_tools(turn, p));
    if (turn->choice == CHAT_CHOICE_UNSAID && !one)
        return;
    choice = chat_json_object(p);
    chat_json_add_string(choice, "type", types[turn->choice]);
    if (turn->choice == CHAT_CHOICE_TOOL)
        chat_json_add_string(choice, "name", turn->choice_name);
    if (one)
        chat_json_add_boolean(choice, "disable_parallel_tool_use", 1);
    chat_json_add(body, "tool_choice", choice);
}
