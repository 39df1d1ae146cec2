/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of a stream: mostly one, and one more whenever again() asks for
 * it. When each is made, how long it may take, whether there is another. What
 * carries a call is chat_xfer.c; a script counts as one call without a clock.
 *
 * Driver's thread.
 */
#include "chat_stream_int.h"

/* ---- time ---- */

static chat_tick_t total_due(const chat_stream_t *s)
{
    chat_tick_t due = APR_INT64_MAX;

    chat_tick_sooner(&due, s->started, s->call->timeouts.total);
    return due;
}

/* Waiting for the client is not the upstream's fault. */
chat_tick_t chat_call_due(const chat_stream_t *s)
{
    const chat_timeouts_t *t = &s->call->timeouts;
    chat_tick_t due = total_due(s);

    if (s->again_at)
        return s->again_at < due ? s->again_at : due;
    if (!s->begun)
        chat_tick_sooner(&due, s->call_at, t->first);
    else if (!s->waiting)
        chat_tick_sooner(&due, s->data_at, t->idle);
    return due;
}

void chat_call_check(chat_stream_t *s, chat_tick_t now)
{
    if (chat_call_due(s) > now)
        return;
    if (s->again_at && total_due(s) > now)
        chat_call_start(s);
    else
        chat_stream_end(s, CHAT_END_TIMEOUT,
                        s->begun ? "the upstream went quiet"
                                 : "the upstream did not answer in time");
}

/* From now on the idle time runs: it may be over sooner than what was waited
 * for until now. */
void chat_call_begun(chat_stream_t *s)
{
    s->begun = 1;
    s->end.first = s->data_at > s->call_at ? s->data_at - s->call_at : 0;
    if (s->spec.cb->taken && s->source->taken && s->source->taken(s))
        s->spec.cb->taken(s->spec.ctx);
#if CHAT_PARKING
    if (s->engine)
        chat_engine_schedule(s->engine, s);
#endif
}

/* ---- one after another ---- */

/* The source may look at again_at: it is set for all calls but the first. */
void chat_call_start(chat_stream_t *s)
{
    s->call_at = chat_tick_now(); /* the turn may be long already */
    s->begun = 0;
    s->end.first = -1;
    s->end.bytes = 0;
    s->end.made = 1;
    s->end.asked = 0;
    s->source->start(s);
    s->again_at = 0;
}

/* Nobody would hear another answer, or it could not come in time. */
static int is_final(const chat_stream_t *s)
{
    switch (s->end.why) {
    case CHAT_END_GONE:
    case CHAT_END_STALLED:
    case CHAT_END_REFUSED:
    case CHAT_END_SHUTDOWN:
        return 1;
    default:
        return chat_stream_stopping() || total_due(s) <= s->driver->now;
    }
}

/* Not made from here but when it is due, in a later turn: calls that fail at
 * once, time and again, do not keep a loop from its other streams. */
int chat_call_again(chat_stream_t *s)
{
    const chat_call_t *call = NULL;
    apr_interval_time_t wait = 0;

    if (!s->call || !s->spec.cb->again || is_final(s) ||
        !s->spec.cb->again(s->spec.ctx, &s->end, &call, &wait))
        return 0;
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, s->r,
                  CHATNO(0512) "one more call, in %" APR_TIME_T_FMT " ms",
                  apr_time_as_msec(wait));
    s->call = call;
    s->again_at = chat_tick_now() + (wait > 0 ? wait : 0);
    s->begun = s->ended = s->last = 0;
    s->end.made = s->end.asked = 0;
    return 1;
}
