/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into httpd: a socket cannot be added to an epoll set, once, as with
 * no memory. The file $CHAT_TEST_UNWATCHED has the port that the socket was
 * connected to, and how many more may be added before; then it is removed.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define FDS 4096

/* The port that each descriptor was connected to. */
static int port_of[FDS];

int connect(int fd, const struct sockaddr *to, socklen_t len)
{
    static int (*next)(int, const struct sockaddr *, socklen_t);

    if (!next)
        next = (int (*)(int, const struct sockaddr *, socklen_t))dlsym(
            RTLD_NEXT, "connect");
    if (fd >= 0 && fd < FDS)
        port_of[fd] = to->sa_family == AF_INET
                          ? ntohs(((const struct sockaddr_in *)to)->sin_port)
                          : 0;
    return next(fd, to, len);
}

int close(int fd)
{
    static int (*next)(int);

    if (!next)
        next = (int (*)(int))dlsym(RTLD_NEXT, "close");
    if (fd >= 0 && fd < FDS)
        port_of[fd] = 0;
    return next(fd);
}

/* A copy of a descriptor was not connected itself. */
static int port(int fd)
{
    struct sockaddr_in to;
    socklen_t len = sizeof(to);

    if (port_of[fd])
        return port_of[fd];
    return getpeername(fd, (struct sockaddr *)&to, &len) == 0 &&
                   to.sin_family == AF_INET
               ? ntohs(to.sin_port)
               : 0;
}

static int is_meant(int fd)
{
    static int added;
    const char *path = getenv("CHAT_TEST_UNWATCHED");
    int meant = 0, before = 0;
    FILE *file;

    if (!path || fd < 0 || fd >= FDS || !port(fd) ||
        !(file = fopen(path, "re")))
        return 0;
    if (fscanf(file, "%d %d", &meant, &before) != 2)
        meant = 0;
    fclose(file);
    if (meant != port(fd) || added++ < before)
        return 0;
    added = 0;
    return !unlink(path);
}

int epoll_ctl(int set, int op, int fd, struct epoll_event *event)
{
    static int (*next)(int, int, int, struct epoll_event *);

    if (!next)
        next = (int (*)(int, int, int, struct epoll_event *))dlsym(RTLD_NEXT,
                                                                   "epoll_ctl");
    if (op == EPOLL_CTL_ADD && is_meant(fd)) {
        errno = ENOMEM;
        return -1;
    }
    return next(set, op, fd, event);
}
