/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tap of services of moderation. A job is what they are asked about at a
 * time: the question, or a piece of the answer; one service is asked after
 * another. What is to be held until then is. Threads as in chat_run_tap.h.
 */
#include "chat_run_hook.h"

#include <apr_strings.h>

#include "chat_clock.h"
#include "chat_run_hook_pieces.h"
#include "chat_run_hook_state.h"
#include "chat_run_verdict.h"
#include "chat_scratch.h"

/* The first piece is small, so that something is shown soon. */
#define FIRST_BYTES 128
/* What stands before a piece is told with it. */
#define BEFORE_BYTES 256
/* More is not held while a service is asked. */
#define FULL_BYTES (256 * 1024)

typedef struct job_t {
    apr_pool_t *p; /* NULL: there is none */
    chat_run_hook_query_t query;
    int next;                     /* index of the service that is asked now */
    const chat_hook_conf_t *hook; /* that one */
    int keyed;
    chat_run_hook_key_t key;
    chat_call_t call;
    int ready;                /* the call is to be made */
    int stale;                /* its answer is of no use any more */
    apr_int64_t asked_at;     /* monotonic us */
    const char *const *texts; /* in the place of those that were asked about */
    chat_moderation_e worst;
    chat_run_hook_pieces_t *pieces; /* of an answer, NULL: the question */
} job_t;

typedef struct state_t {
    chat_run_t *run;
    const apr_array_header_t *hooks;
    const char **resolve; /* of each service's host */
    int *away;            /* 1: it has no address */
    chat_run_hook_about_t about;
    const char *question; /* NULL: none is to be asked about */
    const char *replaced; /* what stands in its place; NULL: nothing */
    int pending;          /* the question is being asked about */
    int looks, shows;     /* at answers; and shows them meanwhile */
    apr_int64_t window;
    job_t job;
    chat_run_hook_pieces_t *gathered;
    char before[BEFORE_BYTES + 1]; /* what was looked at last ends so */
    int windows;
    int ended; /* the call is: what there is is all */
} state_t;

static state_t *state_of(const chat_run_t *run)
{
    return run->tap_state[CHAT_TAP_hook];
}

static int is_stopped(const state_t *s)
{
    return chat_run_verdict_cut(s->run) != NULL;
}

/* ---- what goes on ---- */

static void pass(void *ctx, const chat_delta_t *delta)
{
    const state_t *s = ctx;

    chat_run_tap_pass(s->run, CHAT_TAP_hook, delta);
}

/* Nothing is shown before it is known that it may be. */
static int holds(const state_t *s)
{
    return s->pending || (s->looks && !s->shows);
}

static void start_window(state_t *s);

static void drop_gathered(state_t *s)
{
    chat_run_hook_pieces_destroy(s->gathered);
    s->gathered = chat_run_hook_pieces_create(s->run->r->pool);
}

/* ---- verdicts ---- */

static int fails_closed(const chat_hook_conf_t *hook, int output)
{
    return hook->fail == CHAT_UNSET ? !output : hook->fail;
}

static void describe(chat_run_verdict_t *v, const state_t *s,
                     chat_moderation_e action)
{
    static const chat_run_verdict_t none = CHAT_RUN_VERDICT_NONE;
    const job_t *job = &s->job;

    *v = none;
    v->action = action;
    v->output = job->query.phase != CHAT_RUN_HOOK_ASKED;
    v->by = job->hook->name;
    v->slot = job->hook->counted;
    if (job->asked_at)
        v->latency = chat_clock_now() - job->asked_at;
}

static const char *first_text(const job_t *job)
{
    return job->query.ntexts ? job->query.texts[0].content : "";
}

/* Can what stands there be another text? */
static int may_replace(const state_t *s)
{
    const chat_run_t *run = s->run;

    if (s->job.pieces)
        return run->dialect && !s->shows;
    return run->phase < CHAT_RUN_ANSWERING && chat_run_hook_is_first(run) &&
           chat_run_hook_may_change(run);
}

/* What a service has said counts. */
static void take(state_t *s, const chat_run_hook_answer_t *answer)
{
    job_t *job = &s->job;
    apr_pool_t *p = s->run->r->pool;
    chat_moderation_e action = answer->action;
    chat_run_verdict_t v;

    if (action == CHAT_MODERATION_REPLACE && !may_replace(s))
        action = CHAT_MODERATION_BLOCK;
    describe(&v, s, action);
    v.category = answer->category ? apr_pstrdup(p, answer->category) : NULL;
    v.reason = answer->reason ? apr_pstrdup(p, answer->reason) : NULL;
    v.score = answer->score;
    chat_run_verdict_note(s->run, &v, first_text(job), strlen(first_text(job)));
    if (action == CHAT_MODERATION_REPLACE)
        job->texts = answer->texts;
    if (action == CHAT_MODERATION_BLOCK)
        chat_run_verdict_stop(s->run, &v);
    if (action > job->worst)
        job->worst = action;
}

/* It could not be asked, or its answer is none. */
static void fail(state_t *s)
{
    chat_run_verdict_t v;

    describe(&v, s, CHAT_MODERATION_ERROR);
    chat_run_verdict_note(s->run, &v, NULL, 0);
    if (fails_closed(s->job.hook, v.output))
        chat_run_verdict_stop(s->run, &v);
}

/* ---- a job ---- */

static const char *header(const char *name, const char *value, apr_pool_t *p)
{
    return apr_pstrcat(p, name, ": ", value, NULL);
}

/* The call to a service, in the job's pool. 0: there is none. */
static int make_call(state_t *s)
{
    job_t *job = &s->job;
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
static int ask_one(state_t *s)
{
    job_t *job = &s->job;
    chat_run_hook_answer_t answer;

    job->keyed = chat_run_hook_state_key(&job->key, job->hook, &job->query);
    job->asked_at = 0;
    if (job->keyed && chat_run_hook_state_find(&answer, &job->key, job->p)) {
        take(s, &answer);
        return 0;
    }
    if (s->away[job->next] || !chat_run_hook_state_allow(job->hook)) {
        fail(s);
        return 0;
    }
    job->asked_at = chat_clock_now();
    job->ready = make_call(s);
    if (!job->ready)
        fail(s);
    return job->ready;
}

/* The texts that have been replaced are those that the next one is told. */
static void apply_texts(job_t *job)
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

static void end_question(state_t *s)
{
    s->pending = 0;
    if (s->job.texts && !is_stopped(s))
        s->replaced = apr_pstrdup(s->run->r->pool, s->job.texts[0]);
    if (s->looks || is_stopped(s))
        return;
    chat_run_hook_pieces_each(s->gathered, NULL, pass, s);
    drop_gathered(s);
}

/* The end of a text of so many bytes, at a character. */
static void remember(state_t *s)
{
    const chat_run_hook_query_t *q = &s->job.query;
    const char *text = q->ntexts ? q->texts[q->ntexts - 1].content : "";
    apr_size_t len = strlen(text);

    if (len > BEFORE_BYTES)
        text += len - BEFORE_BYTES;
    while (((unsigned char)*text & 0xc0) == 0x80)
        text++;
    apr_cpystrn(s->before, text, sizeof(s->before));
}

static void end_window(state_t *s)
{
    remember(s);
    if (!s->shows && !is_stopped(s))
        chat_run_hook_pieces_each(s->job.pieces, s->job.texts, pass, s);
    chat_run_hook_pieces_destroy(s->job.pieces);
}

static void end_job(state_t *s)
{
    apr_pool_t *p = s->job.p;

    if (s->job.stale)
        chat_run_hook_pieces_destroy(s->job.pieces);
    else if (s->job.pieces)
        end_window(s);
    else
        end_question(s);
    memset(&s->job, 0, sizeof(s->job));
    apr_pool_destroy(p);
}

/* On to the next service that looks at such, as far as no call is needed; and
 * to the next job. */
static void advance(state_t *s)
{
    job_t *job = &s->job;
    const int in = job->pieces ? CHAT_HOOK_OUTPUT : CHAT_HOOK_INPUT;

    for (; job->next < s->hooks->nelts && !job->stale && !is_stopped(s);
         job->next++) {
        job->hook = APR_ARRAY_IDX(s->hooks, job->next, chat_hook_conf_t *);
        apply_texts(job);
        if ((job->hook->in & in) && ask_one(s))
            return;
    }
    end_job(s);
    start_window(s);
}

static void start_job(state_t *s, chat_run_hook_phase_e phase)
{
    job_t *job = &s->job;

    job->p = chat_scratch_pool(s->run->r->pool);
    job->query.phase = phase;
    job->query.about = &s->about;
    s->about.model = s->run->attempt.candidate ? s->run->attempt.candidate->name
                                               : s->run->request.turn.model;
    s->about.provider = s->run->attempt.candidate
                            ? s->run->attempt.candidate->conf->name
                            : NULL;
}

static void start_question(state_t *s)
{
    chat_run_hook_text_t *text;

    start_job(s, CHAT_RUN_HOOK_ASKED);
    text = apr_palloc(s->job.p, sizeof(*text));
    text->role = "user";
    text->content = s->question;
    s->job.query.texts = text;
    s->job.query.ntexts = 1;
    s->pending = 1;
    advance(s);
}

/* Is there so much that it is looked at? A call whose answer is one text is
 * looked at when that is whole. */
static int is_enough(const state_t *s)
{
    apr_size_t n = chat_run_hook_pieces_text(s->gathered);

    if (s->ended)
        return n > 0;
    return !s->run->whole &&
           n >= (apr_size_t)(s->windows ? s->window : FIRST_BYTES);
}

static void start_window(state_t *s)
{
    if (s->job.p || !s->looks || s->pending || is_stopped(s) || !is_enough(s))
        return;
    start_job(s, s->ended ? CHAT_RUN_HOOK_WHOLE : CHAT_RUN_HOOK_PARTIAL);
    s->windows++;
    s->job.pieces = s->gathered;
    s->gathered = chat_run_hook_pieces_create(s->run->r->pool);
    s->job.query.ntexts =
        chat_run_hook_pieces_texts(&s->job.query.texts, s->job.pieces);
    s->job.query.before = *s->before ? s->before : NULL;
    advance(s);
}

/* ---- the call beside ---- */

int chat_run_hook_ask(void *ctx, chat_aside_t *aside)
{
    state_t *s = state_of(ctx);

    if (!s || !s->job.ready)
        return 0;
    s->job.ready = 0;
    aside->call = &s->job.call;
    aside->most = chat_run_hook_format_most(s->job.call.body_len);
    return 1;
}

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

static void hear(state_t *s, const chat_aside_end_t *end)
{
    job_t *job = &s->job;
    chat_run_hook_answer_t answer;
    const char *why;

    why = end->rv == APR_SUCCESS
              ? chat_run_hook_format_read(&answer, job->hook, end->status,
                                          end->data, end->len,
                                          job->query.ntexts, job->p)
              : why_none(end);
    chat_run_hook_state_report(job->hook, why, s->run->r);
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

void chat_run_hook_heard(chat_run_t *run, const chat_aside_end_t *end)
{
    state_t *s = state_of(run);

    hear(s, end);
    s->job.next++;
    advance(s);
}

const char *chat_run_hook_replaced(chat_run_t *run)
{
    state_t *s = state_of(run);
    const char *text = s->replaced;

    s->replaced = NULL;
    return text;
}

int chat_run_hook_is_full(const chat_run_t *run)
{
    const state_t *s = state_of(run);

    return s && s->job.p && chat_run_hook_pieces_text(s->gathered) > FULL_BYTES;
}

int chat_run_hook_lingers(chat_run_t *run)
{
    state_t *s = state_of(run);

    if (!s || is_stopped(s))
        return 0;
    if (!s->ended) {
        s->ended = 1;
        if (!s->job.p)
            start_window(s);
    }
    return s->job.p != NULL;
}

int chat_run_hook_is_first(const chat_run_t *run)
{
    const state_t *s = state_of(run);
    int i;

    for (i = 0; s && i < s->hooks->nelts; i++) {
        const chat_hook_conf_t *hook =
            APR_ARRAY_IDX(s->hooks, i, chat_hook_conf_t *);

        if ((hook->in & CHAT_HOOK_INPUT) && !hook->beside)
            return 1;
    }
    return 0;
}

int chat_run_hook_may_change(const chat_run_t *run)
{
    return state_of(run) && !run->kept && run->request.turn.nmessages > 0 &&
           run->request.turn.messages[run->request.turn.nmessages - 1].role ==
               CHAT_ROLE_USER &&
           run->request.turn.messages[run->request.turn.nmessages - 1].content;
}

/* ---- the tap ---- */

static int hook_wanted(const chat_run_t *run)
{
    return run->conf->hook.list->nelts > 0;
}

static void describe_run(state_t *s)
{
    const chat_run_t *run = s->run;

    s->about.request_id = run->ctx->request_id;
    s->about.conversation = run->kept ? run->kept->conversation : NULL;
    s->about.user = chat_run_hook_user(run, run->r->pool);
    s->about.tier = chat_limit_tier(run->ctx);
    s->about.route = chat_config_route_name(run->conf->route.id);
}

static void look_up(state_t *s, int i, const chat_hook_conf_t *hook)
{
    chat_err_t err = {0};

    s->away[i] =
        chat_stream_resolve(&s->resolve[i], s->run->r, hook->host, hook->port,
                            hook->timeout, &err) != APR_SUCCESS;
    if (hook->in & CHAT_HOOK_INPUT)
        s->question = "";
    if (!(hook->in & CHAT_HOOK_OUTPUT))
        return;
    s->shows = (!s->looks || s->shows) && hook->chase;
    s->window =
        !s->looks || hook->window < s->window ? hook->window : s->window;
    s->looks = 1;
}

static apr_status_t refuse(state_t *s, chat_err_t *err)
{
    const chat_run_verdict_t v = {
        .action = s->run->record.moderation.action,
        .category = s->run->record.moderation.category,
    };

    return chat_run_verdict_refuse(err, s->run, &v);
}

static apr_status_t hook_begin(void **pstate, chat_run_t *run, chat_err_t *err)
{
    state_t *s = apr_pcalloc(run->r->pool, sizeof(*s));
    int i, n = run->conf->hook.list->nelts;

    s->run = run;
    s->hooks = run->conf->hook.list;
    s->resolve = apr_pcalloc(run->r->pool, n * sizeof(*s->resolve));
    s->away = apr_pcalloc(run->r->pool, n * sizeof(*s->away));
    s->gathered = chat_run_hook_pieces_create(run->r->pool);
    describe_run(s);
    for (i = 0; i < n; i++)
        look_up(s, i, APR_ARRAY_IDX(s->hooks, i, chat_hook_conf_t *));
    *pstate = s;
    if (s->question)
        s->question = chat_run_hook_question(run, run->r->pool);
    if (s->question && *s->question)
        start_question(s);
    return is_stopped(s) ? refuse(s, err) : APR_SUCCESS;
}

static void hook_restart(void *ctx)
{
    state_t *s = ctx;

    drop_gathered(s);
    if (s->job.pieces)
        s->job.stale = 1;
    *s->before = '\0';
    s->windows = s->ended = 0;
}

static void hook_filter(void *ctx, const chat_delta_t *delta)
{
    state_t *s = ctx;

    if (is_stopped(s))
        return;
    if (s->looks || s->pending)
        chat_run_hook_pieces_add(s->gathered, delta);
    if (!holds(s))
        pass(s, delta);
    start_window(s);
}

static int hook_holds(void *ctx)
{
    const state_t *s = ctx;

    return holds(s) && (s->job.p || chat_run_hook_pieces_text(s->gathered) > 0);
}

static const chat_cut_t *hook_progress(void *ctx)
{
    const state_t *s = ctx;

    return chat_run_verdict_cut(s->run);
}

static void hook_end(chat_run_t *run, void *ctx)
{
    const state_t *s = ctx;

    if (s && s->job.p && s->job.asked_at)
        chat_run_hook_state_left(s->job.hook);
    if (s)
        chat_run_verdict_end(run);
}

const chat_tap_t chat_run_hook = {
    .name = "hook",
    .wanted = hook_wanted,
    .begin = hook_begin,
    .restart = hook_restart,
    .filter = hook_filter,
    .holds = hook_holds,
    .progress = hook_progress,
    .end = hook_end,
};
