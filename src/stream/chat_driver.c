/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a thread that makes transfers keeps: its easy handles, to use them
 * again, and its multi handles with their connections.
 *
 * For each call curl walks through all connections of the multi handle to that
 * host, the busy ones as well, until one is idle; and through all of them to
 * close the oldest where there is one too many. With thousands that takes
 * longer than the rest of a request. So a handle has but so many calls, and a
 * driver as many handles as its calls need. A call gets the first one with
 * room: where another has just ended, and left its connection.
 */
#include "chat_stream_int.h"

#include <sys/epoll.h>
#include <unistd.h>

/* Calls that a multi handle makes at a time. */
#define CALLS_MAX 128
/* Idle connections that all of an engine's keep, as far as it can be divided;
 * and that of a blocking driver. Open files are counted without them. */
#define IDLE_MAX 256
#define IDLE_BLOCKING 4L
/* No piece that curl gives is larger. */
#define GATHER_BYTES CURL_MAX_WRITE_SIZE

/* ---- multi handles ---- */

static chat_multi_t *multi_open(chat_driver_t *d)
{
    chat_multi_t *m = calloc(1, sizeof(*m));

    if (!m)
        return NULL;
    m->curl = curl_multi_init();
    if (!m->curl) {
        free(m);
        return NULL;
    }
    m->driver = d;
    m->at = CHAT_TICK_NEVER;
    m->left_at = d->now;
    curl_multi_setopt(m->curl, CURLMOPT_MAXCONNECTS, IDLE_BLOCKING);
    curl_multi_setopt(m->curl, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
#if CHAT_PARKING
    if (d->engine)
        chat_engine_curl_tie(m);
#endif
    return m;
}

static void multi_free(chat_multi_t *m)
{
    curl_multi_cleanup(m->curl);
    free(m);
}

static chat_multi_t *multi_add(chat_driver_t *d)
{
    chat_multi_t **longer, *m;

    longer = realloc(d->multis, (d->nmultis + 1) * sizeof(*longer));
    if (!longer)
        return NULL;
    d->multis = longer;
    m = multi_open(d);
    if (m)
        d->multis[d->nmultis++] = m;
    return m;
}

chat_multi_t *chat_multi_take(chat_driver_t *d)
{
    chat_multi_t *m = NULL;
    int i;

    for (i = 0; i < d->nmultis && !m; i++)
        if (d->multis[i]->calls < CALLS_MAX)
            m = d->multis[i];
    if (!m)
        m = multi_add(d);
    if (m)
        m->calls++;
    return m;
}

/* One without calls is kept for a while: their number goes up and down. */
static int is_spare(const chat_multi_t *m)
{
    const chat_driver_t *d = m->driver;
    int i;

    for (i = 0; i < d->nmultis; i++)
        if (!d->multis[i]->calls && d->multis[i] != m)
            return 1;
    return 0;
}

void chat_multi_give(chat_multi_t *m)
{
    chat_driver_t *d = m->driver;

    if (--m->calls)
        return;
    if (is_spare(m)) {
        chat_multi_close(m);
        return;
    }
    m->left_at = d->now;
    chat_tick_sooner(&d->curl_at, d->now, apr_time_from_sec(CHAT_IDLE_SECONDS));
}

void chat_multi_running(chat_multi_t *m, int n)
{
    if (n == m->running)
        return;
    m->running = n;
    /* curl looks at it when a call ends, and counts the busy ones, too. */
    curl_multi_setopt(m->curl, CURLMOPT_MAXCONNECTS,
                      (long)(n + IDLE_MAX / m->driver->nmultis + 1));
}

void chat_multi_close(chat_multi_t *m)
{
    chat_driver_t *d = m->driver;
    int i = 0;

    while (d->multis[i] != m)
        i++;
    d->nmultis--;
    memmove(d->multis + i, d->multis + i + 1,
            (d->nmultis - i) * sizeof(*d->multis));
    multi_free(m);
}

/* ---- easy handles ---- */

CURL *chat_easy_take(chat_driver_t *d)
{
    CURL *easy;

    if (d->nspare > 0)
        return d->spare[--d->nspare];
    easy = curl_easy_init();
    if (easy) /* for good: curl_easy_reset() leaves it */
        curl_easy_setopt(easy, CURLOPT_SHARE, d->share);
    return easy;
}

void chat_easy_give(chat_driver_t *d, CURL *easy)
{
    if (d->nspare == (int)(sizeof(d->spare) / sizeof(d->spare[0]))) {
        curl_easy_cleanup(easy);
        return;
    }
    /* Also forgets the key, which stood in the header lines. */
    curl_easy_reset(easy);
    d->spare[d->nspare++] = easy;
}

/* ---- the driver ---- */

apr_status_t chat_driver_init(chat_driver_t *d, chat_engine_t *e)
{
    memset(d, 0, sizeof(*d));
    d->engine = e;
    d->now = chat_tick_now();
    d->curl_at = CHAT_TICK_NEVER;
    d->idle_fd = e ? epoll_create1(EPOLL_CLOEXEC) : -1;
    d->gather = malloc(GATHER_BYTES);
    d->share = curl_share_init();
    if (!d->gather || !d->share || (e && d->idle_fd < 0) || !multi_add(d))
        return APR_ENOMEM;
    /* A new connection to a host that is known mostly needs no full handshake:
     * OpenSSL uses a ticket until one that has it is connected, and the next
     * one comes with an answer. */
    curl_share_setopt(d->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    return APR_SUCCESS;
}

void chat_driver_destroy(chat_driver_t *d)
{
    while (d->nspare > 0)
        curl_easy_cleanup(d->spare[--d->nspare]);
    while (d->nmultis > 0)
        multi_free(d->multis[--d->nmultis]);
    curl_share_cleanup(d->share);
    if (d->idle_fd >= 0)
        close(d->idle_fd);
    free(d->multis);
    free(d->gather);
    free(d->cork);
    d->multis = NULL;
    d->share = NULL;
    d->gather = d->cork = NULL;
}

void chat_driver_flush(chat_driver_t *d)
{
    chat_stream_t *s = d->gathering;
    apr_size_t len = d->gathered;

    d->gathering = NULL;
    d->gathered = 0;
    if (s)
        chat_stream_take(s, d->gather, len);
}

void chat_driver_gather(chat_stream_t *s, const char *data, apr_size_t len)
{
    chat_driver_t *d = s->driver;

    if (d->gathering != s || d->gathered + len > GATHER_BYTES)
        chat_driver_flush(d);
    if (s->ended)
        return;
    memcpy(d->gather + d->gathered, data, len);
    d->gathering = s;
    d->gathered += len;
}
