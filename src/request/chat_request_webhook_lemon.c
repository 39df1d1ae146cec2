/* SPDX-License-Identifier: Apache-2.0 */
/* What an event of Lemon Squeezy says of who pays. Pure, any thread. */
#include <string.h>

#include <apr_strings.h>

#include "chat_crypto.h"
#include "chat_request_webhook.h"

typedef chat_request_webhook_t event_t;

/* It has no id: an event that is sent again has the same bytes. */
static const char *digest(const char *body, apr_size_t len, apr_pool_t *p)
{
    unsigned char sum[CHAT_SHA256_LEN];
    char *hex = apr_palloc(p, 2 * sizeof(sum) + 1);

    if (chat_crypto_sha256(sum, body, len) != APR_SUCCESS)
        return NULL;
    chat_crypto_hex(hex, sum, sizeof(sum));
    return hex;
}

static apr_int64_t time_of(const chat_json_t *attributes, const char *name)
{
    const char *text = chat_json_string(chat_json_get(attributes, name));
    apr_int64_t time = text ? chat_request_rest_time(text) : 0;

    return time > 0 ? time : 0;
}

static apr_int64_t later(apr_int64_t time, apr_int64_t grace)
{
    return time ? time + grace : 0;
}

/* What is cancelled goes on until it ends; what is paused is so where it was
 * paused for free. */
static void read_access(event_t *e, const chat_json_t *a, apr_int64_t grace)
{
    const char *mode =
        chat_json_string(chat_json_path(a, "pause", "mode", NULL));
    apr_int64_t renews = time_of(a, "renews_at");
    apr_int64_t ends = time_of(a, "ends_at");
    apr_int64_t trial = time_of(a, "trial_ends_at");

    if (!strcmp(e->status, "active") || !strcmp(e->status, "on_trial")) {
        e->access = 1;
        e->until = later(renews > trial ? renews : trial, grace);
    }
    else if (!strcmp(e->status, "cancelled")) {
        e->access = ends != 0;
        e->until = ends;
    }
    else if (!strcmp(e->status, "past_due")) {
        e->access = e->grace = 1;
        e->until = e->at + grace;
    }
    else if (!strcmp(e->status, "paused")) {
        e->access = mode && !strcmp(mode, "free");
    }
}

static void read_subscription(event_t *e, const chat_json_t *a,
                              apr_int64_t grace, apr_pool_t *p)
{
    const char *variant =
        chat_request_webhook_text(chat_json_get(a, "variant_id"), p);

    e->status = chat_request_webhook_text(chat_json_get(a, "status"), p);
    e->counts = e->subscription && e->status;
    if (!e->counts)
        return;
    e->customer = chat_request_webhook_text(chat_json_get(a, "customer_id"), p);
    if (variant)
        APR_ARRAY_PUSH(e->prices, const char *) =
            apr_pstrcat(p, "variant:", variant, NULL);
    read_access(e, a, grace);
}

/* The body's name of the event counts: no header is signed. */
apr_status_t chat_request_webhook_lemon(event_t *e, const chat_json_t *root,
                                        const char *body, apr_size_t len,
                                        apr_int64_t grace, chat_err_t *err,
                                        apr_pool_t *p)
{
    const chat_json_t *meta = chat_json_get(root, "meta");
    const chat_json_t *data = chat_json_get(root, "data");
    const chat_json_t *a = chat_json_get(data, "attributes");
    const char *kind = chat_json_string(chat_json_get(data, "type"));

    e->id = digest(body, len, p);
    e->type = chat_request_webhook_text(chat_json_get(meta, "event_name"), p);
    e->at = time_of(a, "updated_at");
    if (!e->id || !e->type || !kind || !a)
        return chat_request_webhook_invalid(
            err, "What is signed is no event: it has no meta.event_name, "
                 "data.type or data.attributes.");
    e->test = chat_json_boolean(chat_json_get(a, "test_mode"));
    if (e->test < 0)
        e->test = chat_json_boolean(chat_json_get(meta, "test_mode"));
    e->user = chat_request_webhook_text(
        chat_json_path(meta, "custom_data", "user_id", NULL), p);
    if (strcmp(kind, "subscriptions") != 0) /* an invoice, an order, ... */
        return APR_SUCCESS;
    if (!e->at)
        return chat_request_webhook_invalid(
            err, "The subscription has no time in \"updated_at\".");
    e->subscription = chat_request_webhook_text(chat_json_get(data, "id"), p);
    read_subscription(e, a, grace, p);
    return APR_SUCCESS;
}
