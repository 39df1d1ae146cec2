/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source without an upstream: the words of a chat_script_t, each when its
 * time has come. Driver's thread.
 */
#include "chat_stream_int.h"

/* Pieces that may go out in one go before the others have their turn. */
#define BURST 32

static void play(chat_stream_t *s)
{
    const chat_script_t *script = s->spec.script;
    apr_interval_time_t delay = 0;
    const char *data;
    apr_size_t len;
    apr_status_t rv;
    int n;

    for (n = 0; n < BURST && !s->out.len; n++) {
        rv = script->next(script->ctx, &data, &len, &delay);
        if (rv != APR_SUCCESS) {
            s->script_at = 0;
            chat_stream_end(s, CHAT_END_COMPLETE, NULL);
            return;
        }
        /* A new turn for every piece: the script is its own budget. */
        s->turn_bytes = 0;
        if (chat_stream_offer(s, len) != CHAT_TAKE_OK ||
            chat_stream_take(s, data, len) != CHAT_TAKE_OK)
            return;
        if (delay > 0)
            break;
    }
    /* At least 1 us on, or a script without pauses would keep the loop. */
    s->script_at = s->driver->now + (delay > 0 ? delay : 1);
}

static void start(chat_stream_t *s)
{
    play(s);
}

static void resume(chat_stream_t *s)
{
    s->waiting = 0;
}

static chat_tick_t due(const chat_stream_t *s)
{
    return s->script_at;
}

static void stop(chat_stream_t *s)
{
    s->script_at = 0;
}

const chat_source_t chat_source_script = {
    .start = start,
    .resume = resume,
    .due = due,
    .fire = play,
    .stop = stop,
};
