/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to a stream in its time: its calls, mostly one, and one more
 * whenever again() asks for it; how long each may take; heartbeats; a client
 * that takes nothing. What carries a call is chat_xfer.c; a script counts as
 * one call without time-outs.
 *
 * Driver's thread.
 */
#include "chat_stream_int.h"

#include <http_log.h>

#include "chat_clock.h"
#include "chat_log.h"

/* ---- calls, one after another ---- */

/* The source may look at again_at: it is set for all calls but the first. */
void chat_stream_begin_call(chat_stream_t *s)
{
    s->call.at = chat_clock_now(); /* the round may be long already */
    s->call.begun = 0;
    s->end.first = -1;
    s->end.bytes = 0;
    s->end.made = 1;
    s->end.asked = 0;
    s->source->start(s);
    s->call.again_at = 0;
}

void chat_stream_begin(chat_stream_t *s)
{
    s->admission.passed = 1;
    chat_counters_add(CHAT_COUNT_STARTED, 1);
    chat_stream_woken(s); /* it may be cancelled already */
    if (s->ended)
        return;
    if (s->spec.early)
        chat_stream_heartbeat(s);
    if (!s->ended)
        s->aside.ops->ask(s);
    s->aside.first = s->aside.wanted && s->spec.asks_first;
    if (!s->ended && !s->aside.first)
        chat_stream_begin_call(s);
}

static chat_mono_t total_due(const chat_stream_t *s)
{
    chat_mono_t due = CHAT_MONO_NEVER;

    chat_clock_sooner(&due, s->started, s->call.spec->timeouts.total);
    return due;
}

/* Nobody would hear another answer, or it could not come in time. */
static int is_final(const chat_stream_t *s)
{
    switch (s->end.why) {
    case CHAT_END_GONE:
    case CHAT_END_STALLED:
    case CHAT_END_CANCELLED:
    case CHAT_END_REFUSED:
    case CHAT_END_SHUTDOWN:
        return 1;
    default:
        return chat_stream_stopping() || total_due(s) <= s->driver->now;
    }
}

/* The last answer was over in time, what was asked beside it was not. */
static void end_as_before(chat_stream_t *s)
{
    if (s->aside.lingers &&
        (s->end.why == CHAT_END_TIMEOUT || s->end.why == CHAT_END_SHUTDOWN))
        s->end = s->aside.end;
}

/* Not made from here but when it is due, in a later round: calls that fail at
 * once, time and again, do not keep a loop from its other streams. */
int chat_stream_again(chat_stream_t *s)
{
    const chat_call_t *call = NULL;
    apr_interval_time_t wait = 0;

    end_as_before(s);
    if (!s->call.spec || !s->spec.cb->again || is_final(s) ||
        !s->spec.cb->again(s->spec.ctx, &s->end, &call, &wait) ||
        (!call && !s->aside.ops->linger(s))) {
        s->aside.ops->stop(s);
        return 0;
    }
    if (!call)
        return 1;
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, s->r,
                  CHATNO(0512) "one more call, in %" APR_TIME_T_FMT " ms",
                  apr_time_as_msec(wait));
    s->call.spec = call;
    s->call.again_at = chat_clock_now() + (wait > 0 ? wait : 0);
    s->call.begun = s->call.last = s->ended = 0;
    s->end.made = s->end.asked = 0;
    if (chat_stream_is_cancelled(s))
        chat_stream_woken(s);
    return 1;
}

/* ---- time ---- */

/* Waiting for the client is not the upstream's fault. */
static chat_mono_t call_due(const chat_stream_t *s)
{
    const chat_stream_call_t *call = &s->call;
    const chat_timeouts_t *t = &call->spec->timeouts;
    chat_mono_t due = total_due(s);

    if (s->aside.first || s->aside.lingers)
        return due;
    if (call->again_at)
        return call->again_at < due ? call->again_at : due;
    if (!call->begun)
        chat_clock_sooner(&due, call->at, t->first);
    else if (!call->waiting)
        chat_clock_sooner(&due, call->data_at, t->idle);
    return due;
}

static void check_call(chat_stream_t *s, chat_mono_t now)
{
    if (call_due(s) > now)
        return;
    if (s->call.again_at && total_due(s) > now)
        chat_stream_begin_call(s);
    else
        chat_stream_end(s, CHAT_END_TIMEOUT,
                        s->call.begun ? "the upstream went quiet"
                                      : "the upstream did not answer in time");
}

/* When something is to be done for the client, or because it has left. */
static chat_mono_t client_due(const chat_stream_t *s)
{
    chat_mono_t due = CHAT_MONO_NEVER;

    if (s->client.left) {
        if (!s->ended)
            chat_clock_sooner(&due, s->client.left_at, s->spec.alone);
    }
    else if (s->client.out.len)
        chat_clock_sooner(&due, s->client.progress_at, s->spec.stall);
    else if (!s->ended)
        chat_clock_sooner(&due, s->client.write_at, s->spec.heartbeat);
    return due;
}

static void check_client(chat_stream_t *s, chat_mono_t now)
{
    if (client_due(s) > now)
        return;
    if (s->client.left)
        chat_stream_end(s, CHAT_END_GONE, "its client did not come back");
    else if (s->client.out.len)
        chat_stream_gone(s, CHAT_END_STALLED, "the client takes no bytes");
    else
        chat_stream_heartbeat(s);
}

/* Not before the client has what there is. */
static chat_mono_t later_due(const chat_stream_t *s)
{
    return s->client.later_at && !s->ended && !s->client.out.len
               ? s->client.later_at
               : CHAT_MONO_NEVER;
}

/* The same. */
static chat_mono_t source_due(const chat_stream_t *s)
{
    return s->call.next_at && !s->ended && !s->client.out.len
               ? s->call.next_at
               : CHAT_MONO_NEVER;
}

chat_mono_t chat_stream_due(const chat_stream_t *s)
{
    chat_mono_t due = CHAT_MONO_NEVER, at;

    if (s->engine.older_at)
        due = s->engine.older_at;
    if (s->admission.pending) /* its connection has a time-out of its own */
        return due;
    if ((at = client_due(s)) < due)
        due = at;
    if ((at = source_due(s)) < due)
        due = at;
    if ((at = later_due(s)) < due)
        due = at;
    if (!s->ended && s->call.spec && (at = call_due(s)) < due)
        due = at;
    if ((at = s->aside.ops->due(s)) < due)
        due = at;
    return due;
}

void chat_stream_check(chat_stream_t *s, chat_mono_t now)
{
    if (s->admission.pending)
        return;
    if (source_due(s) <= now)
        s->source->fire(s);
    else
        check_client(s, now);
    if (later_due(s) <= now)
        chat_stream_tell_later(s);
    if (!s->ended && s->call.spec)
        check_call(s, now);
    if (s->aside.ops->due(s) <= now)
        s->aside.ops->make(s);
}
