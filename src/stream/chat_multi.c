/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Multi handles, with their connections to upstreams.
 *
 * Whenever curl reads or writes it looks a connection up among all those of its
 * multi handle, one after the other. So a handle has but so many, and a driver
 * as many handles as its connections need. Each takes two descriptors.
 *
 * Driver's thread.
 */
#include "chat_xfer_int.h"

#include <stdlib.h>
#include <string.h>

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
    m->serial = c->nmade++;
    m->due = CHAT_MONO_NEVER;
    /* What it keeps is for us to say. */
    curl_multi_setopt(m->handle, CURLMOPT_MAXCONNECTS,
                      2L * CHAT_MULTI_LINKS_MAX);
    curl_multi_setopt(m->handle, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    if (c->ops)
        c->ops->opened(m);
    c->multis[c->nmultis++] = m;
    return m;
}

chat_multi_t *chat_multi_acquire(chat_curl_t *c)
{
    chat_multi_t *m = NULL;
    int i;

    for (i = 0; i < c->nmultis && !m; i++)
        if (c->multis[i]->links < CHAT_MULTI_LINKS_MAX)
            m = c->multis[i];
    if (!m)
        m = chat_multi_add(c);
    if (m)
        m->links++;
    return m;
}

/* One without connections is kept: their number goes up and down. */
void chat_multi_release(chat_multi_t *m)
{
    chat_curl_t *c = m->curl;
    int i;

    if (--m->links)
        return;
    for (i = 0; i < c->nmultis; i++) {
        if (!c->multis[i]->links && c->multis[i] != m) {
            chat_multi_close(m);
            return;
        }
    }
}

void chat_multi_reap(chat_multi_t *m)
{
    chat_easy_t *easy;
    CURLMsg *msg;
    CURLcode rc;
    int left;

    m->links++; /* it stays until all are told */
    while ((msg = curl_multi_info_read(m->handle, &left))) {
        if (msg->msg != CURLMSG_DONE)
            continue;
        rc = msg->data.result;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&easy);
        easy->over(easy->owner, rc, NULL);
    }
    chat_multi_release(m);
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
