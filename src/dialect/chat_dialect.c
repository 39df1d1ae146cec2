/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The voices of all dialects: which there are, how an answer is gathered, and
 * that one ends once. The dialects are in files of their own. Pure; a voice is
 * used by whichever thread owns the request.
 */
#include "chat_dialect_int.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_json.h"

static const chat_dialect_t *const dialects[] = {
#define CHAT_DIALECT(name) &chat_dialect_##name,
#include "chat_dialect_list.h"
#undef CHAT_DIALECT
};

const chat_dialect_t *chat_dialect_get(const char *name)
{
    apr_size_t i;

    for (i = 0; i < sizeof(dialects) / sizeof(*dialects); i++)
        if (strcmp(dialects[i]->name, name) == 0)
            return dialects[i];
    return NULL;
}

/* ---- voices ---- */

chat_voice_t *chat_voice_create(const chat_dialect_t *dialect,
                                const chat_answer_t *answer, apr_pool_t *p)
{
    chat_voice_t *v = apr_pcalloc(p, sizeof(*v));

    v->dialect = dialect;
    v->answer = answer;
    v->pool = p;
    if (answer->whole) {
        chat_buf_init(&v->text, p);
        chat_buf_init(&v->reasoning, p);
        chat_buf_init(&v->refusal, p);
        v->calls = apr_array_make(p, 4, sizeof(chat_gathered_call_t *));
    }
    return v;
}

void chat_voice_delta(chat_voice_t *v, chat_buf_t *out,
                      const chat_delta_t *delta)
{
    if (!v->over)
        v->dialect->delta(v, out, delta);
}

void chat_voice_finish(chat_voice_t *v, chat_buf_t *out, chat_finish_e why,
                       const chat_usage_t *usage)
{
    if (!v->over)
        v->dialect->finish(v, out, why, usage);
    v->over = 1;
}

void chat_voice_fail(chat_voice_t *v, chat_buf_t *out, const chat_err_t *err)
{
    if (!v->over && !v->answer->whole)
        v->dialect->fail(v, out, err);
    v->over = 1;
}

int chat_voice_overflows(const chat_voice_t *v)
{
    return v->gathered > CHAT_DIALECT_WHOLE_MAX;
}

/* ---- gathering ---- */

static void keep(chat_voice_t *v, chat_buf_t *buf, const chat_delta_t *delta)
{
    apr_size_t before = buf->len;

    chat_buf_escape(buf, delta->text, delta->len);
    v->gathered += buf->len - before;
}

static void keep_call(chat_voice_t *v, const chat_delta_t *delta)
{
    chat_gathered_call_t *call = apr_pcalloc(v->pool, sizeof(*call));

    call->id = apr_pstrdup(v->pool, delta->id);
    call->name = apr_pstrdup(v->pool, delta->name);
    chat_buf_init(&call->arguments, v->pool);
    APR_ARRAY_PUSH(v->calls, chat_gathered_call_t *) = call;
    v->gathered += sizeof(*call) + strlen(call->id) + strlen(call->name);
}

static void keep_arguments(chat_voice_t *v, const chat_delta_t *delta)
{
    if (delta->index < v->calls->nelts)
        keep(v,
             &APR_ARRAY_IDX(v->calls, delta->index, chat_gathered_call_t *)
                  ->arguments,
             delta);
}

void chat_dialect_gather(chat_voice_t *v, const chat_delta_t *delta)
{
    if (chat_voice_overflows(v))
        return;
    switch (delta->kind) {
    case CHAT_DELTA_TEXT:
        keep(v, &v->text, delta);
        break;
    case CHAT_DELTA_REASONING:
        keep(v, &v->reasoning, delta);
        break;
    case CHAT_DELTA_REFUSAL:
        keep(v, &v->refusal, delta);
        break;
    case CHAT_DELTA_TOOL:
        keep_call(v, delta);
        break;
    case CHAT_DELTA_ARGUMENTS:
        keep_arguments(v, delta);
        break;
    }
}

/* ---- what all dialects write ---- */

void chat_dialect_phrase(chat_phrase_t *phrase, const char *text)
{
    phrase->text = text;
    phrase->len = strlen(text);
}

const char *chat_dialect_reason(chat_finish_e why)
{
    static const char *const reasons[] = {
        [CHAT_FINISH_STOP] = "stop",
        [CHAT_FINISH_LENGTH] = "length",
        [CHAT_FINISH_CALLS] = "tool_calls",
        [CHAT_FINISH_FILTER] = "content_filter",
    };

    return reasons[why];
}

static void put_member(chat_buf_t *out, const char *member)
{
    CHAT_PUT(out, "\"");
    chat_buf_puts(out, member);
    CHAT_PUT(out, "\":");
}

void chat_dialect_string(chat_buf_t *out, const char *member, const char *text)
{
    put_member(out, member);
    chat_buf_quote(out, text);
}

void chat_dialect_gathered(chat_buf_t *out, const char *member,
                           const chat_buf_t *text)
{
    put_member(out, member);
    CHAT_PUT(out, "\"");
    chat_buf_put(out, text->data, text->len);
    CHAT_PUT(out, "\"");
}

void chat_dialect_count(chat_buf_t *out, const char *member, apr_int64_t n)
{
    put_member(out, member);
    if (n < 0)
        CHAT_PUT(out, "null");
    else
        chat_buf_integer(out, n);
}

/* A provider may say any number: two of them need not have a sum. */
apr_int64_t chat_dialect_total(const chat_usage_t *usage)
{
    apr_int64_t total;

    if (usage->input < 0 || usage->output < 0 ||
        __builtin_add_overflow(usage->input, usage->output, &total))
        return -1;
    return total;
}

/* ---- failures ---- */

const char *chat_dialect_seconds(const chat_err_t *err)
{
    const char *after = err->retry_after;

    if (!after || !*after || after[strspn(after, "0123456789")])
        return NULL;
    return *after == '0' && after[1] ? NULL : after; /* 007 is no JSON */
}

const char *chat_dialect_refusal(const chat_err_t *err, const char *id,
                                 apr_pool_t *p)
{
    const char *after = err->status == 429 ? chat_dialect_seconds(err) : NULL;
    int nameless = err->status == 401; /* its id is in the header alone */

    return apr_pstrcat(p, "{\"code\":", chat_json_quote(err->code, p),
                       ",\"message\":", chat_json_quote(err->message, p),
                       nameless ? "" : ",\"requestId\":",
                       nameless ? "" : chat_json_quote(id, p),
                       after ? ",\"retryAfter\":" : "", after ? after : "",
                       err->issues ? ",\"issues\":" : "",
                       err->issues ? err->issues : "", "}", NULL);
}
