/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a run ended: what it was, what it cost, what the client is told. On
 * whoever owns the request then, a thread that may wait.
 */
#include "chat_run_int.h"

#include <apr_strings.h>

#include "chat_reply.h"
#include "chat_run_said.h"
#include "chat_run_trace.h"

/* What is still said to the client. */
typedef enum {
    TELL_NOTHING, /* it is gone, or a passing stream is over */
    TELL_ERROR,   /* nothing was sent: a status and err */
    TELL_WHOLE,   /* the one JSON text that it wanted */
    TELL_LAST     /* the last event of the stream's form, and how it ends */
} tell_e;

typedef struct ending_t {
    tell_e tell;
    chat_err_t err; /* of TELL_ERROR, and of a TELL_LAST that is no good end */
} ending_t;

int chat_run_failed(void *ctx)
{
    chat_run_t *run = ctx;
    const chat_seen_t *seen = run->answer.seen;

    chat_run_look(run);
    return !run->answer.cut &&
           (!chat_run_is_answering(run) || seen->failed || !seen->ended);
}

/* ---- what it was ---- */

static void explain_cut(chat_err_t *err, const chat_cut_t *cut)
{
    memset(err, 0, sizeof(*err));
    err->cause = cut->cause;
    err->category = cut->category;
    err->reason = cut->reason;
    err->retry_after = cut->retry_after;
    chat_err_set(err, APR_EGENERAL, cut->status, cut->code, cut->message);
}

static chat_outcome_e find_outcome(chat_run_t *run, const chat_result_t *result)
{
    const chat_cut_t *cut = run->answer.cut;

    if (!cut)
        return chat_run_failure_outcome(result, &run->record.detail);
    run->record.detail = cut->detail;
    return cut->outcome;
}

static void end_with_error(chat_run_t *run, ending_t *ending,
                           chat_outcome_e outcome)
{
    ending->tell = TELL_ERROR;
    run->record.outcome = outcome;
    run->record.status = chat_run_status(run->ctx, &ending->err);
    if (!run->record.detail)
        run->record.detail = ending->err.code;
}

/* The upstream gave no answer. */
static void end_refused(chat_run_t *run, ending_t *ending,
                        const chat_result_t *result)
{
    chat_run_failure_no_answer(&ending->err, result);
    if (chat_run_own_refused(run, &ending->err)) {
        end_with_error(run, ending, CHAT_OUTCOME_REFUSED);
        return;
    }
    end_with_error(run, ending,
                   ending->err.status == HTTP_GATEWAY_TIME_OUT
                       ? CHAT_OUTCOME_TIMEOUT
                       : CHAT_OUTCOME_UPSTREAM_ERROR);
}

static void explain(chat_run_t *run, ending_t *ending,
                    const chat_result_t *result)
{
    if (run->answer.cut)
        explain_cut(&ending->err, run->answer.cut);
    else if (result->answering)
        chat_run_failure_broken(&ending->err, result);
    else
        chat_run_failure_no_answer(&ending->err, result);
    chat_run_name_others(run, &ending->err);
}

/* Somebody stopped it, or its client left and was not waited for: not a
 * failure of anybody's. */
static int is_stopped(const chat_run_t *run)
{
    return run->record.outcome == CHAT_OUTCOME_CANCELLED &&
           run->end.why != CHAT_END_SHUTDOWN;
}

/* What there is of the answer is all of it, and its client is still there. */
static void end_stopped(chat_run_t *run, ending_t *ending)
{
    ending->tell = run->whole ? TELL_WHOLE : TELL_LAST;
    run->record.outcome = CHAT_OUTCOME_CANCELLED;
    run->record.status = HTTP_OK;
}

/* The client has bytes, or is to get an event stream all the same. */
static void end_stream(chat_run_t *run, ending_t *ending,
                       const chat_result_t *result, chat_outcome_e outcome)
{
    ending->tell = TELL_LAST;
    run->record.outcome = outcome;
    run->record.status = run->r->status;
    if (outcome != CHAT_OUTCOME_COMPLETE)
        explain(run, ending, result);
}

/* An answer of which nothing has been sent, because it was gathered or empty:
 * what went wrong can still be a status. What a tap has cut is told as far as
 * it went. */
static void end_unsent(chat_run_t *run, ending_t *ending,
                       const chat_result_t *result)
{
    chat_outcome_e outcome = find_outcome(run, result);
    int is_told = outcome == CHAT_OUTCOME_COMPLETE ||
                  (outcome == CHAT_OUTCOME_LIMITED && run->dialect);

    if (!run->whole && outcome == CHAT_OUTCOME_COMPLETE) {
        end_stream(run, ending, result, outcome);
        return;
    }
    if (run->whole && is_told) {
        ending->tell = TELL_WHOLE;
        run->record.outcome = outcome;
        run->record.status = run->question ? HTTP_CREATED : HTTP_OK;
        return;
    }
    if (!run->answer.cut && run->answer.events == 0 &&
        run->answer.out.len == 0) {
        end_refused(run, ending, result);
        return;
    }
    explain(run, ending, result);
    end_with_error(run, ending, outcome);
}

/* What the provider said of it. It may have repeated the question, which is in
 * no error and no log; where nobody knows that any more, the log has nothing.
 */
static void record_refusal(chat_run_t *run)
{
    chat_refusal_t *told = &run->answer.seen->told;

    run->record.told = told;
    run->record.said =
        chat_run_said(told->text, run->call.http.body, run->call.http.body_len,
                      run->attempt.candidate->upstream, run->r->pool);
    if (run->record.said)
        apr_cpystrn(told->text, run->record.said, sizeof(told->text));
}

static void find_ending(chat_run_t *run, ending_t *ending,
                        const chat_result_t *result)
{
    run->record.usage = run->answer.seen->usage;
    record_refusal(run);
    if (run->end.why == CHAT_END_CANCELLED)
        end_stopped(run, ending);
    else if (run->answer.sent)
        end_stream(run, ending, result, find_outcome(run, result));
    else if (run->r->connection->aborted && !run->end.left) {
        /* 499 is what others log for a client that has left. */
        run->r->status = run->record.status = 499;
        run->record.outcome = CHAT_OUTCOME_CANCELLED;
    }
    else if (result->answering || run->answer.cut)
        end_unsent(run, ending, result);
    else
        end_refused(run, ending, result);
}

/* ---- what the client gets ---- */

/* It must not go on, and the dialect has a good end for that. */
static int is_filtered(const chat_run_t *run)
{
    const chat_cut_t *cut = run->answer.cut;

    return cut && cut->filter && run->dialect && run->dialect->tells_filter;
}

static chat_finish_e find_finish(const chat_run_t *run)
{
    return is_stopped(run)    ? CHAT_FINISH_STOPPED
           : is_filtered(run) ? CHAT_FINISH_FILTER
           : run->answer.cut  ? CHAT_FINISH_LENGTH
                              : run->answer.parse->finish;
}

/* Bytes that pass: the end that waited, and where there is none, why. A page
 * takes a stream that is merely cut for a whole one. */
static void send_end(chat_run_t *run, const ending_t *ending)
{
    chat_run_answer_t *answer = &run->answer;
    const char *event;

    if (chat_run_is_app(run) && answer->out.len)
        chat_run_send_bytes(run, answer->out.data, answer->out.len);
    chat_run_send_rest(run);
    if (!chat_run_is_app(run) || is_stopped(run) || answer->cut ||
        answer->seen->failed || run->record.outcome == CHAT_OUTCOME_COMPLETE ||
        !chat_sse_between(answer->sse))
        return;
    event = run->attempt.candidate->provider->make_cut_event(
        &run->attempt.upstream, ending->err.code, ending->err.message,
        run->r->pool);
    chat_run_send_bytes(run, event, strlen(event));
}

/* In the dialect's form: the end of the answer, or why there is none. Once more
 * does no harm. */
static void write_last(chat_run_t *run, const ending_t *ending)
{
    chat_run_answer_t *answer = &run->answer;

    if (run->record.outcome == CHAT_OUTCOME_COMPLETE || is_stopped(run) ||
        is_filtered(run))
        chat_encoder_finish(answer->encoder, &answer->out, find_finish(run),
                            &answer->seen->usage);
    else
        chat_encoder_fail(answer->encoder, &answer->out, &ending->err);
}

/* What is saved of it is made of its events, those of its end as well. */
static void write_ahead(chat_run_t *run, const ending_t *ending)
{
    if (!run->vercel || !run->dialect || ending->tell != TELL_LAST)
        return;
    write_last(run, ending);
    chat_run_tap_bytes(run, run->answer.out.data, run->answer.out.len);
}

/* The end of the answer, or why there is none, to the client. Whoever follows
 * its log learns that, too, when the client cannot any more. */
static void send_last(chat_run_t *run, const ending_t *ending)
{
    if (run->end.why != CHAT_END_SHUTDOWN && run->end.why != CHAT_END_STALLED &&
        !run->r->connection->aborted)
        send_end(run, ending);
    if (!run->dialect)
        return;
    write_last(run, ending);
    if (run->end.why == CHAT_END_SHUTDOWN || run->end.why == CHAT_END_STALLED ||
        run->r->connection->aborted)
        chat_run_log_out(run);
    else
        chat_run_send_out(run);
}

/* A turn of a conversation that the path names is told by whoever knows how
 * messages look. */
static int is_told_elsewhere(const chat_run_t *run)
{
    return run->question && run->question->tell_whole &&
           run->question->tell_whole(run->ctx, run->kept->conversation,
                                     run->kept->question,
                                     run->kept->answer) == APR_SUCCESS;
}

static void send_whole(chat_run_t *run)
{
    chat_run_answer_t *answer = &run->answer;

    chat_run_answer_headers(run);
    if (is_told_elsewhere(run))
        return;
    if (run->dialect) {
        chat_buf_clear(&answer->out);
        chat_encoder_finish(answer->encoder, &answer->out, find_finish(run),
                            &answer->seen->usage);
    }
    chat_reply_json(run->r, run->record.status, chat_run_gathered(run));
}

static void tell(chat_run_t *run, const ending_t *ending)
{
    switch (ending->tell) {
    case TELL_NOTHING:
        return;
    case TELL_ERROR:
        chat_run_tell_error(run, &ending->err);
        return;
    case TELL_WHOLE:
        send_whole(run);
        return;
    case TELL_LAST:
        send_last(run, ending);
        if (run->record.outcome != CHAT_OUTCOME_COMPLETE &&
            !(run->dialect && run->dialect->tells_errors) &&
            !is_filtered(run) && run->end.why != CHAT_END_CANCELLED &&
            run->end.why != CHAT_END_SHUTDOWN)
            chat_reply_break(run->r);
        return;
    }
}

/* ---- all of it ---- */

/* The limits said no, before any call. */
static void complete_limited(chat_run_t *run)
{
    chat_reply_headers(run->r, chat_limit_headers(run->ticket));
    chat_run_own_forget(run);
    run->record.provider = run->record.model = NULL;
    chat_run_refuse(run, chat_limit_refusal(run->ticket));
}

void chat_run_complete(void *ctx, const chat_end_t *end)
{
    chat_run_t *run = ctx;
    ending_t ending = {TELL_NOTHING};
    chat_result_t result;
    chat_err_t refusal;

    chat_run_finish(run, end);
    chat_run_look(run);
    chat_run_report(run, end);
    run->end = *end;
    if (end->why == CHAT_END_REFUSED) {
        complete_limited(run);
        return;
    }
    chat_run_send_held(run);
    chat_run_flush(run);
    chat_run_coalesce_flush(run);
    chat_run_result(&result, &refusal, run, end);
    chat_run_move(run, CHAT_RUN_ENDING);
    run->record.ttft = result.answering ? end->first : -1;
    run->record.detail = end->detail;
    find_ending(run, &ending, &result);
    run->code = ending.err.code;
    run->record.own_key = run->attempt.own_key;
    chat_run_bill(run, &result);
    if (run->vercel)
        ending.err.message = CHAT_DIALECT_VERCEL_BROKEN;
    write_ahead(run, &ending);
    chat_run_trace_over(run);
    chat_run_tap_end(run);
    tell(run, &ending);
    chat_run_own_mark(run);
    chat_run_own_forget(run);
    chat_run_tap_over(run);
    chat_sse_reset(run->answer.sse);
    chat_run_move(run, CHAT_RUN_DONE);
}
