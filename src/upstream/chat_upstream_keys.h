/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose turn it is among a provider's keys, and which of them are left alone.
 * Without the lock; times are monotonic microseconds, given by the caller.
 */
#ifndef CHAT_UPSTREAM_KEYS_H
#define CHAT_UPSTREAM_KEYS_H

#include <apr.h>

/* Keys of one provider that have a place here. Further ones are not used. */
#define CHAT_UPSTREAM_KEYS_MAX 32

/* Zeroed: all may be used. */
typedef struct chat_upstream_keys_t {
    unsigned next; /* whose turn it is */
    apr_int64_t suspended_until[CHAT_UPSTREAM_KEYS_MAX];
} chat_upstream_keys_t;

/* One of n keys, in turn, without those on the suspend; -1: none. */
int chat_upstream_keys_next(chat_upstream_keys_t *k, int n, apr_int64_t now);

/* 1 when it was not on the suspend before. No such key: 0. */
int chat_upstream_keys_suspend(chat_upstream_keys_t *k, int n, int key,
                               apr_int64_t now, apr_int64_t until);

/* How many of n are on the suspend. */
int chat_upstream_keys_suspended(const chat_upstream_keys_t *k, int n,
                                 apr_int64_t now);

#endif
