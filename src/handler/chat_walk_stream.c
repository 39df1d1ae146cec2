/* SPDX-License-Identifier: Apache-2.0 */
/*
 * While a call is answered: its bytes become the client's, unchanged or by way
 * of deltas. The only file that knows that order: sse, provider, dialect,
 * reply. Runs on the stream's driver.
 */
#include "chat_walk_int.h"

#include <ctype.h>

#include <apr_strings.h>

#include "chat_reply.h"

/* What is read of an answer that is none, to learn what went wrong. */
#define REFUSAL_MAX 8192

#define COMMENT ": ping\n\n"

/* ---- events ---- */

/* Those of a session are kept until the end, up to its bound. */
static void keep_text(chat_walk_t *w, const chat_delta_t *delta)
{
    if (w->session && delta->kind == CHAT_DELTA_TEXT &&
        (apr_int64_t)w->said.len <= w->conf->context_bytes)
        chat_buf_put(&w->said, delta->text, delta->len);
}

static void on_delta(void *ctx, const chat_delta_t *delta)
{
    chat_walk_t *w = ctx;

    if (delta->kind != CHAT_DELTA_TOOL) {
        w->seen->deltas++;
        w->seen->text += delta->len;
    }
    keep_text(w, delta);
    chat_voice_delta(w->voice, &w->out, delta);
}

static void on_event(void *ctx, const chat_sse_event_t *event)
{
    chat_walk_t *w = ctx;
    const chat_provider_t *provider = w->try.candidate->provider;

    if (w->events++ == 0)
        chat_walk_hear(w);
    if (w->dialect)
        provider->parse_event(w->parse, event, &w->try.upstream,
                              chat_handler_scratch());
    else
        provider->observe_event(w->seen, event, &w->try.upstream,
                                chat_handler_scratch());
}

/* ---- before a call ---- */

static void make_voice(chat_walk_t *w)
{
    const chat_candidate_t *c = w->try.candidate;
    apr_pool_t *p = w->r->pool;
    chat_answer_t *answer;

    /* What a failed call left half gathered is not kept until the end. */
    if (w->whole) {
        if (w->voice_pool)
            apr_pool_destroy(w->voice_pool);
        apr_pool_create(&w->voice_pool, p);
        p = w->voice_pool;
    }
    answer = apr_pcalloc(p, sizeof(*answer));
    answer->id = w->facts.request_id;
    answer->model = c->name;
    answer->provider = c->conf->name;
    answer->created = w->r->request_time;
    answer->whole = w->whole;
    answer->usage = w->usage;
    answer->price_in = c->model ? c->model->price_in : -1;
    answer->price_out = c->model ? c->model->price_out : -1;
    w->voice = chat_voice_create(w->dialect, answer, p);
}

static void make_ears(chat_walk_t *w)
{
    apr_pool_t *p = w->r->pool;

    w->sse = chat_sse_create(on_event, w, p);
    if (w->dialect) {
        w->parse = apr_pcalloc(p, sizeof(*w->parse));
        w->seen = &w->parse->seen;
    }
    else
        w->seen = apr_pcalloc(p, sizeof(*w->seen));
    if (w->dialect || w->whole)
        chat_buf_init(&w->out, p);
    if (w->session)
        chat_buf_init(&w->said, p);
}

void chat_walk_listen(chat_walk_t *w)
{
    chat_try_t *try = &w->try;

    if (!w->sse)
        make_ears(w);
    chat_sse_reset(w->sse);
    chat_buf_clear(&w->out);
    chat_buf_clear(&w->said);
    w->events = 0;
    if (w->parse) {
        memset(w->parse, 0, sizeof(*w->parse));
        w->parse->on_delta = on_delta;
        w->parse->ctx = w;
        make_voice(w);
    }
    else
        memset(w->seen, 0, sizeof(*w->seen));
    w->seen->usage.input = w->seen->usage.output = -1;
    w->seen->usage.cached = w->seen->usage.reasoning = -1;
    w->seen->measure = !w->dialect && chat_limit_counts_tokens(w->ticket);
    try->streaming = try->status = w->facts.upstream_status = 0;
    w->facts.upstream_id = NULL;
    try->retry_after = NULL;
    try->refusal_len = 0;
}

/* ---- the head ---- */

static int is_type(const apr_table_t *headers, const char *want)
{
    const char *type = apr_table_get(headers, "content-type");
    apr_size_t len = strlen(want);

    return type && !strncasecmp(type, want, len) &&
           (!type[len] || type[len] == ';' ||
            isspace((unsigned char)type[len]));
}

/* Encoded bytes we could not read, and the client would not know of it. */
static int is_plain(const apr_table_t *headers)
{
    const char *encoding = apr_table_get(headers, "content-encoding");

    return !encoding || !strcasecmp(encoding, "identity");
}

/* Is this what was asked for? */
static int is_answer(const chat_walk_t *w, const apr_table_t *headers)
{
    return is_plain(headers) &&
           is_type(headers, w->whole && !w->dialect ? "application/json"
                                                    : "text/event-stream");
}

/* Retry-After as RFC 9110 has it, and nothing else that a header could hold. */
static const char *safe_retry_after(const chat_walk_t *w, const char *value)
{
    static const char fit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "abcdefghijklmnopqrstuvwxyz0123456789,: ";

    if (!value || strlen(value) > 40 || strspn(value, fit) != strlen(value))
        return NULL;
    return apr_pstrdup(w->r->pool, value);
}

/* The id by which the provider knows the call: each has a name of its own. */
static const char *find_id(const chat_walk_t *w, const apr_table_t *headers)
{
    static const char *const names[] = {"x-request-id", "request-id",
                                        "x-generation-id", "apim-request-id"};
    const char *id = NULL;
    apr_size_t i;

    for (i = 0; !id && i < sizeof(names) / sizeof(*names); i++)
        id = apr_table_get(headers, names[i]);
    return id ? apr_pstrdup(w->r->pool, id) : NULL;
}

void chat_walk_head(void *ctx, int status, const apr_table_t *headers)
{
    chat_walk_t *w = ctx;

    w->try.status = w->facts.upstream_status = status;
    w->facts.upstream_id = find_id(w, headers);
    w->try.retry_after =
        safe_retry_after(w, apr_table_get(headers, "retry-after"));
    w->try.streaming = status == HTTP_OK && is_answer(w, headers);
}

/* ---- bytes ---- */

void chat_walk_name(chat_walk_t *w)
{
    const char *at = w->try.candidate->name;

    /* Where no ChatModel names it the client did: it may be anything. */
    while (*at > ' ' && *at < 127)
        at++;
    if (!*at)
        chat_reply_header(w->r, "X-Chat-Model", w->try.candidate->name);
}

static apr_status_t send_bytes(chat_walk_t *w, const char *data, apr_size_t len)
{
    if (!w->sent) {
        /* Before its answer begins it may still be another's. */
        if (w->try.streaming || w->ncandidates == 1)
            chat_walk_name(w);
        chat_reply_stream_head(w->r);
        w->sent = 1;
    }
    if (!w->passed && w->try.streaming)
        chat_walk_passed(w);
    return chat_reply_stream_write(w->r, data, len);
}

apr_status_t chat_walk_say(chat_walk_t *w)
{
    return w->out.len ? send_bytes(w, w->out.data, w->out.len) : APR_SUCCESS;
}

static apr_status_t keep_refusal(chat_walk_t *w, const char *data,
                                 apr_size_t len)
{
    chat_try_t *try = &w->try;
    apr_size_t room = REFUSAL_MAX - try->refusal_len;

    if (!try->refusal)
        try->refusal = apr_palloc(w->r->pool, REFUSAL_MAX);
    if (len > room)
        len = room;
    memcpy(try->refusal + try->refusal_len, data, len);
    try->refusal_len += len;
    return try->refusal_len < REFUSAL_MAX ? APR_SUCCESS : APR_EOF;
}

static int is_spent(const chat_walk_t *w)
{
    return w->cut_after < APR_INT64_MAX && !w->seen->ended &&
           chat_walk_output(w->seen) >= w->cut_after;
}

/* Unchanged: the cut is written as this upstream itself would break off. */
static apr_status_t pass_on(chat_walk_t *w, const char *data, apr_size_t len)
{
    apr_status_t rv;
    const char *event;

    chat_sse_feed(w->sse, data, len);
    rv = send_bytes(w, data, len);
    if (rv != APR_SUCCESS || !is_spent(w) || !chat_sse_between(w->sse))
        return rv != APR_SUCCESS || w->events ? rv : APR_INCOMPLETE;
    w->cut = 1;
    event = w->try.candidate->provider->make_cut_event(
        &w->try.upstream, "budget_exhausted",
        "The token budget ended this answer.", w->r->pool);
    send_bytes(w, event, strlen(event));
    return APR_EOF;
}

/* By way of deltas. The end, good or bad, is written when the call is over. */
static apr_status_t translate(chat_walk_t *w, const char *data, apr_size_t len)
{
    apr_status_t rv;

    chat_buf_clear(&w->out);
    chat_sse_feed(w->sse, data, len);
    rv = chat_walk_say(w);
    if (rv != APR_SUCCESS)
        return rv;
    if (is_spent(w))
        w->cut = 1;
    if (w->cut || w->seen->failed || chat_voice_overflows(w->voice) ||
        (w->seen->ended && !w->try.candidate->provider->usage_trails))
        return APR_EOF;
    return w->events ? APR_SUCCESS : APR_INCOMPLETE;
}

static apr_status_t gather(chat_walk_t *w, const char *data, apr_size_t len)
{
    if (w->out.len + len > CHAT_DIALECT_WHOLE_MAX)
        return APR_EOF;
    chat_buf_put(&w->out, data, len);
    return APR_SUCCESS;
}

apr_status_t chat_walk_data(void *ctx, const char *data, apr_size_t len)
{
    chat_walk_t *w = ctx;

    if (!w->try.streaming)
        return keep_refusal(w, data, len);
    if (w->dialect)
        return translate(w, data, len);
    return w->whole ? gather(w, data, len) : pass_on(w, data, len);
}

/* Before the upstream has answered nothing can be said: its status decides
 * ours, unless ChatStreamEarlyHeaders settles that. */
apr_status_t chat_walk_silence(void *ctx)
{
    chat_walk_t *w = ctx;

    if (!w->try.streaming && !w->conf->early_headers)
        return APR_SUCCESS;
    if (!w->dialect && !chat_sse_between(w->sse))
        return APR_SUCCESS;
    return send_bytes(w, COMMENT, sizeof(COMMENT) - 1);
}
