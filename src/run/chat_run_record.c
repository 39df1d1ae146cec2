/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tap of the log: one line and the variables of LogFormat for every run,
 * whatever became of it. Whoever owns the request then.
 */
#include "chat_run_int.h"

static void record_end(chat_run_t *run, void *ctx)
{
    run->record.duration = apr_time_now() - run->r->request_time;
    chat_telemetry_write(run->r, &run->record);
}

const chat_tap_t chat_run_record = {
    .name = "record",
    .end = record_end,
};
