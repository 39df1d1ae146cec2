/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream that the mock LLM sends, as a function of its parameters: the
 * mock writes it, the load client knows from the same functions what must
 * arrive, byte for byte. Shapes as the OpenAI Responses API, Chat Completions,
 * Anthropic's Messages and Gemini have them.
 */
#ifndef TOOLS_MOCK_TEXT_H
#define TOOLS_MOCK_TEXT_H

#include "buf.h"
#include "mock_params.h"

typedef enum {
    MOCK_API_RESPONSES,
    MOCK_API_COMPLETIONS,
    MOCK_API_MESSAGES, /* Anthropic's */
    MOCK_API_GEMINI
} mock_api_e;

/* Tools of a request whose names are used. */
#define MOCK_TOOLS 4

typedef struct mock_text_t {
    mock_params_t p;
    int api;     /* mock_api_e */
    int refused; /* the key was one of badkey= */
    int ntools;  /* named in the request, of them used */
    char tools[MOCK_TOOLS][65];
} mock_text_t;

/* Digits of the timestamp inside a delta. */
#define MOCK_TS_DIGITS 20

/* How many events the stream has, whole ones, until its end or its fault. */
int mock_text_events(const mock_text_t *t);

/*
 * Append event k, exactly as it goes over the wire (but for HTTP chunks).
 * The offset of its timestamp from the event's first byte, or -1.
 */
long mock_text_event(buf_t *out, const mock_text_t *t, int k, int64_t ts);

/* Append comment i before the first event (lead=). */
void mock_text_lead(buf_t *out, const mock_text_t *t, int i);

/* True when the stream has its provider's own terminal event, or an error. */
int mock_text_terminated(const mock_text_t *t);

/* Its body stops where it should not. */
int mock_text_cut_short(const mock_text_t *t);

/* The answer without streaming. */
void mock_text_whole(buf_t *out, const mock_text_t *t);

/* The body of an error answer. */
void mock_text_error(buf_t *out, const mock_text_t *t, int status);

/* How many text deltas there are in the whole answer. */
int mock_text_said(const mock_text_t *t);

/* ... and in what comes of it before its fault. */
int mock_text_said_before(const mock_text_t *t);

/* Delta i as JSON text; the offset of its timestamp in out, or -1. */
long mock_text_delta(buf_t *out, const mock_text_t *t, int i, int64_t ts);

/* All deltas, unless the parameters say lean. */
void mock_text_all(buf_t *out, const mock_text_t *t);

#endif
