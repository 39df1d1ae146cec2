/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The eventfds that an engine's parked streams are waited for by. Making and
 * closing one costs a short request more than all else that parking does, so
 * some are kept. Only the engine closes them: it is who wakes them, after it
 * has released the stream, and must not hit another file then.
 *
 * Under the engine's lock, but for waking.
 */
#include "chat_engine_int.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define KEPT 64

void chat_eventfds_wake(int fd)
{
    uint64_t one = 1;

    /* Full or closed: whoever is to be woken is awake or gone. */
    if (write(fd, &one, sizeof(one)) < 0)
        return;
}

int chat_eventfds_acquire(chat_eventfds_t *spare)
{
    return spare->n ? spare->fd[--spare->n]
                    : eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

int chat_eventfds_release(chat_eventfds_t *spare, int fd)
{
    if (spare->n == spare->capacity) {
        int capacity = spare->capacity ? 2 * spare->capacity : 2 * KEPT;
        int *longer = realloc(spare->fd, capacity * sizeof(*longer));

        if (!longer) /* then fd stays open and unused */
            return spare->n > KEPT;
        spare->fd = longer;
        spare->capacity = capacity;
    }
    spare->fd[spare->n++] = fd;
    return spare->n > KEPT;
}

void chat_eventfds_trim(chat_eventfds_t *spare)
{
    while (spare->n > KEPT)
        close(spare->fd[--spare->n]);
}

void chat_eventfds_close(chat_eventfds_t *spare)
{
    while (spare->n)
        close(spare->fd[--spare->n]);
    free(spare->fd);
}
