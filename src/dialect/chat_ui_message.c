/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A UI message stream, read: chunks are checked by their type and handed to
 * what builds the parts. See chat_ui_message.h. Pure, whichever thread owns the
 * message.
 */
#include "chat_ui_message_int.h"

#include <string.h>

#include <apr_strings.h>

static const chat_json_limits_t limits = {CHAT_SSE_EVENT_MAX, 128, 100000};

/* ---- chunks that are about the message ---- */

static void start_anew(chat_ui_message_t *m)
{
    m->parts->nelts = m->partials->nelts = 0;
    chat_buf_clear(&m->metadata);
    m->finish_reason = NULL;
}

static chat_json_t *read_json(chat_ui_message_t *m, const chat_buf_t *text)
{
    chat_json_t *v = NULL;

    if (text->len)
        chat_json_parse(&v, text->data, text->len, &limits, m->event);
    return v;
}

static int is_object(const chat_json_t *v)
{
    return chat_json_kind(v) == CHAT_JSON_OBJECT;
}

/* Objects are joined member by member, of all else the later counts. */
static chat_json_t *merge(chat_json_t *base, chat_json_t *more, apr_pool_t *p)
{
    chat_json_t *all = chat_json_object(p);
    const char *key;

    for (key = chat_json_next(base, NULL); key; key = chat_json_next(base, key))
        chat_json_add(all, key, chat_json_get(base, key));
    for (key = chat_json_next(more, NULL); key;
         key = chat_json_next(more, key)) {
        chat_json_t *old = chat_json_get(base, key);
        chat_json_t *new = chat_json_get(more, key);

        chat_json_add(all, key,
                      is_object(old) && is_object(new) ? merge(old, new, p)
                                                       : new);
    }
    return all;
}

static void put_json(chat_ui_message_t *m, chat_buf_t *buf,
                     const chat_json_t *v)
{
    const char *text = chat_json_text(v, NULL, m->event);

    if (!text)
        return;
    m->bytes += strlen(text);
    if (m->bytes > CHAT_UI_MESSAGE_MAX) {
        m->overflows = 1;
        return;
    }
    chat_buf_clear(buf);
    chat_buf_puts(buf, text);
}

static void add_metadata(chat_ui_message_t *m, const chat_json_t *chunk)
{
    chat_json_t *more = chat_json_get(chunk, "messageMetadata");
    chat_json_t *base = read_json(m, &m->metadata);

    if (!more || chat_json_kind(more) == CHAT_JSON_NULL)
        return;
    if (is_object(base))
        more = is_object(more) ? merge(base, more, m->event) : base;
    put_json(m, &m->metadata, more);
}

static int on_start(chat_ui_message_t *m, const chat_json_t *chunk)
{
    const char *id = chat_json_string(chat_json_get(chunk, "messageId"));

    if (id && (!m->id || strcmp(m->id, id))) {
        m->bytes += strlen(id);
        m->id = apr_pstrdup(m->pool, id);
        start_anew(m);
    }
    add_metadata(m, chunk);
    return 1;
}

static const char *keep(chat_ui_message_t *m, const chat_json_t *chunk,
                        const char *key)
{
    const char *text = chat_json_string(chat_json_get(chunk, key));

    if (text)
        m->bytes += strlen(text);
    return text ? apr_pstrdup(m->pool, text) : NULL;
}

static int on_finish(chat_ui_message_t *m, const chat_json_t *chunk)
{
    m->finished = 1;
    if (chat_json_get(chunk, "finishReason"))
        m->finish_reason = keep(m, chunk, "finishReason");
    add_metadata(m, chunk);
    return 1;
}

static int on_metadata(chat_ui_message_t *m, const chat_json_t *chunk)
{
    add_metadata(m, chunk);
    return 1;
}

static int on_error(chat_ui_message_t *m, const chat_json_t *chunk)
{
    if (!m->error)
        m->error = keep(m, chunk, "errorText");
    return 1;
}

static int on_abort(chat_ui_message_t *m, const chat_json_t *chunk)
{
    m->aborted = 1;
    return 1;
}

static int on_start_step(chat_ui_message_t *m, const chat_json_t *chunk)
{
    chat_ui_part_t *part = chat_ui_message_add(m, CHAT_UI_STEP, NULL);

    if (part)
        chat_ui_message_set_text(m, part, "type", "step-start");
    return 1;
}

static int on_finish_step(chat_ui_message_t *m, const chat_json_t *chunk)
{
    chat_ui_message_step_end(m);
    return 1;
}

/* ---- chunks that are about parts ---- */

static int on_text_start(chat_ui_message_t *m, const chat_json_t *chunk)
{
    chat_ui_message_text_start(m, CHAT_UI_TEXT, chunk);
    return 1;
}

static int on_text_delta(chat_ui_message_t *m, const chat_json_t *chunk)
{
    return chat_ui_message_text_delta(m, CHAT_UI_TEXT, chunk);
}

static int on_text_end(chat_ui_message_t *m, const chat_json_t *chunk)
{
    return chat_ui_message_text_end(m, CHAT_UI_TEXT, chunk);
}

static int on_reasoning_start(chat_ui_message_t *m, const chat_json_t *chunk)
{
    chat_ui_message_text_start(m, CHAT_UI_REASONING, chunk);
    return 1;
}

static int on_reasoning_delta(chat_ui_message_t *m, const chat_json_t *chunk)
{
    return chat_ui_message_text_delta(m, CHAT_UI_REASONING, chunk);
}

static int on_reasoning_end(chat_ui_message_t *m, const chat_json_t *chunk)
{
    return chat_ui_message_text_end(m, CHAT_UI_REASONING, chunk);
}

/* Those that are a part as they are: of their members, these. */
static int on_whole(chat_ui_message_t *m, const chat_json_t *chunk)
{
    static const char *const keys[] = {
        "type",  "kind",     "sourceId",         "mediaType", "url",
        "title", "filename", "providerMetadata", NULL};
    chat_ui_part_t *part = chat_ui_message_add(m, CHAT_UI_OTHER, NULL);
    int i;

    for (i = 0; part && keys[i]; i++)
        chat_ui_message_take(m, part, keys[i], chunk);
    return 1;
}

/* ---- what chunks there are ---- */

typedef int take_fn(chat_ui_message_t *m, const chat_json_t *chunk);

typedef struct chunk_t {
    const char *type;
    take_fn *take;
    const char *strings[4]; /* members that it must have */
    const char *may[4];     /* strings that it may have */
} chunk_t;

static const chunk_t chunks[] = {
    {"text-delta", on_text_delta, {"id", "delta"}, {NULL}},
    {"reasoning-delta", on_reasoning_delta, {"id", "delta"}, {NULL}},
    {"tool-input-delta",
     chat_ui_message_input_delta,
     {"toolCallId", "inputTextDelta"},
     {NULL}},
    {"text-start", on_text_start, {"id"}, {NULL}},
    {"text-end", on_text_end, {"id"}, {NULL}},
    {"reasoning-start", on_reasoning_start, {"id"}, {NULL}},
    {"reasoning-end", on_reasoning_end, {"id"}, {NULL}},
    {"tool-input-start",
     chat_ui_message_input_start,
     {"toolCallId", "toolName"},
     {"title", "inputEncoding"}},
    {"tool-input-available",
     chat_ui_message_input_end,
     {"toolCallId", "toolName"},
     {"title"}},
    {"tool-input-error",
     chat_ui_message_input_error,
     {"toolCallId", "toolName", "errorText"},
     {"title"}},
    {"tool-output-available", chat_ui_message_output, {"toolCallId"}, {NULL}},
    {"tool-output-error",
     chat_ui_message_output_error,
     {"toolCallId", "errorText"},
     {NULL}},
    {"tool-output-denied", chat_ui_message_denied, {"toolCallId"}, {NULL}},
    {"tool-approval-request",
     chat_ui_message_asked,
     {"toolCallId", "approvalId"},
     {"signature"}},
    {"tool-approval-response",
     chat_ui_message_answered,
     {"approvalId"},
     {"reason"}},
    {"source-url", on_whole, {"sourceId", "url"}, {"title"}},
    {"source-document",
     on_whole,
     {"sourceId", "mediaType", "title"},
     {"filename"}},
    {"file", on_whole, {"url", "mediaType"}, {NULL}},
    {"reasoning-file", on_whole, {"url", "mediaType"}, {NULL}},
    {"custom", on_whole, {"kind"}, {NULL}},
    {"start-step", on_start_step, {NULL}, {NULL}},
    {"finish-step", on_finish_step, {NULL}, {NULL}},
    {"start", on_start, {NULL}, {"messageId"}},
    {"finish", on_finish, {NULL}, {"finishReason"}},
    {"message-metadata", on_metadata, {NULL}, {NULL}},
    {"error", on_error, {"errorText"}, {NULL}},
    {"abort", on_abort, {NULL}, {"reason"}},
};

static int is_string(const chat_json_t *chunk, const char *key, int may_miss)
{
    const chat_json_t *v = chat_json_get(chunk, key);

    return v ? chat_json_string(v) != NULL : may_miss;
}

static int is_boolean(const chat_json_t *chunk, const char *key)
{
    const chat_json_t *v = chat_json_get(chunk, key);

    return !v || chat_json_boolean(v) >= 0;
}

/* An object of objects, one for each provider. */
static int is_provider(const chat_json_t *chunk)
{
    const chat_json_t *v = chat_json_get(chunk, "providerMetadata");
    const char *key;

    if (!v)
        return 1;
    if (!is_object(v))
        return 0;
    for (key = chat_json_next(v, NULL); key; key = chat_json_next(v, key))
        if (!is_object(chat_json_get(v, key)))
            return 0;
    return 1;
}

/* As the SDK's schema of a chunk has it. */
static int is_sound(const chunk_t *known, const chat_json_t *chunk)
{
    const chat_json_t *metadata = chat_json_get(chunk, "toolMetadata");
    int i;

    for (i = 0; i < 4 && known->strings[i]; i++)
        if (!is_string(chunk, known->strings[i], 0))
            return 0;
    for (i = 0; i < 4 && known->may[i]; i++)
        if (!is_string(chunk, known->may[i], 1))
            return 0;
    return is_boolean(chunk, "dynamic") && is_boolean(chunk, "preliminary") &&
           is_boolean(chunk, "providerExecuted") && is_provider(chunk) &&
           (!metadata || is_object(metadata));
}

static const chunk_t *find_chunk(const char *type)
{
    apr_size_t i;

    for (i = 0; i < sizeof(chunks) / sizeof(*chunks); i++)
        if (!strcmp(chunks[i].type, type))
            return &chunks[i];
    return NULL;
}

/* ---- events ---- */

static void take_data(chat_ui_message_t *m, const chat_json_t *chunk,
                      const char *type, const chat_sse_event_t *event)
{
    int transient = chat_json_boolean(chat_json_get(chunk, "transient")) == 1;

    if (!is_string(chunk, "id", 1) || !is_boolean(chunk, "transient")) {
        m->broken = 1;
        return;
    }
    if (!strcmp(type, "data-usage") && chat_json_get(chunk, "data"))
        put_json(m, &m->context, chat_json_get(chunk, "data"));
    if (transient)
        return;
    if (event->skimmed)
        m->overflows = 1;
    else
        chat_ui_message_data(m, chunk);
}

static void take(chat_ui_message_t *m, const chat_json_t *chunk,
                 const chat_sse_event_t *event)
{
    const char *type = chat_json_string(chat_json_get(chunk, "type"));
    const chunk_t *known = type ? find_chunk(type) : NULL;

    if (!type)
        m->broken = 1;
    else if (!strncmp(type, "data-", 5))
        take_data(m, chunk, type, event);
    else if (!known)
        return;
    else if (event->skimmed) /* a text of it is not there */
        m->overflows = 1;
    else if (!is_sound(known, chunk) || !known->take(m, chunk))
        m->broken = 1;
    if (m->bytes > CHAT_UI_MESSAGE_MAX)
        m->overflows = 1;
}

static int is_done(const chat_sse_event_t *event)
{
    return event->data_len == 6 && !memcmp(event->data, "[DONE]", 6);
}

static void on_event(void *ctx, const chat_sse_event_t *event)
{
    chat_ui_message_t *m = ctx;
    chat_json_t *chunk;

    if (m->broken || m->overflows || !event->data_len) {
        if (event->oversized)
            m->overflows = 1;
        return;
    }
    if (is_done(event)) {
        m->done = 1;
        return;
    }
    apr_pool_create(&m->event, m->pool);
    if (chat_json_parse(&chunk, event->data, event->data_len, &limits,
                        m->event) == APR_SUCCESS &&
        is_object(chunk))
        take(m, chunk, event);
    else
        m->broken = 1;
    apr_pool_destroy(m->event);
    m->event = NULL;
}

chat_ui_message_t *chat_ui_message_create(apr_pool_t *p)
{
    chat_ui_message_t *m = apr_pcalloc(p, sizeof(*m));

    m->pool = p;
    m->sse = chat_sse_create(on_event, m, p);
    m->parts = apr_array_make(p, 8, sizeof(chat_ui_part_t *));
    m->partials = apr_array_make(p, 4, sizeof(chat_ui_partial_t *));
    chat_buf_init(&m->metadata, p);
    chat_buf_init(&m->context, p);
    return m;
}

void chat_ui_message_feed(chat_ui_message_t *m, const char *data,
                          apr_size_t len)
{
    if (!m->broken && !m->overflows)
        chat_sse_feed(m->sse, data, len);
}

void chat_ui_message_end(chat_ui_message_t *m)
{
    chat_sse_reset(m->sse);
}
