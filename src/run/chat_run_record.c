/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tap of the log: one line and the variables of LogFormat for every run,
 * whatever became of it. Whoever owns the request then.
 */
#include "chat_run_int.h"

/* Each call that is billed; with a key of the user's own the house pays
 * nothing. */
static void count_usage(const chat_run_t *run)
{
    int i;

    for (i = 0; run->bills && i < run->bills->nelts; i++) {
        const chat_bill_t *bill = &APR_ARRAY_IDX(run->bills, i, chat_bill_t);

        chat_telemetry_count_usage(run->r->server, bill->provider, bill->model,
                                   &bill->usage,
                                   bill->own_key ? 0 : bill->cost);
    }
}

static void record_end(chat_run_t *run, void *ctx)
{
    run->record.duration = apr_time_now() - run->r->request_time;
    run->record.code = run->code;
    run->record.cost = chat_run_spent(run).cost;
    count_usage(run);
    chat_telemetry_write(run->r, &run->record);
}

const chat_tap_t chat_run_record = {
    .name = "record",
    .end = record_end,
};
