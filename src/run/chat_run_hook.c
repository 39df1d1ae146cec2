/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tap of services of moderation: when they are asked about what, and what
 * is to be held until then. Threads as in chat_run_tap.h.
 */
#include "chat_run_hook_int.h"

#include <apr_strings.h>

#include "chat_run_trace.h"
#include "chat_run_verdict.h"

/* The first piece is small, so that something is shown soon. */
#define FIRST_BYTES 128
/* More is not held while a service is asked. */
#define FULL_BYTES (256 * 1024)

static chat_run_hook_tap_t *state_of(const chat_run_t *run)
{
    return run->tap_state[CHAT_TAP_hook];
}

/* ---- what goes on ---- */

static void pass(void *ctx, const chat_delta_t *delta)
{
    const chat_run_hook_tap_t *s = ctx;

    if (!s->spoilt || delta->kind != CHAT_DELTA_DETAIL)
        chat_run_tap_pass(s->run, CHAT_TAP_hook, delta);
}

/* Nothing is shown before it is known that it may be. */
static int holds(const chat_run_hook_tap_t *s)
{
    return s->pending || (s->looks && !s->shows);
}

static void start_window(chat_run_hook_tap_t *s);

static void gather_anew(chat_run_hook_tap_t *s)
{
    chat_run_hook_pieces_destroy(s->gathered);
    s->gathered =
        chat_run_hook_pieces_create(!s->run->dialect, s->run->r->pool);
}

/* ---- what comes of a job ---- */

static void end_question(chat_run_hook_tap_t *s)
{
    s->pending = 0;
    if (chat_run_hook_is_first(s->run))
        chat_run_trace_begins(s->run);
    if (s->job.texts && !chat_run_hook_stopped(s))
        s->replaced = apr_pstrdup(s->run->r->pool, s->job.texts[0]);
    if (s->looks || chat_run_hook_stopped(s))
        return;
    chat_run_hook_pieces_each(s->gathered, NULL, pass, s);
    gather_anew(s);
}

/* How the last text ends, as far as the next window does not begin with it. */
static void remember(chat_run_hook_tap_t *s)
{
    const chat_run_hook_query_t *q = &s->job.query;
    const char *text = q->ntexts ? q->texts[q->ntexts - 1].content : "";
    apr_size_t len = strlen(text), most = CHAT_RUN_HOOK_BEFORE;

    if (!s->job.texts)
        len -= chat_run_hook_pieces_overlap(s->job.pieces);
    text += len > most ? len - most : 0;
    len = len > most ? most : len;
    for (; len && ((unsigned char)*text & 0xc0) == 0x80; len--)
        text++;
    apr_cpystrn(s->before, text, len + 1);
}

/* What stands in the place of a window stands there for its end as well. */
static void end_window(chat_run_hook_tap_t *s)
{
    const chat_run_hook_job_t *job = &s->job;

    remember(s);
    if (!s->shows && !chat_run_hook_stopped(s)) {
        s->spoilt |= job->texts != NULL;
        if (job->texts)
            chat_run_hook_pieces_drop_lead(s->gathered);
        chat_run_hook_pieces_each(job->pieces, job->texts, pass, s);
        s->judged = job->reached;
    }
    chat_run_hook_pieces_destroy(job->pieces);
}

/* What has no text in it, and nothing behind it, needs no verdict. */
static void end_silence(chat_run_hook_tap_t *s)
{
    if (!s->job.p && s->ended && holds(s) && !chat_run_hook_stopped(s)) {
        chat_run_hook_pieces_each(s->gathered, NULL, pass, s);
        gather_anew(s);
    }
}

static void end_job(chat_run_hook_tap_t *s)
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

/* On with the job as far as no call is needed, and to the next. */
static void advance(chat_run_hook_tap_t *s)
{
    if (chat_run_hook_job_next(s))
        return;
    end_job(s);
    start_window(s);
    end_silence(s);
}

static void start_question(chat_run_hook_tap_t *s)
{
    chat_run_hook_text_t *text;

    chat_run_hook_job_start(s, CHAT_RUN_HOOK_ASKED);
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
static int is_enough(const chat_run_hook_tap_t *s)
{
    apr_size_t n = chat_run_hook_pieces_bytes(s->gathered);

    if (s->ended)
        return chat_run_hook_pieces_has_text(s->gathered);
    return !s->run->whole &&
           n >= (apr_size_t)(s->windows ? s->window : FIRST_BYTES);
}

/* What passes unchanged has no order in which a text could be cut where it
 * stands: a window may be seen when the next one has been, which begins with
 * the ends of its texts. */
static void take_gathered(chat_run_hook_tap_t *s)
{
    apr_pool_t *p = s->run->r->pool;

    s->job.pieces = s->gathered;
    s->job.reached = s->before_last;
    s->before_last = s->reached;
    s->gathered = s->ended || s->shows
                      ? chat_run_hook_pieces_create(!s->run->dialect, p)
                      : chat_run_hook_pieces_split(s->gathered, p);
}

static void start_window(chat_run_hook_tap_t *s)
{
    if (s->job.p || !s->looks || s->pending || chat_run_hook_stopped(s) ||
        !is_enough(s))
        return;
    chat_run_hook_job_start(s, s->ended ? CHAT_RUN_HOOK_WHOLE
                                        : CHAT_RUN_HOOK_PARTIAL);
    s->windows++;
    take_gathered(s);
    s->job.query.ntexts =
        chat_run_hook_pieces_texts(&s->job.query.texts, s->job.pieces);
    s->job.query.before = *s->before ? s->before : NULL;
    advance(s);
}

/* ---- the call beside ---- */

int chat_run_hook_ask(void *ctx, chat_aside_t *aside)
{
    chat_run_hook_tap_t *s = state_of(ctx);

    if (!s || !s->job.ready)
        return 0;
    s->job.ready = 0;
    aside->call = &s->job.call;
    aside->most = chat_run_hook_format_most(s->job.call.body_len);
    return 1;
}

void chat_run_hook_heard(chat_run_t *run, const chat_aside_end_t *end)
{
    chat_run_hook_tap_t *s = state_of(run);

    chat_run_hook_job_hear(s, end);
    advance(s);
}

const char *chat_run_hook_replaced(chat_run_t *run)
{
    chat_run_hook_tap_t *s = state_of(run);
    const char *text = s->replaced;

    s->replaced = NULL;
    return text;
}

int chat_run_hook_is_full(const chat_run_t *run)
{
    const chat_run_hook_tap_t *s = state_of(run);

    return s && s->job.p &&
           chat_run_hook_pieces_bytes(s->gathered) > FULL_BYTES;
}

/* There will be no more. */
static void end_answer(chat_run_hook_tap_t *s)
{
    s->ended = 1;
    start_window(s);
    end_silence(s);
}

int chat_run_hook_lingers(chat_run_t *run)
{
    chat_run_hook_tap_t *s = state_of(run);

    if (!s || chat_run_hook_stopped(s))
        return 0;
    if (!s->ended)
        end_answer(s);
    return s->job.p != NULL;
}

void chat_run_hook_settle(chat_run_t *run)
{
    chat_run_hook_tap_t *s = state_of(run);

    if (!s || chat_run_hook_stopped(s) ||
        (run->end.why != CHAT_END_COMPLETE && run->end.why != CHAT_END_STOPPED))
        return;
    s->mute = 1;
    if (s->job.p) {
        chat_run_hook_job_fail(s);
        advance(s);
    }
    end_answer(s);
}

void chat_run_hook_reached(chat_run_t *run, apr_off_t offset)
{
    chat_run_hook_tap_t *s = state_of(run);

    if (s && !chat_run_tap_holds(run, CHAT_TAP_hook))
        s->reached = offset;
}

apr_off_t chat_run_hook_judged(const chat_run_t *run)
{
    const chat_run_hook_tap_t *s = state_of(run);

    return s ? s->judged : 0;
}

/* ---- the tap ---- */

static int hook_wanted(const chat_run_t *run)
{
    return run->conf->hook.list->nelts > 0;
}

static void describe_run(chat_run_hook_tap_t *s)
{
    const chat_run_t *run = s->run;

    s->about.request_id = run->ctx->request_id;
    s->about.conversation = run->kept ? run->kept->conversation : NULL;
    s->about.user = chat_run_hook_user(run, run->r->pool);
    s->about.tier = chat_limit_tier(run->ctx);
    s->about.route = chat_config_route_name(run->conf->route.id);
}

static void look_up(chat_run_hook_tap_t *s, int i, const chat_hook_conf_t *hook)
{
    chat_err_t err = {0};

    s->away[i] =
        chat_stream_resolve(&s->resolve[i], s->run->r, hook->host, hook->port,
                            hook->timeout, &err) != APR_SUCCESS;
    s->asks |= (hook->in & CHAT_HOOK_INPUT) != 0;
    if (!(hook->in & CHAT_HOOK_OUTPUT))
        return;
    s->shows = (!s->looks || s->shows) && hook->chase;
    s->window =
        !s->looks || hook->window < s->window ? hook->window : s->window;
    s->looks = 1;
}

static apr_status_t refuse(chat_run_hook_tap_t *s, chat_err_t *err)
{
    const chat_run_verdict_t v = {
        .action = s->run->record.moderation.action,
        .category = s->run->record.moderation.category,
    };

    return chat_run_verdict_refuse(err, s->run, &v);
}

static apr_status_t hook_begin(void **pstate, chat_run_t *run, chat_err_t *err)
{
    chat_run_hook_tap_t *s = apr_pcalloc(run->r->pool, sizeof(*s));
    int i, n = run->conf->hook.list->nelts;

    s->run = run;
    s->hooks = run->conf->hook.list;
    s->resolve = apr_pcalloc(run->r->pool, n * sizeof(*s->resolve));
    s->away = apr_pcalloc(run->r->pool, n * sizeof(*s->away));
    gather_anew(s);
    describe_run(s);
    for (i = 0; i < n; i++)
        look_up(s, i, APR_ARRAY_IDX(s->hooks, i, chat_hook_conf_t *));
    *pstate = s;
    return APR_SUCCESS;
}

apr_status_t chat_run_hook_start(chat_run_t *run, chat_err_t *err)
{
    chat_run_hook_tap_t *s = state_of(run);

    if (!s || !s->asks)
        return APR_SUCCESS;
    s->question = chat_run_hook_question(run, run->r->pool);
    if (s->question && *s->question)
        start_question(s);
    return chat_run_hook_stopped(s) ? refuse(s, err) : APR_SUCCESS;
}

static void hook_restart(void *ctx)
{
    chat_run_hook_tap_t *s = ctx;

    gather_anew(s);
    if (s->job.pieces)
        s->job.stale = 1;
    *s->before = '\0';
    s->windows = s->ended = s->spoilt = 0;
    s->reached = s->before_last = s->judged = 0;
}

static void hook_filter(void *ctx, const chat_delta_t *delta)
{
    chat_run_hook_tap_t *s = ctx;

    if (chat_run_hook_stopped(s))
        return;
    if (s->looks || s->pending)
        chat_run_hook_pieces_add(s->gathered, delta);
    if (!holds(s))
        pass(s, delta);
    start_window(s);
}

static int hook_holds(void *ctx)
{
    const chat_run_hook_tap_t *s = ctx;

    return holds(s) && (s->job.p || chat_run_hook_pieces_has_text(s->gathered));
}

static const chat_cut_t *hook_progress(void *ctx)
{
    const chat_run_hook_tap_t *s = ctx;

    return chat_run_verdict_cut(s->run);
}

static void hook_end(chat_run_t *run, void *ctx)
{
    chat_run_hook_tap_t *s = ctx;

    if (s)
        chat_run_hook_job_leave(s);
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
