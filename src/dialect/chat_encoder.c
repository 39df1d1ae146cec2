/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An encoder: one answer in the form of a dialect, which ends once; and how an
 * answer is gathered for a client that wants it whole. Pure, whichever thread
 * owns the request.
 */
#include "chat_dialect_int.h"

#include <string.h>

#include <apr_strings.h>

chat_encoder_t *chat_encoder_create(const chat_dialect_t *dialect,
                                    const chat_answer_t *answer, apr_pool_t *p)
{
    chat_encoder_t *e = apr_pcalloc(p, sizeof(*e));

    e->dialect = dialect;
    e->answer = answer;
    e->pool = p;
    if (answer->whole) {
        chat_buf_init(&e->text, p);
        chat_buf_init(&e->reasoning, p);
        chat_buf_init(&e->refusal, p);
        chat_buf_init(&e->details, p);
        e->calls = apr_array_make(p, 4, sizeof(chat_gathered_call_t *));
    }
    return e;
}

void chat_encoder_delta(chat_encoder_t *e, chat_buf_t *out,
                        const chat_delta_t *delta)
{
    if (!e->over)
        e->dialect->delta(e, out, delta);
}

void chat_encoder_finish(chat_encoder_t *e, chat_buf_t *out, chat_finish_e why,
                         const chat_usage_t *usage)
{
    if (!e->over)
        e->dialect->finish(e, out, why, usage);
    e->over = 1;
}

void chat_encoder_fail(chat_encoder_t *e, chat_buf_t *out,
                       const chat_err_t *err)
{
    if (!e->over && !e->answer->whole)
        e->dialect->fail(e, out, err);
    e->over = 1;
}

int chat_encoder_has_begun(const chat_encoder_t *e)
{
    return e->begun;
}

apr_int64_t chat_encoder_last(const chat_encoder_t *e)
{
    return e->events;
}

int chat_encoder_overflows(const chat_encoder_t *e)
{
    return e->gathered > CHAT_DIALECT_WHOLE_MAX;
}

/* ---- gathering ---- */

static void keep(chat_encoder_t *e, chat_buf_t *buf, const chat_delta_t *delta)
{
    apr_size_t before = buf->len;

    chat_buf_escape(buf, delta->text, delta->len);
    e->gathered += buf->len - before;
}

static void keep_call(chat_encoder_t *e, const chat_delta_t *delta)
{
    chat_gathered_call_t *call = apr_pcalloc(e->pool, sizeof(*call));

    call->id = apr_pstrdup(e->pool, delta->id);
    call->name = apr_pstrdup(e->pool, delta->name);
    call->extra = delta->extra ? apr_pstrdup(e->pool, delta->extra) : NULL;
    chat_buf_init(&call->arguments, e->pool);
    APR_ARRAY_PUSH(e->calls, chat_gathered_call_t *) = call;
    e->gathered += sizeof(*call) + strlen(call->id) + strlen(call->name) +
                   (call->extra ? strlen(call->extra) : 0);
}

static void keep_detail(chat_encoder_t *e, const chat_delta_t *delta)
{
    if (e->details.len)
        chat_buf_put(&e->details, ",", 1);
    chat_buf_put(&e->details, delta->text, delta->len);
    e->gathered += delta->len + 1;
}

static void keep_arguments(chat_encoder_t *e, const chat_delta_t *delta)
{
    if (delta->index < e->calls->nelts)
        keep(e,
             &APR_ARRAY_IDX(e->calls, delta->index, chat_gathered_call_t *)
                  ->arguments,
             delta);
}

void chat_encoder_gather(chat_encoder_t *e, const chat_delta_t *delta)
{
    if (chat_encoder_overflows(e))
        return;
    switch (delta->kind) {
    case CHAT_DELTA_TEXT:
        keep(e, &e->text, delta);
        break;
    case CHAT_DELTA_REASONING:
        keep(e, &e->reasoning, delta);
        break;
    case CHAT_DELTA_REFUSAL:
        keep(e, &e->refusal, delta);
        break;
    case CHAT_DELTA_TOOL:
        keep_call(e, delta);
        break;
    case CHAT_DELTA_ARGUMENTS:
        keep_arguments(e, delta);
        break;
    case CHAT_DELTA_DETAIL:
        keep_detail(e, delta);
        break;
    }
}
