/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The APIs of the mock, a file each: which events there are and what stands in
 * them. mock_text.c has what is common to their streams, mock_calls.c what is
 * common to what they say.
 */
#ifndef TOOLS_MOCK_FORMATS_H
#define TOOLS_MOCK_FORMATS_H

#include "mock_text.h"

typedef struct mock_format_t {
    /* Events of a stream that goes well. */
    int (*count)(const mock_text_t *t);
    /* The data of event k; its name, NULL for none. *pts_at as in
     * mock_text_delta(). */
    const char *(*put)(buf_t *json, const mock_text_t *t, int k, int64_t ts,
                       long *pts_at);
    /* ... of event k, which ends a stream that does not go well. */
    const char *(*fail)(buf_t *json, const mock_text_t *t, int k);
    /* The answer without streaming. */
    void (*whole)(buf_t *out, const mock_text_t *t);
} mock_format_t;

extern const mock_format_t mock_responses;
extern const mock_format_t mock_completions;
extern const mock_format_t mock_messages;
extern const mock_format_t mock_gemini;

#define MOCK_SORRY "The server had an error while processing your request."

/* Ids end with the seed; MOCK_SEED(t) is the argument. */
#define MOCK_ID "000%013llx"
#define MOCK_SEED(t) ((unsigned long long)(t)->p.seed)

/* Seconds. */
int64_t mock_created(const mock_text_t *t);

/* Tokens: of the request, with cached ones; of the answer, with thoughts. */
int mock_input(const mock_text_t *t);
int mock_output(const mock_text_t *t);

/* Is *pk one of the next n events? Else *pk is made to count from there. */
int mock_within(int *pk, int n);

/* Letters that the number decides. */
void mock_filler(char *at, size_t n, uint64_t start);

/* Call i of a tool: its name, its arguments as a JSON object, and one piece of
 * these as a JSON string. */
const char *mock_call_name(const mock_text_t *t, int i);
void mock_call_arguments(buf_t *out, const mock_text_t *t, int i);
void mock_call_piece(buf_t *out, const mock_text_t *t, int i, int piece);
/* All of them as a JSON string. */
void mock_call_quoted(buf_t *out, const mock_text_t *t, int i);

#endif
