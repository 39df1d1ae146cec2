/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The context of a trace as HTTP headers carry it: traceparent and tracestate
 * of W3C Trace Context, baggage of W3C Baggage. Pure: values in, values out.
 */
#ifndef CHAT_TRACE_CONTEXT_H
#define CHAT_TRACE_CONTEXT_H

#include <apr_pools.h>

#define CHAT_TRACE_ID_LEN 16
#define CHAT_SPAN_ID_LEN 8

/* "00-" trace-id "-" parent-id "-" flags, and a NUL. */
#define CHAT_TRACEPARENT_SIZE 56

#define CHAT_TRACE_SAMPLED 0x01u
#define CHAT_TRACE_RANDOM 0x02u /* the trace id is random */

typedef struct chat_trace_context_t {
    unsigned char trace[CHAT_TRACE_ID_LEN]; /* never all zero */
    unsigned char span[CHAT_SPAN_ID_LEN];   /* the same */
    unsigned flags;                         /* CHAT_TRACE_*: no other bit */
} chat_trace_context_t;

/* 1: text is a traceparent, of this version or of one to come. Blanks and tabs
 * around it do not count. Of several headers httpd has made one, which is none
 * then. */
int chat_trace_context_parse(chat_trace_context_t *context, const char *text);

/* As it is sent, in version 00. */
void chat_trace_context_format(char out[CHAT_TRACEPARENT_SIZE],
                               const chat_trace_context_t *context);

/*
 * The tracestate that goes on, of that of all headers of the name, with commas
 * between them: its members without what stands around them, as many of them as
 * fit into 512 characters, those with more than 128 left out first. NULL: there
 * is none, or one of its members is not valid. In p.
 */
const char *chat_trace_context_state(const char *text, apr_pool_t *p);

/* 1: this baggage goes on: it has at most 64 members and 8192 bytes, all of
 * them such as a header may carry. */
int chat_trace_context_is_baggage(const char *text);

/* 1: of the traces whose ids are random this one is among that part of them
 * (0..1). Whoever asks with the same part says the same. */
int chat_trace_context_is_in(const chat_trace_context_t *context, double part);

#endif
