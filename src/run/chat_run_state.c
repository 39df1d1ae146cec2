/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a run is, and with it how long the prompt and the call made of it are
 * kept: an open stream holds neither. Whoever owns the run.
 */
#include "chat_run_hook.h"

#include <apr_strings.h>

#include "chat_scratch.h"

/* ---- phases ---- */

#define TO(phase) (1u << CHAT_RUN_##phase)

static const unsigned moves[] = {
    [CHAT_RUN_ASKED] = TO(ADMITTED) | TO(ENDING),
    [CHAT_RUN_ADMITTED] = TO(CALLING) | TO(ENDING),
    [CHAT_RUN_CALLING] = TO(CALLING) | TO(ANSWERING) | TO(ENDING),
    [CHAT_RUN_ANSWERING] = TO(CALLING) | TO(STREAMING) | TO(ENDING),
    [CHAT_RUN_STREAMING] = TO(ENDING),
    [CHAT_RUN_ENDING] = TO(DONE),
    [CHAT_RUN_DONE] = 0,
};

static void drop_request(chat_run_t *run)
{
    if (run->request_pool)
        apr_pool_destroy(run->request_pool);
    run->request_pool = NULL;
    run->files = NULL;
}

/* The client has bytes of the answer, so nobody else is asked; and once the
 * upstream has all of the call, nobody needs that either. */
static void drop_call(chat_run_t *run)
{
    apr_pool_t *p = run->call.http.pool;

    if (!run->call.taken || run->phase != CHAT_RUN_STREAMING || !p)
        return;
    apr_pool_destroy(p);
    run->call.http.pool = NULL;
    run->call.http.url = run->call.http.body = NULL;
    run->call.http.headers = NULL;
    run->call.http.body_len = 0;
}

void chat_run_move(chat_run_t *run, chat_run_phase_e to)
{
    ap_assert(moves[run->phase] & (1u << to));
    if (to == CHAT_RUN_ENDING)
        run->reached = run->phase;
    run->phase = to;
    if (to == CHAT_RUN_STREAMING) {
        drop_request(run);
        drop_call(run);
    }
}

int chat_run_is_answering(const chat_run_t *run)
{
    chat_run_phase_e phase =
        run->phase < CHAT_RUN_ENDING ? run->phase : run->reached;

    return phase == CHAT_RUN_ANSWERING || phase == CHAT_RUN_STREAMING;
}

/* ---- the call ---- */

void chat_run_taken(void *ctx)
{
    chat_run_t *run = ctx;

    run->call.taken = 1;
    drop_call(run);
}

/* The turn is needed for a call that differs from this one, and only then. */
static int may_need_turn(const chat_run_t *run)
{
    const chat_candidate_t *c = run->attempt.candidate;

    return chat_run_hook_may_change(run) ||
           c + 1 < run->candidates + run->ncandidates ||
           c->conf->keys->nelts > 1;
}

/* The call was made where the turn is, which does not stay as long. */
void chat_run_keep_call(chat_run_t *run)
{
    chat_call_t *http = &run->call.http;
    apr_pool_t *p = chat_scratch_pool(run->r->pool);
    apr_array_header_t *lines =
        apr_array_make(p, http->headers->nelts, sizeof(const char *));
    int i;

    for (i = 0; i < http->headers->nelts; i++)
        APR_ARRAY_PUSH(lines, const char *) = chat_run_own_line(
            run, APR_ARRAY_IDX(http->headers, i, const char *), p);
    chat_run_own_wipe(run);
    http->headers = lines;
    http->url = apr_pstrdup(p, http->url);
    http->body = chat_run_files_body(&http->body_len, run, http->body,
                                     http->body_len, p);
    http->pool = p;
    run->call.taken = 0;
    if (!may_need_turn(run))
        drop_request(run);
}

int chat_run_is_app(const chat_run_t *run)
{
    return !run->dialect && run->form;
}

static void fetch(const void *from, const void *to)
{
    const char *at;

    for (at = from; at < (const char *)to; at += 64)
        __builtin_prefetch(at);
}

/* What a piece of a stream reads on its way. */
void chat_run_ahead(const void *ctx)
{
    const chat_run_t *run = ctx;

    __builtin_prefetch(&run->phase);
    fetch(&run->attempt, &run->attempt + 1);
    fetch(&run->answer, &run->answer + 1);
    __builtin_prefetch(&run->filter_taps);
    if (run->answer.sse)
        fetch(run->answer.sse, (const char *)run->answer.sse + 128);
    __builtin_prefetch(run->answer.seen);
}
