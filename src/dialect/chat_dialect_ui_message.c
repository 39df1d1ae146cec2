/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialect of the ui-message route: the UI message stream of the AI SDK
 * (versions 5 to 7), as its own server writes it. Its clients stop at a chunk
 * whose type they do not know, older ones at a member, so what is only ours
 * stands in providerMetadata and in data-usage. What is read again is in
 * chat_dialect_ui_message_told.c. Pure, whichever thread owns e.
 */
#include "chat_dialect_ui_message_int.h"

#include <string.h>

#include <apr_strings.h>

/* Of the arguments of one call, as of an answer. */
static const chat_json_limits_t input_limits = {CHAT_DIALECT_WHOLE_MAX, 64,
                                                1000000};

/* The part that is open. */
typedef enum { OPEN_NONE, OPEN_TEXT, OPEN_REASONING } open_e;

typedef struct writer_t {
    open_e open;
    int ntexts, nthoughts; /* parts that have begun */
    char head[80];         /* of the chunks of the open part */
    apr_size_t head_len;
} writer_t;

/* ---- parts ---- */

static void put_head(chat_encoder_t *e, chat_buf_t *out, const char *type)
{
    chat_dialect_number(e, out);
    CHAT_PUT(out, "data: {\"type\":\"");
    chat_buf_puts(out, type);
    CHAT_PUT(out, "\"");
}

static void put_string(chat_buf_t *out, const char *member, const char *text)
{
    CHAT_PUT(out, ",");
    chat_dialect_string(out, member, text);
}

/* A message that goes on keeps the id it has: then none is said. */
static writer_t *begin(chat_encoder_t *e, chat_buf_t *out)
{
    if (e->begun)
        return e->own;
    e->begun = 1;
    e->own = apr_pcalloc(e->pool, sizeof(writer_t));
    e->calls = apr_array_make(e->pool, 4, sizeof(chat_gathered_call_t *));
    chat_buf_init(&e->details, e->pool);
    chat_dialect_prefix(&e->tail, "\"}\n\n");
    put_head(e, out, "start");
    if (e->answer->message)
        put_string(out, "messageId", e->answer->message);
    CHAT_PUT(out, "}\n\n");
    put_head(e, out, "start-step");
    CHAT_PUT(out, "}\n\n");
    return e->own;
}

static const char *open_name(const writer_t *w)
{
    return w->open == OPEN_TEXT ? "text" : "reasoning";
}

static int open_number(const writer_t *w)
{
    return (w->open == OPEN_TEXT ? w->ntexts : w->nthoughts) - 1;
}

static void put_part(chat_encoder_t *e, chat_buf_t *out, const char *what)
{
    const writer_t *w = e->own;

    chat_dialect_number(e, out);
    CHAT_PUT(out, "data: {\"type\":\"");
    chat_buf_puts(out, open_name(w));
    chat_buf_puts(out, what);
    CHAT_PUT(out, "\",\"id\":\"");
    chat_buf_puts(out, open_name(w));
    CHAT_PUT(out, "-");
    chat_buf_integer(out, open_number(w));
    CHAT_PUT(out, "\"");
}

/* What the provider wants back goes with the thoughts. */
static void put_details(chat_encoder_t *e, chat_buf_t *out)
{
    if (!e->details.len)
        return;
    CHAT_PUT(out, ",\"providerMetadata\":{\"" CHAT_REQUEST_UI_OWN
                  "\":{\"details\":[");
    chat_buf_put(out, e->details.data, e->details.len);
    CHAT_PUT(out, "]}}");
    chat_buf_clear(&e->details);
}

static void close_part(chat_encoder_t *e, chat_buf_t *out)
{
    writer_t *w = e->own;

    if (w->open == OPEN_NONE)
        return;
    put_part(e, out, "-end");
    if (w->open == OPEN_REASONING)
        put_details(e, out);
    CHAT_PUT(out, "}\n\n");
    w->open = OPEN_NONE;
}

static void open_part(chat_encoder_t *e, chat_buf_t *out, open_e what)
{
    writer_t *w = e->own;

    if (w->open == what)
        return;
    close_part(e, out);
    w->open = what;
    if (what == OPEN_TEXT)
        w->ntexts++;
    else
        w->nthoughts++;
    put_part(e, out, "-start");
    CHAT_PUT(out, "}\n\n");
    w->head_len = apr_snprintf(
        w->head, sizeof(w->head),
        "data: {\"type\":\"%s-delta\",\"id\":\"%s-%d\",\"delta\":\"",
        open_name(w), open_name(w), open_number(w));
}

static void put_text(chat_encoder_t *e, chat_buf_t *out, open_e what,
                     const chat_delta_t *delta)
{
    const writer_t *w = e->own;

    open_part(e, out, what);
    chat_dialect_number(e, out);
    chat_buf_put(out, w->head, w->head_len);
    chat_buf_escape(out, delta->text, delta->len);
    chat_buf_put(out, e->tail.text, e->tail.len);
}

/* ---- tools ---- */

static void put_call(chat_encoder_t *e, chat_buf_t *out, const char *type,
                     const chat_gathered_call_t *call)
{
    put_head(e, out, type);
    put_string(out, "toolCallId", call->id);
    put_string(out, "toolName", call->name);
}

static void begin_call(chat_encoder_t *e, chat_buf_t *out,
                       const chat_delta_t *delta)
{
    close_part(e, out);
    chat_encoder_gather(e, delta);
    if (chat_encoder_overflows(e))
        return;
    put_call(e, out, "tool-input-start",
             APR_ARRAY_IDX(e->calls, e->calls->nelts - 1,
                           const chat_gathered_call_t *));
    CHAT_PUT(out, "}\n\n");
}

static void put_arguments(chat_encoder_t *e, chat_buf_t *out,
                          const chat_delta_t *delta)
{
    const chat_gathered_call_t *call;

    if (delta->index >= e->calls->nelts)
        return;
    call = APR_ARRAY_IDX(e->calls, delta->index, const chat_gathered_call_t *);
    chat_encoder_gather(e, delta);
    put_head(e, out, "tool-input-delta");
    put_string(out, "toolCallId", call->id);
    CHAT_PUT(out, ",\"inputTextDelta\":\"");
    chat_buf_escape(out, delta->text, delta->len);
    chat_buf_put(out, e->tail.text, e->tail.len);
}

/* The arguments as they were said; in p. A call without any has no wishes. */
static const char *read_arguments(const chat_gathered_call_t *call,
                                  apr_size_t *plen, apr_pool_t *p)
{
    chat_json_t *text;
    const char *quoted = apr_pstrcat(
        p, "\"",
        apr_pstrmemdup(p, call->arguments.len ? call->arguments.data : "",
                       call->arguments.len),
        "\"", NULL);

    if (chat_json_parse(&text, quoted, strlen(quoted), &input_limits, p) !=
        APR_SUCCESS)
        return NULL;
    *plen = strlen(chat_json_string(text));
    return chat_json_string(text);
}

static int is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

static void put_extra(chat_buf_t *out, const char *extra)
{
    if (!extra)
        return;
    CHAT_PUT(out,
             ",\"providerMetadata\":{\"" CHAT_REQUEST_UI_OWN "\":{\"extra\":");
    chat_buf_puts(out, extra);
    CHAT_PUT(out, "}}");
}

/* What the model wrote is its input if it is JSON. */
static void end_call(chat_encoder_t *e, chat_buf_t *out,
                     const chat_gathered_call_t *call, apr_pool_t *p)
{
    apr_size_t len = 0;
    const char *text = read_arguments(call, &len, p), *input = NULL;
    chat_json_t *v;

    if (text && is_blank(text))
        input = "{}";
    else if (text &&
             chat_json_parse(&v, text, len, &input_limits, p) == APR_SUCCESS)
        input = chat_json_text(v, NULL, p);
    put_call(e, out, input ? "tool-input-available" : "tool-input-error", call);
    CHAT_PUT(out, ",\"input\":");
    if (input)
        chat_buf_puts(out, input);
    else
        chat_buf_quote(out, text ? text : "");
    put_extra(out, call->extra);
    if (!input)
        put_string(out, "errorText",
                   "The model's input of this tool is no JSON.");
    CHAT_PUT(out, "}\n\n");
}

/* Their arguments may come in turns, so none is over before the answer is. */
static void end_calls(chat_encoder_t *e, chat_buf_t *out)
{
    int i;

    for (i = 0; i < e->calls->nelts; i++) {
        apr_pool_t *p;

        apr_pool_create(&p, e->pool);
        end_call(e, out,
                 APR_ARRAY_IDX(e->calls, i, const chat_gathered_call_t *), p);
        apr_pool_destroy(p);
    }
}

/* ---- deltas ---- */

static void encode_delta(chat_encoder_t *e, chat_buf_t *out,
                         const chat_delta_t *delta)
{
    begin(e, out);
    switch (delta->kind) {
    case CHAT_DELTA_TEXT:
    case CHAT_DELTA_REFUSAL: /* it has no part of its own */
        put_text(e, out, OPEN_TEXT, delta);
        break;
    case CHAT_DELTA_REASONING:
        put_text(e, out, OPEN_REASONING, delta);
        break;
    case CHAT_DELTA_TOOL:
        begin_call(e, out, delta);
        break;
    case CHAT_DELTA_ARGUMENTS:
        put_arguments(e, out, delta);
        break;
    case CHAT_DELTA_DETAIL:
        chat_encoder_gather(e, delta);
        break;
    }
}

/* ---- the end ---- */

static void put_known(chat_buf_t *out, const char *member, apr_int64_t n)
{
    if (n < 0)
        return;
    CHAT_PUT(out, ",");
    chat_dialect_count(out, member, n);
}

static void put_dollars(chat_buf_t *out, const char *before, apr_int64_t cost)
{
    char text[CHAT_PRICE_TEXT_MAX];

    chat_buf_puts(out, before);
    chat_buf_puts(out, chat_price_short(text, cost));
}

static void put_cost(const chat_encoder_t *e, chat_buf_t *out,
                     const chat_usage_t *usage)
{
    const chat_price_t *price = &e->answer->price;
    const chat_usage_t in = {.input = usage->input, .cached = usage->cached},
                       o = {.output = usage->output,
                            .reasoning = usage->reasoning};
    apr_int64_t cost = chat_price_cost(price, usage);

    if (cost < 0)
        return;
    put_dollars(out,
                ",\"costUSD\":{\"inputUSD\":", chat_price_cost(price, &in));
    put_dollars(out, ",\"outputUSD\":", chat_price_cost(price, &o));
    put_dollars(out, ",\"totalUSD\":", cost);
    CHAT_PUT(out, "}");
}

/* As the chat template keeps it: the SDK's counts, the model, the costs. Not
 * stored in the message, which is then what the SDK's server makes. */
static void put_usage(chat_encoder_t *e, chat_buf_t *out,
                      const chat_usage_t *usage)
{
    if (usage->input < 0 && usage->output < 0)
        return;
    put_head(e, out, "data-usage");
    CHAT_PUT(out, ",\"data\":{");
    chat_dialect_string(out, "modelId", e->answer->model);
    put_known(out, "inputTokens", usage->input);
    put_known(out, "outputTokens", usage->output);
    put_known(out, "totalTokens", chat_dialect_total(usage));
    put_known(out, "reasoningTokens", usage->reasoning);
    put_known(out, "cachedInputTokens", usage->cached);
    put_cost(e, out, usage);
    CHAT_PUT(out, "},\"transient\":true}\n\n");
}

/* A limit that is near; no message keeps that either. */
static void put_notice(chat_encoder_t *e, chat_buf_t *out)
{
    const chat_notice_t *notice = e->answer->notice ? *e->answer->notice : NULL;

    if (!notice)
        return;
    put_head(e, out, "data-notice");
    CHAT_PUT(out, ",\"data\":");
    chat_dialect_notice(out, notice);
    CHAT_PUT(out, ",\"transient\":true}\n\n");
}

static void put_done(chat_encoder_t *e, chat_buf_t *out)
{
    chat_dialect_number(e, out);
    CHAT_PUT(out, "data: [DONE]\n\n");
}

/* Details behind the last thoughts, or without any. */
static void put_rest(chat_encoder_t *e, chat_buf_t *out)
{
    close_part(e, out);
    if (!e->details.len)
        return;
    open_part(e, out, OPEN_REASONING);
    close_part(e, out);
}

static void encode_finish(chat_encoder_t *e, chat_buf_t *out, chat_finish_e why,
                          const chat_usage_t *usage)
{
    begin(e, out);
    if (why == CHAT_FINISH_STOPPED) {
        put_usage(e, out, usage);
        put_notice(e, out);
        put_head(e, out, "abort");
        CHAT_PUT(out, "}\n\n");
        put_done(e, out);
        return;
    }
    put_rest(e, out);
    end_calls(e, out);
    put_head(e, out, "finish-step");
    CHAT_PUT(out, "}\n\n");
    put_usage(e, out, usage);
    put_notice(e, out);
    put_head(e, out, "finish");
    put_string(out, "finishReason", chat_dialect_ui_message_reason(why));
    CHAT_PUT(out, "}\n\n");
    put_done(e, out);
}

static void encode_fail(chat_encoder_t *e, chat_buf_t *out,
                        const chat_err_t *err)
{
    put_head(e, out, "error");
    put_string(out, "errorText", err->message);
    CHAT_PUT(out, "}\n\n");
    put_done(e, out);
}

static void headers(apr_table_t *headers, const chat_answer_t *answer)
{
    apr_table_setn(headers, "X-Vercel-AI-UI-Message-Stream", "v1");
}

/* There is a stream and nothing else: what "stream" says is not looked at. */
static apr_status_t read_request(chat_request_t *request, chat_json_t *body,
                                 const chat_request_clamps_t *clamps,
                                 chat_err_t *err, apr_pool_t *p)
{
    return chat_request_ui(request, body, clamps, err, p);
}

const chat_dialect_t chat_dialect_ui_message = {
    .name = "ui-message",
    .wire = "ui-message",
    .read = read_request,
    .headers = headers,
    .delta = encode_delta,
    .finish = encode_finish,
    .fail = encode_fail,
    .decode = chat_dialect_ui_message_told,
    .refusal = chat_dialect_refusal,
};
