/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Multi handles, with their connections to upstreams.
 *
 * For each call curl walks through all connections of the multi handle to that
 * host, the busy ones as well, until one is idle; and through all of them to
 * close the oldest where there is one too many. With thousands that takes
 * longer than the rest of a request. So a handle has but so many calls, and a
 * driver as many handles as its calls need. A call gets the first one with
 * a place: where another has just ended, and left its connection.
 *
 * Driver's thread.
 */
#include "chat_xfer_int.h"

#include <stdlib.h>
#include <string.h>

#include "chat_clock.h"

/* Calls that a multi handle makes at a time. */
#define CALLS_MAX 128
/* Idle connections that all of an engine's keep, as far as it can be divided;
 * and that of a blocking driver. Open files are counted without them. */
#define IDLE_MAX 256
#define IDLE_BLOCKING 4L

chat_multi_t *chat_multi_add(chat_curl_t *c)
{
    chat_multi_t **longer =
        realloc(c->multis, (c->nmultis + 1) * sizeof(*longer));
    chat_multi_t *m;

    if (!longer)
        return NULL;
    c->multis = longer;
    m = calloc(1, sizeof(*m));
    if (!m || !(m->handle = curl_multi_init())) {
        free(m);
        return NULL;
    }
    m->curl = c;
    m->due = CHAT_MONO_NEVER;
    m->left_at = c->driver->now;
    curl_multi_setopt(m->handle, CURLMOPT_MAXCONNECTS, IDLE_BLOCKING);
    curl_multi_setopt(m->handle, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    if (c->opened)
        c->opened(m);
    c->multis[c->nmultis++] = m;
    return m;
}

chat_multi_t *chat_multi_acquire(chat_curl_t *c)
{
    chat_multi_t *m = NULL;
    int i;

    for (i = 0; i < c->nmultis && !m; i++)
        if (c->multis[i]->calls < CALLS_MAX)
            m = c->multis[i];
    if (!m)
        m = chat_multi_add(c);
    if (m)
        m->calls++;
    return m;
}

/* One without calls is kept for a while: their number goes up and down. */
void chat_multi_release(chat_multi_t *m)
{
    chat_curl_t *c = m->curl;
    int i;

    if (--m->calls)
        return;
    for (i = 0; i < c->nmultis; i++) {
        if (!c->multis[i]->calls && c->multis[i] != m) {
            chat_multi_close(m);
            return;
        }
    }
    m->left_at = c->driver->now;
    chat_clock_sooner(&c->due, m->left_at,
                      apr_time_from_sec(CHAT_IDLE_SECONDS));
}

void chat_multi_running(chat_multi_t *m, int n)
{
    if (n == m->running)
        return;
    m->running = n;
    /* curl looks at it when a call ends, and counts the busy ones, too. */
    curl_multi_setopt(m->handle, CURLMOPT_MAXCONNECTS,
                      (long)(n + IDLE_MAX / m->curl->nmultis + 1));
}

void chat_multi_close(chat_multi_t *m)
{
    chat_curl_t *c = m->curl;
    int i = 0;

    while (c->multis[i] != m)
        i++;
    c->nmultis--;
    memmove(c->multis + i, c->multis + i + 1,
            (c->nmultis - i) * sizeof(*c->multis));
    curl_multi_cleanup(m->handle);
    free(m);
}
