/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source that somebody else writes: a chat_feed_t, read whenever the driver
 * is woken for it. Driver's thread.
 */
#include "chat_stream_int.h"

/* 1: there may be more at once. */
static int read_once(chat_stream_t *s)
{
    const chat_feed_t *feed = s->spec.feed;
    apr_interval_time_t wait = 0;
    apr_size_t len = 0;
    const char *data;
    apr_status_t rv = feed->read(feed->ctx, &data, &len, &wait);

    if (rv == APR_SUCCESS || rv == APR_INCOMPLETE) {
        s->call.round_bytes += len;
        if (chat_stream_deliver(s, data, len) != CHAT_OFFER_ACCEPTED)
            return 0;
    }
    else if (rv != APR_EAGAIN)
        chat_stream_end(s, rv == APR_EOF ? CHAT_END_COMPLETE : CHAT_END_BROKEN,
                        NULL);
    if (wait > 0)
        s->call.next_at = s->driver->now + wait;
    return rv == APR_SUCCESS;
}

static void pump(chat_stream_t *s)
{
    s->call.waiting = 0;
    s->call.next_at = 0;
    while (chat_stream_offer(s, 0) == CHAT_OFFER_ACCEPTED && read_once(s))
        ;
}

static void start(chat_stream_t *s)
{
    s->spec.feed->open(s->spec.feed->ctx, s);
    pump(s);
}

static void stop(chat_stream_t *s)
{
    s->spec.feed->close(s->spec.feed->ctx);
    s->call.waiting = 0;
    s->call.next_at = 0;
}

const chat_source_t chat_source_feed = {
    .start = start,
    .resume = pump,
    .fire = pump,
    .woken = pump,
    .stop = stop,
};
