/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The eventfds that an engine's parked streams are waited for by. Making and
 * closing one costs a short request more than all else that parking does, so
 * some are kept. Only the engine closes them: it is who kicks them, after it
 * has let go of the stream, and must not hit another file then.
 *
 * Under engine->lock.
 */
#include "chat_engine_int.h"

#if CHAT_PARKING

#include <sys/eventfd.h>

#define KEPT 64

int chat_eventfds_take(chat_eventfds_t *spare)
{
    return spare->n ? spare->fd[--spare->n]
                    : eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

static int make_room(chat_eventfds_t *spare)
{
    int room = spare->room ? 2 * spare->room : 2 * KEPT;
    int *longer = realloc(spare->fd, room * sizeof(*longer));

    if (!longer)
        return 0;
    spare->fd = longer;
    spare->room = room;
    return 1;
}

int chat_eventfds_give(chat_eventfds_t *spare, int fd)
{
    /* Without memory to remember it, it stays open and unused. */
    if (spare->n < spare->room || make_room(spare))
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

#endif
