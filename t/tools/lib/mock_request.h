/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP/1.1 request as the mock LLM receives it. */
#ifndef TOOLS_MOCK_REQUEST_H
#define TOOLS_MOCK_REQUEST_H

#include "buf.h"
#include "mock_params.h"

typedef enum {
    MOCK_TO_NOTHING,
    MOCK_TO_RESPONSES,
    MOCK_TO_COMPLETIONS,
    MOCK_TO_MESSAGES,
    MOCK_TO_GEMINI,
    MOCK_TO_MODELS,
    MOCK_TO_STATS,
    MOCK_TO_RESET,
    MOCK_TO_LAST,
    MOCK_TO_ALL,
    MOCK_TO_CALLS,
    MOCK_TO_GO,
    MOCK_TO_TRAP
} mock_target_e;

typedef struct mock_request_t {
    int target; /* mock_target_e */
    int post;
    int close;   /* the client asked for it, or speaks HTTP/1.0 */
    int expects; /* Expect: 100-continue */
    int sse;     /* Gemini: asked for a stream, as events */
    int array;   /* ... asked for a stream, as a JSON array */
    buf_t line, head, body;
} mock_request_t;

/*
 * Parse what is in the buffer. 1: a whole request was taken out of it; 0: more
 * is needed (expects may already be set); -1: not HTTP, or over 64 MiB.
 */
int mock_request_parse(mock_request_t *rq, buf_t *in);

/* Parameters from its path, query and body, over those of p. 0 or -1. */
int mock_request_params(mock_params_t *p, const mock_request_t *rq, char *why,
                        size_t why_size);

/* The key it brought, in whatever header; "" for none. */
void mock_request_key(const mock_request_t *rq, char *key, size_t size);

/* Its path as it came, without the query. */
void mock_request_path(const mock_request_t *rq, char *path, size_t size);

/* It as JSON: method, path, headers (names in lower case), body. */
void mock_request_json(buf_t *out, const mock_request_t *rq);

void mock_request_free(mock_request_t *rq);

#endif
