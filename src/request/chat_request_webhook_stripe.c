/* SPDX-License-Identifier: Apache-2.0 */
/* What an event of Stripe says of who pays. Pure, any thread. */
#include <string.h>

#include <apr_strings.h>

#include "chat_request_webhook.h"

typedef chat_request_webhook_t event_t;

/* Times are whole seconds: behind them there is room for which of a second's
 * events comes first. */
enum { FIRST, USUAL, LAST };

static const struct {
    const char *type;
    int order;
} subscription_events[] = {
    {"customer.subscription.created", FIRST},
    {"customer.subscription.updated", USUAL},
    {"customer.subscription.paused", USUAL},
    {"customer.subscription.resumed", USUAL},
    {"customer.subscription.deleted", LAST},
};

/* An id, or the object that has it, where the endpoint expands. */
static const char *id_of(const chat_json_t *v, apr_pool_t *p)
{
    return chat_request_webhook_text(
        chat_json_kind(v) == CHAT_JSON_OBJECT ? chat_json_get(v, "id") : v, p);
}

/* By whichever of the two usual names. */
static const char *user_of(const chat_json_t *object, apr_pool_t *p)
{
    const chat_json_t *metadata = chat_json_get(object, "metadata");
    const char *user =
        chat_request_webhook_text(chat_json_get(metadata, "user_id"), p);

    return user ? user
                : chat_request_webhook_text(chat_json_get(metadata, "userId"),
                                            p);
}

/* ---- a subscription ---- */

static void add_price(event_t *e, const chat_json_t *price, apr_pool_t *p)
{
    const char *id = id_of(price, p);
    const char *key =
        chat_request_webhook_text(chat_json_get(price, "lookup_key"), p);

    if (id)
        APR_ARRAY_PUSH(e->prices, const char *) = id;
    if (key)
        APR_ARRAY_PUSH(e->prices, const char *) =
            apr_pstrcat(p, "lookup:", key, NULL);
}

/* The end of what is paid stands in the items, before 2025-03-31 in the
 * subscription itself. In seconds, 0: it does not say. */
static apr_int64_t read_items(event_t *e, const chat_json_t *object,
                              apr_pool_t *p)
{
    const chat_json_t *items = chat_json_path(object, "items", "data", NULL);
    apr_int64_t end = 0, one;
    int i;

    for (i = 0; i < chat_json_length(items); i++) {
        const chat_json_t *item = chat_json_at(items, i);

        add_price(e, chat_json_get(item, "price"), p);
        one = chat_json_integer(chat_json_get(item, "current_period_end"), 0);
        end = one > end ? one : end;
    }
    return end ? end
               : chat_json_integer(chat_json_get(object, "current_period_end"),
                                   0);
}

static void read_access(event_t *e, apr_int64_t paid_until, apr_int64_t created,
                        apr_int64_t grace)
{
    e->grace = !strcmp(e->status, "past_due");
    e->access = e->grace || !strcmp(e->status, "active") ||
                !strcmp(e->status, "trialing");
    if (e->grace)
        e->until = created * 1000 + grace;
    else if (e->access && paid_until > 0)
        e->until = paid_until * 1000 + grace;
}

static void read_subscription(event_t *e, const chat_json_t *data,
                              apr_int64_t created, apr_int64_t grace,
                              apr_pool_t *p)
{
    const chat_json_t *object = chat_json_get(data, "object");

    e->subscription = id_of(object, p);
    e->status = chat_request_webhook_text(chat_json_get(object, "status"), p);
    e->counts = e->subscription && e->status;
    if (!e->counts)
        return;
    e->before = chat_request_webhook_text(
        chat_json_path(data, "previous_attributes", "status", NULL), p);
    e->customer = id_of(chat_json_get(object, "customer"), p);
    e->user = user_of(object, p);
    read_access(e, read_items(e, object, p), created, grace);
}

/* ---- a checkout: it has no prices, but knows whose the customer is ---- */

static void read_checkout(event_t *e, const chat_json_t *object, apr_pool_t *p)
{
    const char *mode = chat_json_string(chat_json_get(object, "mode"));

    e->customer = id_of(chat_json_get(object, "customer"), p);
    e->user = user_of(object, p);
    if (!e->user)
        e->user = chat_request_webhook_text(
            chat_json_get(object, "client_reference_id"), p);
    e->counts = mode && !strcmp(mode, "subscription") && e->customer && e->user;
}

/* ---- all of it ---- */

static int order_of(const char *type)
{
    apr_size_t i;

    for (i = 0;
         i < sizeof(subscription_events) / sizeof(subscription_events[0]); i++)
        if (!strcmp(type, subscription_events[i].type))
            return subscription_events[i].order;
    return -1;
}

/* Later than any that there will be, and its milliseconds are a number. */
#define SECONDS_MAX APR_INT64_C(253402300799)

apr_status_t chat_request_webhook_stripe(event_t *e, const chat_json_t *root,
                                         apr_int64_t grace, chat_err_t *err,
                                         apr_pool_t *p)
{
    const chat_json_t *data = chat_json_get(root, "data");
    apr_int64_t created = chat_json_integer(chat_json_get(root, "created"), -1);
    const char *kind = chat_json_string(chat_json_get(root, "object"));
    int order;

    e->id = chat_request_webhook_text(chat_json_get(root, "id"), p);
    e->type = chat_request_webhook_text(chat_json_get(root, "type"), p);
    if (!e->id || !e->type || !kind)
        return chat_request_webhook_invalid(
            err, "What is signed is no event: it has no id, type or object.");
    e->test = chat_json_boolean(chat_json_get(root, "livemode"));
    e->test = e->test < 0 ? -1 : !e->test;
    e->foreign = chat_json_string(chat_json_get(root, "account")) != NULL;
    if (strcmp(kind, "event") != 0) /* a thin one says nothing itself */
        return APR_SUCCESS;
    if (created < 0 || created > SECONDS_MAX)
        return chat_request_webhook_invalid(
            err, "The event has no time in \"created\".");
    order = order_of(e->type);
    e->at = created * 1000 + (order < 0 ? USUAL : order);
    if (order >= 0)
        read_subscription(e, data, created, grace, p);
    else if (!strcmp(e->type, "checkout.session.completed"))
        read_checkout(e, chat_json_get(data, "object"), p);
    return APR_SUCCESS;
}
