/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What providers bill for a run: each call that was answered is one, also where
 * another answered in its stead, or the client left. Whoever owns the request;
 * the driver, when a call is over and another follows.
 */
#include "chat_run_int.h"

chat_price_t chat_run_price(const chat_candidate_t *candidate)
{
    static const chat_price_t unknown = CHAT_PRICE_UNKNOWN;

    return candidate->model ? candidate->model->price : unknown;
}

static apr_int64_t dearer(apr_int64_t price, apr_int64_t other)
{
    return other > price ? other : price;
}

chat_price_t chat_run_dearest(const chat_run_t *run)
{
    chat_price_t all = {0, 0, -1, -1};
    int i;

    for (i = 0; i < run->ncandidates; i++) {
        const chat_price_t price = chat_run_price(&run->candidates[i]);

        if (!chat_price_known(&price))
            return price;
        all.in = dearer(all.in, dearer(price.in, price.cached));
        all.out = dearer(all.out, dearer(price.out, price.thought));
    }
    return all;
}

/* A provider may say any number: two of them must still have a sum, and none is
 * no number where something was seen. */
static apr_int64_t credible(apr_int64_t billed, apr_int64_t estimate)
{
    return billed > 0 && billed <= APR_INT32_MAX ? billed : estimate;
}

/* It is one JSON text, of which nothing can be known before its end. */
static int is_unread(const chat_run_t *run)
{
    return run->whole && !run->dialect && chat_run_is_answering(run) &&
           !run->answer.seen->ended;
}

/* The client left while its answer was being made, or stopped it. */
static int is_abandoned(const chat_run_t *run)
{
    return run->end.asked && (!run->attempt.status || is_unread(run)) &&
           (run->end.why == CHAT_END_GONE || run->end.why == CHAT_END_STALLED ||
            run->end.why == CHAT_END_CANCELLED);
}

/* Else a budget would hold for those alone who wait. One that is made whole is
 * mostly finished, and billed, all the same. */
static apr_int64_t abandoned_output(const chat_run_t *run)
{
    return run->whole && !run->dialect ? run->request.turn.max_output_tokens
                                       : 0;
}

/* A stream that began with a failure is no answer, if no tokens were counted.
 */
static int is_answered(const chat_run_t *run, const chat_result_t *result)
{
    const chat_seen_t *seen = run->answer.seen;

    return result->answering &&
           !(run->attempt.is_refused && !seen->deltas &&
             seen->usage.input <= 0 && seen->usage.output <= 0);
}

/* Some say at the beginning how much there is so far. */
static apr_int64_t output_of(const chat_seen_t *seen)
{
    apr_int64_t estimate = chat_run_cost_output(seen);
    apr_int64_t billed = credible(seen->usage.output, estimate);

    return seen->ended || billed > estimate ? billed : estimate;
}

/* 0: the call that was made last is not billed. */
static int make_bill(chat_bill_t *bill, const chat_run_t *run,
                     const chat_result_t *result)
{
    const chat_seen_t *seen = run->answer.seen;
    chat_price_t price;

    if (is_abandoned(run)) {
        bill->usage.input = run->input_tokens;
        bill->usage.output = abandoned_output(run);
    }
    else if (is_answered(run, result)) {
        bill->usage.input = credible(seen->usage.input, run->input_tokens);
        bill->usage.output = output_of(seen);
        bill->usage.cached = credible(seen->usage.cached, 0);
        bill->usage.reasoning = credible(seen->usage.reasoning, 0);
    }
    else
        return 0;
    price = chat_run_price(run->attempt.candidate);
    bill->model = run->attempt.candidate->name;
    bill->provider = run->attempt.candidate->conf->name;
    bill->own_key = run->attempt.own_key;
    bill->cost = chat_price_cost(&price, &bill->usage);
    if (bill->cost < 0)
        bill->cost = chat_price_known(&price) ? CHAT_PRICE_MOST : 0;
    return 1;
}

/* It was asked for a whole answer, and nobody waited for it any more: the
 * provider says nothing before it has made all of it. */
static int is_unknown(const chat_run_t *run, const chat_result_t *result)
{
    return run->whole && !run->dialect && result->end->asked &&
           !run->attempt.status && !run->attempt.own_key;
}

int chat_run_bill(chat_run_t *run, const chat_result_t *result)
{
    chat_bill_t bill = {0};

    if (!make_bill(&bill, run, result)) {
        run->unbilled |= is_unknown(run, result);
        return 0;
    }
    if (!run->bills)
        run->bills = apr_array_make(run->r->pool, 1, sizeof(bill));
    APR_ARRAY_PUSH(run->bills, chat_bill_t) = bill;
    return 1;
}

/* An own key's calls cost the house nothing. A user has the tokens of one
 * answer, whatever it took to get it; the house pays for all calls. */
chat_limit_spent_t chat_run_spent(const chat_run_t *run)
{
    chat_limit_spent_t spent = {0, 0, 0};
    int i;

    for (i = 0; run->bills && i < run->bills->nelts; i++) {
        const chat_bill_t *bill = &APR_ARRAY_IDX(run->bills, i, chat_bill_t);

        if (bill->own_key)
            continue;
        spent.tokens = bill->usage.input + bill->usage.output;
        spent.cost += bill->cost;
    }
    if (run->unbilled)
        spent.cost = -1;
    return spent;
}

/* So that calls which were billed, and the one that follows, stay below what is
 * reserved for one. */
int chat_run_can_pay(const chat_run_t *run)
{
    return !run->ticket || !chat_limit_counts_cost(run->ticket) ||
           chat_run_spent(run).cost == 0;
}
