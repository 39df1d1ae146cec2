/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the mock LLM is told to do with one request. Written as name=value
 * pairs between ";": "n=50;pace=20;fault=rst;after=7". Said by -d, by the
 * path (/v1;n=50/responses), by the query, and by the body, where the last
 * "mock(...)" counts (that of the newest message); later ones override earlier
 * ones.
 */
#ifndef TOOLS_MOCK_PARAMS_H
#define TOOLS_MOCK_PARAMS_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
#define MOCK_FAULT(id, name, help) MOCK_FAULT_##id,
#include "mock_fault_list.h"
#undef MOCK_FAULT
    MOCK_FAULT_COUNT
} mock_fault_e;

typedef enum { MOCK_EOL_LF, MOCK_EOL_CRLF, MOCK_EOL_CR } mock_eol_e;
typedef enum { MOCK_FRAME_CHUNKED, MOCK_FRAME_CLOSE } mock_frame_e;
typedef enum {
    MOCK_FINISH_STOP,
    MOCK_FINISH_LENGTH,
    MOCK_FINISH_FILTER
} mock_finish_e;

/* Whose Chat Completions: reasoning, comments, errors and usage differ. */
typedef enum {
    MOCK_AS_OPENAI,
    MOCK_AS_OPENROUTER,
    MOCK_AS_DEEPSEEK,
    MOCK_AS_VLLM,
    MOCK_AS_AZURE,
    MOCK_AS_MISTRAL
} mock_as_e;

typedef struct mock_params_t {
    int64_t seed;
#define MOCK_INT(name, initial, lowest, highest, help) int name;
#include "mock_int_list.h"
#undef MOCK_INT
    int fault;       /* mock_fault_e */
    int eol;         /* mock_eol_e */
    int frame;       /* mock_frame_e */
    int finish;      /* mock_finish_e */
    int as;          /* mock_as_e */
    char badkey[64]; /* ends of keys that are refused, between "," */
} mock_params_t;

void mock_params_init(mock_params_t *p);
/* 0, or -1 when a name or value is unknown; why says which. */
int mock_params_parse(mock_params_t *p, const char *text, size_t len, char *why,
                      size_t why_size);
/* The "mock(...)" in a request body, if any. Result as above. */
int mock_params_from_body(mock_params_t *p, const char *body, size_t len,
                          char *why, size_t why_size);
/* Every parameter with its meaning, for -h. */
void mock_params_help(void);

#endif
