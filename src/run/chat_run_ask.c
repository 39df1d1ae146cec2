/* SPDX-License-Identifier: Apache-2.0 */
/* A call of the server's own. See chat_run_ask.h. */
#include "chat_run_ask.h"

#include "chat_model.h"
#include "chat_run_int.h"
#include "chat_run_parts.h"

#define LASTS apr_time_from_sec(20)

/* Models that think before they answer need more than the answer has. */
#define OUTPUT_TOKENS 1000

/* Of its answer; a title is a few bytes. */
#define ANSWER_MAX (1024 * 1024)

typedef struct hearing_t {
    const chat_provider_t *provider;
    const chat_upstream_t *up;
    chat_sse_t *sse;
    chat_parse_t parse;
    chat_run_parts_t *parts;
    apr_size_t bytes;
    apr_pool_t *p;
} hearing_t;

static void on_delta(void *ctx, const chat_delta_t *delta)
{
    hearing_t *h = ctx;

    if (delta->kind == CHAT_DELTA_TEXT)
        chat_run_parts_add(h->parts, delta);
}

static void on_event(void *ctx, const chat_sse_event_t *event)
{
    hearing_t *h = ctx;

    h->provider->parse_event(&h->parse, event, h->up, h->p);
}

static apr_status_t on_data(void *ctx, const char *data, apr_size_t len)
{
    hearing_t *h = ctx;

    h->bytes += len;
    if (h->bytes > ANSWER_MAX)
        return APR_ENOSPC;
    chat_sse_feed(h->sse, data, len);
    return APR_SUCCESS;
}

static apr_status_t refuse(chat_err_t *err, apr_status_t rv)
{
    if (rv == APR_TIMEUP)
        return chat_err_set(err, rv, HTTP_GATEWAY_TIME_OUT, "upstream_timeout",
                            "The provider did not answer in time.");
    if (rv == APR_EINTR)
        return chat_err_set(err, rv, HTTP_SERVICE_UNAVAILABLE, "shutdown",
                            "This server stops.");
    return chat_err_set(err, rv, HTTP_BAD_GATEWAY, "upstream_error",
                        "The provider failed.");
}

/* The call, in p. */
static apr_status_t build(chat_call_t *call, chat_upstream_t *up,
                          const chat_run_ask_t *ask,
                          const chat_provider_conf_t *conf, chat_err_t *err,
                          apr_pool_t *p)
{
    const chat_message_t said = {.role = CHAT_ROLE_USER, .content = ask->text};
    const chat_turn_t turn = {
        .messages = &said,
        .nmessages = 1,
        .max_output_tokens = OUTPUT_TOKENS,
        .schema_strict = -1,
        .parallel = -1,
    };
    chat_turn_t fit;
    int key = chat_upstream_key(conf);
    apr_status_t rv;

    if (key < 0 && conf->keys->nelts > 0)
        return refuse(err, APR_EGENERAL);
    rv = chat_model_fit(&fit, &turn, ask->model, 0, err);
    if (rv != APR_SUCCESS)
        return rv;
    fit.model = ask->model->upstream;
    fit.request_id = chat_store_new_id(p);
    chat_run_describe(up, conf,
                      key < 0 ? NULL
                              : APR_ARRAY_IDX(conf->keys, key, const char *));
    return chat_provider_get(conf->type)->build_call(call, &fit, up, err, p);
}

static apr_status_t hear(hearing_t *h, const chat_call_t *call, int stop_fd,
                         chat_err_t *err)
{
    const chat_fetch_t fetch = {
        .call = call,
        .timeout = LASTS,
        .stop_fd = stop_fd,
        .data = on_data,
        .ctx = h,
    };
    int status;
    apr_status_t rv;

    h->sse = chat_sse_create(on_event, h, h->p);
    h->parse.on_delta = on_delta;
    h->parse.ctx = h;
    h->parse.seen.usage = (chat_usage_t){-1, -1, -1, -1};
    h->parts = chat_run_parts_create(h->p);
    rv = chat_stream_fetch(&status, &fetch);
    if (rv == APR_SUCCESS) {
        chat_sse_finish(h->sse);
        chat_provider_finish(&h->parse.seen);
    }
    chat_sse_reset(h->sse);
    if (rv == APR_SUCCESS &&
        (status != HTTP_OK || !h->parse.seen.ended || h->parse.seen.failed))
        rv = APR_EGENERAL;
    return rv == APR_SUCCESS ? rv : refuse(err, rv);
}

apr_status_t chat_run_ask(chat_run_ask_t *ask, chat_err_t *err, apr_pool_t *p)
{
    const chat_provider_conf_t *conf =
        chat_config_provider(ask->s, ask->model->provider);
    chat_upstream_t up;
    chat_call_t call = {0};
    hearing_t h = {.up = &up, .p = p};
    apr_status_t rv;

    if (!conf)
        return refuse(err, APR_EGENERAL);
    h.provider = chat_provider_get(conf->type);
    rv = build(&call, &up, ask, conf, err, p);
    if (rv == APR_SUCCESS)
        rv = hear(&h, &call, ask->stop_fd, err);
    if (rv != APR_SUCCESS)
        return rv;
    ask->answer = chat_run_parts_text(h.parts, p);
    ask->usage = h.parse.seen.usage;
    return APR_SUCCESS;
}
