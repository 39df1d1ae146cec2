/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a stream may make its call is known elsewhere, by somebody who has to
 * be asked over a connection. On its own thread a request asks and waits. An
 * engine asks for many streams at once, over one line: what they ask leaves in
 * one write, and the answers are waited for as everything else is.
 *
 * stream/ asks, limit/ is asked; neither knows the other.
 */
#ifndef CHAT_GATE_H
#define CHAT_GATE_H

#include <apr.h>

typedef enum { CHAT_GATE_SHUT, CHAT_GATE_OPEN, CHAT_GATE_ASK } chat_gate_e;

/* What a line waits for. */
typedef struct chat_gate_wants_t {
    int fd;          /* to be readable, -1: there is none */
    int room;        /* ... or writable */
    apr_int64_t due; /* monotonic us: then tell() has to be called, 0 never */
} chat_gate_wants_t;

typedef void chat_gate_answered_fn(void *asker, chat_gate_e verdict);

typedef struct chat_gate_t {
    /* [request thread] Ask and wait: OPEN or SHUT. */
    chat_gate_e (*wait)(void *question);

    /* [any] A line, of one engine for as long as that runs. NULL: no memory. */
    void *(*open)(void);
    /* [the engine's thread is gone] Nobody is answered any more. */
    void (*close)(void *line);

    /* [request thread] It will be asked on this line: what could block is done
     * here. ASK; or OPEN or SHUT where that is known already. */
    chat_gate_e (*prepare)(void *line, void *question);

    /* [engine] For who asks. answered() is called once, later, in any of these
     * three; until then question and asker have to stay. */
    void (*ask)(void *line, void *question, void *asker,
                chat_gate_answered_fn *answered);
    /* [engine] Send what was asked, give up what is overdue. */
    void (*tell)(void *line);
    /* [engine] The descriptor is ready. */
    void (*hear)(void *line);
    /* [engine] After each of these two. One that it had before is closed. */
    void (*wants)(void *line, chat_gate_wants_t *wants);
} chat_gate_t;

#endif
