/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-Sent Events, read: a parser that owns no socket. Feed it bytes cut
 * anywhere; it calls back once per event as the WHATWG algorithm dispatches
 * them. APR only, no httpd, no allocation while events arrive whole.
 */
#ifndef CHAT_SSE_H
#define CHAT_SSE_H

#include <apr_pools.h>

/* What is kept of the data of an event, so that memory per stream stays
 * bounded. Of more, its longest texts are passed over, as if it were JSON, and
 * CHAT_SSE_PASSED stands in their place (skimmed); what is too large for other
 * reasons is passed on without its data (oversized). */
#define CHAT_SSE_EVENT_MAX (1024 * 1024)

/* U+10F7FF twice, which nobody writes. */
#define CHAT_SSE_PASSED "\xf4\x8f\x9f\xbf\xf4\x8f\x9f\xbf"

/* Valid only during the callback; neither text is NUL-terminated. */
typedef struct chat_sse_event_t {
    const char *type; /* "" when no event: line came (type "message") */
    apr_size_t type_len;
    const char *data; /* data lines joined by LF */
    apr_size_t data_len;
    int skimmed;   /* over CHAT_SSE_EVENT_MAX: texts are left out of data */
    int oversized; /* ... and more than texts: data is empty */
    int last;      /* the body ended before the blank line, maybe within
                      the last line of the data */
} chat_sse_event_t;

typedef void chat_sse_event_cb(void *ctx, const chat_sse_event_t *event);

typedef struct chat_sse_t chat_sse_t;

/* Buffers are freed with the pool, or sooner by chat_sse_reset(). */
chat_sse_t *chat_sse_create(chat_sse_event_cb *cb, void *ctx, apr_pool_t *p);

void chat_sse_feed(chat_sse_t *sse, const char *data, apr_size_t len);

/* The body has ended well: an event whose blank line is missing is called back
 * with, as the last one (event->last). A line that is not over counts if it is
 * data; the head of any other field is none. */
void chat_sse_finish(chat_sse_t *sse);

/* True between events: a comment may be inserted here without tearing one. */
int chat_sse_between(const chat_sse_t *sse);

/* How many of the bytes that were fed last belong to an event that is not over:
 * before those nothing is torn. All of them when no event ended there. */
apr_size_t chat_sse_tail(const chat_sse_t *sse);

/* Forget everything fed so far and free the buffers. */
void chat_sse_reset(chat_sse_t *sse);

#endif
