/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other driver: a stream on the request's own thread. For MPMs that
 * cannot wait for us, HTTP/2 clients, unknown output filters. It blocks where
 * the engine would go on, in core's writes and in curl_multi_poll(), and
 * still notices at once when the client leaves.
 *
 * Drivers are kept for the next request, with their upstream connections, until
 * the process ends: prefork's children end inside a signal handler, where curl
 * must not be called. At any time a driver has one thread.
 */
#include "chat_xfer_int.h"

#include <http_core.h>
#include <http_log.h>
#include <apr_portable.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "chat_clock.h"

/* An HTTP/2 stream has no socket to watch: look at its connection so often. */
#define LOOK_MS 20
/* Nothing wakes us when the server stops: look so often. */
#define WAIT_MS 500

typedef struct blocking_t {
    chat_driver_t driver;
    chat_curl_t curl;
    int epoll_fd; /* readable when the client has left */
    SLIST_ENTRY(blocking_t) link;
} blocking_t;

/* ---- the driver's operations: nothing is left for later ---- */

static void unwatch_client(blocking_t *b, chat_stream_t *s)
{
    if (s->client.fd >= 0)
        epoll_ctl(b->epoll_fd, EPOLL_CTL_DEL, s->client.fd, NULL);
    s->client.fd = -1;
}

static void left(chat_stream_t *s)
{
    unwatch_client((blocking_t *)s->driver, s);
    s->c->aborted = 1;
}

/* Before libcurl 7.68 it is noticed when the wait is over. */
static void wake(chat_stream_t *s)
{
#if LIBCURL_VERSION_NUM >= 0x074400
    curl_multi_wakeup(s->driver->curl->multis[0]->handle);
#endif
}

static const chat_driver_ops_t blocking_ops = {
    .send = chat_stream_send_nothing,
    .watch_client = chat_stream_do_nothing,
    .defer = chat_stream_do_nothing,
    .schedule = chat_stream_do_nothing,
    .ended = chat_stream_do_nothing,
    .left = left,
    .wake = wake,
};

/* ---- drivers, in use and spare ---- */

static SLIST_HEAD(, blocking_t) spare;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* It was never used. */
static void destroy(blocking_t *b)
{
    chat_curl_destroy(&b->curl);
    if (b->epoll_fd >= 0)
        close(b->epoll_fd);
    free(b);
}

static blocking_t *acquire(void)
{
    blocking_t *b;

    pthread_mutex_lock(&lock);
    b = SLIST_FIRST(&spare);
    if (b)
        SLIST_REMOVE_HEAD(&spare, link);
    pthread_mutex_unlock(&lock);
    if (b)
        return b;
    b = calloc(1, sizeof(*b));
    if (!b)
        return NULL;
    b->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    b->driver.ops = &blocking_ops;
    b->driver.curl = &b->curl;
    b->driver.now = chat_clock_now();
    if (b->epoll_fd >= 0 &&
        chat_curl_init(&b->curl, &b->driver, NULL, NULL) == APR_SUCCESS)
        return b;
    destroy(b);
    return NULL;
}

static void release(blocking_t *b)
{
    pthread_mutex_lock(&lock);
    SLIST_INSERT_HEAD(&spare, b, link);
    pthread_mutex_unlock(&lock);
}

/* ---- one stream ---- */

/* A pipelined request makes the socket readable, a good-bye makes it RDHUP:
 * curl_multi_poll() cannot tell them apart, an epoll set can. */
static void watch_client(blocking_t *b, chat_stream_t *s)
{
    struct epoll_event x = {.events = EPOLLRDHUP};
    apr_os_sock_t fd;

    if (s->c->master ||
        apr_os_sock_get(&fd, ap_get_conn_socket(s->c)) != APR_SUCCESS)
        return;
    if (epoll_ctl(b->epoll_fd, EPOLL_CTL_ADD, fd, &x) == 0)
        s->client.fd = fd;
}

static int wait_ms(const chat_stream_t *s)
{
    chat_mono_t due = chat_stream_due(s), now = chat_clock_now();
    int most = s->client.fd >= 0 || s->client.left ? WAIT_MS : LOOK_MS;

    /* It has had its share of one round. */
    if (due <= now || (s->call.waiting && !s->aside.blocks))
        return 0;
    return due - now > most * 1000 ? most : (int)((due - now + 999) / 1000);
}

/* A descriptor of -1 is left alone by poll(). */
static void wait_for(struct curl_waitfd *fd, const chat_link_t *l)
{
    fd->fd = l && l->watched ? l->event.fd : -1;
    fd->events = l && l->watched & EPOLLIN ? CURL_WAIT_POLLIN : 0;
    fd->events |= l && l->watched & EPOLLOUT ? CURL_WAIT_POLLOUT : 0;
}

/* What it waits for are the client, the upstream, and whom it asks beside. */
static void wait_for_all(struct curl_waitfd fds[3], const blocking_t *b,
                         const chat_stream_t *s)
{
    fds[0].fd = s->client.fd >= 0 ? b->epoll_fd : -1;
    fds[0].events = CURL_WAIT_POLLIN;
    wait_for(&fds[1], s->xfer ? s->xfer->ex.link : NULL);
    wait_for(&fds[2], s->aside.ex ? s->aside.ex->link : NULL);
}

static uint32_t events_of(const struct curl_waitfd *fd)
{
    return (fd->revents & CURL_WAIT_POLLIN ? EPOLLIN : 0) |
           (fd->revents & CURL_WAIT_POLLOUT ? EPOLLOUT : 0);
}

static void run_round(blocking_t *b, chat_stream_t *s)
{
    struct curl_waitfd fds[3] = {{0}}, *client = &fds[0], *upstream = &fds[1];
    chat_multi_t *m = b->curl.multis[0];
    int running;

    wait_for_all(fds, b, s);
    curl_multi_poll(m->handle, fds, 3, wait_ms(s), NULL);
    b->driver.now = chat_clock_now();
    b->driver.round++;
    if (chat_stream_stopping())
        chat_stream_end(s, CHAT_END_SHUTDOWN, "the server stopped");
    else if (client->revents || s->c->aborted)
        chat_stream_gone(s, CHAT_END_GONE, NULL);
    chat_stream_woken(s);
    if (upstream->revents)
        s->xfer->ex.link->ops->ready(s, events_of(upstream));
    if (fds[2].revents)
        s->aside.ex->link->ops->ready(s, events_of(&fds[2]));
    if (s->call.waiting && !s->aside.blocks)
        s->source->resume(s);
    curl_multi_perform(m->handle, &running);
    chat_multi_reap(m);
    chat_stream_check(s, b->driver.now);
}

void chat_blocking_run(chat_stream_t *s)
{
    blocking_t *b = acquire();

    chat_stream_move(s, CHAT_STATE_LIVE);
    if (!b) {
        chat_stream_end(s, CHAT_END_UNREACHED, "out of memory");
    }
    else {
        s->driver = &b->driver;
        b->driver.now = chat_clock_now();
        chat_link_expire(&b->curl);
        watch_client(b, s);
        chat_stream_ids_add(s);
        chat_stream_begin(s);
        do {
            while (!s->ended)
                run_round(b, s);
            s->source->stop(s);
        } while (chat_stream_again(s));
        unwatch_client(b, s);
        chat_stream_ids_remove(s);
        release(b);
    }
    chat_stream_move(s, CHAT_STATE_DONE);
    if (s->end.why == CHAT_END_GONE || s->end.why == CHAT_END_SHUTDOWN ||
        s->client.left)
        s->c->aborted = 1;
    chat_stream_complete(s);
}
