/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transfers: what carries a call, by libcurl. A driver has its own handles, and
 * none is ever shared between threads. All of it is the driver's thread's (D).
 */
#ifndef CHAT_XFER_INT_H
#define CHAT_XFER_INT_H

#include <sys/queue.h>

#include <curl/curl.h>

#include "chat_stream_int.h"

typedef struct chat_curl_t chat_curl_t;
typedef struct chat_multi_t chat_multi_t;
typedef struct chat_link_t chat_link_t;

/* What a connection is when a request is about to be sent on it. */
typedef enum {
    CHAT_FIT,
    CHAT_FIT_STALE, /* it was kept, and is not to be used again */
    CHAT_FIT_EARLY  /* a new one, but the upstream has spoken already */
} chat_fit_e;

/* The transfer of a call: of a stream's own, or of the one beside it. curl
 * knows it as CURLOPT_PRIVATE. */
typedef struct chat_xfer_t {
    chat_stream_t *stream;
    const chat_call_t *call;
    int harmless; /* 1: what was asked may be asked twice */
    CURL *easy;
    chat_multi_t *multi; /* that has easy, or NULL */
    struct curl_slist *headers;
    struct curl_slist *hosts;
    struct curl_slist *guard; /* chat_stream_guard_set() */
    apr_table_t *head;        /* the upstream's headers while they come */
    int head_done;
    apr_size_t trailers; /* bytes of headers that came after the answer */
    int fd;              /* the socket that curl has opened last, or -1 */
    chat_link_t *link;   /* the connection that has the request, or NULL */
    chat_fit_e fit;      /* of the connection that was looked at last */
    int posted;       /* times that curl sent, or wanted to send, the request */
    int port;         /* ours, of the connection that got it last */
    unsigned nclosed; /* the driver's at that time */
} chat_xfer_t;

/* In r->pool: one for all calls of its kind of the stream. */
chat_xfer_t *chat_xfer_create(chat_stream_t *s);
/* All of a call but who gets what: x has its handles and options then, but is
 * in no multi handle yet. 0: no memory. */
int chat_xfer_prepare(chat_xfer_t *x, const chat_call_t *call);
/* 1: curl has it. */
int chat_xfer_run(chat_xfer_t *x);
/* It has none of that any more. Idempotent. */
void chat_xfer_release(chat_xfer_t *x);

/* Streams whose transfer in m has ended are told so. */
void chat_xfer_reap(chat_multi_t *m);

/* This transfer cannot go on; its stream is told so. Also in curl's callbacks.
 */
void chat_xfer_lost(CURL *easy, const char *detail);

/* ---- what a driver keeps of curl (chat_curl.c) ---- */

#define CHAT_CLOSED_KEPT 64

typedef void chat_curl_opened_fn(chat_multi_t *m);

struct chat_curl_t {
    const chat_driver_t *driver; /* C */
    chat_curl_opened_fn *opened; /* C  called with each multi handle, or NULL */
    void *owner;                 /* C  the engine, NULL when blocking */
    chat_multi_t **multis;       /* a blocking driver has one */
    int nmultis;
    chat_mono_t due; /* not after that of any of them */
    CURL *spare[64]; /* easy handles to use again */
    int nspare;
    CURLSH *share;            /* TLS sessions with upstreams */
    int idle_fd;              /* an engine's: epoll set of idle connections */
    chat_stream_t *gathering; /* the stream whose bytes are in gather */
    apr_size_t gathered;
    char *gather;
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

/* [before it has a thread] owner: the engine that the driver is of, which is
 * told of each multi handle by opened(); both NULL when it blocks. */
apr_status_t chat_curl_init(chat_curl_t *c, const chat_driver_t *driver,
                            void *owner, chat_curl_opened_fn *opened);
/* No call is running. */
void chat_curl_destroy(chat_curl_t *c);
/* After each call of curl's that may have read: curl gives bytes in small
 * pieces, and each that is passed on costs a packet. */
void chat_curl_flush(chat_curl_t *c);
/* Such a piece, after chat_stream_offer(). */
void chat_curl_gather(chat_stream_t *s, const char *data, apr_size_t len);
/* An easy handle, NULL: no memory. */
CURL *chat_curl_acquire(chat_curl_t *c);
void chat_curl_release(chat_curl_t *c, CURL *easy);

/* ---- multi handles (chat_multi.c) ---- */

/* A multi handle, and some of a driver's calls. */
struct chat_multi_t {
    CURLM *handle;
    chat_curl_t *curl;
    int calls;           /* in it */
    int running;         /* of them, by curl, when it was last asked */
    chat_mono_t left_at; /* when the last one was taken out */
    chat_mono_t due;     /* when curl wants a call, CHAT_MONO_NEVER */
    LIST_HEAD(, chat_link_t) links; /* connections that got a request */
};

/* One more. NULL: no memory. */
chat_multi_t *chat_multi_add(chat_curl_t *c);
/* The multi handle for one more call, and that the call is over. NULL: no
 * memory. */
chat_multi_t *chat_multi_acquire(chat_curl_t *c);
void chat_multi_release(chat_multi_t *m);
/* curl has n running now, so it may keep so many connections. */
void chat_multi_running(chat_multi_t *m, int n);
/* It has no calls and goes, with its connections. */
void chat_multi_close(chat_multi_t *m);

/* ---- kept connections to upstreams (chat_idle.c) ---- */

/* [main thread] Not APR_SUCCESS: no connection will be kept. */
apr_status_t chat_idle_child_init(void);
/* The request of x is about to be sent on that connection. CHAT_FIT: it has the
 * connection until chat_idle_release(). Otherwise the transfer must be broken
 * off. */
chat_fit_e chat_idle_acquire(chat_xfer_t *x, const char *theirs, int their_port,
                             int our_port);
/* The transfer is over: its connection, if it was kept, is nobody's.
 * Idempotent. */
void chat_idle_release(chat_xfer_t *x);
/* Some connections of idle_fd are readable: close them. */
void chat_idle_sweep(chat_curl_t *c);
/* The head of the answer is over: from now on bytes that are too many have the
 * connection closed. */
void chat_idle_listen(CURL *easy);
/* curl closes a connection. Its local port if the upstream is still there and
 * may have got a request, or 0. */
int chat_idle_closed(chat_multi_t *m, int fd);

/* ---- curl's memory (chat_memory.c) ---- */

/* [post_config] clean 1: what curl frees is overwritten, or a warning says that
 * it cannot be. */
void chat_memory_init(int clean, server_rec *s, apr_pool_t *pconf);

/* ---- addresses that users name (chat_stream_guard.c) ---- */

/* The options of such a call, in place of others; what is returned is freed
 * after the transfer. NULL: it is no such call. */
struct curl_slist *chat_stream_guard_set(CURL *easy, const chat_call_t *call);
/* Overwrite lines that hold a secret; they are empty then. */
void chat_stream_guard_wipe(struct curl_slist *lines);

/* ---- whom certificates are checked by (chat_trust.c) ---- */

/* [main thread, after curl_global_init()] Read the authorities; until pconf is
 * cleared. */
void chat_trust_global(apr_pool_t *pconf);
/* [any] For a transfer that may be over TLS. */
void chat_trust_set(CURL *easy);

#endif
