/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialect of the message route, for clients that want text and no more:
 * {"chunk","id"} ..., {"status":"done","usage"}, in unnamed events. Thoughts
 * are left out; why a model will not answer is text as well. There are no
 * calls: a request with tools was refused. Pure, whichever thread owns e.
 */
#include "chat_dialect_int.h"

#include <apr_strings.h>

static void begin(chat_encoder_t *e)
{
    e->begun = 1;
    chat_dialect_prefix(&e->heads[CHAT_DELTA_TEXT], "data: {\"chunk\":\"");
    e->heads[CHAT_DELTA_REFUSAL] = e->heads[CHAT_DELTA_TEXT];
    chat_dialect_prefix(&e->tail, apr_pstrcat(e->pool, "\",\"id\":\"",
                                              e->answer->id, "\"}\n\n", NULL));
}

static void encode_delta(chat_encoder_t *e, chat_buf_t *out,
                         const chat_delta_t *delta)
{
    if (delta->kind != CHAT_DELTA_TEXT && delta->kind != CHAT_DELTA_REFUSAL)
        return;
    if (e->answer->whole) {
        chat_delta_t text = *delta;

        text.kind = CHAT_DELTA_TEXT;
        chat_encoder_gather(e, &text);
        return;
    }
    if (!e->begun)
        begin(e);
    chat_dialect_text(e, out, delta);
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

static void encode_fail(chat_encoder_t *e, chat_buf_t *out,
                        const chat_err_t *err)
{
    chat_dialect_number(e, out);
    CHAT_PUT(out, "data: {\"status\":\"error\",");
    chat_dialect_string(out, "code", err->code);
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "message", err->message);
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "id", e->answer->id);
    chat_dialect_found(out, err);
    chat_dialect_upstream(out, err);
    CHAT_PUT(out, "}\n\n");
}

/* Here "done" means that the model had its say, and there is no other word. */
static const chat_err_t unsure = {
    .code = "upstream_error",
    .message = "The provider ended its answer for a reason that is unknown "
               "here: it may not be whole.",
};

static void encode_finish(chat_encoder_t *e, chat_buf_t *out, chat_finish_e why,
                          const chat_usage_t *usage)
{
    if (e->answer->whole) {
        CHAT_PUT(out, "{");
        chat_dialect_string(out, "id", e->answer->id);
        CHAT_PUT(out, ",");
        chat_dialect_gathered(out, "message", &e->text);
        CHAT_PUT(out, ",");
        chat_dialect_string(out, "model", e->answer->model);
        if (why == CHAT_FINISH_OTHER)
            CHAT_PUT(out, ",\"finish_reason\":\"other\"");
        put_usage(out, usage);
        return;
    }
    if (why == CHAT_FINISH_OTHER) {
        encode_fail(e, out, &unsure);
        return;
    }
    chat_dialect_number(e, out);
    CHAT_PUT(out, "data: {\"status\":\"done\"");
    if (why == CHAT_FINISH_STOPPED)
        CHAT_PUT(out, ",\"finish_reason\":\"" CHAT_DIALECT_STOPPED "\"");
    put_usage(out, usage);
    CHAT_PUT(out, "\n\n");
}

/* ---- read again ---- */

static void decode_end(chat_told_t *told, const chat_json_t *data)
{
    const chat_json_t *usage = chat_json_get(data, "usage");

    told->error = chat_json_string(chat_json_get(data, "code"));
    if (told->error)
        return;
    told->finish_reason =
        chat_json_string(chat_json_get(data, "finish_reason"));
    if (!told->finish_reason)
        told->finish_reason = chat_dialect_reason(CHAT_FINISH_STOP);
    told->usage.input =
        chat_json_integer(chat_json_get(usage, "input_tokens"), -1);
    told->usage.output =
        chat_json_integer(chat_json_get(usage, "output_tokens"), -1);
}

static void decode_event(chat_told_t *told, const chat_sse_event_t *event)
{
    const chat_json_t *data = chat_dialect_data(event, told->p);

    if (chat_json_get(data, "status"))
        decode_end(told, data);
    else
        chat_dialect_tell(told, CHAT_DELTA_TEXT, 0,
                          chat_json_string(chat_json_get(data, "chunk")));
}

static apr_status_t read_request(chat_request_t *request, chat_json_t *body,
                                 const chat_request_clamps_t *clamps,
                                 chat_err_t *err, apr_pool_t *p)
{
    apr_status_t rv = chat_request_message(&request->turn, &request->session,
                                           body, clamps, err, p);

    if (rv == APR_SUCCESS)
        rv = chat_request_refuse_foreign(body, err, p);
    request->turn.whole = chat_dialect_wants_whole(body);
    return rv;
}

const chat_dialect_t chat_dialect_message = {
    .name = "message",
    .read = read_request,
    .delta = encode_delta,
    .finish = encode_finish,
    .fail = encode_fail,
    .decode = decode_event,
    .refusal = chat_dialect_refusal,
};
