/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a chat ended: what it was, what the client is told, what it cost. On
 * whoever owns the request then.
 */
#include "chat_walk_int.h"

#include "chat_reply.h"
#include "chat_store.h"

/* ---- what went wrong ---- */

void chat_walk_explain(chat_err_t *err, chat_walk_t *w, const chat_end_t *end)
{
    const chat_try_t *try = &w->try;

    memset(err, 0, sizeof(*err));
    if (end->why == CHAT_END_TIMEOUT) {
        chat_err_set(err, APR_TIMEUP, HTTP_GATEWAY_TIME_OUT, "upstream_timeout",
                     "The provider did not answer in time.");
        return;
    }
    if (!try->status) {
        chat_err_set(err, APR_EGENERAL, HTTP_BAD_GATEWAY,
                     "upstream_unreachable",
                     "The provider cannot be reached right now.");
        return;
    }
    try->candidate->provider->map_error(err, try->status, try->refusal,
                                        try->refusal_len, w->r->pool);
    if (try->retry_after && (err->status == HTTP_TOO_MANY_REQUESTS ||
                             err->status == HTTP_SERVICE_UNAVAILABLE))
        err->retry_after = try->retry_after;
}

/* The same for an answer that had begun, by the upstream's account. */
static void explain_stream(chat_err_t *err, chat_walk_t *w,
                           const chat_end_t *end)
{
    memset(err, 0, sizeof(*err));
    if (w->cut) {
        err->cause = CHAT_CAUSE_BUDGET;
        chat_err_set(err, APR_EGENERAL, HTTP_TOO_MANY_REQUESTS,
                     "budget_exhausted", "The token budget ended this answer.");
    }
    else if (w->seen->failed)
        chat_err_set(err, APR_EGENERAL, HTTP_BAD_GATEWAY, "upstream_error",
                     "The provider ended its answer with an error.");
    else if (end->why == CHAT_END_TIMEOUT)
        chat_err_set(err, APR_EGENERAL, HTTP_GATEWAY_TIME_OUT,
                     "upstream_timeout", "The provider did not go on in time.");
    else if (end->why == CHAT_END_SHUTDOWN)
        chat_err_set(err, APR_EGENERAL, HTTP_SERVICE_UNAVAILABLE, "shutdown",
                     "This server stops.");
    else if (w->whole && end->why == CHAT_END_STOPPED && !w->seen->ended)
        chat_err_set(err, APR_EGENERAL, HTTP_BAD_GATEWAY, "answer_too_large",
                     "The answer is larger than what this server gathers: ask "
                     "for a stream.");
    else
        chat_err_set(err, APR_EGENERAL, HTTP_BAD_GATEWAY, "upstream_truncated",
                     "The provider broke off in the middle of its answer.");
}

/* ---- what it was ---- */

/*
 * The outcome of an answer that began. What the provider said last counts,
 * whoever closed first: clients leave once they have seen the end or an error,
 * and a provider may keep its connection open after it.
 */
static chat_outcome_e judge(chat_walk_t *w, const chat_end_t *end)
{
    chat_err_t err;

    if (w->cut) {
        w->facts.detail = "the token budget ended the answer";
        return CHAT_OUTCOME_LIMITED;
    }
    if (w->seen->failed) {
        w->facts.detail = w->seen->error[0]
                              ? w->seen->error
                              : "the provider sent an error event";
        return CHAT_OUTCOME_UPSTREAM_ERROR;
    }
    if (end->why == CHAT_END_STALLED || end->why == CHAT_END_SHUTDOWN)
        return CHAT_OUTCOME_CANCELLED;
    if (w->seen->ended)
        return CHAT_OUTCOME_COMPLETE;
    if (end->why == CHAT_END_GONE)
        return CHAT_OUTCOME_CANCELLED;
    if (end->why == CHAT_END_TIMEOUT)
        return CHAT_OUTCOME_TIMEOUT;
    if (!w->try.streaming) {
        chat_walk_explain(&err, w, end);
        w->facts.detail = err.code;
        return CHAT_OUTCOME_UPSTREAM_ERROR;
    }
    if (!w->facts.detail)
        w->facts.detail = "the stream ended without its terminal event";
    return CHAT_OUTCOME_TRUNCATED;
}

void chat_walk_look(chat_walk_t *w)
{
    if (w->whole && !w->dialect && w->try.streaming && !w->seen->ended)
        w->try.candidate->provider->observe_body(
            w->seen, w->out.data, w->out.len, &w->try.upstream, w->r->pool);
}

int chat_walk_failed(void *ctx)
{
    chat_walk_t *w = ctx;

    chat_walk_look(w);
    return !w->cut && (!w->try.streaming || w->seen->failed || !w->seen->ended);
}

/* ---- what the client gets ---- */

static void tell(chat_walk_t *w, int status, chat_outcome_e outcome)
{
    w->facts.status = status;
    w->facts.usage = w->seen->usage;
    w->facts.outcome = outcome;
    chat_facts_tell(w->r, &w->facts);
}

static void refuse(chat_walk_t *w, const chat_err_t *err,
                   chat_outcome_e outcome)
{
    if (!w->facts.detail)
        w->facts.detail = err->code;
    tell(w, err->status, outcome);
    chat_handler_error(w->r, w->conf, err);
}

/* The last words of a dialect: the end of the answer, or why there is none. */
static void say_last(chat_walk_t *w, const chat_end_t *end,
                     chat_outcome_e outcome)
{
    chat_err_t err;

    if (end->why == CHAT_END_SHUTDOWN || end->why == CHAT_END_STALLED ||
        w->r->connection->aborted)
        return;
    chat_buf_clear(&w->out);
    if (outcome == CHAT_OUTCOME_COMPLETE)
        chat_voice_finish(w->voice, &w->out, w->parse->finish, &w->seen->usage);
    else {
        if (w->try.streaming)
            explain_stream(&err, w, end);
        else
            chat_walk_explain(&err, w, end);
        chat_voice_fail(w->voice, &w->out, &err);
    }
    chat_walk_say(w);
}

/* A whole answer is worth remembering, nothing else. Before the client is told
 * that it is whole: the next question may follow at once. */
static void remember(chat_walk_t *w, chat_outcome_e outcome)
{
    if (w->session && outcome == CHAT_OUTCOME_COMPLETE)
        chat_store_context_add(w->r, w->user->id, w->session, w->question,
                               w->said.data ? w->said.data : "", w->said.len);
}

/* An answer that has begun to flow. */
static void settle_stream(chat_walk_t *w, const chat_end_t *end)
{
    chat_outcome_e outcome = judge(w, end);

    remember(w, outcome);
    if (w->dialect)
        say_last(w, end, outcome);
    tell(w, w->r->status, outcome);
    if (outcome != CHAT_OUTCOME_COMPLETE && end->why != CHAT_END_SHUTDOWN)
        chat_reply_break(w->r);
}

static void settle_refusal(chat_walk_t *w, const chat_end_t *end)
{
    chat_err_t err;

    chat_walk_explain(&err, w, end);
    refuse(w, &err,
           err.status == HTTP_GATEWAY_TIME_OUT ? CHAT_OUTCOME_TIMEOUT
                                               : CHAT_OUTCOME_UPSTREAM_ERROR);
}

/* An answer of which nothing has been sent, because it was gathered or empty:
 * what went wrong can still be a status. */
static void settle_whole(chat_walk_t *w, const chat_end_t *end)
{
    chat_outcome_e outcome;
    chat_err_t err;

    outcome = judge(w, end);
    /* What a budget ended is told as far as it went. */
    if (w->dialect && w->whole &&
        (outcome == CHAT_OUTCOME_COMPLETE || outcome == CHAT_OUTCOME_LIMITED)) {
        chat_buf_clear(&w->out);
        chat_voice_finish(w->voice, &w->out,
                          w->cut ? CHAT_FINISH_LENGTH : w->parse->finish,
                          &w->seen->usage);
    }
    else if (outcome != CHAT_OUTCOME_COMPLETE) {
        if (w->events == 0 && w->out.len == 0) {
            settle_refusal(w, end);
            return;
        }
        explain_stream(&err, w, end);
        refuse(w, &err, outcome);
        return;
    }
    if (!w->whole) {
        settle_stream(w, end);
        return;
    }
    remember(w, outcome);
    tell(w, HTTP_OK, outcome);
    chat_walk_name(w);
    chat_buf_put(&w->out, "", 1);
    chat_reply_json(w->r, HTTP_OK, w->out.data);
}

/* The client left before it got anything: 499 is what others log. */
static void settle_nothing(chat_walk_t *w)
{
    w->r->status = 499;
    tell(w, 499, CHAT_OUTCOME_CANCELLED);
}

/* The limits said no, before any call. */
static void settle_refused(chat_walk_t *w)
{
    chat_limit_settle(w->ticket, 0);
    chat_reply_headers(w->r, chat_limit_headers(w->ticket));
    w->facts.provider = w->facts.model = NULL;
    chat_handler_refuse(w->r, w->conf, &w->facts,
                        chat_limit_refusal(w->ticket));
}

/* ---- all of it ---- */

void chat_walk_complete(void *ctx, const chat_end_t *end)
{
    chat_walk_t *w = ctx;

    chat_walk_look(w);
    chat_walk_tell(w, end);
    if (end->why == CHAT_END_REFUSED) {
        settle_refused(w);
        return;
    }
    w->facts.ttft = w->try.streaming ? end->first : -1;
    w->facts.duration = apr_time_now() - w->r->request_time;
    w->facts.detail = end->detail;
    chat_limit_settle(w->ticket, chat_walk_cost(w, end));
    if (w->sent)
        settle_stream(w, end);
    else if (w->r->connection->aborted)
        settle_nothing(w);
    else if (w->try.streaming)
        settle_whole(w, end);
    else
        settle_refusal(w, end);
    chat_sse_reset(w->sse);
}
