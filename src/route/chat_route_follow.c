/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a stream, to a client that follows it. Request thread, then the
 * stream's. */
#include <httpd.h>

#include "chat_reply.h"
#include "chat_route_parts.h"

static apr_status_t on_data(void *ctx, const char *data, apr_size_t len)
{
    return len ? chat_reply_stream_write(ctx, data, len) : APR_SUCCESS;
}

/* As a comment, which clients pass over. */
static apr_status_t on_silence(void *ctx)
{
    return chat_reply_stream_write(ctx, ": \n\n", 4);
}

/* A stream that could not be told to its end must not look whole. */
static void on_complete(void *ctx, const chat_end_t *end)
{
    if (end->why != CHAT_END_COMPLETE && end->why != CHAT_END_SHUTDOWN)
        chat_reply_break(ctx);
}

static const chat_stream_cb_t callbacks = {
    .data = on_data,
    .silence = on_silence,
    .complete = on_complete,
};

apr_status_t chat_route_follow(chat_route_rest_t *q, chat_stream_spec_t *spec)
{
    apr_status_t rv;

    spec->cb = &callbacks;
    spec->ctx = q->r;
    spec->heartbeat = q->ctx->dir->stream.heartbeat;
    spec->stall = q->ctx->dir->stream.stall;
    chat_reply_stream_head(q->r);
    rv = chat_stream_start(&q->rc, q->r, spec, &q->err);
    q->sent = rv == APR_SUCCESS;
    return rv;
}
