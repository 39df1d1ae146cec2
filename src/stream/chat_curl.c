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
    curl_easy_reset(easy);
    c->spare[c->nspare++] = easy;
}
