/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A circuit breaker, without the memory and the lock that it lies in. It opens
 * after some failures in a row; when its cooldown is over it is half-open, and
 * one call, the probe, shows whether it closes or opens again. Times are
 * monotonic microseconds, given by the caller. Pure: any thread that holds the
 * caller's lock.
 */
#ifndef CHAT_CIRCUIT_H
#define CHAT_CIRCUIT_H

#include <apr_time.h>

typedef enum {
    CHAT_CIRCUIT_CLOSED,   /* calls go through */
    CHAT_CIRCUIT_OPEN,     /* none does */
    CHAT_CIRCUIT_HALF_OPEN /* a probe has, and the others wait for it */
} chat_circuit_state_e;

/* What a step changed, for the log. */
typedef enum {
    CHAT_CIRCUIT_SAME,
    CHAT_CIRCUIT_OPENS,   /* closed -> open */
    CHAT_CIRCUIT_PROBES,  /* open -> half-open, or another probe goes out */
    CHAT_CIRCUIT_REOPENS, /* half-open -> open: the probe failed */
    CHAT_CIRCUIT_CLOSES   /* half-open -> closed */
} chat_circuit_change_e;

/* Zeroed: closed. */
typedef struct chat_circuit_t {
    int state;         /* chat_circuit_state_e */
    int failures;      /* in a row */
    apr_int64_t until; /* no call is allowed before, when not closed */
} chat_circuit_t;

/*
 * May a call be made? 0: *pwait is how long it may not. A probe whose result
 * is never reported (its process has died) is forgotten after the cooldown.
 */
int chat_circuit_allow(chat_circuit_t *b, apr_int64_t now,
                       apr_interval_time_t cooldown, apr_interval_time_t *pwait,
                       chat_circuit_change_e *pchange);

/*
 * The result of a call. One that was made before the breaker opened changes
 * nothing while it is open. While it is half-open such a call cannot be told
 * from the probe, and its result counts as much.
 */
chat_circuit_change_e chat_circuit_success(chat_circuit_t *b);

/* most: as many failures in a row open it, 0: any number does not. */
chat_circuit_change_e chat_circuit_failure(chat_circuit_t *b, apr_int64_t now,
                                           int most,
                                           apr_interval_time_t cooldown);

/* The probe has shown nothing: the next call may be one. */
void chat_circuit_unknown(chat_circuit_t *b, apr_int64_t now);

#endif
