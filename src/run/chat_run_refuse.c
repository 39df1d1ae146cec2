/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client is told where there is no answer, in the form of its route.
 * Whoever owns the request.
 */
#include "chat_run_int.h"

#include "chat_reply.h"

/* A 5xx that our own side caused is no refusal of the client. */
static chat_outcome_e outcome_of(const chat_err_t *err)
{
    switch (err->status) {
    case HTTP_BAD_GATEWAY:
        return CHAT_OUTCOME_UPSTREAM_ERROR;
    case HTTP_GATEWAY_TIME_OUT:
        return CHAT_OUTCOME_TIMEOUT;
    case HTTP_TOO_MANY_REQUESTS:
        return CHAT_OUTCOME_LIMITED;
    default:
        return CHAT_OUTCOME_REFUSED;
    }
}

/* Our own form, wherever nobody has another. The SDKs of providers look for
 * what is wrong in an object "error", as OpenAI has it. */
static const chat_dialect_t *find_form(const chat_dir_conf_t *conf)
{
    const chat_dialect_t *dialect =
        chat_dialect_get(chat_config_route_name(conf->route.id));
    int native =
        conf->request.native &&
        (chat_config_route_flags(conf->route.id) & CHAT_ROUTE_PASSTHROUGH);

    return dialect ? dialect
                   : chat_dialect_get(native ? "completions" : "stream");
}

void chat_run_error(const chat_ctx_t *ctx, const chat_err_t *err)
{
    chat_reply_error(
        ctx->r, err,
        find_form(ctx->dir)->refusal(err, ctx->request_id, ctx->r->pool));
}

int chat_run_refuse(chat_run_t *run, const chat_err_t *err)
{
    chat_run_move(run, CHAT_RUN_ENDING);
    run->record.status = err->status;
    run->record.outcome = outcome_of(err);
    run->record.detail = run->code = err->code;
    run->refused = 1;
    chat_run_tap_end(run);
    chat_run_move(run, CHAT_RUN_DONE);
    if (run->r->eos_sent) /* httpd has answered while the body was read */
        return AP_FILTER_ERROR;
    chat_run_error(run->ctx, err);
    chat_run_tap_over(run);
    return OK;
}
