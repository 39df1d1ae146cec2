/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The route of payment services' events: signed, so that there is no session,
 * no origin and no user. An answer of 200 means that it is done, or that
 * nothing would become of it another time either; a service tries again after
 * any other. Request thread.
 */
#include <string.h>

#include <httpd.h>
#include <apr_strings.h>

#include "chat_accounts.h"
#include "chat_log.h"
#include "chat_reply.h"
#include "chat_request.h"
#include "chat_route.h"
#include "chat_run.h"

#define RECEIVED "{\"received\":true}"

typedef chat_request_webhook_t event_t;

static const char *source_of(const chat_ctx_t *ctx)
{
    return ctx->dir->tier.webhook == CHAT_WEBHOOK_STRIPE ? "stripe"
                                                         : "lemonsqueezy";
}

/* ---- cheap refusals, the signature ---- */

static apr_status_t check_method(const chat_ctx_t *ctx, chat_err_t *err)
{
    if (ctx->r->method_number == M_POST)
        return chat_request_check_plain(ctx->r, err);
    err->allow = "POST";
    return chat_err_set(err, APR_ENOTIMPL, HTTP_METHOD_NOT_ALLOWED,
                        "method_not_allowed", "Only POST is accepted here.");
}

static apr_status_t check_setup(const chat_ctx_t *ctx, chat_err_t *err)
{
    const chat_dir_tier_t *tier = &ctx->dir->tier;
    const char *missing = tier->webhook == CHAT_WEBHOOK_NONE ? "ChatWebhook"
                          : !tier->secrets->nelts ? "ChatWebhookSecret"
                                                  : NULL;

    if (!missing)
        return APR_SUCCESS;
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, ctx->r,
                  CHATNO(0887) "%s: ChatRoute webhook has no %s", ctx->r->uri,
                  missing);
    return chat_err_set(err, APR_EGENERAL, HTTP_INTERNAL_SERVER_ERROR,
                        "misconfigured",
                        "This route is not set up completely.");
}

static apr_status_t check_signature(const chat_ctx_t *ctx, const char *body,
                                    apr_size_t len, chat_err_t *err)
{
    const chat_dir_tier_t *tier = &ctx->dir->tier;
    const char *why = NULL;
    const char *header = apr_table_get(
        ctx->r->headers_in, chat_request_webhook_header(tier->webhook));
    apr_status_t rv = chat_request_webhook_signed(
        &why, tier->webhook, header, body, len, tier->secrets,
        apr_time_sec(apr_time_now()), ctx->r->pool);

    if (rv == APR_SUCCESS)
        return rv;
    if (rv != APR_EACCES)
        return chat_err_set(err, rv, HTTP_SERVICE_UNAVAILABLE, "unavailable",
                            "The signature cannot be checked right now.");
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, ctx->r,
                  CHATNO(0888) "an event of %s is refused: %s", source_of(ctx),
                  why);
    return chat_err_set(err, rv, HTTP_BAD_REQUEST, "invalid_signature",
                        "The event is not signed as this server knows it.");
}

/* ---- what becomes of it ---- */

/* Why nothing does, though it is a good event; NULL: something does. */
static const char *why_not(const chat_ctx_t *ctx, const event_t *e)
{
    if (e->foreign)
        return "of another account";
    if (e->test >= 0 && e->test == ctx->dir->tier.live)
        return e->test ? "a test, and ChatWebhook has live=on"
                       : "not a test, and ChatWebhook has live=off";
    return e->counts ? NULL : "nothing that is known here";
}

/* The best tier of its prices; the lines go from the least to the best. */
static void find_tier(chat_store_payment_t *m, const chat_ctx_t *ctx,
                      const event_t *e)
{
    const apr_array_header_t *prices = ctx->dir->tier.prices;
    int i, k;

    for (i = 0; i < prices->nelts; i++) {
        const chat_tier_price_t *line =
            &APR_ARRAY_IDX(prices, i, chat_tier_price_t);

        for (k = 0; k < e->prices->nelts; k++) {
            if (strcmp(line->price, APR_ARRAY_IDX(e->prices, k, const char *)))
                continue;
            m->tier = line->tier;
            m->rank = i + 1;
        }
    }
}

static void log_event(const chat_ctx_t *ctx, const event_t *e,
                      const char *outcome, const char *more)
{
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, ctx->r,
                  CHATNO(0889) "%s event %s %s: %s%s%s", source_of(ctx),
                  ap_escape_logitem(ctx->r->pool, e->id),
                  ap_escape_logitem(ctx->r->pool, e->type), outcome,
                  more ? ", tier " : "", more ? more : "");
}

static void log_unpriced(const chat_ctx_t *ctx, const event_t *e)
{
    ap_log_rerror(
        APLOG_MARK, APLOG_WARNING, 0, ctx->r,
        CHATNO(0890) "%s event %s: no ChatTierPrice has %s, the tier "
                     "stays as it is",
        source_of(ctx), ap_escape_logitem(ctx->r->pool, e->id),
        ap_escape_logitem(ctx->r->pool,
                          apr_array_pstrcat(ctx->r->pool, e->prices, ' ')));
}

static apr_status_t apply(const chat_ctx_t *ctx, const event_t *e,
                          chat_err_t *err)
{
    const chat_store_at_t at = {
        .s = ctx->r->server, .r = ctx->r, .p = ctx->r->pool};
    chat_store_payment_t m = {
        .source = source_of(ctx),
        .event = e->id,
        .type = e->type,
        .at = e->at,
        .user = e->user,
        .customer = e->customer,
        .subscription = e->subscription,
        .status = e->status,
        .before = e->before,
        .access = e->access,
        .grace = e->grace,
        .until = e->until,
    };
    chat_payment_e outcome;
    const char *tier;
    apr_status_t rv;

    find_tier(&m, ctx, e);
    rv = chat_store_tier_apply(&outcome, &tier, &m, ctx->dir->tier.basic, &at,
                               err);
    if (rv != APR_SUCCESS)
        return rv;
    if (m.subscription && !m.tier && outcome != CHAT_PAYMENT_DUPLICATE)
        log_unpriced(ctx, e);
    log_event(ctx, e, chat_store_tier_outcome(outcome), tier);
    return APR_SUCCESS;
}

static apr_status_t take(const chat_ctx_t *ctx, const char *body,
                         apr_size_t len, chat_err_t *err)
{
    const char *why;
    event_t e;
    apr_status_t rv = chat_request_webhook_read(
        &e, ctx->dir->tier.webhook, body, len,
        apr_time_as_msec(ctx->dir->tier.grace), err, ctx->r->pool);

    if (rv != APR_SUCCESS)
        return rv;
    why = why_not(ctx, &e);
    if (!why)
        return apply(ctx, &e, err);
    log_event(ctx, &e, apr_pstrcat(ctx->r->pool, "ignored, ", why, NULL), NULL);
    return APR_SUCCESS;
}

int chat_route_webhook(chat_ctx_t *ctx)
{
    apr_size_t len = CHAT_REQUEST_WEBHOOK_MAX;
    chat_err_t err = {0};
    char *body = apr_palloc(ctx->r->pool, len);

    apr_table_setn(ctx->r->err_headers_out, "Cache-Control", "no-store");
    if (check_method(ctx, &err) == APR_SUCCESS &&
        check_setup(ctx, &err) == APR_SUCCESS &&
        chat_request_read_raw(body, &len, ctx->r, 0, &err) == APR_SUCCESS &&
        check_signature(ctx, body, len, &err) == APR_SUCCESS &&
        take(ctx, body, len, &err) == APR_SUCCESS) {
        chat_reply_json(ctx->r, HTTP_OK, RECEIVED);
        return OK;
    }
    if (ctx->r->eos_sent) /* httpd has answered while the body was read */
        return AP_FILTER_ERROR;
    chat_run_error(ctx, &err);
    return OK;
}
