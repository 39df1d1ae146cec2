/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One answer, compared with what the mock must have said while it comes in.
 * Owns no socket.
 */
#ifndef TOOLS_LOAD_ANSWER_H
#define TOOLS_LOAD_ANSWER_H

#include "chunked.h"
#include "hist.h"
#include "load_opts.h"
#include "load_said.h"

typedef enum {
    ANSWER_HEAD,
    ANSWER_BODY,
    ANSWER_ENDED, /* its framing says so */
    ANSWER_WRONG  /* why says what */
} answer_e;

typedef struct load_totals_t {
    int64_t events, bytes, comments;
    hist_t first, gap, over, latency, start;
} load_totals_t;

typedef struct load_answer_t {
    const load_opts_t *o;
    load_totals_t *totals;
    mock_text_t text;
    answer_e phase;
    int status, close, frame;
    size_t left; /* of a counted body */
    chunked_t chunked;
    buf_t head;
    int k;            /* events that are here; with -D: deltas of text */
    load_said_t said; /* with -D */
    buf_t want;       /* event k */
    size_t got;       /* bytes of it that are here */
    long ts_at;
    int64_t ts;
    int comment;        /* in one: 1, after its line end: 2 */
    int64_t sent, last; /* ns */
    int64_t body_bytes;
    char why[200];
} load_answer_t;

/* For the request with this seed, sent at that time. */
void load_answer_begin(load_answer_t *a, const load_opts_t *o,
                       load_totals_t *totals, int64_t seed, int64_t sent);

/* Take input; returns how much of it belongs to this answer. */
size_t load_answer_feed(load_answer_t *a, const char *in, size_t n,
                        int64_t now);

/* The connection ended. phase is ANSWER_ENDED or ANSWER_WRONG afterwards. */
void load_answer_eof(load_answer_t *a, int reset);

/* With phase ANSWER_ENDED: is it what was expected? Else why says what. */
int load_answer_right(load_answer_t *a);

/* It is not right, because of what. The first reason stays. */
void load_answer_wrong(load_answer_t *a, const char *what);

void load_answer_free(load_answer_t *a);

#endif
