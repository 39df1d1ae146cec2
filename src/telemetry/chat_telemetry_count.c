/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is counted of requests, calls and verdicts, for ChatRoute metrics. No
 * label has what a client could choose: else each could make new series, and
 * the numbers would show who asked. Any thread.
 */
#include "chat_telemetry_int.h"

#include "chat_ctx.h"
#include "chat_metric.h"

/* The ChatModel that it is a name of; else it is the client's word. */
static const char *model_of(const server_rec *s, const char *name)
{
    const apr_array_header_t *models = chat_config_models(s);
    int i;

    for (i = 0; name && i < models->nelts; i++) {
        const chat_model_conf_t *model =
            APR_ARRAY_IDX(models, i, const chat_model_conf_t *);

        if (!strcmp(model->name, name) ||
            ap_array_str_contains(model->aliases, name))
            return model->name;
    }
    return CHAT_METRIC_OTHER;
}

const char *chat_telemetry_route(const request_rec *r)
{
    const chat_ctx_t *ctx = chat_ctx_peek(r);

    return ctx && ctx->dir->route.id != CHAT_ROUTE_NONE
               ? chat_config_route_name(ctx->dir->route.id)
               : CHAT_METRIC_NONE;
}

/* What was refused before any call is no provider's. */
static const char *provider_of(const chat_record_t *f)
{
    return f->overhead < 0 && (f->outcome == CHAT_OUTCOME_REFUSED ||
                               f->outcome == CHAT_OUTCOME_LIMITED)
               ? NULL
               : f->provider;
}

void chat_telemetry_count(request_rec *r, const chat_record_t *f)
{
    const char *route = chat_telemetry_route(r), *provider = provider_of(f);
    const char *model = model_of(r->server, f->model);
    const char *outcome = chat_telemetry_outcomes[f->outcome];
    const char *trace = f->sampled ? f->trace_id : NULL;

    chat_metric_add(CHAT_METRIC_REQUESTS,
                    (const char *[]){route, provider, model, outcome}, 1);
    chat_metric_observe(CHAT_METRIC_DURATION,
                        (const char *[]){route, provider, outcome}, f->duration,
                        trace);
    chat_metric_observe(CHAT_METRIC_FIRST_CHUNK,
                        (const char *[]){provider, model}, f->ttft, trace);
    chat_metric_observe(CHAT_METRIC_OVERHEAD, &route, f->overhead, trace);
}

void chat_telemetry_count_usage(const server_rec *s, const char *provider,
                                const char *model, const chat_usage_t *usage,
                                apr_int64_t cost)
{
    const char *name = model_of(s, model);
    const struct {
        const char *type;
        apr_int64_t n;
    } tokens[] = {{"input", usage->input},
                  {"output", usage->output},
                  {"cached", usage->cached},
                  {"reasoning", usage->reasoning}};
    apr_size_t i;

    for (i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++)
        if (tokens[i].n > 0)
            chat_metric_add(CHAT_METRIC_TOKENS,
                            (const char *[]){provider, name, tokens[i].type},
                            tokens[i].n);
    chat_metric_add(CHAT_METRIC_COST, (const char *[]){provider, name}, cost);
}

void chat_telemetry_count_attempt(const char *provider, const char *result)
{
    chat_metric_add(CHAT_METRIC_ATTEMPTS, (const char *[]){provider, result},
                    1);
}

void chat_telemetry_count_moderation(const char *hook, const char *verdict)
{
    chat_metric_add(CHAT_METRIC_MODERATION, (const char *[]){hook, verdict}, 1);
}
