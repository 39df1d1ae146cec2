/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of a provider, used in turn, and which of them are suspended. Pure:
 * the lock is the caller's; times are monotonic microseconds, given by it.
 */
#ifndef CHAT_UPSTREAM_KEYS_H
#define CHAT_UPSTREAM_KEYS_H

#include <apr.h>

/* Keys of one provider at most. Further ones are not used. */
#define CHAT_UPSTREAM_KEYS_MAX 32

/* Zeroed: all may be used. */
typedef struct chat_upstream_keys_t {
    unsigned next; /* index of the key to use */
    apr_int64_t suspended_until[CHAT_UPSTREAM_KEYS_MAX];
} chat_upstream_keys_t;

/* The next of n keys, in turn, that is not suspended; -1: none. */
int chat_upstream_keys_next(chat_upstream_keys_t *k, int n, apr_int64_t now);

/* 1 when the key was not suspended before; 0 also when there is no such key. */
int chat_upstream_keys_suspend(chat_upstream_keys_t *k, int n, int key,
                               apr_int64_t now, apr_int64_t until);

/* How many of n are suspended. */
int chat_upstream_keys_suspended(const chat_upstream_keys_t *k, int n,
                                 apr_int64_t now);

#endif
