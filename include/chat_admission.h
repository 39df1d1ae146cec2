/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Admission: whether a stream may make its call is decided elsewhere, behind a
 * connection. A request submits its query on its own thread and waits. An
 * engine submits those of many streams on one connection: the queries of a
 * round leave in one write, and the answers are waited for like all else.
 *
 * stream/ submits and limit/ answers; neither knows the other.
 */
#ifndef CHAT_ADMISSION_H
#define CHAT_ADMISSION_H

#include <apr.h>

typedef enum {
    CHAT_ADMISSION_REFUSED,
    CHAT_ADMISSION_GRANTED,
    CHAT_ADMISSION_PENDING /* only the answer to a submitted query tells */
} chat_admission_e;

/* What a connection waits for. */
typedef struct chat_admission_poll_t {
    int fd;          /* to be readable; -1: there is none */
    int writable;    /* 1: fd is to be writable, too */
    apr_int64_t due; /* monotonic us when flush() has to be called, 0 never */
} chat_admission_poll_t;

typedef void chat_admission_decided_fn(void *waiter, chat_admission_e verdict);

typedef struct chat_admission_t {
    /* [request thread] Submit and wait: GRANTED or REFUSED. */
    chat_admission_e (*wait)(void *query);

    /* [any] A connection that one engine owns while it runs. NULL: no memory.
     */
    void *(*open)(void);
    /* [the engine's thread is gone] No waiter is called any more. */
    void (*close)(void *connection);

    /* [request thread] The query will be submitted on this connection: what
     * could block is done here. PENDING; or GRANTED or REFUSED where that is
     * known already. */
    chat_admission_e (*prepare)(void *connection, void *query);

    /* [engine] decided() is called once, with waiter, in this call or a later
     * one of these three; until then query and waiter have to stay. */
    void (*submit)(void *connection, void *query, void *waiter,
                   chat_admission_decided_fn *decided);
    /* [engine] Send what was submitted, give up what is overdue. */
    void (*flush)(void *connection);
    /* [engine] The descriptor is ready. */
    void (*on_readable)(void *connection);
    /* [engine] To be asked after each of these two. A descriptor that the
     * connection had before is closed. */
    void (*poll)(void *connection, chat_admission_poll_t *poll);
} chat_admission_t;

#endif
