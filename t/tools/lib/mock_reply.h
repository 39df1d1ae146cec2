/* SPDX-License-Identifier: Apache-2.0 */
/* The mock's answers as bytes: heads, framing, whole answers. Pure. */
#ifndef TOOLS_MOCK_REPLY_H
#define TOOLS_MOCK_REPLY_H

#include "buf.h"
#include "mock_text.h"

/* A whole answer with Content-Length. extra: more header lines, each with its
 * CRLF, or "". */
void mock_reply_whole(buf_t *out, int status, const char *type,
                      const char *extra, const buf_t *body, int close);

/* The answer without streaming, with the headers of the service. */
void mock_reply_json(buf_t *out, const mock_text_t *t, const buf_t *body,
                     int close);

/* The head of a stream. */
void mock_reply_stream_head(buf_t *out, const mock_text_t *t);

/* Comment i before the first event, with its framing. */
void mock_reply_lead(buf_t *out, const mock_text_t *t, int i);
/* Event k with its framing. */
void mock_reply_event(buf_t *out, const mock_text_t *t, int k);
/* The first half of event k, framed as if all of it came. */
void mock_reply_half_event(buf_t *out, const mock_text_t *t, int k);
/* The proper end of the body. */
void mock_reply_end(buf_t *out, const mock_text_t *t);

/* The answers of faults that have nothing of a stream, and of status=. */
void mock_reply_instead(buf_t *out, const mock_text_t *t, int close);

#endif
