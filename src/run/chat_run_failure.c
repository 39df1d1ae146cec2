/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a call that ended means.
 *
 * What is tried again is what the upstream has said no to (429, 5xx), or what
 * it cannot have got. A call that it may have accepted is somebody's money.
 * What the provider said last counts, whoever closed first: clients leave once
 * they have seen the end or an error, and a provider may keep its connection
 * open after it. Pure, any thread.
 */
#include "chat_run_failure.h"

#include <string.h>

#include <apr_date.h>
#include <apr_strings.h>

/* No pause between two calls is doubled more often. */
#define DOUBLINGS_MAX 10

/* A longer Retry-After, in digits, is longer than anybody waits. */
#define DELAY_DIGITS 9

/* ---- whether another call may help ---- */

static chat_remedy_e remedy_of_status(int status)
{
    switch (status) {
    case 401:
    case 402:
    case 403:
        return CHAT_REMEDY_KEY;
    case 404:
        return CHAT_REMEDY_ANOTHER;
    case 429:
        return CHAT_REMEDY_SAME;
    case 408:
    case 504: /* some gateway gave up waiting: what was behind it may not */
    case 520:
    case 524:
        return CHAT_REMEDY_ACCEPTED;
    default:
        return status >= 500 ? CHAT_REMEDY_SAME : CHAT_REMEDY_NONE;
    }
}

/* In full, or with more than we gather: it would be so again. */
static int is_answered(const chat_result_t *x)
{
    return !x->seen->failed &&
           (x->seen->ended ||
            (x->answering && x->end->why == CHAT_END_STOPPED));
}

static chat_remedy_e remedy_of_refusal(int status, const chat_err_t *refusal)
{
    /* The provider's words say more than its status. */
    if (refusal->cause == CHAT_CAUSE_AUTH)
        return CHAT_REMEDY_KEY;
    if (refusal->cause == CHAT_CAUSE_QUOTA)
        return CHAT_REMEDY_ANOTHER;
    /* About what was asked, which is the client's: no key is worse for it. */
    if (status == 403)
        return CHAT_REMEDY_ANOTHER;
    return remedy_of_status(status);
}

/* A refusal that came in a 200 is what it would have been with its status, but
 * not behind the first piece of an answer, which somebody pays for. */
chat_remedy_e chat_run_failure_remedy(const chat_result_t *x)
{
    if (x->sent && x->answering)
        return CHAT_REMEDY_NONE;
    if (x->seen->failed && x->seen->status && x->seen->deltas == 0)
        return remedy_of_refusal(x->seen->status, &x->seen->refusal);
    if (x->answering || x->status == 200)
        return is_answered(x) ? CHAT_REMEDY_NONE : CHAT_REMEDY_ACCEPTED;
    if (!x->status)
        return x->end->asked ? CHAT_REMEDY_ACCEPTED : CHAT_REMEDY_SAME;
    return remedy_of_refusal(x->status, x->refusal);
}

/* ---- what the breaker learns ---- */

/* It went on until its total time was up: how long an answer takes is also its
 * reader's doing, and the question's. */
static int took_too_long(const chat_result_t *x)
{
    return x->answering && x->end->why == CHAT_END_TIMEOUT && x->total > 0 &&
           x->end->total >= x->total;
}

/* Neither an answer nor a refusal: a page, a redirect, a stream that just ends.
 * What is gathered unchanged has not been looked at. */
static int is_neither(const chat_result_t *x)
{
    if (!x->answering)
        return x->status < 400;
    return x->end->why == CHAT_END_COMPLETE && !x->unread && !x->seen->ended &&
           !x->seen->failed;
}

/* Of a refusal that came in a 200, instead of an answer, what it would have
 * had. */
static int status_of(const chat_result_t *x)
{
    return x->seen->failed && x->seen->status && x->seen->deltas == 0 &&
                   !x->sent
               ? x->seen->status
               : x->status;
}

chat_verdict_e chat_run_failure_verdict(const chat_result_t *x)
{
    chat_end_e why = x->end->why;

    if (!x->end->made || took_too_long(x))
        return CHAT_VERDICT_UNKNOWN;
    if (why == CHAT_END_GONE || why == CHAT_END_STALLED ||
        why == CHAT_END_CANCELLED || why == CHAT_END_SHUTDOWN)
        return x->status && x->status < 500 ? CHAT_VERDICT_OK
                                            : CHAT_VERDICT_UNKNOWN;
    if (status_of(x) >= 500 || why == CHAT_END_TIMEOUT ||
        why == CHAT_END_BROKEN || is_neither(x))
        return x->seen->ended && !x->seen->failed ? CHAT_VERDICT_OK
                                                  : CHAT_VERDICT_FAILED;
    return CHAT_VERDICT_OK;
}

const char *chat_run_failure_word(const chat_result_t *x)
{
    chat_end_e why = x->end->why;
    int status = status_of(x);

    if (!x->end->made)
        return NULL;
    if (x->seen->ended && !x->seen->failed)
        return "ok";
    if (why == CHAT_END_GONE || why == CHAT_END_STALLED ||
        why == CHAT_END_CANCELLED || why == CHAT_END_SHUTDOWN)
        return "cancelled";
    if (status == 429)
        return "rate_limited";
    if (status == 401 || status == 403)
        return "auth";
    if (status >= 400)
        return status >= 500 ? "failed" : "refused";
    if (why == CHAT_END_UNREACHED)
        return "unreached";
    if (why == CHAT_END_TIMEOUT)
        return "timeout";
    return x->seen->failed                                       ? "failed"
           : x->unread && x->answering && why != CHAT_END_BROKEN ? "ok"
                                                                 : "broken";
}

/* ---- what it is in the log ---- */

chat_outcome_e chat_run_failure_outcome(const chat_result_t *x,
                                        const char **pdetail)
{
    chat_err_t err;

    if (x->seen->failed) {
        *pdetail = x->seen->error[0] ? x->seen->error
                                     : "the provider sent an error event";
        return CHAT_OUTCOME_UPSTREAM_ERROR;
    }
    if (x->end->why == CHAT_END_STALLED || x->end->why == CHAT_END_SHUTDOWN)
        return CHAT_OUTCOME_CANCELLED;
    if (x->seen->ended)
        return CHAT_OUTCOME_COMPLETE;
    if (x->end->why == CHAT_END_GONE || x->end->why == CHAT_END_CANCELLED)
        return CHAT_OUTCOME_CANCELLED;
    if (x->end->why == CHAT_END_TIMEOUT)
        return CHAT_OUTCOME_TIMEOUT;
    if (!x->answering) {
        chat_run_failure_no_answer(&err, x);
        *pdetail = err.code;
        return CHAT_OUTCOME_UPSTREAM_ERROR;
    }
    if (!*pdetail)
        *pdetail = "the stream ended without its terminal event";
    return CHAT_OUTCOME_TRUNCATED;
}

/* ---- what the client is told ---- */

void chat_run_failure_no_answer(chat_err_t *err, const chat_result_t *x)
{
    memset(err, 0, sizeof(*err));
    if (x->end->why == CHAT_END_TIMEOUT)
        chat_err_set(err, APR_TIMEUP, 504, "upstream_timeout",
                     "The provider did not answer in time.");
    else if (!x->status)
        chat_err_set(err, APR_EGENERAL, 502, "upstream_unreachable",
                     "The provider cannot be reached right now.");
    else
        *err = *x->refusal;
}

void chat_run_failure_broken(chat_err_t *err, const chat_result_t *x)
{
    memset(err, 0, sizeof(*err));
    if (x->seen->failed && x->seen->status) {
        *err = x->seen->refusal;
        err->retry_after = x->refusal->retry_after;
    }
    else if (x->seen->failed) {
        chat_err_set(err, APR_EGENERAL, 502, "upstream_error",
                     "The provider ended its answer with an error.");
        err->upstream = &x->seen->told;
    }
    else if (x->end->why == CHAT_END_TIMEOUT)
        chat_err_set(err, APR_EGENERAL, 504, "upstream_timeout",
                     "The provider did not go on in time.");
    else if (x->end->why == CHAT_END_SHUTDOWN)
        chat_err_set(err, APR_EGENERAL, 503, "shutdown", "This server stops.");
    else if (x->whole && x->end->why == CHAT_END_STOPPED && !x->seen->ended)
        chat_err_set(err, APR_EGENERAL, 502, "answer_too_large",
                     "The answer is larger than what this server gathers: ask "
                     "for a stream.");
    else
        chat_err_set(err, APR_EGENERAL, 502, "upstream_truncated",
                     "The provider broke off in the middle of its answer.");
}

/* ---- when to call again ---- */

apr_interval_time_t chat_run_failure_retry_after(const char *value,
                                                 apr_time_t now)
{
    apr_time_t date;
    apr_size_t digits;

    if (!value)
        return -1;
    digits = strspn(value, "0123456789");
    if (!value[digits])
        return digits > DELAY_DIGITS ? APR_INT64_MAX
                                     : apr_time_from_sec(apr_atoi64(value));
    date = apr_date_parse_http(value);
    if (date == APR_DATE_BAD)
        return -1;
    return date < now ? 0 : date - now;
}

apr_interval_time_t chat_run_failure_backoff(apr_interval_time_t base,
                                             apr_interval_time_t most,
                                             int number, unsigned char noise)
{
    int doublings = number - 1 < DOUBLINGS_MAX ? number - 1 : DOUBLINGS_MAX;
    apr_interval_time_t wait = base << doublings;

    if (wait > most)
        wait = most;
    return wait + wait * (noise - 128) / 512;
}
