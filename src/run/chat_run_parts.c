/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of an answer, gathered. Pure. */
#include "chat_run_parts.h"

#include <apr_strings.h>
#include <apr_tables.h>

#include "chat_buf.h"
#include "chat_store_chats.h"

/* Of one answer: a model that changes its mind more often than that has what it
 * says behind the last one of its kind. */
#define PARTS_MAX 256

typedef struct part_t {
    chat_delta_e kind; /* TEXT, REASONING, REFUSAL or TOOL */
    int index;         /* of the call */
    const char *id, *name, *extra;
    chat_buf_t text; /* or the arguments of the call */
} part_t;

struct chat_run_parts_t {
    apr_pool_t *parent, *p;      /* p: what clear() frees, NULL: nothing yet */
    apr_array_header_t *list;    /* of part_t * */
    apr_array_header_t *details; /* of const char *: JSON */
    apr_size_t bytes;
    int overflow;
};

chat_run_parts_t *chat_run_parts_create(apr_pool_t *p)
{
    chat_run_parts_t *parts = apr_pcalloc(p, sizeof(*parts));

    parts->parent = p;
    return parts;
}

void chat_run_parts_clear(chat_run_parts_t *parts)
{
    if (parts->p)
        apr_pool_destroy(parts->p);
    parts->p = NULL;
    parts->list = parts->details = NULL;
    parts->bytes = 0;
    parts->overflow = 0;
}

static part_t *part_at(const chat_run_parts_t *parts, int i)
{
    return APR_ARRAY_IDX(parts->list, i, part_t *);
}

static int count(const chat_run_parts_t *parts)
{
    return parts->list ? parts->list->nelts : 0;
}

static void open_lists(chat_run_parts_t *parts)
{
    if (parts->p)
        return;
    apr_pool_create(&parts->p, parts->parent);
    parts->list = apr_array_make(parts->p, 4, sizeof(part_t *));
    parts->details = apr_array_make(parts->p, 4, sizeof(const char *));
}

static part_t *push(chat_run_parts_t *parts, const chat_delta_t *delta)
{
    part_t *part;

    open_lists(parts);
    part = apr_pcalloc(parts->p, sizeof(*part));
    part->kind = delta->kind;
    part->index = delta->index;
    chat_buf_init(&part->text, parts->p);
    APR_ARRAY_PUSH(parts->list, part_t *) = part;
    return part;
}

/* The last one of that kind (a call: the one of that index), or NULL. */
static part_t *find(const chat_run_parts_t *parts, chat_delta_e kind, int index)
{
    int i;

    for (i = count(parts) - 1; i >= 0; i--) {
        part_t *part = part_at(parts, i);

        if (part->kind == kind &&
            (kind != CHAT_DELTA_TOOL || part->index == index))
            return part;
    }
    return NULL;
}

/* Where a piece of text goes. */
static part_t *text_part(chat_run_parts_t *parts, const chat_delta_t *delta)
{
    int n = count(parts);
    part_t *part = n ? part_at(parts, n - 1) : NULL;

    if (part && part->kind == delta->kind)
        return part;
    part = n >= PARTS_MAX ? find(parts, delta->kind, 0) : NULL;
    return part ? part : push(parts, delta);
}

static void add_call(chat_run_parts_t *parts, const chat_delta_t *delta)
{
    part_t *part = push(parts, delta);

    part->id = apr_pstrdup(parts->p, delta->id);
    part->name = apr_pstrdup(parts->p, delta->name);
    part->extra = apr_pstrdup(parts->p, delta->extra);
    parts->bytes += strlen(part->id) + strlen(part->name);
    parts->bytes += part->extra ? strlen(part->extra) : 0;
}

static void add_detail(chat_run_parts_t *parts, const chat_delta_t *delta)
{
    open_lists(parts);
    APR_ARRAY_PUSH(parts->details, const char *) =
        apr_pstrmemdup(parts->p, delta->text, delta->len);
    parts->bytes += delta->len;
}

void chat_run_parts_add(chat_run_parts_t *parts, const chat_delta_t *delta)
{
    part_t *part;

    if (parts->bytes + delta->len > CHAT_RUN_PARTS_BYTES)
        parts->overflow = 1;
    if (parts->overflow)
        return;
    if (delta->kind == CHAT_DELTA_TOOL) {
        add_call(parts, delta);
        return;
    }
    if (delta->kind == CHAT_DELTA_DETAIL) {
        add_detail(parts, delta);
        return;
    }
    part = delta->kind == CHAT_DELTA_ARGUMENTS
               ? find(parts, CHAT_DELTA_TOOL, delta->index)
               : text_part(parts, delta);
    if (part)
        chat_buf_put(&part->text, delta->text, delta->len);
    parts->bytes += delta->len;
}

int chat_run_parts_empty(const chat_run_parts_t *parts)
{
    return count(parts) == 0;
}

int chat_run_parts_overflow(const chat_run_parts_t *parts)
{
    return parts->overflow;
}

/* ---- as it is kept ---- */

/* As a text: a database that reads JSON must not touch what is signed. */
static void put_private(chat_buf_t *out, const char *json)
{
    chat_buf_puts(out, "{\"type\":\"" CHAT_STORE_PART_PRIVATE "\",\"json\":");
    chat_buf_quote(out, json);
    chat_buf_puts(out, "}");
}

static void put_part(chat_buf_t *out, const part_t *part)
{
    static const char *const types[] = {
        [CHAT_DELTA_TEXT] = "text",
        [CHAT_DELTA_REASONING] = "reasoning",
        [CHAT_DELTA_REFUSAL] = "refusal",
        [CHAT_DELTA_TOOL] = "tool-call",
    };

    chat_buf_puts(out, "{\"type\":\"");
    chat_buf_puts(out, types[part->kind]);
    if (part->kind == CHAT_DELTA_TOOL) {
        chat_buf_puts(out, "\",\"callId\":");
        chat_buf_quote(out, part->id);
        chat_buf_puts(out, ",\"name\":");
        chat_buf_quote(out, part->name);
        if (part->extra) {
            chat_buf_puts(out, ",\"" CHAT_STORE_PART_EXTRA "\":");
            chat_buf_quote(out, part->extra);
        }
        chat_buf_puts(out, ",\"arguments\":\"");
    }
    else
        chat_buf_puts(out, "\",\"text\":\"");
    chat_buf_escape(out, part->text.data, part->text.len);
    chat_buf_puts(out, "\"}");
}

const char *chat_run_parts_json(const chat_run_parts_t *parts, apr_pool_t *p)
{
    chat_buf_t *out = apr_palloc(p, sizeof(*out));
    int i;

    chat_buf_init(out, p);
    chat_buf_puts(out, "[");
    for (i = 0; i < count(parts); i++) {
        if (i)
            chat_buf_puts(out, ",");
        put_part(out, part_at(parts, i));
    }
    for (i = 0; parts->details && i < parts->details->nelts; i++) {
        if (i || count(parts))
            chat_buf_puts(out, ",");
        put_private(out, APR_ARRAY_IDX(parts->details, i, const char *));
    }
    chat_buf_put(out, "]", sizeof("]"));
    return out->data;
}

const char *chat_run_parts_text(const chat_run_parts_t *parts, apr_pool_t *p)
{
    chat_buf_t *out = apr_palloc(p, sizeof(*out));
    int i;

    chat_buf_init(out, p);
    for (i = 0; i < count(parts); i++) {
        const part_t *part = part_at(parts, i);

        if (part->kind == CHAT_DELTA_TEXT)
            chat_buf_put(out, part->text.data, part->text.len);
    }
    chat_buf_put(out, "", 1);
    return out->data;
}
