/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client is told where there is no answer, in the form of its route.
 * Whoever owns the request.
 */
#include "chat_run_vercel.h"

#include <string.h>

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

/* ---- the form ---- */

typedef const char *refusal_fn(const chat_err_t *err, const char *id,
                               apr_pool_t *p);

const chat_provider_t *chat_run_spoken(request_rec *r,
                                       const chat_dir_conf_t *conf)
{
    const chat_provider_conf_t *first = NULL;

    if (!conf->request.native ||
        !(chat_config_route_flags(conf->route.id) & CHAT_ROUTE_PASSTHROUGH))
        return NULL;
    if (conf->route.use->nelts)
        first = chat_config_provider(
            r->server, APR_ARRAY_IDX(conf->route.use, 0, const char *));
    return first ? chat_provider_get(first->type) : NULL;
}

/* Do clients of this location speak some provider's own API? */
static int is_foreign(const chat_ctx_t *ctx)
{
    return ctx->dir->route.id == CHAT_ROUTE_completions ||
           chat_run_spoken(ctx->r, ctx->dir) != NULL;
}

/* Our own form, wherever nobody has another. Those who have none of their own
 * are like OpenAI. */
static refusal_fn *find_form(const chat_ctx_t *ctx)
{
    const chat_dialect_t *dialect =
        chat_dialect_get(chat_config_route_name(ctx->dir->route.id));
    const chat_provider_t *spoken = chat_run_spoken(ctx->r, ctx->dir);

    if (chat_run_vercel_is(ctx))
        return chat_dialect_vercel_refusal;
    if (spoken && spoken->refusal)
        return spoken->refusal;
    if (spoken)
        return chat_dialect_get("completions")->refusal;
    return (dialect ? dialect : chat_dialect_get("stream"))->refusal;
}

/* SDKs of providers tell errors by their status; on our own routes a question
 * that is wrong is a 400 and its code says why. */
int chat_run_status(const chat_ctx_t *ctx, const chat_err_t *err)
{
    int theirs = err->upstream ? err->upstream->status : 0;

    if (chat_run_vercel_is(ctx))
        return chat_dialect_vercel_status(err);
    if (err->status != HTTP_BAD_REQUEST || !is_foreign(ctx))
        return err->status;
    if (strcmp(err->code, "model_not_found") == 0)
        return HTTP_NOT_FOUND;
    return theirs == HTTP_CONFLICT || theirs == HTTP_REQUEST_ENTITY_TOO_LARGE ||
                   theirs == HTTP_UNPROCESSABLE_ENTITY
               ? theirs
               : err->status;
}

void chat_run_error(const chat_ctx_t *ctx, const chat_err_t *err)
{
    chat_err_t told = *err;

    told.status = chat_run_status(ctx, err);
    chat_reply_error(ctx->r, &told,
                     find_form(ctx)(&told, ctx->request_id, ctx->r->pool));
}

/* What the provider could not do is the answer that the client got. */
int chat_run_is_kept(const chat_run_t *run)
{
    return run->kept && run->kept->begun &&
           (!run->refused || !strncmp(run->code, "upstream_", 9));
}

void chat_run_tell_error(chat_run_t *run, const chat_err_t *err)
{
    const chat_run_question_t *question = run->question;
    chat_err_t told = *err;

    chat_run_name_others(run, &told);
    if (!question || !question->tell_error ||
        question->tell_error(question->told, run->ctx, chat_run_is_kept(run),
                             &told) != APR_SUCCESS)
        chat_run_error(run->ctx, &told);
}

int chat_run_refuse(chat_run_t *run, const chat_err_t *err)
{
    chat_run_move(run, CHAT_RUN_ENDING);
    run->record.status = chat_run_status(run->ctx, err);
    run->record.outcome = outcome_of(err);
    run->record.detail = run->code = err->code;
    run->record.limit = chat_limit_refusing(run->ticket);
    run->refused = 1;
    chat_run_own_forget(run);
    chat_run_tap_end(run);
    chat_run_move(run, CHAT_RUN_DONE);
    if (run->r->eos_sent) /* httpd has answered while the body was read */
        return AP_FILTER_ERROR;
    chat_run_tell_error(run, err);
    chat_run_tap_over(run);
    return OK;
}
