/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mock LLM's connections: requests in, answers and faults out. mock_llm.c
 * has the loop around them.
 */
#ifndef TOOLS_MOCK_CONN_H
#define TOOLS_MOCK_CONN_H

#include "mock_control.h"
#include "mock_request.h"
#include "mock_stats.h"
#include "mock_text.h"
#include "timers.h"
#include "wire.h"

typedef struct mock_conn_t mock_conn_t;

/* The mock: one of them. */
typedef struct mock_t {
    int epoll, listener;
    SSL_CTX *tls; /* NULL: plain */
    timers_t timers;
    mock_stats_t stats;
    mock_params_t defaults;
    mock_request_t rq; /* that is being read */
    mock_past_t past;
    int gates; /* how many streams with gate=1 may still end */
    mock_conn_t *conns;
    mock_conn_t *doomed; /* closed in this turn, freed at its end */
} mock_t;

extern mock_t mock;

void mock_conn_accept_all(void);
void mock_conn_event(mock_conn_t *c, unsigned events);
void mock_conn_timer(timer_slot_t *slot);
/* Free what was closed; at the end of each turn of the loop. */
void mock_conn_bury(void);
/* Close all of them. */
void mock_conn_drop_all(void);

#endif
