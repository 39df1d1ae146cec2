/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transfers: what carries a call. libcurl connects, with names, proxies, TLS
 * and certificates, and hands over bytes (CURLOPT_CONNECT_ONLY); HTTP/1.1 is
 * spoken here. A driver has its own handles and connections, and none is ever
 * shared between threads. All of it is the driver's thread's (D).
 */
#ifndef CHAT_XFER_INT_H
#define CHAT_XFER_INT_H

#include <sys/queue.h>

#include <curl/curl.h>

#include "chat_http1.h"
#include "chat_stream_int.h"

typedef struct chat_curl_t chat_curl_t;
typedef struct chat_multi_t chat_multi_t;
typedef struct chat_link_t chat_link_t;

/* ---- easy handles at work (chat_easy.c) ---- */

/* An easy handle at work: it connects for a link. curl knows it as
 * CURLOPT_PRIVATE. */
typedef struct chat_easy_t {
    CURL *handle;
    chat_multi_t *multi;
    struct curl_slist *hosts, *guard;
    void *owner; /* C */
    /* It is over: rc says how, or with an error why does where that is not
     * NULL. Also in curl's callbacks, then with an error. */
    void (*over)(void *owner, CURLcode rc, const char *why);
} chat_easy_t;

/* All that a call needs of a connection: owner and over are set, no other
 * member is. 0: no memory, and there is nothing to close. */
int chat_easy_open(chat_easy_t *easy, chat_curl_t *c, const chat_call_t *call);
/* 1: curl has it, and over() will be called. */
int chat_easy_run(chat_easy_t *easy);
/* Its connection goes as well. Idempotent. Not in curl's callbacks. */
void chat_easy_close(chat_easy_t *easy);

/* ---- a request and its answer (chat_exchange.c) ---- */

typedef struct chat_exchange_t {
    chat_link_t *link; /* NULL: there is none */
    const chat_call_t *call;
    apr_size_t size; /* of the request and the rest of the body */
    apr_size_t sent; /* of that */
    int unsendable;  /* the upstream takes no more of it */
    int again;       /* it is sent for the second time */
    chat_http1_t answer;
    char *request; /* malloc'ed: its head, and the beginning of its body */
    apr_size_t request_len;
    apr_size_t request_body; /* bytes of the body that are in it */
} chat_exchange_t;

/* It has no link yet. 0: no memory, or what no request may hold. */
int chat_exchange_begin(chat_exchange_t *x, const chat_call_t *call,
                        const chat_http1_cb_t *cb);
/* What the link takes of the request. */
void chat_exchange_send(chat_exchange_t *x);
int chat_exchange_is_sent(const chat_exchange_t *x);
int chat_exchange_is_sending(const chat_exchange_t *x);
/* A connection that was kept is over before a byte of an answer, and this is
 * the first try. */
int chat_exchange_is_unheard(const chat_exchange_t *x);
/* Its link is kept for others, or closed. Idempotent. */
void chat_exchange_stop(chat_exchange_t *x);

/* ---- the transfer of a stream's call (chat_xfer.c) ---- */

typedef struct chat_xfer_t {
    chat_exchange_t ex;
    apr_table_t *head;  /* the upstream's; NULL: it was told */
    chat_http1_cb_t cb; /* C */
} chat_xfer_t;

/* ---- requests (chat_xfer_request.c) ---- */

/* The request of a call, of which at most so much is copied. 0: no memory, or
 * what no request may hold. *pbody: bytes of the body that are in it. */
int chat_xfer_request_make(char **prequest, apr_size_t *plen, apr_size_t *pbody,
                           const chat_call_t *call);
/* Where the connections to the host of a URL are the same: its scheme, host and
 * port. */
apr_size_t chat_xfer_request_origin(const char *url);

/* ---- connections to upstreams (chat_link.c) ---- */

/* What its stream is told of a connection. */
typedef struct chat_link_ops_t {
    void (*connected)(chat_stream_t *s); /* a new one is there */
    /* It is not, or cannot be used. Also in curl's callbacks. */
    void (*lost)(chat_stream_t *s, CURLcode rc, const char *detail);
    /* It can be read, written, or is broken. */
    void (*ready)(chat_stream_t *s, uint32_t events);
} chat_link_ops_t;

/* An event of its socket reads the members down to ops. */
struct chat_link_t {
    chat_event_t event;  /* first; of its socket, once it is connected */
    chat_stream_t *user; /* NULL: it is idle */
    int plain;           /* its socket is all that there is between */
    uint32_t watched;    /* for these events, of EPOLLIN and EPOLLOUT */
    const chat_link_ops_t *ops;
    chat_curl_t *curl;  /* C */
    chat_easy_t easy;   /* has no handle once curl knows nothing of it */
    char *origin;       /* malloc'ed; NULL: it is for one call alone */
    int kept;           /* another call had it before */
    int heard;          /* curl has read something of it, with which tickets for
                           sessions came */
    int fresh;          /* over TLS, and curl reads it to its end for once */
    struct ssl_st *ssl; /* it is read without curl; NULL: it is not */
    chat_mono_t idle_at;
    TAILQ_ENTRY(chat_link_t) idle; /* the last one first */
};

/* A kept one that is fit for the request of that call, or NULL. */
chat_link_t *chat_link_reuse(chat_stream_t *s, const chat_call_t *call,
                             const chat_link_ops_t *ops);
/* A new one; the stream is told when it is connected. NULL: no memory. */
chat_link_t *chat_link_open(chat_stream_t *s, const chat_call_t *call,
                            const chat_link_ops_t *ops);
/* The call is over: keep it for others, or close it. Not in curl's callbacks.
 */
void chat_link_keep(chat_link_t *l);
void chat_link_close(chat_link_t *l);
/* An idle one has something to say: close it, unless that means nothing. */
void chat_link_stirred(chat_link_t *l);
/* Close what nobody may use any more, or all that are idle. */
void chat_link_expire(chat_curl_t *c);
void chat_link_close_idle(chat_curl_t *c);
/* Watch it for these events, of EPOLLIN and EPOLLOUT; 0: not at all. */
void chat_link_watch(chat_link_t *l, uint32_t events);
/* CURLE_AGAIN, CURLE_OK with *pn > 0, or else the upstream has closed (CURLE_OK
 * and 0) or broken it. */
CURLcode chat_link_recv(chat_link_t *l, char *data, apr_size_t len,
                        apr_size_t *pn);
CURLcode chat_link_send(chat_link_t *l, const char *data, apr_size_t len,
                        apr_size_t *pn);
/* 1: there may be more, though its socket says nothing. */
int chat_link_has_more(const chat_link_t *l);
/* 1: the upstream's side has ended it, and never got the last of what was sent.
 */
int chat_link_is_unread(const chat_link_t *l);

/* ---- what a driver keeps of curl (chat_curl.c) ---- */

/* What is read of an upstream at once: no record of TLS is longer. */
#define CHAT_READ_BYTES ((apr_size_t)16 * 1024)

/* How a driver waits for its connections. NULL in a blocking one: it looks at
 * them itself. */
typedef struct chat_curl_ops_t {
    void (*opened)(chat_multi_t *m);               /* a multi handle is new */
    int (*watch)(chat_link_t *l, uint32_t events); /* 0: it cannot */
    /* Free it, when nobody knows it. Its multi handle may be gone. */
    void (*closed)(chat_curl_t *c, chat_link_t *l);
} chat_curl_ops_t;

struct chat_curl_t {
    const chat_driver_t *driver; /* C */
    const chat_curl_ops_t *ops;  /* C */
    void *owner;                 /* C  the engine, NULL when blocking */
    chat_multi_t **multis;
    int nmultis;
    unsigned nmade;  /* of them, ever */
    chat_mono_t due; /* not after that of any of them, or of an idle link */
    CURL *spare[64]; /* easy handles to use again */
    int nspare;
    CURLSH *share; /* TLS sessions with upstreams */
    TAILQ_HEAD(chat_idle_t, chat_link_t) idle;
    int nidle;
    char *in; /* what was read last, with room to frame it */
};

/* A connection that was idle for longer is not used again: servers close theirs
 * after a minute or so, and a request must not meet that. */
#define CHAT_IDLE_SECONDS 30

/* [before it has a thread] owner: the engine that the driver is of, or NULL. */
apr_status_t chat_curl_init(chat_curl_t *c, const chat_driver_t *driver,
                            void *owner, const chat_curl_ops_t *ops);
/* No call is running, and no connection is idle. */
void chat_curl_destroy(chat_curl_t *c);
/* An easy handle, NULL: no memory. */
CURL *chat_curl_acquire(chat_curl_t *c);
void chat_curl_release(chat_curl_t *c, CURL *easy);

/* ---- multi handles (chat_multi.c) ---- */

/* A multi handle, and some of a driver's connections. */
struct chat_multi_t {
    CURLM *handle;
    chat_curl_t *curl;
    int links;       /* in it */
    unsigned serial; /* those that are made later have a higher one */
    chat_mono_t due; /* when curl wants a call, CHAT_MONO_NEVER */
};

/* Connections of one at most. */
#define CHAT_MULTI_LINKS_MAX 32

/* One more. NULL: no memory. */
chat_multi_t *chat_multi_add(chat_curl_t *c);
/* The multi handle for one more connection, and that it is closed. NULL: no
 * memory. */
chat_multi_t *chat_multi_acquire(chat_curl_t *c);
void chat_multi_release(chat_multi_t *m);
/* Those of its handles that are over are told so. It may be gone then. */
void chat_multi_reap(chat_multi_t *m);
/* It has no connections and goes. */
void chat_multi_close(chat_multi_t *m);

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
