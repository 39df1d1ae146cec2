/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialect of the ChatKit route's simple form: named events with pieces of
 * text, the id of the message, and that of the thread. Thoughts and calls are
 * left out; why a model will not answer is text as well. Pure, whichever thread
 * owns e.
 */
#include "chat_dialect_int.h"

static void encode_delta(chat_encoder_t *e, chat_buf_t *out,
                         const chat_delta_t *delta)
{
    if (delta->kind != CHAT_DELTA_TEXT && delta->kind != CHAT_DELTA_REFUSAL)
        return;
    CHAT_PUT(out, "event: thread.message.delta\ndata: {\"content\": \"");
    chat_buf_escape(out, delta->text, delta->len);
    CHAT_PUT(out, "\"}\n\n");
}

static void put_end(chat_buf_t *out, const char *event, const char *name,
                    const char *id)
{
    chat_buf_puts(out, event);
    CHAT_PUT(out, "\ndata: {\"");
    chat_buf_puts(out, name);
    CHAT_PUT(out, "\": ");
    chat_buf_quote(out, id);
    CHAT_PUT(out, "}\n\n");
}

static void encode_finish(chat_encoder_t *e, chat_buf_t *out, chat_finish_e why,
                          const chat_usage_t *usage)
{
    const chat_answer_t *a = e->answer;

    put_end(out, "event: thread.message.completed", "message_id",
            a->message ? a->message : a->id);
    put_end(out, "event: thread.run.completed", "thread_id",
            a->thread ? a->thread : a->id);
}

static void encode_fail(chat_encoder_t *e, chat_buf_t *out,
                        const chat_err_t *err)
{
    CHAT_PUT(out, "event: error\ndata: {\"error\": ");
    chat_buf_quote(out, err->message);
    CHAT_PUT(out, ", \"code\": ");
    chat_buf_quote(out, err->code);
    CHAT_PUT(out, "}\n\n");
}

const chat_dialect_t chat_dialect_chatkit_seed = {
    .name = "chatkit-seed",
    .delta = encode_delta,
    .finish = encode_finish,
    .fail = encode_fail,
    .refusal = chat_dialect_refusal,
};
