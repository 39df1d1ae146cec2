/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transport: bytes from a source (an upstream call, a script on a clock, or
 * what somebody else writes) come up through callbacks; what those write goes
 * down r->output_filters to the client. Knows no provider, no JSON, no SSE.
 *
 * Two drivers behind one contract. On the event MPM an HTTP/1.1 connection is
 * parked: an engine thread carries the stream and no worker is held. Elsewhere
 * the request's own thread drives the same callbacks and blocks.
 *
 * The life of a stream: start -> [admitted ->] head -> data ... -> complete.
 * complete runs exactly once for every stream that was started, whatever
 * happened: end, error, time-out, client gone, the MPM closing the connection,
 * shutdown, a cancel from elsewhere.
 */
#ifndef CHAT_STREAM_H
#define CHAT_STREAM_H

#include <httpd.h>

#include "chat_err.h"
#include "chat_admission.h"
#include "chat_types.h"

typedef struct chat_stream_t chat_stream_t;

/*
 * A short call beside those of a stream, by the same driver: somebody else is
 * asked what to make of it. A POST whose call lives until it is over; of its
 * time-outs connect counts, and total, from when it is made. It follows no
 * redirect.
 */
typedef struct chat_aside_t {
    const chat_call_t *call; /* its host resolved */
    apr_size_t most;         /* bytes of an answer */
} chat_aside_t;

/* What came of it. */
typedef struct chat_aside_end_t {
    apr_status_t rv;  /* APR_SUCCESS: an answer, whatever its status is. Else
                         there is none: APR_TIMEUP, APR_ENOSPC (more than
                         most), APR_EGENERAL */
    int status;       /* 0: none came */
    const char *data; /* the body, NUL-terminated, len bytes: valid during the
                         call */
    apr_size_t len;
} chat_aside_end_t;

typedef struct chat_stream_cb_t {
    /* [driver thread, or the request's] The call is admitted and follows.
     * Never without an admission. */
    void (*admitted)(void *ctx);

    /*
     * [driver thread] The upstream answered; headers are its own, lower-case
     * names, valid during the call. Not called for a script. The body follows
     * through data() in any case.
     */
    void (*head)(void *ctx, int status, const apr_table_t *headers);

    /* [driver thread] Bytes, cut anywhere. APR_SUCCESS to go on. APR_INCOMPLETE
     * as well, but "first" does not end with these: the upstream only said that
     * it is alive. APR_EAGAIN: go on, but not before the call aside is over.
     * APR_EOF: end the call here (CHAT_END_STOPPED). Anything else: writing
     * failed, the client is gone. */
    apr_status_t (*data)(void *ctx, const char *data, apr_size_t len);

    /* [driver thread] data() will be called in a moment: what it reads may be
     * fetched into the cache. Nothing else. NULL: nothing is. */
    void (*ahead)(const void *ctx);

    /* [driver thread] Nothing was written for the heartbeat time, or, with
     * early, nothing at all yet. Result as for data(). */
    apr_status_t (*silence)(void *ctx);

    /* [driver thread] The time that chat_stream_later() was told has passed.
     * Result as for data(). NULL: it is never called. */
    apr_status_t (*later)(void *ctx);

    /*
     * [driver thread] The call has ended as end says, and with it the stream
     * would: by itself, by a time-out, or because data() said APR_EOF. 1:
     * *pcall is made after *pwait instead; head() and data() follow again, and
     * "first" runs again from then, but "total" does not. It may be the call
     * that just ended. 0: it is over. NULL: never. Not asked when the client
     * has gone, the server stops or the total time is up; while it waits, all
     * of these still end the stream. 1 with a NULL in *pcall: it is asked once
     * more, with the same end, when the call aside is over that is made now, or
     * has been.
     */
    int (*again)(void *ctx, const chat_end_t *end, const chat_call_t **pcall,
                 apr_interval_time_t *pwait);

    /* [driver thread] The call is being answered, and the upstream has taken
     * all of it: what it points to is needed only if again() asks for it once
     * more. At most once for each call, after data(). NULL: never. */
    void (*taken)(void *ctx);

    /* [driver thread] Asked before the first call, after every data() and
     * aside(), and by an again() without a call, while there is none: 1 to make
     * *aside. The first call waits for one that is asked for before it, where
     * the spec says so. NULL: never. */
    int (*ask)(void *ctx, chat_aside_t *aside);
    /* [driver thread] It is over. Result as for data(). Not called when the
     * stream ends before. */
    apr_status_t (*answered)(void *ctx, const chat_aside_end_t *end);

    /* [as complete, just before it] The source ended by itself: was that an
     * answer, or did the upstream fail (1)? For the counters; NULL: never. */
    int (*failed)(void *ctx);

    /* [a worker, or the main thread at shutdown] The stream is over and r is
     * the caller's alone again. Settle, answer if nothing was sent yet, log.
     * At CHAT_END_SHUTDOWN nothing may be written. */
    void (*complete)(void *ctx, const chat_end_t *end);
} chat_stream_cb_t;

/* A source that needs no upstream. next() gives the bytes to send now (they
 * stay valid until it is called again) and how long to wait before the call
 * after. APR_EOF: that was all. [driver thread] */
typedef struct chat_script_t {
    apr_status_t (*next)(void *ctx, const char **pdata, apr_size_t *plen,
                         apr_interval_time_t *pdelay);
    void *ctx;
} chat_script_t;

/* What read() of a feed gives at most at once. */
#define CHAT_FEED_BYTES (16 * 1024)

/* A source that somebody else writes while it is read. All [driver thread]. */
typedef struct chat_feed_t {
    /* From now on chat_stream_wake() is called whenever there may be more. */
    void (*open)(void *ctx, chat_stream_t *stream);
    /* The bytes that follow those of the call before; they stay valid until the
     * next one, of any feed. APR_INCOMPLETE: these, and there are no more by
     * now. APR_EAGAIN: there are none by now. After these two it is called when
     * woken, and after *pwait (0: only then). APR_EOF: that was all.
     * Anything else: the feed broke off. */
    apr_status_t (*read)(void *ctx, const char **pdata, apr_size_t *plen,
                         apr_interval_time_t *pwait);
    /* Once it has returned the stream is not woken any more. Idempotent, and
     * called without open() as well. */
    void (*close)(void *ctx);
    void *ctx;
} chat_feed_t;

typedef struct chat_stream_spec_t {
    /* The source is one of these three; a call has its host resolved. */
    const chat_call_t *call;
    const chat_script_t *script;
    const chat_feed_t *feed;
    /* By which chat_stream_cancel() finds it, a UUID; NULL: it does not. */
    const char *id;
    /* Whether it may start, and the query that is submitted; NULL: it may. */
    const chat_admission_t *admission;
    void *query;
    const chat_stream_cb_t *cb;
    void *ctx;
    apr_interval_time_t heartbeat; /* 0: silence() is never called */
    int early;                     /* 1: silence() is called at once */
    int asks_first; /* 1: the first call waits for the call aside that is asked
                       for before it */
    apr_interval_time_t stall; /* a client that takes nothing, 0 never */
    /* 1: when the client leaves, or stalls, the stream goes on without it:
     * callbacks as before, but for silence(); what they write is dropped. */
    int finish;
    /* At most for so long; then it ends as one whose client has gone. 0: as
     * long as its calls may take. */
    apr_interval_time_t alone;
} chat_stream_spec_t;

/*
 * Look the host of a call up, so that an engine never has to: *presolve is what
 * chat_call_t.resolve wants, or NULL when a proxy will do it. Request thread,
 * waits at most timeout; answers are remembered for a minute, and used for
 * longer while the name cannot be looked up.
 * Fails with a 502 in err.
 */
apr_status_t chat_stream_resolve(const char **presolve, request_rec *r,
                                 const char *host, apr_port_t port,
                                 apr_interval_time_t timeout, chat_err_t *err);
/* The same for a call that may never be made: nobody waits. APR_EAGAIN: it is
 * not known yet, but is being looked up from now on. Whoever owns r. */
apr_status_t chat_stream_resolved(const char **presolve, request_rec *r,
                                  const char *host, apr_port_t port);

/* The same for a host that a user has named: *pwhere is what
 * chat_call_t.guarded wants. Asked anew each time; waits as long as the system
 * does for a name server, a few at a time in a child: of more the 502 comes at
 * once. */
apr_status_t chat_stream_resolve_public(const char **pwhere, request_rec *r,
                                        const char *host, chat_err_t *err);

/*
 * Start. Everything in spec lives at least as long as r. Request thread, the
 * handler of r, body already read.
 *
 * APR_SUCCESS  *phandler is what the handler returns: SUSPENDED (parked,
 *              complete will run later) or OK (complete has run).
 * otherwise    nothing was started, err says why: 503 busy (admission limit,
 *              with Retry-After).
 */
apr_status_t chat_stream_start(int *phandler, request_rec *r,
                               const chat_stream_spec_t *spec, chat_err_t *err);

/* [in data() and silence()] Bytes of an answer to its client, past the output
 * filters of r where those do nothing to them. They go out when the callback is
 * over; what data() was given is not read by it after it was written.
 * APR_ENOTIMPL: they have to pass the filters. Else as data(). */
apr_status_t chat_stream_frame(const request_rec *r, const char *data,
                               apr_size_t len);

/* [in data()] Have later() called in so long, once, unless the stream ends
 * before: it may be later than that where the client takes nothing now. */
void chat_stream_later(const request_rec *r, apr_interval_time_t wait);

/* [any thread, between open() and close()] A feed may have more bytes. */
void chat_stream_wake(chat_stream_t *s);

/* [any thread] The stream with that id ends (CHAT_END_CANCELLED), if it is one
 * of this process and has not ended by itself by then. One that starts within
 * the next minute ends at once. */
void chat_stream_cancel(const char *id);

/* A call that no client waits for. */
typedef struct chat_fetch_t {
    const chat_call_t *call;     /* its host resolved; its time-outs do not
                                    count; without a body it is a GET */
    apr_interval_time_t timeout; /* of all of it */
    int stop_fd;        /* readable when it has to end at once; -1: never */
    const char *method; /* "HEAD", "DELETE" or "PUT"; NULL: GET, or POST with a
                           body */
    /* Of a PUT, instead of a body: so many bytes come from here, at most len at
     * a time. 0: there are no more, and the call fails if they are too few. */
    apr_off_t put_len;
    apr_size_t (*put)(void *ctx, char *data, apr_size_t len);
    const char *ca;         /* file of authorities; NULL: those of the system */
    const char *cert, *key; /* files of a certificate of our own, or NULL */
    /* A line of its head, CR LF and all; NULL: nobody wants to know. */
    void (*header)(void *ctx, const char *line, apr_size_t len);
    /* Bytes of the answer, whatever its status is. Not APR_SUCCESS: enough. */
    apr_status_t (*data)(void *ctx, const char *data, apr_size_t len);
    void *ctx;
} chat_fetch_t;

/* [a thread that may wait] Make it, and wait for its end. APR_TIMEUP, APR_EINTR
 * (it had to stop), APR_ENOSPC (data() had enough), else APR_EGENERAL: there is
 * no answer. */
apr_status_t chat_stream_fetch(int *pstatus, const chat_fetch_t *spec);

/* Numbers since the server was started, summed over its children. */
typedef struct chat_stream_stats_t {
    apr_uint64_t live, queued, parked; /* now; parked <= live */
    apr_uint64_t fds;                  /* now: sockets that engines watch */
    apr_uint64_t started, done, cancelled, stalled, upstream_errors, timeouts,
        shutdown, refused; /* streams ever, by their end */
    apr_uint64_t filtered; /* not parked, for an output filter may block */
    apr_uint64_t bytes;    /* to clients, before TLS */
} chat_stream_stats_t;

void chat_stream_stats(chat_stream_stats_t *stats);

/* 1 when this child could take one more: an engine runs where one should, and
 * there are places left. */
int chat_stream_ready(void);

/* Hooks and start-up, called by mod_chat.c. */
void chat_stream_register_hooks(apr_pool_t *p);
apr_status_t chat_stream_post_config(apr_pool_t *pconf, server_rec *s);
void chat_stream_child_init(apr_pool_t *pchild, server_rec *s);

#endif
