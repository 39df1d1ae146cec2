/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine: one thread, one epoll set, thousands of streams. It
 * never waits for anything but epoll: not for a client, a name, a database or
 * a worker. So whoever waits for the engine (chat_engine_recall) cannot be
 * waited for.
 *
 * One lock per engine guards the hand-over of streams; the thread takes it
 * once a turn. Everything marked E belongs to the engine's thread.
 */
#include "chat_engine_int.h"

#if CHAT_PARKING

/* Sockets, and streams over their budget, that one turn serves: with what a
 * stream may move in a turn this bounds how long any of them can take. epoll
 * is fair: who was not served this time is first the next time. */
#define TURN_EVENTS 64
/* So many turns in a row, all of them full, may keep workers from streams
 * whose clients are gone. */
#define BUSY_TURNS 64

/* ---- descriptors ---- */

int chat_engine_poll(chat_engine_t *e, int op, int fd, uint32_t events,
                     chat_event_t *ev)
{
    struct epoll_event x = {.events = events, .data.ptr = ev};

    return epoll_ctl(e->epoll_fd, op, fd, &x);
}

void chat_engine_kick(int fd)
{
    uint64_t one = 1;

    /* Full or closed: whoever is to be woken is awake or gone. */
    if (write(fd, &one, sizeof(one)) < 0)
        return;
}

void chat_engine_watch(chat_engine_t *e, chat_stream_t *s)
{
    int want = s->out.len > 0 && !s->held;

    if (!s->watched || want == s->client_out)
        return;
    s->client_out = want;
    chat_engine_poll(e, EPOLL_CTL_MOD, s->client_fd,
                     EPOLLRDHUP | (want ? EPOLLOUT : 0), &s->client_event);
    chat_engine_schedule(e, s);
}

static void unwatch(chat_engine_t *e, chat_stream_t *s)
{
    if (s->watched)
        chat_engine_poll(e, EPOLL_CTL_DEL, s->client_fd, 0, NULL);
    s->watched = 0;
}

/* ---- the client's side ---- */

static void drained(chat_engine_t *e, chat_stream_t *s)
{
    if (s->ended)
        chat_engine_ended(e, s);
    else if (s->waiting)
        s->source->resume(s);
    chat_engine_schedule(e, s);
}

/* A half-closed connection counts as gone: a chat client that has said all
 * it wants to say still has to listen. */
static void client_event(chat_engine_t *e, chat_stream_t *s, uint32_t events)
{
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        chat_stream_cut(s, CHAT_END_GONE, NULL);
        if (s->asking) /* it stays, but is not heard of any more */
            unwatch(e, s);
        return;
    }
    if (!(events & EPOLLOUT) || !s->out.len)
        return;
    if (chat_netfilter_drain(s) != APR_SUCCESS) {
        chat_stream_cut(s, CHAT_END_GONE, NULL);
        return;
    }
    chat_engine_watch(e, s);
    if (!s->out.len)
        drained(e, s);
}

/* ---- streams come ---- */

static void begin(chat_engine_t *e, chat_stream_t *s)
{
    pthread_mutex_lock(&e->lock);
    chat_stream_move(s, CHAT_STATE_LIVE);
    pthread_mutex_unlock(&e->lock);
    TAILQ_INSERT_TAIL(&e->live, s, link);
    chat_counters_add(CHAT_COUNT_PARKED, 1);

    s->client_event.kind = CHAT_EVENT_CLIENT;
    s->client_event.fd = s->client_fd;
    s->client_event.stream = s;
    s->due = chat_stream_due(s);
    if (!chat_deadlines_add(&e->deadlines, s) ||
        chat_engine_poll(e, EPOLL_CTL_ADD, s->client_fd, EPOLLRDHUP,
                         &s->client_event)) {
        chat_stream_end(s, CHAT_END_GONE, "the connection cannot be watched");
        return;
    }
    s->watched = 1;
    if (s->line)
        chat_engine_ask(e, s);
    else
        chat_stream_begin(s);
    chat_engine_schedule(e, s);
}

static void take_inbox(chat_engine_t *e)
{
    struct chat_stream_list_t mail;
    chat_stream_t *s;

    TAILQ_INIT(&mail);
    pthread_mutex_lock(&e->lock);
    TAILQ_CONCAT(&mail, &e->inbox, link);
    chat_eventfds_trim(&e->spare);
    pthread_mutex_unlock(&e->lock);
    while ((s = TAILQ_FIRST(&mail))) {
        TAILQ_REMOVE(&mail, s, link);
        begin(e, s);
    }
}

static void take_kills(chat_engine_t *e)
{
    chat_stream_t *s;

    pthread_mutex_lock(&e->lock);
    TAILQ_FOREACH(s, &e->kills, kill_link)
    {
        if (s->state != CHAT_STATE_QUEUED)
            chat_stream_cut(s, CHAT_END_GONE,
                            "the server closed the connection");
        else
            chat_engine_kick(
                e->wake.fd); /* came after take_inbox(): next turn */
    }
    pthread_mutex_unlock(&e->lock);
}

/* ---- streams wait ---- */

void chat_engine_schedule(chat_engine_t *e, chat_stream_t *s)
{
    chat_tick_t due;

    if (s->heap < 0 || (due = chat_stream_due(s)) >= s->due)
        return;
    s->due = due;
    chat_deadlines_moved(&e->deadlines, s);
}

/* The MPM forgets connections that it hears nothing of for Timeout. */
static void tick(chat_stream_t *s, chat_tick_t now)
{
    if (!s->tick_at || s->tick_at > now)
        return;
    s->tick_at = now + s->tick_every;
    chat_engine_kick(s->park_fd);
}

static void check_deadlines(chat_engine_t *e)
{
    chat_tick_t now = e->driver.now;
    chat_stream_t *s;

    while (e->deadlines.n && (s = e->deadlines.heap[0])->due <= now) {
        tick(s, now);
        chat_stream_check(s, now);
        s->due = chat_stream_due(s);
        if (s->due <= now) /* on its way out, or as good as now */
            s->due = now + 1;
        chat_deadlines_moved(&e->deadlines, s);
    }
}

void chat_engine_later(chat_engine_t *e, chat_stream_t *s)
{
    if (s->later)
        return;
    s->later = 1;
    TAILQ_INSERT_TAIL(&e->later, s, later_link);
}

static void forget_later(chat_engine_t *e, chat_stream_t *s)
{
    if (!s->later)
        return;
    s->later = 0;
    TAILQ_REMOVE(&e->later, s, later_link);
}

static void resume_later(chat_engine_t *e)
{
    chat_stream_t *s;
    int n;

    for (n = 0; n < TURN_EVENTS && (s = TAILQ_FIRST(&e->later)); n++) {
        forget_later(e, s);
        if (!s->ended && !s->out.len)
            s->source->resume(s); /* may put it at the end again */
        chat_engine_schedule(e, s);
    }
}

/* ---- streams go ---- */

void chat_engine_ended(chat_engine_t *e, chat_stream_t *s)
{
    if (s->ending || s->asking)
        return;
    s->ending = 1;
    TAILQ_INSERT_TAIL(&e->ended, s, ended_link);
}

/* Bytes are still on their way to a client that can take them. */
static int drains(const chat_stream_t *s)
{
    return s->out.len && !s->held && s->watched &&
           s->end.why != CHAT_END_GONE && s->end.why != CHAT_END_STALLED;
}

/* The engine's last touch of s, r and c is in here, under the lock. The kick
 * comes after it: who wakes up wants the lock. */
static void let_go(chat_engine_t *e, chat_stream_t *s)
{
    int park_fd = s->park_fd, killed;

    unwatch(e, s);
    chat_deadlines_remove(&e->deadlines, s);
    TAILQ_REMOVE(&e->live, s, link);
    if (!s->held)
        chat_out_free(&s->out);
    chat_counters_add(CHAT_COUNT_PARKED, -1);
    __atomic_sub_fetch(&e->nstreams, 1, __ATOMIC_RELAXED);

    pthread_mutex_lock(&e->lock);
    chat_stream_move(s, CHAT_STATE_DONE);
    killed = s->killed;
    if (killed) {
        TAILQ_REMOVE(&e->kills, s, kill_link);
        pthread_cond_broadcast(&e->recalled);
    }
    pthread_mutex_unlock(&e->lock);
    if (!killed)
        chat_engine_kick(park_fd);
}

/* One more call follows what was thought to be the last bytes. */
static void send_held(chat_engine_t *e, chat_stream_t *s)
{
    if (!s->held)
        return;
    s->held = 0;
    if (chat_netfilter_drain(s) != APR_SUCCESS)
        chat_stream_cut(s, CHAT_END_GONE, NULL);
    else
        chat_engine_watch(e, s);
}

/* When many clients leave at once, their upstreams are closed first: workers
 * that log the ends would take the processor away from that. */
static void finish_gone(chat_engine_t *e, int busy)
{
    chat_stream_t *s;

    if (busy && ++e->busy_turns < BUSY_TURNS)
        return;
    e->busy_turns = 0;
    while ((s = TAILQ_FIRST(&e->gone))) {
        TAILQ_REMOVE(&e->gone, s, ended_link);
        s->ending = 0;
        let_go(e, s);
    }
}

static void finish_ended(chat_engine_t *e, int busy)
{
    chat_stream_t *s;

    while ((s = TAILQ_FIRST(&e->ended))) {
        TAILQ_REMOVE(&e->ended, s, ended_link);
        s->ending = 0;
        forget_later(e, s);
        s->source->stop(s);
        if (s->state == CHAT_STATE_LIVE && chat_call_again(s)) {
            send_held(e, s);
            chat_engine_schedule(e, s);
            continue;
        }
        if (busy && s->end.why == CHAT_END_GONE) {
            unwatch(e, s);
            s->ending = 1;
            TAILQ_INSERT_TAIL(&e->gone, s, ended_link);
            continue;
        }
        if (!drains(s)) {
            let_go(e, s);
            continue;
        }
        if (s->state == CHAT_STATE_LIVE) {
            pthread_mutex_lock(&e->lock);
            chat_stream_move(s, CHAT_STATE_DRAINING);
            pthread_mutex_unlock(&e->lock);
        }
        chat_engine_schedule(e, s);
    }
    finish_gone(e, busy);
}

void chat_engine_bury(chat_engine_t *e)
{
    chat_event_t *ev;

    while ((ev = SLIST_FIRST(&e->dead))) {
        SLIST_REMOVE_HEAD(&e->dead, dead);
        free(ev);
    }
}

/* ---- the loop ---- */

static int wait_ms(const chat_engine_t *e)
{
    chat_tick_t at = e->driver.curl_at, now = chat_tick_now();

    if (!TAILQ_EMPTY(&e->later) || !TAILQ_EMPTY(&e->gone))
        return 0;
    if (e->deadlines.n && e->deadlines.heap[0]->due < at)
        at = e->deadlines.heap[0]->due;
    if (e->wants.due && e->wants.due < at)
        at = e->wants.due;
    if (at == CHAT_TICK_NEVER)
        return -1;
    if (at <= now)
        return 0;
    return at - now > 3600000000 ? 3600000 : (int)((at - now + 999) / 1000);
}

static void dispatch(chat_engine_t *e, const struct epoll_event *x)
{
    chat_event_t *ev = x->data.ptr;

    switch (ev->kind) {
    case CHAT_EVENT_WAKE: /* each kick is an edge: nobody has to read it */
        break;
    case CHAT_EVENT_UPSTREAM:
        chat_engine_curl_event(e, ev, x->events);
        break;
    case CHAT_EVENT_IDLE:
        chat_idle_sweep(&e->driver);
        break;
    case CHAT_EVENT_CLIENT:
        client_event(e, ev->stream, x->events);
        break;
    case CHAT_EVENT_GATE:
        chat_engine_hear(e);
        break;
    case CHAT_EVENT_DEAD:
        break;
    }
}

static void turn(chat_engine_t *e)
{
    struct epoll_event events[TURN_EVENTS];
    int i, n = epoll_wait(e->epoll_fd, events, TURN_EVENTS, wait_ms(e));

    e->driver.now = chat_tick_now();
    e->driver.turn++;
    resume_later(e);
    for (i = 0; i < n; i++)
        dispatch(e, &events[i]);
    take_inbox(e);
    chat_engine_tell(e);
    chat_engine_curl_timer(e); /* begins what came just now */
    check_deadlines(e);
    take_kills(e);
    finish_ended(e, n == TURN_EVENTS);
    chat_engine_bury(e);
}

static int is_stopping(chat_engine_t *e)
{
    int stopping;

    pthread_mutex_lock(&e->lock);
    stopping = e->stopping;
    pthread_mutex_unlock(&e->lock);
    return stopping;
}

void *chat_engine_main(void *baton)
{
    chat_engine_t *e = baton;

    while (!is_stopping(e))
        turn(e);
    return NULL;
}

#endif
