/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a driver keeps of curl: easy handles to use again, TLS sessions, its
 * multi handles (chat_multi.c); and bytes of one stream that curl has given in
 * small pieces. Driver's thread.
 */
#include "chat_park_int.h"
#include "chat_xfer_int.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* No piece that curl gives is larger. */
#define GATHER_BYTES CURL_MAX_WRITE_SIZE

apr_status_t chat_curl_init(chat_curl_t *c, const chat_driver_t *driver,
                            void *owner, chat_curl_opened_fn *opened)
{
    memset(c, 0, sizeof(*c));
    c->driver = driver;
    c->owner = owner;
    c->opened = opened;
    c->due = CHAT_MONO_NEVER;
    c->idle_fd = owner ? epoll_create1(EPOLL_CLOEXEC) : -1;
    c->gather = malloc(CHAT_FRAME_BEFORE + GATHER_BYTES + CHAT_FRAME_BEHIND);
    c->share = curl_share_init();
    if (!c->gather || !c->share || (owner && c->idle_fd < 0) ||
        !chat_multi_add(c))
        return APR_ENOMEM;
    if (driver->cork) {
        driver->cork->room = c->gather + CHAT_FRAME_BEFORE;
        driver->cork->room_len = GATHER_BYTES;
    }
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
    if (c->idle_fd >= 0)
        close(c->idle_fd);
    free(c->multis);
    free(c->gather);
    c->multis = NULL;
    c->share = NULL;
    c->gather = NULL;
}

CURL *chat_curl_acquire(chat_curl_t *c)
{
    CURL *easy;

    if (c->nspare > 0)
        return c->spare[--c->nspare];
    easy = curl_easy_init();
    if (easy) /* for good: curl_easy_reset() leaves it */
        curl_easy_setopt(easy, CURLOPT_SHARE, c->share);
    return easy;
}

void chat_curl_release(chat_curl_t *c, CURL *easy)
{
    if (c->nspare == (int)(sizeof(c->spare) / sizeof(c->spare[0]))) {
        curl_easy_cleanup(easy);
        return;
    }
    /* Also forgets the key, which stood in the header lines. */
    curl_easy_reset(easy);
    c->spare[c->nspare++] = easy;
}

void chat_curl_flush(chat_curl_t *c)
{
    chat_stream_t *s = c->gathering;
    apr_size_t len = c->gathered;

    int secret = s && s->call.spec && s->call.spec->secret;

    c->gathering = NULL;
    c->gathered = 0;
    if (s)
        chat_stream_deliver(s, c->gather + CHAT_FRAME_BEFORE, len);
    /* An upstream may have repeated it. */
    if (secret)
        explicit_bzero(c->gather + CHAT_FRAME_BEFORE, len);
}

void chat_curl_gather(chat_stream_t *s, const char *data, apr_size_t len)
{
    chat_curl_t *c = s->driver->curl;

    if (c->gathering != s || c->gathered + len > GATHER_BYTES)
        chat_curl_flush(c);
    if (s->ended)
        return;
    memcpy(c->gather + CHAT_FRAME_BEFORE + c->gathered, data, len);
    c->gathering = s;
    c->gathered += len;
}
