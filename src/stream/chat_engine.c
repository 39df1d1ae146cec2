/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine: one thread, one epoll set, one CURLM, thousands of streams. It
 * never waits for anything but epoll: not for a client, a name, a database or
 * a worker. So whoever waits for the engine (chat_engine_recall) cannot be
 * waited for.
 *
 * One lock per engine guards the hand-over of streams; the thread takes it
 * once a turn. Everything marked E belongs to the engine's thread.
 */
#include "chat_stream_int.h"

#if CHAT_PARKING

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS 512
/* Connections to upstreams that an engine keeps open for the next call. */
#define IDLE_CONNECTIONS 256L

TAILQ_HEAD(chat_stream_list_t, chat_stream_t);
SLIST_HEAD(chat_event_list_t, chat_event_t);

struct chat_engine_t {
    chat_driver_t driver;            /* E */
    int epoll_fd;                    /* C */
    chat_event_t wake;               /* C */
    pthread_t thread;                /* C */
    chat_tick_t curl_at;             /* E  when curl wants a call, -1 never */
    struct chat_stream_list_t live;  /* E  by link */
    struct chat_stream_list_t later; /* E  over their budget, by later_link */
    struct chat_stream_list_t ended; /* E  to let go, by ended_link */
    struct chat_event_list_t dead;   /* E  socket records to free */
    chat_deadlines_t deadlines;      /* E */

    pthread_mutex_t lock;
    pthread_cond_t recalled;         /* K  some killed stream is DONE */
    struct chat_stream_list_t inbox; /* K  by link */
    struct chat_stream_list_t kills; /* K  by kill_link */
    int stopping;                    /* K */
    int nstreams;                    /* atomic: adopted, not yet DONE */
};

static chat_engine_t *engines;
static int nengines;

/* ---- descriptors ---- */

static int poll_set(chat_engine_t *e, int op, int fd, uint32_t events,
                    chat_event_t *ev)
{
    struct epoll_event x = {.events = events, .data.ptr = ev};

    return epoll_ctl(e->epoll_fd, op, fd, &x);
}

static void kick(int fd)
{
    uint64_t one = 1;

    /* Full or closed: whoever is to be woken is awake or gone. */
    if (write(fd, &one, sizeof(one)) < 0)
        return;
}

void chat_engine_watch(chat_engine_t *e, chat_stream_t *s)
{
    int want = s->out.len > 0;

    if (!s->watched || want == s->client_out)
        return;
    s->client_out = want;
    poll_set(e, EPOLL_CTL_MOD, s->client_fd, EPOLLRDHUP | (want ? EPOLLOUT : 0),
             &s->client_event);
}

/* ---- curl's sockets and its one timer ---- */

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *baton,
                          void *record)
{
    chat_engine_t *e = baton;
    chat_event_t *ev = record;
    uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0) |
                      (what & CURL_POLL_OUT ? EPOLLOUT : 0);

    if (what == CURL_POLL_REMOVE) {
        if (!ev)
            return 0;
        poll_set(e, EPOLL_CTL_DEL, fd, 0, ev);
        curl_multi_assign(e->driver.multi, fd, NULL);
        /* An event of this batch may still point here. */
        ev->kind = CHAT_EVENT_DEAD;
        SLIST_INSERT_HEAD(&e->dead, ev, dead);
        return 0;
    }
    if (ev)
        return poll_set(e, EPOLL_CTL_MOD, fd, events, ev);
    ev = calloc(1, sizeof(*ev));
    if (!ev)
        return -1;
    ev->kind = CHAT_EVENT_UPSTREAM;
    ev->fd = fd;
    curl_multi_assign(e->driver.multi, fd, ev);
    return poll_set(e, EPOLL_CTL_ADD, fd, events, ev);
}

static int on_curl_timer(CURLM *multi, long ms, void *baton)
{
    chat_engine_t *e = baton;

    e->curl_at = ms < 0 ? -1 : chat_tick_now() + ms * 1000;
    return 0;
}

static void upstream_event(chat_engine_t *e, const chat_event_t *ev,
                           uint32_t events)
{
    int mask = 0, running;

    if (events & EPOLLIN)
        mask |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        mask |= CURL_CSELECT_OUT;
    if (events & (EPOLLERR | EPOLLHUP))
        mask |= CURL_CSELECT_IN | CURL_CSELECT_ERR;
    curl_multi_socket_action(e->driver.multi, ev->fd, mask, &running);
}

static void curl_timer(chat_engine_t *e)
{
    int running;

    if (e->curl_at < 0 || e->curl_at > e->driver.now)
        return;
    e->curl_at = -1;
    curl_multi_socket_action(e->driver.multi, CURL_SOCKET_TIMEOUT, 0, &running);
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
        poll_set(e, EPOLL_CTL_ADD, s->client_fd, EPOLLRDHUP,
                 &s->client_event)) {
        chat_stream_end(s, CHAT_END_GONE, "the connection cannot be watched");
        return;
    }
    s->watched = 1;
    s->source->start(s);
    chat_engine_watch(e, s);
    chat_engine_schedule(e, s);
}

static void take_inbox(chat_engine_t *e)
{
    struct chat_stream_list_t mail;
    chat_stream_t *s;

    TAILQ_INIT(&mail);
    pthread_mutex_lock(&e->lock);
    TAILQ_CONCAT(&mail, &e->inbox, link);
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
            kick(e->wake.fd); /* came after take_inbox(): next turn */
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
    kick(s->park_fd);
}

static void check_deadlines(chat_engine_t *e)
{
    chat_tick_t now = e->driver.now;
    chat_stream_t *s;

    while (e->deadlines.n && (s = e->deadlines.heap[0])->due <= now) {
        tick(s, now);
        chat_stream_check(s, now);
        chat_engine_watch(e, s);
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

/* Those that had to wait when this turn began; not the ones it adds. */
static void resume_later(chat_engine_t *e)
{
    chat_stream_t *s, *last = TAILQ_LAST(&e->later, chat_stream_list_t);

    while (last && (s = TAILQ_FIRST(&e->later))) {
        forget_later(e, s);
        if (!s->ended && !s->out.len)
            s->source->resume(s);
        chat_engine_watch(e, s);
        if (s == last)
            return;
    }
}

/* ---- streams go ---- */

void chat_engine_ended(chat_engine_t *e, chat_stream_t *s)
{
    if (s->ending)
        return;
    s->ending = 1;
    TAILQ_INSERT_TAIL(&e->ended, s, ended_link);
}

/* Bytes are still on their way to a client that can take them. */
static int drains(const chat_stream_t *s)
{
    return s->out.len && s->watched && s->end.why != CHAT_END_GONE &&
           s->end.why != CHAT_END_STALLED;
}

/* The engine's last touch of s, r and c is in here, under the lock. */
static void let_go(chat_engine_t *e, chat_stream_t *s)
{
    if (s->watched)
        poll_set(e, EPOLL_CTL_DEL, s->client_fd, 0, NULL);
    s->watched = 0;
    chat_deadlines_remove(&e->deadlines, s);
    TAILQ_REMOVE(&e->live, s, link);
    chat_out_free(&s->out);
    chat_counters_add(CHAT_COUNT_PARKED, -1);
    __atomic_sub_fetch(&e->nstreams, 1, __ATOMIC_RELAXED);

    pthread_mutex_lock(&e->lock);
    chat_stream_move(s, CHAT_STATE_DONE);
    if (s->killed) {
        TAILQ_REMOVE(&e->kills, s, kill_link);
        pthread_cond_broadcast(&e->recalled);
    }
    else {
        kick(s->park_fd);
    }
    pthread_mutex_unlock(&e->lock);
}

static void finish_ended(chat_engine_t *e)
{
    chat_stream_t *s;

    while ((s = TAILQ_FIRST(&e->ended))) {
        TAILQ_REMOVE(&e->ended, s, ended_link);
        s->ending = 0;
        forget_later(e, s);
        s->source->stop(s);
        if (!drains(s)) {
            let_go(e, s);
            continue;
        }
        if (s->state == CHAT_STATE_LIVE) {
            pthread_mutex_lock(&e->lock);
            chat_stream_move(s, CHAT_STATE_DRAINING);
            pthread_mutex_unlock(&e->lock);
        }
        chat_engine_watch(e, s);
        chat_engine_schedule(e, s);
    }
}

static void bury_dead(chat_engine_t *e)
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
    chat_tick_t at = APR_INT64_MAX, now = chat_tick_now();

    if (!TAILQ_EMPTY(&e->later))
        return 0;
    if (e->curl_at >= 0)
        at = e->curl_at;
    if (e->deadlines.n && e->deadlines.heap[0]->due < at)
        at = e->deadlines.heap[0]->due;
    if (at == APR_INT64_MAX)
        return -1;
    if (at <= now)
        return 0;
    return at - now > 3600000000 ? 3600000 : (int)((at - now + 999) / 1000);
}

static void dispatch(chat_engine_t *e, const struct epoll_event *x)
{
    chat_event_t *ev = x->data.ptr;
    uint64_t drop;

    switch (ev->kind) {
    case CHAT_EVENT_WAKE:
        if (read(ev->fd, &drop, sizeof(drop)) < 0)
            return;
        break;
    case CHAT_EVENT_UPSTREAM:
        upstream_event(e, ev, x->events);
        break;
    case CHAT_EVENT_CLIENT:
        client_event(e, ev->stream, x->events);
        break;
    case CHAT_EVENT_DEAD:
        break;
    }
}

static void turn(chat_engine_t *e)
{
    struct epoll_event events[EVENTS];
    int i, n = epoll_wait(e->epoll_fd, events, EVENTS, wait_ms(e));

    e->driver.now = chat_tick_now();
    e->driver.turn++;
    for (i = 0; i < n; i++)
        dispatch(e, &events[i]);
    curl_timer(e);
    resume_later(e);
    take_inbox(e);
    chat_driver_reap(&e->driver);
    check_deadlines(e);
    take_kills(e);
    finish_ended(e);
    bury_dead(e);
}

static int is_stopping(chat_engine_t *e)
{
    int stopping;

    pthread_mutex_lock(&e->lock);
    stopping = e->stopping;
    pthread_mutex_unlock(&e->lock);
    return stopping;
}

static void *engine_main(void *baton)
{
    chat_engine_t *e = baton;

    while (!is_stopping(e))
        turn(e);
    return NULL;
}

/* ---- for the workers ---- */

chat_engine_t *chat_engine_choose(void)
{
    chat_engine_t *best = NULL;
    int i, n, least = 0;

    for (i = 0; i < nengines; i++) {
        n = __atomic_load_n(&engines[i].nstreams, __ATOMIC_RELAXED);
        if (!best || n < least) {
            best = &engines[i];
            least = n;
        }
    }
    return best;
}

chat_driver_t *chat_engine_driver(chat_engine_t *e)
{
    return &e->driver;
}

void chat_engine_adopt(chat_engine_t *e, chat_stream_t *s)
{
    int first;

    __atomic_add_fetch(&e->nstreams, 1, __ATOMIC_RELAXED);
    pthread_mutex_lock(&e->lock);
    chat_stream_move(s, CHAT_STATE_QUEUED);
    first = TAILQ_EMPTY(&e->inbox);
    TAILQ_INSERT_TAIL(&e->inbox, s, link);
    pthread_mutex_unlock(&e->lock);
    if (first)
        kick(e->wake.fd);
}

int chat_engine_returned(chat_engine_t *e, chat_stream_t *s)
{
    uint64_t drop;
    int done;

    pthread_mutex_lock(&e->lock);
    /* Under the lock: a tick must not swallow the DONE that follows it. */
    if (read(s->park_fd, &drop, sizeof(drop)) < 0)
        drop = 0;
    done = s->state == CHAT_STATE_DONE;
    pthread_mutex_unlock(&e->lock);
    return done;
}

void chat_engine_recall(chat_engine_t *e, chat_stream_t *s)
{
    pthread_mutex_lock(&e->lock);
    if (s->state != CHAT_STATE_DONE) {
        s->killed = 1;
        TAILQ_INSERT_TAIL(&e->kills, s, kill_link);
        kick(e->wake.fd);
        while (s->state != CHAT_STATE_DONE)
            pthread_cond_wait(&e->recalled, &e->lock);
    }
    pthread_mutex_unlock(&e->lock);
}

/* ---- start and stop ---- */

static int engine_open(chat_engine_t *e)
{
    TAILQ_INIT(&e->live);
    TAILQ_INIT(&e->later);
    TAILQ_INIT(&e->ended);
    TAILQ_INIT(&e->inbox);
    TAILQ_INIT(&e->kills);
    SLIST_INIT(&e->dead);
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->recalled, NULL);
    e->curl_at = -1;
    e->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    e->wake.kind = CHAT_EVENT_WAKE;
    e->wake.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (e->epoll_fd < 0 || e->wake.fd < 0 ||
        poll_set(e, EPOLL_CTL_ADD, e->wake.fd, EPOLLIN, &e->wake) ||
        chat_driver_init(&e->driver, IDLE_CONNECTIONS) != APR_SUCCESS)
        return 0;
    curl_multi_setopt(e->driver.multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(e->driver.multi, CURLMOPT_SOCKETDATA, e);
    curl_multi_setopt(e->driver.multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(e->driver.multi, CURLMOPT_TIMERDATA, e);
    return 1;
}

static void engine_join(chat_engine_t *e)
{
    pthread_mutex_lock(&e->lock);
    e->stopping = 1;
    pthread_mutex_unlock(&e->lock);
    kick(e->wake.fd);
    pthread_join(e->thread, NULL);
}

/* The engine's thread is gone: what it still had is the caller's. */
static void engine_abandon(chat_engine_t *e)
{
    chat_stream_t *s;

    TAILQ_CONCAT(&e->live, &e->inbox, link);
    while ((s = TAILQ_FIRST(&e->live))) {
        TAILQ_REMOVE(&e->live, s, link);
        if (s->driver)
            s->source->stop(s);
        chat_out_free(&s->out);
        chat_park_abandon(s);
    }
    chat_driver_destroy(&e->driver);
    bury_dead(e);
    free(e->deadlines.heap);
    close(e->wake.fd);
    close(e->epoll_fd);
}

/* pchild's pre_cleanup: after the MPM's workers have been joined, before any
 * request's pool dies. */
static apr_status_t engines_stop(void *baton)
{
    int i;

    for (i = 0; i < nengines; i++)
        engine_join(&engines[i]);
    for (i = 0; i < nengines; i++)
        engine_abandon(&engines[i]);
    nengines = 0;
    free(engines);
    engines = NULL;
    return APR_SUCCESS;
}

apr_status_t chat_engine_child_init(apr_pool_t *pchild, server_rec *s)
{
    int n = chat_config_server(s)->stream_engines;
    sigset_t all, old;

    engines = calloc(n, sizeof(*engines));
    if (!engines)
        return APR_ENOMEM;
    apr_pool_pre_cleanup_register(pchild, NULL, engines_stop);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    while (nengines < n && engine_open(&engines[nengines]) &&
           !pthread_create(&engines[nengines].thread, NULL, engine_main,
                           &engines[nengines]))
        nengines++;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return nengines == n ? APR_SUCCESS : APR_EGENERAL;
}

#endif
