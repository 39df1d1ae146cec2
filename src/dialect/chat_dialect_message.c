/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialect of the message route, for clients that want text and no more:
 * {"chunk","id"} ..., {"status":"done","usage"}, in unnamed events. Thoughts
 * are left out; why a model will not answer is text as well. There are no
 * calls: a request with tools was refused. Pure, whichever thread owns v.
 */
#include "chat_dialect_int.h"

#include <apr_strings.h>

static void begin(chat_voice_t *v)
{
    v->begun = 1;
    chat_dialect_phrase(&v->heads[CHAT_DELTA_TEXT], "data: {\"chunk\":\"");
    v->heads[CHAT_DELTA_REFUSAL] = v->heads[CHAT_DELTA_TEXT];
    chat_dialect_phrase(&v->tail, apr_pstrcat(v->pool, "\",\"id\":\"",
                                              v->answer->id, "\"}\n\n", NULL));
}

static void say_delta(chat_voice_t *v, chat_buf_t *out,
                      const chat_delta_t *delta)
{
    if (delta->kind != CHAT_DELTA_TEXT && delta->kind != CHAT_DELTA_REFUSAL)
        return;
    if (v->answer->whole) {
        chat_delta_t text = *delta;

        text.kind = CHAT_DELTA_TEXT;
        chat_dialect_gather(v, &text);
        return;
    }
    if (!v->begun)
        begin(v);
    chat_dialect_text(v, out, delta);
}

static void put_usage(chat_buf_t *out, const chat_usage_t *usage)
{
    CHAT_PUT(out, ",\"usage\":{");
    chat_dialect_count(out, "input_tokens", usage->input);
    CHAT_PUT(out, ",");
    chat_dialect_count(out, "output_tokens", usage->output);
    CHAT_PUT(out, ",");
    chat_dialect_count(out, "total_tokens", chat_dialect_total(usage));
    CHAT_PUT(out, "}}");
}

static void say_finish(chat_voice_t *v, chat_buf_t *out, chat_finish_e why,
                       const chat_usage_t *usage)
{
    if (v->answer->whole) {
        CHAT_PUT(out, "{");
        chat_dialect_string(out, "id", v->answer->id);
        CHAT_PUT(out, ",");
        chat_dialect_gathered(out, "message", &v->text);
        CHAT_PUT(out, ",");
        chat_dialect_string(out, "model", v->answer->model);
        put_usage(out, usage);
        return;
    }
    CHAT_PUT(out, "data: {\"status\":\"done\"");
    put_usage(out, usage);
    CHAT_PUT(out, "\n\n");
}

static void say_fail(chat_voice_t *v, chat_buf_t *out, const chat_err_t *err)
{
    CHAT_PUT(out, "data: {\"status\":\"error\",");
    chat_dialect_string(out, "code", err->code);
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "message", err->message);
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "id", v->answer->id);
    CHAT_PUT(out, "}\n\n");
}

const chat_dialect_t chat_dialect_message = {
    .name = "message",
    .delta = say_delta,
    .finish = say_finish,
    .fail = say_fail,
    .refusal = chat_dialect_refusal,
};
