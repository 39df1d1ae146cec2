/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run that is over as spans, by the conventions for HTTP servers and for
 * generative AI; and as a record of a log where an operator has to look. What
 * they hold is chosen here: no key, no query, no sentence of a provider, and no
 * prompt without ChatTraceContent. On whoever owns the run at its end.
 */
#include "chat_run_trace.h"

#include <string.h>

#include <http_protocol.h>
#include <apr_strings.h>

#include "chat_crypto.h"
#include "chat_export.h"

/* Of one span. */
#define ATTRIBUTES_MAX 24

/* A header may be as long as a request. */
#define TEXT_MAX 256

typedef struct span_t {
    chat_otlp_span_t otlp; /* its attributes are these */
    chat_otlp_attribute_t attributes[ATTRIBUTES_MAX];
    int n;
} span_t;

/* ---- attributes ---- */

static void add(span_t *s, const char *name, chat_otlp_kind_e kind,
                const char *text, apr_int64_t number)
{
    ap_assert(s->n < ATTRIBUTES_MAX);
    s->attributes[s->n++] = (chat_otlp_attribute_t){
        .name = name, .kind = kind, .text = text, .number = number};
}

static void add_text(span_t *s, const char *name, const char *text)
{
    if (text)
        add(s, name, CHAT_OTLP_TEXT, text, 0);
}

static void add_short(span_t *s, const char *name, const char *text,
                      apr_pool_t *p)
{
    if (text)
        add_text(s, name, apr_pstrndup(p, text, TEXT_MAX));
}

static void add_number(span_t *s, const char *name, apr_int64_t number)
{
    if (number >= 0)
        add(s, name, CHAT_OTLP_INTEGER, NULL, number);
}

static void put(chat_buf_t *out, span_t *s)
{
    s->otlp.attributes = s->attributes;
    s->otlp.nattributes = s->n;
    chat_otlp_span(out, &s->otlp, chat_config_trace()->protocol);
}

/* A span of this run; the request's is its parent. */
static void start(span_t *s, const chat_run_t *run, const char *name, int kind)
{
    memset(s, 0, sizeof(*s));
    s->otlp.self = run->trace->self;
    s->otlp.parent = run->trace->self.span;
    s->otlp.name = name;
    s->otlp.kind = kind;
}

/* ---- the request ---- */

static int has_failed(const chat_run_t *run)
{
    switch (run->record.outcome) {
    case CHAT_OUTCOME_UPSTREAM_ERROR:
    case CHAT_OUTCOME_TRUNCATED:
    case CHAT_OUTCOME_TIMEOUT:
        return 1;
    default:
        return run->record.status >= 500;
    }
}

static const char *route_of(const chat_run_t *run)
{
    return run->conf->route.location ? run->conf->route.location : run->r->uri;
}

static void put_request(chat_buf_t *out, const chat_run_t *run, apr_time_t now)
{
    request_rec *r = run->r;
    const chat_run_trace_t *trace = run->trace;
    span_t s;

    start(&s, run, apr_pstrcat(r->pool, r->method, " ", route_of(run), NULL),
          CHAT_OTLP_SERVER);
    s.otlp.parent = trace->is_part ? trace->parent : NULL;
    s.otlp.is_remote = trace->is_part;
    s.otlp.link = trace->link;
    s.otlp.start = r->request_time;
    s.otlp.end = now;
    add_text(&s, "http.request.method", r->method);
    add_text(&s, "http.route", route_of(run));
    add_short(&s, "url.path", r->uri, r->pool);
    add_text(&s, "url.scheme", ap_http_scheme(r));
    add_text(&s, "client.address", r->useragent_ip);
    add_short(&s, "user_agent.original",
              apr_table_get(r->headers_in, "User-Agent"), r->pool);
    add_number(&s, "http.response.status_code", run->record.status);
    add_text(&s, "chat.request_id", run->record.request_id);
    add_text(&s, "chat.outcome", chat_telemetry_outcome(run->record.outcome));
    if (has_failed(run)) {
        add_text(&s, "error.type", run->code);
        s.otlp.status = CHAT_OTLP_ERROR;
    }
    put(out, &s);
}

/* ---- its parts ---- */

static int put_stages(chat_buf_t *out, const chat_run_t *run, apr_time_t now)
{
    static const char *const names[CHAT_STAGES] = {
        [CHAT_STAGE_IDENTITY] = "identity",
        [CHAT_STAGE_LIMIT] = "limit",
        [CHAT_STAGE_STORE] = "store",
        [CHAT_STAGE_SAVE] = "save",
    };
    int i, n = 0;
    span_t s;

    for (i = 0; i < CHAT_STAGES; i++) {
        if (!run->trace->stages[i].start)
            continue;
        start(&s, run, names[i], CHAT_OTLP_INTERNAL);
        chat_crypto_id(s.otlp.self.span, sizeof(s.otlp.self.span));
        s.otlp.start = run->trace->stages[i].start;
        s.otlp.end = run->trace->stages[i].end;
        if (!s.otlp.end)
            s.otlp.end = now;
        put(out, &s);
        n++;
    }
    return n;
}

/* ---- the calls ---- */

static void add_usage(span_t *s, const chat_usage_t *usage)
{
    add_number(s, "gen_ai.usage.input_tokens", usage->input);
    add_number(s, "gen_ai.usage.output_tokens", usage->output);
    add_number(s, "gen_ai.usage.cache_read.input_tokens", usage->cached);
    add_number(s, "gen_ai.usage.reasoning.output_tokens", usage->reasoning);
}

static void add_address(span_t *s, const chat_candidate_t *c)
{
    if (c->own && c->own->url) /* a user has named it */
        return;
    add_text(s, "server.address", c->conf->host);
    add_number(s, "server.port", c->conf->port);
}

static void add_answer(span_t *s, const chat_run_called_t *called)
{
    if (called->first >= 0) {
        add(s, "gen_ai.response.time_to_first_chunk", CHAT_OTLP_MILLIONTHS,
            NULL, called->first);
        s->otlp.event = "first_chunk";
        s->otlp.event_at = called->start + called->first;
    }
    if (called->finish)
        add(s, "gen_ai.response.finish_reasons", CHAT_OTLP_TEXTS,
            called->finish, 0);
    if (called->code) {
        add_text(s, "error.type", called->code);
        s->otlp.status = CHAT_OTLP_ERROR;
    }
}

static void add_content(span_t *s, const chat_run_t *run)
{
    const chat_buf_t *answered = run->trace->answered;
    apr_pool_t *p = run->r->pool;

    if (!answered)
        return;
    add_text(s, "gen_ai.input.messages", run->trace->asked);
    if (answered->len)
        add_text(s, "gen_ai.output.messages",
                 apr_pstrcat(
                     p,
                     "[{\"role\":\"assistant\",\"parts\":[{\"type\":\"text\","
                     "\"content\":",
                     chat_json_quote(
                         apr_pstrmemdup(p, answered->data, answered->len), p),
                     "}]}]", NULL));
}

static void put_call(chat_buf_t *out, const chat_run_t *run,
                     const chat_run_called_t *called, int is_last)
{
    const chat_candidate_t *c = called->candidate;
    apr_pool_t *p = run->r->pool;
    const char *model = c->upstream ? c->upstream : c->name;
    span_t s;

    if (model)
        model = apr_pstrndup(p, model, TEXT_MAX);
    start(&s, run, apr_pstrcat(p, "chat", model ? " " : NULL, model, NULL),
          CHAT_OTLP_CLIENT);
    memcpy(s.otlp.self.span, called->span, sizeof(called->span));
    s.otlp.start = called->start;
    s.otlp.end = called->end;
    add_text(&s, "gen_ai.operation.name", "chat");
    add_text(&s, "gen_ai.provider.name",
             chat_telemetry_provider(run->r->server, c->conf->name));
    add_text(&s, "gen_ai.request.model", model);
    add(&s, "gen_ai.request.stream", CHAT_OTLP_FLAG, NULL,
        !(run->whole && !run->dialect));
    add_number(&s, "http.response.status_code",
               called->status ? called->status : -1);
    add_short(&s, "chat.upstream_request_id", called->upstream_id, p);
    add_address(&s, c);
    add_usage(&s, &called->usage);
    if (run->kept)
        add_text(&s, "gen_ai.conversation.id", run->kept->conversation);
    add_answer(&s, called);
    if (is_last)
        add_content(&s, run);
    put(out, &s);
}

static int put_calls(chat_buf_t *out, const chat_run_t *run)
{
    const apr_array_header_t *calls = run->trace->calls;
    int i, n = 0;

    for (i = 0; i < calls->nelts; i++) {
        const chat_run_called_t *called =
            &APR_ARRAY_IDX(calls, i, const chat_run_called_t);

        if (!called->end)
            continue;
        put_call(out, run, called, i == calls->nelts - 1);
        n++;
    }
    return n;
}

/* ---- services of moderation ---- */

static void put_look(chat_buf_t *out, const chat_run_t *run,
                     const chat_run_looked_t *looked)
{
    span_t s;

    start(&s, run,
          apr_pstrcat(run->r->pool, "moderation ", looked->hook->name, NULL),
          CHAT_OTLP_CLIENT);
    chat_crypto_id(s.otlp.self.span, sizeof(s.otlp.self.span));
    s.otlp.start = looked->start;
    s.otlp.end = looked->end;
    add_text(&s, "chat.moderation.phase", looked->output ? "output" : "input");
    add_text(&s, "chat.moderation.verdict",
             chat_telemetry_moderation_name(looked->action));
    add_text(&s, "chat.moderation.category", looked->category);
    add_text(&s, "server.address", looked->hook->host);
    add_number(&s, "server.port", looked->hook->port);
    if (looked->action == CHAT_MODERATION_ERROR) {
        add_text(&s, "error.type", "moderation_unavailable");
        s.otlp.status = CHAT_OTLP_ERROR;
    }
    put(out, &s);
}

static int put_looks(chat_buf_t *out, const chat_run_t *run)
{
    const apr_array_header_t *looks = run->trace->looks;
    int i, n = looks ? looks->nelts : 0;

    for (i = 0; i < n; i++)
        put_look(out, run, &APR_ARRAY_IDX(looks, i, const chat_run_looked_t));
    return n;
}

/* ---- what an operator has to know ---- */

/* What has failed; NULL: nothing that is not the client's. */
static const char *failure_of(const chat_run_t *run, const char **pevent)
{
    *pevent = "chat.provider.failed";
    switch (run->record.outcome) {
    case CHAT_OUTCOME_UPSTREAM_ERROR:
        return "The provider failed.";
    case CHAT_OUTCOME_TRUNCATED:
        return "The provider broke its answer off.";
    case CHAT_OUTCOME_TIMEOUT:
        return "The provider did not answer in time.";
    default:
        break;
    }
    *pevent = "chat.store.degraded";
    return run->code && run->record.status == HTTP_SERVICE_UNAVAILABLE &&
                   strstr(run->code, "unavailable")
               ? "A store could not be asked."
               : NULL;
}

static void put_failure(chat_buf_t *out, const chat_run_t *run,
                        const char *event, const char *body, apr_time_t now)
{
    chat_otlp_log_t log = {
        .at = now,
        .severity = CHAT_OTLP_ERR,
        .event = event,
        .body = body,
        .context = &run->trace->self,
    };
    apr_pool_t *p = run->r->pool;
    span_t s = {.n = 0};

    add_text(&s, "chat.request_id", run->record.request_id);
    add_text(&s, "chat.outcome", chat_telemetry_outcome(run->record.outcome));
    add_text(&s, "error.type", run->code);
    add_number(&s, "http.response.status_code", run->record.status);
    if (run->record.provider) {
        add_text(&s, "chat.provider", run->record.provider);
        add_short(&s, "gen_ai.request.model", run->record.model, p);
        add_number(&s, "chat.upstream_status",
                   run->record.upstream_status ? run->record.upstream_status
                                               : -1);
        add_short(&s, "chat.upstream_request_id", run->record.upstream_id, p);
    }
    log.attributes = s.attributes;
    log.nattributes = s.n;
    chat_otlp_log(out, &log, chat_config_trace()->protocol);
}

/* ---- all of it ---- */

/* The last call is over, however the run ended. */
static void end_calls(chat_run_t *run)
{
    if (run->refused || !run->end.made)
        return;
    chat_run_trace_called(run, &run->attempt, &run->end,
                          run->record.outcome == CHAT_OUTCOME_CANCELLED ||
                                  run->record.outcome == CHAT_OUTCOME_LIMITED
                              ? NULL
                              : run->code);
}

void chat_run_trace_export(chat_run_t *run)
{
    apr_time_t now = apr_time_now();
    const char *event, *failure = failure_of(run, &event);
    chat_buf_t *out;
    int n;

    if (!run->trace->calls && !failure)
        return;
    out = apr_palloc(run->r->pool, sizeof(*out));
    chat_buf_init(out, run->r->pool);
    if (failure) {
        put_failure(out, run, event, failure, now);
        chat_export_put(CHAT_OTLP_LOGS, out->data, out->len, 1);
        chat_buf_clear(out);
    }
    if (!run->trace->calls)
        return;
    end_calls(run);
    put_request(out, run, now);
    n = 1 + put_stages(out, run, now) + put_looks(out, run) +
        put_calls(out, run);
    chat_export_put(CHAT_OTLP_TRACES, out->data, out->len, n);
}
