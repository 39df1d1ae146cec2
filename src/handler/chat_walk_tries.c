/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call after another until one answers: which upstream, which of its keys,
 * and what to do when a call has failed before the client got anything.
 *
 * What is tried again is what the upstream has said no to (429, 5xx), or what
 * it cannot have got. A call that it may have accepted is somebody's money:
 * that is made once more only with "unsafe=on". The request thread makes the
 * first call, the stream's driver all others.
 */
#include "chat_walk_int.h"

#include <apr_date.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "chat_crypto.h"
#include "chat_log.h"
#include "chat_upstream.h"

/* No wait between two calls is doubled more often. */
#define DOUBLINGS_MAX 10

/* A longer Retry-After, in digits, is longer than anybody waits. */
#define DELAY_DIGITS 9

/* ---- making a call ---- */

static const char *find_key(const chat_try_t *try)
{
    const apr_array_header_t *keys = try->candidate->conf->keys;

    return try->key >= 0 ? APR_ARRAY_IDX(keys, try->key, const char *) : NULL;
}

chat_upstream_t chat_walk_upstream(const chat_provider_conf_t *conf,
                                   const char *key)
{
    const chat_upstream_t up = {
        .url = conf->url,
        .key = key,
        .auth = conf->auth,
        .version = conf->version,
        .completions = conf->api == CHAT_API_COMPLETIONS,
        .store = conf->store,
        .timeouts = conf->timeouts,
    };

    return up;
}

/* A new call to the candidate of try, with its key. */
static apr_status_t build(chat_walk_t *w, chat_err_t *err)
{
    const chat_candidate_t *c = w->try.candidate;
    chat_turn_t fit;
    apr_status_t rv =
        chat_walk_fit(&fit, &w->turn, c->model, w->input_tokens, err);

    if (rv != APR_SUCCESS)
        return rv;
    fit.model = c->upstream;
    w->try.upstream = chat_walk_upstream(c->conf, find_key(&w->try));
    memset(&w->call, 0, sizeof(w->call));
    rv =
        c->provider->build_call(&w->call, &fit, &w->try.upstream, err, w->body);
    w->call.resolve = c->resolve;
    w->built = 1;
    return rv;
}

/* The turn is needed for a call that differs from this one, and only then. */
static int may_need_turn(const chat_walk_t *w)
{
    return w->try.candidate + 1 < w->candidates + w->ncandidates ||
           w->try.candidate->conf->keys->nelts > 1;
}

/* An open stream need not hold the prompt twice, ... */
static void drop_turn(chat_walk_t *w)
{
    if (w->body)
        apr_pool_destroy(w->body);
    w->body = NULL;
}

/* ... and once it is answered not at all. */
static void drop_call(chat_walk_t *w)
{
    if (!w->taken || !w->passed || !w->call_pool)
        return;
    apr_pool_destroy(w->call_pool);
    w->call_pool = NULL;
    w->call.url = w->call.body = NULL;
    w->call.headers = NULL;
    w->call.body_len = 0;
}

void chat_walk_passed(chat_walk_t *w)
{
    w->passed = 1;
    drop_turn(w);
    drop_call(w);
}

void chat_walk_taken(void *ctx)
{
    chat_walk_t *w = ctx;

    w->taken = 1;
    drop_call(w);
}

/* The call was made where the turn is, which does not stay as long. */
static void keep_call(chat_walk_t *w, apr_pool_t *p)
{
    chat_call_t *call = &w->call;
    apr_array_header_t *lines =
        apr_array_make(p, call->headers->nelts, sizeof(const char *));
    int i;

    for (i = 0; i < call->headers->nelts; i++)
        APR_ARRAY_PUSH(lines, const char *) =
            apr_pstrdup(p, APR_ARRAY_IDX(call->headers, i, const char *));
    call->headers = lines;
    call->url = apr_pstrdup(p, call->url);
    call->body = apr_pmemdup(p, call->body, call->body_len);
}

/* A call that was built is about to be made; the one before is over. */
static void settle_call(chat_walk_t *w)
{
    if (w->call_pool)
        apr_pool_destroy(w->call_pool);
    apr_pool_create_ex(&w->call_pool, w->r->pool, NULL,
                       apr_pool_allocator_get(chat_handler_scratch()));
    keep_call(w, w->call_pool);
    w->taken = 0;
    if (!may_need_turn(w))
        drop_turn(w);
}

static apr_status_t refuse_open(chat_err_t *err, apr_interval_time_t wait,
                                apr_pool_t *p)
{
    err->retry_after = apr_itoa(p, (int)apr_time_sec(wait) + 1);
    return chat_err_set(err, APR_EAGAIN, HTTP_SERVICE_UNAVAILABLE,
                        "upstream_unavailable",
                        "The provider fails at the moment.");
}

static apr_status_t refuse_keys(chat_err_t *err)
{
    return chat_err_set(err, APR_EGENERAL, HTTP_BAD_GATEWAY, "upstream_auth",
                        "The provider does not accept this server.");
}

/* Turn to a candidate, if it can be asked now. With APR_SUCCESS the breaker
 * waits to be told. */
static apr_status_t turn_to(chat_walk_t *w, chat_candidate_t *c,
                            chat_err_t *err)
{
    apr_interval_time_t wait;
    apr_status_t rv;

    w->try.candidate = c;
    w->try.attempt = 1;
    w->try.key = chat_upstream_key(c->conf);
    if (w->try.key < 0 && c->conf->keys->nelts > 0)
        return refuse_keys(err);
    rv = build(w, err);
    if (rv != APR_SUCCESS)
        return rv;
    w->try.trial = chat_upstream_may(c->conf, &wait);
    if (!w->try.trial)
        return refuse_open(err, wait, w->r->pool);
    w->try.told = 0;
    return APR_SUCCESS;
}

static void began(chat_walk_t *w)
{
    w->facts.provider = w->try.candidate->conf->name;
    w->facts.model = w->try.candidate->name;
    if (w->built)
        settle_call(w);
    w->built = 0;
    chat_walk_listen(w);
}

/* ---- the first ---- */

/* An engine never waits for a name. */
static apr_status_t resolve(chat_walk_t *w, chat_candidate_t *c,
                            chat_err_t *err)
{
    return chat_stream_resolve(&c->resolve, w->r, c->conf->host, c->conf->port,
                               c->conf->timeouts.connect, err);
}

/* Nobody waits for the name of one that may never be asked. */
static apr_status_t resolve_spare(chat_walk_t *w, chat_candidate_t *c)
{
    return chat_stream_resolved(&c->resolve, w->r, c->conf->host,
                                c->conf->port);
}

apr_status_t chat_walk_first(chat_walk_t *w, chat_err_t *err)
{
    apr_status_t rv = APR_EGENERAL;
    int i;

    for (i = 0; i < w->ncandidates; i++) {
        chat_candidate_t *c = &w->candidates[i];
        chat_err_t why = {0};
        apr_status_t is = resolve(w, c, &why);

        if (is == APR_SUCCESS)
            is = turn_to(w, c, &why);
        if (is == APR_SUCCESS) {
            while (++i < w->ncandidates)
                resolve_spare(w, &w->candidates[i]);
            memset(err, 0, sizeof(*err));
            began(w);
            return APR_SUCCESS;
        }
        if (i == 0) {
            *err = why;
            rv = is;
        }
    }
    return rv;
}

void chat_walk_drop(chat_walk_t *w)
{
    chat_upstream_tell(w->try.candidate->conf, CHAT_CALL_UNKNOWN, w->r);
}

/* ---- what a failure means ---- */

typedef enum {
    NO_MORE, /* an answer, or one that others would give as well */
    SAME,    /* the same again may help, after a while */
    KEY,     /* another key may */
    ANOTHER, /* only another upstream may */
    ACCEPTED /* as SAME, but it may have been accepted */
} cure_e;

static cure_e cure_of_status(int status)
{
    switch (status) {
    case 401:
    case 402:
    case 403:
        return KEY;
    case 404:
        return ANOTHER;
    case 429:
        return SAME;
    case 408:
    case 504: /* some gateway gave up waiting: what was behind it may not */
    case 520:
    case 524:
        return ACCEPTED;
    default:
        return status >= 500 ? SAME : NO_MORE;
    }
}

/* In full, or with more than we gather: it would be so again. */
static int is_answered(const chat_walk_t *w, const chat_end_t *end)
{
    return !w->seen->failed &&
           (w->seen->ended ||
            (w->try.streaming && end->why == CHAT_END_STOPPED));
}

static cure_e find_cure(chat_walk_t *w, const chat_end_t *end)
{
    chat_err_t err;

    if (w->sent && w->try.streaming)
        return NO_MORE;
    if (w->try.streaming || w->try.status == HTTP_OK) {
        /* It may be large, and this an engine: only where it matters. */
        if (w->conf->retry_unsafe)
            chat_walk_look(w);
        return is_answered(w, end) ? NO_MORE : ACCEPTED;
    }
    if (!w->try.status)
        return end->asked ? ACCEPTED : SAME;
    /* The provider's words say more than its status. */
    chat_walk_explain(&err, w, end);
    if (err.cause == CHAT_CAUSE_AUTH)
        return KEY;
    if (err.cause == CHAT_CAUSE_QUOTA)
        return ANOTHER;
    /* About what was asked, which is the client's: no key is worse for it. */
    if (w->try.status == HTTP_FORBIDDEN)
        return ANOTHER;
    return cure_of_status(w->try.status);
}

/* It went on until its total time was up: how long an answer takes is also its
 * reader's doing, and the question's. */
static int took_too_long(const chat_walk_t *w, const chat_end_t *end)
{
    apr_interval_time_t total = w->try.upstream.timeouts.total;

    return w->try.streaming && end->why == CHAT_END_TIMEOUT && total > 0 &&
           end->total >= total;
}

/* Neither an answer nor a refusal: a page, a redirect, a stream that just ends.
 * What is gathered unchanged has not been looked at. */
static int is_neither(const chat_walk_t *w, const chat_end_t *end)
{
    if (!w->try.streaming)
        return w->try.status < HTTP_BAD_REQUEST;
    return end->why == CHAT_END_COMPLETE && (w->dialect || !w->whole) &&
           !w->seen->ended && !w->seen->failed;
}

static chat_call_verdict_e judge(const chat_walk_t *w, const chat_end_t *end)
{
    int status = w->try.status;

    if (!end->made || took_too_long(w, end))
        return CHAT_CALL_UNKNOWN;
    if (end->why == CHAT_END_GONE || end->why == CHAT_END_STALLED ||
        end->why == CHAT_END_SHUTDOWN)
        return status && status < 500 ? CHAT_CALL_FINE : CHAT_CALL_UNKNOWN;
    if (status >= 500 || end->why == CHAT_END_TIMEOUT ||
        end->why == CHAT_END_BROKEN || is_neither(w, end))
        return w->seen->ended && !w->seen->failed ? CHAT_CALL_FINE
                                                  : CHAT_CALL_FAILED;
    return CHAT_CALL_FINE;
}

void chat_walk_hear(chat_walk_t *w)
{
    if (w->try.trial == 2)
        chat_upstream_tell(w->try.candidate->conf, CHAT_CALL_BEGAN, w->r);
}

void chat_walk_tell(chat_walk_t *w, const chat_end_t *end)
{
    if (!w->try.told)
        chat_upstream_tell(w->try.candidate->conf, judge(w, end), w->r);
    w->try.told = 1;
}

/* ---- the next ---- */

/* The time that Retry-After asks for, -1 when it says none. */
static apr_interval_time_t asked_wait(chat_walk_t *w, const chat_end_t *end)
{
    chat_err_t err;
    apr_time_t date;
    apr_size_t digits;

    chat_walk_explain(&err, w, end);
    if (!err.retry_after)
        return -1;
    digits = strspn(err.retry_after, "0123456789");
    if (!err.retry_after[digits])
        return digits > DELAY_DIGITS
                   ? APR_INT64_MAX
                   : apr_time_from_sec(apr_atoi64(err.retry_after));
    date = apr_date_parse_http(err.retry_after);
    return date == APR_DATE_BAD    ? -1
           : date < apr_time_now() ? 0
                                   : date - apr_time_now();
}

/* A quarter more or less, so that those who failed together do not come back
 * together. */
static apr_interval_time_t backoff(const chat_walk_t *w)
{
    int doublings = w->try.attempt - 1;
    apr_interval_time_t wait =
        w->conf->retry_backoff
        << (doublings < DOUBLINGS_MAX ? doublings : DOUBLINGS_MAX);
    unsigned char noise;

    if (wait > w->conf->retry_wait)
        wait = w->conf->retry_wait;
    chat_crypto_random(&noise, sizeof(noise));
    return wait + wait * (noise - 128) / 512;
}

/* The same upstream, with its next key if there are several. */
static int call_again(chat_walk_t *w)
{
    const chat_provider_conf_t *conf = w->try.candidate->conf;
    apr_interval_time_t unused;
    chat_err_t err;

    if (conf->keys->nelts > 1) {
        w->try.key = chat_upstream_key(conf);
        if (w->try.key < 0 || build(w, &err) != APR_SUCCESS)
            return 0;
    }
    w->try.trial = chat_upstream_may(conf, &unused);
    if (!w->try.trial)
        return 0;
    w->try.told = 0;
    return 1;
}

/* If there is a call left, and it may be soon. */
static int repeat(chat_walk_t *w, const chat_end_t *end,
                  apr_interval_time_t *pwait)
{
    apr_interval_time_t asked = asked_wait(w, end);

    if (w->try.attempt >= w->conf->retry_attempts ||
        asked > w->conf->retry_wait)
        return 0;
    *pwait = backoff(w);
    if (asked > *pwait)
        *pwait = asked;
    w->try.attempt++;
    return call_again(w);
}

/* Without the key that was not accepted. */
static int change_key(chat_walk_t *w)
{
    const chat_provider_conf_t *conf = w->try.candidate->conf;

    if (conf->keys->nelts < 2)
        return 0;
    /* A 403 may be about the question, whatever its words are. */
    return chat_upstream_bench(conf, w->try.key,
                               w->try.status != HTTP_FORBIDDEN, w->r) &&
           call_again(w);
}

static int change_candidate(chat_walk_t *w)
{
    const chat_candidate_t *end = w->candidates + w->ncandidates;
    chat_candidate_t *c;

    for (c = w->candidates + (w->try.candidate - w->candidates) + 1; c < end;
         c++) {
        chat_err_t err = {0};

        if (resolve_spare(w, c) == APR_SUCCESS &&
            turn_to(w, c, &err) == APR_SUCCESS)
            return 1;
    }
    return 0;
}

static int choose_next(chat_walk_t *w, cure_e cure, const chat_end_t *end,
                       apr_interval_time_t *pwait)
{
    *pwait = 0;
    if (cure == ACCEPTED)
        cure = w->conf->retry_unsafe ? SAME : NO_MORE;
    if (cure == NO_MORE)
        return 0;
    if (cure == SAME && repeat(w, end, pwait))
        return 1;
    *pwait = 0;
    if (cure == KEY && change_key(w))
        return 1;
    return change_candidate(w);
}

int chat_walk_again(void *ctx, const chat_end_t *end, const chat_call_t **pcall,
                    apr_interval_time_t *pwait)
{
    chat_walk_t *w = ctx;
    cure_e cure = find_cure(w, end);
    chat_try_t before = w->try;

    chat_walk_tell(w, end);
    if (w->cut || !choose_next(w, cure, end, pwait)) {
        /* What is told to the client is what the last call came to. */
        w->try = before;
        w->try.told = 1;
        return 0;
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, w->r,
                  CHATNO(0803) "provider %s failed (status %d%s%s): %s %s in "
                               "%" APR_TIME_T_FMT " ms",
                  before.candidate->conf->name, before.status,
                  end->detail ? ", " : "", end->detail ? end->detail : "",
                  w->try.candidate == before.candidate ? "again" : "now",
                  w->try.candidate->conf->name, apr_time_as_msec(*pwait));
    began(w);
    *pcall = &w->call;
    return 1;
}
