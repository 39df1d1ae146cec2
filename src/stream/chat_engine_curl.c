/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine's dealings with curl: the sockets of its multi handles in the
 * engine's epoll set, and their timers, in the way of
 * curl_multi_socket_action(). Engine's thread.
 */
#include "chat_engine_int.h"

#include <stdlib.h>

#include "chat_clock.h"

/* Since 7.87 curl's headers warn of curl_multi_socket_all(), which is slow. */
#ifndef CURL_IGNORE_DEPRECATION
#define CURL_IGNORE_DEPRECATION(statements) statements
#endif

/* The record of a socket that curl begins to use, NULL: it cannot be watched.
 */
static chat_event_t *watch(chat_multi_t *m, curl_socket_t fd, uint32_t events)
{
    chat_event_t *ev = calloc(1, sizeof(*ev));

    if (!ev)
        return NULL;
    ev->kind = CHAT_EVENT_UPSTREAM;
    ev->fd = fd;
    ev->multi = m;
    if (chat_engine_poll(m->curl->owner, EPOLL_CTL_ADD, fd, events, ev) == 0 &&
        curl_multi_assign(m->handle, fd, ev) == CURLM_OK)
        return ev;
    chat_engine_poll(m->curl->owner, EPOLL_CTL_DEL, fd, 0, ev);
    free(ev);
    return NULL;
}

static void lose(CURL *easy, const char *why)
{
    chat_easy_t *at_work = NULL;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&at_work);
    if (at_work)
        at_work->over(at_work->owner, CURLE_COULDNT_CONNECT, why);
}

/* Never fails: curl would give up the whole multi handle, without a word to its
 * other calls. */
static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *baton,
                          void *record)
{
    chat_multi_t *m = baton;
    chat_engine_t *e = m->curl->owner;
    chat_event_t *ev = record;
    uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0) |
                      (what & CURL_POLL_OUT ? EPOLLOUT : 0);

    if (what == CURL_POLL_REMOVE) {
        if (!ev)
            return 0;
        chat_engine_poll(e, EPOLL_CTL_DEL, fd, 0, ev);
        curl_multi_assign(m->handle, fd, NULL);
        /* An event of this batch may still point here. */
        ev->kind = CHAT_EVENT_DEAD;
        SLIST_INSERT_HEAD(&e->dead, ev, dead);
        return 0;
    }
    if (ev ? chat_engine_poll(e, EPOLL_CTL_MOD, fd, events, ev) != 0
           : !watch(m, fd, events))
        lose(easy, "its connection cannot be watched");
    return 0;
}

static int on_curl_timer(CURLM *multi, long ms, void *baton)
{
    chat_multi_t *m = baton;
    chat_curl_t *c = m->curl;

    m->due = ms < 0    ? CHAT_MONO_NEVER
             : ms == 0 ? c->driver->now
                       : chat_clock_now() + ms * 1000;
    if (m->due < c->due)
        c->due = m->due;
    return 0;
}

static void lose_link(const chat_link_t *l, const chat_multi_t *m,
                      const char *why)
{
    if (l && l->easy.handle && l->easy.multi == m)
        lose(l->easy.handle, why);
}

/* curl has stopped in the middle, so that some of its sockets may not be
 * watched: it looks at all of them again, or its calls would wait for ever. */
static void recover(chat_multi_t *m, int *prunning)
{
    chat_engine_t *e = m->curl->owner;
    chat_stream_t *s;
    CURLMcode rc;

    CURL_IGNORE_DEPRECATION(rc = curl_multi_socket_all(m->handle, prunning);)
    if (rc == CURLM_OK)
        return;
    TAILQ_FOREACH(s, &e->live, park.link)
    {
        if (s->xfer)
            lose_link(s->xfer->ex.link, m, curl_multi_strerror(rc));
        if (s->aside.ex)
            lose_link(s->aside.ex->link, m, curl_multi_strerror(rc));
    }
}

static void act(chat_multi_t *m, int fd, int mask)
{
    int running = 0;

    if (curl_multi_socket_action(m->handle, fd, mask, &running) != CURLM_OK)
        recover(m, &running);
    chat_multi_reap(m);
}

void chat_engine_curl_event(chat_engine_t *e, const chat_event_t *ev,
                            uint32_t events)
{
    int mask = (events & EPOLLIN ? CURL_CSELECT_IN : 0) |
               (events & EPOLLOUT ? CURL_CSELECT_OUT : 0);

    if (events & (EPOLLERR | EPOLLHUP))
        mask |= CURL_CSELECT_IN | CURL_CSELECT_ERR;
    act(ev->multi, ev->fd, mask);
}

void chat_engine_curl_timer(chat_engine_t *e)
{
    chat_curl_t *c = &e->curl;
    chat_mono_t now = e->driver.now;
    chat_multi_t *m;
    int i;

    if (c->due > now)
        return;
    c->due = CHAT_MONO_NEVER;
    chat_link_expire(c);
    for (i = c->nmultis - 1; i >= 0; i--) {
        m = c->multis[i];
        if (m->due <= now) {
            m->due = CHAT_MONO_NEVER;
            act(m, CURL_SOCKET_TIMEOUT, 0);
        }
    }
    for (i = 0; i < c->nmultis; i++)
        if (c->multis[i]->due < c->due)
            c->due = c->multis[i]->due;
}

static void opened(chat_multi_t *m)
{
    curl_multi_setopt(m->handle, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(m->handle, CURLMOPT_SOCKETDATA, m);
    curl_multi_setopt(m->handle, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(m->handle, CURLMOPT_TIMERDATA, m);
}

/* ---- connections that are there ---- */

static int watch_link(chat_link_t *l, uint32_t events)
{
    int op = !l->watched ? EPOLL_CTL_ADD
             : !events   ? EPOLL_CTL_DEL
                         : EPOLL_CTL_MOD;

    return !chat_engine_poll(l->curl->owner, op, l->event.fd, events,
                             &l->event);
}

/* An event of this batch may still point here. */
static void closed(chat_curl_t *c, chat_link_t *l)
{
    chat_engine_t *e = c->owner;

    l->event.kind = CHAT_EVENT_DEAD;
    SLIST_INSERT_HEAD(&e->dead, &l->event, dead);
}

const chat_curl_ops_t chat_engine_curl_ops = {
    .opened = opened,
    .watch = watch_link,
    .closed = closed,
};

void chat_engine_curl_link(chat_event_t *ev, uint32_t events)
{
    chat_link_t *l = (chat_link_t *)ev;

    if (l->user)
        l->ops->ready(l->user, events);
    else
        chat_link_stirred(l);
}

void chat_engine_curl_free_dead(chat_engine_t *e)
{
    chat_event_t *ev;

    while ((ev = SLIST_FIRST(&e->dead))) {
        SLIST_REMOVE_HEAD(&e->dead, dead);
        free(ev);
    }
}
