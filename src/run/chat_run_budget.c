/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tap of the limits: ends an answer whose token budget is gone (ChatLimit
 * cut=on), and settles what was reserved with what it really cost. Threads as
 * in chat_run_tap.h.
 */
#include "chat_run_int.h"

typedef struct state_t {
    const chat_run_t *run;
    apr_int64_t cut_after; /* tokens of answer; -1: not asked yet */
} state_t;

static const chat_cut_t exhausted = {
    .status = HTTP_TOO_MANY_REQUESTS,
    .cause = CHAT_CAUSE_BUDGET,
    .code = "budget_exhausted",
    .message = "The token budget ended this answer.",
    .outcome = CHAT_OUTCOME_LIMITED,
    .detail = "the token budget ended the answer",
};

static int counts_tokens(const chat_run_t *run)
{
    return run->ticket && chat_limit_counts_tokens(run->ticket);
}

static apr_status_t budget_begin(void **pstate, chat_run_t *run,
                                 chat_err_t *err)
{
    state_t *state;

    if (!counts_tokens(run))
        return APR_SUCCESS;
    state = apr_palloc(run->r->pool, sizeof(*state));
    state->run = run;
    state->cut_after = -1;
    *pstate = state;
    return APR_SUCCESS;
}

/* What the limits allow is known once they have been asked, which may be after
 * begin. */
static const chat_cut_t *budget_progress(void *ctx)
{
    state_t *state = ctx;
    const chat_seen_t *seen = state->run->answer.seen;

    if (state->cut_after < 0)
        state->cut_after = chat_limit_cut_after(state->run->ticket);
    return state->cut_after < APR_INT64_MAX && !seen->ended &&
                   chat_run_cost_output(seen) >= state->cut_after
               ? &exhausted
               : NULL;
}

static void budget_end(chat_run_t *run, void *ctx)
{
    chat_limit_settle(run->ticket, chat_run_cost(run));
}

const chat_tap_t chat_run_budget = {
    .name = "budget",
    .begin = budget_begin,
    .progress = budget_progress,
    .end = budget_end,
};
