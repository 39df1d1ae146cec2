/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream, its source, and what it knows of its driver.
 *
 * Threads. A stream is owned by exactly one thread at a time: the request
 * thread until it is parked, then an engine, then the worker that finishes it.
 * Ownership passes under the engine's lock (inbox, DONE), nowhere else.
 * Members and functions say who may touch them:
 *   C  constant once the stream was started
 *   D  the driver's thread: an engine, or the request thread when blocking
 *   E  the engine's thread
 *   K  under the engine's lock
 *
 * Calls go down: the sources and the drivers call the stream, which calls the
 * driver and the source by their operations, and its user by chat_stream_cb_t.
 */
#ifndef CHAT_STREAM_INT_H
#define CHAT_STREAM_INT_H

#include <sys/queue.h>

#include <httpd.h>

#include "chat_stream.h"

/* Monotonic microseconds; 0 means "not set". */
typedef apr_int64_t chat_mono_t;

#define CHAT_MONO_NEVER APR_INT64_MAX

/* Seconds that a client is told to stay away when all places are reserved. */
#define CHAT_BUSY_RETRY "2"

/* ---- counters (chat_counters.c): shared by the children of a server ---- */

typedef enum {
    CHAT_COUNT_LIVE, /* gauges */
    CHAT_COUNT_QUEUED,
    CHAT_COUNT_PARKED,
    CHAT_COUNT_FDS,     /* that engines watch */
    CHAT_COUNT_STARTED, /* ever */
    CHAT_COUNT_DONE,
    CHAT_COUNT_CANCELLED,
    CHAT_COUNT_STALLED,
    CHAT_COUNT_UPSTREAM,
    CHAT_COUNT_TIMEOUT,
    CHAT_COUNT_SHUTDOWN,
    CHAT_COUNT_REFUSED,
    CHAT_COUNT_FILTERED, /* an output filter kept it from being parked */
    CHAT_COUNT_BYTES,
    CHAT_COUNT_MAX
} chat_count_id_e;

/* Any thread of a child. */
void chat_counters_add(chat_count_id_e what, apr_int64_t n);
/* Reserve one of the child's places: 1, or 0 when max are reserved. */
int chat_counters_admit(int max);
/* 1 when fewer than max are reserved. */
int chat_counters_has_place(int max);
/* Summed over all children, those that are gone as well. */
void chat_counters_sum(apr_int64_t sum[CHAT_COUNT_MAX]);
apr_status_t chat_counters_post_config(server_rec *s);
void chat_counters_child_init(server_rec *s);
void chat_counters_register_hooks(void);

/* ---- the driver of a stream ---- */

/* What a driver that does not block does in its own time. All D. */
typedef struct chat_driver_ops_t {
    /* A callback is over: send what it wrote. hold: rather keep it for the
     * worker, who sends it with the end. APR_SUCCESS (maybe not all was sent),
     * else the client is gone. */
    apr_status_t (*send)(chat_stream_t *s, int hold);
    /* Bytes wait for the client: drain them when it can take some. */
    void (*watch_client)(chat_stream_t *s);
    /* The stream has had its share of this round: resume it in the next. */
    void (*defer)(chat_stream_t *s);
    /* chat_stream_due() may be sooner than it was. */
    void (*schedule)(chat_stream_t *s);
    /* The end is decided: release the stream when no callback is running. */
    void (*ended)(chat_stream_t *s);
    /* See chat_stream_frame(). NULL: APR_ENOTIMPL. */
    apr_status_t (*frame)(chat_stream_t *s, const char *data, apr_size_t len);
    /* The client has left, and the stream goes on: forget about the client. */
    void (*left)(chat_stream_t *s);
    /* [any thread] Have chat_stream_woken() called, soon. */
    void (*wake)(chat_stream_t *s);
} chat_driver_ops_t;

typedef struct chat_driver_t {
    const chat_driver_ops_t *ops; /* C */
    struct chat_curl_t *curl;     /* C  its transfers */
    struct chat_cork_t *cork;     /* C  bytes to send, NULL when blocking */
    chat_mono_t now;              /* of this round of its loop */
    apr_uint64_t round;
} chat_driver_t;

/* Before a driver has the stream, and after; and what that does. */
extern const chat_driver_t chat_stream_undriven;
apr_status_t chat_stream_send_nothing(chat_stream_t *s, int hold);
void chat_stream_do_nothing(chat_stream_t *s);

/* ---- where the bytes come from ---- */

typedef struct chat_source_t {
    /* All D. start may end the stream at once. */
    void (*start)(chat_stream_t *s);
    /* The client takes bytes again after chat_stream_offer() said LATER. */
    void (*resume)(chat_stream_t *s);
    /* The time call.next_at has come. NULL: it sets none. */
    void (*fire)(chat_stream_t *s);
    /* There may be more. NULL: it is never woken. */
    void (*woken)(chat_stream_t *s);
    /* 1: nothing of the call is still to be sent. NULL: there is no call. */
    int (*is_sent)(const chat_stream_t *s);
    /* Release the upstream; it can be started again. Idempotent. */
    void (*stop)(chat_stream_t *s);
} chat_source_t;

extern const chat_source_t chat_source_xfer;
extern const chat_source_t chat_source_script;
extern const chat_source_t chat_source_feed;

/* ---- one stream ---- */

typedef enum {
    CHAT_STATE_NEW,      /* the request thread's */
    CHAT_STATE_QUEUED,   /* in an engine's inbox */
    CHAT_STATE_LIVE,     /* the driver's */
    CHAT_STATE_DRAINING, /* the source has ended, the client has not all */
    CHAT_STATE_DONE      /* the driver has released it */
} chat_state_e;

typedef enum {
    CHAT_OFFER_ACCEPTED,
    CHAT_OFFER_LATER,
    CHAT_OFFER_STOP
} chat_offer_e;

/* The call that is made or waited for, and what has come of it. */
typedef struct chat_stream_call_t {
    apr_uint64_t round;      /* the driver's, in which the source */
    apr_size_t round_bytes;  /* has read so many bytes */
    chat_mono_t data_at;     /* last byte from the source */
    int begun;               /* the upstream has really answered */
    int waiting;             /* the source was told LATER */
    int last;                /* the call has ended, these are the last bytes */
    chat_mono_t at;          /* when the call was made */
    chat_mono_t again_at;    /* when it is to be made, 0: it was */
    const chat_call_t *spec; /* NULL: a script, or a feed */
    chat_mono_t next_at;     /* when the script goes on, or the feed is read
                                again; 0 never */
} chat_stream_call_t;

/* Bytes that the client has not taken yet (chat_netfilter.c). */
typedef struct chat_out_t {
    char *data;     /* malloc'ed while there is something */
    apr_size_t off; /* sent of it */
    apr_size_t len; /* unsent, from off */
    apr_size_t capacity;
} chat_out_t;

/* By which an answer goes to its client. */
typedef enum {
    CHAT_WAY_UNKNOWN, /* its head was not sent yet */
    CHAT_WAY_FILTERS,
    CHAT_WAY_PAST /* past filters that do nothing to a body but to chunk it */
} chat_way_e;

typedef struct chat_stream_client_t {
    chat_out_t out;
    chat_way_e way;
    struct ap_filter_t *tls; /* mod_ssl's, which that way ends at; NULL: none */
    apr_off_t passed;        /* bytes of the body that no filter has counted */
    int held;                /* out is not sent but left for the worker */
    int fd;                  /* C  -1 when unknown (HTTP/2) */
    chat_mono_t write_at;    /* last attempt to write */
    chat_mono_t progress_at; /* last byte that the client took */
    apr_off_t sent;          /* bytes that mod_logio has not counted */
    chat_mono_t later_at;    /* when later() is called, 0 never */
    int left;                /* it is gone, and the stream goes on */
    chat_mono_t left_at;     /* since when */
} chat_stream_client_t;

typedef struct chat_stream_admission_t {
    void *connection; /* C  of the engine; NULL: the query is not submitted */
    int pending;      /* D  the query has no answer */
    int passed;       /* D  the stream has begun */
} chat_stream_admission_t;

/* Tells the engine's epoll events apart. */
typedef enum {
    CHAT_EVENT_WAKE,
    CHAT_EVENT_UPSTREAM,
    CHAT_EVENT_LINK,
    CHAT_EVENT_CLIENT,
    CHAT_EVENT_ADMISSION,
    CHAT_EVENT_DEAD
} chat_event_e;

typedef struct chat_event_t {
    chat_event_e kind;
    int fd;
    chat_stream_t *stream;          /* of a client */
    struct chat_multi_t *multi;     /* of an upstream */
    SLIST_ENTRY(chat_event_t) dead; /* of an upstream's closed socket */
} chat_event_t;

/* What an engine notes about a stream of its own. */
typedef struct chat_stream_engine_t {
    chat_mono_t due;        /* lower bound of the next deadline */
    int heap;               /* place in the engine's heap, -1 none */
    int watched;            /* the client's fd: 0 not yet, -1 no more */
    int watches_out;        /* EPOLLOUT is on */
    int deferred;           /* on the engine's list of that name */
    int ending;             /* on the engine's list ended, or gone */
    int trimmed;            /* the connection keeps no memory for nothing */
    chat_mono_t older_at;   /* when more is done for it; 0 never */
    chat_mono_t ping_every; /* C  that the MPM must hear of it */
    chat_event_t event;     /* of the client's fd */
    TAILQ_ENTRY(chat_stream_t) deferred_link;
    TAILQ_ENTRY(chat_stream_t) ended_link;
} chat_stream_engine_t;

/* How workers and the engine hand a stream to each other. */
typedef struct chat_stream_park_t {
    struct chat_engine_t *engine;    /* C  NULL: not parked */
    int fd;                          /* C  eventfd that the MPM waits for, -1 */
    int cancelled;                   /* K  the MPM waits for DONE */
    int woken;                       /* K  on the engine's list of that name */
    TAILQ_ENTRY(chat_stream_t) link; /* K  inbox, then E  live */
    TAILQ_ENTRY(chat_stream_t) cancel_link; /* K */
    TAILQ_ENTRY(chat_stream_t) woken_link;  /* K */
} chat_stream_park_t;

/* The call beside (chat_aside.c). All D. */
typedef struct chat_aside_ops_t {
    /* Is one wanted now? It is made in a later round. */
    void (*ask)(chat_stream_t *s);
    /* When make() is to be called; CHAT_MONO_NEVER: not now. */
    chat_mono_t (*due)(const chat_stream_t *s);
    /* Make it, or tell that it is over. */
    void (*make)(chat_stream_t *s);
    /* 1: the stream goes on until the call is over, and ends then as it has
     * now. */
    int (*linger)(chat_stream_t *s);
    /* Nobody waits for it any more. Idempotent. */
    void (*stop)(chat_stream_t *s);
} chat_aside_ops_t;

extern const chat_aside_ops_t chat_aside_ops;

/* What chat_aside.c keeps of it. All D. */
typedef struct chat_stream_aside_t {
    const chat_aside_ops_t *ops; /* C */
    int blocks;      /* nothing is taken from the source before it is over */
    int wanted;      /* it is to be made, or is */
    int made;        /* it is */
    int over;        /* its transfer is, and that is still to be told */
    apr_status_t rv; /* how */
    int first;       /* the first call waits for it */
    int lingers;     /* the end waits for it: */
    chat_end_t end;
    chat_aside_t spec;
    struct chat_exchange_t *ex; /* NULL: never made one */
    chat_mono_t at;             /* when it was made */
    char *data; /* malloc'ed while one is made, capacity bytes */
    apr_size_t len, capacity;
} chat_stream_aside_t;

/* An event of the upstream's reads and writes the members down to aside, and
 * the first of that. */
struct chat_stream_t {
    request_rec *r;              /* C  the pointee is the owner's */
    conn_rec *c;                 /* C */
    const chat_driver_t *driver; /* C  once it has one */
    const chat_source_t *source; /* C */
    chat_state_e state;          /* K  once queued, see chat_stream_move() */
    int ended;                   /* D  end.why is decided */
    int cancelled;               /* atomic: chat_stream_cancel() was called */
    chat_stream_call_t call;     /* D */
    chat_stream_client_t client; /* D */
    chat_stream_spec_t spec;     /* C */
    chat_end_t end;              /* D */
    chat_mono_t started;         /* C */
    struct chat_xfer_t *xfer;    /* D  the transfer, NULL: never made one */
    chat_stream_aside_t aside;   /* D */
    chat_stream_admission_t admission;
    chat_stream_engine_t engine; /* E */
    chat_stream_park_t park;
    LIST_ENTRY(chat_stream_t) id_link; /* of those with an id */
};

/* ---- bytes and the end (chat_stream.c) ---- */

/* The one function that changes a stream's state. Impossible steps are
 * refused with an error in the log. Under the engine's lock once parked. */
void chat_stream_move(chat_stream_t *s, chat_state_e to);

/* [D] The source has so many bytes. ACCEPTED: it must give them to
 * chat_stream_deliver() before this round is over. LATER: not now, resume()
 * will be called. STOP: the stream has ended. */
chat_offer_e chat_stream_offer(chat_stream_t *s, apr_size_t len);
/* [D] What was offered, or several offers in one. ACCEPTED or STOP. */
chat_offer_e chat_stream_deliver(chat_stream_t *s, const char *data,
                                 apr_size_t len);
/* [D] Have silence() called. */
void chat_stream_heartbeat(chat_stream_t *s);
/* [D] The same of later(). */
void chat_stream_tell_later(chat_stream_t *s);

/* [D] Decide how the stream ends; the first decision holds. Not the last word
 * before chat_stream_again() was asked, with the source stopped. */
void chat_stream_end(chat_stream_t *s, chat_end_e why, const char *detail);
/* [D] The client cannot take the rest: overrules an end that was decided. */
void chat_stream_cut(chat_stream_t *s, chat_end_e why, const char *detail);
/* [D] The client has gone, or takes nothing: a stream that does not go on
 * without it is cut. */
void chat_stream_gone(chat_stream_t *s, chat_end_e why, const char *detail);
/* [D] A callback is over that may have written; its result is as for data().
 * APR_SUCCESS, or the stream has ended. */
apr_status_t chat_stream_written(chat_stream_t *s, apr_status_t rv);
/* [D] Somebody called chat_stream_wake(), or chat_stream_cancel(). */
void chat_stream_woken(chat_stream_t *s);
/* [any thread] */
int chat_stream_is_cancelled(const chat_stream_t *s);
/* [the last owner] complete(), counters. */
void chat_stream_complete(chat_stream_t *s);

/* The server stops and does not wait for streams: it begins to, and has it? */
void chat_stream_stop(void);
int chat_stream_stopping(void);

/* ---- calls, one after another (chat_stream_call.c) ---- */

/* [D] The driver has the stream, and it is admitted: the first call, or the
 * script. May end the stream at once. */
void chat_stream_begin(chat_stream_t *s);
/* [D] The stream has ended, its source is stopped, and no callback of either
 * is running. 1: no, it goes on with one more call. */
int chat_stream_again(chat_stream_t *s);
/* [D] The earliest time at which chat_stream_check() has something to do. */
chat_mono_t chat_stream_due(const chat_stream_t *s);
/* [D] Act on what is due: time-outs, heartbeat, script, one more call. */
void chat_stream_check(chat_stream_t *s, chat_mono_t now);

/* [D] The first call, once what it has waited for is over. */
void chat_stream_begin_call(chat_stream_t *s);

/* ---- admission (chat_stream_admission.c) ---- */

/* [request thread] Submit the query and wait. 1: go on; 0: the stream has
 * ended. */
int chat_stream_admission_wait(chat_stream_t *s);
/* [request thread] An engine with that connection will submit the query, unless
 * the answer is known by now. Result as above. */
int chat_stream_admission_prepare(chat_stream_t *s, void *connection);
/* [request thread, or D] The answer is GRANTED. */
void chat_stream_admission_granted(chat_stream_t *s);

/* ---- streams by their ids (chat_stream_ids.c) ---- */

/* [request thread] It has its driver, and may be cancelled from now on. */
void chat_stream_ids_add(chat_stream_t *s);
/* [the owner] It may not any more. Idempotent. */
void chat_stream_ids_remove(chat_stream_t *s);

/* ---- clients that leave (chat_leave.c) ---- */

/* [request thread] What s writes is dropped once its client has left, and
 * writing that fails is leaving. */
void chat_leave_add(chat_stream_t *s);
void chat_leave_register(void);

/* ---- names (chat_resolver.c) ---- */

/* A line for CURLOPT_RESOLVE in p, so that no driver looks up a name. *pline
 * is NULL when there is nothing to look up (a literal address; a proxy that
 * does it). Request thread: blocks for the first look-up of a host only.
 * wait bounds it, 0 does not. Not APR_SUCCESS: *pwhy is a sentence. */
apr_status_t chat_resolver_line(const char **pline, const char *host,
                                apr_port_t port, apr_interval_time_t wait,
                                const char **pwhy, apr_pool_t *p);
/* 1: there is a proxy for calls, or for some of them. Any thread. */
int chat_resolver_proxy(void);
/* The same of what is known by now: APR_EAGAIN when nothing is, but then it is
 * looked up from now on. Any thread, never waits. */
apr_status_t chat_resolver_known(const char **pline, const char *host,
                                 apr_port_t port, apr_pool_t *p);

/* ---- the blocking driver (chat_blocking.c) ---- */

/* Run s to its end on this thread. complete() has run on return. */
void chat_blocking_run(chat_stream_t *s);

#endif
