/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer in one of the forms that a gateway makes itself: what it says is
 * compared with what the mock said, not the bytes. Part of load_answer.
 */
#ifndef TOOLS_LOAD_SAID_H
#define TOOLS_LOAD_SAID_H

#include "buf.h"
#include "mock_text.h"

/* load_opts_t.dialect */
typedef enum {
    LOAD_BYTES, /* the mock's own, unchanged */
    LOAD_STREAM,
    LOAD_MESSAGE,
    LOAD_COMPLETIONS,
    LOAD_UI
} load_dialect_e;

typedef enum { SAID_OPEN, SAID_DONE, SAID_FAILED } said_end_e;

typedef struct load_said_t {
    buf_t line, name, data; /* of the event that comes in */
    buf_t want;             /* delta k of the text, decoded */
    size_t got;             /* bytes of it that are here */
    buf_t args;             /* of the call that is open */
    int events, has_data;
    int thoughts;       /* bytes */
    int calls;          /* that have begun */
    char id[80];        /* of the answer */
    long long event_id; /* of the last event that had one */
    char finish[24];
    int64_t ts;
    int end; /* said_end_e */
} load_said_t;

struct load_answer_t;

/* Take a part of the body. */
void load_said_feed(struct load_answer_t *a, const char *in, size_t n,
                    int64_t now);

/* How many deltas of text must come in all. */
int load_said_expected(const struct load_answer_t *a);

/* After a proper end of the body: was all said, and ended as it must be? Else
 * the answer is wrong. */
void load_said_check(struct load_answer_t *a);

/* Ready for another answer; free. */
void load_said_clear(load_said_t *s);
void load_said_free(load_said_t *s);

#endif
