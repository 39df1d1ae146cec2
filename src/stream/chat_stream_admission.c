/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream at its gate: whether its call may be made. Its own thread asks and
 * waits. Where it is about to be parked, that thread does what could block, and
 * the engine asks: over one line for all of its streams, whose descriptor is
 * one of its epoll set. A stream that has asked stays until it is answered,
 * whoever wants it back: what it asks about may be charged already.
 */
#include "chat_engine_int.h"

static void admitted(chat_stream_t *s)
{
    if (s->spec.cb->admitted)
        s->spec.cb->admitted(s->spec.ctx);
}

/* ---- the request's thread ---- */

/* Answered before there was a driver. 1: go on. */
static int pass(chat_stream_t *s, chat_admission_e verdict)
{
    if (verdict == CHAT_ADMISSION_REFUSED)
        chat_stream_end(s, CHAT_END_REFUSED, NULL);
    else if (verdict == CHAT_ADMISSION_GRANTED)
        admitted(s);
    return !s->ended;
}

int chat_stream_pass(chat_stream_t *s)
{
    const chat_admission_t *gate = s->spec.admission;

    return !gate || pass(s, gate->wait(s->spec.query));
}

#if CHAT_PARKING

int chat_stream_prepare(chat_stream_t *s, chat_engine_t *e)
{
    const chat_admission_t *gate = s->spec.admission;
    chat_admission_e verdict;

    if (!gate)
        return 1;
    s->line = chat_engine_line(e, gate);
    if (!s->line)
        return chat_stream_pass(s);
    verdict = gate->prepare(s->line, s->spec.query);
    if (verdict != CHAT_ADMISSION_PENDING)
        s->line = NULL;
    return pass(s, verdict);
}

/* ---- the engine ---- */

static void answered(void *asker, chat_admission_e verdict)
{
    chat_stream_t *s = asker;
    chat_engine_t *e = s->engine;

    s->asking = 0;
    if (s->ended) { /* it only waited for this */
        chat_engine_ended(e, s);
        return;
    }
    if (verdict == CHAT_ADMISSION_REFUSED) {
        chat_stream_end(s, CHAT_END_REFUSED, NULL);
        return;
    }
    s->write_at = e->driver.now;
    admitted(s);
    chat_stream_begin(s);
    chat_engine_schedule(e, s);
}

void chat_engine_ask(chat_engine_t *e, chat_stream_t *s)
{
    s->asking = e->asked = 1;
    e->gate->submit(e->line, s->spec.query, s, answered);
}

/* The descriptor that was there before is closed, and so not in the set. */
static void watch(chat_engine_t *e)
{
    chat_admission_poll_t had = e->wants;
    int op;

    e->gate->poll(e->line, &e->wants);
    op = e->wants.fd == had.fd ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (e->wants.fd < 0 ||
        (op == EPOLL_CTL_MOD && e->wants.writable == had.writable))
        return;
    e->gate_event.kind = CHAT_EVENT_GATE;
    e->gate_event.fd = e->wants.fd;
    chat_engine_poll(e, op, e->wants.fd,
                     EPOLLIN | (e->wants.writable ? EPOLLOUT : 0),
                     &e->gate_event);
}

void chat_engine_hear(chat_engine_t *e)
{
    e->gate->on_readable(e->line);
    watch(e);
}

void chat_engine_tell(chat_engine_t *e)
{
    if (!e->asked && !e->wants.writable &&
        (!e->wants.due || e->wants.due > e->driver.now))
        return;
    e->asked = 0;
    e->gate->flush(e->line);
    watch(e);
}

#endif
