/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ChatLog: one line for each chat. Hosts that name the same file or command
 * share one that is open. Start-up on the main thread; lines on whatever thread
 * owns the request.
 */
#include "chat_telemetry_int.h"

#include <string.h>

#include "chat_config.h"
#include "chat_telemetry_line.h"
#include "chat_telemetry_writer.h"

typedef struct target_t {
    const char *name; /* as ChatLog has it */
    chat_telemetry_writer_t *writer;
} target_t;

static apr_array_header_t *targets; /* target_t, read-only after post_config */

static chat_telemetry_writer_t *find(const char *name)
{
    int i;

    for (i = 0; name && targets && i < targets->nelts; i++)
        if (!strcmp(APR_ARRAY_IDX(targets, i, target_t).name, name))
            return APR_ARRAY_IDX(targets, i, target_t).writer;
    return NULL;
}

/* ---- what it says ---- */

/* What httpd has decoded: without its query. */
static void describe(chat_telemetry_line_t *line, request_rec *r,
                     const chat_record_t *f)
{
    *line = (chat_telemetry_line_t){
        .at = apr_time_now(),
        .failed = chat_telemetry_is_failure(f),
        .trace_id = f->trace_id,
        .span_id = f->span_id,
        .sampled = f->sampled,
        .request_id = f->request_id,
        .method = r->method,
        .path = r->uri,
        .client = r->useragent_ip,
        .user = f->user,
        .route = chat_telemetry_route(r),
        .provider = f->provider,
        .system = chat_telemetry_provider(r->server, f->provider),
        .model = f->model,
        .upstream_model = f->upstream_model,
        .outcome = chat_telemetry_outcomes[f->outcome],
        .code = f->code,
        .limit = f->limit,
        .upstream_id = f->upstream_id,
        .own_key = f->own_key,
        .status = f->status ? f->status : -1,
        .upstream_status = f->upstream_status ? f->upstream_status : -1,
        .input = f->usage.input,
        .output = f->usage.output,
        .cost = f->cost,
        .ttft = f->ttft,
        .duration = f->duration,
    };
}

static void describe_verdict(chat_telemetry_line_t *line,
                             const chat_moderation_told_t *m)
{
    line->verdict_latency = -1;
    if (m->action <= CHAT_MODERATION_PASS)
        return;
    line->verdict = chat_telemetry_moderation_name(m->action);
    line->verdict_phase = m->output ? "output" : "input";
    line->verdict_by = m->by;
    line->verdict_category = m->category;
    line->verdict_latency = m->latency;
}

void chat_telemetry_log(request_rec *r, const chat_record_t *f)
{
    const chat_server_log_t *conf = &chat_config_server(r->server)->log;
    chat_telemetry_writer_t *writer = find(conf->target);
    char text[CHAT_TELEMETRY_LINE_MAX];
    chat_telemetry_line_t line;

    if (!writer)
        return;
    describe(&line, r, f);
    describe_verdict(&line, &f->moderation);
    chat_telemetry_writer_put(
        writer, text,
        chat_telemetry_line(text, &line, conf->format == CHAT_LOG_ECS));
}

/* ---- start-up ---- */

apr_status_t chat_telemetry_post_config(apr_pool_t *pconf, server_rec *s)
{
    const server_rec *host;

    targets = apr_array_make(pconf, 1, sizeof(target_t));
    for (host = s; host; host = host->next) {
        const char *name = chat_config_server(host)->log.target;
        chat_telemetry_writer_t *writer;

        if (!name || find(name))
            continue;
        writer = chat_telemetry_writer_open(name, s, pconf);
        if (!writer)
            return APR_EGENERAL;
        APR_ARRAY_PUSH(targets, target_t) =
            (target_t){.name = name, .writer = writer};
    }
    return APR_SUCCESS;
}

void chat_telemetry_child_init(apr_pool_t *pchild, server_rec *s)
{
    int i;

    for (i = 0; i < targets->nelts; i++)
        chat_telemetry_writer_start(APR_ARRAY_IDX(targets, i, target_t).writer,
                                    s, pchild);
}
