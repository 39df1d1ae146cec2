/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of a provider, by their index. Pure: clock, lock and log are those
 * of chat_upstream.c, and the keys themselves stay in the configuration.
 */
#include "chat_upstream_keys.h"

static int at_most(int n)
{
    return n < CHAT_UPSTREAM_KEYS_MAX ? n : CHAT_UPSTREAM_KEYS_MAX;
}

int chat_upstream_keys_next(chat_upstream_keys_t *k, int n, apr_int64_t now)
{
    int i, key;

    n = at_most(n);
    for (i = 0; i < n; i++) {
        key = (int)((k->next + i) % n);
        if (k->suspended_until[key] > now)
            continue;
        k->next = (key + 1) % n;
        return key;
    }
    return -1;
}

int chat_upstream_keys_suspend(chat_upstream_keys_t *k, int n, int key,
                               apr_int64_t now, apr_int64_t until)
{
    int was;

    if (key < 0 || key >= at_most(n))
        return 0;
    was = k->suspended_until[key] > now;
    k->suspended_until[key] = until;
    return !was;
}

int chat_upstream_keys_suspended(const chat_upstream_keys_t *k, int n,
                                 apr_int64_t now)
{
    int i, suspended = 0;

    for (i = 0; i < at_most(n); i++)
        suspended += k->suspended_until[i] > now;
    return suspended;
}
