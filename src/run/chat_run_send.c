/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an answer says of itself, and its way to the client: headers, the log of
 * a stream that can be resumed, the bytes. The keys of the provider are in none
 * of it, whatever that says. Runs on the stream's driver, or on whoever owns
 * the request at its end.
 */
#include "chat_run_int.h"

#include <apr_strings.h>

#include "chat_reply.h"
#include "chat_stream.h"

/* A longer name of a model is not told in a header. */
#define NAME_MAX_SHOWN 256

/* ---- what it is ---- */

static void describe_place(chat_answer_t *answer, const chat_run_kept_t *kept)
{
    answer->conversation = kept->conversation;
    answer->question = kept->question;
    answer->message = kept->answer;
    answer->stream = kept->stream;
    answer->frame = kept->frame;
    answer->numbered = kept->numbered;
}

chat_answer_t *chat_run_describe_answer(const chat_run_t *run, apr_pool_t *p)
{
    const chat_candidate_t *c = run->attempt.candidate;
    chat_answer_t *answer = apr_pcalloc(p, sizeof(*answer));

    answer->id = run->ctx->request_id;
    answer->model = c->name;
    answer->provider = c->conf->name;
    answer->created = run->r->request_time;
    answer->whole = run->whole;
    answer->usage = run->request.usage;
    answer->price = chat_run_price(c);
    answer->notice = &run->notice;
    answer->limits = &run->limits;
    answer->named = &run->named;
    if (run->question)
        answer->thread = run->question->thread;
    if (run->kept)
        describe_place(answer, run->kept);
    return answer;
}

/* ---- bytes ---- */

void chat_run_answer_headers(chat_run_t *run)
{
    const char *at = run->attempt.candidate->name;
    int described = run->form && run->form->headers;
    apr_table_t *more;

    /* Where no ChatModel names it the client did: it may be anything. */
    while (*at > ' ' && *at < 127)
        at++;
    if (!*at && at - run->attempt.candidate->name <= NAME_MAX_SHOWN)
        chat_reply_header(run->r, "X-Chat-Model", run->attempt.candidate->name);
    if (run->conf->keys.mode != CHAT_KEYS_OFF)
        chat_reply_header(run->r, "X-Chat-Key",
                          run->attempt.candidate->own ? "user" : "house");
    if (!described && !run->attempt.headers)
        return;
    more = apr_table_make(run->r->pool, 2);
    if (described)
        run->form->headers(more, chat_run_describe_answer(run, run->r->pool));
    if (run->attempt.headers)
        apr_table_overlap(more, run->attempt.headers, APR_OVERLAP_TABLES_SET);
    apr_table_unset(more, "Content-Type");
    chat_reply_headers(run->r, more);
}

/* The upstream's own words for it, where it is the one that says so. */
static void send_head(chat_run_t *run)
{
    const apr_table_t *theirs = run->attempt.headers;
    const char *type = theirs ? apr_table_get(theirs, "Content-Type") : NULL;

    chat_reply_stream_head(run->r);
    if (type)
        chat_reply_stream_type(run->r, type);
}

static apr_status_t write_bytes(void *ctx, const char *data, apr_size_t len)
{
    chat_run_t *run = ctx;
    apr_status_t rv = chat_stream_frame(run->r, data, len);

    return rv == APR_ENOTIMPL ? chat_reply_stream_write(run->r, data, len) : rv;
}

/* Whatever the provider says: its key reaches nobody. */
apr_status_t chat_run_send_bytes(chat_run_t *run, const char *data,
                                 apr_size_t len)
{
    if (!run->answer.sent) {
        /* Before its answer begins it may still be another's. */
        if (run->phase == CHAT_RUN_ANSWERING || run->ncandidates == 1)
            chat_run_answer_headers(run);
        send_head(run);
        run->answer.sent = 1;
    }
    if (run->phase == CHAT_RUN_ANSWERING)
        chat_run_move(run, CHAT_RUN_STREAMING);
    return chat_redact_feed(&run->answer.redact, data, len, write_bytes, run);
}

void chat_run_send_rest(chat_run_t *run)
{
    chat_redact_end(&run->answer.redact, write_bytes, run);
}

static apr_status_t gather_bytes(void *ctx, const char *data, apr_size_t len)
{
    chat_buf_put(ctx, data, len);
    return APR_SUCCESS;
}

static int has_keys(const chat_run_t *run, const char *data, apr_size_t len)
{
    return chat_redact_finds(&run->answer.redact, data, len);
}

/* In p, which has its bytes, too. What is held of the stream stays held. */
static chat_buf_t *take_out_keys(chat_run_t *run, const char *data,
                                 apr_size_t len, apr_pool_t *p)
{
    chat_redact_t *redact = apr_palloc(p, sizeof(*redact));
    chat_buf_t *clean = apr_palloc(p, sizeof(*clean));

    chat_redact_init(redact, p);
    redact->secrets = run->answer.redact.secrets;
    redact->nsecrets = run->answer.redact.nsecrets;
    chat_buf_init(clean, p);
    chat_redact_feed(redact, data, len, gather_bytes, clean);
    chat_redact_end(redact, gather_bytes, clean);
    return clean;
}

const char *chat_run_without_keys(chat_run_t *run, const char *text)
{
    chat_buf_t *clean;

    if (!has_keys(run, text, strlen(text)))
        return text;
    clean = take_out_keys(run, text, strlen(text), run->r->pool);
    chat_buf_put(clean, "", 1);
    return clean->data;
}

const char *chat_run_gathered(chat_run_t *run)
{
    chat_buf_put(&run->answer.out, "", 1);
    return chat_run_without_keys(run, run->answer.out.data);
}

/* What has ids is known to the taps before the client has it. */
static void tell_taps(chat_run_t *run)
{
    chat_run_answer_t *answer = &run->answer;
    apr_int64_t last = chat_encoder_last(answer->encoder);

    if (last > answer->logged)
        chat_run_tap_sent(run, answer->logged + 1, last, answer->out.data,
                          answer->out.len);
    answer->logged = last;
}

void chat_run_clean(chat_run_t *run, chat_buf_t *bytes)
{
    chat_buf_t *clean;
    apr_pool_t *p;

    if (!has_keys(run, bytes->data, bytes->len))
        return;
    apr_pool_create(&p, run->r->pool);
    clean = take_out_keys(run, bytes->data, bytes->len, p);
    chat_buf_clear(bytes);
    chat_buf_put(bytes, clean->data, clean->len);
    apr_pool_destroy(p);
}

/* Events that are logged are sent to others later: they are cleaned first. */
static void tell_clean(chat_run_t *run)
{
    chat_run_clean(run, &run->answer.out);
    chat_run_tap_bytes(run, run->answer.out.data, run->answer.out.len);
    tell_taps(run);
}

void chat_run_log_out(chat_run_t *run)
{
    if (run->kept && run->answer.out.len)
        tell_clean(run);
    chat_buf_clear(&run->answer.out);
}

apr_status_t chat_run_send_out(chat_run_t *run)
{
    chat_buf_t *out = &run->answer.out;
    apr_status_t rv;

    if (!out->len)
        return APR_SUCCESS;
    if (run->kept)
        tell_clean(run);
    rv = chat_run_send_bytes(run, out->data, out->len);
    chat_buf_clear(out);
    return rv;
}
