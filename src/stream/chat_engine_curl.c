/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine's dealings with curl: its sockets in the engine's epoll set, its
 * one timer, in the way of curl_multi_socket_action(). Engine's thread.
 */
#include "chat_engine_int.h"

#if CHAT_PARKING

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
        chat_engine_poll(e, EPOLL_CTL_DEL, fd, 0, ev);
        curl_multi_assign(e->driver.multi, fd, NULL);
        /* An event of this batch may still point here. */
        ev->kind = CHAT_EVENT_DEAD;
        SLIST_INSERT_HEAD(&e->dead, ev, dead);
        return 0;
    }
    if (ev)
        return chat_engine_poll(e, EPOLL_CTL_MOD, fd, events, ev);
    ev = calloc(1, sizeof(*ev));
    if (!ev)
        return -1;
    ev->kind = CHAT_EVENT_UPSTREAM;
    ev->fd = fd;
    curl_multi_assign(e->driver.multi, fd, ev);
    return chat_engine_poll(e, EPOLL_CTL_ADD, fd, events, ev);
}

static int on_curl_timer(CURLM *multi, long ms, void *baton)
{
    chat_engine_t *e = baton;

    e->curl_at = ms < 0    ? -1
                 : ms == 0 ? e->driver.now
                           : chat_tick_now() + ms * 1000;
    return 0;
}

void chat_engine_curl_event(chat_engine_t *e, const chat_event_t *ev,
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
    chat_driver_reap(&e->driver); /* first: these may be the last bytes */
    chat_driver_flush(&e->driver);
}

void chat_engine_curl_timer(chat_engine_t *e)
{
    int running;

    if (e->curl_at < 0 || e->curl_at > e->driver.now)
        return;
    e->curl_at = -1;
    curl_multi_socket_action(e->driver.multi, CURL_SOCKET_TIMEOUT, 0, &running);
    chat_driver_flush(&e->driver);
}

void chat_engine_curl_init(chat_engine_t *e)
{
    CURLM *multi = e->driver.multi;

    e->curl_at = -1;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, e);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, e);
}

#endif
