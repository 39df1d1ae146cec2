/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which trace a run is part of, what its upstreams learn of that, and when its
 * parts began and ended. See chat_run_trace.h.
 */
#include "chat_run_trace.h"

#include <apr_strings.h>

#include "chat_crypto.h"

/* Of the calls of a run that are recorded, and of those of services of
 * moderation; one may have many. */
#define CALLS_MAX 16

/* ---- which trace ---- */

/* Anybody can say that he is to be recorded. */
static int is_accepted(const chat_run_t *run)
{
    const chat_dir_trace_t *conf = &run->conf->trace;
    int i;

    if (conf->accept != CHAT_ACCEPT_NETS)
        return conf->accept == CHAT_ACCEPT_ANY;
    for (i = 0; i < conf->nets->nelts; i++)
        if (apr_ipsubnet_test(APR_ARRAY_IDX(conf->nets, i, apr_ipsubnet_t *),
                              run->r->useragent_addr))
            return 1;
    return 0;
}

static int is_chosen(const chat_run_t *run, const chat_trace_setup_t *setup)
{
    const int ratio = run->conf->trace.ratio == CHAT_RATIO_USUAL
                          ? setup->ratio
                          : run->conf->trace.ratio;

    return chat_trace_context_is_in(&run->trace->self,
                                    (double)ratio / CHAT_RATIO_ALL);
}

static void begin_own(chat_run_t *run, const chat_trace_setup_t *setup)
{
    chat_run_trace_t *trace = run->trace;

    chat_crypto_id(trace->self.trace, sizeof(trace->self.trace));
    trace->self.flags = CHAT_TRACE_RANDOM;
    if (is_chosen(run, setup))
        trace->self.flags |= CHAT_TRACE_SAMPLED;
}

static void join(chat_run_t *run, const chat_trace_context_t *theirs,
                 const chat_trace_setup_t *setup)
{
    const apr_table_t *headers = run->r->headers_in;
    chat_run_trace_t *trace = run->trace;
    const char *state = apr_table_get(headers, "tracestate");
    const char *baggage = apr_table_get(headers, "baggage");

    trace->self = *theirs;
    trace->is_part = 1;
    memcpy(trace->parent, theirs->span, sizeof(trace->parent));
    if (!setup->parent || run->conf->trace.ratio != CHAT_RATIO_USUAL)
        trace->self.flags &= ~CHAT_TRACE_SAMPLED;
    if ((theirs->flags & CHAT_TRACE_SAMPLED && setup->parent) ||
        (!setup->parent && is_chosen(run, setup)))
        trace->self.flags |= CHAT_TRACE_SAMPLED;
    if (state)
        trace->state = chat_trace_context_state(state, run->r->pool);
    if (baggage && setup->baggage && chat_trace_context_is_baggage(baggage))
        trace->baggage = baggage;
}

static void find_trace(chat_run_t *run, const chat_trace_setup_t *setup)
{
    const char *header = setup->context
                             ? apr_table_get(run->r->headers_in, "traceparent")
                             : NULL;
    chat_trace_context_t theirs;
    int is_theirs = header && chat_trace_context_parse(&theirs, header);

    if (is_theirs && is_accepted(run)) {
        join(run, &theirs, setup);
        return;
    }
    if (is_theirs)
        run->trace->link = apr_pmemdup(run->r->pool, &theirs, sizeof(theirs));
    begin_own(run, setup);
}

/* For the log, and numbers that point at a trace. */
static void name(chat_run_t *run)
{
    const chat_trace_context_t *self = &run->trace->self;
    char *trace_id = apr_palloc(run->r->pool, 2 * CHAT_TRACE_ID_LEN + 1);
    char *span_id = apr_palloc(run->r->pool, 2 * CHAT_SPAN_ID_LEN + 1);

    chat_crypto_hex(trace_id, self->trace, CHAT_TRACE_ID_LEN);
    chat_crypto_hex(span_id, self->span, CHAT_SPAN_ID_LEN);
    run->record.trace_id = trace_id;
    run->record.span_id = span_id;
    run->record.sampled = (self->flags & CHAT_TRACE_SAMPLED) != 0;
}

void chat_run_trace_begin(chat_run_t *run)
{
    const chat_trace_setup_t *setup =
        run->conf->trace.on ? chat_config_trace() : NULL;
    chat_run_trace_t *trace;

    if (!setup)
        return;
    run->trace = trace = apr_pcalloc(run->r->pool, sizeof(*trace));
    find_trace(run, setup);
    chat_crypto_id(trace->self.span, sizeof(trace->self.span));
    name(run);
    if (trace->self.flags & CHAT_TRACE_SAMPLED && setup->traces)
        trace->calls =
            apr_array_make(run->r->pool, 1, sizeof(chat_run_called_t));
}

/* ---- when ---- */

static int is_recorded(const chat_run_t *run)
{
    return run->trace && run->trace->calls;
}

void chat_run_trace_enter(chat_run_t *run, chat_run_stage_e stage)
{
    if (is_recorded(run))
        run->trace->stages[stage].start = apr_time_now();
}

void chat_run_trace_leave(chat_run_t *run, chat_run_stage_e stage)
{
    if (is_recorded(run) && run->trace->stages[stage].start)
        run->trace->stages[stage].end = apr_time_now();
}

/* ---- what upstreams learn ---- */

/* In place of that of the call before, which may be this one. */
static void set_line(chat_run_t *run, const char *name, const char *value)
{
    apr_array_header_t *lines = run->call.http.headers;
    const char *line = apr_pstrcat(lines->pool, name, ": ", value, NULL);
    apr_size_t len = strlen(name) + 2;
    int i;

    for (i = 0; i < lines->nelts; i++) {
        const char **at = &APR_ARRAY_IDX(lines, i, const char *);

        if (!strncmp(*at, line, len)) {
            *at = line;
            return;
        }
    }
    APR_ARRAY_PUSH(lines, const char *) = line;
}

/* Nobody learns of it at an address that a user has named. */
static void tell(chat_run_t *run, const unsigned char *span)
{
    const chat_candidate_t *c = run->attempt.candidate;
    const chat_run_trace_t *trace = run->trace;
    chat_trace_context_t context = trace->self;
    char text[CHAT_TRACEPARENT_SIZE];

    if (!chat_config_trace()->context || !c->conf->trace ||
        (c->own && c->own->url))
        return;
    memcpy(context.span, span, sizeof(context.span));
    chat_trace_context_format(text, &context);
    set_line(run, "traceparent", text);
    if (trace->state)
        set_line(run, "tracestate", trace->state);
    if (trace->baggage &&
        chat_config_provider_caps(c->conf) & CHAT_PROVIDER_BAGGAGE)
        set_line(run, "baggage", trace->baggage);
}

static chat_run_called_t *last_call(const chat_run_t *run)
{
    const apr_array_header_t *calls = run->trace ? run->trace->calls : NULL;

    return calls && calls->nelts
               ? &APR_ARRAY_IDX(calls, calls->nelts - 1, chat_run_called_t)
               : NULL;
}

void chat_run_trace_call(chat_run_t *run)
{
    chat_run_called_t *called, one = {.first = -1};

    if (!run->trace)
        return;
    chat_crypto_id(one.span, sizeof(one.span));
    tell(run, one.span);
    if (!run->trace->calls || run->trace->calls->nelts >= CALLS_MAX)
        return;
    called = apr_array_push(run->trace->calls);
    *called = one;
    called->candidate = run->attempt.candidate;
    called->start = apr_time_now();
}

void chat_run_trace_begins(chat_run_t *run)
{
    chat_run_called_t *called = last_call(run);

    if (called)
        called->start = apr_time_now();
}

void chat_run_trace_admitted(chat_run_t *run)
{
    chat_run_trace_leave(run, CHAT_STAGE_LIMIT);
    chat_run_trace_begins(run);
}

void chat_run_trace_called(chat_run_t *run, const chat_attempt_t *attempt,
                           const chat_end_t *end, const char *code)
{
    chat_run_called_t *called = last_call(run);
    const chat_run_answer_t *answer = &run->answer;

    if (!called || called->end || called->candidate != attempt->candidate)
        return;
    called->end = run->trace->over ? run->trace->over : apr_time_now();
    called->status = attempt->status;
    called->upstream_id = run->record.upstream_id;
    called->code = code;
    called->first = chat_run_is_answering(run) ? end->first : -1;
    called->usage = answer->seen->usage;
    if (!code && answer->parse && answer->seen->reason)
        called->finish = chat_dialect_reason(answer->parse->finish);
}

void chat_run_trace_looked(chat_run_t *run, const chat_run_looked_t *looked)
{
    chat_run_trace_t *trace = run->trace;

    if (!is_recorded(run))
        return;
    if (!trace->looks)
        trace->looks =
            apr_array_make(run->r->pool, 1, sizeof(chat_run_looked_t));
    if (trace->looks->nelts < CALLS_MAX)
        APR_ARRAY_PUSH(trace->looks, chat_run_looked_t) = *looked;
}

void chat_run_trace_over(chat_run_t *run)
{
    if (!is_recorded(run))
        return;
    run->trace->over = apr_time_now();
    if (run->kept || run->vercel)
        run->trace->stages[CHAT_STAGE_SAVE].start = run->trace->over;
}
