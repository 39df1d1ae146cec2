/* SPDX-License-Identifier: Apache-2.0 */
/* What the mock LLM has seen, for GET /_stats. */
#ifndef TOOLS_MOCK_STATS_H
#define TOOLS_MOCK_STATS_H

#include "buf.h"
#include "tally.h"

typedef struct mock_close_t {
    int64_t seed;
    int64_t ns; /* CLOCK_MONOTONIC when the peer's close was seen */
    int events; /* sent to it before; -1: not even the head */
} mock_close_t;

typedef struct mock_stats_t {
    int connections, open, open_max; /* now, now, highest */
    int64_t accepted, resumed, requests, done, bad, trapped, events;
    mock_close_t *closes; /* streams that the peer closed, in order */
    size_t nclosed, cap;
    tally_t paths; /* calls, by the path as it came */
    tally_t keys;  /* ... by the end of the key, MOCK_KEY_END bytes; "-" */
    tally_t calls; /* ... by "seed path key" */
    tally_t tries; /* ... by "seed path", of those with times= */
} mock_stats_t;

#define MOCK_KEY_END 8

/* A call to a model; key may be "". */
void mock_stats_called(mock_stats_t *s, int64_t seed, const char *path,
                       const char *key);
/* How often this was called with that seed before; counts. */
int64_t mock_stats_tried(mock_stats_t *s, int64_t seed, const char *path);

void mock_stats_opened(mock_stats_t *s);
void mock_stats_closed_by_peer(mock_stats_t *s, int64_t seed, int events);
void mock_stats_json(buf_t *out, const mock_stats_t *s);
/* {"seed path key":calls,...} */
void mock_stats_calls_json(buf_t *out, const mock_stats_t *s);
/* Forget all but what is open now. */
void mock_stats_reset(mock_stats_t *s);
void mock_stats_free(mock_stats_t *s);

#endif
