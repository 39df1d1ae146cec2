/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialect of ChatKit's widget: items that are added, grow and are done. A
 * part of the answer is an item: text, thoughts, and the call of a client's
 * tool, of which the widget takes one. What stands before the answer (the
 * thread, what the user said) and behind it comes with it. Pure, whichever
 * thread owns e.
 */
#include "chat_dialect_chatkit.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_dialect_int.h"

#define EVENT CHAT_DIALECT_CHATKIT_EVENT
#define END CHAT_DIALECT_CHATKIT_END

/* Thoughts are told as they are so far, all of them: so only when there are so
 * many bytes more, and a quarter more, than the last time. */
#define THOUGHT_STEP 256

/* No item is open. */
#define NONE (-1)

typedef struct chatkit_t {
    chat_dialect_chatkit_item_t item; /* the one that is open */
    const char *id;                   /* of it */
    int open;                         /* its chat_delta_e, or NONE */
    int parts;                        /* that have begun */
    int last;                         /* kind of the last that has */
    chat_buf_t text; /* of the open item, as it stands inside quotes */
    apr_size_t told; /* of thoughts */

    /* The call, told at the end. */
    int call; /* its index, or NONE */
    int call_part;
    const char *call_id, *call_name;
    chat_buf_t arguments;
} chatkit_t;

/* ---- the beginning ---- */

static chatkit_t *begin(chat_encoder_t *e, chat_buf_t *out)
{
    const chat_answer_t *a = e->answer;
    chatkit_t *kit = apr_pcalloc(e->pool, sizeof(*kit));

    e->begun = 1;
    e->own = kit;
    kit->open = kit->last = kit->call = NONE;
    chat_buf_init(&kit->text, e->pool);
    chat_buf_init(&kit->arguments, e->pool);
    kit->item.thread = chat_dialect_chatkit_thread(a->conversation, e->pool);
    kit->item.message = a->message;
    kit->item.created = chat_dialect_chatkit_time(a->frame.created, e->pool);
    if (a->frame.opening)
        chat_buf_puts(out, a->frame.opening);
    chat_dialect_chatkit_options(out);
    return kit;
}

static chatkit_t *begun(chat_encoder_t *e, chat_buf_t *out)
{
    return e->begun ? e->own : begin(e, out);
}

/* ---- an item ---- */

static chat_dialect_chatkit_kind_e kind_of(int delta)
{
    return delta == CHAT_DELTA_REASONING ? CHAT_DIALECT_CHATKIT_WORKFLOW
                                         : CHAT_DIALECT_CHATKIT_TEXT;
}

static void put_update(chat_buf_t *out, const chatkit_t *kit, const char *type)
{
    CHAT_PUT(out, EVENT "{\"type\":\"thread.item.updated\",");
    chat_dialect_string(out, "item_id", kit->id);
    CHAT_PUT(out, ",\"update\":{");
    chat_dialect_string(out, "type", type);
}

static void put_content(chat_buf_t *out, const chatkit_t *kit, const char *type)
{
    put_update(out, kit, type);
    CHAT_PUT(out, ",\"content_index\":0,\"content\":"
                  "{\"annotations\":[],\"text\":\"");
    chat_buf_put(out, kit->text.data, kit->text.len);
    CHAT_PUT(out, "\",\"type\":\"output_text\"}}}" END);
}

static void put_thoughts(chat_buf_t *out, chatkit_t *kit, const char *type)
{
    put_update(out, kit, type);
    CHAT_PUT(out, ",\"task_index\":0,\"task\":{\"status_indicator\":\"none\","
                  "\"type\":\"thought\",\"content\":\"");
    chat_buf_put(out, kit->text.data, kit->text.len);
    CHAT_PUT(out, "\"}}}" END);
    kit->told = kit->text.len;
}

static void open_item(chat_encoder_t *e, chat_buf_t *out, chatkit_t *kit,
                      int delta)
{
    kit->open = delta;
    kit->item.part = kit->parts - 1;
    kit->id = chat_dialect_chatkit_id(&kit->item, kind_of(delta), e->pool);
    chat_buf_clear(&kit->text);
    kit->told = 0;
    CHAT_PUT(out, EVENT "{\"type\":\"thread.item.added\",\"item\":");
    chat_dialect_chatkit_open(out, &kit->item, kind_of(delta), e->pool);
    if (delta == CHAT_DELTA_REASONING) {
        CHAT_PUT(out, ",\"workflow\":{\"type\":\"reasoning\",\"tasks\":[],"
                      "\"expanded\":false}}}" END);
        return;
    }
    CHAT_PUT(out, ",\"content\":[]}}" END);
    put_content(out, kit, "assistant_message.content_part.added");
}

static void close_item(chat_encoder_t *e, chat_buf_t *out, chatkit_t *kit)
{
    if (kit->open == NONE)
        return;
    if (kit->open != CHAT_DELTA_REASONING)
        put_content(out, kit, "assistant_message.content_part.done");
    else if (kit->told < kit->text.len)
        put_thoughts(out, kit, "workflow.task.updated");
    CHAT_PUT(out, EVENT "{\"type\":\"thread.item.done\",\"item\":");
    if (kit->open == CHAT_DELTA_REASONING)
        chat_dialect_chatkit_thought(out, &kit->item, kit->text.data,
                                     kit->text.len, e->pool);
    else
        chat_dialect_chatkit_text(out, &kit->item, kit->text.data,
                                  kit->text.len, e->pool);
    CHAT_PUT(out, "}" END);
    kit->open = NONE;
}

/* ---- deltas ---- */

static void add_text(chat_buf_t *out, chatkit_t *kit, const chat_delta_t *delta)
{
    put_update(out, kit, "assistant_message.content_part.text_delta");
    CHAT_PUT(out, ",\"content_index\":0,\"delta\":\"");
    chat_buf_escape(out, delta->text, delta->len);
    CHAT_PUT(out, "\"}}" END);
}

static void add_thought(chat_buf_t *out, chatkit_t *kit)
{
    if (!kit->told)
        put_thoughts(out, kit, "workflow.task.added");
    else if (kit->text.len >= kit->told + THOUGHT_STEP &&
             kit->text.len >= kit->told + kit->told / 4)
        put_thoughts(out, kit, "workflow.task.updated");
}

static void add_piece(chat_encoder_t *e, chat_buf_t *out, chatkit_t *kit,
                      const chat_delta_t *delta)
{
    apr_size_t before;

    if (kit->open != (int)delta->kind)
        open_item(e, out, kit, delta->kind);
    before = kit->text.len;
    chat_buf_escape(&kit->text, delta->text, delta->len);
    e->gathered += kit->text.len - before;
    if (delta->kind == CHAT_DELTA_REASONING)
        add_thought(out, kit);
    else
        add_text(out, kit, delta);
}

/* The widget can do one thing at a time: what the model wants besides it asks
 * for again. */
static void add_call(chat_encoder_t *e, chatkit_t *kit,
                     const chat_delta_t *delta)
{
    if (kit->call != NONE)
        return;
    kit->call = delta->index;
    kit->call_part = kit->parts - 1;
    kit->call_id = apr_pstrdup(e->pool, delta->id);
    kit->call_name = apr_pstrdup(e->pool, delta->name);
}

static void add_arguments(chat_encoder_t *e, chatkit_t *kit,
                          const chat_delta_t *delta)
{
    if (kit->call != delta->index)
        return;
    chat_buf_put(&kit->arguments, delta->text, delta->len);
    e->gathered += delta->len;
}

static void encode_delta(chat_encoder_t *e, chat_buf_t *out,
                         const chat_delta_t *delta)
{
    chatkit_t *kit = begun(e, out);

    if (delta->kind == CHAT_DELTA_DETAIL)
        return;
    if (delta->kind == CHAT_DELTA_ARGUMENTS) {
        add_arguments(e, kit, delta);
        return;
    }
    if (kit->last != (int)delta->kind || delta->kind == CHAT_DELTA_TOOL) {
        close_item(e, out, kit);
        kit->last = delta->kind;
        kit->parts++;
    }
    if (delta->kind == CHAT_DELTA_TOOL)
        add_call(e, kit, delta);
    else
        add_piece(e, out, kit, delta);
}

/* ---- the end ---- */

static void put_call(chat_encoder_t *e, chat_buf_t *out, chatkit_t *kit)
{
    if (kit->call == NONE)
        return;
    kit->item.part = kit->call_part;
    CHAT_PUT(out, EVENT "{\"type\":\"thread.item.done\",\"item\":");
    chat_dialect_chatkit_call(out, &kit->item, kit->call_id, kit->call_name,
                              kit->arguments.data, kit->arguments.len, NULL,
                              e->pool);
    CHAT_PUT(out, "}" END);
}

/* What the user would not see by itself. */
static void put_notice(chat_buf_t *out, chat_finish_e why)
{
    const char *message;

    if (why == CHAT_FINISH_LENGTH)
        message = "The answer was cut off: it has reached its longest length.";
    else if (why == CHAT_FINISH_FILTER)
        message = "The answer was ended by a content filter.";
    else if (why == CHAT_FINISH_OTHER)
        message = "The answer may not be whole.";
    else
        return;
    CHAT_PUT(out, EVENT "{\"type\":\"notice\",\"level\":\"warning\",");
    chat_dialect_string(out, "message", message);
    CHAT_PUT(out, "}" END);
}

static void put_closing(const chat_encoder_t *e, chat_buf_t *out)
{
    if (e->answer->frame.closing)
        chat_buf_puts(out, e->answer->frame.closing);
}

static void encode_finish(chat_encoder_t *e, chat_buf_t *out, chat_finish_e why,
                          const chat_usage_t *usage)
{
    chatkit_t *kit = begun(e, out);

    close_item(e, out, kit);
    if (why != CHAT_FINISH_STOPPED)
        put_call(e, out, kit);
    put_notice(out, why);
    put_closing(e, out);
}

/* A budget that is spent will be so the next time; whatever else went wrong
 * need not. */
static void encode_fail(chat_encoder_t *e, chat_buf_t *out,
                        const chat_err_t *err)
{
    int spent = err->cause == CHAT_CAUSE_BUDGET;

    begun(e, out);
    chat_dialect_chatkit_error(out, spent ? err->message : NULL, !spent);
    put_closing(e, out);
}

const chat_dialect_t chat_dialect_chatkit = {
    .name = "chatkit",
    .tells_errors = 1,
    .delta = encode_delta,
    .finish = encode_finish,
    .fail = encode_fail,
    .refusal = chat_dialect_refusal,
};
