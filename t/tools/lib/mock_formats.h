/* SPDX-License-Identifier: Apache-2.0 */
/*
 * APIs of the mock that have a file of their own: which events there are and
 * what stands in them. mock_text.c has what is common.
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
    /* ... of the event that ends a stream which does not. */
    const char *(*fail)(buf_t *json, const mock_text_t *t);
    /* The answer without streaming. */
    void (*whole)(buf_t *out, const mock_text_t *t);
} mock_format_t;

extern const mock_format_t mock_messages;
extern const mock_format_t mock_gemini;

#endif
