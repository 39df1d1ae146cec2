/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a driver keeps of curl: easy handles to use again, TLS sessions, its
 * multi handles (chat_multi.c) and idle connections (chat_link.c); and the
 * buffer that all of its connections are read into. Driver's thread.
 */
#include "chat_park_int.h"
#include "chat_xfer_int.h"

#include <stdlib.h>
#include <string.h>

#define CONNECT_BYTES 1024L

apr_status_t chat_curl_init(chat_curl_t *c, const chat_driver_t *driver,
                            void *owner, const chat_curl_ops_t *ops)
{
    char *room =
        malloc(CHAT_FRAME_BEFORE + CHAT_READ_BYTES + CHAT_FRAME_BEHIND);

    memset(c, 0, sizeof(*c));
    TAILQ_INIT(&c->idle);
    c->driver = driver;
    c->owner = owner;
    c->ops = ops;
    c->due = CHAT_MONO_NEVER;
    c->share = curl_share_init();
    if (!room || !c->share) {
        free(room);
        return APR_ENOMEM;
    }
    c->in = room + CHAT_FRAME_BEFORE;
    if (driver->cork) {
        driver->cork->room = c->in;
        driver->cork->room_len = CHAT_READ_BYTES;
    }
    /* The first one stays: a blocking driver is woken by it. */
    if (!chat_multi_add(c))
        return APR_ENOMEM;
    /* A new connection to a host that is known mostly needs no full handshake:
     * OpenSSL uses a ticket until one that has it is connected, and the next
     * one comes with an answer. */
    curl_share_setopt(c->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    return APR_SUCCESS;
}

void chat_curl_destroy(chat_curl_t *c)
{
    while (c->nspare > 0)
        curl_easy_cleanup(c->spare[--c->nspare]);
    while (c->nmultis > 0)
        chat_multi_close(c->multis[c->nmultis - 1]);
    curl_share_cleanup(c->share);
    free(c->multis);
    if (c->in)
        free(c->in - CHAT_FRAME_BEFORE);
    c->multis = NULL;
    c->share = NULL;
    c->in = NULL;
}

/* ---- easy handles ---- */

static CURL *acquire(chat_curl_t *c)
{
    CURL *easy;

    if (c->nspare > 0)
        return c->spare[--c->nspare];
    easy = curl_easy_init();
    if (easy) /* for good: curl_easy_reset() leaves it */
        curl_easy_setopt(easy, CURLOPT_SHARE, c->share);
    return easy;
}

static void release(chat_curl_t *c, CURL *easy)
{
    if (c->nspare == (int)(sizeof(c->spare) / sizeof(c->spare[0]))) {
        curl_easy_cleanup(easy);
        return;
    }
    curl_easy_reset(easy);
    c->spare[c->nspare++] = easy;
}

static void set_connection(CURL *h, const chat_call_t *call)
{
    apr_interval_time_t connect = call->timeouts.connect;

    curl_easy_setopt(h, CURLOPT_URL, call->url);
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(h, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
    /* A proxy of any kind gives us the upstream itself. */
    curl_easy_setopt(h, CURLOPT_HTTPPROXYTUNNEL, 1L);
    curl_easy_setopt(h, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    chat_trust_set(h);
    /* While it connects it has a buffer of that size. */
    curl_easy_setopt(h, CURLOPT_BUFFERSIZE, CONNECT_BYTES);
    if (connect > 0)
        curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS,
                         (long)apr_time_as_msec(connect));
#if LIBCURL_VERSION_NUM >= 0x075700
    /* Should curl have to look up a name after all: do not wait for that
     * thread when the client leaves. */
    curl_easy_setopt(h, CURLOPT_QUICK_EXIT, 1L);
#endif
}

int chat_easy_open(chat_easy_t *easy, chat_curl_t *c, const chat_call_t *call)
{
    easy->hosts = easy->guard = NULL;
    easy->handle = acquire(c);
    if (!easy->handle)
        return 0;
    easy->multi = chat_multi_acquire(c);
    if (!easy->multi) {
        release(c, easy->handle);
        easy->handle = NULL;
        return 0;
    }
    set_connection(easy->handle, call);
    curl_easy_setopt(easy->handle, CURLOPT_PRIVATE, easy);
    if (call->resolve)
        easy->hosts = curl_slist_append(NULL, call->resolve);
    curl_easy_setopt(easy->handle, CURLOPT_RESOLVE, easy->hosts);
    easy->guard = chat_stream_guard_set(easy->handle, call);
    return 1;
}

int chat_easy_run(chat_easy_t *easy)
{
    return curl_multi_add_handle(easy->multi->handle, easy->handle) == CURLM_OK;
}

void chat_easy_close(chat_easy_t *easy)
{
    if (!easy->handle)
        return;
    curl_multi_remove_handle(easy->multi->handle, easy->handle);
    release(easy->multi->curl, easy->handle);
    easy->handle = NULL;
    chat_multi_release(easy->multi);
    curl_slist_free_all(easy->hosts);
    curl_slist_free_all(easy->guard);
}
