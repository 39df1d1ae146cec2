/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tap of the limits: ends an answer whose budget of tokens or money is gone
 * (ChatLimit cut=on), settles what was reserved with what it really cost, and
 * tells of a limit that is near. Threads as in chat_run_tap.h.
 */
#include "chat_run_abuse.h"

typedef struct state_t {
    const chat_run_t *run;
    apr_int64_t cut_after; /* tokens of this answer; -1: not asked yet */
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

/* Another model has another price. */
static void budget_restart(void *ctx)
{
    state_t *state = ctx;

    state->cut_after = -1;
}

/* Tokens of the answer for which the money is there. */
static apr_int64_t affordable(const chat_run_t *run)
{
    const chat_price_t price = chat_run_price(run->attempt.candidate);
    apr_int64_t cost = chat_limit_cut_cost(run->ticket);
    apr_int64_t billed = run->answer.seen->usage.input;

    if (cost == APR_INT64_MAX)
        return cost;
    if (billed <= 0)
        billed = run->input_tokens;
    return chat_price_tokens(&price, cost - chat_price_most(&price, billed, 0));
}

static apr_int64_t find_cut(const chat_run_t *run)
{
    apr_int64_t tokens = chat_limit_cut_after(run->ticket);
    apr_int64_t paid = affordable(run);

    return tokens < paid ? tokens : paid;
}

/* What the limits allow is known once they have been asked, which may be after
 * begin. */
static const chat_cut_t *budget_progress(void *ctx)
{
    state_t *state = ctx;
    const chat_seen_t *seen = state->run->answer.seen;

    if (state->cut_after < 0)
        state->cut_after = find_cut(state->run);
    return state->cut_after < APR_INT64_MAX && !seen->ended &&
                   chat_run_cost_output(seen) >= state->cut_after
               ? &exhausted
               : NULL;
}

static void budget_end(chat_run_t *run, void *ctx)
{
    chat_limit_spent_t spent = chat_run_spent(run);

    spent.blocked = chat_run_abuse_blocked(run);
    chat_limit_settle(run->ticket, &spent);
    if (run->ticket && !run->refused)
        run->notice = chat_limit_notice(run->ticket, &spent, run->r->pool);
    if (run->limits)
        run->limits = chat_limit_told(run->ticket, &spent, run->r->pool);
}

const chat_tap_t chat_run_budget = {
    .name = "budget",
    .begin = budget_begin,
    .restart = budget_restart,
    .progress = budget_progress,
    .end = budget_end,
};
