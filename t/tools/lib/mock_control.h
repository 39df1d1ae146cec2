/* SPDX-License-Identifier: Apache-2.0 */
/* The mock LLM's answers about itself: what it was asked, and how often. */
#ifndef TOOLS_MOCK_CONTROL_H
#define TOOLS_MOCK_CONTROL_H

#include "mock_request.h"
#include "mock_stats.h"

/* Requests that are remembered; of older ones without long bodies. */
#define MOCK_PAST 64
#define MOCK_PAST_BODY 65536

typedef struct mock_past_t {
    mock_request_t requests[MOCK_PAST]; /* number i is at i % MOCK_PAST */
    int64_t count;
} mock_past_t;

/* Keep what is in rq, which gets buffers to be used again. */
void mock_past_add(mock_past_t *past, mock_request_t *rq);
void mock_past_free(mock_past_t *past);

/* The body that answers a request for target; its status. 404: no body. */
int mock_control(buf_t *body, int target, mock_stats_t *stats,
                 mock_past_t *past);

#endif
