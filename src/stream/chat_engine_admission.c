/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine submits the queries of its streams to their admission: all on one
 * connection, whose descriptor is one of its epoll set. A stream whose query is
 * submitted stays until that is answered, whoever wants the stream back: what
 * the query reserves may be charged already.
 *
 * Engine's thread.
 */
#include "chat_engine_int.h"

static void decided(void *waiter, chat_admission_e verdict)
{
    chat_stream_t *s = waiter;

    s->admission.pending = 0;
    if (s->ended) { /* it only waited for this */
        s->driver->ops->ended(s);
        return;
    }
    if (verdict == CHAT_ADMISSION_REFUSED) {
        chat_stream_end(s, CHAT_END_REFUSED, NULL);
        return;
    }
    s->client.write_at = s->driver->now;
    chat_stream_admission_granted(s);
    chat_stream_begin(s);
    s->driver->ops->schedule(s);
}

void chat_engine_admission_submit(chat_engine_t *e, chat_stream_t *s)
{
    chat_engine_admission_t *a = &e->admission;

    s->admission.pending = a->submitted = 1;
    a->vtable->submit(a->connection, s->spec.query, s, decided);
}

/* A descriptor that was there before is closed, and so not in the set. */
static void watch(chat_engine_t *e)
{
    chat_engine_admission_t *a = &e->admission;
    chat_admission_poll_t had = a->poll;
    int op;

    a->vtable->poll(a->connection, &a->poll);
    op = a->poll.fd == had.fd ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (a->poll.fd < 0 ||
        (op == EPOLL_CTL_MOD && a->poll.writable == had.writable))
        return;
    a->event.kind = CHAT_EVENT_ADMISSION;
    a->event.fd = a->poll.fd;
    chat_engine_poll(e, op, a->poll.fd,
                     EPOLLIN | (a->poll.writable ? EPOLLOUT : 0), &a->event);
}

void chat_engine_admission_ready(chat_engine_t *e)
{
    e->admission.vtable->on_readable(e->admission.connection);
    watch(e);
}

void chat_engine_admission_flush(chat_engine_t *e)
{
    chat_engine_admission_t *a = &e->admission;

    if (!a->submitted && !a->poll.writable &&
        (!a->poll.due || a->poll.due > e->driver.now))
        return;
    a->submitted = 0;
    a->vtable->flush(a->connection);
    watch(e);
}
