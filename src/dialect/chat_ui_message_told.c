/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a UI message stream told, as JSON. Pure, whichever thread owns the
 * message.
 */
#include "chat_ui_message_int.h"

#include <string.h>

#include <apr_strings.h>

#define PUT(out, literal) chat_buf_put(out, literal, sizeof(literal) - 1)

static void put_key(chat_buf_t *out, const char *key, int *pn)
{
    chat_buf_puts(out, (*pn)++ ? "," : "{");
    chat_buf_quote(out, key);
    PUT(out, ":");
}

/* The input of a call that is not whole, as far as it goes. */
static void put_partial(chat_buf_t *out, const chat_ui_partial_t *partial,
                        int *pn, apr_pool_t *p)
{
    const char *input = chat_ui_message_input(partial, p);

    if (input) {
        put_key(out, "input", pn);
        chat_buf_puts(out, input);
    }
    put_key(out, "rawInput", pn);
    chat_buf_quote(out, chat_ui_message_raw(partial, p));
}

static void put_part(chat_buf_t *out, const chat_ui_part_t *part, apr_pool_t *p)
{
    int i, n = 0;

    for (i = 0; i < part->members->nelts; i++) {
        const chat_ui_member_t *member =
            APR_ARRAY_IDX(part->members, i, const chat_ui_member_t *);

        if (!member->is_said)
            continue;
        put_key(out, member->key, &n);
        if (member->is_text)
            PUT(out, "\"");
        chat_buf_put(out, member->value.data, member->value.len);
        if (member->is_text)
            PUT(out, "\"");
    }
    if (part->partial)
        put_partial(out, part->partial, &n, p);
    chat_buf_puts(out, n ? "}" : "{}");
}

static const char *end(chat_buf_t *out, apr_pool_t *p)
{
    return apr_pstrmemdup(p, out->data ? out->data : "", out->len);
}

static const char *make_parts(const chat_ui_message_t *m, int *pn,
                              apr_pool_t *p)
{
    chat_buf_t *out = apr_palloc(p, sizeof(*out));
    int i;

    chat_buf_init(out, p);
    *pn = 0;
    PUT(out, "[");
    for (i = 0; i < m->parts->nelts; i++) {
        const chat_ui_part_t *part =
            APR_ARRAY_IDX(m->parts, i, const chat_ui_part_t *);

        if (i)
            PUT(out, ",");
        put_part(out, part, p);
        *pn += part->kind != CHAT_UI_STEP;
    }
    PUT(out, "]");
    return end(out, p);
}

static void put_text(chat_buf_t *out, const chat_ui_part_t *part)
{
    int i;

    for (i = 0; i < part->members->nelts; i++) {
        const chat_ui_member_t *member =
            APR_ARRAY_IDX(part->members, i, const chat_ui_member_t *);

        if (member->is_text)
            chat_buf_put(out, member->value.data, member->value.len);
    }
}

/* All texts are inside of JSON strings, and so is what is made of them. */
static const char *make_text(const chat_ui_message_t *m, apr_pool_t *p)
{
    static const chat_json_limits_t limits = {6 * CHAT_UI_MESSAGE_MAX, 1, 1};
    chat_buf_t *out = apr_palloc(p, sizeof(*out));
    chat_json_t *v;
    int i;

    chat_buf_init(out, p);
    PUT(out, "\"");
    for (i = 0; i < m->parts->nelts; i++) {
        const chat_ui_part_t *part =
            APR_ARRAY_IDX(m->parts, i, const chat_ui_part_t *);

        if (part->kind == CHAT_UI_TEXT)
            put_text(out, part);
    }
    PUT(out, "\"");
    return chat_json_parse(&v, out->data, out->len, &limits, p) == APR_SUCCESS
               ? chat_json_string(v)
               : "";
}

static const char *json_or_null(const chat_buf_t *json, apr_pool_t *p)
{
    return json->len ? apr_pstrmemdup(p, json->data, json->len) : NULL;
}

void chat_ui_message_tell(chat_ui_message_told_t *told,
                          const chat_ui_message_t *m, apr_pool_t *p)
{
    memset(told, 0, sizeof(*told));
    told->id = m->id ? apr_pstrdup(p, m->id) : NULL;
    told->parts = make_parts(m, &told->nparts, p);
    told->metadata = json_or_null(&m->metadata, p);
    told->context = json_or_null(&m->context, p);
    told->text = make_text(m, p);
    told->finish_reason =
        m->finish_reason ? apr_pstrdup(p, m->finish_reason) : NULL;
    told->error = m->error ? apr_pstrdup(p, m->error) : NULL;
    told->finished = m->finished;
    told->aborted = m->aborted;
    told->done = m->done;
    told->broken = m->broken;
    told->overflows = m->overflows;
}
