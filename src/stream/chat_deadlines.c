/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which stream has waited longest: a binary heap of streams by engine.due,
 * which is a lower bound. A stream that was active since is simply put back, so
 * an event costs nothing here. One engine's thread only.
 */
#include "chat_engine_int.h"

#include <stdlib.h>

static void place(chat_deadlines_t *d, int i, chat_stream_t *s)
{
    d->heap[i] = s;
    s->engine.heap = i;
}

static void rise(chat_deadlines_t *d, chat_stream_t *s)
{
    int i = s->engine.heap;

    while (i > 0 && d->heap[(i - 1) / 2]->engine.due > s->engine.due) {
        place(d, i, d->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    place(d, i, s);
}

static void sink(chat_deadlines_t *d, chat_stream_t *s)
{
    int i = s->engine.heap, child;

    while ((child = 2 * i + 1) < d->n) {
        if (child + 1 < d->n &&
            d->heap[child + 1]->engine.due < d->heap[child]->engine.due)
            child++;
        if (d->heap[child]->engine.due >= s->engine.due)
            break;
        place(d, i, d->heap[child]);
        i = child;
    }
    place(d, i, s);
}

int chat_deadlines_add(chat_deadlines_t *d, chat_stream_t *s)
{
    if (d->n == d->capacity) {
        int capacity = d->capacity ? 2 * d->capacity : 256;
        chat_stream_t **heap = realloc(d->heap, capacity * sizeof(*heap));

        if (!heap)
            return 0;
        d->heap = heap;
        d->capacity = capacity;
    }
    place(d, d->n++, s);
    rise(d, s);
    return 1;
}

void chat_deadlines_moved(chat_deadlines_t *d, chat_stream_t *s)
{
    rise(d, s);
    sink(d, s);
}

void chat_deadlines_remove(chat_deadlines_t *d, chat_stream_t *s)
{
    chat_stream_t *last;

    if (s->engine.heap < 0)
        return;
    last = d->heap[--d->n];
    if (last != s) {
        place(d, s->engine.heap, last);
        chat_deadlines_moved(d, last);
    }
    s->engine.heap = -1;
}
