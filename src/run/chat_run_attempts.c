/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call after another until one answers: which upstream, which of its keys,
 * and what follows when a call has failed before the client got anything. What
 * a failure means says chat_run_failure.c; a call that the upstream may have
 * accepted is made once more only with "unsafe=on". The request thread makes
 * the first call, the stream's driver all others.
 */
#include "chat_run_int.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_crypto.h"
#include "chat_jwt.h"
#include "chat_log.h"
#include "chat_run_hook.h"
#include "chat_run_trace.h"

/* ---- making a call ---- */

/* A new token for each call, where the key is the secret of such. */
static const char *find_key(const chat_run_t *run)
{
    const chat_attempt_t *attempt = &run->attempt;
    const chat_provider_conf_t *conf = attempt->candidate->conf;
    const char *key;

    if (attempt->candidate->own)
        return attempt->candidate->own->secret;
    if (attempt->key < 0)
        return NULL;
    key = APR_ARRAY_IDX(conf->keys, attempt->key, const char *);
    return conf->signs ? chat_jwt_make(key, run->ctx->user->id, apr_time_now(),
                                       run->r->pool)
                       : key;
}

/* A new call to the candidate of the attempt, with its key. The one before is
 * over. */
static apr_status_t build_call(chat_run_t *run, chat_err_t *err)
{
    const chat_candidate_t *c = run->attempt.candidate;
    chat_upstream_t *up = &run->attempt.upstream;
    chat_run_call_t *call = &run->call;
    chat_turn_t turn;
    apr_status_t rv = chat_run_fit(run, c, err);

    if (rv != APR_SUCCESS)
        return rv;
    chat_run_describe(up, c->conf, find_key(run));
    if (c->own && c->own->url)
        up->url = c->own->url;
    if (c->provider->choose_api)
        c->provider->choose_api(up, run->attempt.fit);
    if (call->http.pool)
        apr_pool_destroy(call->http.pool);
    memset(call, 0, sizeof(*call));
    turn = *run->attempt.fit;
    chat_run_files_address(&turn, run);
    rv =
        c->provider->build_call(&call->http, &turn, up, err, run->request_pool);
    call->http.resolve = c->resolve;
    call->http.guarded = c->own ? c->own->guarded : NULL;
    call->http.secret = c->own != NULL;
    if (rv == APR_SUCCESS && !call->http.body)
        return chat_err_set(err, APR_ENOMEM, HTTP_SERVICE_UNAVAILABLE,
                            "out_of_memory",
                            "There is no memory for this request right now.");
    return rv;
}

static apr_status_t refuse_open(chat_err_t *err, apr_interval_time_t wait,
                                apr_pool_t *p)
{
    err->retry_after = apr_itoa(p, (int)apr_time_sec(wait) + 1);
    return chat_err_set(err, APR_EAGAIN, HTTP_SERVICE_UNAVAILABLE,
                        "upstream_unavailable",
                        "The provider fails at the moment.");
}

/* Addresses that users name have no breaker: it would be everybody's. */
static chat_permit_e ask_breaker(const chat_candidate_t *c,
                                 apr_interval_time_t *pwait)
{
    *pwait = 0;
    if (c->own && c->own->url)
        return CHAT_PERMIT_YES;
    return chat_upstream_allow(
        c->conf, c->own ? CHAT_ORIGIN_USER : CHAT_ORIGIN_HOUSE, pwait);
}

/* Which key: fails where there is none to use. */
static apr_status_t choose_key(chat_run_t *run, chat_err_t *err)
{
    chat_attempt_t *attempt = &run->attempt;
    const chat_candidate_t *c = attempt->candidate;

    attempt->key = -1;
    attempt->own_key = c->own != NULL;
    if (c->own)
        return chat_run_own_open(run, err);
    attempt->key = chat_upstream_key(c->conf);
    if (attempt->key >= 0 || c->conf->keys->nelts == 0)
        return APR_SUCCESS;
    err->cause = CHAT_CAUSE_AUTH;
    return chat_err_set(err, APR_EGENERAL, HTTP_BAD_GATEWAY, "upstream_auth",
                        "The provider does not accept this server.");
}

/* Turn to a candidate, if it can be asked now. With APR_SUCCESS the breaker
 * waits for a report. */
static apr_status_t turn_to(chat_run_t *run, chat_candidate_t *c,
                            chat_err_t *err)
{
    chat_attempt_t *attempt = &run->attempt;
    apr_interval_time_t wait;
    apr_status_t rv;

    attempt->candidate = c;
    attempt->number = 1;
    rv = choose_key(run, err);
    if (rv == APR_SUCCESS)
        rv = build_call(run, err);
    if (rv == APR_SUCCESS) {
        attempt->permit = ask_breaker(c, &wait);
        if (!attempt->permit)
            rv = refuse_open(err, wait, run->r->pool);
    }
    if (rv != APR_SUCCESS)
        chat_run_own_wipe(run);
    return rv;
}

void chat_run_rebuild(chat_run_t *run, const char *text)
{
    chat_turn_t *turn = &run->request.turn;
    chat_message_t *messages = apr_pmemdup(run->request_pool, turn->messages,
                                           turn->nmessages * sizeof(*messages));
    chat_message_t *last = &messages[turn->nmessages - 1];
    chat_err_t err = {0};

    last->content = apr_pstrdup(run->request_pool, text);
    last->text_parts = NULL;
    turn->messages = messages;
    run->attempt.fitted = NULL;
    if (build_call(run, &err) == APR_SUCCESS)
        chat_run_keep_call(run);
}

/* For the log, which must not have what may be in a query. */
static const char *plain_url(const char *url, apr_pool_t *p)
{
    return apr_pstrmemdup(p, url, strcspn(url, "?#"));
}

/* The call of the attempt is about to be made. */
static void prepare_call(chat_run_t *run)
{
    if (!run->call.http.pool)
        chat_run_keep_call(run);
    run->call.taken = 0;
    run->record.provider = run->attempt.candidate->conf->name;
    run->record.model = run->attempt.candidate->name;
    run->record.upstream_model = run->attempt.candidate->upstream;
    run->attempt.counted = 0;
    run->record.upstream_url = plain_url(run->call.http.url, run->r->pool);
    chat_run_trace_call(run);
    chat_run_listen(run);
    /* With an admission the limits will be asked before it is made. */
    if (run->phase != CHAT_RUN_ASKED)
        chat_run_move(run, CHAT_RUN_CALLING);
}

/* ---- the first ---- */

/* An engine never waits for a name. */
static apr_status_t resolve(chat_run_t *run, chat_candidate_t *c,
                            chat_err_t *err)
{
    if (c->own && c->own->url)
        return APR_SUCCESS;
    return chat_stream_resolve(&c->resolve, run->r, c->conf->host,
                               c->conf->port, c->conf->timeouts.connect, err);
}

/* Nobody waits for the name of one that may never be asked. */
static apr_status_t resolve_spare(chat_run_t *run, chat_candidate_t *c)
{
    if (c->own && c->own->url)
        return APR_SUCCESS;
    return chat_stream_resolved(&c->resolve, run->r, c->conf->host,
                                c->conf->port);
}

apr_status_t chat_run_first(chat_run_t *run, chat_err_t *err)
{
    apr_status_t rv = APR_EGENERAL;
    int i;

    for (i = 0; i < run->ncandidates; i++) {
        chat_candidate_t *c = &run->candidates[i];
        chat_err_t why = {0};
        apr_status_t is = resolve(run, c, &why);

        if (is == APR_SUCCESS)
            is = turn_to(run, c, &why);
        if (is == APR_SUCCESS) {
            while (++i < run->ncandidates)
                resolve_spare(run, &run->candidates[i]);
            memset(err, 0, sizeof(*err));
            prepare_call(run);
            return APR_SUCCESS;
        }
        if (i == 0) {
            *err = why;
            rv = is;
        }
    }
    return rv;
}

void chat_run_begin_call(chat_run_t *run)
{
    run->record.overhead = apr_time_now() - run->r->request_time - run->reading;
}

/* ---- what became of a call ---- */

/* Each once, however often its end is looked at. */
static void count_call(chat_run_t *run, const chat_result_t *result)
{
    const char *word = chat_run_failure_word(result);

    if (word && !run->attempt.counted)
        chat_telemetry_count_attempt(run->attempt.candidate->conf->name, word);
    run->attempt.counted |= word != NULL;
}

static void report(chat_run_t *run, chat_verdict_e verdict)
{
    const chat_candidate_t *c = run->attempt.candidate;

    if (run->attempt.permit && !(c->own && c->own->url))
        chat_upstream_report(c->conf,
                             c->own ? CHAT_ORIGIN_USER : CHAT_ORIGIN_HOUSE,
                             verdict, run->r);
    run->attempt.permit = CHAT_PERMIT_NO;
}

void chat_run_drop(chat_run_t *run)
{
    report(run, CHAT_VERDICT_UNKNOWN);
}

void chat_run_report(chat_run_t *run, const chat_end_t *end)
{
    chat_result_t result;
    chat_err_t refusal;

    chat_run_result(&result, &refusal, run, end);
    count_call(run, &result);
    report(run, chat_run_failure_verdict(&result));
}

/* ---- the next ---- */

static apr_interval_time_t backoff(const chat_run_t *run)
{
    unsigned char noise;

    chat_crypto_random(&noise, sizeof(noise));
    return chat_run_failure_backoff(run->conf->retry.backoff,
                                    run->conf->retry.wait, run->attempt.number,
                                    noise);
}

/* The same upstream, with its next key if there are several. */
static int call_again(chat_run_t *run)
{
    chat_attempt_t *attempt = &run->attempt;
    const chat_provider_conf_t *conf = attempt->candidate->conf;
    apr_interval_time_t unused;
    chat_err_t err;

    if (conf->keys->nelts > 1 && !attempt->candidate->own) {
        attempt->key = chat_upstream_key(conf);
        if (attempt->key < 0 || build_call(run, &err) != APR_SUCCESS)
            return 0;
    }
    attempt->permit = ask_breaker(attempt->candidate, &unused);
    return attempt->permit != CHAT_PERMIT_NO;
}

/* If there is a call left, and it may be soon. */
static int repeat(chat_run_t *run, const chat_result_t *result,
                  apr_interval_time_t *pwait)
{
    apr_interval_time_t asked;
    chat_err_t err;

    chat_run_failure_no_answer(&err, result);
    asked = chat_run_failure_retry_after(err.retry_after, apr_time_now());
    if (run->attempt.number >= run->conf->retry.attempts ||
        asked > run->conf->retry.wait)
        return 0;
    *pwait = backoff(run);
    if (asked > *pwait)
        *pwait = asked;
    run->attempt.number++;
    return call_again(run);
}

/* Without the key that was not accepted. */
static int change_key(chat_run_t *run)
{
    const chat_provider_conf_t *conf = run->attempt.candidate->conf;

    if (conf->keys->nelts < 2 || run->attempt.candidate->own)
        return 0;
    /* A 403 may be about the question, whatever its words are. */
    return chat_upstream_suspend(conf, run->attempt.key,
                                 run->attempt.status != HTTP_FORBIDDEN,
                                 run->r) &&
           call_again(run);
}

static int change_candidate(chat_run_t *run)
{
    const chat_candidate_t *end = run->candidates + run->ncandidates;
    chat_candidate_t *c =
        run->candidates + (run->attempt.candidate - run->candidates);

    while (++c < end) {
        chat_err_t err = {0};

        if (resolve_spare(run, c) == APR_SUCCESS &&
            turn_to(run, c, &err) == APR_SUCCESS)
            return 1;
    }
    return 0;
}

static int choose_next(chat_run_t *run, const chat_result_t *result,
                       apr_interval_time_t *pwait)
{
    chat_remedy_e remedy = chat_run_failure_remedy(result);

    *pwait = 0;
    if (remedy == CHAT_REMEDY_ACCEPTED)
        remedy = run->conf->retry.unsafe ? CHAT_REMEDY_SAME : CHAT_REMEDY_NONE;
    if (remedy == CHAT_REMEDY_NONE)
        return 0;
    if (remedy == CHAT_REMEDY_SAME && repeat(run, result, pwait))
        return 1;
    *pwait = 0;
    if (remedy == CHAT_REMEDY_KEY && change_key(run))
        return 1;
    return change_candidate(run);
}

static void trace_failed(chat_run_t *run, const chat_attempt_t *attempt,
                         const chat_end_t *end, const chat_result_t *result)
{
    chat_err_t err;

    if (!run->trace)
        return;
    chat_run_failure_no_answer(&err, result);
    chat_run_trace_called(run, attempt, end, err.code);
}

/* The answer that has ended is all there will be, but a service is still to
 * say what it makes of it. Nothing is written here: the stream has ended. */
static int lingers(chat_run_t *run)
{
    if (!run->filter_taps || !chat_run_is_answering(run) ||
        run->attempt.is_refused)
        return 0;
    chat_run_flush_taps(run);
    return chat_run_hook_lingers(run);
}

int chat_run_again(void *ctx, const chat_end_t *end, const chat_call_t **pcall,
                   apr_interval_time_t *pwait)
{
    chat_run_t *run = ctx;
    chat_attempt_t before;
    chat_result_t result;
    chat_err_t refusal;
    int billed;

    chat_run_finish(run, end);
    /* It may be large, and this an engine: only where it matters. */
    if (run->conf->retry.unsafe)
        chat_run_look(run);
    chat_run_result(&result, &refusal, run, end);
    count_call(run, &result);
    report(run, chat_run_failure_verdict(&result));
    chat_run_own_note(run, &refusal);
    before = run->attempt;
    billed = chat_run_bill(run, &result);
    if (run->answer.cut || !chat_run_can_pay(run) ||
        !choose_next(run, &result, pwait)) {
        /* What is told to the client is what the last call came to. */
        if (billed)
            apr_array_pop(run->bills);
        run->attempt = before;
        *pcall = NULL;
        return lingers(run);
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, run->r,
                  CHATNO(0803) "provider %s failed (status %d%s%s): %s %s in "
                               "%" APR_TIME_T_FMT " ms",
                  before.candidate->conf->name, before.status,
                  end->detail ? ", " : "", end->detail ? end->detail : "",
                  run->attempt.candidate == before.candidate ? "again" : "now",
                  run->attempt.candidate->conf->name, apr_time_as_msec(*pwait));
    trace_failed(run, &before, end, &result);
    prepare_call(run);
    chat_run_tell_again(run, run->attempt.candidate == before.candidate);
    *pcall = &run->call.http;
    return 1;
}
