/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question to services of moderation, or one piece of an answer: each is
 * asked after the one before, as far as it looks at such, and what it says
 * counts. See chat_run_hook_int.h.
 */
#include "chat_run_hook_int.h"

#include <apr_strings.h>

#include "chat_clock.h"
#include "chat_run_trace.h"
#include "chat_run_verdict.h"
#include "chat_scratch.h"

/* ---- verdicts ---- */

int chat_run_hook_stopped(const chat_run_hook_tap_t *s)
{
    return chat_run_verdict_cut(s->run) != NULL;
}

static int fails_closed(const chat_hook_conf_t *hook, int output)
{
    return hook->fail == CHAT_UNSET ? !output : hook->fail;
}

static void describe(chat_run_verdict_t *v, const chat_run_hook_tap_t *s,
                     chat_moderation_e action)
{
    static const chat_run_verdict_t none = CHAT_RUN_VERDICT_NONE;
    const chat_run_hook_job_t *job = &s->job;

    *v = none;
    v->action = action;
    v->output = job->query.phase != CHAT_RUN_HOOK_ASKED;
    v->by = job->hook->name;
    v->slot = job->hook->counted;
    if (job->asked_at)
        v->latency = chat_clock_now() - job->asked_at;
}

static const char *first_text(const chat_run_hook_job_t *job)
{
    return job->query.ntexts ? job->query.texts[0].content : "";
}

/* One that was asked by a call is told of in the trace. */
static void note(chat_run_hook_tap_t *s, const chat_run_verdict_t *v,
                 const char *text)
{
    const chat_run_looked_t looked = {
        .hook = s->job.hook,
        .output = v->output,
        .start = s->job.start,
        .end = apr_time_now(),
        .action = v->action,
        .category = v->category,
    };

    chat_run_verdict_note(s->run, v, text, text ? strlen(text) : 0);
    if (s->job.asked_at)
        chat_run_trace_looked(s->run, &looked);
    s->job.asked_at = 0;
}

/* Can what stands there be another text? */
static int may_replace(const chat_run_hook_tap_t *s)
{
    const chat_run_t *run = s->run;

    if (s->job.pieces)
        return run->dialect && !s->shows;
    return run->phase < CHAT_RUN_ANSWERING && chat_run_hook_is_first(run) &&
           chat_run_hook_may_change(run);
}

/* What a service has said counts. */
static void take(chat_run_hook_tap_t *s, const chat_run_hook_answer_t *answer)
{
    chat_run_hook_job_t *job = &s->job;
    apr_pool_t *p = s->run->r->pool;
    chat_moderation_e action = answer->action;
    chat_run_verdict_t v;

    if (action == CHAT_MODERATION_REPLACE && !may_replace(s))
        action = CHAT_MODERATION_BLOCK;
    describe(&v, s, action);
    v.category = answer->category ? apr_pstrdup(p, answer->category) : NULL;
    v.reason = answer->reason ? apr_pstrdup(p, answer->reason) : NULL;
    v.score = answer->score;
    note(s, &v, first_text(job));
    if (action == CHAT_MODERATION_REPLACE)
        job->texts = answer->texts;
    if (action == CHAT_MODERATION_BLOCK)
        chat_run_verdict_stop(s->run, &v);
}

/* It could not be asked, or its answer is none. */
static void fail(chat_run_hook_tap_t *s)
{
    chat_run_verdict_t v;

    describe(&v, s, CHAT_MODERATION_ERROR);
    note(s, &v, NULL);
    if (fails_closed(s->job.hook, v.output))
        chat_run_verdict_stop(s->run, &v);
}

/* ---- asking ---- */

static const char *header(const char *name, const char *value, apr_pool_t *p)
{
    return apr_pstrcat(p, name, ": ", value, NULL);
}

/* The call to a service, in the job's pool. 0: there is none. */
static int make_call(chat_run_hook_tap_t *s)
{
    chat_run_hook_job_t *job = &s->job;
    const chat_hook_conf_t *hook = job->hook;
    chat_call_t *call = &job->call;

    memset(call, 0, sizeof(*call));
    call->url = hook->url;
    call->resolve = s->resolve[job->next];
    call->timeouts.total = call->timeouts.connect = hook->timeout;
    call->headers = apr_array_make(job->p, 4, sizeof(const char *));
    APR_ARRAY_PUSH(call->headers, const char *) =
        "Content-Type: application/json";
    APR_ARRAY_PUSH(call->headers, const char *) = "Accept: application/json";
    APR_ARRAY_PUSH(call->headers, const char *) =
        header("X-Request-ID", s->about.request_id, job->p);
    if (hook->key)
        APR_ARRAY_PUSH(call->headers, const char *) =
            apr_pstrcat(job->p, "Authorization: Bearer ", hook->key, NULL);
    call->body =
        chat_run_hook_format_body(&call->body_len, hook, &job->query, job->p);
    return call->body != NULL;
}

/* Is it asked by a call? 0: what it says, or that it does not, is known. */
static int ask_one(chat_run_hook_tap_t *s)
{
    chat_run_hook_job_t *job = &s->job;
    chat_run_hook_answer_t answer;

    job->keyed = chat_run_hook_state_key(&job->key, job->hook, &job->query);
    job->asked_at = 0;
    if (job->keyed && chat_run_hook_state_find(&answer, &job->key, job->p)) {
        take(s, &answer);
        return 0;
    }
    if (s->mute || s->away[job->next] ||
        !chat_run_hook_state_allow(job->hook)) {
        fail(s);
        return 0;
    }
    job->ready = make_call(s);
    if (!job->ready) {
        fail(s);
        return 0;
    }
    job->asked_at = chat_clock_now();
    job->start = apr_time_now();
    return 1;
}

/* The texts that have been replaced are those that the next one is told. */
static void apply_texts(chat_run_hook_job_t *job)
{
    chat_run_hook_text_t *texts;
    int i;

    if (!job->texts)
        return;
    texts = apr_palloc(job->p, job->query.ntexts * sizeof(*texts));
    for (i = 0; i < job->query.ntexts; i++) {
        texts[i].role = job->query.texts[i].role;
        texts[i].content = job->texts[i];
    }
    job->query.texts = texts;
}

void chat_run_hook_job_start(chat_run_hook_tap_t *s,
                             chat_run_hook_phase_e phase)
{
    const chat_candidate_t *c = s->run->attempt.candidate;

    s->job.p = chat_scratch_pool(s->run->r->pool);
    s->job.query.phase = phase;
    s->job.query.about = &s->about;
    s->about.model = c ? c->name : s->run->request.turn.model;
    s->about.provider = c ? c->conf->name : NULL;
}

int chat_run_hook_job_next(chat_run_hook_tap_t *s)
{
    chat_run_hook_job_t *job = &s->job;
    const int in = job->pieces ? CHAT_HOOK_OUTPUT : CHAT_HOOK_INPUT;

    for (; job->next < s->hooks->nelts && !job->stale &&
           !chat_run_hook_stopped(s);
         job->next++) {
        job->hook = APR_ARRAY_IDX(s->hooks, job->next, chat_hook_conf_t *);
        apply_texts(job);
        if ((job->hook->in & in) && ask_one(s))
            return 1;
    }
    return 0;
}

/* ---- what comes of it ---- */

static const char *why_none(const chat_aside_end_t *end)
{
    switch (end->rv) {
    case APR_TIMEUP:
        return "there is no answer in time";
    case APR_ENOSPC:
        return "its answer is too long";
    default:
        return "it cannot be reached, or ends its answer before it is whole";
    }
}

void chat_run_hook_job_hear(chat_run_hook_tap_t *s, const chat_aside_end_t *end)
{
    chat_run_hook_job_t *job = &s->job;
    chat_run_hook_answer_t answer;
    const char *why;

    why = end->rv == APR_SUCCESS
              ? chat_run_hook_format_read(&answer, job->hook, end->status,
                                          end->data, end->len,
                                          job->query.ntexts, job->p)
              : why_none(end);
    chat_run_hook_state_report(job->hook, why, s->run->r);
    job->next++;
    if (job->stale)
        return;
    if (why) {
        fail(s);
        return;
    }
    if (job->keyed)
        chat_run_hook_state_keep(&job->key, job->hook, &answer);
    take(s, &answer);
}

void chat_run_hook_job_leave(chat_run_hook_tap_t *s)
{
    if (s->job.p && s->job.asked_at)
        chat_run_hook_state_left(s->job.hook);
    s->job.asked_at = 0;
}

void chat_run_hook_job_fail(chat_run_hook_tap_t *s)
{
    chat_run_hook_job_leave(s);
    fail(s);
    s->job.next++;
}
