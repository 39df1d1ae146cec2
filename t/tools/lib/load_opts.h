/* SPDX-License-Identifier: Apache-2.0 */
/* What sse_load was asked to do. Constant after start. */
#ifndef TOOLS_LOAD_OPTS_H
#define TOOLS_LOAD_OPTS_H

#include "buf.h"
#include "mock_text.h"

typedef enum {
    LOAD_END_CLEAN,
    LOAD_END_BROKEN,
    LOAD_END_ANY,
    LOAD_END_FAILED
} load_end_e;

typedef struct load_opts_t {
    int tls;
    char host[256]; /* an IPv4 address */
    int port;
    const char *path;
    int conns, requests, depth; /* -c, -m, -P */
    int64_t base;               /* seed of the first request */
    const char *body;           /* template */
    size_t body_len;
    buf_t headers; /* template, each line with CRLF */
    buf_t must;    /* NUL-terminated header lines to be found */
    mock_params_t params;
    int api;
    int dialect;      /* load_dialect_e */
    int status, also; /* expected; also allowed, 0: none */
    int end;          /* load_end_e */
    int comments;     /* tolerate comments between events */
    int ids;          /* events may have ids, which go up */
    int abort_events; /* -1: never */
    int abort_ms;
    int rst;
    long slow_bytes; /* -1: never */
    int slow_ms;
    int rcvbuf;
    int ramp_ms;
    int rate, poisson; /* arrivals a second, 0: no schedule */
    int seconds;
    int retry;
} load_opts_t;

/* Exits with a message when they make no sense. */
void load_opts_read(load_opts_t *o, int argc, char **argv);
void load_opts_free(load_opts_t *o);

/* The request with this seed, and what the answer to it must be. */
void load_opts_request(buf_t *out, mock_text_t *text, const load_opts_t *o,
                       int64_t seed);

#endif
