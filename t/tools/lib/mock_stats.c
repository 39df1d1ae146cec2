/* SPDX-License-Identifier: Apache-2.0 */
/* The mock's counters. One thread. */
#include "mock_stats.h"

#include <stdlib.h>

void mock_stats_opened(mock_stats_t *s)
{
    if (++s->open > s->open_max)
        s->open_max = s->open;
}

void mock_stats_closed_by_peer(mock_stats_t *s, int64_t seed, int events)
{
    mock_close_t *c;

    if (s->nclosed == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 256;
        s->closes = realloc(s->closes, s->cap * sizeof(*s->closes));
        if (!s->closes)
            abort();
    }
    c = &s->closes[s->nclosed++];
    c->seed = seed;
    c->ns = mono_ns();
    c->events = events;
}

void mock_stats_json(buf_t *out, const mock_stats_t *s)
{
    size_t i;

    buf_printf(out,
               "{\"connections\":%d,\"open\":%d,\"open_max\":%d,"
               "\"accepted\":%lld,\"requests\":%lld,\"done\":%lld,"
               "\"bad\":%lld,\"trapped\":%lld,\"events\":%lld,"
               "\"closed_by_peer\":[",
               s->connections, s->open, s->open_max, (long long)s->accepted,
               (long long)s->requests, (long long)s->done, (long long)s->bad,
               (long long)s->trapped, (long long)s->events);
    for (i = 0; i < s->nclosed; i++)
        buf_printf(out, "%s{\"seed\":%lld,\"ns\":%lld,\"events\":%d}",
                   i ? "," : "", (long long)s->closes[i].seed,
                   (long long)s->closes[i].ns, s->closes[i].events);
    buf_puts(out, "]}");
}

void mock_stats_reset(mock_stats_t *s)
{
    s->open_max = s->open;
    s->accepted = s->requests = s->done = s->bad = 0;
    s->trapped = s->events = 0;
    s->nclosed = 0;
}
