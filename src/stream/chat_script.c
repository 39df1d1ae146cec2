/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source without an upstream: the words of a chat_script_t, each when its
 * time has come. Driver's thread.
 */
#include "chat_stream_int.h"

/* Pieces that may go out at once before other streams are served. */
#define BURST 32

static void play(chat_stream_t *s)
{
    const chat_script_t *script = s->spec.script;
    apr_interval_time_t delay = 0;
    const char *data;
    apr_size_t len;
    apr_status_t rv;
    int n;

    for (n = 0; n < BURST && !s->client.out.len; n++) {
        rv = script->next(script->ctx, &data, &len, &delay);
        if (rv != APR_SUCCESS) {
            s->call.next_at = 0;
            chat_stream_end(s, CHAT_END_COMPLETE, NULL);
            return;
        }
        /* A new round for every piece: the script is its own budget. */
        s->call.round_bytes = 0;
        if (chat_stream_offer(s, len) != CHAT_OFFER_ACCEPTED ||
            chat_stream_deliver(s, data, len) != CHAT_OFFER_ACCEPTED)
            return;
        if (delay > 0)
            break;
    }
    /* At least 1 us on, or a script without pauses would keep the loop. */
    s->call.next_at = s->driver->now + (delay > 0 ? delay : 1);
}

static void resume(chat_stream_t *s)
{
    s->call.waiting = 0;
}

static void stop(chat_stream_t *s)
{
    s->call.next_at = 0;
}

const chat_source_t chat_source_script = {
    .start = play,
    .resume = resume,
    .fire = play,
    .stop = stop,
};
