/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a stream, the same for both drivers: how it starts, what it
 * takes from its source, when it has waited too long, how it ends. The
 * engine and the blocking driver call in here; nothing here knows which.
 *
 * Threads: see chat_stream_int.h.
 */
#include "chat_stream_int.h"

#include <mpm_common.h>
#include <apr_strings.h>

#include <sys/resource.h>

/* What one stream may move in one turn of the loop, so that upstreams that
 * flood their clients do not delay the events of the others. */
#define TURN_BYTES (16 * 1024)

/* Open files for everything but streams: logs, listeners, libraries, the
 * requests that are being read. */
#define FILES_KEPT 256
/* ChatStreamMax when nothing is written and there are files enough. */
#define PLACES_MAX 10000

/* Seconds a client is told to stay away when all places are taken. */
#define BUSY_RETRY "2"

chat_tick_t chat_tick_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (chat_tick_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void chat_tick_sooner(chat_tick_t *due, chat_tick_t from,
                      apr_interval_time_t wait)
{
    if (wait > 0 && from + wait < *due)
        *due = from + wait;
}

/* ---- states ---- */

static const char *const state_names[] = {"new", "queued", "live", "draining",
                                          "done"};

/* To which states each state may go, as bits. */
static const unsigned state_steps[] = {
    [CHAT_STATE_NEW] = 1u << CHAT_STATE_QUEUED | 1u << CHAT_STATE_LIVE,
    [CHAT_STATE_QUEUED] = 1u << CHAT_STATE_LIVE | 1u << CHAT_STATE_DONE,
    [CHAT_STATE_LIVE] = 1u << CHAT_STATE_DRAINING | 1u << CHAT_STATE_DONE,
    [CHAT_STATE_DRAINING] = 1u << CHAT_STATE_DONE,
    [CHAT_STATE_DONE] = 0,
};

void chat_stream_move(chat_stream_t *s, chat_state_e to)
{
    if (!(state_steps[s->state] & 1u << to)) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, s->r,
                      CHATNO(0501) "stream: impossible step %s -> %s",
                      state_names[s->state], state_names[to]);
        return;
    }
    ap_log_rerror(APLOG_MARK, APLOG_TRACE2, 0, s->r, "stream: %s -> %s",
                  state_names[s->state], state_names[to]);
    if (to == CHAT_STATE_QUEUED)
        chat_counters_add(CHAT_COUNT_QUEUED, 1);
    if (s->state == CHAT_STATE_QUEUED)
        chat_counters_add(CHAT_COUNT_QUEUED, -1);
    s->state = to;
}

/* ---- bytes ---- */

/* After every call that may have written: its result, and whether the client
 * took it all. */
static apr_status_t wrote(chat_stream_t *s, apr_status_t rv)
{
#if CHAT_PARKING
    apr_status_t sent = APR_SUCCESS;

    if (s->engine)
        sent = chat_netfilter_send(s, s->last || rv == APR_EOF);
    if (sent != APR_SUCCESS)
        rv = sent;
#endif
    if (rv != APR_SUCCESS)
        chat_stream_end(s, rv == APR_EOF ? CHAT_END_STOPPED : CHAT_END_GONE,
                        NULL);
#if CHAT_PARKING
    if (s->engine && s->out.len && !s->held)
        chat_engine_watch(s->engine, s);
#endif
    return rv;
}

chat_take_e chat_stream_offer(chat_stream_t *s, apr_size_t len)
{
    if (s->ended)
        return CHAT_TAKE_STOP;
    if (s->turn != s->driver->turn) {
        s->turn = s->driver->turn;
        s->turn_bytes = 0;
    }
    if (s->out.len || s->turn_bytes >= TURN_BYTES) {
        s->waiting = 1;
#if CHAT_PARKING
        if (s->engine && !s->out.len)
            chat_engine_later(s->engine, s);
#endif
        return CHAT_TAKE_LATER;
    }
    s->turn_bytes += len;
    return CHAT_TAKE_OK;
}

chat_take_e chat_stream_take(chat_stream_t *s, const char *data, apr_size_t len)
{
    apr_status_t rv;

    s->data_at = s->write_at = s->driver->now;
    s->end.bytes += len;
    rv = s->spec.cb->data(s->spec.ctx, data, len);
    if (rv == APR_INCOMPLETE)
        rv = APR_SUCCESS;
    else if (!s->begun)
        chat_call_begun(s);
    return wrote(s, rv) == APR_SUCCESS ? CHAT_TAKE_OK : CHAT_TAKE_STOP;
}

/* ---- the end ---- */

void chat_stream_end(chat_stream_t *s, chat_end_e why, const char *detail)
{
    if (s->ended)
        return;
    s->ended = 1;
    s->end.why = why;
    s->end.detail = detail;
    s->end.total = chat_tick_now() - s->started;
#if CHAT_PARKING
    if (s->engine)
        chat_engine_ended(s->engine, s);
#endif
}

void chat_stream_cut(chat_stream_t *s, chat_end_e why, const char *detail)
{
    s->ended = 0;
    chat_stream_end(s, why, detail);
}

static int has_failed(const chat_stream_t *s)
{
    return s->spec.cb->failed && s->spec.cb->failed(s->spec.ctx);
}

static chat_count_id_e end_counter(const chat_stream_t *s)
{
    switch (s->end.why) {
    case CHAT_END_COMPLETE:
    case CHAT_END_STOPPED:
        return has_failed(s) ? CHAT_COUNT_UPSTREAM : CHAT_COUNT_DONE;
    case CHAT_END_GONE:
        return CHAT_COUNT_CANCELLED;
    case CHAT_END_STALLED:
        return CHAT_COUNT_STALLED;
    case CHAT_END_UNREACHED:
    case CHAT_END_BROKEN:
        return CHAT_COUNT_UPSTREAM;
    case CHAT_END_TIMEOUT:
        return CHAT_COUNT_TIMEOUT;
    case CHAT_END_REFUSED:
    case CHAT_END_SHUTDOWN:
        break;
    }
    return CHAT_COUNT_SHUTDOWN;
}

/* What the gate refused never was a stream; any other end has a start. */
static void count_end(chat_stream_t *s)
{
    if (s->end.why == CHAT_END_REFUSED)
        return;
    if (!s->went)
        chat_counters_add(CHAT_COUNT_STARTED, 1);
    chat_counters_add(end_counter(s), 1);
    chat_counters_add(CHAT_COUNT_BYTES, s->end.bytes);
}

void chat_stream_complete(chat_stream_t *s)
{
    count_end(s);
    chat_counters_add(CHAT_COUNT_LIVE, -1);
    s->spec.cb->complete(s->spec.ctx, &s->end);
}

/* ---- time ---- */

chat_tick_t chat_stream_due(const chat_stream_t *s)
{
    chat_tick_t due = CHAT_TICK_NEVER, at;

    if (s->tick_at)
        due = s->tick_at;
    if (s->asking) /* the line has a time-out of its own */
        return due;
    if (s->out.len) {
        chat_tick_sooner(&due, s->progress_at, s->spec.stall);
    }
    else if (!s->ended) {
        chat_tick_sooner(&due, s->write_at, s->spec.heartbeat);
        if (s->source->due && (at = s->source->due(s)) && at < due)
            due = at;
    }
    if (!s->ended && s->call && (at = chat_call_due(s)) < due)
        due = at;
    return due;
}

static void beat(chat_stream_t *s, chat_tick_t now)
{
    s->write_at = now;
    wrote(s, s->spec.cb->silence(s->spec.ctx));
}

void chat_stream_check(chat_stream_t *s, chat_tick_t now)
{
    chat_tick_t at;

    if (s->asking)
        return;
    if (s->out.len) {
        if (s->spec.stall && s->progress_at + s->spec.stall <= now) {
            chat_stream_cut(s, CHAT_END_STALLED, "the client takes no bytes");
            return;
        }
    }
    else if (!s->ended) {
        if (s->source->due && (at = s->source->due(s)) && at <= now)
            s->source->fire(s);
        else if (s->spec.heartbeat && s->write_at + s->spec.heartbeat <= now)
            beat(s, now);
    }
    if (!s->ended && s->call)
        chat_call_check(s, now);
}

/* ---- the start ---- */

void chat_stream_begin(chat_stream_t *s)
{
    s->went = 1;
    chat_counters_add(CHAT_COUNT_STARTED, 1);
    if (s->spec.early)
        beat(s, s->driver->now);
    if (!s->ended)
        chat_call_start(s);
}

static chat_stream_t *stream_create(request_rec *r,
                                    const chat_stream_spec_t *spec)
{
    chat_stream_t *s = apr_pcalloc(r->pool, sizeof(*s));

    s->r = r;
    s->c = r->connection;
    s->spec = *spec;
    s->call = spec->call;
    s->source = spec->call ? &chat_source_xfer : &chat_source_script;
    s->client_fd = s->park_fd = s->heap = -1;
    s->state = CHAT_STATE_NEW;
    s->end.first = -1;
    s->started = s->call_at = chat_tick_now();
    s->write_at = s->progress_at = s->started;
    return s;
}

apr_status_t chat_stream_resolve(const char **presolve, request_rec *r,
                                 const char *host, apr_port_t port,
                                 apr_interval_time_t timeout, chat_err_t *err)
{
    const char *why;
    apr_status_t rv =
        chat_resolver_line(presolve, host, port, timeout, &why, r->pool);

    if (rv == APR_SUCCESS)
        return APR_SUCCESS;
    ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r,
                  CHATNO(0502) "upstream host %s: %s", host, why);
    chat_counters_add(CHAT_COUNT_STARTED, 1); /* as every end has a start */
    chat_counters_add(CHAT_COUNT_UPSTREAM, 1);
    return chat_err_set(err, rv, HTTP_BAD_GATEWAY, "upstream_unreachable",
                        "The provider cannot be reached right now.");
}

apr_status_t chat_stream_resolved(const char **presolve, request_rec *r,
                                  const char *host, apr_port_t port)
{
    return chat_resolver_known(presolve, host, port, r->pool);
}

/* Streams that this child may have open at once. */
static int places;

static apr_status_t admit(request_rec *r, chat_err_t *err)
{
    if (chat_counters_admit(places))
        return APR_SUCCESS;
    chat_counters_add(CHAT_COUNT_REFUSED, 1);
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r,
                  CHATNO(0503) "all places for streams are taken");
    err->retry_after = BUSY_RETRY;
    return chat_err_set(err, APR_EAGAIN, HTTP_SERVICE_UNAVAILABLE, "busy",
                        "Too many answers are being written right now.");
}

#if CHAT_PARKING
/* 1 when the stream was parked, refused, or failed to be parked; 0: drive it
 * from here. */
static int try_to_park(int *phandler, apr_status_t *prv, chat_stream_t *s,
                       chat_err_t *err)
{
    chat_engine_t *e = chat_engine_choose();
    const char *why;

    if (!chat_park_possible(s->r, &why)) {
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, s->r,
                      CHATNO(0504) "not parked: %s", why);
        return 0;
    }
    *prv = APR_SUCCESS;
    if (!chat_stream_prepare(s, e)) {
        *phandler = OK;
        chat_stream_complete(s);
        return 1;
    }
    s->engine = e;
    *prv = chat_park(s);
    if (*prv == APR_SUCCESS) {
        *phandler = SUSPENDED;
        return 1;
    }
    chat_counters_add(CHAT_COUNT_LIVE, -1);
    if (s->c->aborted) {
        chat_err_set(err, *prv, HTTP_REQUEST_TIME_OUT, "client_gone",
                     "The client left.");
        return 1;
    }
    ap_log_rerror(APLOG_MARK, APLOG_ERR, *prv, s->r,
                  CHATNO(0505) "a stream cannot be parked");
    err->retry_after = BUSY_RETRY;
    chat_err_set(err, *prv, HTTP_SERVICE_UNAVAILABLE, "busy",
                 "Too many answers are being written right now.");
    return 1;
}
#endif

apr_status_t chat_stream_start(int *phandler, request_rec *r,
                               const chat_stream_spec_t *spec, chat_err_t *err)
{
    chat_stream_t *s = stream_create(r, spec);
    apr_status_t rv;

    rv = admit(r, err);
    if (rv != APR_SUCCESS)
        return rv;
#if CHAT_PARKING
    if (try_to_park(phandler, &rv, s, err))
        return rv;
#endif
    *phandler = OK;
    if (chat_stream_pass(s))
        chat_blocking_run(s);
    else
        chat_stream_complete(s);
    return APR_SUCCESS;
}

int chat_stream_ready(void)
{
#if CHAT_PARKING
    if (!chat_park_ready())
        return 0;
#endif
    return !chat_stream_stopping() && chat_counters_has_room(places);
}

/* ---- start-up ---- */

/* A hard stop has begun. Streams on an engine are ended when that is joined;
 * those on their own thread have to look. */
static int stopping;

int chat_stream_stopping(void)
{
    return __atomic_load_n(&stopping, __ATOMIC_RELAXED);
}

static void child_stopping(apr_pool_t *pchild, int graceful)
{
    if (!graceful)
        __atomic_store_n(&stopping, 1, __ATOMIC_RELAXED);
}

void chat_stream_register_hooks(apr_pool_t *p)
{
    ap_hook_child_stopping(child_stopping, NULL, NULL, APR_HOOK_MIDDLE);
    chat_counters_register_hooks();
#if CHAT_PARKING
    chat_park_register_hooks(p);
    chat_netfilter_register();
#endif
}

apr_status_t chat_stream_post_config(apr_pool_t *pconf, server_rec *s)
{
    curl_global_init(CURL_GLOBAL_ALL); /* before there are threads */
    chat_trust_global(pconf);
    return chat_counters_post_config(pconf, s);
}

/* A stream takes three descriptors: client, upstream, eventfd. Running out of
 * them makes the MPM retire the child, so we have to say no before that. */
static void count_places(server_rec *s)
{
    int wanted = chat_config_server(s)->stream.max, fit;
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur > 1000000)
        files.rlim_cur = 1000000;
    fit = files.rlim_cur > FILES_KEPT ? (files.rlim_cur - FILES_KEPT) / 3 : 1;
    places = wanted ? wanted : fit < PLACES_MAX ? fit : PLACES_MAX;
    if (wanted > fit)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     CHATNO(0508) "ChatStreamMax %d needs about %d open files, "
                                  "the limit is %ld: %d streams will fit",
                     wanted, 3 * wanted + FILES_KEPT, (long)files.rlim_cur,
                     fit);
}

void chat_stream_child_init(apr_pool_t *pchild, server_rec *s)
{
    apr_status_t rv;

    count_places(s);
    chat_counters_child_init(s);
    if ((rv = chat_idle_child_init()) != APR_SUCCESS)
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s,
                     CHATNO(0513) "no socket: each call to an upstream will "
                                  "have a connection of its own");
#if CHAT_PARKING
    if (chat_park_child_init() &&
        chat_engine_child_init(pchild, s) != APR_SUCCESS)
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                     CHATNO(0506) "no engine could be started: streams will "
                                  "hold a worker each");
#endif
}
