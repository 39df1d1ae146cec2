/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap of timers. One thread. */
#include "timers.h"

#include <stdlib.h>

#include "buf.h"

static void place(timers_t *t, timer_slot_t *slot, size_t pos)
{
    t->heap[pos] = slot;
    slot->pos = pos;
}

static void sift_up(timers_t *t, timer_slot_t *slot, size_t pos)
{
    while (pos > 1 && t->heap[pos / 2]->due > slot->due) {
        place(t, t->heap[pos / 2], pos);
        pos /= 2;
    }
    place(t, slot, pos);
}

static void sift_down(timers_t *t, timer_slot_t *slot, size_t pos)
{
    size_t child;

    while ((child = pos * 2) <= t->count) {
        if (child < t->count && t->heap[child + 1]->due < t->heap[child]->due)
            child++;
        if (t->heap[child]->due >= slot->due)
            break;
        place(t, t->heap[child], pos);
        pos = child;
    }
    place(t, slot, pos);
}

static void grow(timers_t *t)
{
    t->cap = t->cap ? t->cap * 2 : 256;
    t->heap = realloc(t->heap, t->cap * sizeof(*t->heap));
    if (!t->heap)
        abort();
}

void timers_set(timers_t *t, timer_slot_t *slot, int64_t due)
{
    timers_unset(t, slot);
    slot->due = due;
    if (t->count + 2 > t->cap)
        grow(t);
    sift_up(t, slot, ++t->count);
}

void timers_unset(timers_t *t, timer_slot_t *slot)
{
    size_t pos = slot->pos;
    timer_slot_t *last;

    if (!pos)
        return;
    slot->pos = 0;
    last = t->heap[t->count--];
    if (last == slot)
        return;
    if (pos > 1 && t->heap[pos / 2]->due > last->due)
        sift_up(t, last, pos);
    else
        sift_down(t, last, pos);
}

timer_slot_t *timers_due(timers_t *t, int64_t now)
{
    timer_slot_t *first = t->count ? t->heap[1] : NULL;

    if (!first || first->due > now)
        return NULL;
    timers_unset(t, first);
    return first;
}

int timers_wait(const timers_t *t, int64_t now)
{
    int64_t left;

    if (!t->count)
        return -1;
    left = t->heap[1]->due - now;
    return left <= 0 ? 0 : (int)((left + NS_PER_MS - 1) / NS_PER_MS);
}

void timers_free(timers_t *t)
{
    free(t->heap);
    t->heap = NULL;
    t->count = t->cap = 0;
}
