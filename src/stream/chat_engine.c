/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine: one thread, one epoll set, thousands of streams. It never waits
 * for anything but epoll: not for a client, a name, a database or a worker. So
 * a worker may wait for the engine (chat_engine_recall).
 *
 * One lock per engine guards the hand-over of streams; the thread takes it
 * once a round. Everything marked E belongs to the engine's thread.
 */
#include "chat_engine_int.h"

#include <mpm_common.h>

#include <sys/socket.h>

#include "chat_clock.h"
#include "chat_scratch.h"

/* Sockets, and streams over their budget, that one round serves: with what a
 * stream may move in a round this bounds how long any of them can take. epoll
 * is fair: who was not served this time is first the next time. */
#define ROUND_EVENTS 64
/* So many rounds in a row, all of them full, may keep workers from streams
 * whose clients are gone. */
#define BUSY_ROUNDS 64
/* When what reading a request left free is given back. */
#define TRIM_US apr_time_from_sec(1)

/* ---- the driver's operations ---- */

static void schedule(chat_stream_t *s)
{
    chat_mono_t due;

    if (s->engine.heap < 0 || (due = chat_stream_due(s)) >= s->engine.due)
        return;
    s->engine.due = due;
    chat_deadlines_moved(&s->park.engine->deadlines, s);
}

/* Whether it leaves; out: or takes bytes. It costs two system calls. */
static void watch_for(chat_stream_t *s, int out)
{
    int op = s->engine.watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    int failed =
        chat_engine_poll(s->park.engine, op, s->client.fd,
                         EPOLLRDHUP | (out ? EPOLLOUT : 0), &s->engine.event);

    s->engine.watches_out = out;
    if (op == EPOLL_CTL_ADD)
        s->engine.watched = failed ? -1 : 1;
    if (s->engine.watched < 0)
        chat_stream_gone(s, CHAT_END_GONE, "the connection cannot be watched");
}

static void watch_client(chat_stream_t *s)
{
    int want = s->client.out.len > 0 && !s->client.held;

    if (s->engine.watched < 0 || want == s->engine.watches_out)
        return;
    watch_for(s, want);
    schedule(s);
}

static void defer(chat_stream_t *s)
{
    if (s->engine.deferred)
        return;
    s->engine.deferred = 1;
    TAILQ_INSERT_TAIL(&s->park.engine->deferred, s, engine.deferred_link);
}

static void ended(chat_stream_t *s)
{
    if (s->engine.ending || s->admission.pending)
        return;
    s->engine.ending = 1;
    TAILQ_INSERT_TAIL(&s->park.engine->ended, s, engine.ended_link);
}

static void unwatch_client(chat_stream_t *s)
{
    if (s->engine.watched > 0)
        chat_engine_poll(s->park.engine, EPOLL_CTL_DEL, s->client.fd, 0, NULL);
    s->engine.watched = -1;
}

/* A client that only takes nothing is told that nothing will come. */
static void left(chat_stream_t *s)
{
    unwatch_client(s);
    chat_netfilter_discard(s);
    s->client.held = 0;
    shutdown(s->client.fd, SHUT_RDWR);
    if (s->ended)
        ended(s);
    else if (s->call.waiting)
        defer(s);
    schedule(s);
}

/* A stream that the engine has not got yet is looked at when it comes. */
static void wake(chat_stream_t *s)
{
    chat_engine_t *e = s->park.engine;

    pthread_mutex_lock(&e->lock);
    if (!s->park.woken && s->state != CHAT_STATE_NEW &&
        s->state != CHAT_STATE_DONE) {
        s->park.woken = 1;
        if (TAILQ_EMPTY(&e->shared.woken))
            chat_eventfds_wake(e->wake.fd);
        TAILQ_INSERT_TAIL(&e->shared.woken, s, park.woken_link);
    }
    pthread_mutex_unlock(&e->lock);
}

const chat_driver_ops_t chat_engine_ops = {
    .send = chat_netfilter_send,
    .frame = chat_netfilter_frame,
    .watch_client = watch_client,
    .defer = defer,
    .schedule = schedule,
    .ended = ended,
    .left = left,
    .wake = wake,
};

/* ---- the client's side ---- */

/* A half-closed connection counts as gone: a chat client that has said all
 * it wants to say still has to listen. */
static void client_event(chat_stream_t *s, uint32_t events)
{
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        chat_stream_gone(s, CHAT_END_GONE, NULL);
        if (s->admission.pending) /* the stream stays, without its client */
            unwatch_client(s);
        return;
    }
    if (!(events & EPOLLOUT) || !s->client.out.len)
        return;
    if (chat_netfilter_drain(s) != APR_SUCCESS) {
        chat_stream_gone(s, CHAT_END_GONE, NULL);
        return;
    }
    watch_client(s);
    if (s->client.out.len)
        return;
    if (s->ended)
        ended(s);
    else if (s->call.waiting)
        s->source->resume(s);
    schedule(s);
}

/* ---- streams come ---- */

static void begin(chat_engine_t *e, chat_stream_t *s)
{
    pthread_mutex_lock(&e->lock);
    chat_stream_move(s, CHAT_STATE_LIVE);
    pthread_mutex_unlock(&e->lock);
    TAILQ_INSERT_TAIL(&e->live, s, park.link);
    chat_counters_add(CHAT_COUNT_PARKED, 1);

    s->engine.event.kind = CHAT_EVENT_CLIENT;
    s->engine.event.fd = s->client.fd;
    s->engine.event.stream = s;
    s->engine.due = chat_stream_due(s);
    if (!chat_deadlines_add(&e->deadlines, s)) {
        chat_stream_end(s, CHAT_END_GONE, "the connection cannot be watched");
        return;
    }
    if (s->admission.connection)
        chat_engine_admission_submit(e, s);
    else
        chat_stream_begin(s);
    schedule(s);
}

/* 0: the engine stops. */
static int empty_inbox(chat_engine_t *e)
{
    struct chat_stream_list_t mail;
    chat_stream_t *s;
    int running;

    TAILQ_INIT(&mail);
    pthread_mutex_lock(&e->lock);
    TAILQ_CONCAT(&mail, &e->shared.inbox, park.link);
    chat_eventfds_trim(&e->shared.spare);
    running = !e->shared.stopping;
    pthread_mutex_unlock(&e->lock);
    while ((s = TAILQ_FIRST(&mail))) {
        TAILQ_REMOVE(&mail, s, park.link);
        begin(e, s);
    }
    return running;
}

static void cancel_streams(chat_engine_t *e)
{
    chat_stream_t *s;

    pthread_mutex_lock(&e->lock);
    TAILQ_FOREACH(s, &e->shared.cancels, park.cancel_link)
    {
        if (s->state != CHAT_STATE_QUEUED)
            chat_stream_cut(s, CHAT_END_GONE,
                            "the server closed the connection");
        else
            chat_eventfds_wake(
                e->wake.fd); /* came after empty_inbox(): next round */
    }
    pthread_mutex_unlock(&e->lock);
}

/* ---- streams wait ---- */

/* None of them can go before finish_ended(). */
static void resume_woken(chat_engine_t *e)
{
    chat_stream_t *woken[ROUND_EVENTS], *s;
    int i, n = 0;

    pthread_mutex_lock(&e->lock);
    while (n < ROUND_EVENTS && (s = TAILQ_FIRST(&e->shared.woken))) {
        TAILQ_REMOVE(&e->shared.woken, s, park.woken_link);
        s->park.woken = 0;
        if (s->state != CHAT_STATE_QUEUED) /* came after empty_inbox() */
            woken[n++] = s;
    }
    if (!TAILQ_EMPTY(&e->shared.woken))
        chat_eventfds_wake(e->wake.fd);
    pthread_mutex_unlock(&e->lock);
    for (i = 0; i < n; i++) {
        chat_stream_woken(woken[i]);
        schedule(woken[i]);
    }
}

static void grow_older(chat_stream_t *s, chat_mono_t now)
{
    apr_interval_time_t every = s->engine.ping_every;

    if (!s->engine.watched) {
        watch_for(s, 0);
        s->engine.older_at = s->started + (every < TRIM_US ? every : TRIM_US);
    }
    else if (!s->engine.trimmed) {
        chat_scratch_trim(s->c->pool, ap_max_mem_free);
        s->engine.trimmed = 1;
        s->engine.older_at = s->started + every;
    }
    else { /* the MPM closes connections that are silent for Timeout */
        s->engine.older_at = now + every;
        chat_eventfds_wake(s->park.fd);
    }
}

static void check_deadlines(chat_engine_t *e)
{
    chat_mono_t now = e->driver.now;
    chat_stream_t *s;

    while (e->deadlines.n && (s = e->deadlines.heap[0])->engine.due <= now) {
        if (s->engine.older_at <= now)
            grow_older(s, now);
        chat_stream_check(s, now);
        s->engine.due = chat_stream_due(s);
        if (s->engine.due <= now) /* on its way out, or as good as now */
            s->engine.due = now + 1;
        chat_deadlines_moved(&e->deadlines, s);
    }
}

static void undefer(chat_engine_t *e, chat_stream_t *s)
{
    if (!s->engine.deferred)
        return;
    s->engine.deferred = 0;
    TAILQ_REMOVE(&e->deferred, s, engine.deferred_link);
}

static void resume_deferred(chat_engine_t *e)
{
    chat_stream_t *s;
    int n;

    for (n = 0; n < ROUND_EVENTS && (s = TAILQ_FIRST(&e->deferred)); n++) {
        undefer(e, s);
        if (!s->ended && !s->client.out.len)
            s->source->resume(s); /* may put it at the end again */
        schedule(s);
    }
}

/* ---- streams go ---- */

/* Bytes are still on their way to a client that can take them. */
static int drains(const chat_stream_t *s)
{
    return s->client.out.len && !s->client.held && s->engine.watched > 0 &&
           s->end.why != CHAT_END_GONE && s->end.why != CHAT_END_STALLED;
}

/* The engine's last touch of s, r and c is in here, under the lock. The MPM is
 * woken after it: who wakes up wants the lock. */
static void release(chat_engine_t *e, chat_stream_t *s)
{
    int park_fd = s->park.fd, cancelled;

    unwatch_client(s);
    chat_deadlines_remove(&e->deadlines, s);
    TAILQ_REMOVE(&e->live, s, park.link);
    if (!s->client.held)
        chat_netfilter_discard(s);
    chat_counters_add(CHAT_COUNT_PARKED, -1);
    __atomic_sub_fetch(&e->nstreams, 1, __ATOMIC_RELAXED);

    pthread_mutex_lock(&e->lock);
    chat_stream_move(s, CHAT_STATE_DONE);
    if (s->park.woken)
        TAILQ_REMOVE(&e->shared.woken, s, park.woken_link);
    s->park.woken = 0;
    cancelled = s->park.cancelled;
    if (cancelled) {
        TAILQ_REMOVE(&e->shared.cancels, s, park.cancel_link);
        pthread_cond_broadcast(&e->recalled);
    }
    pthread_mutex_unlock(&e->lock);
    if (!cancelled)
        chat_eventfds_wake(park_fd);
}

/* One more call follows what was thought to be the last bytes. */
static void send_held(chat_stream_t *s)
{
    if (!s->client.held)
        return;
    s->client.held = 0;
    if (chat_netfilter_drain(s) != APR_SUCCESS)
        chat_stream_gone(s, CHAT_END_GONE, NULL);
    else
        watch_client(s);
}

/* When many clients leave at once, their upstreams are closed first: workers
 * that log the ends would take the processor away from that. */
static void finish_gone(chat_engine_t *e, int busy)
{
    chat_stream_t *s;

    if (busy && ++e->busy_rounds < BUSY_ROUNDS)
        return;
    e->busy_rounds = 0;
    while ((s = TAILQ_FIRST(&e->gone))) {
        TAILQ_REMOVE(&e->gone, s, engine.ended_link);
        s->engine.ending = 0;
        release(e, s);
    }
}

static void finish_ended(chat_engine_t *e, int busy)
{
    chat_stream_t *s;

    while ((s = TAILQ_FIRST(&e->ended))) {
        TAILQ_REMOVE(&e->ended, s, engine.ended_link);
        s->engine.ending = 0;
        undefer(e, s);
        s->source->stop(s);
        if (s->state == CHAT_STATE_LIVE && chat_stream_again(s)) {
            send_held(s);
            schedule(s);
            continue;
        }
        if (busy && s->end.why == CHAT_END_GONE) {
            unwatch_client(s);
            s->engine.ending = 1;
            TAILQ_INSERT_TAIL(&e->gone, s, engine.ended_link);
            continue;
        }
        if (!drains(s)) {
            release(e, s);
            continue;
        }
        if (s->state == CHAT_STATE_LIVE) {
            pthread_mutex_lock(&e->lock);
            chat_stream_move(s, CHAT_STATE_DRAINING);
            pthread_mutex_unlock(&e->lock);
        }
        schedule(s);
    }
    finish_gone(e, busy);
}

/* ---- the loop ---- */

static int wait_ms(const chat_engine_t *e)
{
    chat_mono_t at = e->curl.due, now = chat_clock_now();

    if (!TAILQ_EMPTY(&e->deferred) || !TAILQ_EMPTY(&e->gone))
        return 0;
    if (e->deadlines.n && e->deadlines.heap[0]->engine.due < at)
        at = e->deadlines.heap[0]->engine.due;
    if (e->admission.poll.due && e->admission.poll.due < at)
        at = e->admission.poll.due;
    if (at == CHAT_MONO_NEVER)
        return -1;
    if (at <= now)
        return 0;
    return at - now > 3600000000 ? 3600000 : (int)((at - now + 999) / 1000);
}

static void dispatch(chat_engine_t *e, const struct epoll_event *x)
{
    chat_event_t *ev = x->data.ptr;

    switch (ev->kind) {
    case CHAT_EVENT_WAKE: /* each wake is an edge: nobody has to read it */
        break;
    case CHAT_EVENT_UPSTREAM:
        chat_engine_curl_event(e, ev, x->events);
        break;
    case CHAT_EVENT_LINK:
        chat_engine_curl_link(ev, x->events);
        break;
    case CHAT_EVENT_CLIENT:
        client_event(ev->stream, x->events);
        break;
    case CHAT_EVENT_ADMISSION:
        chat_engine_admission_ready(e);
        break;
    case CHAT_EVENT_DEAD:
        break;
    }
}

/* The stream that an event will be for, when it is one of a connection. */
static const chat_stream_t *comes(const struct epoll_event *events, int i,
                                  int n)
{
    return i >= 0 && i < n ? chat_engine_curl_user(events[i].data.ptr) : NULL;
}

/* Of thousands of streams nothing is in the cache when an event comes. What is
 * read next is fetched while those before are served: the connection, then its
 * stream, then what that points to. From three events before the first. */
static void fetch_ahead(const struct epoll_event *events, int i, int n)
{
    const chat_stream_t *s;
    const char *at;

    if (i + 3 < n)
        __builtin_prefetch(events[i + 3].data.ptr);
    if ((s = comes(events, i + 2, n)))
        for (at = (const char *)s; at < (const char *)&s->aside.end; at += 64)
            __builtin_prefetch(at);
    if ((s = comes(events, i + 1, n))) {
        __builtin_prefetch(s->xfer);
        __builtin_prefetch((const char *)s->xfer + 64);
        __builtin_prefetch((const char *)s->xfer + 128);
        if (s->spec.cb->ahead)
            s->spec.cb->ahead(s->spec.ctx);
    }
}

static int run_round(chat_engine_t *e)
{
    struct epoll_event events[ROUND_EVENTS];
    int running, i,
        n = epoll_wait(e->epoll_fd, events, ROUND_EVENTS, wait_ms(e));

    e->driver.now = chat_clock_now();
    e->driver.round++;
    resume_deferred(e);
    for (i = -3; i < n; i++) {
        fetch_ahead(events, i, n);
        if (i >= 0)
            dispatch(e, &events[i]);
    }
    running = empty_inbox(e);
    resume_woken(e);
    chat_engine_admission_flush(e);
    chat_engine_curl_timer(e); /* begins what came just now */
    check_deadlines(e);
    cancel_streams(e);
    finish_ended(e, n == ROUND_EVENTS);
    chat_engine_curl_free_dead(e);
    return running;
}

void *chat_engine_main(void *baton)
{
    while (run_round(baton))
        ;
    return NULL;
}
