/* SPDX-License-Identifier: Apache-2.0 */
/* The mock's counters. One thread. */
#include "mock_stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mock_stats_called(mock_stats_t *s, int64_t seed, const char *path,
                       const char *key)
{
    size_t n = strlen(key);
    char name[1200];

    key = !n ? "-" : n > MOCK_KEY_END ? key + n - MOCK_KEY_END : key;
    tally_add(&s->paths, path);
    tally_add(&s->keys, key);
    snprintf(name, sizeof(name), "%lld %s %s", (long long)seed, path, key);
    tally_add(&s->calls, name);
}

int64_t mock_stats_tried(mock_stats_t *s, int64_t seed, const char *path)
{
    char name[1200];

    snprintf(name, sizeof(name), "%lld %s", (long long)seed, path);
    return tally_add(&s->tries, name);
}

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
               "\"accepted\":%lld,\"resumed\":%lld,"
               "\"requests\":%lld,\"done\":%lld,"
               "\"bad\":%lld,\"trapped\":%lld,\"events\":%lld,"
               "\"closed_by_peer\":[",
               s->connections, s->open, s->open_max, (long long)s->accepted,
               (long long)s->resumed, (long long)s->requests,
               (long long)s->done, (long long)s->bad, (long long)s->trapped,
               (long long)s->events);
    for (i = 0; i < s->nclosed; i++)
        buf_printf(out, "%s{\"seed\":%lld,\"ns\":%lld,\"events\":%d}",
                   i ? "," : "", (long long)s->closes[i].seed,
                   (long long)s->closes[i].ns, s->closes[i].events);
    buf_puts(out, "],\"paths\":");
    tally_json(out, &s->paths);
    buf_puts(out, ",\"keys\":");
    tally_json(out, &s->keys);
    buf_puts(out, "}");
}

void mock_stats_calls_json(buf_t *out, const mock_stats_t *s)
{
    tally_json(out, &s->calls);
}

static void forget_calls(mock_stats_t *s)
{
    tally_free(&s->paths);
    tally_free(&s->keys);
    tally_free(&s->calls);
    tally_free(&s->tries);
}

void mock_stats_reset(mock_stats_t *s)
{
    s->open_max = s->open;
    s->accepted = s->resumed = s->requests = s->done = s->bad = 0;
    s->trapped = s->events = 0;
    s->nclosed = 0;
    forget_calls(s);
}

void mock_stats_free(mock_stats_t *s)
{
    forget_calls(s);
    free(s->closes);
}
