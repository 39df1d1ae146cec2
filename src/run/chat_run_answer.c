/* SPDX-License-Identifier: Apache-2.0 */
/*
 * While a call is answered: its bytes become the client's, unchanged or by way
 * of deltas. The only file that knows that order: SSE parser, provider, dialect
 * or observer, taps, then chat_run_send.c. Runs on the stream's driver.
 */
#include "chat_run_int.h"

#include <ctype.h>

#include <apr_strings.h>

#include "chat_crypto.h"
#include "chat_reply.h"
#include "chat_run_hook.h"
#include "chat_run_lists.h"
#include "chat_scratch.h"

/* What is read of an answer that is none, to learn what went wrong. */
#define REFUSAL_MAX 8192

#define COMMENT ": ping\n\n"

/* ---- events ---- */

static void on_delta(void *ctx, const chat_delta_t *delta)
{
    chat_run_t *run = ctx;

    if (delta->kind != CHAT_DELTA_TOOL && delta->kind != CHAT_DELTA_DETAIL) {
        run->answer.seen->deltas++;
        run->answer.seen->text += delta->len;
    }
    chat_run_tap_filter(run, delta);
}

/* Its bytes pass: what they say is looked at beside that, but for a refusal of
 * which nothing is passed. */
static void observe(chat_run_t *run, const chat_sse_event_t *event)
{
    const chat_attempt_t *attempt = &run->attempt;

    attempt->candidate->provider->observe_event(
        run->answer.seen, event, &attempt->upstream, chat_scratch());
    if (run->filter_taps && !(run->answer.seen->failed &&
                              run->answer.events == 1 && !run->answer.sent))
        chat_run_lists_wire(run, event->data, event->data_len);
}

static void on_event(void *ctx, const chat_sse_event_t *event)
{
    chat_run_t *run = ctx;
    chat_attempt_t *attempt = &run->attempt;
    const chat_provider_t *provider = attempt->candidate->provider;

    if (event->last && !chat_provider_is_whole(event, chat_scratch()))
        return;
    if (event->last)
        run->answer.torn = 0;
    if (run->answer.events++ == 0 && attempt->permit == CHAT_PERMIT_HALF_OPEN)
        chat_upstream_report(attempt->candidate->conf,
                             attempt->candidate->own ? CHAT_ORIGIN_USER
                                                     : CHAT_ORIGIN_HOUSE,
                             CHAT_VERDICT_BEGAN, run->r);
    if (run->dialect)
        provider->parse_event(run->answer.parse, event, &attempt->upstream,
                              chat_scratch());
    else
        observe(run, event);
    if (run->answer.events == 1)
        attempt->is_refused = run->answer.seen->failed;
    if (run->kept && !run->dialect && !attempt->is_refused && !run->filter_taps)
        chat_run_tap_event(run, event);
}

/* An event that waited until it could be shown. */
static void on_shown(void *ctx, const chat_sse_event_t *event)
{
    chat_run_tap_event(ctx, event);
}

/* ---- before a call ---- */

static void make_encoder(chat_run_t *run)
{
    apr_pool_t *p = run->r->pool;

    /* What a failed call left half gathered is not kept until the end. */
    if (run->whole) {
        if (run->answer.encoder_pool)
            apr_pool_destroy(run->answer.encoder_pool);
        apr_pool_create(&run->answer.encoder_pool, p);
        p = run->answer.encoder_pool;
    }
    run->answer.parse->kept = p;
    run->answer.encoder =
        chat_encoder_create(run->dialect, chat_run_describe_answer(run, p), p);
}

static void make_parser(chat_run_t *run)
{
    apr_pool_t *p = run->r->pool;
    chat_run_answer_t *answer = &run->answer;

    answer->sse = chat_sse_create(on_event, run, p);
    chat_redact_init(&answer->redact, p);
    if (run->dialect) {
        chat_buf_init(&answer->pending.text, p);
        answer->parse = apr_pcalloc(p, sizeof(*answer->parse));
        answer->seen = &answer->parse->seen;
    }
    else
        answer->seen = apr_pcalloc(p, sizeof(*answer->seen));
    if (run->dialect || run->whole || run->kept)
        chat_buf_init(&answer->out, p);
    if (run->filter_taps && !run->dialect) {
        chat_buf_init(&answer->waiting, p);
        if (run->kept)
            answer->shown = chat_sse_create(on_shown, run, p);
    }
}

/* What no byte of the answer may show: the key with which it was asked for, or
 * all of the provider's. */
static const apr_array_header_t *secrets_of(const chat_run_t *run)
{
    const chat_candidate_t *c = run->attempt.candidate;
    const char *one = c->own           ? c->own->secret
                      : c->conf->signs ? run->attempt.upstream.key
                                       : NULL;
    apr_array_header_t *list;

    if (!one)
        return c->conf->keys;
    list = apr_array_make(run->r->pool, 1, sizeof(const char *));
    APR_ARRAY_PUSH(list, const char *) = one;
    return list;
}

void chat_run_listen(chat_run_t *run)
{
    chat_run_answer_t *answer = &run->answer;

    if (!answer->sse)
        make_parser(run);
    chat_sse_reset(answer->sse);
    chat_buf_clear(&answer->out);
    chat_buf_clear(&answer->waiting);
    if (answer->shown)
        chat_sse_reset(answer->shown);
    chat_redact_reset(&answer->redact, secrets_of(run));
    chat_run_tap_restart(run);
    answer->events = answer->flushed = 0;
    answer->gone = 0;
    answer->torn = 0;
    answer->halves = NULL;
    if (answer->parse) {
        chat_buf_clear(&answer->pending.text);
        answer->pending.told = 0;
        memset(answer->parse, 0, sizeof(*answer->parse));
        answer->parse->on_delta = on_delta;
        answer->parse->ctx = run;
        chat_crypto_random((unsigned char *)&answer->parse->salt,
                           sizeof(answer->parse->salt));
        make_encoder(run);
    }
    else
        memset(answer->seen, 0, sizeof(*answer->seen));
    answer->seen->usage.input = answer->seen->usage.output = -1;
    answer->seen->usage.cached = answer->seen->usage.reasoning = -1;
    /* Deltas are counted one by one, bytes that pass only where a tap asks, or
     * where they are paid for. */
    answer->seen->measure =
        !run->dialect &&
        (run->progress_taps || run->conf->usage.mode != CHAT_USAGE_OFF);
    run->attempt.status = run->record.upstream_status = 0;
    run->record.upstream_id = NULL;
    run->attempt.retry_after = NULL;
    run->attempt.headers = NULL;
    run->attempt.refusal_len = 0;
    run->attempt.is_refused = 0;
}

/* ---- the head ---- */

static int is_type(const apr_table_t *headers, const char *want)
{
    const char *type = apr_table_get(headers, "content-type");
    apr_size_t len = strlen(want);

    /* An answer without a type is what was asked for. */
    return !type || !*type ||
           (!strncasecmp(type, want, len) &&
            (!type[len] || strchr(";,", type[len]) ||
             isspace((unsigned char)type[len])));
}

/* Encoded bytes we could not read, and the client would not know of it. */
static int is_plain(const apr_table_t *headers)
{
    const char *encoding = apr_table_get(headers, "content-encoding");

    return !encoding || !strcasecmp(encoding, "identity");
}

/* Is this what was asked for? Servers made with web frameworks say "created",
 * and SDKs take that; where it is not the usual one its type says what it is.
 */
static int is_answer(const chat_run_t *run, int status,
                     const apr_table_t *headers)
{
    return status >= HTTP_OK && status <= HTTP_NON_AUTHORITATIVE &&
           (status == HTTP_OK || apr_table_get(headers, "content-type")) &&
           is_plain(headers) &&
           is_type(headers, run->whole && !run->dialect ? "application/json"
                                                        : "text/event-stream");
}

/* Retry-After as RFC 9110 has it, and nothing else that a header could hold. */
static const char *safe_retry_after(const chat_run_t *run, const char *value)
{
    static const char fit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "abcdefghijklmnopqrstuvwxyz0123456789,: ";

    if (!value || strlen(value) > 40 || strspn(value, fit) != strlen(value))
        return NULL;
    return apr_pstrdup(run->r->pool, value);
}

/* The id by which the provider knows the call: each has a name of its own. */
static const char *find_id(const chat_run_t *run, const apr_table_t *headers)
{
    static const char *const names[] = {"x-request-id", "request-id",
                                        "x-generation-id", "apim-request-id"};
    const char *id = NULL;
    apr_size_t i;

    for (i = 0; !id && i < sizeof(names) / sizeof(*names); i++)
        id = apr_table_get(headers, names[i]);
    if (id && run->attempt.upstream.key &&
        strstr(id, run->attempt.upstream.key))
        return NULL; /* it is logged */
    return id ? apr_pstrdup(run->r->pool, id) : NULL;
}

/* Is it one of those names? "x-*" is each that begins so. */
static int is_named(const char *name, const char *const *names)
{
    for (; *names; names++) {
        apr_size_t len = strcspn(*names, "*");

        if (!strncasecmp(name, *names, len) && ((*names)[len] || !name[len]))
            return 1;
    }
    return 0;
}

static int is_printable(const char *value)
{
    while (*value >= ' ' && *value < 127)
        value++;
    return *value == '\0';
}

/* Where its bytes pass, some headers do. */
static void keep_headers(chat_run_t *run, const apr_table_t *headers)
{
    const chat_provider_t *provider = run->attempt.candidate->provider;
    const apr_array_header_t *all = apr_table_elts(headers);
    const apr_table_entry_t *h = (const apr_table_entry_t *)all->elts;
    int i;

    if (run->dialect || !provider->headers)
        return;
    run->attempt.headers = apr_table_make(run->r->pool, 2);
    for (i = 0; i < all->nelts; i++)
        if (is_named(h[i].key, provider->headers) && is_printable(h[i].val))
            apr_table_set(run->attempt.headers, h[i].key, h[i].val);
}

void chat_run_head(void *ctx, int status, const apr_table_t *headers)
{
    chat_run_t *run = ctx;

    run->attempt.status = run->record.upstream_status = status;
    run->record.upstream_id = find_id(run, headers);
    run->attempt.retry_after =
        safe_retry_after(run, apr_table_get(headers, "retry-after"));
    if (!is_answer(run, status, headers))
        return;
    keep_headers(run, headers);
    chat_run_move(run, CHAT_RUN_ANSWERING);
}

/* ---- bytes ---- */

static apr_status_t keep_refusal(chat_run_t *run, const char *data,
                                 apr_size_t len)
{
    chat_attempt_t *attempt = &run->attempt;
    apr_size_t left = REFUSAL_MAX - attempt->refusal_len;

    if (!attempt->refusal)
        attempt->refusal = apr_palloc(run->r->pool, REFUSAL_MAX);
    if (len > left)
        len = left;
    memcpy(attempt->refusal + attempt->refusal_len, data, len);
    attempt->refusal_len += len;
    return attempt->refusal_len < REFUSAL_MAX ? APR_SUCCESS : APR_EOF;
}

/* Bytes that pass are held until the first event tells whether they are an
 * answer: a refusal may come in a 200, and is no more than one while nothing
 * was sent. One that is longer than any refusal is an answer. */
static int is_held(const chat_run_t *run, apr_size_t len)
{
    return !run->answer.sent && !run->answer.events &&
           len < REFUSAL_MAX - run->attempt.refusal_len;
}

static apr_status_t send_held(chat_run_t *run)
{
    apr_size_t len = run->attempt.refusal_len;

    run->attempt.refusal_len = 0;
    return len ? chat_run_send_bytes(run, run->attempt.refusal, len)
               : APR_SUCCESS;
}

/* Unchanged. A cut is written as this upstream itself would break off, where
 * the last event has ended: pieces need not end there, and one that never does
 * would never be cut. */
static apr_status_t pass_on(chat_run_t *run, const char *data, apr_size_t len)
{
    const chat_cut_t *cut;
    apr_size_t tail;
    apr_status_t rv;

    chat_sse_feed(run->answer.sse, data, len);
    if (run->attempt.is_refused && !run->answer.sent)
        return APR_EOF;
    if (run->kept && !run->filter_taps)
        chat_run_tap_bytes(run, data, len);
    if (is_held(run, len)) {
        keep_refusal(run, data, len);
        return APR_INCOMPLETE;
    }
    if (run->filter_taps)
        return chat_run_pass_filtered(run, data, len);
    rv = send_held(run);
    if (rv != APR_SUCCESS)
        return rv;
    if (chat_run_keeps_back(run, len)) {
        chat_buf_put(&run->answer.out, data, len);
        return APR_SUCCESS;
    }
    tail = chat_sse_tail(run->answer.sse);
    cut = chat_run_tap_progress(run);
    if (!cut || (tail && tail == len)) {
        rv = chat_run_send_bytes(run, data, len);
        return rv != APR_SUCCESS || run->answer.events ? rv : APR_INCOMPLETE;
    }
    rv = chat_run_send_bytes(run, data, len - tail);
    return rv == APR_SUCCESS ? chat_run_cut_off(run, cut) : rv;
}

/* Some answer with the JSON of a refusal, and call it a stream. */
static void keep_json(chat_run_t *run, const char *data, apr_size_t len)
{
    apr_size_t lead = 0;

    while (lead < len && isspace((unsigned char)data[lead]))
        lead++;
    if (run->attempt.refusal_len || (lead < len && strchr("{[", data[lead])))
        keep_refusal(run, data, len);
}

/* By way of deltas. The end, good or bad, is written when the call is over. */
static apr_status_t translate(chat_run_t *run, const char *data, apr_size_t len)
{
    chat_run_answer_t *answer = &run->answer;
    apr_status_t rv;

    chat_sse_feed(answer->sse, data, len);
    if (!answer->events)
        keep_json(run, data, len);
    chat_run_coalesce_wait(run);
    rv = chat_run_send_out(run);
    if (rv != APR_SUCCESS)
        return rv;
    answer->cut = chat_run_tap_progress(run);
    if (answer->cut || answer->seen->failed || answer->seen->ended ||
        chat_encoder_overflows(answer->encoder))
        return APR_EOF;
    if (!answer->events)
        return APR_INCOMPLETE;
    return chat_run_hook_is_full(run) ? APR_EAGAIN : APR_SUCCESS;
}

/* Unchanged and whole: looked at when it is over, see chat_run_look(). */
static apr_status_t gather(chat_run_t *run, const char *data, apr_size_t len)
{
    if (run->answer.out.len + len > CHAT_DIALECT_WHOLE_MAX)
        return APR_EOF;
    chat_buf_put(&run->answer.out, data, len);
    return APR_SUCCESS;
}

void chat_run_look(chat_run_t *run)
{
    if (run->whole && !run->dialect && chat_run_is_answering(run) &&
        !run->answer.seen->ended)
        run->attempt.candidate->provider->observe_body(
            run->answer.seen, run->answer.out.data, run->answer.out.len,
            &run->attempt.upstream, run->r->pool);
}

/* What the last event says is sent with the end. */
void chat_run_finish(chat_run_t *run, const chat_end_t *end)
{
    if (end->why != CHAT_END_COMPLETE || !chat_run_is_answering(run) ||
        run->answer.cut || (run->whole && !run->dialect))
        return;
    chat_sse_finish(run->answer.sse);
    chat_provider_finish(run->answer.seen);
}

void chat_run_send_held(chat_run_t *run)
{
    if (run->dialect || run->whole || !chat_run_is_answering(run) ||
        !run->answer.events || run->attempt.is_refused)
        return;
    if (run->filter_taps)
        chat_run_wait_held(run);
    else
        send_held(run);
}

/* What a body that is no answer means; one in a 200 may say what its status
 * would have been. */
static void read_refusal(chat_result_t *result, chat_err_t *refusal,
                         const chat_run_t *run)
{
    const chat_attempt_t *attempt = &run->attempt;
    chat_refusal_t *told = &run->answer.seen->told;
    int said = 0;

    chat_run_own_mask(run);
    if (attempt->status == HTTP_OK)
        said = chat_provider_refusal_status(attempt->refusal,
                                            attempt->refusal_len, run->r->pool);
    if (said) {
        result->status = said;
        result->answering = 0;
    }
    attempt->candidate->provider->map_error(refusal, result->status,
                                            attempt->refusal,
                                            attempt->refusal_len, run->r->pool);
    /* Whoever names an address learns nothing of what answers there. */
    if (run->call.http.guarded) {
        if (refusal->cause != CHAT_CAUSE_AUTH)
            chat_err_set(refusal, APR_EGENERAL, HTTP_BAD_GATEWAY,
                         "upstream_error", "The provider failed.");
        return;
    }
    chat_provider_told(told, result->status, attempt->refusal,
                       attempt->refusal_len, attempt->upstream.key,
                       run->r->pool);
    chat_provider_told_name(refusal, told);
}

void chat_run_result(chat_result_t *result, chat_err_t *refusal,
                     const chat_run_t *run, const chat_end_t *end)
{
    const chat_attempt_t *attempt = &run->attempt;
    const chat_seen_t *seen = run->answer.seen;

    memset(refusal, 0, sizeof(*refusal));
    memset(result, 0, sizeof(*result));
    result->end = end;
    result->seen = run->answer.seen;
    result->status = attempt->status;
    result->answering = chat_run_is_answering(run);
    result->sent = run->answer.sent;
    result->whole = run->whole;
    result->unread = run->whole && !run->dialect;
    result->total = attempt->upstream.timeouts.total;
    result->refusal = refusal;
    if (!attempt->status)
        return;
    if (seen->failed)
        *refusal = seen->refusal;
    else if (!result->answering || !run->answer.events)
        read_refusal(result, refusal, run);
    if (attempt->retry_after && (refusal->status == HTTP_TOO_MANY_REQUESTS ||
                                 refusal->status == HTTP_SERVICE_UNAVAILABLE))
        refusal->retry_after = attempt->retry_after;
}

apr_status_t chat_run_data(void *ctx, const char *data, apr_size_t len)
{
    chat_run_t *run = ctx;

    if (!chat_run_is_answering(run))
        return keep_refusal(run, data, len);
    if (run->dialect)
        return translate(run, data, len);
    return run->whole ? gather(run, data, len) : pass_on(run, data, len);
}

/* Before the upstream has answered nothing can be said: its status decides
 * ours, unless ChatStreamEarlyHeaders settles that. */
/* Not in the log of its stream: who follows that later waits for nothing. */
static apr_status_t tell_status(chat_run_t *run, const char *stage)
{
    chat_buf_t out;
    apr_status_t rv;
    apr_pool_t *p;

    apr_pool_create(&p, run->r->pool);
    chat_buf_init(&out, p);
    run->form->status(&out, chat_run_describe_answer(run, p), stage,
                      run->attempt.number);
    rv = chat_run_send_bytes(run, out.data, out.len);
    apr_pool_destroy(p);
    return rv;
}

/* Until the first word. */
static int wants_status(const chat_run_t *run)
{
    return run->request.status && !run->whole &&
           !chat_encoder_has_begun(run->answer.encoder);
}

void chat_run_tell_again(chat_run_t *run, int same)
{
    if (wants_status(run))
        tell_status(run, same ? "retrying" : "fallback");
}

apr_status_t chat_run_silence(void *ctx)
{
    chat_run_t *run = ctx;

    if (wants_status(run))
        return tell_status(run,
                           chat_run_is_answering(run) ? "thinking" : "waiting");
    if (!chat_run_is_answering(run) && !run->conf->stream.early_headers)
        return APR_SUCCESS;
    if (!run->dialect && !chat_sse_between(run->answer.sse))
        return APR_SUCCESS;
    if (!run->dialect && chat_run_is_answering(run)) {
        apr_status_t rv = send_held(run);

        if (rv != APR_SUCCESS)
            return rv;
    }
    return chat_run_send_bytes(run, COMMENT, sizeof(COMMENT) - 1);
}

apr_status_t chat_run_late(void *ctx)
{
    chat_run_t *run = ctx;

    chat_run_coalesce_flush(run);
    return chat_run_send_out(run);
}
