/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taps: what wants to know of every answer, without being in its way; but for
 * those with filter(), through which an answer passes. A tap is one file and
 * one line in chat_run_tap_list.h; the order of the lines is the order of the
 * calls. A run to which no tap with delta() or progress() is mounted pays
 * nothing for them.
 *
 * begin() and end() have a thread that may wait: a database is asked there and
 * nowhere else. The others run on the stream's driver, mostly an engine that
 * carries thousands of streams, and never block.
 */
#ifndef CHAT_RUN_TAP_H
#define CHAT_RUN_TAP_H

#include "chat_delta.h"
#include "chat_err.h"
#include "chat_sse.h"
#include "chat_types.h"

struct chat_run_t;

/* Why a tap ended an answer that the upstream had not finished. */
typedef struct chat_cut_t {
    int status;              /* for a client that has not got any byte */
    chat_cause_e cause;      /* of chat_err.h */
    const char *code;        /* stable word for programs */
    const char *message;     /* a sentence for people */
    chat_outcome_e outcome;  /* what it is in the log */
    const char *detail;      /* why, in the log */
    const char *category;    /* of moderation, for the client; or NULL */
    const char *reason;      /* the same */
    const char *retry_after; /* value for Retry-After, or NULL */
    int filter;              /* 1: what follows what the client has is what it
                                must not see */
} chat_cut_t;

typedef struct chat_tap_t {
    const char *name;

    /* 1: begin() waits for a database or a cache. The limits are asked before
     * it then, by the request's thread: who is refused costs no look-up. */
    int blocks;

    /* [request thread] Is it mounted to this run, whose request has been read?
     * NULL: to every one. */
    int (*wanted)(const struct chat_run_t *run);

    /* [request thread] Before the first call. What it leaves in *pstate comes
     * back in the following; NULL means that none of them but end() is called.
     * It may change the turn. Fails: the request is refused as err says. NULL:
     * nothing to do. */
    apr_status_t (*begin)(void **pstate, struct chat_run_t *run,
                          chat_err_t *err);

    /* [request thread, then the driver] A call begins: what came of the one
     * before is void. NULL: nothing to do. */
    void (*restart)(void *state);

    /* [driver] A piece of the answer on its way to delta() of all taps and to
     * the client, valid during the call. What of it may go on, as it is or
     * changed, goes by chat_run_tap_pass(), now or in any later call on the
     * driver; the rest is held. Where the upstream's bytes pass unchanged these
     * are the strings of its events (kind TEXT, index telling which are to be
     * joined), what goes on goes nowhere, and holds() counts. NULL: all of it
     * goes on. */
    void (*filter)(void *state, const chat_delta_t *delta);

    /* [driver, or as end()] No piece follows in this call: what is held goes
     * on, or progress() says why not. NULL: nothing is held. */
    void (*flush)(void *state);

    /* [driver] 1: the pieces so far end with one that nobody may see yet. Asked
     * where bytes pass unchanged: they wait. NULL: never. */
    int (*holds)(void *state);

    /* [driver] A piece of the answer, valid during the call. Not called where
     * the upstream's bytes pass unchanged. NULL: nothing to do. */
    void (*delta)(void *state, const chat_delta_t *delta);

    /* [driver] More of the answer has been seen, in whatever form it passes:
     * NULL to go on, else why it ends here. NULL: nothing to do. */
    const chat_cut_t *(*progress)(void *state);

    /* [driver] An event of an app whose bytes pass unchanged, before the client
     * has it: only of a run that is kept. NULL: nothing to do. */
    void (*event)(void *state, const chat_sse_event_t *event);

    /* [driver, or as end()] Bytes of the stream in the form of the route, cut
     * anywhere, before the client has them: only of a run that is kept. Those
     * of an app may have a key in them. NULL: nothing to do. */
    void (*bytes)(void *state, const char *data, apr_size_t len);

    /* [driver, or as end()] Whole events on their way to the client, with the
     * ids first..last: only of a run that is kept and whose events have ids.
     * Before the client gets them. NULL: nothing to do. */
    void (*sent)(void *state, apr_int64_t first, apr_int64_t last,
                 const char *bytes, apr_size_t len);

    /* [a worker, or the request's thread] Once for every run, before the client
     * learns how it ended; state is NULL where begin() left none or was not
     * reached. run->record is complete. NULL: nothing to do. */
    void (*end)(struct chat_run_t *run, void *state);

    /* [the same thread] After end(): the client has been told all, or is gone.
     * Only with a state. NULL: nothing to do. */
    void (*over)(struct chat_run_t *run, void *state);
} chat_tap_t;

#define CHAT_TAP(id) extern const chat_tap_t chat_run_##id;
#include "chat_run_tap_list.h"
#undef CHAT_TAP

enum {
#define CHAT_TAP(id) CHAT_TAP_##id,
#include "chat_run_tap_list.h"
#undef CHAT_TAP
    CHAT_TAP_COUNT
};

/* ---- called by the run: all taps that are mounted, in their order ---- */

/* [request thread] 1 when one of them blocks. */
int chat_run_tap_blocks(const struct chat_run_t *run);
/* [request thread] Stops at the first that fails. */
apr_status_t chat_run_tap_begin(struct chat_run_t *run, chat_err_t *err);
void chat_run_tap_restart(struct chat_run_t *run);
/* A piece of the answer has come: through those with filter(), to delta() of
 * all and to the client. */
void chat_run_tap_filter(struct chat_run_t *run, const chat_delta_t *delta);
/* [the tap] From that one with filter() on; tap is its CHAT_TAP_ number. */
void chat_run_tap_pass(struct chat_run_t *run, int tap,
                       const chat_delta_t *delta);
/* The answer of this call has ended. */
void chat_run_tap_flush(struct chat_run_t *run);
/* 1: one of the first ntaps holds what has been seen. */
int chat_run_tap_holds(struct chat_run_t *run, int ntaps);
/* The first that wants the answer to end says why; NULL: none does. */
const chat_cut_t *chat_run_tap_progress(struct chat_run_t *run);
void chat_run_tap_sent(struct chat_run_t *run, apr_int64_t first,
                       apr_int64_t last, const char *bytes, apr_size_t len);
void chat_run_tap_event(struct chat_run_t *run, const chat_sse_event_t *event);
void chat_run_tap_bytes(struct chat_run_t *run, const char *data,
                        apr_size_t len);
void chat_run_tap_end(struct chat_run_t *run);
void chat_run_tap_over(struct chat_run_t *run);

#endif
