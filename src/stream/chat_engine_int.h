/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engines. The first part is what workers may ask of them; the rest is shared
 * by the loop (chat_engine.c), its dealings with curl (chat_engine_curl.c) and
 * with an admission (chat_engine_admission.c), and the set of a child's engines
 * (chat_engines.c). Members say who may touch them: E the engine's thread, K
 * whoever holds the lock, C constant after start.
 */
#ifndef CHAT_ENGINE_INT_H
#define CHAT_ENGINE_INT_H

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/queue.h>

#include "chat_park_int.h"
#include "chat_stream_int.h"
#include "chat_xfer_int.h"

typedef struct chat_engine_t chat_engine_t;

/* ---- for workers (chat_engines.c) ---- */

typedef void chat_engine_abandon_fn(chat_stream_t *s);

/* The engines of this child. At a hard stop, with the engines joined, abandon()
 * is called [main thread] with each stream that they still had. */
apr_status_t chat_engines_child_init(apr_pool_t *pchild, server_rec *s,
                                     chat_engine_abandon_fn *abandon);
/* [any] The engine for one more stream: the one with the fewest. NULL: none
 * runs. */
chat_engine_t *chat_engines_choose(void);

/* [any] Its connection to that admission, of which there can be but one. NULL:
 * no memory. */
void *chat_engine_connection(chat_engine_t *e,
                             const chat_admission_t *admission);
/* [any] The eventfd of a stream to be parked: -1 with errno when there is none.
 * Released, it may still be woken. */
int chat_engine_acquire_eventfd(chat_engine_t *e);
void chat_engine_release_eventfd(chat_engine_t *e, int fd);
/* [worker, suspend hook] Ownership passes to the engine. */
void chat_engine_add(chat_engine_t *e, chat_stream_t *s);
/* [worker] A parked connection woke up. 1: DONE, s is the caller's. */
int chat_engine_returned(chat_engine_t *e, chat_stream_t *s);
/* [worker] Get s back now, whatever it is doing. Waits for the engine. */
void chat_engine_recall(chat_engine_t *e, chat_stream_t *s);

/* ---- eventfds (chat_eventfds.c) ---- */

typedef struct chat_eventfds_t {
    int *fd;
    int n, capacity;
} chat_eventfds_t;

/* [any] Make an eventfd readable. */
void chat_eventfds_wake(int fd);
/* [K] -1 with errno: there is none. */
int chat_eventfds_acquire(chat_eventfds_t *spare);
/* [K] 1 when there are more than are kept. */
int chat_eventfds_release(chat_eventfds_t *spare, int fd);
/* [K, E] */
void chat_eventfds_trim(chat_eventfds_t *spare);
void chat_eventfds_close(chat_eventfds_t *spare);

/* ---- a binary heap of streams by due (chat_deadlines.c), E ---- */

typedef struct chat_deadlines_t {
    chat_stream_t **heap;
    int n, capacity;
} chat_deadlines_t;

int chat_deadlines_add(chat_deadlines_t *d, chat_stream_t *s);
void chat_deadlines_moved(chat_deadlines_t *d, chat_stream_t *s);
void chat_deadlines_remove(chat_deadlines_t *d, chat_stream_t *s);

/* ---- one engine ---- */

TAILQ_HEAD(chat_stream_list_t, chat_stream_t);
SLIST_HEAD(chat_event_list_t, chat_event_t);

/* What streams of this engine have to do with the admission of theirs. */
typedef struct chat_engine_admission_t {
    const chat_admission_t *vtable; /* K  until there is a connection, then C */
    void *connection;               /* likewise */
    chat_event_t event;             /* E  of the connection's descriptor */
    chat_admission_poll_t poll;     /* E  of the connection, as last seen */
    int submitted;                  /* E  in this round */
} chat_engine_admission_t;

/* What passes between the engine and the other threads: all K. */
typedef struct chat_engine_shared_t {
    struct chat_stream_list_t inbox;   /* by park.link */
    struct chat_stream_list_t cancels; /* by park.cancel_link */
    struct chat_stream_list_t woken;   /* by park.woken_link */
    chat_eventfds_t spare;             /* of streams that are gone */
    int stopping;
} chat_engine_shared_t;

struct chat_engine_t {
    chat_driver_t driver;               /* E */
    chat_curl_t curl;                   /* E */
    chat_cork_t cork;                   /* E */
    int epoll_fd;                       /* C */
    chat_event_t wake;                  /* C */
    pthread_t thread;                   /* C */
    struct chat_stream_list_t live;     /* E  by park.link */
    struct chat_stream_list_t deferred; /* E  over their budget */
    struct chat_stream_list_t ended;    /* E  to be released */
    struct chat_stream_list_t gone;     /* E  likewise, when there is time */
    int busy_rounds;                    /* E  that these have waited */
    struct chat_event_list_t dead;      /* E  socket records to free */
    chat_deadlines_t deadlines;         /* E */
    chat_engine_admission_t admission;
    pthread_mutex_t lock;
    pthread_cond_t recalled; /* K  some cancelled stream is DONE */
    chat_engine_shared_t shared;
    int nstreams; /* atomic: added, not yet DONE */
};

/* epoll_ctl on the engine's set: 0, or -1 with errno. */
static inline int chat_engine_poll(chat_engine_t *e, int op, int fd,
                                   uint32_t events, chat_event_t *ev)
{
    struct epoll_event x = {.events = events, .data.ptr = ev};
    int rv = epoll_ctl(e->epoll_fd, op, fd, &x);

    if (rv == 0 && op != EPOLL_CTL_MOD)
        chat_counters_add(CHAT_COUNT_FDS, op == EPOLL_CTL_ADD ? 1 : -1);
    return rv;
}

extern const chat_driver_ops_t chat_engine_ops;

/* The thread, until e->shared.stopping. */
void *chat_engine_main(void *baton);

/* ---- curl (chat_engine_curl.c), all E ---- */

extern const chat_curl_ops_t chat_engine_curl_ops;

/* A connection is ready. */
void chat_engine_curl_link(chat_event_t *ev, uint32_t events);
/* Whose connection that event is of; NULL: of none. */
static inline chat_stream_t *chat_engine_curl_user(const chat_event_t *ev)
{
    return ev->kind == CHAT_EVENT_LINK ? ((const chat_link_t *)ev)->user : NULL;
}
/* A socket is ready by which curl connects. */
void chat_engine_curl_event(chat_engine_t *e, const chat_event_t *ev,
                            uint32_t events);
/* Give curl its call when its time has come. */
void chat_engine_curl_timer(chat_engine_t *e);
/* Free the records of sockets that are closed. */
void chat_engine_curl_free_dead(chat_engine_t *e);

/* ---- the admission (chat_engine_admission.c), all E ---- */

/* The query of a stream that came just now. */
void chat_engine_admission_submit(chat_engine_t *e, chat_stream_t *s);
/* What this round submitted goes out, what is overdue is given up. */
void chat_engine_admission_flush(chat_engine_t *e);
/* The connection's descriptor is ready. */
void chat_engine_admission_ready(chat_engine_t *e);

#endif
