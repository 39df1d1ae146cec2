/* SPDX-License-Identifier: Apache-2.0 */
/* Timers as a heap, embedded in what they wake. For the test tools. */
#ifndef TOOLS_TIMERS_H
#define TOOLS_TIMERS_H

#include <stddef.h>
#include <stdint.h>

typedef struct timer_slot_t {
    int64_t due; /* CLOCK_MONOTONIC ns */
    size_t pos;  /* 1-based place in the heap, 0: not set */
} timer_slot_t;

typedef struct timers_t {
    timer_slot_t **heap; /* heap[0] unused */
    size_t count, cap;
} timers_t;

void timers_set(timers_t *t, timer_slot_t *slot, int64_t due);
void timers_unset(timers_t *t, timer_slot_t *slot);
/* The next slot that is due at now, taken out; NULL: none. */
timer_slot_t *timers_due(timers_t *t, int64_t now);
/* Milliseconds for epoll_wait until the next one, rounded up; -1: none. */
int timers_wait(const timers_t *t, int64_t now);
void timers_free(timers_t *t);

#endif
