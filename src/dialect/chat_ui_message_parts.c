/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a message that is being built: their members, texts, and data.
 * Pure, whichever thread owns the message.
 */
#include "chat_ui_message_int.h"

#include <string.h>

#include <apr_strings.h>

/* ---- values ---- */

const char *chat_ui_message_value(chat_ui_message_t *m,
                                  const chat_json_t *chunk, const char *key)
{
    const chat_json_t *v = chat_json_get(chunk, key);

    return v ? chat_json_text(v, NULL, m->event) : NULL;
}

const char *chat_ui_message_member(const chat_json_t *chunk, const char *key)
{
    const char *text = chat_json_string(chat_json_get(chunk, key));

    return text ? text : "";
}

/* Room for so many bytes more? */
static int has_room(chat_ui_message_t *m, apr_size_t len)
{
    m->bytes += len;
    if (m->bytes > CHAT_UI_MESSAGE_MAX)
        m->overflows = 1;
    return !m->overflows;
}

/* ---- parts ---- */

chat_ui_part_t *chat_ui_message_add(chat_ui_message_t *m, chat_ui_kind_e kind,
                                    const char *id)
{
    chat_ui_part_t *part;

    if (m->parts->nelts == CHAT_UI_MESSAGE_PARTS_MAX)
        m->overflows = 1;
    if (m->overflows || !has_room(m, sizeof(*part) + (id ? strlen(id) : 0)))
        return NULL;
    part = apr_pcalloc(m->pool, sizeof(*part));
    part->kind = kind;
    part->id = id ? apr_pstrdup(m->pool, id) : NULL;
    part->members = apr_array_make(m->pool, 4, sizeof(chat_ui_member_t *));
    APR_ARRAY_PUSH(m->parts, chat_ui_part_t *) = part;
    return part;
}

static chat_ui_member_t *find_member(const chat_ui_part_t *part,
                                     const char *key)
{
    int i;

    for (i = 0; i < part->members->nelts; i++) {
        chat_ui_member_t *member =
            APR_ARRAY_IDX(part->members, i, chat_ui_member_t *);

        if (strcmp(member->key, key) == 0)
            return member;
    }
    return NULL;
}

static chat_ui_member_t *need_member(chat_ui_message_t *m, chat_ui_part_t *part,
                                     const char *key)
{
    chat_ui_member_t *member = find_member(part, key);

    if (member)
        return member;
    member = apr_pcalloc(m->pool, sizeof(*member));
    member->key = apr_pstrdup(m->pool, key);
    chat_buf_init(&member->value, m->pool);
    APR_ARRAY_PUSH(part->members, chat_ui_member_t *) = member;
    m->bytes += sizeof(*member) + strlen(key);
    return member;
}

void chat_ui_message_set(chat_ui_message_t *m, chat_ui_part_t *part,
                         const char *key, const char *json)
{
    chat_ui_member_t *member = need_member(m, part, key);

    member->is_said = json != NULL;
    member->is_text = 0;
    chat_buf_clear(&member->value);
    if (json && has_room(m, strlen(json)))
        chat_buf_puts(&member->value, json);
}

void chat_ui_message_set_text(chat_ui_message_t *m, chat_ui_part_t *part,
                              const char *key, const char *text)
{
    chat_ui_message_set(m, part, key, chat_json_quote(text, m->event));
}

void chat_ui_message_take(chat_ui_message_t *m, chat_ui_part_t *part,
                          const char *key, const chat_json_t *chunk)
{
    const char *json = chat_ui_message_value(m, chunk, key);

    if (json)
        chat_ui_message_set(m, part, key, json);
}

/* ---- texts ---- */

static const char *text_name(chat_ui_kind_e kind)
{
    return kind == CHAT_UI_TEXT ? "text" : "reasoning";
}

static chat_ui_part_t *find_open(const chat_ui_message_t *m,
                                 chat_ui_kind_e kind, const char *id)
{
    int i;

    for (i = m->parts->nelts - 1; i >= 0; i--) {
        chat_ui_part_t *part = APR_ARRAY_IDX(m->parts, i, chat_ui_part_t *);

        if (part->kind == kind && part->is_open && !strcmp(part->id, id))
            return part;
    }
    return NULL;
}

void chat_ui_message_text_start(chat_ui_message_t *m, chat_ui_kind_e kind,
                                const chat_json_t *chunk)
{
    const char *id = chat_ui_message_member(chunk, "id");
    chat_ui_part_t *before = find_open(m, kind, id), *part;
    chat_ui_member_t *text;

    if (before)
        before->is_open = 0;
    part = chat_ui_message_add(m, kind, id);
    if (!part)
        return;
    part->is_open = 1;
    chat_ui_message_set_text(m, part, "type", text_name(kind));
    if (kind == CHAT_UI_REASONING)
        chat_ui_message_set_text(m, part, "id", id);
    text = need_member(m, part, "text");
    text->is_said = text->is_text = 1;
    chat_ui_message_set(m, part, "providerMetadata",
                        chat_ui_message_value(m, chunk, "providerMetadata"));
    chat_ui_message_set_text(m, part, "state", "streaming");
}

int chat_ui_message_text_delta(chat_ui_message_t *m, chat_ui_kind_e kind,
                               const chat_json_t *chunk)
{
    chat_ui_part_t *part =
        find_open(m, kind, chat_ui_message_member(chunk, "id"));
    const char *delta = chat_ui_message_member(chunk, "delta");

    if (!part)
        return 0;
    if (has_room(m, strlen(delta)))
        chat_buf_escape(&find_member(part, "text")->value, delta,
                        strlen(delta));
    chat_ui_message_take(m, part, "providerMetadata", chunk);
    return 1;
}

int chat_ui_message_text_end(chat_ui_message_t *m, chat_ui_kind_e kind,
                             const chat_json_t *chunk)
{
    chat_ui_part_t *part =
        find_open(m, kind, chat_ui_message_member(chunk, "id"));

    if (!part)
        return 0;
    chat_ui_message_set_text(m, part, "state", "done");
    if (kind == CHAT_UI_TEXT)
        chat_ui_message_take(m, part, "citations", chunk);
    chat_ui_message_take(m, part, "providerMetadata", chunk);
    part->is_open = 0;
    return 1;
}

void chat_ui_message_step_end(chat_ui_message_t *m)
{
    int i;

    for (i = 0; i < m->parts->nelts; i++)
        APR_ARRAY_IDX(m->parts, i, chat_ui_part_t *)->is_open = 0;
}

/* ---- data ---- */

static chat_ui_part_t *find_data(const chat_ui_message_t *m, const char *type,
                                 const char *id)
{
    int i;

    for (i = 0; id && i < m->parts->nelts; i++) {
        chat_ui_part_t *part = APR_ARRAY_IDX(m->parts, i, chat_ui_part_t *);

        if (part->kind == CHAT_UI_DATA && part->id && !strcmp(part->id, id) &&
            !strcmp(part->type, type))
            return part;
    }
    return NULL;
}

/* Data of the same name and id takes the place of what was there. */
void chat_ui_message_data(chat_ui_message_t *m, const chat_json_t *chunk)
{
    const char *type = chat_ui_message_member(chunk, "type");
    const char *id = chat_json_string(chat_json_get(chunk, "id"));
    chat_ui_part_t *part = find_data(m, type, id);
    const char *key;

    if (part) {
        chat_ui_message_set(m, part, "data",
                            chat_ui_message_value(m, chunk, "data"));
        return;
    }
    part = chat_ui_message_add(m, CHAT_UI_DATA, id);
    if (!part)
        return;
    part->type = apr_pstrdup(m->pool, type);
    for (key = chat_json_next(chunk, NULL); key && !m->overflows;
         key = chat_json_next(chunk, key))
        chat_ui_message_take(m, part, key, chunk);
}
