/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a stream, the same for all drivers: the states it goes through,
 * the bytes it has from its source, how it ends. Nothing here knows which
 * driver it is.
 */
#include "chat_stream_int.h"

#include <http_log.h>

#include "chat_clock.h"
#include "chat_log.h"

/* What one stream may move in one round of the loop, so that upstreams that
 * flood their clients do not delay the events of the others. */
#define ROUND_BYTES (16 * 1024)

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

/* ---- no driver ---- */

apr_status_t chat_stream_send_nothing(chat_stream_t *s, int hold)
{
    return APR_SUCCESS;
}

void chat_stream_do_nothing(chat_stream_t *s)
{
}

static const chat_driver_ops_t no_ops = {
    .send = chat_stream_send_nothing,
    .watch_client = chat_stream_do_nothing,
    .defer = chat_stream_do_nothing,
    .schedule = chat_stream_do_nothing,
    .ended = chat_stream_do_nothing,
    .left = chat_stream_do_nothing,
    .wake = chat_stream_do_nothing,
};

const chat_driver_t chat_stream_undriven = {.ops = &no_ops};

/* ---- the end ---- */

/* A hard stop has begun. Streams on an engine are ended when that is joined;
 * those on their own thread have to look. */
static int stopping;

void chat_stream_stop(void)
{
    __atomic_store_n(&stopping, 1, __ATOMIC_RELAXED);
}

int chat_stream_stopping(void)
{
    return __atomic_load_n(&stopping, __ATOMIC_RELAXED);
}

void chat_stream_end(chat_stream_t *s, chat_end_e why, const char *detail)
{
    if (s->ended)
        return;
    s->ended = 1;
    s->end.why = why;
    s->end.detail = detail;
    s->end.total = chat_clock_now() - s->started;
    s->driver->ops->ended(s);
}

void chat_stream_cut(chat_stream_t *s, chat_end_e why, const char *detail)
{
    s->ended = 0;
    chat_stream_end(s, why, detail);
}

void chat_stream_gone(chat_stream_t *s, chat_end_e why, const char *detail)
{
    if (!s->spec.finish) {
        chat_stream_cut(s, why, detail);
        return;
    }
    if (s->client.left)
        return;
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, s->r,
                  CHATNO(0515) "the client has left, its stream goes on");
    s->client.left = 1;
    s->client.left_at = s->driver->now;
    s->driver->ops->left(s);
}

int chat_stream_is_cancelled(const chat_stream_t *s)
{
    return __atomic_load_n(&s->cancelled, __ATOMIC_ACQUIRE);
}

static chat_count_id_e end_counter(const chat_stream_t *s)
{
    const chat_stream_cb_t *cb = s->spec.cb;

    switch (s->end.why) {
    case CHAT_END_COMPLETE:
    case CHAT_END_STOPPED:
        return cb->failed && cb->failed(s->spec.ctx) ? CHAT_COUNT_UPSTREAM
                                                     : CHAT_COUNT_DONE;
    case CHAT_END_GONE:
    case CHAT_END_CANCELLED:
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

/* What the admission refused never was a stream; any other end has a start. */
void chat_stream_complete(chat_stream_t *s)
{
    chat_stream_ids_remove(s);
    s->driver = &chat_stream_undriven;
    s->end.left = s->client.left;
    if (s->end.why != CHAT_END_REFUSED) {
        if (!s->admission.passed)
            chat_counters_add(CHAT_COUNT_STARTED, 1);
        chat_counters_add(end_counter(s), 1);
        chat_counters_add(CHAT_COUNT_BYTES, s->end.bytes);
    }
    chat_counters_add(CHAT_COUNT_LIVE, -1);
    s->r->bytes_sent += s->client.passed; /* for the access log */
    s->spec.cb->complete(s->spec.ctx, &s->end);
}

/* ---- bytes ---- */

chat_offer_e chat_stream_offer(chat_stream_t *s, apr_size_t len)
{
    if (s->ended)
        return CHAT_OFFER_STOP;
    if (s->call.round != s->driver->round) {
        s->call.round = s->driver->round;
        s->call.round_bytes = 0;
    }
    if (s->client.out.len || s->aside.blocks ||
        s->call.round_bytes >= ROUND_BYTES) {
        s->call.waiting = 1;
        if (!s->client.out.len && !s->aside.blocks)
            s->driver->ops->defer(s);
        return CHAT_OFFER_LATER;
    }
    s->call.round_bytes += len;
    return CHAT_OFFER_ACCEPTED;
}

/* Whose callback is running. */
static __thread chat_stream_t *calling;

apr_status_t chat_stream_frame(const request_rec *r, const char *data,
                               apr_size_t len)
{
    chat_stream_t *s = calling;

    if (!s || s->r != r || !s->driver->ops->frame)
        return APR_ENOTIMPL;
    return s->driver->ops->frame(s, data, len);
}

void chat_stream_later(const request_rec *r, apr_interval_time_t wait)
{
    chat_stream_t *s = calling;

    if (!s || s->r != r)
        return;
    s->client.later_at = s->driver->now + wait;
    s->driver->ops->schedule(s);
}

/* After every callback that may have written, with its result: the same, or
 * that the client does not take it. */
apr_status_t chat_stream_written(chat_stream_t *s, apr_status_t rv)
{
    apr_status_t sent = s->driver->ops->send(s, s->call.last || rv == APR_EOF);

    if (sent != APR_SUCCESS && s->spec.finish)
        chat_stream_gone(s, CHAT_END_GONE, NULL);
    else if (sent != APR_SUCCESS)
        rv = sent;
    if (rv != APR_SUCCESS)
        chat_stream_end(s, rv == APR_EOF ? CHAT_END_STOPPED : CHAT_END_GONE,
                        NULL);
    if (s->client.out.len && !s->client.held)
        s->driver->ops->watch_client(s);
    return rv;
}

/* The upstream has really answered. From now on the idle time runs: it may be
 * over sooner than what was waited for until now. */
static void note_answer(chat_stream_t *s)
{
    const chat_stream_call_t *call = &s->call;

    s->call.begun = 1;
    s->end.first = call->data_at > call->at ? call->data_at - call->at : 0;
    if (s->spec.cb->taken && s->source->is_sent && s->source->is_sent(s))
        s->spec.cb->taken(s->spec.ctx);
    s->driver->ops->schedule(s);
}

chat_offer_e chat_stream_deliver(chat_stream_t *s, const char *data,
                                 apr_size_t len)
{
    apr_status_t rv;

    s->call.data_at = s->client.write_at = s->driver->now;
    s->end.bytes += len;
    calling = s;
    rv = s->spec.cb->data(s->spec.ctx, data, len);
    calling = NULL;
    if (rv != APR_INCOMPLETE && !s->call.begun)
        note_answer(s);
    s->aside.blocks = rv == APR_EAGAIN;
    if (rv == APR_INCOMPLETE || rv == APR_EAGAIN)
        rv = APR_SUCCESS;
    if (chat_stream_written(s, rv) != APR_SUCCESS)
        return CHAT_OFFER_STOP;
    s->aside.ops->ask(s);
    return CHAT_OFFER_ACCEPTED;
}

void chat_stream_wake(chat_stream_t *s)
{
    s->driver->ops->wake(s);
}

void chat_stream_woken(chat_stream_t *s)
{
    if (chat_stream_is_cancelled(s))
        chat_stream_end(s, CHAT_END_CANCELLED, "somebody stopped it");
    else if (!s->ended && !s->call.waiting && s->source->woken)
        s->source->woken(s);
}

static void write_in_time(chat_stream_t *s, apr_status_t (*write)(void *ctx))
{
    apr_status_t rv;

    s->client.write_at = s->driver->now;
    calling = s;
    rv = write(s->spec.ctx);
    calling = NULL;
    chat_stream_written(s, rv);
}

void chat_stream_heartbeat(chat_stream_t *s)
{
    write_in_time(s, s->spec.cb->silence);
}

void chat_stream_tell_later(chat_stream_t *s)
{
    s->client.later_at = 0;
    write_in_time(s, s->spec.cb->later);
}
