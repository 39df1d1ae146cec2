/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One breaker, without the memory and the lock that it lies in: what it knows,
 * what it says, when it changes. Times are monotonic microseconds, given by
 * the caller.
 */
#ifndef CHAT_UPSTREAM_BREAKER_H
#define CHAT_UPSTREAM_BREAKER_H

#include <apr_time.h>

typedef enum {
    CHAT_BREAKER_CLOSED, /* calls go through */
    CHAT_BREAKER_OPEN,   /* none does */
    CHAT_BREAKER_TRYING  /* one has, to see */
} chat_breaker_state_e;

/* What a step changed, for the log. */
typedef enum {
    CHAT_BREAKER_SAME,
    CHAT_BREAKER_OPENS,   /* closed -> open */
    CHAT_BREAKER_TRIES,   /* open -> trying, or the next try */
    CHAT_BREAKER_REOPENS, /* trying -> open: the trial failed */
    CHAT_BREAKER_CLOSES   /* trying -> closed */
} chat_breaker_change_e;

/* Zeroed: closed. */
typedef struct chat_upstream_breaker_t {
    int state;         /* chat_breaker_state_e */
    int failures;      /* in a row */
    apr_int64_t until; /* nobody is asked before, when not closed */
} chat_upstream_breaker_t;

/*
 * May a call be made? 0: *pwait is how long not. A trial that nothing is heard
 * of (its process has died) is forgotten after the cooldown.
 */
int chat_upstream_breaker_may(chat_upstream_breaker_t *b, apr_int64_t now,
                              apr_interval_time_t cooldown,
                              apr_interval_time_t *pwait,
                              chat_breaker_change_e *pchange);

/*
 * What became of a call. One that was on its way when the breaker opened
 * changes nothing while it is open. While a trial is out it cannot be told
 * from that, and counts as much.
 */
chat_breaker_change_e chat_upstream_breaker_fine(chat_upstream_breaker_t *b);
/* most failures in a row open it, 0: any number does not. */
chat_breaker_change_e
chat_upstream_breaker_failed(chat_upstream_breaker_t *b, apr_int64_t now,
                             int most, apr_interval_time_t cooldown);
/* The trial has told nothing: the next call may be one. */
void chat_upstream_breaker_unknown(chat_upstream_breaker_t *b, apr_int64_t now);

#endif
