/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engines of a child: started with it, stopped with it, and what workers
 * may ask of them. Workers call the functions of the first part; start and
 * stop run on the child's main thread.
 */
#include "chat_engine_int.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "chat_clock.h"
#include "chat_config.h"
#include "chat_thread.h"

static chat_engine_t *engines;
static int nengines;
static chat_engine_abandon_fn *abandon;

/* ---- for the workers ---- */

chat_engine_t *chat_engines_choose(void)
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

void *chat_engine_connection(chat_engine_t *e,
                             const chat_admission_t *admission)
{
    void *connection;

    pthread_mutex_lock(&e->lock);
    if (!e->admission.connection) {
        e->admission.vtable = admission;
        e->admission.connection = admission->open();
    }
    connection = e->admission.connection;
    pthread_mutex_unlock(&e->lock);
    return connection;
}

int chat_engine_acquire_eventfd(chat_engine_t *e)
{
    int fd;

    pthread_mutex_lock(&e->lock);
    fd = chat_eventfds_acquire(&e->shared.spare);
    pthread_mutex_unlock(&e->lock);
    return fd;
}

void chat_engine_release_eventfd(chat_engine_t *e, int fd)
{
    int many;

    pthread_mutex_lock(&e->lock);
    many = chat_eventfds_release(&e->shared.spare, fd);
    pthread_mutex_unlock(&e->lock);
    if (many)
        chat_eventfds_wake(e->wake.fd);
}

void chat_engine_add(chat_engine_t *e, chat_stream_t *s)
{
    int first;

    __atomic_add_fetch(&e->nstreams, 1, __ATOMIC_RELAXED);
    pthread_mutex_lock(&e->lock);
    chat_stream_move(s, CHAT_STATE_QUEUED);
    first = TAILQ_EMPTY(&e->shared.inbox);
    TAILQ_INSERT_TAIL(&e->shared.inbox, s, park.link);
    pthread_mutex_unlock(&e->lock);
    if (first)
        chat_eventfds_wake(e->wake.fd);
}

int chat_engine_returned(chat_engine_t *e, chat_stream_t *s)
{
    uint64_t drop;
    int done;

    pthread_mutex_lock(&e->lock);
    /* Under the lock: a ping must not swallow the DONE that follows it. */
    if (read(s->park.fd, &drop, sizeof(drop)) < 0)
        drop = 0;
    done = s->state == CHAT_STATE_DONE;
    pthread_mutex_unlock(&e->lock);
    return done;
}

void chat_engine_recall(chat_engine_t *e, chat_stream_t *s)
{
    pthread_mutex_lock(&e->lock);
    if (s->state != CHAT_STATE_DONE) {
        s->park.cancelled = 1;
        TAILQ_INSERT_TAIL(&e->shared.cancels, s, park.cancel_link);
        chat_eventfds_wake(e->wake.fd);
        while (s->state != CHAT_STATE_DONE)
            pthread_cond_wait(&e->recalled, &e->lock);
    }
    pthread_mutex_unlock(&e->lock);
}

/* ---- start and stop ---- */

static int engine_open(chat_engine_t *e)
{
    TAILQ_INIT(&e->live);
    TAILQ_INIT(&e->deferred);
    TAILQ_INIT(&e->ended);
    TAILQ_INIT(&e->gone);
    TAILQ_INIT(&e->shared.inbox);
    TAILQ_INIT(&e->shared.cancels);
    TAILQ_INIT(&e->shared.woken);
    SLIST_INIT(&e->dead);
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->recalled, NULL);
    e->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    e->admission.poll.fd = -1;
    e->driver.ops = &chat_engine_ops;
    e->driver.curl = &e->curl;
    e->driver.cork = &e->cork;
    e->driver.now = chat_clock_now();
    e->wake.kind = CHAT_EVENT_WAKE;
    e->wake.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (e->epoll_fd < 0 || e->wake.fd < 0 ||
        chat_engine_poll(e, EPOLL_CTL_ADD, e->wake.fd, EPOLLIN | EPOLLET,
                         &e->wake) ||
        chat_curl_init(&e->curl, &e->driver, e, &chat_engine_curl_ops) !=
            APR_SUCCESS ||
        chat_netfilter_open(&e->cork) != APR_SUCCESS)
        return 0;
    return 1;
}

/* The engine's thread is gone: what it still had is the caller's. */
static void engine_abandon(chat_engine_t *e)
{
    chat_stream_t *s;

    if (e->admission.connection)
        e->admission.vtable->close(e->admission.connection);
    TAILQ_CONCAT(&e->live, &e->shared.inbox, park.link);
    while ((s = TAILQ_FIRST(&e->live))) {
        TAILQ_REMOVE(&e->live, s, park.link);
        s->source->stop(s);
        s->aside.ops->stop(s);
        chat_netfilter_discard(s);
        abandon(s);
    }
    chat_link_close_idle(&e->curl);
    chat_curl_destroy(&e->curl);
    chat_netfilter_close(&e->cork);
    chat_engine_curl_free_dead(e);
    free(e->deadlines.heap);
    chat_eventfds_close(&e->shared.spare);
    close(e->wake.fd);
    close(e->epoll_fd);
}

/* pchild's pre_cleanup: after the MPM's workers have been joined, before any
 * request's pool dies. */
static apr_status_t engines_stop(void *baton)
{
    int i;

    for (i = 0; i < nengines; i++) {
        pthread_mutex_lock(&engines[i].lock);
        engines[i].shared.stopping = 1;
        pthread_mutex_unlock(&engines[i].lock);
        chat_eventfds_wake(engines[i].wake.fd);
        pthread_join(engines[i].thread, NULL);
    }
    for (i = 0; i < nengines; i++)
        engine_abandon(&engines[i]);
    nengines = 0;
    free(engines);
    engines = NULL;
    return APR_SUCCESS;
}

apr_status_t chat_engines_child_init(apr_pool_t *pchild, server_rec *s,
                                     chat_engine_abandon_fn *abandon_stream)
{
    int n = chat_config_server(s)->stream.engines;

    abandon = abandon_stream;
    engines = calloc(n, sizeof(*engines));
    if (!engines)
        return APR_ENOMEM;
    apr_pool_pre_cleanup_register(pchild, NULL, engines_stop);
    while (nengines < n && engine_open(&engines[nengines]) &&
           chat_thread_start(&engines[nengines].thread, chat_engine_main,
                             &engines[nengines]))
        nengines++;
    return nengines == n ? APR_SUCCESS : APR_EGENERAL;
}
