/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One breaker, without the memory and the lock that it lies in: what it knows,
 * what it says, when it changes. Times are monotonic microseconds, given by
 * the caller. Pure: any thread that holds the caller's lock.
 */
#ifndef CHAT_CIRCUIT_H
#define CHAT_CIRCUIT_H

#include <apr_time.h>

typedef enum {
    CHAT_CIRCUIT_CLOSED, /* calls go through */
    CHAT_CIRCUIT_OPEN,   /* none does */
    CHAT_CIRCUIT_TRYING  /* one has, to see */
} chat_circuit_state_e;

/* What a step changed, for the log. */
typedef enum {
    CHAT_CIRCUIT_SAME,
    CHAT_CIRCUIT_OPENS,   /* closed -> open */
    CHAT_CIRCUIT_TRIES,   /* open -> trying, or the next try */
    CHAT_CIRCUIT_REOPENS, /* trying -> open: the trial failed */
    CHAT_CIRCUIT_CLOSES   /* trying -> closed */
} chat_circuit_change_e;

/* Zeroed: closed. */
typedef struct chat_circuit_t {
    int state;         /* chat_circuit_state_e */
    int failures;      /* in a row */
    apr_int64_t until; /* nobody is asked before, when not closed */
} chat_circuit_t;

/*
 * May a call be made? 0: *pwait is how long not. A trial that nothing is heard
 * of (its process has died) is forgotten after the cooldown.
 */
int chat_circuit_may(chat_circuit_t *b, apr_int64_t now,
                     apr_interval_time_t cooldown, apr_interval_time_t *pwait,
                     chat_circuit_change_e *pchange);

/*
 * What became of a call. One that was on its way when the breaker opened
 * changes nothing while it is open. While a trial is out it cannot be told
 * from that, and counts as much.
 */
chat_circuit_change_e chat_circuit_fine(chat_circuit_t *b);
/* most failures in a row open it, 0: any number does not. */
chat_circuit_change_e chat_circuit_failed(chat_circuit_t *b, apr_int64_t now,
                                          int most,
                                          apr_interval_time_t cooldown);
/* The trial has told nothing: the next call may be one. */
void chat_circuit_unknown(chat_circuit_t *b, apr_int64_t now);

#endif
