/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of tools in a message that is being built: a call is one part, which
 * each chunk of it changes, as the AI SDK's updateToolPart() does. Pure,
 * whichever thread owns the message.
 */
#include "chat_ui_message_int.h"

#include <string.h>

#include <apr_strings.h>

/* What a chunk makes of a part; all JSON, NULL where it is undefined. */
typedef struct change_t {
    const char *id, *name; /* no JSON */
    const char *state;     /* no JSON */
    const char *title, *metadata, *input, *raw, *output, *error;
    const char *executed, *preliminary, *provider;
    const char *encoding; /* "json" or "text", which says how to read it */
    int is_dynamic;
    chat_ui_partial_t *partial; /* in the place of input and raw, or NULL */
} change_t;

/* ---- finding ---- */

static chat_ui_part_t *part_at(const chat_ui_message_t *m, int i)
{
    return APR_ARRAY_IDX(m->parts, i, chat_ui_part_t *);
}

static int is_tool(const chat_ui_part_t *part)
{
    return part->kind == CHAT_UI_TOOL || part->kind == CHAT_UI_DYNAMIC;
}

/* The first part of the step at hand. */
static int find_step(const chat_ui_message_t *m)
{
    int i = m->parts->nelts;

    while (i > 0 && part_at(m, i - 1)->kind != CHAT_UI_STEP)
        i--;
    return i;
}

/* Of the step at hand; kind CHAT_UI_OTHER is any. */
static chat_ui_part_t *find_here(const chat_ui_message_t *m, const char *id,
                                 chat_ui_kind_e kind)
{
    int i;

    for (i = find_step(m); i < m->parts->nelts; i++) {
        chat_ui_part_t *part = part_at(m, i);

        if (is_tool(part) && (kind == CHAT_UI_OTHER || part->kind == kind) &&
            !strcmp(part->id, id))
            return part;
    }
    return NULL;
}

/* The call of a chunk: of this step, or the last of another. */
static chat_ui_part_t *find_call(const chat_ui_message_t *m,
                                 const chat_json_t *chunk)
{
    const char *id = chat_ui_message_member(chunk, "toolCallId");
    chat_ui_part_t *part = find_here(m, id, CHAT_UI_OTHER);
    int i;

    for (i = m->parts->nelts - 1; !part && i >= 0; i--)
        if (is_tool(part_at(m, i)) && !strcmp(part_at(m, i)->id, id))
            part = part_at(m, i);
    return part;
}

/* A member as JSON, in the event's pool. */
static const char *said(chat_ui_message_t *m, const chat_ui_part_t *part,
                        const char *key)
{
    int i;

    for (i = 0; i < part->members->nelts; i++) {
        const chat_ui_member_t *member =
            APR_ARRAY_IDX(part->members, i, const chat_ui_member_t *);

        if (member->is_said && !strcmp(member->key, key))
            return apr_pstrmemdup(m->event, member->value.data,
                                  member->value.len);
    }
    return NULL;
}

/* ---- changing ---- */

static int is_result(const change_t *c)
{
    return !strcmp(c->state, "output-available") ||
           !strcmp(c->state, "output-error");
}

static void set_name(chat_ui_message_t *m, chat_ui_part_t *part,
                     const change_t *c)
{
    if (!part->name || strcmp(part->name, c->name))
        part->name = apr_pstrdup(m->pool, c->name);
    if (part->kind == CHAT_UI_TOOL)
        chat_ui_message_set_text(m, part, "type",
                                 apr_pstrcat(m->event, "tool-", c->name, NULL));
    else
        chat_ui_message_set_text(m, part, "toolName", c->name);
}

/* What is undefined goes, but for a title and what a call is told of once. */
static void change(chat_ui_message_t *m, chat_ui_part_t *part,
                   const change_t *c)
{
    set_name(m, part, c);
    chat_ui_message_set_text(m, part, "state", c->state);
    if (c->title)
        chat_ui_message_set(m, part, "title", c->title);
    if (c->metadata)
        chat_ui_message_set(m, part, "toolMetadata", c->metadata);
    chat_ui_message_set(m, part, "input", c->input);
    chat_ui_message_set(m, part, "inputEncoding", c->encoding);
    chat_ui_message_set(m, part, "output", c->output);
    chat_ui_message_set(m, part, "rawInput", c->raw);
    chat_ui_message_set(m, part, "errorText", c->error);
    if (c->executed)
        chat_ui_message_set(m, part, "providerExecuted", c->executed);
    chat_ui_message_set(m, part, "preliminary", c->preliminary);
    if (c->provider)
        chat_ui_message_set(m, part,
                            is_result(c) ? "resultProviderMetadata"
                                         : "callProviderMetadata",
                            c->provider);
    part->partial = c->partial;
}

/* part NULL: the one of its kind in this step, or a new one. */
static int update(chat_ui_message_t *m, chat_ui_part_t *part, const change_t *c)
{
    chat_ui_kind_e kind = c->is_dynamic ? CHAT_UI_DYNAMIC : CHAT_UI_TOOL;

    if (!part)
        part = find_here(m, c->id, kind);
    if (!part) {
        part = chat_ui_message_add(m, kind, c->id);
        if (!part)
            return 1;
        if (kind == CHAT_UI_DYNAMIC)
            chat_ui_message_set_text(m, part, "type", "dynamic-tool");
        set_name(m, part, c);
        chat_ui_message_set_text(m, part, "toolCallId", c->id);
    }
    change(m, part, c);
    return 1;
}

/* What most chunks of a call have. */
static change_t read_change(chat_ui_message_t *m, const chat_json_t *chunk,
                            const char *state)
{
    const change_t c = {
        .id = chat_ui_message_member(chunk, "toolCallId"),
        .name = chat_ui_message_member(chunk, "toolName"),
        .state = state,
        .title = chat_ui_message_value(m, chunk, "title"),
        .metadata = chat_ui_message_value(m, chunk, "toolMetadata"),
        .executed = chat_ui_message_value(m, chunk, "providerExecuted"),
        .provider = chat_ui_message_value(m, chunk, "providerMetadata"),
        .is_dynamic = chat_json_boolean(chat_json_get(chunk, "dynamic")) == 1,
    };

    return c;
}

/* The same of a chunk about a call that is there. */
static change_t read_result(chat_ui_message_t *m, const chat_json_t *chunk,
                            const chat_ui_part_t *part, const char *state)
{
    change_t c = read_change(m, chunk, state);

    c.id = part->id;
    c.name = part->name;
    c.is_dynamic = part->kind == CHAT_UI_DYNAMIC;
    c.title = said(m, part, "title");
    if (!c.metadata)
        c.metadata = said(m, part, "toolMetadata");
    c.input = said(m, part, "input");
    if (part->partial)
        c.input = chat_ui_message_input(part->partial, m->event);
    return c;
}

/* ---- inputs ---- */

static chat_ui_partial_t *find_partial(const chat_ui_message_t *m,
                                       const char *id)
{
    int i;

    for (i = m->partials->nelts - 1; i >= 0; i--) {
        chat_ui_partial_t *partial =
            APR_ARRAY_IDX(m->partials, i, chat_ui_partial_t *);

        if (!strcmp(partial->id, id))
            return partial;
    }
    return NULL;
}

static const char *keep(chat_ui_message_t *m, const char *text)
{
    if (!text)
        return NULL;
    m->bytes += strlen(text);
    return apr_pstrdup(m->pool, text);
}

static void add_partial(chat_ui_message_t *m, const change_t *c)
{
    chat_ui_partial_t *partial = apr_pcalloc(m->pool, sizeof(*partial));

    partial->id = keep(m, c->id);
    partial->name = keep(m, c->name);
    partial->is_dynamic = c->is_dynamic;
    partial->encoding = keep(m, c->encoding);
    partial->title = keep(m, c->title);
    partial->metadata = keep(m, c->metadata);
    chat_buf_init(&partial->text, m->pool);
    m->bytes += sizeof(*partial);
    APR_ARRAY_PUSH(m->partials, chat_ui_partial_t *) = partial;
}

const char *chat_ui_message_raw(const chat_ui_partial_t *partial, apr_pool_t *p)
{
    return apr_pstrmemdup(p, partial->text.data ? partial->text.data : "",
                          partial->text.len);
}

const char *chat_ui_message_input(const chat_ui_partial_t *partial,
                                  apr_pool_t *p)
{
    const char *raw = chat_ui_message_raw(partial, p);

    if (partial->encoding && !strcmp(partial->encoding, "\"text\""))
        return chat_json_quote(raw, p);
    return chat_ui_message_partial(raw, partial->text.len, p);
}

int chat_ui_message_input_start(chat_ui_message_t *m, const chat_json_t *chunk)
{
    change_t c = read_change(m, chunk, "input-streaming");

    if (m->partials->nelts == CHAT_UI_MESSAGE_PARTS_MAX) {
        m->overflows = 1;
        return 1;
    }
    c.encoding = chat_ui_message_value(m, chunk, "inputEncoding");
    add_partial(m, &c);
    return update(m, NULL, &c);
}

int chat_ui_message_input_delta(chat_ui_message_t *m, const chat_json_t *chunk)
{
    const char *delta = chat_ui_message_member(chunk, "inputTextDelta");
    chat_ui_partial_t *partial =
        find_partial(m, chat_ui_message_member(chunk, "toolCallId"));
    change_t c = {.state = "input-streaming", .partial = partial};

    if (!partial)
        return 0;
    m->bytes += strlen(delta);
    if (m->bytes > CHAT_UI_MESSAGE_MAX) {
        m->overflows = 1;
        return 1;
    }
    chat_buf_puts(&partial->text, delta);
    c.id = partial->id;
    c.name = partial->name;
    c.is_dynamic = partial->is_dynamic;
    c.encoding = partial->encoding;
    c.title = partial->title;
    c.metadata = partial->metadata;
    return update(m, NULL, &c);
}

int chat_ui_message_input_end(chat_ui_message_t *m, const chat_json_t *chunk)
{
    change_t c = read_change(m, chunk, "input-available");

    c.input = chat_ui_message_value(m, chunk, "input");
    return update(m, NULL, &c);
}

/* What is no input of the tool is kept as it was written. */
int chat_ui_message_input_error(chat_ui_message_t *m, const chat_json_t *chunk)
{
    change_t c = read_change(m, chunk, "output-error");
    const chat_ui_part_t *part = find_here(m, c.id, CHAT_UI_OTHER);
    const char *input = chat_ui_message_value(m, chunk, "input");

    if (part)
        c.is_dynamic = part->kind == CHAT_UI_DYNAMIC;
    c.title = NULL;
    c.error = chat_ui_message_value(m, chunk, "errorText");
    if (c.is_dynamic)
        c.input = input;
    else
        c.raw = input;
    return update(m, NULL, &c);
}

/* ---- results ---- */

int chat_ui_message_output(chat_ui_message_t *m, const chat_json_t *chunk)
{
    chat_ui_part_t *part = find_call(m, chunk);
    change_t c;

    if (!part)
        return 0;
    c = read_result(m, chunk, part, "output-available");
    c.output = chat_ui_message_value(m, chunk, "output");
    c.preliminary = chat_ui_message_value(m, chunk, "preliminary");
    return update(m, part, &c);
}

int chat_ui_message_output_error(chat_ui_message_t *m, const chat_json_t *chunk)
{
    chat_ui_part_t *part = find_call(m, chunk);
    change_t c;

    if (!part)
        return 0;
    c = read_result(m, chunk, part, "output-error");
    c.error = chat_ui_message_value(m, chunk, "errorText");
    if (part->kind == CHAT_UI_TOOL)
        c.raw =
            part->partial
                ? chat_json_quote(chat_ui_message_raw(part->partial, m->event),
                                  m->event)
                : said(m, part, "rawInput");
    return update(m, part, &c);
}

int chat_ui_message_denied(chat_ui_message_t *m, const chat_json_t *chunk)
{
    chat_ui_part_t *part = find_call(m, chunk);

    if (part)
        chat_ui_message_set_text(m, part, "state", "output-denied");
    return part != NULL;
}

/* ---- approvals ---- */

static void add_member(chat_ui_message_t *m, chat_json_t *approval,
                       const char *name, const chat_json_t *chunk,
                       const char *key)
{
    chat_json_t *v = chat_json_get(chunk, key);

    if (v && chat_json_kind(v) != CHAT_JSON_NULL)
        chat_json_add(approval, name, v);
}

int chat_ui_message_asked(chat_ui_message_t *m, const chat_json_t *chunk)
{
    chat_ui_part_t *part = find_call(m, chunk);
    chat_json_t *approval = chat_json_object(m->event);
    chat_json_t *input = chat_json_get(chunk, "inputSchemaInput");

    if (!part)
        return 0;
    chat_ui_message_set_text(m, part, "state", "approval-requested");
    chat_json_add_string(approval, "id",
                         chat_ui_message_member(chunk, "approvalId"));
    add_member(m, approval, "descriptor", chunk, "approvalDescriptor");
    if (input)
        chat_json_add(approval, "inputSchemaInput", input);
    add_member(m, approval, "requestReason", chunk, "reason");
    if (chat_json_boolean(chat_json_get(chunk, "isAutomatic")) == 1)
        chat_json_add_boolean(approval, "isAutomatic", 1);
    add_member(m, approval, "signature", chunk, "signature");
    chat_ui_message_set(m, part, "approval",
                        chat_json_text(approval, NULL, m->event));
    return 1;
}

/* The first call that was to be approved under that id. */
static chat_ui_part_t *find_asked(chat_ui_message_t *m, const char *id,
                                  chat_json_t **papproval)
{
    static const chat_json_limits_t limits = {CHAT_UI_MESSAGE_MAX, 128,
                                              1000000};
    int i;

    for (i = 0; i < m->parts->nelts; i++) {
        const char *json =
            is_tool(part_at(m, i)) ? said(m, part_at(m, i), "approval") : NULL;

        if (json &&
            chat_json_parse(papproval, json, strlen(json), &limits, m->event) ==
                APR_SUCCESS &&
            !strcmp(chat_ui_message_member(*papproval, "id"), id))
            return part_at(m, i);
    }
    return NULL;
}

int chat_ui_message_answered(chat_ui_message_t *m, const chat_json_t *chunk)
{
    const char *provider = chat_ui_message_value(m, chunk, "providerMetadata");
    chat_json_t *approval;
    chat_ui_part_t *part =
        find_asked(m, chat_ui_message_member(chunk, "approvalId"), &approval);

    if (!part)
        return 0;
    chat_ui_message_set_text(m, part, "state", "approval-responded");
    add_member(m, approval, "approved", chunk, "approved");
    add_member(m, approval, "reason", chunk, "reason");
    chat_ui_message_set(m, part, "approval",
                        chat_json_text(approval, NULL, m->event));
    chat_ui_message_take(m, part, "providerExecuted", chunk);
    if (provider)
        chat_ui_message_set(m, part, "callProviderMetadata", provider);
    return 1;
}
