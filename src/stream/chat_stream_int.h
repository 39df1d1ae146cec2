/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this room share.
 *
 * Threads. A stream is owned by exactly one thread at a time: the request
 * thread until it is parked, then an engine, then the worker that finishes it.
 * Ownership passes under the engine's lock (inbox, DONE), nowhere else.
 * Members say who may touch them:
 *   C  constant once the stream was started
 *   D  the driver's thread: an engine, or the request thread when blocking
 *   K  under engine->lock
 */
#ifndef CHAT_STREAM_INT_H
#define CHAT_STREAM_INT_H

#include <pthread.h>
#include <sys/queue.h>
#include <sys/uio.h>

#include <curl/curl.h>

#include <ap_mmn.h>
#include <ap_mpm.h>
#include <httpd.h>
#include <util_filter.h>

#include "chat_config.h"
#include "chat_log.h"
#include "chat_stream.h"

/* Parking needs CONN_STATE_ASYNC_WAITIO and AP_MPMQ_CAN_WAITIO. */
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 137) && !defined(CHAT_NO_PARKING)
#define CHAT_PARKING 1
#else
#define CHAT_PARKING 0
#endif

typedef struct chat_engine_t chat_engine_t;
typedef struct chat_driver_t chat_driver_t;
typedef struct chat_multi_t chat_multi_t;
typedef struct chat_stream_t chat_stream_t;
typedef struct chat_link_t chat_link_t;

/* Monotonic microseconds; 0 means "not set". */
typedef apr_int64_t chat_tick_t;

#define CHAT_TICK_NEVER APR_INT64_MAX

chat_tick_t chat_tick_now(void);
/* Have *due at from + wait if that is sooner; a wait of 0 is none. */
void chat_tick_sooner(chat_tick_t *due, chat_tick_t from,
                      apr_interval_time_t wait);

/* ---- counters (chat_counters.c): shared by the children of a server ---- */

typedef enum {
    CHAT_COUNT_LIVE, /* gauges */
    CHAT_COUNT_QUEUED,
    CHAT_COUNT_PARKED,
    CHAT_COUNT_STARTED, /* ever */
    CHAT_COUNT_DONE,
    CHAT_COUNT_CANCELLED,
    CHAT_COUNT_STALLED,
    CHAT_COUNT_UPSTREAM,
    CHAT_COUNT_TIMEOUT,
    CHAT_COUNT_SHUTDOWN,
    CHAT_COUNT_REFUSED,
    CHAT_COUNT_BYTES,
    CHAT_COUNT_MAX
} chat_count_id_e;

/* Any thread of a child. */
void chat_counters_add(chat_count_id_e what, apr_int64_t n);
/* Take one of the child's places: 1, or 0 when max are taken. */
int chat_counters_admit(int max);
/* 1 when fewer than max are taken. */
int chat_counters_has_room(int max);
apr_status_t chat_counters_post_config(apr_pool_t *pconf, server_rec *s);
void chat_counters_child_init(server_rec *s);
void chat_counters_register_hooks(void);

/* ---- bytes that the client has not taken yet (chat_netfilter.c) ---- */

typedef struct chat_out_t {
    char *data;     /* malloc'ed while there is something */
    apr_size_t off; /* sent of it */
    apr_size_t len; /* unsent, from off */
    apr_size_t room;
} chat_out_t;

/* ---- where the bytes come from ---- */

typedef struct chat_source_t {
    /* All D. start may end the stream at once. */
    void (*start)(chat_stream_t *s);
    /* The client takes bytes again after chat_stream_take() said LATER. */
    void (*resume)(chat_stream_t *s);
    /* When fire() wants to be called, 0 never; NULL: not driven by time. */
    chat_tick_t (*due)(const chat_stream_t *s);
    void (*fire)(chat_stream_t *s);
    /* 1: nothing of the call is still to be sent. NULL: there is no call. */
    int (*taken)(const chat_stream_t *s);
    /* Let go of the upstream; it can be started again. Idempotent. */
    void (*stop)(chat_stream_t *s);
} chat_source_t;

extern const chat_source_t chat_source_xfer;
extern const chat_source_t chat_source_script;

/* ---- one stream ---- */

typedef enum {
    CHAT_STATE_NEW,      /* the request thread's */
    CHAT_STATE_QUEUED,   /* in an engine's inbox */
    CHAT_STATE_LIVE,     /* the driver's */
    CHAT_STATE_DRAINING, /* the source has ended, the client has not all */
    CHAT_STATE_DONE      /* the driver has let go */
} chat_state_e;

typedef enum { CHAT_TAKE_OK, CHAT_TAKE_LATER, CHAT_TAKE_STOP } chat_take_e;

/* Tells the engine's epoll events apart. */
typedef enum {
    CHAT_EVENT_WAKE,
    CHAT_EVENT_UPSTREAM,
    CHAT_EVENT_IDLE,
    CHAT_EVENT_CLIENT,
    CHAT_EVENT_GATE,
    CHAT_EVENT_DEAD
} chat_event_e;

typedef struct chat_event_t {
    chat_event_e kind;
    int fd;
    chat_stream_t *stream;          /* of a client */
    chat_multi_t *multi;            /* of an upstream */
    SLIST_ENTRY(chat_event_t) dead; /* of an upstream socket let go */
} chat_event_t;

/* What a connection is when a request is about to be sent on it. */
typedef enum {
    CHAT_FIT,
    CHAT_FIT_STALE, /* it was kept, and is not to be used again */
    CHAT_FIT_EARLY  /* a new one, but the upstream has spoken already */
} chat_fit_e;

struct chat_stream_t {
    request_rec *r;              /* C, the pointee is the owner's */
    conn_rec *c;                 /* C */
    chat_stream_spec_t spec;     /* C */
    const chat_source_t *source; /* C */
    chat_engine_t *engine;       /* C  NULL: the blocking driver */
    chat_driver_t *driver;       /* D */
    int client_fd;               /* C  -1 when unknown (HTTP/2) */
    int park_fd;                 /* C  eventfd the MPM waits for, or -1 */

    chat_state_e state; /* K once queued, see chat_stream_move() */
    int killed;         /* K  the MPM waits for DONE */

    void *line; /* C  of the engine, to the gate; NULL: not asked there */

    /* D from here on */
    int asking;              /* the gate has not answered */
    int went;                /* past it */
    const chat_call_t *call; /* the one that is made, or waited for; NULL: a
                                script */
    chat_tick_t again_at;    /* when it is to be made, 0: it was */
    chat_tick_t call_at;     /* when it was */
    int begun;               /* ... and the upstream has really answered */
    CURL *easy;
    chat_multi_t *multi; /* that easy is in, or NULL */
    struct curl_slist *headers;
    struct curl_slist *hosts;
    apr_table_t *head; /* the upstream's headers while they come */
    int head_done;
    apr_size_t trailers; /* bytes that came after the answer */
    int fd;              /* the socket that curl has opened last, or -1 */
    chat_link_t *via;    /* the connection that has the request, or NULL */
    chat_fit_e fit;      /* what the last one was that was looked at */
    int posted;       /* times that curl sent, or wanted to send, the request */
    int port;         /* ours, of the connection that got it last */
    unsigned nclosed; /* the driver's, then */
    chat_tick_t script_at; /* when the script goes on, 0 ended */
    int waiting;           /* the source was told LATER */
    int last;              /* its call has ended, these are the last bytes */
    int held;              /* out is not sent but left for the worker */
    int later;             /* on engine->later */
    int ending;            /* on engine->ended */

    chat_out_t out;
    apr_uint64_t turn;     /* the loop turn that ... */
    apr_size_t turn_bytes; /* ... took so many bytes */

    int ended; /* end.why is decided */
    chat_end_t end;
    chat_tick_t started;
    chat_tick_t data_at;     /* last byte from the source */
    chat_tick_t write_at;    /* last attempt to write */
    chat_tick_t progress_at; /* last byte the client took */
    chat_tick_t tick_at;     /* when the MPM must hear of us, 0 never */
    chat_tick_t tick_every;

    chat_tick_t due; /* lower bound of the next deadline */
    int heap;        /* place in the engine's heap, -1 none */
    chat_event_t client_event;
    int client_out;                  /* EPOLLOUT is on */
    int watched;                     /* client_fd is in the epoll set */
    TAILQ_ENTRY(chat_stream_t) link; /* inbox, then live (K, then D) */
    TAILQ_ENTRY(chat_stream_t) later_link;
    TAILQ_ENTRY(chat_stream_t) ended_link;
    TAILQ_ENTRY(chat_stream_t) kill_link; /* K */
};

/* The one function that changes a stream's state. Impossible steps are
 * refused with an error in the log. Under engine->lock once parked. */
void chat_stream_move(chat_stream_t *s, chat_state_e to);

/* [D] The driver has it, and the gate is open: go. May end it at once. */
void chat_stream_begin(chat_stream_t *s);

/* [D] The source has so many bytes. OK: it must give them to chat_stream_take()
 * before this turn is over. LATER: not now, resume() will be called. STOP: the
 * stream has ended. */
chat_take_e chat_stream_offer(chat_stream_t *s, apr_size_t len);
/* [D] What was offered, or several offers in one. OK or STOP. */
chat_take_e chat_stream_take(chat_stream_t *s, const char *data,
                             apr_size_t len);

/* [D] Decide how it ends; the first one wins. Not the last word before
 * chat_call_again() was asked, with the source stopped. */
void chat_stream_end(chat_stream_t *s, chat_end_e why, const char *detail);

/* [D] The client cannot take the rest: overrules an end that was decided. */
void chat_stream_cut(chat_stream_t *s, chat_end_e why, const char *detail);

/* ---- its gate (chat_stream_admission.c) ---- */

/* [request thread] Ask and wait. 1: go on; 0: the stream has ended. */
int chat_stream_pass(chat_stream_t *s);
#if CHAT_PARKING
/* [request thread] It goes to that engine, which will ask, unless the gate has
 * answered by now. Result as above. */
int chat_stream_prepare(chat_stream_t *s, chat_engine_t *e);
#endif

/* 1 once the server stops and does not wait for streams. */
int chat_stream_stopping(void);

/* [D] The earliest time at which chat_stream_check() has something to do. */
chat_tick_t chat_stream_due(const chat_stream_t *s);
/* [D] Act on what is due: time-outs, heartbeat, script, one more call. */
void chat_stream_check(chat_stream_t *s, chat_tick_t now);

/* [the last owner] complete(), counters. */
void chat_stream_complete(chat_stream_t *s);

/* ---- its calls, one after another (chat_call.c) ---- */

/* [D] Start the source: the first time, or once more. May end the stream. */
void chat_call_start(chat_stream_t *s);
/* [D] The stream has ended, its source is stopped, and no callback of either
 * is running. 1: no, it goes on with one more call. */
int chat_call_again(chat_stream_t *s);
/* [D] The upstream has really answered. */
void chat_call_begun(chat_stream_t *s);
/* [D] As chat_stream_due() and _check(), for a stream that makes calls. */
chat_tick_t chat_call_due(const chat_stream_t *s);
void chat_call_check(chat_stream_t *s, chat_tick_t now);

/* ---- a thread that makes transfers (chat_driver.c) ---- */

#define CHAT_CLOSED_KEPT 64

/* A multi handle, and some of a driver's calls. */
struct chat_multi_t {
    CURLM *curl;
    chat_driver_t *driver;
    int calls;           /* in it */
    int running;         /* of them, by curl, when it was last asked */
    chat_tick_t left_at; /* when the last one was taken out */
    chat_tick_t at;      /* when curl wants a call, CHAT_TICK_NEVER */
    LIST_HEAD(, chat_link_t) links; /* connections that got a request */
};

struct chat_driver_t {
    chat_engine_t *engine; /* C  NULL: blocking */
    chat_multi_t **multis; /* a blocking driver has one */
    int nmultis;
    chat_tick_t curl_at; /* not after any of their at */
    chat_tick_t now;     /* of this turn */
    apr_uint64_t turn;
    CURL *spare[64]; /* easy handles to use again */
    int nspare;
    CURLSH *share;            /* TLS sessions with upstreams */
    int idle_fd;              /* an engine's: epoll set of idle connections */
    chat_stream_t *gathering; /* the stream whose bytes are in gather */
    apr_size_t gathered;
    char *gather;
    apr_size_t corked; /* bytes that a callback has written */
    char *cork;        /* NULL when blocking */
    struct {
        int port;               /* ours */
        int unread;             /* bytes that the other side never got */
    } closed[CHAT_CLOSED_KEPT]; /* connections, the last ones */
    unsigned nclosed;
};

/* A connection that was idle for longer is not used again: servers close theirs
 * after a minute or so, and a request must not meet that. A multi handle of an
 * engine that had no call for so long is closed with what it has. */
#define CHAT_IDLE_SECONDS 30

/* [before it has a thread] e: the engine that it is of, or NULL. */
apr_status_t chat_driver_init(chat_driver_t *d, chat_engine_t *e);
/* No call is running. */
void chat_driver_destroy(chat_driver_t *d);
/* [D] After each call of curl's that may have read: curl gives bytes in small
 * pieces, and each that is passed on costs a packet. */
void chat_driver_flush(chat_driver_t *d);
/* [D] Such a piece, after chat_stream_offer(). */
void chat_driver_gather(chat_stream_t *s, const char *data, apr_size_t len);

/* [D] The multi handle for one more call, and that it is over. NULL: no memory.
 */
chat_multi_t *chat_multi_take(chat_driver_t *d);
void chat_multi_give(chat_multi_t *m);
/* [D] curl has n running now, so it may keep so many connections. */
void chat_multi_running(chat_multi_t *m, int n);
/* [D] It has no calls and goes, with its connections. */
void chat_multi_close(chat_multi_t *m);
/* [D] Streams whose transfer in it has ended are told so. (chat_xfer.c) */
void chat_multi_reap(chat_multi_t *m);

/* [D] NULL: no memory. */
CURL *chat_easy_take(chat_driver_t *d);
void chat_easy_give(chat_driver_t *d, CURL *easy);

/* ---- kept connections to upstreams (chat_idle.c) ---- */

/* [main thread] Not APR_SUCCESS: no connection will be kept. */
apr_status_t chat_idle_child_init(void);
/* [D] s is about to send its request on that connection. CHAT_FIT: it has it
 * until chat_idle_give(). Otherwise the transfer must be broken off. */
chat_fit_e chat_idle_take(chat_stream_t *s, const char *theirs, int their_port,
                          int our_port);
/* [D] The transfer of s is over: if its connection was kept, it is nobody's.
 * Idempotent. */
void chat_idle_give(chat_stream_t *s);
/* [D] Some connections of idle_fd are readable: close them. */
void chat_idle_sweep(chat_driver_t *d);
/* [D] The head of the answer is over: from now on bytes that are too many have
 * the connection closed. */
void chat_idle_listen(CURL *easy);
/* [D] curl closes a connection. Its local port if the upstream is still there
 * and may have got a request, or 0. */
int chat_idle_closed(chat_multi_t *m, int fd);

/* ---- whom certificates are checked by (chat_trust.c) ---- */

/* [main thread, after curl_global_init()] Read the authorities; until pconf is
 * cleared. */
void chat_trust_global(apr_pool_t *pconf);
/* [any] For a transfer that may be over TLS. */
void chat_trust_set(CURL *easy);

/* ---- names (chat_resolver.c) ---- */

/* A line for CURLOPT_RESOLVE in p, so that no driver looks up a name. *pline
 * is NULL when there is nothing to look up (a literal address; a proxy that
 * does it). Request thread: blocks for the first look-up of a host only.
 * wait bounds it, 0 does not. Not APR_SUCCESS: *pwhy is a sentence. */
apr_status_t chat_resolver_line(const char **pline, const char *host,
                                apr_port_t port, apr_interval_time_t wait,
                                const char **pwhy, apr_pool_t *p);
/* The same of what is known by now: APR_EAGAIN when nothing is, but then it is
 * asked for. Any thread, never waits. */
apr_status_t chat_resolver_known(const char **pline, const char *host,
                                 apr_port_t port, apr_pool_t *p);

/* ---- drivers ---- */

/* Run s to its end on this thread. complete() has run on return. */
void chat_blocking_run(chat_stream_t *s);

#if CHAT_PARKING
/* One connection, from its start; the network filter's context. */
typedef struct chat_conn_t {
    chat_stream_t *stream;  /* parked here, or NULL */
    unsigned inner : 1;     /* inside our process_connection wrapper */
    unsigned streaming : 1; /* the engine writes, core must not */
    unsigned tuned : 1;     /* socket options are set */
    unsigned awaited : 1;   /* a graceful stop waits for it */
    ap_filter_t *net;       /* our filter on it */
} chat_conn_t;

chat_conn_t *chat_conn_get(conn_rec *c);

/* 1 when r's connection can be parked here; else *pwhy says what forbids. */
int chat_park_possible(request_rec *r, const char **pwhy);
/* [request thread] Get everything ready; the handler then returns SUSPENDED.
 * Not APR_SUCCESS: out of descriptors, or the client is gone. */
apr_status_t chat_park(chat_stream_t *s);
/* [main thread, engine joined] End a stream that the stop has cut. */
void chat_park_abandon(chat_stream_t *s);
void chat_park_register_hooks(apr_pool_t *p);
/* 1 when this MPM can park: then there is work for engines. */
int chat_park_child_init(void);
/* 0 when it can and no engine runs. */
int chat_park_ready(void);

void chat_netfilter_register(void);
void chat_netfilter_add(conn_rec *c, chat_conn_t *cc);
/* A driver that streams to sockets needs its buffer. */
apr_status_t chat_netfilter_open(chat_driver_t *d);
/* [D] After a callback: send what it wrote. hold: rather leave it for the
 * worker, who sends it with the end. APR_SUCCESS (maybe not all), else gone. */
apr_status_t chat_netfilter_send(chat_stream_t *s, int hold);
/* [D] Send what is pending. Result as above. */
apr_status_t chat_netfilter_drain(chat_stream_t *s);
/* [worker] What was held goes to core. */
void chat_netfilter_rest(chat_conn_t *cc, chat_stream_t *s);
void chat_out_free(chat_out_t *out);

chat_driver_t *chat_engine_driver(chat_engine_t *e);

/* The engines of this child. */
apr_status_t chat_engine_child_init(apr_pool_t *pchild, server_rec *s);
/* [any] The engine for one more stream: the one with the fewest. */
chat_engine_t *chat_engine_choose(void);
/* [any] Its line to that gate, there can be but one. NULL: no memory. */
void *chat_engine_line(chat_engine_t *e, const chat_admission_t *gate);
/* [any] The eventfd of a stream to be parked: -1 with errno when there is none.
 * Given back, it may still be kicked. */
int chat_engine_take_eventfd(chat_engine_t *e);
void chat_engine_give_eventfd(chat_engine_t *e, int fd);
/* [worker, suspend hook] Ownership passes to the engine. */
void chat_engine_adopt(chat_engine_t *e, chat_stream_t *s);
/* [worker] A parked connection woke up. 1: DONE, s is the caller's. */
int chat_engine_returned(chat_engine_t *e, chat_stream_t *s);
/* [worker] Take s back now, whatever it is doing. Waits for the engine. */
void chat_engine_recall(chat_engine_t *e, chat_stream_t *s);

/* [D] For the code that both drivers share. */
void chat_engine_curl_tie(chat_multi_t *m); /* to its driver's engine */
void chat_engine_ended(chat_engine_t *e, chat_stream_t *s);
void chat_engine_later(chat_engine_t *e, chat_stream_t *s);
void chat_engine_schedule(chat_engine_t *e, chat_stream_t *s);
void chat_engine_watch(chat_engine_t *e, chat_stream_t *s);

/* A binary heap of streams by due (chat_deadlines.c). */
typedef struct chat_deadlines_t {
    chat_stream_t **heap;
    int n, room;
} chat_deadlines_t;

int chat_deadlines_add(chat_deadlines_t *d, chat_stream_t *s);
void chat_deadlines_moved(chat_deadlines_t *d, chat_stream_t *s);
void chat_deadlines_remove(chat_deadlines_t *d, chat_stream_t *s);
#endif

#endif
