/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine from the inside: shared by its loop (chat_engine.c), its dealings
 * with curl (chat_engine_curl.c) and the child's set of engines
 * (chat_engines.c). Members say who may touch them: E the engine's thread,
 * K whoever holds the lock, C constant after start.
 */
#ifndef CHAT_ENGINE_INT_H
#define CHAT_ENGINE_INT_H

#include "chat_stream_int.h"

#if CHAT_PARKING

#include <sys/epoll.h>
#include <unistd.h>

TAILQ_HEAD(chat_stream_list_t, chat_stream_t);
SLIST_HEAD(chat_event_list_t, chat_event_t);

/* (chat_eventfds.c) */
typedef struct chat_eventfds_t {
    int *fd;
    int n, room;
} chat_eventfds_t;

struct chat_engine_t {
    chat_driver_t driver;            /* E */
    int epoll_fd;                    /* C */
    chat_event_t wake;               /* C */
    chat_event_t idle;               /* C  of the driver's idle_fd */
    pthread_t thread;                /* C */
    struct chat_stream_list_t live;  /* E  by link */
    struct chat_stream_list_t later; /* E  over their budget, by later_link */
    struct chat_stream_list_t ended; /* E  to let go, by ended_link */
    struct chat_stream_list_t gone;  /* E  ... when there is time, likewise */
    int busy_turns;                  /* E  that these have waited */
    struct chat_event_list_t dead;   /* E  socket records to free */
    chat_deadlines_t deadlines;      /* E */
    chat_event_t gate_event;         /* E  of the line's descriptor */
    chat_admission_poll_t wants;     /* E  of the line, as was last seen */
    int asked;                       /* E  in this turn */

    pthread_mutex_t lock;
    pthread_cond_t recalled;         /* K  some killed stream is DONE */
    struct chat_stream_list_t inbox; /* K  by link */
    struct chat_stream_list_t kills; /* K  by kill_link */
    chat_eventfds_t spare;           /* K  of streams that are gone */
    const chat_admission_t *gate;    /* K  until there is a line, then C */
    void *line;                      /* ... to it */
    int stopping;                    /* K */
    int nstreams;                    /* atomic: adopted, not yet DONE */
};

/* epoll_ctl on the engine's set: 0, or -1 with errno. */
int chat_engine_poll(chat_engine_t *e, int op, int fd, uint32_t events,
                     chat_event_t *ev);
/* Make an eventfd readable. */
void chat_engine_kick(int fd);

/* The thread, until e->stopping. */
void *chat_engine_main(void *baton);
/* [E] Free the records of sockets that curl has let go. */
void chat_engine_bury(chat_engine_t *e);

/* ---- the gate (chat_stream_admission.c), all E ---- */

/* Ask for a stream that came just now. */
void chat_engine_ask(chat_engine_t *e, chat_stream_t *s);
/* What this turn asked goes out, what is overdue is given up. */
void chat_engine_tell(chat_engine_t *e);
/* The line's descriptor is ready. */
void chat_engine_hear(chat_engine_t *e);

/* [K] -1 with errno: there is none. */
int chat_eventfds_take(chat_eventfds_t *spare);
/* [K] 1 when there are more than are kept. */
int chat_eventfds_give(chat_eventfds_t *spare, int fd);
/* [K, E] */
void chat_eventfds_trim(chat_eventfds_t *spare);
void chat_eventfds_close(chat_eventfds_t *spare);

/* [E] A socket of curl's is ready. */
void chat_engine_curl_event(chat_engine_t *e, const chat_event_t *ev,
                            uint32_t events);
/* [E] Give curl its call when its time has come. */
void chat_engine_curl_timer(chat_engine_t *e);

#endif
#endif
