/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mock route: OpenAI's two APIs, answered without a model, for demos and
 * load. It streams as the real ones do, on an engine, and asks nobody who
 * they are: keep it on loopback. Request thread; the callbacks of its script
 * run on the stream's driver, on_complete on whoever owns the request then.
 */
#include <apr_strings.h>

#include "chat_json.h"
#include "chat_log.h"
#include "chat_mock_script.h"
#include "chat_reply.h"
#include "chat_request.h"
#include "chat_route.h"
#include "chat_stream.h"
#include "chat_telemetry.h"

typedef struct mock_t {
    request_rec *r;
    chat_mock_script_t *words;
    chat_script_t script;
    chat_record_t record;
    int sent;
} mock_t;

static apr_status_t on_data(void *ctx, const char *data, apr_size_t len)
{
    mock_t *m = ctx;

    if (!m->sent) {
        chat_reply_stream_head(m->r);
        m->sent = 1;
    }
    return chat_reply_stream_write(m->r, data, len);
}

static apr_status_t on_silence(void *ctx)
{
    return APR_SUCCESS;
}

static void on_complete(void *ctx, const chat_end_t *end)
{
    mock_t *m = ctx;

    m->record.status = m->r->status;
    m->record.ttft = end->first;
    m->record.duration = apr_time_now() - m->r->request_time;
    m->record.outcome = end->why == CHAT_END_COMPLETE ? CHAT_OUTCOME_COMPLETE
                                                      : CHAT_OUTCOME_CANCELLED;
    chat_telemetry_write(m->r, &m->record);
}

static const chat_stream_cb_t callbacks = {
    .data = on_data,
    .silence = on_silence,
    .complete = on_complete,
};

/* As OpenAI refuses, so that its SDKs understand. */
static int refuse(mock_t *m, const chat_err_t *err)
{
    m->record.status = err->status;
    m->record.code = err->code;
    m->record.duration = apr_time_now() - m->r->request_time;
    chat_telemetry_write(m->r, &m->record);
    if (m->r->eos_sent) /* httpd has answered while the body was read */
        return AP_FILTER_ERROR;
    if (err->allow)
        apr_table_setn(m->r->err_headers_out, "Allow", err->allow);
    if (err->retry_after)
        apr_table_setn(m->r->err_headers_out, "Retry-After", err->retry_after);
    chat_reply_json(m->r, err->status,
                    chat_mock_script_refusal(err, m->r->pool));
    return OK;
}

static apr_status_t read_script(mock_t *m, const chat_dir_conf_t *conf,
                                int completions, chat_err_t *err)
{
    const chat_json_limits_t limits = chat_config_json_limits(conf);
    chat_json_t *body;
    apr_status_t rv;

    rv = chat_request_check(m->r, err);
    if (rv == APR_SUCCESS)
        rv = chat_request_read(&body, m->r, &limits, err, m->r->pool);
    if (rv == APR_SUCCESS)
        rv = chat_mock_script_create(
            &m->words, body, completions, conf->mock.words, conf->mock.pace,
            m->record.request_id, m->r->request_time, err, m->r->pool);
    return rv;
}

static int answer_whole(mock_t *m)
{
    m->record.status = HTTP_OK;
    m->record.duration = apr_time_now() - m->r->request_time;
    m->record.outcome = CHAT_OUTCOME_COMPLETE;
    chat_telemetry_write(m->r, &m->record);
    chat_reply_json(m->r, HTTP_OK, chat_mock_script_whole(m->words));
    return OK;
}

static int answer_stream(mock_t *m, const chat_dir_conf_t *conf)
{
    chat_stream_spec_t spec = {
        .script = &m->script,
        .cb = &callbacks,
        .ctx = m,
        .stall = conf->stream.stall,
    };
    chat_err_t err = {0};
    int rc = OK;

    m->script.next = chat_mock_script_next;
    m->script.ctx = m->words;
    if (chat_stream_start(&rc, m->r, &spec, &err) != APR_SUCCESS)
        return refuse(m, &err);
    return rc;
}

static int ends_with(const char *text, const char *end)
{
    apr_size_t len = strlen(text), tail = strlen(end);

    return len >= tail && !strcmp(text + len - tail, end);
}

int chat_mock_handler(chat_ctx_t *ctx)
{
    int completions = ends_with(ctx->r->uri, "/chat/completions");
    mock_t *m = apr_pcalloc(ctx->r->pool, sizeof(*m));
    chat_err_t err = {0};

    if (!completions && !ends_with(ctx->r->uri, "/responses"))
        return HTTP_NOT_FOUND;
    m->r = ctx->r;
    chat_telemetry_record(&m->record, ctx->request_id);
    m->record.provider = "mock";
    if (read_script(m, ctx->dir, completions, &err) != APR_SUCCESS)
        return refuse(m, &err);
    return chat_mock_script_streams(m->words) ? answer_stream(m, ctx->dir)
                                              : answer_whole(m);
}
